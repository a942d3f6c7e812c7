"""Do stride and padding set the size of the output, and what does a stride cost?

Claim: a layer with field k, stride s and padding p on an input of i pixels gives floor((i + 2p - k) / s) + 1 positions
(Dumoulin & Visin 2016, relationship 6). Keras's "same" gives ceil(i / s), padded unevenly.

Check: every case of a grid, against what the built layer gives. Arms: stride 1, 2 and 4 in the first of two layers.
Rules: every case agrees; stride 4 loses accuracy against stride 1 (it looks at a sixteenth of the positions).
Figures: agreement; error against stride. Run time: `quick` about a minute.
"""

from cnn_study.checks.names import check
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Design,
    Experiment,
    Plot,
    RateSearch,
    Rule,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import FAN_SCALED
from cnn_study.spec import Conv, Dense, GlobalAverage, ModelSpec

CLAIMS = (
    Claim(
        "size-formula",
        "The size of the output is floor((i + 2p - k) / s) + 1.",
        (),
        {"magnitude": "the statement is exact", "mechanism": "the sizes are arithmetic"},
    ),
    Claim(
        "stride-costs-accuracy",
        "A stride above 1 saves computation and costs accuracy.",
        (),
        {"magnitude": "no published number for this comparison", "mechanism": "no mechanism is claimed"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 10, 5, (0.01, 0.04, 0.16), 1000, 2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 20, 6, (0.005, 0.01, 0.02, 0.04, 0.08), 5000),
}
STRIDES = (1, 2, 4)


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data = setting.data(fallback)
    arms = tuple(
        Arm(f"stride {s}", "two layers", "5x5, then 3x3", data, network(s, data), setting.train(), level=s)
        for s in STRIDES
    )
    rules = (
        Rule("size-formula", "direction", "all geometries", Agreement("output_size")),
        Rule("stride-costs-accuracy", "direction", "5x5, then 3x3", gain("stride 1", "stride 4"), low=0),
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(
        arms, search, setting.replicates, rules, setting.proxy(fallback), (check("output_size", sample=setting.trial),)
    )


def network(stride: int, data) -> ModelSpec:
    """Two convolutions, the first with the given stride, and the average of every map: equal parameters for all."""
    layers = (
        Conv(maps=8, field=5, stride=stride, initializer=FAN_SCALED.of(0, "relu")),
        Conv(maps=32, field=3, stride=2, initializer=FAN_SCALED.of(1, "relu")),
        GlobalAverage(),
        Dense(units=classes_of(data), activation=None),
    )
    return ModelSpec(input_shape=shape_of(data), layers=layers)


EXPERIMENT = Experiment(
    name="output_size",
    title="The size of the output: stride and padding",
    claims=CLAIMS,
    design=design,
    figures=("agreement", Plot("dose", "error_by_stride", x="stride (pixels)", y="test error"), "effects"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
