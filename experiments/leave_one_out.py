"""Which ingredient of a convolutional network matters most?

Claim: convolutional networks owe their success to rectified units, pooling, dropout, batch normalization and shared
weights together. Here the full network loses one of them at a time: rectified units become tanh, pooling becomes a
stride, sharing becomes local connection; the rest stays as it is, and every arm is tuned anew.

Rule for each ingredient: taking it away raises the test error. No number is published for this comparison.
Figures: effects, one row an ingredient; error of every arm. Run time: `quick` about five minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Aspect, Claim, Design, Experiment, Plot, RateSearch, Rule, ValidationError, gain
from cnn_study.models.architectures import Ingredient, full_network

INGREDIENTS: dict[Ingredient, tuple[str, str]] = {
    "relu": ("rectified units", "tanh for ReLU"),
    "pooling": ("pooling", "stride for pooling"),
    "dropout": ("dropout", "no dropout"),
    "batch_norm": ("batch normalization", "no normalization"),
    "sharing": ("shared weights", "weights not shared"),
}
UNTESTED: dict[Aspect, str] = {"magnitude": "no published number", "mechanism": "see the experiment on this ingredient"}
CLAIMS = tuple(
    Claim(
        f"{name.replace('_', '-')}-matters", f"Without {words} the full network has a higher test error.", (), UNTESTED
    )
    for name, (words, _) in INGREDIENTS.items()
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("cifar10", 2000, 20, 10, 4, (0.000625, 0.0025, 0.01), 1000, 2000, evaluation_size=500),
    "full": Setting("cifar10", None, 64, 60, 6, (0.000625, 0.00125, 0.0025, 0.005, 0.01), 5000),
}
FULL, CONDITION = "full network", "one ingredient less"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on CIFAR-10 or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data = setting.data(fallback)
    options = {"input_shape": shape_of(data), "classes": classes_of(data)}
    labels: dict[Ingredient | None, str] = {None: FULL}
    labels |= {name: label for name, (_, label) in INGREDIENTS.items()}
    arms = tuple(
        Arm(label, label, CONDITION, data, full_network(without, **options), setting.train())
        for without, label in labels.items()
    )
    rules = tuple(
        Rule(f"{name.replace('_', '-')}-matters", "direction", CONDITION, gain(FULL, label), low=0)
        for name, (_, label) in INGREDIENTS.items()
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(arms, search, setting.replicates, rules, setting.proxy(fallback))


EXPERIMENT = Experiment(
    name="leave_one_out",
    title="The full network minus one ingredient at a time",
    claims=CLAIMS,
    design=design,
    figures=("effects", Plot("outcomes", y="test error")),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
