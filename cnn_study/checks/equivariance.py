"""Whether the feature maps move with the image."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnn_study.checks.networks import built, convolutional, maps_after
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.spec import Conv, Pool

EQUAL = 1e-10
"""Largest relative difference that rounding can make in double precision, with room to spare."""
DIFFERENT = 1e-6
"""Smallest relative difference that counts as one."""
SIDE, MAPS, FIELD = 16, 4, 3
"""Side of the images, in pixels; feature maps of both layers; side of their fields."""


@dataclass(frozen=True)
class Subject:
    """A network of two layers with tanh units, whose second layer is looked at.

    Attributes:
        kind: Name of the kind of network in the table.
        layers: The two layers, from the input up.
        output: Name of the Keras layer that is looked at.
        step: Distance of neighboring outputs, in pixels of the image.
        margin: Number of outputs at every side that see the padding.
        shared: Whether all positions have the same weights.
    """

    kind: str
    layers: tuple[Conv, Conv]
    output: str = "unit2"
    step: int = 1
    margin: int = 0
    shared: bool = True


def _conv(**options) -> Conv:
    return Conv(**{"maps": MAPS, "field": FIELD, "padding": "valid", "activation": "tanh"} | options)


def _pooled(reduce: Literal["max", "average"], size: int) -> tuple[Conv, Conv]:
    return _conv(), _conv(pool=Pool(reduce=reduce, size=size, stride=2, padding="valid"))


SUBJECTS = (
    Subject("convolution", (_conv(), _conv())),
    Subject("convolution, zero padding", (_conv(padding="same"), _conv(padding="same")), margin=2),
    Subject("convolution, reflected", (_conv(padding="reflect"), _conv(padding="reflect")), margin=2),
    Subject("convolution, stride 2", (_conv(), _conv(stride=2)), step=2),
    Subject("max pooling 2/2", _pooled("max", 2), "pool2", step=2),
    Subject("max pooling 3/2", _pooled("max", 3), "pool2", step=2),
    Subject("average pooling 2/2", _pooled("average", 2), "pool2", step=2),
    Subject("locally connected", (_conv(shared=False), _conv(shared=False)), shared=False),
)


def translation_equivariance(
    reach: int = 4, seeds: Iterable[int] = range(3), subjects: Iterable[Subject] = SUBJECTS
) -> CheckFindings:
    """Shift random images and see whether the feature maps shift with them, in the interior.

    A case is a network, a seed and a shift of up to ``reach`` pixels down and to the right (or up and to the left). The
    shifted image is another crop of a larger one, so that what comes in at the border is image too. Maps move with the
    image if those of the shifted image, moved back, equal the others up to rounding wherever neither sees the padding.
    They must if weights are shared and the step of the outputs divides the shift; else no whole number of outputs near
    the shift may make them equal: the least difference must be above a millionth of the largest output.

    Args:
        reach: Largest shift, in pixels.
        seeds: The seeds of the weights and of the images.
        subjects: The networks that are checked.

    Returns:
        Outcomes: also the largest error of the shifts that must be followed, ``largest_error_followed``, and the
        smallest of the others, ``smallest_error_not_followed``. Table: a row for every ``kind`` of network and
        ``shift`` straight to the right, in pixels: ``error``, the largest difference divided by the largest output,
        averaged over seeds; ``follows``, whether the maps must move with the image; ``agrees``.
    """
    tally, table, followed, others = Tally(), [], [], []
    steps = range(-reach, reach + 1)
    shifts = list(itertools.product(steps, steps))
    seeds = list(seeds)
    for subject in subjects:
        errors = np.array([_errors(subject, shifts, reach, seed) for seed in seeds])
        for (down, right), of_shift in zip(shifts, errors.T, strict=True):
            fits = down % subject.step == 0 and right % subject.step == 0
            follows = fits and (subject.shared or (down, right) == (0, 0))
            agrees = tally.add(of_shift < EQUAL if follows else of_shift > DIFFERENT)
            (followed if follows else others).extend(of_shift)
            if down == 0:
                row: Row = {"kind": subject.kind, "shift": right, "error": float(of_shift.mean())}
                table.append(row | {"follows": follows, "agrees": agrees})
    extremes = {"largest_error_followed": max(followed)}
    if others:
        extremes["smallest_error_not_followed"] = min(others)
    return tally.outcomes(**extremes), table


def _errors(subject: Subject, shifts: list[tuple[int, int]], reach: int, seed: int) -> list[float]:
    """The error of every shift, for one network and one image."""
    canvas = np.random.default_rng((seed, SIDE)).standard_normal((SIDE + 2 * reach, SIDE + 2 * reach, 1))

    def crop(down: int, right: int) -> np.ndarray:
        return canvas[reach - down : reach - down + SIDE, reach - right : reach - right + SIDE]

    model = built(convolutional((SIDE, SIDE, 1), *subject.layers), seed)
    images = np.stack([crop(0, 0), *(crop(*shift) for shift in shifts)])
    still, *moved = maps_after(model, [subject.output], images)[0]
    return [_least_difference(subject, still, maps, shift) for maps, shift in zip(moved, shifts, strict=True)]


def _least_difference(subject: Subject, still: np.ndarray, moved: np.ndarray, shift: tuple[int, int]) -> float:
    """The relative difference after moving the maps back by the shift, rounded to whole outputs in the best way."""
    choices = [sorted({pixels // subject.step, -(-pixels // subject.step)}) for pixels in shift]
    differences = []
    for down, right in itertools.product(*choices):
        rows, columns = (
            _overlap(size, by, subject.margin) for size, by in zip(still.shape, (down, right), strict=False)
        )
        a = still[rows][:, columns]
        b = moved[rows + down][:, columns + right]
        differences.append(abs(a - b).max() / abs(still).max())
    return float(min(differences))


def _overlap(size: int, by: int, margin: int) -> np.ndarray:
    """Outputs along a side that lie in the interior, before and after they are moved."""
    return np.arange(max(margin, margin - by), min(size - margin, size - margin - by))


SAMPLES = {"translation_equivariance": {"reach": 2, "seeds": (0,)}}
"""The part of the grid that a sample of a check looks at."""
