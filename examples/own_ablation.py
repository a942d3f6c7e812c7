"""Does a small network of tanh units learn the digits faster with batch normalization?

An ablation of one's own, in one file: the claim, the arms, the rule, the figures. Run it from the project's folder, in
seconds:

    cnn-study run examples/own_ablation.py --profile smoke

Claim: normalized, the network needs fewer epochs to 25 % training error. Arms: two convolutional layers of tanh units,
with and without batch normalization, each at its own best learning rate. Rule: the interval of the ratio of the times
lies above 1. The images are those of the profile: digits in `smoke`, MNIST in `quick` and `full`.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Claim, Design, Experiment, RateSearch, Rule, TimeRatio, TimeToTrainError
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

CLAIM = Claim(
    "own-norm-is-faster",
    "With batch normalization a small network of tanh units needs fewer epochs to 25 % training error.",
    untested={"magnitude": "no number was published", "mechanism": "these arms do not separate causes"},
)
RATES = (0.01, 0.02, 0.04)
SETTINGS = {
    "smoke": Setting("digits", 300, 10, epochs=6, seeds=3, rates=RATES, evaluations=3, trial=True),
    "quick": Setting("mnist", 1000, 20, epochs=10, seeds=4, rates=RATES, test_size=2000, evaluations=4),
    "full": Setting("mnist", None, 50, epochs=20, seeds=6, rates=RATES, evaluations=10),
}
THRESHOLD = 0.25


def network(data, norm: bool) -> ModelSpec:
    """Two convolutional layers, the first with pooling, and a dense layer of one output a class."""
    layers = (
        Conv(maps=8, field=3, activation="tanh", batch_norm=norm, pool=Pool(reduce="max")),
        Conv(maps=8, field=3, activation="tanh", batch_norm=norm),
        Dense(units=classes_of(data), activation=None),
    )
    return ModelSpec(input_shape=shape_of(data), layers=layers)


def design(profile: str, fallback: str | None) -> Design:
    """The two arms at the sizes of a profile."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train(target_train_error=0.2)
    arms = tuple(
        Arm(name, name, "two layers", data, network(data, norm), train)
        for name, norm in (("plain", False), ("normalized", True))
    )
    rule = Rule(CLAIM.name, "direction", "two layers", TimeRatio("plain", "normalized", THRESHOLD), low=1)
    search = RateSearch(TimeToTrainError(THRESHOLD), setting.rates)
    return Design(arms, search, setting.replicates, (rule,), setting.proxy(fallback))


EXPERIMENT = Experiment(
    name="own_ablation",
    title="Batch normalization in a small network",
    claims=(CLAIM,),
    design=design,
    figures=("training_curves", "time_ratios", "rate_search"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(__file__)
