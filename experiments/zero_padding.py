"""Does zero padding keep the size, and does it keep what lies at the border?

Claim: padding with zeros keeps the volume, and keeps information at the border from being lost quickly. It is taught in
courses; no primary ablation is known to us. In tension with it: zero padding lets a network tell where it is, and so
works against translation invariance (Islam, Jia & Bruce 2020; Kayhan & van Gemert 2020).

Checks: sizes over a grid; how many units of the last layer still see a pixel at the border, layer by layer; whether the
response to a constant image depends on the place. Arms: zero, reflected and no padding, at equal depth and parameters,
on small digits placed at random on a canvas. Rule: accuracy with padding minus without, for digits that touch the
border, exceeds the same difference for digits in the center by at least 2 points.
Figures: accuracy against the distance from the border; visibility; effects. Run time: `quick` about two minutes.
"""

from cnn_study.checks.names import check
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    Plot,
    RateSearch,
    Rule,
    Term,
    ValidationError,
)
from cnn_study.models.architectures import padding_net
from cnn_study.spec import Padding

NO_NUMBER = "no published number: the claim is taught, not measured"
CLAIMS = (
    Claim(
        "padding-keeps-volume",
        "With zero padding a layer of stride 1 gives maps of the size of its input.",
        (),
        {"magnitude": "the statement is exact", "mechanism": "the sizes are arithmetic"},
    ),
    Claim(
        "padding-keeps-border",
        "Zero padding keeps information at the border from being lost.",
        (),
        {"magnitude": NO_NUMBER},
    ),
    Claim(
        "padding-tells-position",
        "Zero padding lets a network tell where it is (Islam et al. 2020), which no padding and reflection do not.",
        (),
        {"magnitude": "the statement is qualitative", "mechanism": "the check is the mechanism"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 10, 5, (0.01, 0.04, 0.16), 1000, 2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 20, 6, (0.005, 0.01, 0.02, 0.04, 0.08), 5000),
}
PADDINGS: dict[Padding, str] = {"same": "zeros", "valid": "none", "reflect": "reflected"}
# Digits of 10 pixels, cut to their own square, on a canvas of 28; the embedded digits are small as they are.
GEOMETRY = {"crop": 4, "side": 10, "canvas": 28, "placement": "random"}
EMBEDDED_GEOMETRY = {"canvas": 20, "placement": "random"}
DEPTH, MAPS = 4, 12


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    embedded = (fallback or setting.dataset) == "digits"
    data = setting.data(fallback, **(EMBEDDED_GEOMETRY if embedded else GEOMETRY))
    shape, classes = shape_of(data), classes_of(data)
    arms = tuple(
        Arm(
            name=padding,
            label=label,
            condition=f"{DEPTH} layers of 3x3",
            data=data,
            model=padding_net(padding, depth=DEPTH, maps=MAPS, input_shape=shape, classes=classes),
            train=setting.train(),
            probes=("border",),
        )
        for padding, label in PADDINGS.items()
    )
    rules = (
        Rule("padding-keeps-volume", "direction", "all geometries", Agreement("padding_volume")),
        Rule("padding-keeps-border", "direction", f"{DEPTH} layers", border_gain("same", "valid"), low=2),
        # If it is the border that is seen more often, and not the zeros, reflection must do as well.
        Rule(
            "padding-keeps-border",
            "mechanism",
            f"{DEPTH} layers",
            border_gain("same", "reflect"),
            low=-2,
            high=2,
            equivalence=True,
        ),
        Rule("padding-tells-position", "direction", "random weights", Agreement("padding_position")),
    )
    search = RateSearch(ValidationError(), setting.rates)
    checks = (
        check("padding_volume", sample=setting.trial),
        check("border_visibility", sample=setting.trial),
        check("padding_position", sample=setting.trial),
    )
    return Design(arms, search, setting.replicates, rules, setting.proxy(fallback), checks)


def border_gain(padding: str, other: str) -> Contrast:
    """Gain in accuracy from one padding to another at the border, minus the same gain in the center."""
    terms = (
        Term(100, padding, "accuracy_at_border"),
        Term(-100, other, "accuracy_at_border"),
        Term(-100, padding, "accuracy_at_center"),
        Term(100, other, "accuracy_at_center"),
    )
    return Contrast(terms, f"the gain in accuracy from {other} to {padding} at the border minus that in the center")


EXPERIMENT = Experiment(
    name="zero_padding",
    title="Zero padding",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot(
            "family",
            "accuracy_by_distance",
            "accuracy_at_distance",
            x="distance of the digit from the border (pixels)",
            y="test accuracy",
        ),
        Plot("table", "visibility", "border_visibility:padding", x="distance", y="influence"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
