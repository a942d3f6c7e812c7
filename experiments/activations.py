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

from dataclasses import dataclass

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Arm,
    Claim,
    Design,
    Experiment,
    Published,
    RateSearch,
    Rule,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.models.architectures import (
    FAN_SCALED,
    cuda_convnet_13pct,
    cuda_convnet_18pct,
    four_layer_13pct,
    four_layer_18pct,
)
from cnn_study.spec import Activation, DataSpec, ModelSpec

TARGET = 0.25
PIXEL_STDDEV = 64.0  # of mean-subtracted CIFAR-10 pixels, in units of 0-255

FIGURE_1 = "Krizhevsky, Sutskever & Hinton 2012, Figure 1"
PUBLISHED = (
    Published("ratio of epochs to 25 % training error", 6, FIGURE_1, "primary", about="tanh / ReLU"),
    Published("epochs to 25 % training error", 6, FIGURE_1, "memory", about="ReLU"),
    Published("epochs to 25 % training error", 36, FIGURE_1, "memory", about="tanh"),
)

CLAIMS = (
    Claim(
        "relu-beats-tanh",
        "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with tanh units.",
        PUBLISHED,
        {"mechanism": "see sigmoid-is-slow-when-deep and tanh-is-slow-when-deep"},
    ),
    Claim(
        "relu-several-times-faster",
        "The advantage of ReLU over tanh is typically several-fold (at least 3 times).",
        (),
        {
            "magnitude": "the claim is itself about the size of the effect; the published factor is judged above",
            "mechanism": "see relu-beats-tanh",
        },
    ),
    Claim(
        "relu-beats-sigmoid",
        "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with sigmoid units.",
        (),
        {
            "magnitude": "no published number: the 2012 figure has no sigmoid curve",
            "mechanism": "see relu-beats-tanh",
        },
    ),
    Claim(
        "modern-units-are-faster",
        "Leaky ReLU, ELU, GELU and SiLU need fewer epochs than ReLU to 25 % training error.",
        (),
        {"magnitude": "no published number for this network", "mechanism": "no mechanism is claimed"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 6, 3, (0.0025, 0.01, 0.04), evaluations=2, evaluation_size=100, trial=True),
    "quick": Setting("cifar10", 1000, 16, 36, 3, (0.005, 0.01, 0.02), test_size=1000, evaluation_size=500),
    "full": Setting(
        "cifar10", None, 128, 80, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), evaluations=5, evaluation_size=10_000
    ),
}
STOP = 0.2  # training error at which runs end, a little beyond the target so that curves cross it
MAIN: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
MODERN: dict[Activation, str] = {"leaky_relu": "leaky ReLU", "elu": "ELU", "gelu": "GELU", "silu": "SiLU"}
UNITS = MAIN | MODERN
NETWORKS = {"18 %": (four_layer_18pct, cuda_convnet_18pct), "13 %": (four_layer_13pct, cuda_convnet_13pct)}


@dataclass(frozen=True)
class Condition:
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

    def model(self, unit: Activation, data: DataSpec) -> ModelSpec:
        """The network with a unit."""
        build, deviations = NETWORKS[self.network]
        return build(
            unit,
            initialization=deviations(PIXEL_STDDEV) if self.old_weights else FAN_SCALED,
            batch_norm=self.batch_norm,
            input_shape=shape_of(data),
            classes=classes_of(data),
        )


CROSS = tuple(
    Condition(network, old, norm, tuple(UNITS))
    for network in NETWORKS
    for old in (True, False)
    for norm in (False, True)
)
PART = (
    Condition("18 %", old_weights=True, batch_norm=False, units=tuple(MAIN)),
    Condition("18 %", old_weights=False, batch_norm=False, units=tuple(UNITS)),
    Condition("18 %", old_weights=False, batch_norm=True, units=tuple(MAIN)),
    Condition("13 %", old_weights=False, batch_norm=False, units=("relu", "tanh")),
)
CONDITIONS = {"smoke": PART[1:], "quick": PART, "full": CROSS}


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on CIFAR-10 or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train(target_train_error=STOP)
    arms = tuple(
        Arm(f"{unit}, {condition.name}", UNITS[unit], condition.name, data, condition.model(unit, data), train)
        for condition in CONDITIONS[profile]
        for unit in condition.units
    )
    decided = tuple(rule for condition in CONDITIONS[profile] for rule in rules(condition))
    search = RateSearch(TimeToTrainError(TARGET), setting.rates)
    return Design(arms, search, setting.replicates, decided, setting.proxy(fallback))


def rules(condition: Condition) -> list[Rule]:
    """What decides the claims, under one condition."""

    def slower(unit: Activation) -> TimeRatio:
        return TimeRatio(f"{unit}, {condition.name}", f"relu, {condition.name}", TARGET)

    name = condition.name
    decided = [
        Rule("relu-beats-tanh", "direction", name, slower("tanh"), low=1),
        Rule("relu-beats-tanh", "magnitude", name, slower("tanh"), low=4, high=8, published=True),
        Rule("relu-several-times-faster", "direction", name, slower("tanh"), low=3),
    ]
    if "sigmoid" in condition.units:
        decided.append(Rule("relu-beats-sigmoid", "direction", name, slower("sigmoid"), low=1))
    return decided + [
        Rule("modern-units-are-faster", "direction", f"{UNITS[unit]}, {name}", slower(unit), high=1)
        for unit in MODERN
        if unit in condition.units
    ]


EXPERIMENT = Experiment(
    name="activations",
    title="Rectified units against saturating ones",
    claims=CLAIMS,
    design=design,
    figures=("training_curves", "time_ratios", "multiverse", "survival", "rate_search"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
