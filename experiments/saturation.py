"""Do deep dense networks learn slowly with sigmoid and tanh because their units saturate?

Claim: deep fully connected networks learn slowly with sigmoid and tanh units, as saturated units pass no gradient.
Numbers: Glorot & Bengio 2010, Table 1, test error on MNIST with 5 layers of 1,000 units: sigmoid 2.21 %, tanh 1.76 %,
tanh with their initialization 1.64 %: the initialization alone rescues tanh.

Arms: sigmoid, tanh and ReLU, shallow and deep, with Glorot's and He's initialization, and with batch normalization.
Rules: direction: epochs to 5 % training error against ReLU, in the deepest network. Mechanism: units are saturated
already after the first epoch (by at least 10 % in some layer), and batch normalization, which takes saturation away,
removes at least half of the gap in time. Figures: saturation over time; effects; training curves.
Run time: `quick` about three minutes.
"""

from cnn_study.models.architectures import change_hidden, dense_net, initialized
from cnn_study.page import (
    SMOKE,
    Contrast,
    HalfGap,
    Plot,
    Published,
    Sizes,
    Term,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    mechanism,
)
from cnn_study.spec import GLOROT, HE, Activation, Initializer

GLOROT_TABLE = "Glorot & Bengio 2010, Table 1"
FIVE_LAYERS = "test error on MNIST, 5 layers of 1,000"
NO_TIMES = "the published table gives errors, not times"
TARGET = 0.05  # training error to which times are compared
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
INITIALIZATIONS: dict[str, Initializer] = {"Glorot": GLOROT, "He": HE}


def depths(at) -> tuple[int, ...]:
    """Hidden layers of the networks, the deepest last."""
    return at.choose(smoke=(1, 5), quick=(1, 5), full=(1, 3, 5, 8))


def slow_when_deep(unit: Activation, at):
    """In the deepest network the unit takes longer than ReLU.

    It is so because its units saturate if they are saturated after one epoch already, by a tenth in some layer, and if
    batch normalization, which takes saturation away, removes half of the gap.
    """
    deepest = f"{depths(at)[-1]} deep"
    for weights in INITIALIZATIONS:
        yield direction(TimeRatio(f"{unit}, {deepest}, {weights}", f"relu, {deepest}, {weights}", TARGET), above=1)
    slow, fast = f"{unit}, {deepest}, Glorot", f"relu, {deepest}, Glorot"
    early = Contrast((Term(100, slow, "saturated_early"),), f"the saturated fraction after one epoch in {slow}")
    yield mechanism(early, above=10)
    yield mechanism(TimeRatio(slow, fast, TARGET), above=1)
    yield mechanism(HalfGap(slow, fast, f"{unit}, normalized, {deepest}, Glorot", TARGET), above=1)


@claim(
    "A deep dense network of sigmoid units needs more epochs than one of ReLUs, because its units saturate.",
    published=(Published(f"{FIVE_LAYERS} (%)", 2.21, GLOROT_TABLE, "secondary", about="sigmoid"),),
    magnitude=NO_TIMES,
)
def sigmoid_is_slow_when_deep(at):
    """See above."""
    yield from slow_when_deep("sigmoid", at)


@claim(
    "A deep dense network of tanh units needs more epochs than one of ReLUs, because its units saturate.",
    published=(
        Published(f"{FIVE_LAYERS} (%)", 1.76, GLOROT_TABLE, "secondary", about="tanh"),
        Published(f"{FIVE_LAYERS}, Glorot's initialization (%)", 1.64, GLOROT_TABLE, "secondary", about="tanh"),
    ),
    magnitude=NO_TIMES,
)
def tanh_is_slow_when_deep(at):
    """See above."""
    yield from slow_when_deep("tanh", at)


SHOWN = ("tanh, 5 deep, Glorot", "sigmoid, 5 deep, Glorot")  # in every profile


@ablation(
    "Saturation in deep dense networks",
    claims=(sigmoid_is_slow_when_deep, tanh_is_slow_when_deep),
    smoke=SMOKE.but(validation_size=0, epochs=3, evaluations=2),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        test_size=2000,
        batch_size=10,
        epochs=12,
        evaluations=4,
        evaluation_size=1000,
        seeds=5,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="mnist",
        batch_size=10,
        epochs=20,
        evaluations=10,
        evaluation_size=10_000,
        seeds=6,
        rates=(0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=TimeToTrainError(TARGET),
    figures=(
        "training_curves",
        Plot("over_time", "saturated", "saturated", "epochs", "saturated units", arms=SHOWN),
        "effects",
    ),
)
def saturation(at):
    """Three units, shallow and deep, with two initializations; and the deepest saturating ones with normalization."""
    width = at.choose(smoke=32, quick=100, full=1000)

    def arm(unit: Activation, depth: int, weights: str, norm: bool = False):
        plain = at.network(dense_net, unit, hidden=(width,) * depth)
        model = change_hidden(initialized(plain, INITIALIZATIONS[weights]), batch_norm=norm)
        normalized = ", normalized" if norm else ""
        return at.arm(
            f"{unit}{normalized}, {depth} deep, {weights}",
            model,
            label=UNITS[unit] + normalized,
            condition=f"{depth} hidden, {weights}",
            level=depth,
            probes=("saturation",),
            target_train_error=TARGET,
        )

    for weights in INITIALIZATIONS:
        for depth in depths(at):
            for unit in UNITS:
                yield arm(unit, depth, weights)
    for unit in ("tanh", "sigmoid"):
        yield arm(unit, depths(at)[-1], "Glorot", norm=True)
