"""Does dropout narrow the gap between test and training error, and lower the test error?

Claim: dropout keeps large networks from overfitting. Numbers: Srivastava et al. 2014, error on CIFAR-10: 15.60 %
without, 14.32 % with dropout in the dense layers, 12.61 % in all layers. Nielsen's book, chapter 6: from 99.37 to
99.60 % of the test images of MNIST right.

Arms: a convolutional network with a wide dense layer, without dropout, with it in the dense layer, and in all layers,
on 500 and 2,000 images (and more in `full`). Rules: gap and error fall. Figures: error and gap against images; effects.
Run time: `quick` about three minutes.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import (
    Condition,
    Plot,
    Published,
    Sizes,
    ValidationError,
    ablation,
    claim,
    direction,
    gain,
    magnitude,
)
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

SRIVASTAVA = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, Table 3"
CIFAR = "test error on CIFAR-10 (%)"
NO_CAUSE = "the stated cause, co-adaptation of units, is not measured"
# Fraction dropped after each of the two convolutional layers and after the dense layer, and what figures call it.
PLACES = {
    "none": ("no dropout", (0.0, 0.0, 0.0)),
    "dense": ("dense layer", (0.0, 0.0, 0.5)),
    "all": ("all layers", (0.25, 0.25, 0.5)),
}


def amounts(at):
    """The page's images, fewer and more of them to train on."""
    return at.with_images(*at.choose(smoke=(200,), quick=(500, 2000), full=(2000, 10_000, 45_000)))


def compared(at, metric: str):
    """Both places of dropout against none, on every number of images."""
    for images in (here.amount for here in amounts(at)):
        for place in ("dense", "all"):
            under = Condition(f"{PLACES[place][0]}, {images}")
            yield direction(gain(f"{place}, {images}", f"none, {images}", metric), above=0, under=under)


@claim(
    "With dropout the gap between test and training error is smaller.",
    magnitude="no published gap",
    mechanism=NO_CAUSE,
)
def dropout_narrows_the_gap(at):
    """It falls wherever dropout stands, on every number of images."""
    yield from compared(at, "generalization_gap")


@claim(
    "With dropout the test error is lower.",
    published=(
        Published(CIFAR, 15.60, SRIVASTAVA, "memory", "no dropout", "cifar10"),
        Published(CIFAR, 14.32, SRIVASTAVA, "secondary", "dense layer", "cifar10"),
        Published(CIFAR, 12.61, SRIVASTAVA, "memory", "all layers", "cifar10"),
    ),
    mechanism=NO_CAUSE,
)
def dropout_lowers_the_error(at):
    """It falls; and on as many images as there were, by half to twice the published 15.60 - 14.32 points."""
    yield from compared(at, "test_error")
    largest = amounts(at)[-1].amount
    yield magnitude(gain(f"dense, {largest}", f"none, {largest}"), between=(0.64, 2.56))


@ablation(
    "Dropout",
    claims=(dropout_narrows_the_gap, dropout_lowers_the_error),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=15,
        evaluation_size=500,
        seeds=5,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="cifar10",
        validation_size=5000,
        batch_size=64,
        epochs=60,
        seeds=6,
        rates=(0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=ValidationError(),
    figures=(
        Plot("dose", "error_by_images", "test_error", "training images", "test error", "x"),
        Plot("dose", "gap_by_images", "generalization_gap", "training images", "test error - training error", "x"),
        "effects",
    ),
)
def dropout(at):
    """Dropout nowhere, before the logits only, and after every layer, on every number of images."""
    for here in amounts(at):
        for place, (label, dropped) in PLACES.items():
            name, model = f"{place}, {here.amount}", here.network(network, dropped)
            yield here.arm(name, model, label=label, condition=here.amount, level=here.examples)


def network(dropped: tuple[float, float, float], input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """Two convolutional layers and a wide dense one, with a fraction dropped after each."""
    convs = [
        Conv(
            maps=maps,
            field=5,
            stride=stride,
            pool=Pool(reduce="max"),
            dropout=drop,
            initializer=FAN_SCALED.of(0, "relu"),
        )
        for maps, stride, drop in ((16, 2, dropped[0]), (32, 1, dropped[1]))
    ]
    wide = Dense(units=256, dropout=dropped[2], initializer=FAN_SCALED.of(2, "relu"))
    return ModelSpec(input_shape=input_shape, layers=(*convs, wide, Dense(units=classes, activation=None)))
