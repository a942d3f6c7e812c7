"""The exact checks there are; importing this module loads neither TensorFlow nor Keras."""

from types import MappingProxyType

from cnn_study.errors import unknown_name
from cnn_study.spec import CheckSpec

VERSIONS = MappingProxyType(
    {
        "output_size": 1,
        "padding_volume": 1,
        "border_visibility": 1,
        "padding_position": 1,
        "receptive_field_costs": 1,
        "weight_sharing_counts": 1,
        "translation_equivariance": 1,
        "layer_api": 1,
        "lenet5_counts": 1,
    }
)
"""The version of every check. It goes up when the check would give other numbers."""


def check(name: str, *, sample: bool = False) -> CheckSpec:
    """The current version of a check.

    Args:
        name: Its name.
        sample: Whether a small part of the grid is enough.

    Raises:
        InputError: There is no check of that name.
    """
    if name not in VERSIONS:
        raise unknown_name("check", name, VERSIONS)
    return CheckSpec(check=name, version=VERSIONS[name], sample=sample)
