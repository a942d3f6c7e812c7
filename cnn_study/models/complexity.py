"""The cost of a network, counted from its spec: parameters, multiply-accumulates, sizes, receptive fields."""

from dataclasses import dataclass

from cnn_study.spec import Conv, Dense, ModelSpec, output_size


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one image.

    Attributes:
        name: ``conv1``, ``local3``, ``dense4``: kind and position, counted from 1.
        output_shape: After pooling: ``(height, width, channels)`` or ``(units,)``.
        parameters: Trainable numbers: weights, biases, and the scales and shifts of batch normalization.
        connections: Weights and biases counted once for every position that uses them.
        macs: Multiply-accumulates of the convolution or matrix product. Products with padding count, as is usual.
        receptive_field: Side of the square of input pixels that one output sees, after pooling; the whole input for a
            dense layer. Pixels in the padding count.
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
    shape: tuple[int, ...] = model.input_shape
    field, step = 1, 1
    for number, (layer, after) in enumerate(zip(model.layers, model.shapes(), strict=True), 1):
        if isinstance(layer, Dense):
            fan_in = _product(shape)
            field = max(model.input_shape[:2])
            row = (f"dense{number}", _norm(layer) + (fan_in + 1) * layer.units, (fan_in + 1) * layer.units)
            macs = fan_in * layer.units
        else:
            kernel = layer.field**2 * shape[2]
            height, width = (output_size(i, layer.field, layer.stride, layer.padding) for i in shape[:2])
            positions = height * width
            sets = 1 if layer.shared else positions
            connections = positions * (kernel + 1) * layer.maps
            name = f"{'conv' if layer.shared else 'local'}{number}"
            row = (name, _norm(layer) + sets * (kernel + 1) * layer.maps, connections)
            macs = positions * kernel * layer.maps
            field, step = field + (layer.field - 1) * step, step * layer.stride
            if layer.pool:
                field, step = field + (layer.pool.size - 1) * step, step * layer.pool.stride
        rows.append(LayerCost(row[0], after, row[1], row[2], macs, field))
        shape = after
    return rows


def parameters(model: ModelSpec) -> int:
    """Trainable parameters of the whole network."""
    return sum(row.parameters for row in costs(model))


def macs(model: ModelSpec) -> int:
    """Multiply-accumulates of a forward pass of one image."""
    return sum(row.macs for row in costs(model))


def _norm(layer: Conv | Dense) -> int:
    channels = layer.maps if isinstance(layer, Conv) else layer.units
    return 2 * channels if layer.batch_norm else 0


def _product(shape: tuple[int, ...]) -> int:
    result = 1
    for size in shape:
        result *= size
    return result
