"""Do rectified units train several times faster than saturating ones?

Claim: "a four-layer convolutional neural network with ReLUs reaches a 25% training error rate on CIFAR-10 six times
faster than an equivalent network with tanh neurons" - Krizhevsky, Sutskever & Hinton 2012, Figure 1. The paper gives
neither network nor rates nor initial weights; it says that rates were chosen for each unit to be as fast as possible,
that no regularization was used, and that the effect varies with the architecture.

Arms: ReLU, tanh and sigmoid, and leaky ReLU, ELU, GELU and SiLU. Conditions: the two networks of the 2012 code that can
be meant, without response normalization ("18 %" with four layers, "13 %" with locally connected ones); the fixed
deviations of that code, or weights scaled by the fan; without or with batch normalization. `quick` takes a part of that
cross, `full` all of it.
Rule: the interval of T(tanh) / T(ReLU) for T = epochs to 25 % training error, every arm at its own best rate.
Figures: training error against epochs; ratios; rate search. Run time: `quick` about six minutes; `full` days.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cnn_study.models.architectures import (
    FAN_SCALED,
    deviations_13pct,
    deviations_18pct,
    four_layer_13pct,
    four_layer_18pct,
)
from cnn_study.page import (
    Condition,
    Published,
    Sizes,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    magnitude,
)
from cnn_study.spec import Activation

TARGET = 0.25  # training error to which times are compared
STOP = 0.2  # training error at which runs end, a little beyond the target so that curves cross it
PIXEL_STDDEV = 64.0  # of mean-subtracted CIFAR-10 pixels, in units of 0-255

MAIN: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
MODERN: dict[Activation, str] = {"leaky_relu": "leaky ReLU", "elu": "ELU", "gelu": "GELU", "silu": "SiLU"}
UNITS = MAIN | MODERN
NETWORKS = {"18 %": (four_layer_18pct, deviations_18pct), "13 %": (four_layer_13pct, deviations_13pct)}


@dataclass(frozen=True)
class Background:
    """A background under which units are compared.

    Attributes:
        network: Which reading of the 2012 network.
        old_weights: The fixed deviations of the 2012 code; else scaled by the fan.
        batch_norm: Batch normalization before every unit.
        units: What is compared.
    """

    network: str
    old_weights: bool
    batch_norm: bool
    units: tuple[Activation, ...]

    @property
    def name(self) -> str:
        """What figures and tables call it."""
        weights = "2012 weights" if self.old_weights else "fan-scaled weights"
        return f"{self.network}, {weights}{', normalized' if self.batch_norm else ''}"

    def slower(self, unit: Activation) -> TimeRatio:
        """How many times as long as ReLU a unit takes to the target."""
        return TimeRatio(f"{unit}, {self.name}", f"relu, {self.name}", TARGET)


CROSS = tuple(
    Background(network, old, norm, tuple(UNITS))
    for network in NETWORKS
    for old in (True, False)
    for norm in (False, True)
)
PART = (
    Background("18 %", old_weights=True, batch_norm=False, units=tuple(MAIN)),
    Background("18 %", old_weights=False, batch_norm=False, units=tuple(UNITS)),
    Background("18 %", old_weights=False, batch_norm=True, units=tuple(MAIN)),
    Background("13 %", old_weights=False, batch_norm=False, units=("relu", "tanh")),
)


def backgrounds(at) -> tuple[Background, ...]:
    """Those of the profile."""
    return at.choose(smoke=PART[1:], quick=PART, full=CROSS)


def faster_than(unit: Activation, at) -> Iterator[tuple[Background, TimeRatio]]:
    """Every background in which a unit stands, with the ratio of its time and that of ReLU."""
    return ((each, each.slower(unit)) for each in backgrounds(at) if unit in each.units)


FIGURE_1 = "Krizhevsky, Sutskever & Hinton 2012, Figure 1"


@claim(
    "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with tanh units.",
    published=(
        Published("ratio of epochs to 25 % training error", 6, FIGURE_1, "primary", about="tanh / ReLU"),
        Published("epochs to 25 % training error", 6, FIGURE_1, "memory", about="ReLU"),
        Published("epochs to 25 % training error", 36, FIGURE_1, "memory", about="tanh"),
    ),
    mechanism="see sigmoid-is-slow-when-deep and tanh-is-slow-when-deep",
)
def relu_beats_tanh(at):
    """Tanh takes longer; as much longer as published if the factor lies between 4 and 8."""
    for _, ratio in faster_than("tanh", at):
        yield direction(ratio, above=1)
        yield magnitude(ratio, between=(4, 8))


@claim(
    "The advantage of ReLU over tanh is typically several-fold (at least 3 times).",
    magnitude="the claim is itself about the size of the effect; the published factor is judged above",
    mechanism="see relu-beats-tanh",
)
def relu_several_times_faster(at):
    """Tanh takes at least three times as long."""
    for _, ratio in faster_than("tanh", at):
        yield direction(ratio, above=3)


@claim(
    "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with sigmoid units.",
    magnitude="no published number: the 2012 figure has no sigmoid curve",
    mechanism="see relu-beats-tanh",
)
def relu_beats_sigmoid(at):
    """A sigmoid takes longer."""
    for _, ratio in faster_than("sigmoid", at):
        yield direction(ratio, above=1)


@claim(
    "Leaky ReLU, ELU, GELU and SiLU need fewer epochs than ReLU to 25 % training error.",
    magnitude="no published number for this network",
    mechanism="no mechanism is claimed",
)
def modern_units_are_faster(at):
    """Each of them takes less time."""
    for unit, label in MODERN.items():
        for background, ratio in faster_than(unit, at):
            yield direction(ratio, below=1, under=Condition(f"{label}, {background.name}"))


@ablation(
    "Rectified units against saturating ones",
    claims=(relu_beats_tanh, relu_several_times_faster, relu_beats_sigmoid, modern_units_are_faster),
    smoke=Sizes(
        dataset="digits",
        train_size=200,
        batch_size=10,
        epochs=6,
        evaluations=2,
        evaluation_size=100,
        seeds=3,
        rates=(0.0025, 0.01, 0.04),
        trial=True,
    ),
    quick=Sizes(
        dataset="cifar10",
        train_size=1000,
        test_size=1000,
        batch_size=16,
        epochs=36,
        evaluation_size=500,
        seeds=3,
        rates=(0.005, 0.01, 0.02),
    ),
    full=Sizes(
        dataset="cifar10",
        batch_size=128,
        epochs=80,
        evaluations=5,
        evaluation_size=10_000,
        seeds=6,
        rates=(0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=TimeToTrainError(TARGET),
    figures=("training_curves", "time_ratios", "multiverse", "survival", "rate_search"),
)
def activations(at):
    """Every unit under every background."""
    for each in backgrounds(at):
        build, deviations = NETWORKS[each.network]
        weights = deviations(PIXEL_STDDEV) if each.old_weights else FAN_SCALED
        for unit in each.units:
            model = at.network(build, unit, initialization=weights, batch_norm=each.batch_norm)
            name, label = f"{unit}, {each.name}", UNITS[unit]
            yield at.arm(name, model, label=label, condition=each.name, target_train_error=STOP)
