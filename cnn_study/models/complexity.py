"""The cost of a network, counted from its spec: parameters, multiply-accumulates, sizes, receptive fields, memory."""

import math
from dataclasses import dataclass

from cnn_study.errors import InputError
from cnn_study.spec import Conv, Dense, GlobalAverage, Layer, ModelSpec, Subsample, TrainSpec, output_size

Shape = tuple[int, ...]

NUMBER = 4
"""Bytes of a number in training: 32 bits."""


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one image.

    Attributes:
        name: ``conv1``, ``subsample2``, ``local3``, ``average4``, ``dense5``, ``rbf6``: kind and position, counted
            from 1.
        output_shape: Shape of the output after pooling: ``(height, width, channels)`` or ``(units,)``.
        parameters: Trainable numbers: weights, biases, and the scales and shifts of batch normalization.
        connections: Weights and biases counted once for every position that uses them. Of the trainable numbers of
            subsampling, the coefficient once for every pixel of the square; radial basis functions: one a distance in
            one dimension.
        macs: Multiply-accumulates of the convolution or matrix product; of subsampling, one product an output; of
            radial basis functions, one square a connection. Products with padding count, as is usual.
        receptive_field: Side of the square of input pixels that one output sees, after pooling; the whole input for a
            dense layer, a global average and radial basis functions. Pixels in the padding count.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    macs: int
    receptive_field: int


def costs(model: ModelSpec) -> list[LayerCost]:
    """The cost of every layer, from the input up."""
    rows: list[LayerCost] = []
    shape: Shape = model.input_shape
    field, step = 1, 1
    for number, (layer, after) in enumerate(zip(model.layers, model.shapes(), strict=True), 1):
        name, parameters, connections, macs = _count(layer, shape, after)
        if isinstance(layer, Conv | Subsample):
            for size, stride in _windows(layer):
                field, step = field + (size - 1) * step, step * stride
        else:
            field = max(model.input_shape[:2])
        rows.append(LayerCost(f"{name}{number}", after, parameters, connections, macs, field))
        shape = after
    return rows


def parameters(model: ModelSpec) -> int:
    """Trainable parameters of the whole network."""
    return sum(row.parameters for row in costs(model))


def macs(model: ModelSpec) -> int:
    """Multiply-accumulates of a forward pass of one image."""
    return sum(row.macs for row in costs(model))


def values(model: ModelSpec) -> int:
    """Numbers that stand for an image on its way: its pixels, and what layers give, before pooling and after."""
    found, shape = math.prod(model.input_shape), model.input_shape
    for layer, after in zip(model.layers, model.shapes(), strict=True):
        if isinstance(layer, Conv) and layer.pool:
            found += _positions(layer, shape) * layer.maps
        found += math.prod(after)
        shape = after
    return found


@dataclass(frozen=True)
class Memory:
    """A lower bound of the memory of a training, in bytes, counted from the spec.

    Libraries, intermediate results and evaluation come on top.

    Attributes:
        parameters: The trainable numbers, with their gradients and what the optimizer keeps of each.
        activations: The images of one batch and what every layer makes of them, kept for the way back.
        images: The images of the data set, one byte a value.
    """

    parameters: int
    activations: int
    images: int

    @property
    def total(self) -> int:
        """The sum of all, in bytes."""
        return self.parameters + self.activations + self.images


def memory(model: ModelSpec, train: TrainSpec, images: int = 0) -> Memory:
    """A lower bound of the memory of a training, in bytes.

    Args:
        model: The network to be trained.
        train: How it is trained; the batch size and the optimizer are used.
        images: How many images the data set holds.
    """
    kept = 2 if train.optimizer == "adam" else int(train.momentum > 0)
    return Memory(
        NUMBER * (2 + kept) * parameters(model),
        NUMBER * train.batch_size * values(model),
        math.prod(model.input_shape) * images,
    )


def check_memory(
    model: ModelSpec, train: TrainSpec, available: int, images: int = 0, what: str = "the network"
) -> None:
    """Refuse a training for which there is no room.

    Args:
        model: The network to be trained.
        train: How it is trained; the batch size and the optimizer are used.
        available: Bytes of memory that there are.
        images: How many images the data set holds.
        what: What the error calls the training.

    Raises:
        InputError: It needs more, by the estimate that the message gives.
    """
    need = memory(model, train, images)
    if need.total > available:
        parts = {
            f"{_bytes(need.parameters)} for parameters, gradients and optimizer": need.parameters,
            f"{_bytes(need.activations)} for a batch of {train.batch_size}": need.activations,
            f"{_bytes(need.images)} for the images": need.images,
        }
        told = ", ".join(text for text, size in parts.items() if size)
        remedy = {
            need.parameters: "fewer maps or units, or smaller fields",
            need.activations: "a smaller batch, fewer maps or units",
            need.images: "fewer or smaller images",
        }
        raise InputError(
            f"{what} needs at least {_bytes(need.total)} of memory ({told}), and there are {_bytes(available)}: "
            f"choose {remedy[max(remedy)]}"
        )


def _bytes(size: int) -> str:
    """A size for people: ``7.5 TB``, ``750 GB``."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    power = min((len(str(size)) - 1) // 3, len(units) - 1)
    number = size / 1000**power
    if number >= 1e6:
        return f"{number:.0e} {units[power]}"
    return f"{number:.1f} {units[power]}" if power and number < 10 else f"{number:,.0f} {units[power]}"


def _count(layer: Layer, shape: Shape, after: Shape) -> tuple[str, int, int, int]:
    """Kind, parameters, connections and multiply-accumulates of a layer between an input and an output shape."""
    if isinstance(layer, Conv):
        return _count_conv(layer, shape)
    if isinstance(layer, Dense):
        weights = math.prod(shape) * layer.units
        norm = 2 * layer.units * layer.batch_norm
        return "dense", weights + layer.units + norm, weights + layer.units, weights
    if isinstance(layer, Subsample):
        outputs = math.prod(after)
        return "subsample", 2 * shape[-1], outputs * (layer.size**2 + 1), outputs
    if isinstance(layer, GlobalAverage):
        return "average", 0, 0, 0
    distances = math.prod(shape) * math.prod(after)
    return "rbf", 0, distances, distances


def _count_conv(layer: Conv, shape: Shape) -> tuple[str, int, int, int]:
    pairs = shape[2] * layer.maps if layer.table is None else sum(len(row) for row in layer.table)
    weights = layer.field**2 * pairs
    positions = _positions(layer, shape)
    sets = 1 if layer.shared else positions
    norm = 2 * layer.maps * layer.batch_norm
    name = "conv" if layer.shared else "local"
    return name, sets * (weights + layer.maps) + norm, positions * (weights + layer.maps), positions * weights


def _positions(layer: Conv, shape: Shape) -> int:
    """Places of the field in its input."""
    return math.prod(output_size(i, layer.field, layer.stride, layer.padding) for i in shape[:2])


def _windows(layer: Conv | Subsample) -> list[tuple[int, int]]:
    """Side and stride of what slides over the image, in the order of use."""
    if isinstance(layer, Subsample):
        return [(layer.size, layer.size)]
    pool = [(layer.pool.size, layer.pool.stride)] if layer.pool else []
    return [(layer.field, layer.stride), *pool]
