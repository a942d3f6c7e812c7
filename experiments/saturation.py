"""Do deep dense networks learn slowly with sigmoid and tanh because their units saturate?

Claim: deep fully connected networks learn slowly with sigmoid and tanh units, as saturated units pass no gradient
(Glorot & Bengio 2010, who look at units while networks of 5 layers are trained by plain gradient descent, batches of
10).

Arms: sigmoid, tanh and ReLU, shallow and deep, trained as there; from the standard weights of the time, even within 1 /
sqrt(fan in), from Glorot's and from He's; and, with Glorot's weights only, with batch normalization.
Rules: direction: epochs to 5 % training error against ReLU, in the deep network, with each of the three weights.
Mechanism, judged with Glorot's weights only (the normalized initialization of Glorot & Bengio): the unit is slower at
all; units are saturated already after the first epoch (by at least 10 % in some layer), before the time is lost; and
batch normalization, which takes saturation away, removes at least half of the gap between the logarithms of both times.
So nothing is said of the cause with standard weights, with which the paper shows saturation. What saturation does to
the test error in the end, with the published numbers, is the page `initialization`.
Figures: saturation over time; effects; training curves.
"""

from cnn_study.models.architectures import change_hidden, dense_net, initialized
from cnn_study.page import (
    SMOKE,
    Contrast,
    HalfGap,
    Plot,
    Sizes,
    Term,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    mechanism,
    premise,
)
from cnn_study.spec import GLOROT_UNIFORM, HE, STANDARD, Activation, Initializer

NO_TIMES = "no published times: the paper gives errors, see initialization"
TARGET = 0.05  # training error to which times are compared
DEPTHS = (1, 5)
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
WEIGHTS: dict[str, Initializer] = {"standard": STANDARD, "Glorot": GLOROT_UNIFORM, "He": HE}
COMMON = "Glorot"  # weights of the networks that show what depth and normalization do


def named(unit: str, weights: str = COMMON, depth: int = DEPTHS[-1]) -> str:
    """The name of an arm."""
    return f"{unit}, {depth} deep, {weights}"


def slow_when_deep(unit: Activation):
    """In the deep network the unit takes longer than ReLU, by a quarter at least.

    It is so because its units saturate if it is slower, if they are saturated after one epoch already, by a tenth in
    some layer, and if batch normalization, which takes saturation away, removes half of the gap between logarithms.
    """
    for weights in WEIGHTS:
        ratio = TimeRatio(named(unit, weights), named("relu", weights), TARGET)
        yield direction(ratio, above=1, smallest=1.25)
    slow, fast = named(unit), named("relu")
    early = Contrast((Term(100, slow, "saturated_early"),), f"the saturated fraction after one epoch in {slow}")
    yield premise(TimeRatio(slow, fast, TARGET), above=1, smallest=1.25)
    yield mechanism(early, above=10)
    yield mechanism(HalfGap(slow, fast, named(f"{unit}, normalized"), TARGET), above=1)


@claim(
    "A deep dense network of sigmoid units needs more epochs than one of ReLUs, because its units saturate.",
    magnitude=NO_TIMES,
)
def sigmoid_is_slow_when_deep(at):
    """See above."""
    yield from slow_when_deep("sigmoid")


@claim(
    "A deep dense network of tanh units needs more epochs than one of ReLUs, because its units saturate.",
    magnitude=NO_TIMES,
)
def tanh_is_slow_when_deep(at):
    """See above."""
    yield from slow_when_deep("tanh")


@ablation(
    "Saturation in deep dense networks",
    claims=(sigmoid_is_slow_when_deep, tanh_is_slow_when_deep),
    smoke=SMOKE.but(validation_size=0, epochs=3, evaluations=2),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        batch_size=10,
        epochs=40,
        evaluations=4,
        evaluation_size=1000,
        rates=(0.025, 0.1, 0.4),
    ),
    full=Sizes(
        dataset="mnist",
        train_size=10_000,
        batch_size=10,
        epochs=20,
        evaluations=10,
        evaluation_size=2000,
        rates=(0.025, 0.1, 0.4),
    ),
    tune=TimeToTrainError(TARGET),
    figures=(
        "training_curves",
        Plot(
            "over_time",
            "saturated",
            "saturated",
            "epochs",
            "saturated units",
            arms=(named("tanh"), *(named("sigmoid", weights) for weights in WEIGHTS)),
        ),
        "effects",
    ),
)
def saturation(at):
    """Deep networks of three units with three initializations; shallow ones, and normalized ones, with Glorot's."""
    width = at.choose(smoke=32, quick=100, full=100)

    def arm(unit: Activation, weights: str, depth: int = DEPTHS[-1], norm: bool = False):
        plain = at.network(dense_net, unit, hidden=(width,) * depth)
        name = f"{unit}, normalized" if norm else unit
        return at.arm(
            named(name, weights, depth),
            change_hidden(initialized(plain, WEIGHTS[weights]), batch_norm=norm),
            label=UNITS[unit] + (", normalized" if norm else ""),
            condition=f"{depth} hidden, {weights} weights",
            level=depth,
            probes=("saturation",),
            momentum=0.0,
            target_train_error=TARGET,
        )

    for unit in UNITS:
        yield from (arm(unit, weights) for weights in WEIGHTS)
        yield arm(unit, COMMON, DEPTHS[0])
    for unit in ("tanh", "sigmoid"):
        yield arm(unit, COMMON, norm=True)
