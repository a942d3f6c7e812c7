"""What does it buy to use one set of weights at all positions?

Claim, in five parts: sharing (a) finds the same feature anywhere, (b) makes the network invariant to translation, (c)
needs far fewer parameters, (d) learns faster and (e) overfits less. Numbers: Zhang et al. 2017, Table 1: on CIFAR-10
and without regularization, a small Inception network of 1,649,402 parameters reaches 85.75 % and a multilayer
perceptron of 1,735,178 parameters 52.39 %, both with every training image right: equal parameters, equal fit, 33 points
apart. Against (b): shifts of a few pixels change the output of ordinary networks (Azulay & Weiss 2018; Zhang 2019).

Checks: equivariance of feature maps and counts of parameters, over grids. Arms: one hidden layer that is convolutional,
locally connected or dense, as wide as the convolution or with as many parameters as the locally connected layer, with
500 and 2,000 images to learn from (and up to 55,000 in `full`); and, on the most images, three convolutions read out
through the average of every map. All stop at 2 % training error, at the rate that gets there first. Test images are
shifted by 0 to 8 pixels.
Rules: (b) a shift by 3 pixels, which is no multiple of any stride here, costs less than 2 points: once for a dense
readout, once for the average; and it costs less with sharing than without. (d) T(other) / T(shared), for T = epochs to
2 % training error, read ten times an epoch; 1.1 is the least factor of interest. (e) test minus training error differs
by more than nothing; 1 point is the least of interest. If the number of parameters were the cause of (e), networks with
as many of them would overfit alike.
Figures: gap against images; accuracy against the shift; a digit that wanders.
"""

from cnn_study.models.architectures import Kind, averaged_net, one_hidden_net
from cnn_study.page import (
    Agreement,
    Contrast,
    Plot,
    Published,
    Sizes,
    Term,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    gain,
    mechanism,
    premise,
)

ZHANG = "Zhang, Bengio, Hardt, Recht & Vinyals 2017, Table 1"
ACCURACY = "test accuracy (%)"
NO_NUMBER = "no published number for this comparison"
NO_CAUSE = "no mechanism is claimed beyond the sharing itself"
TARGET = 0.02  # training error at which every arm stops, and to which times are compared
SHIFT = 3  # pixels: no multiple of any stride here, so that the network does not meet the same grid again
LEAST_FACTOR = 1.1  # of interest, between times
LABELS = {
    "conv": "convolutional",
    "local": "locally connected",
    "dense": "dense",
    "averaged": "convolutional, maps averaged",
}
UNSHARED = ("local", "dense")
AVERAGED = "averaged, three layers"


def amounts(at):
    """The page's images, fewer and more of them to train on."""
    return at.with_images(*at.choose(smoke=(200,), quick=(500, 2000), full=(500, 2000, 10_000, 55_000)))


def conditions(at):
    """How many images there are to train on, in words."""
    return [here.amount for here in amounts(at)]


def wide(kind: str, images: str) -> str:
    """The arm of a kind of layer with the common width."""
    return f"{kind}, same width, {images}"


def drop(arm: str, more_than: str = "") -> Contrast:
    """The accuracy that an arm loses when test images are shifted, or how much more it loses than another."""
    signs = {arm: 100} | ({more_than: -100} if more_than else {})
    distances = ((1, 0), (-1, SHIFT))
    terms = (Term(a * b, name, f"shifted_accuracy/{far}") for name, a in signs.items() for b, far in distances)
    what = f"the loss of accuracy of {arm} when test images are shifted by {SHIFT} pixels"
    return Contrast(tuple(terms), f"{what}, minus that of {more_than}" if more_than else what)


@claim(
    "(a) With shared weights the same feature is found anywhere: maps move with the image.",
    magnitude="the statement is exact",
    mechanism="the check is the mechanism",
)
def sharing_is_equivariant(at):
    """Maps move with the image in every case."""
    yield direction(Agreement("translation_equivariance"), under="all shifts")


@claim(
    "(b) With shared weights and a dense layer that reads them, the answer stays the same when the image is shifted.",
    magnitude=NO_NUMBER,
    mechanism=NO_CAUSE,
)
def sharing_is_invariant(at):
    """A shift costs less than 2 points."""
    for images in conditions(at):
        yield direction(drop(wide("conv", images)), below=2)


@claim(
    "(b) With shared weights a shift of the image does less harm than without.",
    magnitude=NO_NUMBER,
    mechanism=NO_CAUSE,
)
def sharing_lessens_the_harm(at):
    """Both networks without sharing lose more; less than 5 points more would be of no interest."""
    for images in conditions(at):
        for other in UNSHARED:
            yield direction(drop(wide(other, images), wide("conv", images)), above=0, smallest=5)


@claim(
    "(b) With shared weights and the average of every map, the answer stays the same when the image is shifted.",
    magnitude=NO_NUMBER,
    mechanism=NO_CAUSE,
)
def averages_are_invariant(at):
    """A shift costs less than 2 points, in a network that is no more than 2 points worse than the dense readout."""
    most = conditions(at)[-1]
    yield direction(drop(f"{AVERAGED}, {most}"), below=2)
    yield direction(gain(f"{AVERAGED}, {most}", wide("conv", most)), above=-2)


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
    magnitude=NO_NUMBER,
    mechanism=NO_CAUSE,
)
def sharing_learns_faster(at):
    """Networks of the same width without sharing take longer."""
    for images in conditions(at):
        for other in UNSHARED:
            ratio = TimeRatio(wide(other, images), wide("conv", images), TARGET)
            yield direction(ratio, above=1, smallest=LEAST_FACTOR)


@claim(
    "(e) A network with shared weights has a smaller gap between test and training error, at equal training error, "
    "because it has fewer parameters.",
    published=(
        Published(f"{ACCURACY}, small Inception", 85.75, ZHANG, "secondary", dataset="cifar10"),
        Published(f"{ACCURACY}, multilayer perceptron", 52.39, ZHANG, "secondary", dataset="cifar10"),
    ),
    magnitude="published numbers are for deep networks on CIFAR-10",
)
def sharing_overfits_less(at):
    """The gap is smaller than without sharing.

    If it is the number of parameters that counts, this must hold, and networks with as many of them must overfit alike.
    """
    for images in conditions(at):
        for other in UNSHARED:
            smaller = gain(wide("conv", images), wide(other, images), "generalization_gap")
            yield direction(smaller, above=0, smallest=1)
            yield premise(smaller, above=0, smallest=1)
        for other in (wide("local", images), f"dense, same parameters, {images}"):
            alike = gain(f"conv, same parameters, {images}", other, "generalization_gap")
            yield mechanism(alike, equivalent=(-1, 1))


@ablation(
    "One set of weights for all positions",
    claims=(
        sharing_is_equivariant,
        sharing_is_invariant,
        sharing_lessens_the_harm,
        averages_are_invariant,
        sharing_has_fewer_parameters,
        sharing_learns_faster,
        sharing_overfits_less,
    ),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        batch_size=20,
        epochs=16,
        evaluations=10,
        evaluation_size=500,
        rates=(0.005, 0.01, 0.02),
    ),
    full=Sizes(
        dataset="mnist",
        batch_size=50,
        epochs=20,
        evaluations=10,
        evaluation_size=1000,
        looks=(4, 6, 9),
        rates=(0.005, 0.01, 0.02),
    ),
    tune=TimeToTrainError(TARGET),
    checks=("translation_equivariance", "weight_sharing_counts"),
    figures=(
        Plot("dose", "gap_by_images", "generalization_gap", "training images", "test error - training error", "xy"),
        Plot("family", "accuracy_by_shift", "shifted_accuracy", "shift of the test images (pixels)", "test accuracy"),
        "wandering",
        Plot("table", "equivariance", "translation_equivariance:kind", x="shift", y="error"),
        Plot(
            "effects",
            "effects_of_shifts",
            claims=("sharing-is-invariant", "sharing-lessens-the-harm", "averages-are-invariant"),
        ),
        Plot("effects", "effects_on_speed", claims=("sharing-learns-faster",)),
        Plot("effects", claims=("sharing-overfits-less",)),
    ),
)
def weight_sharing(at):
    """Three kinds of hidden layers, with the width or the parameters in common, and the average of maps."""
    every = amounts(at.but(canvas=16 if at.dataset.embedded else 36))
    pictured = {"conv, same width", "dense, same width", AVERAGED}

    def arm(here, name: str, model, **training):
        kind, common = name.split(", ")
        moving = ("wandering",) if here == every[-1] and name in pictured else ()
        maps = ("equivariance",) if kind in ("conv", "averaged") else ()
        return here.arm(
            f"{name}, {here.amount}",
            model,
            label=f"{LABELS[kind]}, {common}",
            condition=here.amount,
            level=here.examples,
            probes=("translation", *maps, *moving),
            target_train_error=TARGET,
            **training,
        )

    for here in every:
        for name, model in networks(here).items():
            yield arm(here, name, model)
    # It is slow to train, and no time of it is compared.
    averaged = every[-1].network(averaged_net, maps=(16, 32, 32))
    yield arm(every[-1], AVERAGED, averaged, epochs=at.choose(smoke=3, quick=25, full=12), evaluations_per_epoch=1)


def networks(at) -> dict:
    """The networks by kind and by what they share: the width, or the number of parameters."""
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
