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

from cnn_study.checks.names import check
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import Kind, one_hidden_net
from cnn_study.models.complexity import parameters
from cnn_study.models.matching import match

ZHANG = "Zhang, Bengio, Hardt, Recht & Vinyals 2017, Table 1"
NEYSHABUR = "Neyshabur 2020, CIFAR-10"
SIZES_DIFFER = "published numbers are for deep networks on CIFAR-10"
NO_CAUSE = "no mechanism is claimed beyond the sharing itself"
CLAIMS = (
    Claim(
        "sharing-is-equivariant",
        "(a) With shared weights the same feature is found anywhere: maps move with the image.",
        (),
        {"magnitude": "the statement is exact", "mechanism": "the check is the mechanism"},
    ),
    Claim(
        "sharing-is-invariant",
        "(b) With shared weights the output does not change when the image is shifted.",
        (),
        {"magnitude": "no published number for this network", "mechanism": NO_CAUSE},
    ),
    Claim(
        "sharing-has-fewer-parameters",
        "(c) With shared weights a layer has as many times fewer weights as there are positions.",
        (),
        {"magnitude": "the statement is exact", "mechanism": "the counts are arithmetic"},
    ),
    Claim(
        "sharing-learns-faster",
        "(d) A network with shared weights needs fewer epochs to the same training error.",
        (),
        {"magnitude": "no published number for this comparison", "mechanism": NO_CAUSE},
    ),
    Claim(
        "sharing-overfits-less",
        "(e) A network with shared weights has a smaller gap between test and training error, at equal training error.",
        (
            Published("test accuracy (%)", 85.75, ZHANG, "secondary", about="small Inception"),
            Published("test accuracy (%)", 52.39, ZHANG, "secondary", about="multilayer perceptron"),
            Published("test accuracy (%)", 87.05, NEYSHABUR, "memory", about="convolutional"),
            Published("test accuracy (%)", 85.86, NEYSHABUR, "memory", about="locally connected"),
            Published("test accuracy (%)", 78.63, NEYSHABUR, "memory", about="dense"),
        ),
        {"magnitude": SIZES_DIFFER},
    ),
)

TARGET = 0.02  # training error at which every arm stops
SPEED = 0.1  # training error to which times are compared
SETTINGS = {
    "smoke": Setting("digits", 200, 10, 3, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 12, 5, (0.0025, 0.01, 0.04), 1000, 2000, evaluations=2, evaluation_size=500),
    "full": Setting(
        "mnist", None, 50, 40, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), 5000, evaluations=4, evaluation_size=500
    ),
}
IMAGES = {"smoke": (200,), "quick": (500, 2000), "full": (500, 2000, 10_000, 55_000)}
MAPS = 8
KINDS = {"conv": "convolutional", "local": "locally connected", "dense": "dense"}


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting, arms, decided = SETTINGS[profile], [], []
    for size in setting.sizes(IMAGES[profile], fallback):
        canvas = 16 if (fallback or setting.dataset) == "digits" else 36
        data = setting.data(fallback, train_size=size, canvas=canvas)
        train = setting.train(target_train_error=TARGET)
        condition = f"{data.train_size:,} images"
        for name, model in networks(data, setting.tolerance(fallback)).items():
            label = f"{KINDS[name.split(',')[0]]},{name.split(',')[1]}"
            probes = ("translation", "equivariance") if name.startswith("conv") else ("translation",)
            arms.append(
                Arm(f"{name}, {condition}", label, condition, data, model, train, data.train_size, probes=probes)
            )
        decided += rules(condition)
    exact = (
        Rule("sharing-is-equivariant", "direction", "all shifts", Agreement("translation_equivariance")),
        Rule("sharing-has-fewer-parameters", "direction", "all geometries", Agreement("weight_sharing_counts")),
    )
    checks = (
        check("translation_equivariance", sample=setting.trial),
        check("weight_sharing_counts", sample=setting.trial),
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(tuple(arms), search, setting.replicates, (*exact, *decided), setting.proxy(fallback), checks)


def networks(data, tolerance: float) -> dict:
    """The networks by kind and by what they have in common: the width, or the number of parameters."""
    shape, classes = shape_of(data), classes_of(data)

    def spatial(kind: Kind, maps: int):
        return one_hidden_net(kind, maps=maps, field=5, stride=2, pool=2, input_shape=shape, classes=classes)

    def dense(units: int):
        return one_hidden_net("dense", units=units, input_shape=shape, classes=classes)

    local = spatial("local", MAPS)
    target = parameters(local)
    hidden = -(-shape[0] // 4) * -(-shape[1] // 4) * MAPS  # outputs of the hidden layer after pooling
    return {
        "conv, same width": spatial("conv", MAPS),
        "local, same width": local,
        "dense, same width": dense(hidden),
        "conv, same parameters": match(lambda maps: spatial("conv", maps), target, tolerance=tolerance),
        "dense, same parameters": match(dense, target, tolerance=tolerance),
    }


def rules(condition: str) -> list[Rule]:
    """What decides (b), (d) and (e) at one number of images."""
    conv, local, dense = (f"{kind}, same width, {condition}" for kind in KINDS)
    conv_matched, dense_matched = (f"{kind}, same parameters, {condition}" for kind in ("conv", "dense"))
    moved = Contrast(
        (Term(100, conv, "shift_drop/4"),), f"the loss of accuracy of {conv} when test images are shifted by 4 pixels"
    )
    decided = [Rule("sharing-is-invariant", "direction", condition, moved, high=2)]
    for other in (local, dense):
        decided += [
            Rule("sharing-learns-faster", "direction", condition, TimeRatio(other, conv, SPEED), low=1),
            Rule("sharing-overfits-less", "direction", condition, gain(conv, other, "generalization_gap"), low=0),
        ]
    # If it is the number of parameters that counts, networks with as many of them must overfit alike.
    same = [gain(conv_matched, other, "generalization_gap") for other in (local, dense_matched)]
    return decided + [
        Rule("sharing-overfits-less", "mechanism", condition, estimate, low=-1, high=1, equivalence=True)
        for estimate in same
    ]


EXPERIMENT = Experiment(
    name="weight_sharing",
    title="One set of weights for all positions",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("dose", "gap_by_images", "generalization_gap", "training images", "test error - training error", "x"),
        Plot("family", "accuracy_by_shift", "shifted_accuracy", "shift of the test images (pixels)", "test accuracy"),
        Plot("table", "equivariance", "translation_equivariance:kind", x="shift", y="error"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
