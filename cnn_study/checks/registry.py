"""The function behind every name in :mod:`cnn_study.checks.names`."""

from collections.abc import Callable, Mapping
from typing import Any

from cnn_study.checks.borders import border_visibility, padding_position
from cnn_study.checks.counts import LARGE, SMALL, lenet5_counts, receptive_field_costs, weight_sharing_counts
from cnn_study.checks.equivariance import translation_equivariance
from cnn_study.checks.gradients import configurations, layer_api
from cnn_study.checks.sizes import output_size, padding_volume
from cnn_study.checks.tally import Findings

CHECKS: Mapping[str, Callable[..., Findings]] = {
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

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "output_size": {"sides": (1, 4, 9), "fields": (2, 3), "strides": (1, 3)},
    "padding_volume": {"shapes": ((6, 6), (8, 12)), "fields": (2, 5), "depth": 3},
    "border_visibility": {"side": 12, "depth": 3},
    "padding_position": {"seeds": (0,)},
    "receptive_field_costs": {"grid": SMALL[::12], "fields": (1, 3)},
    "weight_sharing_counts": {"grid": LARGE[:24:6]},
    "translation_equivariance": {"reach": 2, "seeds": (0,)},
    "layer_api": {"grid": configurations()[::12]},
}
"""The part of the grid that a sample of a check looks at; a check that is not here takes no time."""
