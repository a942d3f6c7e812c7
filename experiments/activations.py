"""Do rectified units train several times faster than saturating ones?

Claim: "a four-layer convolutional neural network with ReLUs reaches a 25% training error rate on CIFAR-10 six times
faster than an equivalent network with tanh neurons" - Krizhevsky, Sutskever & Hinton 2012, Figure 1. The paper gives
neither network nor rates nor initial weights; it says that rates were chosen for each unit to be as fast as possible,
that no regularization was used, and that the effect varies with the architecture.

Arms: ReLU, tanh and sigmoid, with two initializations: the fixed deviations of the 2012 code, and weights scaled by
the fan. Network: the example network of the 2012 code that has four layers ("18pct"), without response normalization.
Rule: the interval of T(tanh) / T(ReLU) for T = epochs to 25 % training error, every arm at its own best rate.
Figures: training error against epochs; ratios; rate search. Run time: `quick` about 8 minutes on two 2024 server
cores, twice or three times that on older ones; `full` about two days.
"""

from cnn_study.data import registry
from cnn_study.experiment import (
    Arm,
    Claim,
    Design,
    Experiment,
    Published,
    RateSearch,
    Rule,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.models.architectures import FAN_SCALED, cuda_convnet_18pct, four_layer_18pct
from cnn_study.spec import Activation, DataSpec, TrainSpec

TARGET = 0.25
PIXEL_STDDEV = 64.0  # of mean-subtracted CIFAR-10 pixels, in units of 0-255

FIGURE_1 = "Krizhevsky, Sutskever & Hinton 2012, Figure 1"
PUBLISHED = (
    Published("ratio of epochs to 25 % training error", 6, FIGURE_1, "primary", about="tanh / ReLU"),
    Published("epochs to 25 % training error", 6, FIGURE_1, "memory", about="ReLU"),
    Published("epochs to 25 % training error", 36, FIGURE_1, "memory", about="tanh"),
)

CLAIMS = (
    Claim(
        "relu-beats-tanh",
        "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with tanh units.",
        PUBLISHED,
        {"mechanism": "saturation as the cause is the subject of an experiment of its own"},
    ),
    Claim(
        "relu-several-times-faster",
        "The advantage of ReLU over tanh is typically several-fold (at least 3 times).",
        (),
        {
            "magnitude": "the claim is itself about the size of the effect; the published factor is judged above",
            "mechanism": "see relu-beats-tanh",
        },
    ),
    Claim(
        "relu-beats-sigmoid",
        "A convolutional network with ReLUs reaches 25 % training error in fewer epochs than one with sigmoid units.",
        (),
        {
            "magnitude": "no published number: the 2012 figure has no sigmoid curve",
            "mechanism": "see relu-beats-tanh",
        },
    ),
)

# For each profile: training examples (None: all), batch size, epochs, evaluations an epoch, examples in each, seeds.
SIZES = {
    "smoke": (200, 10, 12, 2, 100, 3),
    "quick": (2000, 16, 40, 2, 1000, 3),
    "full": (None, 128, 80, 5, 10_000, 6),
}
PROXIES = {
    "smoke": "a trial run on a handful of images",
    "quick": "2,000 of the 50,000 training images, batches of 16",
}
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
INITIALIZATIONS = {"2012 weights": cuda_convnet_18pct(PIXEL_STDDEV), "fan-scaled weights": FAN_SCALED}


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on CIFAR-10 or on the data set that takes its place."""
    name = fallback or ("digits" if profile == "smoke" else "cifar10")
    dataset = registry.get(name)
    train_size, batch, epochs, evaluations, evaluation_size, seeds = SIZES[profile]
    if train_size is not None:
        train_size = min(train_size, dataset.arrays["x_train"].shape[0])
    test_size = 1000 if profile == "quick" and name != "digits" else None
    data = DataSpec(name=name, content=dataset.digest, train_size=train_size, test_size=test_size)
    train = TrainSpec(
        learning_rate=0.01,
        momentum=0.9,
        batch_size=batch,
        epochs=epochs,
        evaluations_per_epoch=evaluations,
        evaluation_size=evaluation_size,
        target_train_error=0.2,
    )
    arms = tuple(
        Arm(
            name=f"{unit}, {condition}",
            label=label,
            condition=condition,
            data=data,
            model=four_layer_18pct(
                unit,
                initialization=weights,
                input_shape=dataset.image_shape,
                classes=len(dataset.classes),
            ),
            train=train,
        )
        for condition, weights in INITIALIZATIONS.items()
        for unit, label in UNITS.items()
    )
    proxy = PROXIES.get(profile, "")
    if fallback:
        proxy = f"the data set {fallback} in the place of cifar10"
    search = RateSearch(TimeToTrainError(TARGET), rates=(0.0025, 0.005, 0.01, 0.02, 0.04))
    return Design(arms, search, tuple(range(1, seeds + 1)), rules(), proxy)


def rules() -> tuple[Rule, ...]:
    """What decides the claims, under each initialization."""
    decided = []
    for condition in INITIALIZATIONS:
        tanh = TimeRatio(f"tanh, {condition}", f"relu, {condition}", TARGET)
        sigmoid = TimeRatio(f"sigmoid, {condition}", f"relu, {condition}", TARGET)
        decided += [
            Rule("relu-beats-tanh", "direction", condition, tanh, low=1),
            Rule("relu-beats-tanh", "magnitude", condition, tanh, low=4, high=8, published=True),
            Rule("relu-several-times-faster", "direction", condition, tanh, low=3),
            Rule("relu-beats-sigmoid", "direction", condition, sigmoid, low=1),
        ]
    return tuple(decided)


EXPERIMENT = Experiment(
    name="activations",
    title="ReLU against tanh and sigmoid",
    claims=CLAIMS,
    design=design,
    figures=("training_curves", "time_ratios", "rate_search"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
