"""Does zero padding keep the size, and does it keep what lies at the border?

Claim: padding with zeros keeps the volume, and keeps information at the border from being lost quickly. It is taught in
courses; no primary ablation is known to us. In tension with it: zero padding lets a network tell where it is, and so
works against translation invariance (Islam, Jia & Bruce 2020; Kayhan & van Gemert 2020).

Checks: sizes over a grid; how many units of the last layer still see a pixel at the border, layer by layer; whether the
response to a constant image depends on the place. Arms: zero, reflected and no padding, at equal depth and parameters,
on digits of 10 pixels placed at random on a canvas of 20; all stop at 5 % training error. Every rate is tried with two
seeds, and the worse counts: at rates that are only just too high some of these trainings fail.
Rule: accuracy with padding minus without, for digits that touch the border, exceeds the same difference for digits in
the center by at least 2 points. Mechanism: if that is so, and because the border is seen more often rather than because
it is marked by zeros, then reflection does as well up to 2 points (equivalence test).
Figures: accuracy against the distance from the border; visibility; effects.
"""

from cnn_study.models.architectures import padding_net
from cnn_study.page import (
    Agreement,
    Condition,
    Contrast,
    LowestValidationError,
    Plot,
    Sizes,
    Term,
    ablation,
    claim,
    direction,
    mechanism,
    premise,
)
from cnn_study.spec import Padding

TARGET = 0.05  # training error at which every arm stops
LEAST = 2  # points of accuracy, below which a difference between border and center is of no interest
DEEP = Condition("4 layers")
NO_NUMBER = "no published number: the claim is taught, not measured"


@claim(
    "With zero padding a layer of stride 1 gives maps of the size of its input.",
    magnitude="the statement is exact",
    mechanism="the sizes are arithmetic",
)
def padding_keeps_volume(at):
    """Every size of the grid is kept."""
    yield direction(Agreement("padding_volume"), under="all geometries")


def border_gain(padding: str, other: str) -> Contrast:
    """Gain in accuracy from one padding to another at the border, minus the same gain in the center."""
    terms = (
        Term(100, padding, "accuracy_at_border"),
        Term(-100, other, "accuracy_at_border"),
        Term(-100, padding, "accuracy_at_center"),
        Term(100, other, "accuracy_at_center"),
    )
    return Contrast(terms, f"the gain in accuracy from {other} to {padding} at the border minus that in the center")


@claim(
    "Zero padding keeps information at the border from being lost, because more units see the border.",
    magnitude=NO_NUMBER,
)
def padding_keeps_border(at):
    """At the border, zeros gain at least 2 points more than in the center.

    If it is that the border is seen more often, and not the zeros, this must hold, and reflection must do as well.
    """
    kept = border_gain("same", "valid")
    yield direction(kept, above=LEAST, under=DEEP)
    yield premise(kept, above=LEAST, under=DEEP)
    yield mechanism(border_gain("same", "reflect"), equivalent=(-LEAST, LEAST), under=DEEP)


@claim(
    "Zero padding lets a network tell where it is (Islam et al. 2020), which no padding and reflection do not.",
    magnitude="the statement is qualitative",
    mechanism="the check is the mechanism",
)
def padding_tells_position(at):
    """The response to a constant image depends on the place with zeros, and only with them."""
    yield direction(Agreement("padding_position"), under="random weights")


PADDINGS: dict[Padding, str] = {"same": "zero padding", "valid": "no padding", "reflect": "reflection"}


@ablation(
    "Zero padding",
    claims=(padding_keeps_volume, padding_keeps_border, padding_tells_position),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=30,
        evaluation_size=1000,
        rates=(0.01, 0.02, 0.04),
    ),
    full=Sizes(
        dataset="mnist",
        train_size=10_000,
        validation_size=5000,
        batch_size=50,
        epochs=20,
        evaluation_size=2000,
        looks=(4, 6, 9),
        rates=(0.01, 0.02, 0.04),
    ),
    tune=LowestValidationError(),
    searches=2,
    checks=("padding_volume", "border_visibility", "padding_position"),
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
def zero_padding(at):
    """Four layers with each kind of padding, on digits placed at random on a canvas."""
    # Digits of 10 pixels, cut to their own square; the embedded digits are small as they are.
    small = {} if at.dataset.embedded else {"crop": 4, "side": 10}
    here = at.but(placement="random", canvas=20, **small)
    for padding, label in PADDINGS.items():
        model = here.network(padding_net, padding, depth=4, maps=12)
        yield here.arm(
            padding, model, label=label, condition="4 layers of 3x3", probes=("border",), target_train_error=TARGET
        )
