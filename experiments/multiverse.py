"""Where do the ingredients help? Rectified units, pooling, batch normalization and sharing under every condition.

Claim: what holds of an ingredient in one setting holds in others. An ablation in a single setting cannot tell: the
verdict may hang on the images, the initial weights or the optimizer (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016 call
the analysis under all reasonable choices a multiverse).

Arms: the network of `leave_one_out`, smaller and without dropout, and the same without one ingredient, in the cross of
data set x initial weights x optimizer (in `full` also x width). Rule for each ingredient and condition: taking it away
raises the test error after the same number of epochs, each arm at its own best rate. A claim whose conditions disagree
is *mixed*. Figure: one cell a claim and condition. Run time: `quick` about four minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cnn_study.experiment import Claim
from cnn_study.models.architectures import Ingredient, full_network, initialized
from cnn_study.page import SMOKE, Sizes, ValidationError, ablation, claim, direction, gain
from cnn_study.spec import HE, Initializer, Normal

INGREDIENTS: dict[Ingredient, str] = {
    "relu": "rectified units (against tanh)",
    "pooling": "maximum pooling (against a stride)",
    "batch_norm": "batch normalization",
    "sharing": "shared weights (against local connection)",
}
WEIGHTS: dict[str, Initializer] = {"He's weights": HE, "fixed weights": Normal(stddev=0.05)}
OPTIMIZERS: dict[Literal["sgd", "adam"], float] = {"sgd": 0.9, "adam": 0.0}  # with their momentum


@dataclass(frozen=True)
class Universe:
    """One choice of everything that is not the ingredient.

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


def universes(at) -> Iterator[Universe]:
    """The cross of the profile."""
    datasets = at.choose(smoke=("digits",), quick=("mnist", "cifar10"), full=("mnist", "fashion_mnist", "cifar10"))
    for dataset in dict.fromkeys(at.but(dataset=name).dataset.name for name in datasets):
        for weights in at.choose(smoke=("He's weights",), quick=tuple(WEIGHTS), full=tuple(WEIGHTS)):
            for optimizer in OPTIMIZERS:
                for width in at.choose(smoke=(4,), quick=(8,), full=(8, 32)):
                    yield Universe(dataset, weights, optimizer, width)


def helps_everywhere(ingredient: Ingredient) -> Claim:
    """The claim that an ingredient helps: under every condition, taking it away raises the test error."""

    def rules(at):
        for universe in universes(at):
            yield direction(gain(f"all, {universe.name}", f"without {ingredient}, {universe.name}"), above=0)

    rules.__name__ = f"{ingredient}_helps_everywhere"
    return claim(
        f"With {INGREDIENTS[ingredient]} the test error is lower.",
        magnitude="no published number",
        mechanism="see the experiment on this ingredient",
    )(rules)


GRID = (0.00125, 0.005, 0.02)  # holds the best rates of both optimizers, or is extended to them


@ablation(
    "Where the ingredients help",
    claims=map(helps_everywhere, INGREDIENTS),
    smoke=SMOKE.but(train_size=100, epochs=1, rates=GRID),
    quick=Sizes(
        dataset="mnist",
        train_size=1000,
        validation_size=500,
        test_size=1000,
        batch_size=20,
        epochs=6,
        evaluation_size=250,
        seeds=3,
        rates=GRID,
    ),
    full=Sizes(
        dataset="mnist",
        train_size=10_000,
        validation_size=5000,
        batch_size=50,
        epochs=30,
        seeds=6,
        rates=(0.000625, 0.00125, 0.0025, 0.005, 0.01, 0.02),
    ),
    tune=ValidationError(),
    figures=("multiverse",),
)
def multiverse(at):
    """In every universe, the network with all ingredients and without each of them."""
    for universe in universes(at):
        here = at.but(dataset=universe.dataset)
        for without in (None, *INGREDIENTS):
            label = f"without {without}" if without else "all"
            width = {"maps": (universe.width, 2 * universe.width), "hidden": 8 * universe.width}
            model = here.network(full_network, without, dropout=0.0, **width)
            yield here.arm(
                f"{label}, {universe.name}",
                initialized(model, WEIGHTS[universe.weights]),
                label=label,
                condition=universe.name,
                optimizer=universe.optimizer,
                momentum=OPTIMIZERS[universe.optimizer],
            )
