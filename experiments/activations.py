"""Do rectified units train several times faster than saturating ones?

Claim: "a four-layer convolutional neural network with ReLUs reaches a 25% training error rate on CIFAR-10 six times
faster than an equivalent network with tanh neurons" - Krizhevsky, Sutskever & Hinton 2012, Figure 1. The paper says
that no regularization was used, that rates were chosen for each unit to be as fast as possible, and that the effect
varies with the architecture. It gives neither network nor rates nor weights; its section 3.3 names the code of the
time.

Arms: ReLU, tanh, sigmoid, and newer units. Conditions: weights, mean-subtracted pixels of 0-255 and doubled rate of
biases as in the 2012 code; standardized pixels with weights scaled by the fan (each unit with the weights it is usually
given, and tanh with those of ReLU too); the same with batch normalization. The network has three convolutional layers
and one dense one ("18 %" in the code, without response normalization). `full` trains on all images, and also the
reading that section 3.3 points to ("13 %"): two convolutional, two locally connected layers, one dense. `quick` has
1,000 images, which networks learn by heart: it shows how fast that goes, and is silent about the published factor.
Rules: the interval of T(other) / T(ReLU), for T = epochs to 25 % training error at each arm's best rate; below a
quarter more time nobody would change a unit. Only the conditions of 2012 are held against the published 6 (4 to 8). For
lack of time the second reading takes the rates that are best in the first.
Figures: Figure 1 of 2012, and the same under every condition; all units; ratios; rate search.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cnn_study.models.architectures import (
    FAN_SCALED,
    Initialization,
    change_hidden,
    deviations_13pct,
    deviations_18pct,
    four_layer_13pct,
    four_layer_18pct,
)
from cnn_study.page import (
    Condition,
    Plot,
    Published,
    Sizes,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    magnitude,
)
from cnn_study.spec import HE, Activation, ModelSpec

TARGET = 0.25  # training error to which times are compared
WORTH = 1.25  # factor in time below which nobody would change a unit

MODERN: dict[Activation, str] = {"leaky_relu": "leaky ReLU", "elu": "ELU", "gelu": "GELU", "silu": "SiLU"}
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid", **MODERN}


@dataclass(frozen=True)
class Background:
    """A background under which units are compared.

    Attributes:
        name: What figures and tables call it.
        network: Makes the network of a unit.
        units: What is compared.
        deviations: Of the weights of the 2012 code, which takes raw inputs; ``None``: scaled by the fan.
        batch_norm: Batch normalization before every unit.
        rates_of: Name of the background whose best rates it takes; empty: it has its own.
    """

    name: str
    network: Callable[..., ModelSpec]
    units: tuple[Activation, ...]
    deviations: Callable[[float], Initialization] | None = None
    batch_norm: bool = False
    rates_of: str = ""

    def slower(self, unit: str) -> TimeRatio:
        """How many times as long as ReLU a unit takes to the target."""
        return TimeRatio(f"{unit}, {self.name}", f"relu, {self.name}", TARGET)


THREE, FOUR = "three convolutional layers", "two convolutional and two local layers"
AS_IN_2012 = "weights and raw inputs of the 2012 code"
RAW = Background(f"{THREE}, {AS_IN_2012}", four_layer_18pct, ("relu", "tanh", "sigmoid"), deviations_18pct)
RAW_13 = Background(f"{FOUR}, {AS_IN_2012}", four_layer_13pct, ("relu", "tanh"), deviations_13pct, rates_of=RAW.name)
SCALED = Background(f"{THREE}, weights scaled by the fan", four_layer_18pct, tuple(UNITS))
FEWER = Background(SCALED.name, SCALED.network, ("relu", "tanh", "gelu"))
NORMALIZED = Background(f"{THREE}, batch normalization", four_layer_18pct, ("relu", "tanh"), batch_norm=True)
SAME_WEIGHTS = "tanh with He's weights"  # which are those of ReLU


def backgrounds(at) -> tuple[Background, ...]:
    """Those of the profile."""
    quick = (RAW, SCALED, NORMALIZED)
    return at.choose(smoke=quick, quick=quick, full=(RAW, FEWER, RAW_13))


def slower(unit: Activation, at) -> Iterator[tuple[Background, TimeRatio]]:
    """Every background in which a unit stands, with the ratio of its time and that of ReLU."""
    return ((each, each.slower(unit)) for each in backgrounds(at) if unit in each.units)


FIGURE_1 = "Krizhevsky, Sutskever & Hinton 2012, Figure 1"


@claim(
    "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with tanh units.",
    published=(
        Published("ratio of epochs to 25 % training error", 6, FIGURE_1, "primary", about="tanh / ReLU"),
        Published("epochs to 25 % training error", 6, FIGURE_1, "secondary", about="ReLU", rough=True),
        Published("epochs to 25 % training error", 36, FIGURE_1, "secondary", about="tanh", rough=True),
    ),
    mechanism="see sigmoid-is-slow-when-deep and tanh-is-slow-when-deep",
)
def relu_beats_tanh(at):
    """Tanh takes longer, also with the weights of ReLU; in the conditions of 2012, four to eight times as long."""
    for each, ratio in slower("tanh", at):
        yield direction(ratio, above=1, smallest=WORTH)
        if each.deviations:
            yield magnitude(ratio, between=(4, 8))
    if SCALED in backgrounds(at):
        same = Condition(f"{THREE}, He's weights")
        yield direction(SCALED.slower(SAME_WEIGHTS), above=1, smallest=WORTH, under=same)


@claim(
    "The advantage of ReLU over tanh is typically several-fold (at least 3 times).",
    magnitude="the claim is itself about the size of the effect; the published factor is judged above",
    mechanism="see relu-beats-tanh",
)
def relu_several_times_faster(at):
    """Tanh takes at least three times as long: the three is the smallest effect of interest."""
    for _, ratio in slower("tanh", at):
        yield direction(ratio, above=3)


@claim(
    "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with sigmoid units.",
    magnitude="no published number: the 2012 figure has no sigmoid curve",
    mechanism="see relu-beats-tanh",
)
def relu_beats_sigmoid(at):
    """A sigmoid takes longer. It gets few epochs: if it needs more, its time is only known to be longer than that."""
    for _, ratio in slower("sigmoid", at):
        yield direction(ratio, above=1, smallest=WORTH)


@claim(
    "Leaky ReLU, ELU, GELU and SiLU need fewer epochs than ReLU to 25 % training error.",
    magnitude="no published number for this network",
    mechanism="no mechanism is claimed",
)
def modern_units_are_faster(at):
    """Each of them takes less time. `full` has GELU only."""
    for unit, label in MODERN.items():
        for background, ratio in slower(unit, at):
            yield direction(ratio, below=1, smallest=WORTH, under=Condition(f"{label}, {background.name}"))


@ablation(
    "Rectified units against saturating ones",
    claims=(relu_beats_tanh, relu_several_times_faster, relu_beats_sigmoid, modern_units_are_faster),
    smoke=Sizes(
        dataset="digits",
        train_size=200,
        batch_size=10,
        epochs=6,
        evaluations=2,
        seeds=3,
        rates=(0.0025, 0.01, 0.04),
        trial=True,
    ),
    quick=Sizes(dataset="cifar10", train_size=1000, batch_size=16, epochs=26, rates=(0.0016, 0.004, 0.01)),
    full=Sizes(
        dataset="cifar10",
        batch_size=128,
        epochs=20,
        evaluations=2,
        evaluation_size=5000,
        looks=(4, 6),
        rates=(0.005, 0.01, 0.02),
    ),
    tune=TimeToTrainError(TARGET),
    figures=(
        Plot("race", "figure_1", arms=(f"relu, {RAW.name}", f"tanh, {RAW.name}")),
        Plot("race", "figure_1_by_condition", labels=(UNITS["relu"], UNITS["tanh"])),
        "training_curves",
        "time_ratios",
        "multiverse",
        "survival",
        "rate_search",
    ),
)
def activations(at):
    """Every unit under every background."""
    limits = at.choose(smoke={}, quick={"sigmoid": 20}, full={"tanh": 60})  # epochs, where they are not those of all
    low = at.choose(smoke=(), quick=(), full=(0.0005, 0.001, 0.002))  # rates of ReLU, on raw inputs a tenth of tanh's

    def arm(unit: Activation, each: Background, name: str = "", **changes):
        weights = each.deviations(1.0) if each.deviations else FAN_SCALED
        model = at.network(each.network, unit, initialization=weights, batch_norm=each.batch_norm)
        # The code of 2012 takes pixels of 0-255 minus their mean, and moves biases twice as fast as weights.
        images = at.but(scaling="mean_subtracted") if each.deviations else at
        return images.arm(
            f"{name or unit}, {each.name}",
            change_hidden(model, **changes),
            label=name or UNITS[unit],
            condition=each.name,
            rate_of=f"{unit}, {each.rates_of}" if each.rates_of else "",
            rates=low if each.deviations and unit == "relu" else (),
            epochs=limits.get(unit, at.sizes.epochs),
            bias_rate=2.0 if each.deviations else 1.0,
            target_train_error=TARGET,
        )

    for each in backgrounds(at):
        for unit in each.units:
            yield arm(unit, each)
    if SCALED in backgrounds(at):
        yield arm("tanh", SCALED, SAME_WEIGHTS, initializer=HE)
