"""LeNet-5, as published and as it is usually built today."""

from typing import Literal

from cnn_study.models.architectures.initialization import FAN_SCALED
from cnn_study.spec import Activation, Conv, Dense, FanUniform, ModelSpec, Pool, RadialBasis, Subsample

S2_MAPS, C3_MAPS, C5_MAPS, F6_UNITS = 6, 16, 120, 84


def _neighbors(count: int) -> tuple[tuple[int, ...], ...]:
    """Every run of so many neighboring maps of S2, the last next to the first."""
    return tuple(tuple(sorted((first + i) % S2_MAPS for i in range(count))) for first in range(S2_MAPS))


C3_TABLE = (
    *_neighbors(3),
    *_neighbors(4),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    tuple(range(S2_MAPS)),
)
"""The connection table of C3: for every map, the maps of S2 that it is connected to (LeCun et al. 1998, table I)."""

_RATES_1998 = (2 * (0.0005,), 3 * (0.0002,), 3 * (0.0001,), 4 * (0.00005,), (0.00001,))
SCHEDULE_1998 = tuple(rate / _RATES_1998[0][0] for rates in _RATES_1998 for rate in rates)
"""``TrainSpec.schedule`` of LeCun et al. 1998, section III.B, as fractions of the first rate.

0.0005 for two passes, 0.0002 for three, 0.0001 for three, 0.00005 for four and 0.00001 after, of 20 in all. The paper
divides them by a second derivative of each weight's own; what is taken over is the shape.
"""


def lenet5_1998() -> ModelSpec:
    """LeNet-5 as in LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning", section II.B, for 32x32 images.

    With trainable subsampling, the partial connection table of C3, units 1.7159 tanh(2x/3), radial basis functions as
    the output, and weights drawn uniformly within 2.4 divided by the fan. 60,000 parameters, 340,908 connections.
    Biases start at zero and the coefficients of subsampling at the average, which the paper leaves open.
    """
    weights = FanUniform(reach=2.4)

    def conv(maps: int, table: tuple[tuple[int, ...], ...] | None = None) -> Conv:
        return Conv(maps=maps, field=5, padding="valid", activation="scaled_tanh", table=table, initializer=weights)

    return ModelSpec(
        input_shape=(32, 32, 1),
        layers=(
            conv(S2_MAPS),
            Subsample(),
            conv(C3_MAPS, C3_TABLE),
            Subsample(),
            conv(C5_MAPS),
            Dense(units=F6_UNITS, activation="scaled_tanh", initializer=weights),
            RadialBasis(),
        ),
    )


def lenet5_usual(
    activation: Activation = "tanh",
    *,
    pool: Literal["max", "average"] = "average",
    input_shape: tuple[int, int, int] = (32, 32, 1),
    classes: int = 10,
) -> ModelSpec:
    """LeNet-5 as it is usually built: plain pooling, full connections and linear logits. 61,706 parameters on 32x32.

    Two 5x5 convolutions without padding, of 6 and 16 maps, each with 2x2 pooling, and dense layers of 120, 84 and 10
    units. On 28x28 images it usually pads the first convolution, which equals 32x32 images with a black border.

    Args:
        activation: The unit of every hidden layer.
        pool: Kind of pooling.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    initializer = FAN_SCALED.of(0, activation)
    convs = tuple(
        Conv(
            maps=maps, field=5, padding="valid", activation=activation, pool=Pool(reduce=pool), initializer=initializer
        )
        for maps in (S2_MAPS, C3_MAPS)
    )
    hidden = tuple(Dense(units=units, activation=activation, initializer=initializer) for units in (C5_MAPS, F6_UNITS))
    logits = Dense(units=classes, activation=None, initializer=FAN_SCALED.of(len(convs) + len(hidden), None))
    return ModelSpec(input_shape=input_shape, layers=(*convs, *hidden, logits))
