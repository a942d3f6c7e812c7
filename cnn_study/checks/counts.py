"""Parameters, connections and multiply-accumulates of dense, locally connected and convolutional layers."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from cnn_study.checks.networks import built, convolutional
from cnn_study.checks.sizes import Geometry, Padding
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.models import complexity
from cnn_study.models.architectures import lenet5_1998, lenet5_usual
from cnn_study.spec import Conv, Dense, ModelSpec

KINDS = ("dense", "local", "conv")
LENET_FIELDS = (1, 3, 7, 11, 32)
"""Fields beside LeNet-5's own of 5 pixels; the last is the whole image."""
BATCH = 256
"""Number of images that a layer gets at once, which bounds the memory."""


@dataclass(frozen=True)
class Count:
    """The cost of one layer for one image.

    Attributes:
        weights: Number of trainable weights.
        biases: Number of trainable biases.
        positions: Number of places of the field; 1 for a dense layer.
        units: Number of outputs.
        macs: Number of products of a weight and an input, those with padding too.
        links: Number of products without those with padding: pairs of an input and an output that depends on it.
    """

    weights: int
    biases: int
    positions: int
    units: int
    macs: int
    links: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    @property
    def connections(self) -> int:
        """Connections as LeCun et al. (1998) count them: products, and a bias for every unit."""
        return self.macs + self.units


@dataclass(frozen=True)
class Patch:
    """The geometry that layers of all three kinds share: the same input, and as many outputs.

    Attributes:
        input_shape: Shape of the input, ``(height, width, channels)``.
        maps: Number of feature maps.
        field: Side of the field, in pixels.
        stride: Step of the field, in pixels.
        padding: ``same`` or ``valid``.
    """

    input_shape: tuple[int, int, int]
    maps: int
    field: int
    stride: int = 1
    padding: Padding = "valid"

    def count(self, kind: str) -> Count:
        """The formulas; positions and the pixels under the field are found by stepping along both sides."""
        height, width, channels = self.input_shape
        rows, columns = (Geometry(side, self.field, self.stride, self.padding).pixels() for side in (height, width))
        positions = len(rows) * len(columns)
        units = positions * self.maps
        if kind == "dense":
            weights = height * width * channels * units
            return Count(weights, units, 1, units, weights, weights)
        patch = self.field**2 * channels
        sets = positions if kind == "local" else 1
        links = int(np.outer(rows, columns).sum()) * channels * self.maps
        return Count(sets * patch * self.maps, sets * self.maps, positions, units, units * patch, links)

    def network(self, kind: str) -> ModelSpec:
        """A network with the layer as its first."""
        if kind == "dense":
            units = self.count(kind).units
            return ModelSpec(input_shape=self.input_shape, layers=(Dense(units=units, activation=None),))
        layer = Conv(
            maps=self.maps,
            field=self.field,
            stride=self.stride,
            padding=self.padding,
            shared=kind == "conv",
            activation=None,
        )
        return convolutional(self.input_shape, layer)


def patches(
    shapes: Iterable[tuple[int, int]],
    channels_and_maps: Iterable[tuple[int, int]],
    fields: Iterable[int],
    strides: Iterable[int],
) -> list[Patch]:
    """The grid of all these geometries, with and without padding."""
    grid = itertools.product(shapes, channels_and_maps, fields, strides, ("same", "valid"))
    return [
        Patch((*shape, channels), maps, field, stride, padding)
        for shape, (channels, maps), field, stride, padding in grid
    ]


SMALL = tuple(patches(((6, 6), (9, 7), (12, 12)), ((1, 4), (3, 2)), (1, 3, 5), (1, 2, 3)))
LARGE = tuple(patches(((8, 8), (16, 12), (28, 28)), ((1, 6), (3, 2)), (3, 5), (1, 2)))
LENET_C1 = Patch((32, 32, 1), 6, 5)


def receptive_field_costs(grid: Iterable[Patch] = SMALL, fields: Iterable[int] = LENET_FIELDS) -> CheckFindings:
    """Count what a dense, a locally connected and a convolutional layer of one geometry cost.

    A case is a geometry and a kind of layer. It agrees if the parameters of the built layer and those counted by
    :mod:`cnn_study.models.complexity` are those of the formulas here; if that module's connections and
    multiply-accumulates are; and if as many outputs respond to single pixels as the formulas say. The cases are a grid
    of small geometries, the first layer of LeNet-5 (LeCun et al. 1998, section II.B), and that layer with other fields.

    Args:
        grid: The small geometries, beside that of LeNet-5.
        fields: Further fields for the first layer of LeNet-5, in pixels.

    Returns:
        Outcomes: also, for the first layer of LeNet-5, ratios such as ``dense_over_conv_parameters`` and
        ``dense_over_local_macs``; and ``share_in_c5_and_f6``, the fraction of LeNet-5's parameters in its layers C5 and
        F6, where nothing is shared. Table: a row for every kind of layer in the geometry of LeNet-5, its own field
        first: ``setting``, ``kind``, ``field``, ``positions``, ``parameters``, ``connections``, ``macs``, ``agrees``.
    """
    tally, table = Tally(), []
    for patch, kind in itertools.product(grid, KINDS):
        tally.add(_costs_agree(patch, kind))
    settings = [("C1 of LeNet-5", LENET_C1), *(("other fields", Patch((32, 32, 1), 6, field)) for field in fields)]
    for (setting, patch), kind in itertools.product(settings, KINDS):
        count, agrees = patch.count(kind), tally.add(_costs_agree(patch, kind))
        row: Row = {"setting": setting, "kind": kind, "field": patch.field, "positions": count.positions}
        costs = {"parameters": count.parameters, "connections": count.connections, "macs": count.macs}
        table.append(row | costs | {"agrees": agrees})
    return tally.outcomes(**_ratios(LENET_C1), share_in_c5_and_f6=_share_in_c5_and_f6()), table


def weight_sharing_counts(grid: Iterable[Patch] = LARGE) -> CheckFindings:
    """Count what sharing saves: exactly the number of positions.

    Three cases for every geometry, all on built layers. The weights, and the biases, of a locally connected layer are
    those of the convolution times the number of positions. The weights of a dense layer are those of the locally
    connected one times the number of pixels divided by those in the field. The convolution takes as many
    multiply-accumulates as the locally connected layer: sharing saves none.

    Args:
        grid: The geometries that are compared.

    Returns:
        Outcomes: also the least and the largest number of positions, ``least_saving`` and ``largest_saving``. Table: a
        row for every geometry and kind of layer: ``height``, ``width``, ``channels``, ``maps``, ``field``, ``stride``,
        ``padding``, ``kind``, ``positions``, ``weights``, ``biases``, ``macs``, ``agrees`` (of the geometry).
    """
    tally, table, savings = Tally(), [], []
    for patch in grid:
        sizes, macs = {}, {}
        for kind in KINDS:
            model = built(patch.network(kind))
            layer = model.get_layer(f"{kind}1")
            sizes[kind] = (int(np.prod(layer.kernel.shape)), int(np.prod(layer.bias.shape)))
            macs[kind] = complexity.costs(patch.network(kind))[0].macs
        positions = patch.count("conv").positions
        savings.append(positions)
        height, width, channels = patch.input_shape
        agrees = tally.add(
            [
                sizes["local"] == tuple(positions * size for size in sizes["conv"]),
                sizes["dense"][0] * patch.field**2 == sizes["local"][0] * height * width,
                macs["local"] == macs["conv"],
            ]
        )
        for kind, (weights, biases) in sizes.items():
            row: Row = {
                "height": height,
                "width": width,
                "channels": channels,
                "maps": patch.maps,
                "field": patch.field,
            }
            row |= {"stride": patch.stride, "padding": patch.padding, "kind": kind, "positions": positions}
            table.append(row | {"weights": weights, "biases": biases, "macs": macs[kind], "agrees": agrees})
    return tally.outcomes(least_saving=min(savings), largest_saving=max(savings)), table


PUBLISHED = {
    "C1": (156, 122_304),
    "S2": (12, 5_880),
    "C3": (1_516, 151_600),
    "S4": (32, 2_000),
    "C5": (48_120, 48_120),
    "F6": (10_164, 10_164),
}
"""Trainable parameters and connections of LeNet-5's layers (LeCun et al. 1998, section II.B)."""
PUBLISHED_TOTAL = (60_000, 340_908)
"""Parameters and connections of the whole network: those of the layers and the 840 fixed connections of the output."""
USUAL_PARAMETERS = (156, 2_416, 48_120, 10_164, 850)
"""Parameters of the layers of the usual variant.

(5 * 5 * 1 + 1) * 6, (5 * 5 * 6 + 1) * 16, (400 + 1) * 120, (120 + 1) * 84, (84 + 1) * 10.
"""


def lenet5_counts() -> CheckFindings:
    """Count LeNet-5 against the published table: parameters in the built layers, connections by asking them.

    A case is a layer, or the whole network, of the network of 1998 or of its usual variant. It agrees if the trainable
    parameters of the built layer are the published ones, if there are as many connections (outputs that respond to a
    single input, and a bias for every output that has one; published for the network of 1998 only), and if
    :mod:`cnn_study.models.complexity` counts both alike.

    Returns:
        Outcomes: also ``parameters`` and ``connections`` of the network of 1998, ``usual_parameters``, and
        ``share_in_c5_and_f6``. Table: a row for every case: ``network``, ``layer``, ``parameters``, ``connections``,
        ``published_parameters``, ``published_connections`` (-1: none), ``agrees``.
    """
    tally, table = Tally(), []
    last = (0, PUBLISHED_TOTAL[1] - sum(connections for _, connections in PUBLISHED.values()))
    names = (*PUBLISHED, "output")
    total = _compare_network(tally, table, "1998", lenet5_1998(), names, [*PUBLISHED.values(), last], PUBLISHED_TOTAL)
    usual = [(parameters, None) for parameters in USUAL_PARAMETERS]
    names, whole = ("C1", "C3", "C5", "F6", "output"), (sum(USUAL_PARAMETERS), None)
    of_usual = _compare_network(tally, table, "usual", lenet5_usual(), names, usual, whole)
    outcomes = {"parameters": total[0], "connections": total[1], "usual_parameters": of_usual[0]}
    return tally.outcomes(**outcomes, share_in_c5_and_f6=_share_in_c5_and_f6()), table


def _compare_network(
    tally: Tally,
    table: list[Row],
    network: str,
    spec: ModelSpec,
    names: Iterable[str],
    published: Iterable[tuple[int, int | None]],
    published_total: tuple[int, int | None],
) -> tuple[int, int]:
    """Compare every layer of a network, and their sums, with published numbers, and give the measured sums."""
    model, costs = built(spec), complexity.costs(spec)
    measured = [_measure(model, cost.name) for cost in costs]
    counted = [(cost.parameters, cost.connections) for cost in costs]
    for counts in (measured, counted):
        counts.append((sum(parameters for parameters, _ in counts), sum(connections for _, connections in counts)))
    stated = [*published, published_total]
    for name, found, count, (parameters, connections) in zip((*names, "all"), measured, counted, stated, strict=True):
        agrees = found == count and found[0] == parameters and connections in (None, found[1])
        row: Row = {"network": network, "layer": name, "parameters": found[0], "connections": found[1]}
        published_row = {
            "published_parameters": parameters,
            "published_connections": -1 if connections is None else connections,
        }
        table.append(row | published_row | {"agrees": tally.add(agrees)})
    return measured[-1]


def _costs_agree(patch: Patch, kind: str) -> bool:
    count, spec = patch.count(kind), patch.network(kind)
    model, cost = built(spec), complexity.costs(spec)[0]
    parameters, connections = _measure(model, f"{kind}1")
    return (
        parameters == cost.parameters == count.parameters
        and connections == count.links + count.units
        and (cost.connections, cost.macs) == (count.connections, count.macs)
    )


def _measure(model: keras.Model, name: str) -> tuple[int, int]:
    """Trainable parameters of a built layer, and its connections: dependent pairs, and a bias for every output."""
    layer = model.get_layer(name)
    parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
    biases = int(np.prod(layer.output.shape[1:])) if hasattr(layer, "bias") else 0
    return parameters, dependent_pairs(layer) + biases


def dependent_pairs(layer: keras.Layer) -> int:
    """Pairs of an input and an output of a layer that changes with it: nothing is changed but that one input."""
    inputs: Any = layer.input  # one tensor: all layers form a plain chain
    shape = tuple(inputs.shape[1:])
    size = int(np.prod(shape))
    rest = np.asarray(layer(np.zeros((1, *shape))))
    pairs = 0
    for start in range(0, size, BATCH):
        chosen = np.arange(start, min(start + BATCH, size))
        single = np.zeros((len(chosen), size))
        single[np.arange(len(chosen)), chosen] = 1
        pairs += int((np.asarray(layer(single.reshape(-1, *shape))) != rest).sum())
    return pairs


def _ratios(patch: Patch) -> dict[str, float]:
    counts = {kind: patch.count(kind) for kind in KINDS}
    return {
        f"{more}_over_{less}_{what}": getattr(counts[more], what) / getattr(counts[less], what)
        for more, less in itertools.combinations(KINDS, 2)
        for what in ("parameters", "connections", "macs")
    }


def _share_in_c5_and_f6() -> float:
    costs = complexity.costs(lenet5_1998())
    *_, c5, f6, _output = (cost.parameters for cost in costs)
    return (c5 + f6) / sum(cost.parameters for cost in costs)


SAMPLES = {
    "receptive_field_costs": {"grid": SMALL[::12], "fields": (1, 3)},
    "weight_sharing_counts": {"grid": LARGE[:24:6]},
}
"""The part of the grid that a sample of a check looks at."""
