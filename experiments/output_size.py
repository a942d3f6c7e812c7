"""Do stride and padding set the size of the output, and what does a stride cost?

Claim: a layer with field k, stride s and padding p on an input of i pixels gives floor((i + 2p - k) / s) + 1 positions
(Dumoulin & Visin 2016, relationship 6). Keras's "same" gives ceil(i / s), padded unevenly.

Check: every case of a grid, against what the built layer gives. Arms: stride 1, 2 and 4 in the first of two layers.
Rules: every case agrees; stride 4 loses accuracy against stride 1 (it looks at a sixteenth of the positions).
Figures: agreement; error against stride. Run time: `quick` about a minute.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import Agreement, Plot, Sizes, ValidationError, ablation, claim, direction, gain
from cnn_study.spec import Conv, Dense, GlobalAverage, ModelSpec


@claim(
    "The size of the output is floor((i + 2p - k) / s) + 1.",
    magnitude="the statement is exact",
    mechanism="the sizes are arithmetic",
)
def size_formula(at):
    """Every case of the grid agrees."""
    yield direction(Agreement("output_size"), under="all geometries")


@claim(
    "A stride above 1 saves computation and costs accuracy.",
    magnitude="no published number for this comparison",
    mechanism="no mechanism is claimed",
)
def stride_costs_accuracy(at):
    """Stride 1 gains on stride 4."""
    yield direction(gain("stride 1", "stride 4"), above=0)


@ablation(
    "The size of the output: stride and padding",
    claims=(size_formula, stride_costs_accuracy),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=10,
        evaluation_size=500,
        seeds=5,
        rates=(0.01, 0.04, 0.16),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=20,
        seeds=6,
        rates=(0.005, 0.01, 0.02, 0.04, 0.08),
    ),
    tune=ValidationError(),
    checks=("output_size",),
    figures=("agreement", Plot("dose", "error_by_stride", x="stride (pixels)", y="test error"), "effects"),
)
def output_size(at):
    """Two convolutions, the first with a stride of 1, 2 or 4."""
    for stride in (1, 2, 4):
        model = at.network(network, stride)
        yield at.arm(f"stride {stride}", model, label="two layers", condition="5x5, then 3x3", level=stride)


def network(stride: int, input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """Two convolutions, the first with the given stride, and the average of every map: equal parameters for all."""
    layers = (
        Conv(maps=8, field=5, stride=stride, initializer=FAN_SCALED.of(0, "relu")),
        Conv(maps=32, field=3, stride=2, initializer=FAN_SCALED.of(1, "relu")),
        GlobalAverage(),
        Dense(units=classes, activation=None),
    )
    return ModelSpec(input_shape=input_shape, layers=layers)
