"""Plain networks for one question each: layers of one kind, and nothing else."""

from typing import Any, Literal

from cnn_study.errors import InputError
from cnn_study.models.architectures.initialization import FAN_SCALED, Initialization
from cnn_study.spec import Activation, Conv, Dense, GlobalAverage, Initializer, ModelSpec, Padding, Pool

Kind = Literal["conv", "local", "dense"]
"""Kinds of layers: shared weights, weights of their own for every position, or every unit connected to every pixel."""


def dense_net(
    activation: Activation,
    *,
    hidden: tuple[int, ...],
    initialization: Initialization = FAN_SCALED,
    batch_norm: bool = False,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """A multilayer perceptron on the flattened image.

    Args:
        activation: The unit of every hidden layer.
        hidden: Numbers of units of the hidden layers, from the input up.
        initialization: The rule by which all weights are drawn.
        batch_norm: Batch normalization before every unit.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    layers = tuple(
        Dense(
            units=units,
            activation=activation,
            batch_norm=batch_norm,
            initializer=initialization.of(number, activation),
        )
        for number, units in enumerate(hidden)
    )
    logits = Dense(units=classes, activation=None, initializer=initialization.of(len(hidden), None))
    return ModelSpec(input_shape=input_shape, layers=(*layers, logits))


def deep_conv_net(
    activation: Activation,
    *,
    depth: int,
    maps: int,
    field: int = 3,
    stride: int = 2,
    initialization: Initialization = FAN_SCALED,
    batch_norm: bool = False,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
) -> ModelSpec:
    """Equal convolutions one above the other, then the average of every map and a dense layer.

    All layers but the first have the same shape, so that what differs between their gradients is their depth.

    Args:
        activation: The unit of every convolution.
        depth: Number of convolutions.
        maps: Number of feature maps of each.
        field: Side of their fields, in pixels.
        stride: Step of the first convolution, in pixels, to make the others cheap; they keep the size.
        initialization: The rule by which all weights are drawn.
        batch_norm: Batch normalization before every unit.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    convs = tuple(
        Conv(
            maps=maps,
            field=field,
            stride=1 if number else stride,
            activation=activation,
            batch_norm=batch_norm,
            initializer=initialization.of(number, activation),
        )
        for number in range(depth)
    )
    logits = Dense(units=classes, activation=None, initializer=initialization.of(depth, None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, GlobalAverage(), logits))


def one_hidden_net(
    kind: Kind,
    *,
    maps: int | None = None,
    field: int | None = None,
    units: int | None = None,
    stride: int = 1,
    padding: Literal["same", "valid"] = "same",
    pool: int | None = None,
    activation: Activation = "relu",
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """One hidden layer, and a dense layer on all of its outputs: with and without local fields and shared weights.

    Args:
        kind: ``conv``: local fields, one set of weights for all places; ``local``: local fields, a set of weights for
            every place; ``dense``: every unit sees the whole image.
        maps: Number of feature maps of ``conv`` and ``local``.
        field: Side of their fields, in pixels.
        units: Number of units of ``dense``.
        stride: Step of the field, in pixels.
        padding: ``same`` or ``valid``.
        pool: Side of the squares of max pooling, which do not overlap, in pixels; ``None``: no pooling.
        activation: The unit of the hidden layer.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.

    Raises:
        InputError: ``dense`` with maps, a field or pooling, or without units; the others the other way round.
    """
    initializer = FAN_SCALED.of(0, activation)
    if kind == "dense":
        if units is None or not (maps is field is pool is None):
            raise InputError(f"a dense hidden layer has units (got {units}), and no maps, field or pooling")
        hidden = Dense(units=units, activation=activation, initializer=initializer)
    else:
        if maps is None or field is None or units is not None:
            raise InputError(f"a {kind} hidden layer has maps (got {maps}) and a field (got {field}), and no units")
        hidden = Conv(
            maps=maps,
            field=field,
            stride=stride,
            padding=padding,
            shared=kind == "conv",
            activation=activation,
            pool=None if pool is None else Pool(reduce="max", size=pool, stride=pool),
            initializer=initializer,
        )
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(1, None))
    return ModelSpec(input_shape=input_shape, layers=(hidden, logits))


def padding_net(
    padding: Padding,
    *,
    depth: int,
    maps: int,
    field: int = 3,
    activation: Activation = "relu",
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """Convolutions with one kind of padding, then the average of every map and a dense layer.

    The average makes the number of parameters independent of the padding.

    Args:
        padding: Padding of every convolution. Without any (``valid``), every layer is ``field - 1`` pixels smaller.
        depth: Number of convolutions.
        maps: Number of feature maps of each.
        field: Side of their fields, in pixels.
        activation: The unit of every convolution.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    conv = Conv(
        maps=maps, field=field, padding=padding, activation=activation, initializer=FAN_SCALED.of(0, activation)
    )
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(depth, None))
    return ModelSpec(input_shape=input_shape, layers=(*[conv] * depth, GlobalAverage(), logits))


def averaged_net(
    *,
    maps: tuple[int, ...],
    field: int = 3,
    activation: Activation = "relu",
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """Convolutions, the first two with a stride of 2, then the average of every map and a dense layer.

    No layer knows where in the image a feature was found; how far the answer depends on it is up to strides and border.

    Args:
        maps: Numbers of feature maps of the convolutions, from the input up.
        field: Side of their fields, in pixels.
        activation: The unit of every convolution.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    convs = tuple(
        Conv(
            maps=count,
            field=field,
            stride=2 if number < 2 else 1,
            activation=activation,
            initializer=FAN_SCALED.of(number, activation),
        )
        for number, count in enumerate(maps)
    )
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(len(convs), None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, GlobalAverage(), logits))


def change_hidden(
    model: ModelSpec, kinds: tuple[type[Conv] | type[Dense], ...] = (Conv, Dense), **changes: Any
) -> ModelSpec:
    """The same network with some fields changed in all hidden layers.

    For example ``change_hidden(net, batch_norm=True, norm_noise=True)``, or, for the dense layers only,
    ``change_hidden(net, (Dense,), dropout=0.5)``.

    Args:
        model: The network that is changed.
        kinds: The kinds of layers that are changed. The last one, which gives the logits, never is.
        **changes: Fields of these layers, with their new values.
    """
    *hidden, last = model.layers
    changed = (layer.but(**changes) if isinstance(layer, kinds) else layer for layer in hidden)
    return model.but(layers=(*changed, last))


def initialized(model: ModelSpec, initializer: Initializer) -> ModelSpec:
    """The same network with all its weights, those before the logits too, drawn by one rule."""
    layers = (
        layer.but(initializer=initializer) if isinstance(layer, Conv | Dense) else layer for layer in model.layers
    )
    return model.but(layers=tuple(layers))
