"""Where do the ingredients help? Rectified units, pooling, batch normalization and sharing under every condition.

Claim: what holds of an ingredient in one setting holds in others. An ablation in a single setting cannot tell: the
verdict may hang on the images, the initial weights or the optimizer (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016 call
the analysis under all reasonable choices a multiverse).

Arms: the network of `leave_one_out`, smaller and without dropout, and the same without one ingredient, in the cross of
data set x initial weights x optimizer (in `full` also x width). Rule for each ingredient and condition: taking it away
raises the test error after the same number of epochs, each arm at its own best rate. A claim whose conditions disagree
is *mixed*. Figure: one cell a claim and condition. Run time: `quick` about four minutes.
"""

from dataclasses import dataclass
from typing import Literal

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Aspect, Claim, Design, Experiment, RateSearch, Rule, ValidationError, gain
from cnn_study.models.architectures import Ingredient, full_network, initialized
from cnn_study.spec import HE, DataSpec, Initializer, ModelSpec, Normal

INGREDIENTS: dict[Ingredient, str] = {
    "relu": "rectified units (against tanh)",
    "pooling": "maximum pooling (against a stride)",
    "batch_norm": "batch normalization",
    "sharing": "shared weights (against local connection)",
}
UNTESTED: dict[Aspect, str] = {"magnitude": "no published number", "mechanism": "see the experiment on this ingredient"}
CLAIMS = tuple(
    Claim(f"{name.replace('_', '-')}-helps-everywhere", f"With {words} the test error is lower.", (), UNTESTED)
    for name, words in INGREDIENTS.items()
)

GRID = (0.00125, 0.005, 0.02)  # holds the best rates of both optimizers, or is extended to them
SETTINGS = {
    "smoke": Setting("digits", 100, 10, 1, 2, GRID, 100, trial=True),
    "quick": Setting("mnist", 1000, 20, 6, 3, GRID, 500, 1000, evaluation_size=250),
    "full": Setting("mnist", 10_000, 50, 30, 6, (0.000625, 0.00125, 0.0025, 0.005, 0.01, 0.02), 5000),
}
WEIGHTS: dict[str, Initializer] = {"He's weights": HE, "fixed weights": Normal(stddev=0.05)}
OPTIMIZERS: dict[Literal["sgd", "adam"], float] = {"sgd": 0.9, "adam": 0.0}  # with their momentum


@dataclass(frozen=True)
class Condition:
    """A universe: one choice of everything that is not the ingredient.

    Attributes:
        dataset: Name of the data set.
        weights: Name of the initialization.
        optimizer: ``sgd`` or ``adam``.
        width: Feature maps of the first layer.
    """

    dataset: str
    weights: str
    optimizer: Literal["sgd", "adam"]
    width: int

    @property
    def name(self) -> str:
        """What figures and tables call it."""
        return f"{self.dataset}, {self.weights}, {self.optimizer}, {self.width} maps"

    def model(self, without: Ingredient | None, data: DataSpec) -> ModelSpec:
        """The network with all ingredients but one."""
        model = full_network(
            without,
            maps=(self.width, 2 * self.width),
            hidden=8 * self.width,
            dropout=0.0,
            input_shape=shape_of(data),
            classes=classes_of(data),
        )
        return initialized(model, WEIGHTS[self.weights])


# Data sets and widths of the cross; every one of them with the initializations and with both optimizers.
DATASETS = {"smoke": ("digits",), "quick": ("mnist", "cifar10"), "full": ("mnist", "fashion_mnist", "cifar10")}
WIDTHS = {"smoke": (4,), "quick": (8,), "full": (8, 32)}
INITIALIZATIONS = {"smoke": ("He's weights",), "quick": tuple(WEIGHTS), "full": tuple(WEIGHTS)}


def conditions(profile: str, fallback: str | None) -> list[Condition]:
    """The cross of a profile."""
    return [
        Condition(dataset, weights, optimizer, width)
        for dataset in ((fallback,) if fallback else DATASETS[profile])
        for weights in INITIALIZATIONS[profile]
        for optimizer in OPTIMIZERS
        for width in WIDTHS[profile]
    ]


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on the data sets of the cross or on the one that takes their place."""
    setting = SETTINGS[profile]
    arms, rules = [], []
    for condition in conditions(profile, fallback):
        data = setting.data(condition.dataset)
        train = setting.train(optimizer=condition.optimizer, momentum=OPTIMIZERS[condition.optimizer])
        for without in (None, *INGREDIENTS):
            label = f"without {without}" if without else "all"
            model = condition.model(without, data)
            arms.append(Arm(f"{label}, {condition.name}", label, condition.name, data, model, train))
        rules += [
            Rule(
                f"{without.replace('_', '-')}-helps-everywhere",
                "direction",
                condition.name,
                gain(f"all, {condition.name}", f"without {without}, {condition.name}"),
                low=0,
            )
            for without in INGREDIENTS
        ]
    search = RateSearch(ValidationError(), setting.rates)
    proxy = f"{setting.train_size:,} training images of each data set"
    if setting.trial or fallback:
        proxy = setting.proxy(fallback)
    return Design(tuple(arms), search, setting.replicates, tuple(rules), proxy)


EXPERIMENT = Experiment(
    name="multiverse",
    title="Where the ingredients help",
    claims=CLAIMS,
    design=design,
    figures=("multiverse",),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
