"""Is pooling needed, is the maximum better than the average, and does overlap help?

Claim: pooling layers, which take the maximum or the average over a region, are needed to summarize and to downsample.
Numbers: Springenberg et al. 2014, Table 3, error on CIFAR-10 without augmentation: base network 9.74 %, strides instead
of pooling 10.19 %, convolutions instead of pooling 9.08 %. Scherer et al. 2010 find that the maximum is clearly better
and that overlap gains nothing; Krizhevsky et al. 2012 find that overlap gains 0.4 points on ImageNet.

Arms: two stages that each halve the sides of the maps, then two dense layers, the same for all. A 3x3 convolution and
2x2 pixels of pooling (the maximum, or the average) see 4 pixels; so does, without pooling, one 4x4 convolution with a
stride of 2. Overlapping pooling over 3x3 pixels sees 5; so do, without pooling, two 3x3 convolutions, the second with a
stride of 2 (All-CNN). So no arm wins by seeing more. Parameters differ by less than a tenth, most being in the dense
layers. All stop at 2 % training error, so that none wins by fitting more, or when their epochs are over.
Rules: differences in test error at each arm's own best rate. One point of error is the smallest difference of interest,
for overlap half a point, which is about what was published. Figures: error of every arm; effects.
"""

from cnn_study.models.architectures import Pooling, pooling_net
from cnn_study.page import LowestValidationError, Plot, Published, Sizes, ablation, claim, direction, gain

SPRINGENBERG = "Springenberg, Dosovitskiy, Brox & Riedmiller 2014, Table 3, model C"
KRIZHEVSKY = "Krizhevsky, Sutskever & Hinton 2012, section 3.4"
CIFAR = "test error on CIFAR-10 (%)"
NO_CAUSE = "no mechanism is claimed that these arms could separate"
TARGET = 0.02  # training error at which every arm stops


@claim(
    "Without pooling a network of the same receptive fields is worse.",
    published=(
        Published(CIFAR, 9.74, SPRINGENBERG, "secondary", about="maximum, overlapping"),
        Published(CIFAR, 10.19, SPRINGENBERG, "secondary", about="stride"),
        Published(CIFAR, 9.08, SPRINGENBERG, "secondary", about="all convolutions"),
    ),
    magnitude="published numbers are for networks of another size, trained for 350 epochs with other regularization",
    mechanism=NO_CAUSE,
)
def pooling_is_needed(at):
    """Pooling gains on both networks without it, each seeing as many pixels as the one it is compared with."""
    yield direction(gain("max", "strided"), above=0, smallest=1)
    yield direction(gain("max_overlapping", "all_conv"), above=0, smallest=1)


@claim(
    "Taking the maximum gives a lower error than taking the average.",
    magnitude="published comparisons are on other data sets",
    mechanism=NO_CAUSE,
)
def max_beats_average(at):
    """The error falls from averages to maxima."""
    yield direction(gain("max", "average"), above=0, smallest=1)


@claim(
    "Overlapping pooling regions give a lower error than regions that only touch.",
    published=(Published("gain in top-1 error on ImageNet (points)", 0.4, KRIZHEVSKY, "secondary"),),
    magnitude="the published number is for ImageNet",
    mechanism=NO_CAUSE,
)
def overlap_helps(at):
    """The error falls from regions of 2x2 pixels to overlapping ones of 3x3."""
    yield direction(gain("max_overlapping", "max"), above=0, smallest=0.5)


FIELD, SAME_REACH = 3, 4  # side of a convolution, and of the one that sees as much as it does with 2x2 pooling
LABELS: dict[Pooling, str] = {
    "max": "maximum",
    "average": "average",
    "strided": "stride",
    "max_overlapping": "maximum, overlapping",
    "all_conv": "all convolutions",
}


@ablation(
    "Pooling",
    claims=(pooling_is_needed, max_beats_average, overlap_helps),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=30,
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
        looks=(4, 6, 9),
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    figures=(Plot("outcomes", y="test error"), "effects"),
)
def pooling(at):
    """Every way of halving the sides of the maps."""
    maps, hidden = at.choose(smoke=(8, 16), quick=(8, 16), full=(16, 32)), (64,)
    for kind, label in LABELS.items():
        field = SAME_REACH if kind == "strided" else FIELD
        model = at.network(pooling_net, kind, maps=maps, field=field, hidden=hidden)
        yield at.arm(kind, model, label=label, condition="two stages", target_train_error=TARGET)
