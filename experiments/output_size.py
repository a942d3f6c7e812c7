"""Do stride and padding set the size of the output, and what does a stride cost?

Claim: a layer with field k, stride s and padding p on an input of i pixels gives floor((i + 2p - k) / s) + 1 positions
(Dumoulin & Visin 2016, relationship 6). Keras's "same" gives ceil(i / s), padded unevenly.

Check: every case of a grid, against what the built layer gives. Arms: the first of two convolutions looks at every
position, at one of 4, or at one of 16 (strides of 1, 2 and 4). Maximum pooling makes up for it: over 4x4 pixels after
stride 1, over 2x2 after stride 2. All maps then have a quarter of the image's side, and all their units see 8x8 pixels,
so that kernels are of 5x5, 6x6 and 8x8. Above are a 3x3 convolution and two dense layers, the same for all. All stop at
1 % training error, or when their epochs are over.
Rules: every case agrees; stride 1 has a lower test error than stride 2 and than stride 4, and a gain of less than a
point would be of no interest. Figures: agreement; error against stride.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import Agreement, Condition, LowestValidationError, Plot, Sizes, ablation, claim, direction, gain
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

TARGET = 0.01  # training error at which every arm stops
QUARTER = 4  # stride and pooling together
REACH = 8  # side of what a unit of the pooled maps sees, in pixels


@claim(
    "The size of the output is floor((i + 2p - k) / s) + 1.",
    magnitude="the statement is exact",
    mechanism="the sizes are arithmetic",
)
def size_formula(at):
    """Every case of the grid agrees."""
    yield direction(Agreement("output_size"), under="all geometries")


@claim(
    "A stride above 1 costs accuracy, compared with pooling to maps of the same size.",
    magnitude="no published number for this comparison",
    mechanism="no mechanism is claimed",
)
def stride_costs_accuracy(at):
    """Stride 1 gains on strides 2 and 4. That a stride saves computation is arithmetic: see local_receptive_fields."""
    for stride in (2, 4):
        yield direction(gain("stride 1", f"stride {stride}"), above=0, smallest=1, under=Condition(f"stride {stride}"))


@ablation(
    "The size of the output: stride and padding",
    claims=(size_formula, stride_costs_accuracy),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=20,
        evaluation_size=1000,
        rates=(0.005, 0.01, 0.02),
    ),
    full=Sizes(
        dataset="cifar10",
        train_size=10_000,
        validation_size=5000,
        batch_size=50,
        epochs=30,
        evaluation_size=2000,
        looks=(4, 6, 9),
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    checks=("output_size",),
    figures=("agreement", Plot("dose", "error_by_stride", x="stride (pixels)", y="test error"), "effects"),
)
def output_size(at):
    """Two convolutions, the first with a stride of 1, 2 or 4."""
    maps, hidden = at.choose(smoke=((4, 8), 16), quick=((8, 16), 64), full=((16, 32), 64))
    for stride in (1, 2, 4):
        model = at.network(network, stride, maps, hidden)
        yield at.arm(
            f"stride {stride}", model, condition="equal maps and fields", level=stride, target_train_error=TARGET
        )


def network(
    stride: int, maps: tuple[int, int], hidden: int, input_shape: tuple[int, int, int], classes: int
) -> ModelSpec:
    """Two convolutions and two dense layers; what the first has too little of stride, pooling after it makes up for."""
    side = QUARTER // stride
    pool = Pool(reduce="max", size=side, stride=side) if side > 1 else None
    field = REACH - (side - 1) * stride  # the pooled units stand so many pixels apart
    he = FAN_SCALED.of(0, "relu")
    layers = (
        Conv(maps=maps[0], field=field, stride=stride, pool=pool, initializer=he),
        Conv(maps=maps[1], field=3, initializer=he),
        Dense(units=hidden, initializer=he),
        Dense(units=classes, activation=None),
    )
    return ModelSpec(input_shape=input_shape, layers=layers)
