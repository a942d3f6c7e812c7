"""The exact checks there are: one row each. Importing this module loads neither TensorFlow nor Keras."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnn_study.errors import unknown_name
from cnn_study.spec import CheckSpec


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        module: The module of this package that has its function, under its name, and in ``SAMPLES`` the part of the
            grid that a sample looks at: keyword arguments of the function. A check that is not there takes no time.
        version: Its version, which goes up when the check would give other numbers.
        draws: Number of random draws of weights and images that the numbers in its table are means of, one in a sample;
            0: they are exact.
        note: A sentence with what else must be known to read its table.
    """

    module: str
    version: int = 1
    draws: int = 0
    note: str = ""


CHECKS: Mapping[str, Check] = {
    "output_size": Check("sizes"),
    "padding_volume": Check("sizes"),
    "border_visibility": Check("borders"),
    "padding_position": Check("borders"),
    "receptive_field_costs": Check("counts"),
    "weight_sharing_counts": Check("counts"),
    "lenet5_counts": Check("counts"),
    "translation_equivariance": Check(
        "equivariance", draws=3, note="Compared away from the border, where no padding is seen."
    ),
    "pixel_permutation": Check("permutation"),
    "layer_api": Check("gradients"),
}
"""All checks by name. They are deterministic: random numbers come from fixed seeds."""


def check(name: str, *, sample: bool = False) -> CheckSpec:
    """The current version of a check.

    Args:
        name: Name of the check, one of :data:`CHECKS`.
        sample: Whether a small part of the grid is enough.

    Raises:
        InputError: There is no check of that name.
    """
    if name not in CHECKS:
        raise unknown_name("check", name, CHECKS)
    return CheckSpec(check=name, version=CHECKS[name].version, sample=sample)


def function(name: str) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """The function that makes a check, and the part of its grid that a sample looks at. Loads TensorFlow."""
    module = importlib.import_module(f"cnn_study.checks.{CHECKS[name].module}")
    return getattr(module, name), module.SAMPLES.get(name, {})
