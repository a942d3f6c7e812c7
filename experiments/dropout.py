"""Does dropout narrow the gap between test and training error, and lower the test error?

Claim: dropout keeps large networks from overfitting. Numbers: Srivastava et al. 2014, error on CIFAR-10: 15.60 %
without, 14.32 % with dropout in the dense layers, 12.61 % in all layers. Nielsen's book, chapter 6: from 99.37 to
99.60 % of the test images of MNIST right.

Arms: a convolutional network with a wide dense layer, without dropout, with it in the dense layer, and in all layers,
on 500 and 2,000 images (and more in `full`). Rules: gap and error fall. Figures: error and gap against images; effects.
Run time: `quick` about three minutes.
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
from cnn_study.models.architectures import FAN_SCALED
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

SRIVASTAVA = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, Table 3"
NO_CAUSE = "the stated cause, co-adaptation of units, is not measured"
CLAIMS = (
    Claim(
        "dropout-narrows-the-gap",
        "With dropout the gap between test and training error is smaller.",
        (),
        {"magnitude": "no published gap", "mechanism": NO_CAUSE},
    ),
    Claim(
        "dropout-lowers-the-error",
        "With dropout the test error is lower.",
        (
            Published("test error on CIFAR-10 (%)", 15.60, SRIVASTAVA, "memory", "no dropout", "cifar10"),
            Published("test error on CIFAR-10 (%)", 14.32, SRIVASTAVA, "secondary", "dense layer", "cifar10"),
            Published("test error on CIFAR-10 (%)", 12.61, SRIVASTAVA, "memory", "all layers", "cifar10"),
        ),
        {"mechanism": NO_CAUSE},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 15, 5, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("cifar10", None, 64, 60, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), 5000),
}
IMAGES = {"smoke": (200,), "quick": (500, 2000), "full": (2000, 10_000, 45_000)}
# Fraction dropped after each of the two convolutional layers and after the dense layer.
PLACES = {"none": (0.0, 0.0, 0.0), "dense": (0.0, 0.0, 0.5), "all": (0.25, 0.25, 0.5)}
LABELS = {"none": "no dropout", "dense": "dense layer", "all": "all layers"}


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile; MNIST in `quick`, CIFAR-10 in `full`, or what takes their place."""
    setting, arms, decided = SETTINGS[profile], [], []
    for size in setting.sizes(IMAGES[profile], fallback):
        data = setting.data(fallback, train_size=size)
        condition = f"{data.train_size:,} images"
        for place, dropped in PLACES.items():
            name, label = f"{place}, {condition}", LABELS[place]
            arms.append(Arm(name, label, condition, data, network(data, dropped), setting.train(), data.train_size))
        for place in ("dense", "all"):
            pair = (f"{place}, {condition}", f"none, {condition}")
            under = f"{LABELS[place]}, {condition}"
            decided += [
                Rule("dropout-narrows-the-gap", "direction", under, gain(*pair, "generalization_gap"), low=0),
                Rule("dropout-lowers-the-error", "direction", under, gain(*pair), low=0),
            ]
    # Half to twice the published gain of 15.60 - 14.32 points, on as many images as there were.
    largest = arms[-1].condition
    magnitude = gain(f"dense, {largest}", f"none, {largest}")
    decided.append(Rule("dropout-lowers-the-error", "magnitude", largest, magnitude, 0.64, 2.56, published=True))
    search = RateSearch(ValidationError(), setting.rates)
    return Design(tuple(arms), search, setting.replicates, tuple(decided), setting.proxy(fallback))


def network(data, dropped: tuple[float, float, float]) -> ModelSpec:
    """Two convolutional layers and a wide dense one, with a fraction dropped after each."""
    pool = Pool(reduce="max")
    convs = [
        Conv(maps=maps, field=5, stride=stride, pool=pool, dropout=drop, initializer=FAN_SCALED.of(0, "relu"))
        for maps, stride, drop in ((16, 2, dropped[0]), (32, 1, dropped[1]))
    ]
    wide = Dense(units=256, dropout=dropped[2], initializer=FAN_SCALED.of(2, "relu"))
    logits = Dense(units=classes_of(data), activation=None)
    return ModelSpec(input_shape=shape_of(data), layers=(*convs, wide, logits))


EXPERIMENT = Experiment(
    name="dropout",
    title="Dropout",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("dose", "error_by_images", "test_error", "training images", "test error", "x"),
        Plot("dose", "gap_by_images", "generalization_gap", "training images", "test error - training error", "x"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
