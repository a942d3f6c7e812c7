"""Networks of equal cost: the width at which a network costs what another one does."""

from collections.abc import Callable
from typing import Literal

from cnn_study.errors import InputError
from cnn_study.models.complexity import macs, parameters
from cnn_study.spec import ModelSpec


def match(
    make: Callable[[int], ModelSpec],
    target: int,
    cost: Literal["parameters", "macs"] = "parameters",
    tolerance: float = 0.01,
) -> ModelSpec:
    """The network of a family whose cost is nearest to a target.

    Args:
        make: The function that makes the network of a width, any whole number from 1. The cost must grow with the
            width.
        target: The cost that is wanted.
        cost: What is matched: trainable parameters, or multiply-accumulates of a forward pass of one image.
        tolerance: How far the cost may lie from the target, as a fraction of it.

    Raises:
        InputError: No width comes near enough, or the cost does not grow with the width.
    """
    count = parameters if cost == "parameters" else macs

    def at(width: int) -> int:
        return count(make(width))

    below, above = 0, 1
    while at(above) < target:
        if at(2 * above) <= at(above):
            raise InputError(f"the {cost} do not grow with the width ({at(above)} at {above}): give another family")
        below, above = above, 2 * above
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if at(middle) < target else (below, middle)
    width = min(range(max(below, 1), above + 1), key=lambda width: abs(at(width) - target))
    if abs(at(width) - target) > tolerance * target:
        raise InputError(
            f"no width has {target} {cost} to {100 * tolerance:g} %: the nearest is {width} with {at(width)}; "
            "allow more or give another family"
        )
    return make(width)
