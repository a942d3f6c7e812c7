"""Small convolutional networks with pooling, and what can stand in its place."""

from typing import Literal

from cnn_study.models.architectures.initialization import FAN_SCALED
from cnn_study.spec import HE, Activation, Conv, Dense, GlobalAverage, ModelSpec, Pool

Pooling = Literal["max", "max_overlapping", "average", "average_overlapping", "strided", "all_conv", "none"]
Ingredient = Literal["relu", "pooling", "dropout", "batch_norm", "sharing"]


def pooling_net(
    kind: Pooling,
    *,
    maps: tuple[int, int] = (32, 64),
    field: int = 5,
    hidden: tuple[int, ...] | None = None,
    activation: Activation = "relu",
    batch_norm: bool = False,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
) -> ModelSpec:
    """Two convolutions, each halving the sides of its maps in one way or another, and the same head for all.

    The head is the average of every map and a dense layer, so that it has as many parameters whatever the size of the
    maps; or dense layers, which know where in the image a feature was found. The ways of halving are those compared by
    Scherer et al. 2010 and by Springenberg et al. 2014, table 1.

    Args:
        kind: ``max``, ``average``: pooling over 2x2 pixels at stride 2; ``max_overlapping``, ``average_overlapping``:
            over 3x3 pixels at stride 2; ``strided``: no pooling, the convolution itself has stride 2; ``all_conv``:
            a 3x3 convolution of as many maps at stride 2 with its own unit instead of pooling; ``none``: the sides are
            not halved.
        maps: Numbers of feature maps of the two convolutions.
        field: Side of their fields, in pixels.
        hidden: Numbers of units of dense layers on all maps, from the input up, below the logits; ``None``: the
            average of maps.
        activation: The unit of every hidden layer.
        batch_norm: Batch normalization before every unit.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    initializer = FAN_SCALED.of(0, activation)
    convs = tuple(
        layer
        for count in maps
        for layer in _halved(
            Conv(maps=count, field=field, activation=activation, batch_norm=batch_norm, initializer=initializer), kind
        )
    )
    dense = tuple(
        Dense(units=units, activation=activation, batch_norm=batch_norm, initializer=initializer)
        for units in hidden or ()
    )
    head = (GlobalAverage(),) if hidden is None else dense
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(len(convs) + len(dense), None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, *head, logits))


def _halved(conv: Conv, kind: Pooling) -> tuple[Conv, ...]:
    if kind == "none":
        return (conv,)
    if kind == "strided":
        return (conv.but(stride=2),)
    if kind == "all_conv":
        return (conv, conv.but(field=3, stride=2))
    reduce = "max" if kind.startswith("max") else "average"
    return (conv.but(pool=Pool(reduce=reduce, size=3 if kind.endswith("overlapping") else 2)),)


def full_network(
    without: Ingredient | None = None,
    *,
    maps: tuple[int, int] = (16, 32),
    field: int = 3,
    hidden: int = 128,
    dropout: float = 0.5,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
) -> ModelSpec:
    """A convolutional network with all the usual ingredients, or with all but one.

    Two convolutions with rectified units and 2x2 max pooling, a dense layer with dropout, batch normalization before
    every unit, and the logits. Every weight before a unit is drawn by He's rule, also where the unit is replaced:
    taking an ingredient out changes that ingredient and nothing else.

    Args:
        without: The ingredient taken out. ``relu``: tanh units instead; ``pooling``: convolutions at stride 2 instead;
            ``sharing``: weights of their own for every position; ``dropout``, ``batch_norm``: nothing instead.
        maps: Numbers of feature maps of the two convolutions.
        field: Side of their fields, in pixels.
        hidden: Number of units of the dense layer.
        dropout: Fraction of them that are dropped.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    activation = "tanh" if without == "relu" else "relu"
    batch_norm = without != "batch_norm"
    convs = tuple(
        Conv(
            maps=count,
            field=field,
            stride=2 if without == "pooling" else 1,
            shared=without != "sharing",
            activation=activation,
            pool=None if without == "pooling" else Pool(reduce="max"),
            batch_norm=batch_norm,
            initializer=HE,
        )
        for count in maps
    )
    dense = Dense(
        units=hidden,
        activation=activation,
        batch_norm=batch_norm,
        dropout=0.0 if without == "dropout" else dropout,
        initializer=HE,
    )
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(3, None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, dense, logits))
