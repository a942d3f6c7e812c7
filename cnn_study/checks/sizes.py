"""Stride, padding and field against the size of the output."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import keras
import numpy as np
from pydantic import ValidationError

from cnn_study import spec as specification
from cnn_study.checks.networks import built, convolutional, fill
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.spec import Conv, ModelSpec, Pool

LayerKind = Literal["conv", "local", "max", "average"]
Padding = Literal["valid", "same", "reflect"]
PADDINGS: tuple[Padding, ...] = get_args(Padding)


@dataclass(frozen=True)
class Geometry:
    """A field that steps along a padded side.

    Attributes:
        side: Side of the input i, in pixels.
        field: Side of the field k, in pixels.
        stride: Step of the field s, in pixels.
        padding: ``valid``, ``same``, ``reflect``, or the number p of zeros on either side.
    """

    side: int
    field: int
    stride: int
    padding: Padding | int

    @property
    def margins(self) -> tuple[int, int]:
        """Pixels that are added before and after the side; of an odd number, TensorFlow puts one more after it."""
        if isinstance(self.padding, int):
            return self.padding, self.padding
        if self.padding == "valid":
            return 0, 0
        total = max((math.ceil(self.side / self.stride) - 1) * self.stride + self.field - self.side, 0)
        return total // 2, total - total // 2

    @property
    def possible(self) -> bool:
        """Whether a position fits, and whether there are enough pixels to be mirrored."""
        if self.padding == "reflect":
            return max(self.margins) < self.side
        return self.side + sum(self.margins) >= self.field

    def size(self) -> int:
        """The formula: floor((i + 2p - k) / s) + 1 positions; ceil(i / s) for ``same`` and ``reflect``."""
        if self.padding in ("same", "reflect"):
            return math.ceil(self.side / self.stride)
        return (self.side + sum(self.margins) - self.field) // self.stride + 1

    def pixels(self) -> np.ndarray:
        """Pixels under the field at every position, found by stepping along the side; those of a zero do not count."""
        before, after = self.margins
        padded = np.pad(np.ones(self.side), (before, after), constant_values=float(self.padding == "reflect"))
        starts = range(0, len(padded) - self.field + 1, self.stride)
        return np.array([padded[start : start + self.field].sum() for start in starts])


def output_size(
    sides: Iterable[int] = range(1, 21), fields: Iterable[int] = range(1, 8), strides: Iterable[int] = range(1, 5)
) -> CheckFindings:
    """Check the size of the output of every layer that has a field: o = floor((i + 2p - k) / s) + 1.

    A case is a layer (convolution, locally connected, maximum, average), a padding (none, ``same``, ``reflect``, or 1
    to k - 1 zeros on either side), a side i, a field k and a stride s. The built layer, with weights of one, is applied
    to an image of ones. It agrees if the side of the result is that of the formula and of
    :func:`cnn_study.spec.output_size`, and if every value is the number of pixels under the field, counted by stepping
    along the padded side: so the zeros must also lie where TensorFlow's rule puts them. Where no position fits, or
    where there is too little to be mirrored, a case agrees if the specification refuses it.

    Args:
        sides: Sides i of the square input, in pixels.
        fields: Sides k of the field, in pixels.
        strides: Steps s of the field, in pixels.

    Returns:
        Outcomes: also the number of cases ``refused``, and ``uneven``: of those with ``same`` padding and a convolution
        that are padded unevenly. Table: a row for every case of a convolution with the paddings of the specification:
        ``padding``, ``side``, ``field``, ``stride``, ``output`` (0 if refused), ``agrees``.
    """
    tally, table, refused, uneven = Tally(), [], 0, 0
    sides = list(sides)
    for field, stride in itertools.product(fields, strides):
        for kind, padding in _layers(field):
            apply = _built_layer(kind, max(sides), field, stride, padding)
            for side in sides:
                geometry = Geometry(side, field, stride, padding)
                agrees = tally.add(_agrees(geometry, kind, apply))
                refused += not geometry.possible
                if kind == "conv" and padding in PADDINGS:
                    uneven += padding == "same" and len(set(geometry.margins)) == 2
                    row: Row = {"padding": padding, "side": side, "field": field, "stride": stride}
                    table.append(row | {"output": geometry.size() if geometry.possible else 0, "agrees": agrees})
    return tally.outcomes(refused=refused, uneven=uneven), table


def padding_volume(
    shapes: Iterable[tuple[int, int]] = ((6, 6), (8, 12), (16, 16), (20, 9), (28, 28), (32, 32)),
    fields: Iterable[int] = range(1, 8),
    depth: int = 6,
) -> CheckFindings:
    """Check what padding does to the volume at stride 1: it keeps it, and without it k - 1 pixels go in every layer.

    A case is a shape of the input, a field k, a padding and a number n of layers; height and width after n layers of a
    built network must be those of the input with ``same`` and ``reflect``, and smaller by n (k - 1) with ``valid``.
    Where nothing would be left of them, or too little to be mirrored, the case agrees if the specification refuses it.
    Shapes are those of Keras's symbolic outputs; the images themselves are in :func:`output_size`.

    Args:
        shapes: ``(height, width)`` of the input, in pixels.
        fields: Sides k of the field, in pixels.
        depth: Largest number of layers.

    Returns:
        Outcomes: also the number of cases ``refused``. Table: a row for every case: ``padding``, ``height``, ``width``,
        ``field``, ``depth``, ``output_height``, ``output_width`` (0 if refused), ``agrees``.
    """
    tally, table, refused = Tally(), [], 0
    for (height, width), field, padding in itertools.product(shapes, fields, PADDINGS):
        kept = _volumes(height, width, field, padding, depth)
        for layers in range(1, depth + 1):
            loss = layers * (field - 1) if padding == "valid" else 0
            # The mirror image of a side is as wide as the longer half of the rest of the field.
            possible = min(height, width) > (field // 2 if padding == "reflect" else loss)
            expected = (height - loss, width - loss) if possible else (0, 0)
            agrees = tally.add(kept.get(layers, (0, 0)) == expected)
            refused += not possible
            row: Row = {"padding": padding, "height": height, "width": width, "field": field, "depth": layers}
            table.append(row | {"output_height": expected[0], "output_width": expected[1], "agrees": agrees})
    return tally.outcomes(refused=refused), table


def _layers(field: int) -> list[tuple[LayerKind, Padding | int]]:
    """Every kind of layer with every padding it can have; explicit zeros are for the convolution only."""
    kinds: tuple[LayerKind, ...] = get_args(LayerKind)
    pairs: list[tuple[LayerKind, Padding | int]] = [("conv", zeros) for zeros in range(1, field)]
    for kind, padding in itertools.product(kinds, PADDINGS):
        if kind == "conv" or padding != "reflect":
            pairs.append((kind, padding))
    return pairs


def _network(kind: LayerKind, side: int, field: int, stride: int, padding: Padding | int) -> ModelSpec:
    """A network of the one layer. With explicit zeros it takes the padded image.

    Raises:
        ValidationError: The geometry is impossible.
    """
    if isinstance(padding, int):
        side, padding = side + 2 * padding, "valid"
    if kind == "max" or kind == "average":
        overhang: Literal["same", "valid"] = "same" if padding == "same" else "valid"
        pool = Pool(reduce=kind, size=field, stride=stride, padding=overhang)
        layer = Conv(maps=1, field=1, activation=None, pool=pool)
    else:
        layer = Conv(maps=1, field=field, stride=stride, padding=padding, shared=kind == "conv", activation=None)
    return convolutional((side, side, 1), layer)


def _built_layer(
    kind: LayerKind, side: int, field: int, stride: int, padding: Padding | int
) -> Callable[[int], np.ndarray | None]:
    """A function that applies the layer to ones of any side; it gives None where the specification is refused.

    Only the weights of a locally connected layer depend on the side; the other layers are built once for all.
    """

    def make(side: int) -> list[keras.Layer]:
        model = built(_network(kind, side, field, stride, padding))
        fill(model, 1.0)
        return model.layers[1:-1]  # without the input and the global average

    once = None if kind == "local" else make(max(side, field))
    zeros = keras.layers.ZeroPadding2D(padding if isinstance(padding, int) else 0, dtype="float64")

    def apply(side: int) -> np.ndarray | None:
        try:
            _network(kind, side, field, stride, padding)
        except ValidationError:
            return None
        x = zeros(np.ones((1, side, side, 1)))
        for layer in once or make(side):
            x = layer(x)
        return np.asarray(x)[0, :, :, 0]

    return apply


def _agrees(geometry: Geometry, kind: LayerKind, apply: Callable[[int], np.ndarray | None]) -> bool:
    measured = apply(geometry.side)
    if not geometry.possible:
        return measured is None and _specified(geometry) is None
    pixels = geometry.pixels()
    # Of ones, the largest is one, and so is the average, which leaves the padding out.
    expected = np.outer(pixels, pixels) if kind in ("conv", "local") else np.ones((len(pixels), len(pixels)))
    return (
        geometry.size() == len(pixels) == _specified(geometry)
        and measured is not None
        and np.array_equal(measured, expected)
    )


def _specified(geometry: Geometry) -> int | None:
    """What the specification makes of the geometry; None: it refuses it."""
    side, padding = geometry.side, geometry.padding
    if isinstance(padding, int):
        side, padding = side + 2 * padding, "valid"
    try:
        return specification.output_size(side, geometry.field, geometry.stride, padding)
    except ValueError:
        return None


def _volumes(height: int, width: int, field: int, padding: Padding, depth: int) -> dict[int, tuple[int, int]]:
    """Height and width after 1, 2, ... layers of the deepest network up to a depth that is not refused."""
    layer = Conv(maps=1, field=field, padding=padding, activation=None)
    for layers in range(depth, 0, -1):
        try:
            model = built(convolutional((height, width, 1), *[layer] * layers))
        except ValidationError:
            continue
        return {n: model.get_layer(f"conv{n}").output.shape[1:3] for n in range(1, layers + 1)}
    return {}


SAMPLES = {
    "output_size": {"sides": (1, 4, 9), "fields": (2, 3), "strides": (1, 3)},
    "padding_volume": {"shapes": ((6, 6), (8, 12)), "fields": (2, 5), "depth": 3},
}
"""The part of the grid that a sample of a check looks at."""
