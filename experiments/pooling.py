"""Is pooling needed, is the maximum better than the average, and does overlap help?

Claim: pooling layers, which take the maximum or the average over a region, are needed to summarize and to downsample.
Numbers: Springenberg et al. 2014, Table 3, error on CIFAR-10 without augmentation: base network 9.74 %, strides instead
of pooling 10.19 %, convolutions instead of pooling 9.08 %. Scherer et al. 2010 find that the maximum is clearly better
and that overlap gains nothing; Krizhevsky et al. 2012 find that overlap gains 0.4 points on ImageNet.

Arms: two convolutional layers, each with the maximum, with overlapping maxima, with averages, with a stride, with an
additional convolution of stride 2 (All-CNN) or with no downsampling, the last also with the multiply-accumulates of the
first; and the maximum with the parameters of the All-CNN. The same head for all: the average of every map, and a dense
layer. Rules: pooling is needed if it gains more than 1 point on every pooling-free network of equal parameters.
Figures: error of every arm; effects. Run time: `quick` about five minutes.
"""

from cnn_study.models.architectures import Pooling, pooling_net
from cnn_study.page import Plot, Published, Sizes, ValidationError, ablation, claim, direction, gain

SPRINGENBERG = "Springenberg, Dosovitskiy, Brox & Riedmiller 2014, Table 3, model C"
CIFAR = "test error on CIFAR-10 (%)"
NO_CAUSE = "no mechanism is claimed that these arms could separate"


@claim(
    "Without pooling layers a network of as many parameters is worse.",
    published=(
        Published(CIFAR, 9.74, SPRINGENBERG, "secondary", about="maximum, overlapping"),
        Published(CIFAR, 10.19, SPRINGENBERG, "secondary", about="stride"),
        Published(CIFAR, 9.08, SPRINGENBERG, "secondary", about="all convolutions"),
    ),
    magnitude="published numbers are for networks of another size, trained for 350 epochs with other regularization",
    mechanism=NO_CAUSE,
)
def pooling_is_needed(at):
    """Pooling gains more than a point on every network without it that has as many parameters."""
    yield direction(gain("max", "strided"), above=1)
    yield direction(gain("max, wider", "all_conv"), above=1)


@claim(
    "Taking the maximum gives a lower error than taking the average.",
    magnitude="published comparisons are on other data sets",
    mechanism=NO_CAUSE,
)
def max_beats_average(at):
    """The error falls from averages to maxima."""
    yield direction(gain("max", "average"), above=0)


@claim(
    "Overlapping pooling regions give a lower error than regions that only touch.",
    published=(
        Published(
            "gain in top-1 error on ImageNet (points)",
            0.4,
            "Krizhevsky, Sutskever & Hinton 2012, section 3.4",
            "secondary",
            about="maximum, overlapping / maximum",
        ),
    ),
    magnitude="the published number is for ImageNet",
    mechanism=NO_CAUSE,
)
def overlap_helps(at):
    """The error falls from regions of 2x2 pixels to overlapping ones of 3x3."""
    yield direction(gain("max_overlapping", "max"), above=0)


LABELS: dict[Pooling, str] = {
    "max": "maximum",
    "max_overlapping": "maximum, overlapping",
    "average": "average",
    "strided": "stride",
    "all_conv": "all convolutions",
    "none": "no downsampling",
}
NARROW, WIDE = 16, 32


@ablation(
    "Pooling",
    claims=(pooling_is_needed, max_beats_average, overlap_helps),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=10,
        evaluation_size=500,
        seeds=4,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="cifar10",
        validation_size=5000,
        batch_size=64,
        epochs=60,
        seeds=6,
        rates=(0.005, 0.01, 0.02, 0.04, 0.08),
    ),
    tune=ValidationError(),
    figures=(Plot("outcomes", y="test error"), "effects"),
)
def pooling(at):
    """Every way of downsampling once, and two networks whose cost is matched."""

    def network(kind: Pooling, first: int = NARROW, second: int = WIDE):
        return at.network(pooling_net, kind, maps=(first, second), field=3)

    wider = at.matched(lambda maps: network("max", 2 * NARROW, maps), to=network("all_conv"))
    cheaper = at.matched(lambda maps: network("none", NARROW, maps), to=network("max"), cost="macs")
    arms = [
        *((kind, label, network(kind)) for kind, label in LABELS.items()),
        ("max, wider", "maximum, parameters of all convolutions", wider),
        ("none, same macs", "no downsampling, computation of the maximum", cheaper),
    ]
    for name, label, model in arms:
        yield at.arm(name, model, label=label, condition="two stages of 3x3")
