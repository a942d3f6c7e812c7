"""Does every rung of a textbook's ladder of networks lower the test error on MNIST, and by as much as published?

Claim: from a dense network with 97.80 % accuracy one climbs to 99.60 % by five changes: a convolutional layer with
pooling (98.78), a second one (99.06), rectified units (99.23), displaced copies of the training images (99.37), and
dropout with two dense layers of 1,000 units (99.60) - Nielsen 2015, chapter 6.

Arms: the six networks, trained as there: 50,000 images, pixels from 0 to 1, stochastic gradient descent in batches of
10, at a rate of 0.1 with sigmoids and 0.03 with rectified units, which is part of what is published: no rate is
searched. What counts is the test error after the epoch with the lowest validation error, on 10,000 images each. `full`
differs from the book in one large thing, for lack of time: with five times as many images it trains for 30 epochs
instead of 60, with dropout for 20 instead of 40. Smaller ones are in the ledger. `quick` has 2,000 images and narrower
networks.
Rules: a rung has a lower error than the one below it. A difference below 0.05 points (5 test images) does not matter;
on the few images of `quick`, where errors are ten times as high, below 0.5. In `full` every error is as published,
within two standard errors of a fraction of 10,000 images and the 0.005 points of rounding.
Figures: the ladder; curves of the test error; effects.
"""

from dataclasses import dataclass

from cnn_study.models.architectures import nielsen_conv_net
from cnn_study.page import (
    SMOKE,
    Condition,
    Contrast,
    Plot,
    Published,
    Sizes,
    Term,
    ablation,
    claim,
    direction,
    gain,
    magnitude,
    sampling_margin,
)
from cnn_study.spec import Activation

CHAPTER_6 = "Nielsen 2015, chapter 6"
METRIC = "test_error_at_best_validation"
TEST_IMAGES = 10_000
PENALTY, BATCHES = 0.1, 5000  # of the weights, as the book writes it, and batches in an epoch of its images


@dataclass(frozen=True)
class Rung:
    """A network of the ladder with its training.

    Attributes:
        name: What figures and tables call it.
        accuracy: The published one, in percent.
        convolutions: How many it has, each with pooling.
        wide: Two wide dense layers with dropout instead of one of 100 units.
        unit: That of every hidden layer.
        rate: The learning rate.
        penalty: Of the weights: lambda in the book.
        displaced: Pixels by which copies of the training images are displaced.
    """

    name: str
    accuracy: float
    convolutions: int
    wide: bool = False
    unit: Activation = "relu"
    rate: float = 0.03
    penalty: float = PENALTY
    displaced: int = 0

    @property
    def error(self) -> float:
        """The published error, in percent."""
        return round(100 - self.accuracy, 2)

    @property
    def decay(self) -> float:
        """The weight decay: the penalty of a step is lambda divided by the batches in an epoch."""
        return self.penalty / (BATCHES * (5 if self.displaced else 1))


SIGMOIDS = {"unit": "sigmoid", "rate": 0.1, "penalty": 0.0}
DENSE = Rung("dense", 97.80, convolutions=0, **SIGMOIDS)
ONE = Rung("one convolution", 98.78, convolutions=1, **SIGMOIDS)
TWO = Rung("two convolutions", 99.06, convolutions=2, **SIGMOIDS)
RECTIFIED = Rung("rectified units", 99.23, convolutions=2)
DISPLACED = Rung("displaced copies", 99.37, convolutions=2, displaced=1)
DROPOUT = Rung("dropout and width", 99.60, convolutions=2, wide=True, penalty=0.0, displaced=1)
LADDER = (DENSE, ONE, TWO, RECTIFIED, DISPLACED, DROPOUT)


def published(*rungs: Rung):
    """The published errors of some rungs."""
    quantity = "test error at best validation on MNIST (%)"
    return [Published(quantity, rung.error, CHAPTER_6, "primary", about=rung.name) for rung in rungs]


def climb(at, upper: Rung, lower: Rung):
    """The upper rung has the lower error, by what matters."""
    least = at.choose(smoke=0.5, quick=0.5, full=0.05)
    return direction(gain(upper.name, lower.name, METRIC), above=0, smallest=least)


def as_published(rung: Rung):
    """The error is the published one, within two standard errors of a fraction of the test images, and rounding."""
    error = Contrast((Term(100, rung.name, METRIC),), f"the test error of {rung.name} at best validation", "%")
    margin = sampling_margin(rung.error, TEST_IMAGES) + 0.005
    return magnitude(error, between=(rung.error - margin, rung.error + margin), under=Condition(rung.name))


@claim(
    "A convolutional layer with pooling below a dense network lowers its test error.",
    published=published(DENSE, ONE),
    mechanism="see weight_sharing and spatial_structure",
)
def convolution_lowers_error(at):
    """It falls by what matters; in `full` both errors are as published."""
    yield climb(at, ONE, DENSE)
    yield as_published(DENSE)
    yield as_published(ONE)


@claim(
    "A second convolutional layer with pooling lowers the test error further.",
    published=published(TWO),
    mechanism="no mechanism is claimed",
)
def second_convolution_lowers_error(at):
    """It falls by what matters; in `full` the error is as published."""
    yield climb(at, TWO, ONE)
    yield as_published(TWO)


@claim(
    "With rectified units in the place of sigmoids, and weight decay, the test error is lower.",
    published=published(RECTIFIED),
    mechanism="see activations and saturation",
)
def rectified_units_lower_error(at):
    """It falls by what matters; in `full` the error is as published."""
    yield climb(at, RECTIFIED, TWO)
    yield as_published(RECTIFIED)


@claim(
    "Copies of the training images that are displaced by a pixel lower the test error.",
    published=published(DISPLACED),
    mechanism="that they reduce overfitting is not tested: see dropout for the gap between test and training error",
)
def displaced_copies_lower_error(at):
    """It falls by what matters; in `full` the error is as published."""
    yield climb(at, DISPLACED, RECTIFIED)
    yield as_published(DISPLACED)


@claim(
    "Dropout, with two wide dense layers in the place of one of 100 units, lowers the test error further.",
    published=published(DROPOUT),
    mechanism="dropout and width change together, as in the book: see dropout for it alone",
)
def dropout_and_width_lower_error(at):
    """It falls by what matters; in `full` the error is as published."""
    yield climb(at, DROPOUT, DISPLACED)
    yield as_published(DROPOUT)


@ablation(
    "A ladder of networks on MNIST",
    claims=(
        convolution_lowers_error,
        second_convolution_lowers_error,
        rectified_units_lower_error,
        displaced_copies_lower_error,
        dropout_and_width_lower_error,
    ),
    smoke=SMOKE,
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=10,
        epochs=40,
        evaluation_size=1000,
        looks=(4, 6, 9),
        rates=(0.1,),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=10_000,
        batch_size=10,
        epochs=60,
        evaluation_size=10_000,
        looks=(4, 6),
        rates=(0.1,),
    ),
    figures=(
        Plot("outcomes", metric=METRIC, logarithmic="x"),
        Plot("history", "curves", "test_error", logarithmic="y"),
        "effects",
    ),
)
def nielsen_ladder(at):
    """The six networks of the ladder, from the bottom up."""
    maps = at.choose(smoke=(4, 8), quick=(8, 16), full=(20, 40))
    width = at.choose(smoke=32, quick=300, full=1000)
    fewer = at.choose(smoke={}, quick={"relu": 20, "displaced": 5, "wide": 5}, full={"displaced": 30, "wide": 20})
    side = 28 if at.dataset.image_shape[0] < 28 else None  # Smaller images are enlarged: they must take two 5x5 fields.
    here = at.but(scaling="unit", side=side)
    for rung in LADDER:
        kind = "wide" if rung.wide else "displaced" if rung.displaced else rung.unit
        model = here.network(
            nielsen_conv_net,
            maps=maps[: rung.convolutions],
            hidden=(width, width) if rung.wide else (100,),
            activation=rung.unit,
            dropout=0.5 if rung.wide else 0.0,
        )
        yield here.but(displaced=rung.displaced).arm(
            rung.name,
            model,
            condition="MNIST",
            rate=rung.rate,
            momentum=0.0,
            weight_decay=rung.decay,
            epochs=fewer.get(kind, at.sizes.epochs),
            test_curve=True,
        )
