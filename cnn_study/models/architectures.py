"""The named networks, as functions that return a :class:`~cnn_study.spec.ModelSpec`; none needs TensorFlow."""

from dataclasses import dataclass

from cnn_study.spec import GLOROT, HE, Activation, Conv, Dense, Initializer, ModelSpec, Normal, Pool

RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu"})


@dataclass(frozen=True)
class Initialization:
    """The initial weights of a whole network.

    Attributes:
        stddevs: A standard deviation a layer, in units of weights on standardized inputs; empty: scaled by the fan,
            with He's rule before rectifiers and Glorot's before all others.
    """

    stddevs: tuple[float, ...] = ()

    def of(self, layer: int, activation: Activation | None) -> Initializer:
        """The initializer of a layer, counted from 0, that feeds the given unit."""
        if self.stddevs:
            return Normal(stddev=self.stddevs[layer])
        return HE if activation in RECTIFIERS else GLOROT


FAN_SCALED = Initialization()
"""He's rule before rectifiers, Glorot's before saturating units and before the logits."""


def _convnet_2012(*stddevs: float, pixel_stddev: float) -> Initialization:
    first, *others = stddevs
    return Initialization((first * pixel_stddev, *others))


def cuda_convnet_18pct(pixel_stddev: float) -> Initialization:
    """The fixed deviations of cuda-convnet's layer file for the 18 % network: 1e-4, 0.01, 0.01 and 0.01.

    Args:
        pixel_stddev: Standard deviation of the mean-subtracted pixels in units of 0-255. The first deviation was
            chosen for inputs on that scale; on standardized inputs the same responses need weights this much larger.
            Give 1 for inputs that are mean-subtracted only.
    """
    return _convnet_2012(1e-4, 0.01, 0.01, 0.01, pixel_stddev=pixel_stddev)


def cuda_convnet_13pct(pixel_stddev: float) -> Initialization:
    """The fixed deviations of cuda-convnet's layer file for the 13 % network: 1e-4, 0.01, 0.04, 0.04 and 0.01.

    Args:
        pixel_stddev: As for :func:`cuda_convnet_18pct`.
    """
    return _convnet_2012(1e-4, 0.01, 0.04, 0.04, 0.01, pixel_stddev=pixel_stddev)


def four_layer_18pct(
    activation: Activation,
    *,
    initialization: Initialization = FAN_SCALED,
    batch_norm: bool = False,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
) -> ModelSpec:
    """The four-layer network read as cuda-convnet's ``layers-18pct`` without response normalization.

    Three 5x5 convolutions of 32, 32 and 64 maps, each with overlapping 3x3 pooling at stride 2: the maximum, taken
    before the unit, then averages, taken after it; and one dense layer. 89,578 parameters on 32x32x3 inputs.

    Args:
        activation: The unit of every convolution.
        initialization: Of all weights.
        batch_norm: Batch normalization before every unit.
        input_shape: ``(height, width, channels)``.
        classes: Number of logits.
    """
    average = Pool(reduce="average", size=3)
    pools = (Pool(reduce="max", size=3, before_unit=True), average, average)
    convs = tuple(
        Conv(
            maps=maps,
            field=5,
            activation=activation,
            pool=pool,
            batch_norm=batch_norm,
            initializer=initialization.of(number, activation),
        )
        for number, (maps, pool) in enumerate(zip((32, 32, 64), pools, strict=True))
    )
    logits = Dense(units=classes, activation=None, initializer=initialization.of(3, None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, logits))


def four_layer_13pct(
    activation: Activation,
    *,
    initialization: Initialization = FAN_SCALED,
    batch_norm: bool = False,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
) -> ModelSpec:
    """The network read as cuda-convnet's ``layers-conv-local-13pct`` without response normalization.

    Two 5x5 convolutions of 64 maps with overlapping 3x3 max pooling at stride 2, two locally connected 3x3 layers of 32
    maps, and one dense layer.

    Args:
        activation: The unit of every hidden layer.
        initialization: Of all weights.
        batch_norm: Batch normalization before every unit.
        input_shape: ``(height, width, channels)``.
        classes: Number of logits.
    """
    pool = Pool(reduce="max", size=3)
    rows = ((64, 5, True, pool), (64, 5, True, pool), (32, 3, False, None), (32, 3, False, None))
    hidden = tuple(
        Conv(
            maps=maps,
            field=size,
            shared=shared,
            activation=activation,
            pool=after,
            batch_norm=batch_norm,
            initializer=initialization.of(number, activation),
        )
        for number, (maps, size, shared, after) in enumerate(rows)
    )
    logits = Dense(units=classes, activation=None, initializer=initialization.of(4, None))
    return ModelSpec(input_shape=input_shape, layers=(*hidden, logits))


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
        hidden: Units of the hidden layers, from the input up.
        initialization: Of all weights.
        batch_norm: Batch normalization before every unit.
        input_shape: ``(height, width, channels)``.
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
