"""Does a small network of tanh units learn the digits faster with batch normalization?

An ablation of one's own, in one file: the claim, the arms, the rule, the figures. Run it from the project's folder, in
seconds:

    cnn-study run examples/own_ablation.py --profile smoke

Claim: normalized, the network needs fewer epochs to 25 % training error. Arms: two convolutional layers of tanh units,
with and without batch normalization, each at its own best learning rate. Rule: the interval of the ratio of the times
lies above 1. The images are those of the profile: digits in `smoke`, MNIST in `quick` and `full`.
"""

from cnn_study.page import SMOKE, Sizes, TimeRatio, TimeToTrainError, ablation, claim, direction
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

TARGET = 0.25  # training error to which times are compared


@claim(
    "With batch normalization a small network of tanh units needs fewer epochs to 25 % training error.",
    magnitude="no number was published",
    mechanism="these arms do not separate causes",
)
def own_norm_is_faster(at):
    """The plain network takes longer."""
    yield direction(TimeRatio("plain", "normalized", TARGET), above=1)


@ablation(
    "Batch normalization in a small network",
    claims=(own_norm_is_faster,),
    smoke=SMOKE.but(train_size=300, epochs=6, evaluations=3, seeds=3, rates=(0.01, 0.02, 0.04)),
    quick=Sizes(
        dataset="mnist",
        train_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=10,
        evaluations=4,
        seeds=4,
        rates=(0.01, 0.02, 0.04),
    ),
    tune=TimeToTrainError(TARGET),
    figures=("training_curves", "time_ratios", "rate_search"),
)
def own_ablation(at):
    """The two arms."""
    for name, norm in (("plain", False), ("normalized", True)):
        yield at.arm(name, at.network(network, norm), condition="two layers", target_train_error=0.2)


def network(norm: bool, input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """Two convolutional layers, the first with pooling, and a dense layer of one output a class."""
    layers = (
        Conv(maps=8, field=3, activation="tanh", batch_norm=norm, pool=Pool(reduce="max")),
        Conv(maps=8, field=3, activation="tanh", batch_norm=norm),
        Dense(units=classes, activation=None),
    )
    return ModelSpec(input_shape=input_shape, layers=layers)
