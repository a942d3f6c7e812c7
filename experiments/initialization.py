"""Do initial weights that keep the scale of signals lower the test error of deep saturating networks?

Claim: with normalized initialization (weights even within sqrt(6 / (fan in + fan out))), deep tanh networks end at a
lower test error than from the standard weights of the time (even within 1 / sqrt(fan in)) - Glorot & Bengio 2010, whose
Table 1 gives, for 5 layers of up to 1,000 units on MNIST: tanh 1.76 %, normalized tanh 1.64 %, sigmoid 2.21 %.

Arms: those three, trained as there, but for a hundredth of the steps: plain stochastic gradient descent, batches of 10,
each rate chosen on images that are kept from training, no early stop.
Rules: the test error after the last epoch, which must fall by a tenth of a point to matter (ten of the 10,000 test
images), on the few images of `quick`, where errors are four times as high, by half a point. In `full` the gain is as
published between half and twice the published 0.12 points, and an error is as published within two standard errors of
so many test images. The cause is looked for in `unstable_gradients` and `saturation`.
Figures: test errors; training curves; rate search.
"""

from cnn_study.models.architectures import glorot_net
from cnn_study.page import (
    SMOKE,
    Contrast,
    LowestValidationError,
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

TABLE_1 = "Glorot & Bengio 2010, Table 1"
PERCENT = "test error on MNIST (%)"
STANDARD, NORMALIZED, SIGMOID = "tanh, standard weights", "tanh, normalized weights", "sigmoid, standard weights"
ERRORS = {STANDARD: 1.76, NORMALIZED: 1.64, SIGMOID: 2.21}  # percent
TEST_IMAGES = 10_000


def least(at) -> float:
    """The smallest difference of test errors that matters, in points."""
    return at.choose(smoke=0.5, quick=0.5, full=0.1)


def as_published(arm: str):
    """The test error lies within two standard errors of a fraction of the test images around the published one."""
    error = Contrast((Term(100, arm, "test_error"),), f"the test error of {arm}", "%")
    margin = sampling_margin(ERRORS[arm], TEST_IMAGES)
    return magnitude(error, between=(ERRORS[arm] - margin, ERRORS[arm] + margin))


@claim(
    "With normalized initialization a deep tanh network ends at a lower test error than with standard weights.",
    published=[Published(PERCENT, ERRORS[arm], TABLE_1, "secondary", about=arm) for arm in (STANDARD, NORMALIZED)],
    mechanism="see unstable_gradients",
)
def normalized_initialization_lowers_error(at):
    """It falls by what matters; in `full` by half to twice as much as published."""
    published = ERRORS[STANDARD] - ERRORS[NORMALIZED]
    yield direction(gain(NORMALIZED, STANDARD), above=0, smallest=least(at))
    yield magnitude(gain(NORMALIZED, STANDARD), between=(published / 2, published * 2))
    yield as_published(STANDARD)
    yield as_published(NORMALIZED)


@claim(
    "A deep sigmoid network ends at a higher test error than one of tanh units, both with standard weights.",
    published=(Published(PERCENT, ERRORS[SIGMOID], TABLE_1, "secondary", about=SIGMOID),),
    mechanism="see sigmoid-is-slow-when-deep",
)
def sigmoid_ends_higher(at):
    """It is higher by what matters; in `full` as high as published."""
    yield direction(gain(STANDARD, SIGMOID), above=0, smallest=least(at))
    yield as_published(SIGMOID)


@ablation(
    "Normalized initialization",
    claims=(normalized_initialization_lowers_error, sigmoid_ends_higher),
    smoke=SMOKE,
    quick=Sizes(
        dataset="mnist",
        train_size=6000,
        validation_size=2000,
        batch_size=10,
        epochs=20,
        evaluation_size=2000,
        looks=(4, 6, 9),
        rates=(0.1, 0.4, 1.6),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=10_000,
        batch_size=10,
        epochs=10,
        evaluation_size=5000,
        rates=(0.05, 0.2, 0.8),
    ),
    tune=LowestValidationError(),
    figures=(Plot("outcomes", y="test error"), "training_curves", "effects", "rate_search"),
)
def initialization(at):
    """Five hidden layers: tanh from both kinds of weights, and sigmoid from the standard ones."""
    width = at.choose(smoke=32, quick=100, full=1000)
    for name, unit, weights in (
        (STANDARD, "tanh", "standard"),
        (NORMALIZED, "tanh", "normalized"),
        (SIGMOID, "sigmoid", "standard"),
    ):
        model = at.network(glorot_net, unit, weights, units=width)
        yield at.arm(name, model, condition=f"5 layers of {width:,}", momentum=0.0)
