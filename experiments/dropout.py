"""Does dropout narrow the gap between test and training error, and lower the test error?

Claim: dropout keeps large networks from overfitting. Numbers: Srivastava et al. 2014, Table 4, error on CIFAR-10 with
all 50,000 training images: 14.98 % without dropout (Snoek et al. 2012), 14.32 % with dropout in the dense layers,
12.61 % in all layers. They are for networks of another size, so that they stand beside the claim and decide nothing
here.

Arms: a convolutional network with a wide dense layer, without dropout, with half of the dense layer dropped, and with
a quarter of every convolutional layer dropped too; on few images, which it can fit without dropout, for so many epochs
that it does. All train for as many epochs: with dropout the training error ends higher, which narrows the gap too.
Rules: gap and error fall; a change of less than half a point would not matter to anyone.
Figures: error and gap of every arm; effects.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import Condition, LowestValidationError, Plot, Published, Sizes, ablation, claim, direction, gain
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

SRIVASTAVA = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, Table 4"
CIFAR = "test error on CIFAR-10 (%)"
OTHER_NETWORK = "published numbers are for a network of another size on all images"
NO_CAUSE = "the stated cause, that units do not rely on each other, is not measured"
# What figures call it, and the fraction dropped after each of the two convolutional layers and after the dense layer.
PLACES = {
    "none": ("no dropout", (0.0, 0.0, 0.0)),
    "dense": ("in the dense layer", (0.0, 0.0, 0.5)),
    "all": ("in all layers", (0.25, 0.25, 0.5)),
}


def amounts(at):
    """The page's images, fewer and more of them to train on."""
    return at.with_images(*at.choose(smoke=(200,), quick=(2000,), full=(2000, 10_000)))


def compared(at, metric: str):
    """Both places of dropout against none, on every number of images: at least half a point would matter."""
    for images in (here.amount for here in amounts(at)):
        for place in ("dense", "all"):
            found = gain(f"{place}, {images}", f"none, {images}", metric)
            yield direction(found, above=0, smallest=0.5, under=Condition(f"{PLACES[place][0]}, {images}"))


@claim("With dropout the gap between test and training error is smaller.", magnitude=OTHER_NETWORK, mechanism=NO_CAUSE)
def dropout_narrows_the_gap(at):
    """It falls wherever dropout stands, on every number of images."""
    yield from compared(at, "generalization_gap")


@claim(
    "With dropout the test error is lower.",
    published=(
        Published(CIFAR, 14.98, SRIVASTAVA, "secondary"),
        Published(CIFAR, 14.32, SRIVASTAVA, "secondary"),
        Published(CIFAR, 12.61, SRIVASTAVA, "secondary"),
    ),
    magnitude=OTHER_NETWORK,
    mechanism=NO_CAUSE,
)
def dropout_lowers_the_error(at):
    """It falls wherever dropout stands, on every number of images."""
    yield from compared(at, "test_error")


@ablation(
    "Dropout",
    claims=(dropout_narrows_the_gap, dropout_lowers_the_error),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=20,
        evaluation_size=500,
        rates=(0.005, 0.01, 0.02),
    ),
    full=Sizes(
        dataset="cifar10",
        validation_size=5000,
        batch_size=50,
        epochs=40,
        evaluation_size=2000,
        rates=(0.005, 0.01, 0.02),
    ),
    tune=LowestValidationError(),
    figures=(
        Plot("outcomes", "error", "test_error", y="test error"),
        Plot("outcomes", "gap", "generalization_gap", y="test error - training error"),
        "effects",
    ),
)
def dropout(at):
    """Dropout nowhere, before the logits only, and after every layer, on every number of images."""
    for here in amounts(at):
        for place, (where, dropped) in PLACES.items():
            label = f"dropout {where}" if any(dropped) else where
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
