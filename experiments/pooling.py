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

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Arm,
    Claim,
    Design,
    Experiment,
    Plot,
    Published,
    RateSearch,
    Rule,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import Pooling, pooling_net
from cnn_study.models.complexity import macs, parameters
from cnn_study.models.matching import match
from cnn_study.spec import ModelSpec

SPRINGENBERG = "Springenberg, Dosovitskiy, Brox & Riedmiller 2014, Table 3, model C"
SIZES_DIFFER = "published numbers are for networks of another size, trained for 350 epochs with other regularization"
NO_CAUSE = "no mechanism is claimed that these arms could separate"
CLAIMS = (
    Claim(
        "pooling-is-needed",
        "Without pooling layers a network of as many parameters is worse.",
        (
            Published("test error on CIFAR-10 (%)", 9.74, SPRINGENBERG, "secondary", about="maximum, overlapping"),
            Published("test error on CIFAR-10 (%)", 10.19, SPRINGENBERG, "secondary", about="stride"),
            Published("test error on CIFAR-10 (%)", 9.08, SPRINGENBERG, "secondary", about="all convolutions"),
        ),
        {"magnitude": SIZES_DIFFER, "mechanism": NO_CAUSE},
    ),
    Claim(
        "max-beats-average",
        "Taking the maximum gives a lower error than taking the average.",
        (),
        {"magnitude": "published comparisons are on other data sets", "mechanism": NO_CAUSE},
    ),
    Claim(
        "overlap-helps",
        "Overlapping pooling regions give a lower error than regions that only touch.",
        (
            Published(
                "gain in top-1 error on ImageNet (points)",
                0.4,
                "Krizhevsky, Sutskever & Hinton 2012, section 3.4",
                "secondary",
                about="maximum, overlapping / maximum",
            ),
        ),
        {"magnitude": "the published number is for ImageNet", "mechanism": NO_CAUSE},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("cifar10", 2000, 20, 10, 4, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("cifar10", None, 64, 60, 6, (0.005, 0.01, 0.02, 0.04, 0.08), 5000),
}
WIDTHS, FIELD = (16, 32), 3
ARMS: dict[Pooling, str] = {
    "max": "maximum",
    "max_overlapping": "maximum, overlapping",
    "average": "average",
    "strided": "stride",
    "all_conv": "all convolutions",
    "none": "no downsampling",
}
CONDITION = "two stages of 3x3"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on CIFAR-10 or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data = setting.data(fallback)
    options = {"input_shape": shape_of(data), "classes": classes_of(data)}
    models: dict[str, ModelSpec] = {kind: pooling_net(kind, maps=WIDTHS, field=FIELD, **options) for kind in ARMS}
    tolerance = setting.tolerance(fallback)
    models["max, wider"] = match(
        lambda maps: pooling_net("max", maps=(2 * WIDTHS[0], maps), field=FIELD, **options),
        parameters(models["all_conv"]),
        tolerance=tolerance,
    )
    models["none, same macs"] = match(
        lambda maps: pooling_net("none", maps=(WIDTHS[0], maps), field=FIELD, **options),
        macs(models["max"]),
        "macs",
        tolerance,
    )
    labels: dict[str, str] = {
        **ARMS,
        "max, wider": "maximum, parameters of all convolutions",
        "none, same macs": "no downsampling, computation of the maximum",
    }
    arms = tuple(Arm(name, labels[name], CONDITION, data, model, setting.train()) for name, model in models.items())
    rules = (
        Rule("pooling-is-needed", "direction", CONDITION, gain("max", "strided"), low=1),
        Rule("pooling-is-needed", "direction", CONDITION, gain("max, wider", "all_conv"), low=1),
        Rule("max-beats-average", "direction", CONDITION, gain("max", "average"), low=0),
        Rule("overlap-helps", "direction", CONDITION, gain("max_overlapping", "max"), low=0),
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(arms, search, setting.replicates, rules, setting.proxy(fallback))


EXPERIMENT = Experiment(
    name="pooling",
    title="Pooling",
    claims=CLAIMS,
    design=design,
    figures=(Plot("outcomes", y="test error"), "effects"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
