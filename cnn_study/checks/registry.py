"""The function behind every name in :mod:`cnn_study.checks.names`."""

from collections.abc import Callable, Mapping

from cnn_study.checks.borders import border_visibility, padding_position
from cnn_study.checks.counts import lenet5_counts, receptive_field_costs, weight_sharing_counts
from cnn_study.checks.equivariance import translation_equivariance
from cnn_study.checks.gradients import layer_api
from cnn_study.checks.sizes import output_size, padding_volume
from cnn_study.checks.tally import Findings

CHECKS: Mapping[str, Callable[[], Findings]] = {
    "output_size": output_size,
    "padding_volume": padding_volume,
    "border_visibility": border_visibility,
    "padding_position": padding_position,
    "receptive_field_costs": receptive_field_costs,
    "weight_sharing_counts": weight_sharing_counts,
    "translation_equivariance": translation_equivariance,
    "layer_api": layer_api,
    "lenet5_counts": lenet5_counts,
}
"""What makes each check, on its full grid. All are deterministic: random numbers come from fixed seeds."""
