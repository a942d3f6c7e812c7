"""The two readings of the four-layer network of Krizhevsky et al. 2012, after cuda-convnet's example layer files."""

from cnn_study.models.architectures.initialization import FAN_SCALED, Initialization
from cnn_study.spec import Activation, Conv, Dense, ModelSpec, Pool


def _deviations(*stddevs: float, pixel_stddev: float) -> Initialization:
    first, *others = stddevs
    return Initialization((first * pixel_stddev, *others))


def deviations_18pct(pixel_stddev: float) -> Initialization:
    """The fixed deviations of cuda-convnet's layer file for the 18 % network: 1e-4, 0.01, 0.01 and 0.01.

    Args:
        pixel_stddev: Standard deviation of the mean-subtracted pixels in units of 0-255. The first deviation was
            chosen for inputs on that scale; on standardized inputs the same responses need weights this much larger.
            Give 1 for inputs that are mean-subtracted only.
    """
    return _deviations(1e-4, 0.01, 0.01, 0.01, pixel_stddev=pixel_stddev)


def deviations_13pct(pixel_stddev: float) -> Initialization:
    """The fixed deviations of cuda-convnet's layer file for the 13 % network: 1e-4, 0.01, 0.04, 0.04 and 0.01.

    Args:
        pixel_stddev: Standard deviation of the mean-subtracted pixels, as for :func:`deviations_18pct`.
    """
    return _deviations(1e-4, 0.01, 0.04, 0.04, 0.01, pixel_stddev=pixel_stddev)


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
        initialization: The rule by which all weights are drawn.
        batch_norm: Batch normalization before every unit.
        input_shape: Shape of an image, ``(height, width, channels)``.
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
        initialization: The rule by which all weights are drawn.
        batch_norm: Batch normalization before every unit.
        input_shape: Shape of an image, ``(height, width, channels)``.
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
