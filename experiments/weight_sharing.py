"""What does it buy to use one set of weights at all positions?

Claim, in five parts: sharing (a) finds the same feature anywhere, (b) makes the network invariant to translation, (c)
needs far fewer parameters, (d) learns faster and (e) overfits less. Numbers: Zhang et al. 2017, Table 1: on CIFAR-10
and without regularization, a small Inception network of 1,649,402 parameters reaches 85.75 % and a multilayer
perceptron of 1,735,178 parameters 52.39 %, both with every training image right: equal parameters, equal fit, 33 points
apart.
Against (b): shifts of a few pixels change the output of ordinary networks (Azulay & Weiss 2018; Zhang 2019).

Checks: equivariance of feature maps and counts of parameters, over grids. Arms: one hidden layer that is convolutional,
locally connected or dense, as wide as the convolution or with as many parameters as the locally connected layer, on 500
and 2,000 images (and more in `full`), all trained to the same training error. Test images are shifted by 0 to 8 pixels.
Rules: see `rules`. Figures: error and gap against images; accuracy against the shift. Run time: `quick` three minutes.
"""

from cnn_study.models.architectures import Kind, one_hidden_net
from cnn_study.page import (
    Agreement,
    Contrast,
    Plot,
    Published,
    Sizes,
    Term,
    TimeRatio,
    ValidationError,
    ablation,
    claim,
    direction,
    gain,
    mechanism,
)

ZHANG = "Zhang, Bengio, Hardt, Recht & Vinyals 2017, Table 1"
NEYSHABUR = "Neyshabur 2020, CIFAR-10"
ACCURACY = "test accuracy (%)"
NO_CAUSE = "no mechanism is claimed beyond the sharing itself"
TARGET = 0.02  # training error at which every arm stops
SPEED = 0.1  # training error to which times are compared
LABELS = {"conv": "convolutional", "local": "locally connected", "dense": "dense"}


def amounts(at):
    """The page's images, fewer and more of them to train on."""
    return at.with_images(*at.choose(smoke=(200,), quick=(500, 2000), full=(500, 2000, 10_000, 55_000)))


def conditions(at):
    """How many images there are to train on, in words."""
    return [here.amount for here in amounts(at)]


@claim(
    "(a) With shared weights the same feature is found anywhere: maps move with the image.",
    magnitude="the statement is exact",
    mechanism="the check is the mechanism",
)
def sharing_is_equivariant(at):
    """Maps move with the image in every case."""
    yield direction(Agreement("translation_equivariance"), under="all shifts")


@claim(
    "(b) With shared weights the output does not change when the image is shifted.",
    magnitude="no published number for this network",
    mechanism=NO_CAUSE,
)
def sharing_is_invariant(at):
    """A shift of the test images by 4 pixels costs less than 2 points."""
    for images in conditions(at):
        conv = f"conv, same width, {images}"
        what = f"the loss of accuracy of {conv} when test images are shifted by 4 pixels"
        yield direction(Contrast((Term(100, conv, "shift_drop/4"),), what), below=2)


@claim(
    "(c) With shared weights a layer has as many times fewer weights as there are positions.",
    magnitude="the statement is exact",
    mechanism="the counts are arithmetic",
)
def sharing_has_fewer_parameters(at):
    """Every count agrees."""
    yield direction(Agreement("weight_sharing_counts"), under="all geometries")


@claim(
    "(d) A network with shared weights needs fewer epochs to the same training error.",
    magnitude="no published number for this comparison",
    mechanism=NO_CAUSE,
)
def sharing_learns_faster(at):
    """Networks of the same width without sharing take longer."""
    for images in conditions(at):
        for other in ("local", "dense"):
            yield direction(TimeRatio(f"{other}, same width, {images}", f"conv, same width, {images}", SPEED), above=1)


@claim(
    "(e) A network with shared weights has a smaller gap between test and training error, at equal training error.",
    published=(
        Published(f"{ACCURACY}, small Inception", 85.75, ZHANG, "secondary"),
        Published(f"{ACCURACY}, multilayer perceptron", 52.39, ZHANG, "secondary"),
        Published(f"{ACCURACY}, convolutional", 87.05, NEYSHABUR, "memory"),
        Published(f"{ACCURACY}, locally connected", 85.86, NEYSHABUR, "memory"),
        Published(f"{ACCURACY}, dense", 78.63, NEYSHABUR, "memory"),
    ),
    magnitude="published numbers are for deep networks on CIFAR-10",
)
def sharing_overfits_less(at):
    """The gap is smaller than without sharing.

    If it is the number of parameters that counts, networks with as many of them must overfit alike.
    """
    for images in conditions(at):
        for other in ("local", "dense"):
            pair = (f"conv, same width, {images}", f"{other}, same width, {images}")
            yield direction(gain(*pair, "generalization_gap"), above=0)
        for other in ("local, same width", "dense, same parameters"):
            pair = (f"conv, same parameters, {images}", f"{other}, {images}")
            yield mechanism(gain(*pair, "generalization_gap"), equivalent=(-1, 1))


@ablation(
    "One set of weights for all positions",
    claims=(
        sharing_is_equivariant,
        sharing_is_invariant,
        sharing_has_fewer_parameters,
        sharing_learns_faster,
        sharing_overfits_less,
    ),
    smoke=Sizes(
        dataset="digits",
        train_size=200,
        validation_size=100,
        batch_size=10,
        epochs=3,
        seeds=2,
        rates=(0.0025, 0.01, 0.04),
        trial=True,
    ),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=12,
        evaluations=2,
        evaluation_size=500,
        seeds=5,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=40,
        evaluations=4,
        evaluation_size=500,
        seeds=6,
        rates=(0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=ValidationError(),
    checks=("translation_equivariance", "weight_sharing_counts"),
    figures=(
        Plot("dose", "gap_by_images", "generalization_gap", "training images", "test error - training error", "x"),
        Plot("family", "accuracy_by_shift", "shifted_accuracy", "shift of the test images (pixels)", "test accuracy"),
        Plot("table", "equivariance", "translation_equivariance:kind", x="shift", y="error"),
        "effects",
    ),
)
def weight_sharing(at):
    """Three kinds of hidden layers, with the width or the parameters in common, all to the same training error."""
    for here in amounts(at.but(canvas=16 if at.dataset.embedded else 36)):
        for name, model in networks(here).items():
            kind, common = name.split(", ")
            yield here.arm(
                f"{name}, {here.amount}",
                model,
                label=f"{LABELS[kind]}, {common}",
                condition=here.amount,
                level=here.examples,
                probes=("translation", "equivariance") if kind == "conv" else ("translation",),
                target_train_error=TARGET,
            )


def networks(at) -> dict:
    """The networks by kind and by what they have in common: the width, or the number of parameters."""
    maps, stride, pool = 8, 2, 2

    def spatial(kind: Kind, maps: int = maps):
        return at.network(one_hidden_net, kind, maps=maps, field=5, stride=stride, pool=pool)

    def dense(units: int):
        return at.network(one_hidden_net, "dense", units=units)

    height, width, _ = at.shape
    local, hidden = spatial("local"), -(-height // (stride * pool)) * -(-width // (stride * pool)) * maps
    return {
        "conv, same width": spatial("conv"),
        "local, same width": local,
        "dense, same width": dense(hidden),  # as many units as the others have after pooling
        "conv, same parameters": at.matched(lambda maps: spatial("conv", maps), to=local),
        "dense, same parameters": at.matched(dense, to=local),
    }
