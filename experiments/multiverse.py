"""Where do the ingredients help? Rectified units, pooling, batch normalization and sharing under every condition.

Claim: what holds of an ingredient in one setting holds in others. An ablation in a single setting cannot tell: the
verdict may hang on the images, the initial weights or the optimizer (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016 call
the analysis under all reasonable choices a multiverse).

Arms: the network of `leave_one_out`, smaller and without dropout, and the same without one ingredient, in the cross of
data set x initial weights x optimizer. Rule for each ingredient: on the average over all universes, seed by seed,
taking it away raises the test error after the same number of epochs, each arm at its own best rate; less than half a
point would not matter. How much that differs between universes is drawn, universe by universe.
Figure: the gain in every universe, with the average.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cnn_study.experiment import Claim
from cnn_study.models.architectures import Ingredient, full_network, initialized
from cnn_study.page import SMOKE, Condition, Contrast, LowestValidationError, Sizes, Term, ablation, claim, direction
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
                for width in at.choose(smoke=(4,), quick=(8,), full=(8,)):
                    yield Universe(dataset, weights, optimizer, width)


def helps(ingredient: Ingredient) -> Claim:
    """The claim that an ingredient helps: on the average over all universes, taking it away raises the test error."""
    words = INGREDIENTS[ingredient]

    def rules(at):
        names = [universe.name for universe in universes(at)]
        share = 100 / len(names)
        terms = [Term(share, f"without {ingredient}, {name}", "test_error") for name in names]
        terms += [Term(-share, f"all, {name}", "test_error") for name in names]
        what = f"the gain in test error by {words}, on the average over {len(names)} universes"
        average = Contrast(tuple(terms), what)
        yield direction(average, above=0, smallest=0.5, under=Condition("all universes"))

    rules.__name__ = f"{ingredient}_helps_everywhere"
    return claim(
        f"With {words} the test error is lower, on the average over data sets, initial weights and optimizers.",
        magnitude="no published number",
        mechanism="see the experiment on this ingredient",
    )(rules)


GRID = (0.00125, 0.005, 0.02)  # holds the best rates of both optimizers, or is extended to them


@ablation(
    "Where the ingredients help",
    claims=map(helps, INGREDIENTS),
    smoke=SMOKE.but(train_size=100, epochs=1, rates=GRID),
    quick=Sizes(
        dataset="mnist",
        train_size=1000,
        validation_size=500,
        batch_size=20,
        epochs=6,
        evaluation_size=250,
        rates=GRID,
    ),
    full=Sizes(
        dataset="mnist",
        train_size=5000,
        validation_size=5000,
        batch_size=50,
        epochs=15,
        evaluation_size=1000,
        rates=GRID,
    ),
    tune=LowestValidationError(),
    figures=("forest",),
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
