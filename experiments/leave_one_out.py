"""Which ingredient of a convolutional network matters most?

Claim: convolutional networks owe their success to rectified units, pooling, dropout, batch normalization and shared
weights together. Here the full network loses one of them at a time: rectified units become tanh with Glorot's weights,
pooling becomes a stride, sharing becomes local connection; the rest stays as it is, and every arm is tuned anew. All
are trained to the same training error, or until their epochs are over: what is compared is what they make of it on new
images.

Rule for each ingredient: taking it away raises the test error; less than one point would not matter. No number is
published for this comparison. Figures: effects, one row an ingredient; error of every arm.
"""

from cnn_study.experiment import Claim
from cnn_study.models.architectures import Ingredient, full_network
from cnn_study.page import LowestValidationError, Plot, Sizes, ablation, claim, direction, gain

FULL = "full network"
TARGET = 0.2  # training error at which every arm stops
# What an ingredient is called, and the network without it.
INGREDIENTS: dict[Ingredient, tuple[str, str]] = {
    "relu": ("rectified units", "tanh for ReLU"),
    "pooling": ("pooling", "stride for pooling"),
    "dropout": ("dropout", "no dropout"),
    "batch_norm": ("batch normalization", "no normalization"),
    "sharing": ("shared weights", "weights not shared"),
}


def matters(ingredient: Ingredient) -> Claim:
    """The claim that an ingredient matters: taking it away raises the test error."""
    words, without = INGREDIENTS[ingredient]

    def rules(at):
        yield direction(gain(FULL, without), above=0, smallest=1)

    rules.__name__ = f"{ingredient}_matters"
    return claim(
        f"Without {words} the full network has a higher test error.",
        magnitude="no published number",
        mechanism="see the experiment on this ingredient",
    )(rules)


@ablation(
    "The full network minus one ingredient at a time",
    claims=map(matters, INGREDIENTS),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=20,
        evaluation_size=1000,
        rates=(0.0025, 0.005, 0.01),
    ),
    full=Sizes(
        dataset="cifar10",
        train_size=10_000,
        validation_size=5000,
        batch_size=50,
        epochs=30,
        evaluation_size=2000,
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    figures=("effects", Plot("outcomes", y="test error")),
)
def leave_one_out(at):
    """The full network, and the full network without each of its ingredients."""
    options = {"condition": "one ingredient less", "target_train_error": TARGET}
    yield at.arm(FULL, at.network(full_network), **options)
    for ingredient, (_, without) in INGREDIENTS.items():
        yield at.arm(without, at.network(full_network, ingredient), **options)
