"""The networks of Nielsen's *Neural Networks and Deep Learning* (2015), with the initial weights of his programs.

Read from the programs: github.com/mnielsen/neural-networks-and-deep-learning, ``src/conv.py``, ``network3.py`` and
``network2.py``, at commit 72db53d. They take pixels from 0 to 1 and do not standardize them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from cnn_study.spec import LECUN, Activation, Conv, Dense, ModelSpec, Pool, VarianceScaled, Zeros

FAN_OUT = VarianceScaled(rule="fan_out")
"""Weights of network3.py: N(0, 1 / n_out), its ``n_out`` of a convolution being maps * field**2 / pooling**2."""

BIAS_STDDEV = 1.0
"""Standard deviation of the initial biases below the output, in network2.py and network3.py."""

Rung = Literal[
    "shallow",
    "conv_only",
    "conv",
    "two_conv",
    "two_conv_relu",
    "wide_300",
    "wide_1000",
    "two_dense_100",
    "two_dense_300",
    "two_dense_1000",
    "dropout",
]

_TWO: dict[str, Any] = {"maps": (20, 40), "activation": "relu"}
LADDER: Mapping[Rung, Mapping[str, Any]] = MappingProxyType(
    {
        "shallow": {"maps": ()},
        "conv_only": {"maps": (20,), "hidden": ()},
        "conv": {"maps": (20,)},
        "two_conv": {"maps": (20, 40)},
        "two_conv_relu": _TWO,
        "wide_300": _TWO | {"hidden": (300,)},
        "wide_1000": _TWO | {"hidden": (1000,)},
        "two_dense_100": _TWO | {"hidden": (100, 100)},
        "two_dense_300": _TWO | {"hidden": (300, 300)},
        "two_dense_1000": _TWO | {"hidden": (1000, 1000)},
        "dropout": _TWO | {"hidden": (1000, 1000), "dropout": 0.5},
    }
)
"""What the networks of chapter 6 consist of, in the order of ``conv.py``: the arguments of :func:`nielsen_conv_net`."""


def nielsen_ladder(rung: Rung, *, input_shape: tuple[int, int, int] = (28, 28, 1), classes: int = 10) -> ModelSpec:
    """A network of chapter 6, where each improves on the one before.

    All are trained with batches of 10, at a rate of 0.1 with sigmoid units and 0.03 with rectified ones, for 60 epochs
    (``dropout``: 40). From ``wide_300`` on the images are expanded (``DataSpec.displaced`` = 1). ``conv.py`` tries
    several weight decays with ``two_conv_relu`` and takes lambda = 0.1 for the wider ones without dropout; its loss
    adds lambda / (2 * batches an epoch) times the sum of squared weights, so that ``TrainSpec.weight_decay`` is
    lambda / batches an epoch: 0.1 / 5,000 = 2e-5 on 50,000 images, 0.1 / 25,000 = 4e-6 on 250,000 expanded ones.

    Args:
        rung: Name of the network, one of :data:`LADDER`.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    return nielsen_conv_net(**LADDER[rung], input_shape=input_shape, classes=classes)


def nielsen_conv_net(
    *,
    maps: tuple[int, ...],
    hidden: tuple[int, ...] = (100,),
    activation: Activation = "sigmoid",
    dropout: float = 0.0,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """A network of network3.py: 5x5 convolutions without padding, each with 2x2 maximum pooling, and dense layers.

    Weights are drawn from N(0, 1 / n_out), biases from N(0, 1); those of the softmax layer start at zero. network3.py
    drops inputs of dense layers and halves their weights in use, where Keras doubles the inputs that are left: the same
    network, but for the scale of the weights above a dropout, which here act as if drawn twice as large.

    Args:
        maps: Numbers of feature maps of the convolutions, from the input up.
        hidden: Numbers of units of the dense hidden layers, from the input up.
        activation: The unit of every hidden layer.
        dropout: Fraction of the inputs of every dense layer that is dropped, before the softmax too.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    common: dict[str, Any] = {"activation": activation, "initializer": FAN_OUT, "bias_stddev": BIAS_STDDEV}
    pool = Pool(reduce="max", size=2, stride=2, padding="valid", before_unit=True)
    # The input of the lowest dense layer is what the uppermost convolution gives; that of the network is never dropped.
    last = len(maps) - 1
    convs = tuple(
        Conv(maps=count, field=5, padding="valid", pool=pool, dropout=dropout if number == last else 0.0, **common)
        for number, count in enumerate(maps)
    )
    dense = tuple(Dense(units=units, dropout=dropout, **common) for units in hidden)
    logits = Dense(units=classes, activation=None, initializer=Zeros())
    return ModelSpec(input_shape=input_shape, layers=(*convs, *dense, logits))


def nielsen_dense_net(
    *, hidden: tuple[int, ...], input_shape: tuple[int, int, int] = (28, 28, 1), classes: int = 10
) -> ModelSpec:
    """A network of network2.py, as in chapter 5: dense sigmoid layers, all weights N(0, 1 / n_in), all biases N(0, 1).

    network2.py adds lambda / (2 n) times the sum of squared weights to its loss, with n training images:
    ``TrainSpec.weight_decay`` is lambda / n. Its output units are sigmoids with a cross-entropy each; here they are
    logits with one softmax. The figures of chapter 5 (``fig/generate_gradient.py``): two to four hidden layers of 30,
    1,000 images in one batch, a rate of 0.1, lambda = 5 (a decay of 0.005), 500 epochs.

    Args:
        hidden: Numbers of units of the hidden layers, from the input up.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    weights = {"initializer": LECUN, "bias_stddev": BIAS_STDDEV}
    layers = tuple(Dense(units=units, activation="sigmoid", **weights) for units in hidden)
    logits = Dense(units=classes, activation=None, **weights)
    return ModelSpec(input_shape=input_shape, layers=(*layers, logits))
