"""Do deep dense networks learn slowly with sigmoid and tanh because their units saturate?

Claim: deep fully connected networks learn slowly with sigmoid and tanh units, as saturated units pass no gradient.
Numbers: Glorot & Bengio 2010, Table 1, test error on MNIST with 5 layers of 1,000 units: sigmoid 2.21 %, tanh 1.76 %,
tanh with their initialization 1.64 %: the initialization alone rescues tanh.

Arms: sigmoid, tanh and ReLU, shallow and deep, with Glorot's and He's initialization, and with batch normalization.
Rules: direction: epochs to 5 % training error against ReLU, in the deepest network. Mechanism: units are saturated
already after the first epoch (by at least 10 % in some layer), and batch normalization, which takes saturation away,
removes at least half of the gap in time. Figures: saturation over time; effects; training curves.
Run time: `quick` about three minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    HalfGap,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.models.architectures import dense_net, initialized
from cnn_study.spec import GLOROT, HE, Activation, Initializer

GLOROT_TABLE = "Glorot & Bengio 2010, Table 1"
CLAIMS = (
    Claim(
        "sigmoid-is-slow-when-deep",
        "A deep dense network of sigmoid units needs more epochs than one of ReLUs, because its units saturate.",
        (Published("test error on MNIST, 5 layers of 1,000 (%)", 2.21, GLOROT_TABLE, "secondary", about="sigmoid"),),
        {"magnitude": "the published table gives errors, not times"},
    ),
    Claim(
        "tanh-is-slow-when-deep",
        "A deep dense network of tanh units needs more epochs than one of ReLUs, because its units saturate.",
        (
            Published("test error on MNIST, 5 layers of 1,000 (%)", 1.76, GLOROT_TABLE, "secondary", about="tanh"),
            Published(
                "test error on MNIST, 5 layers of 1,000, Glorot's initialization (%)",
                1.64,
                GLOROT_TABLE,
                "secondary",
                about="tanh",
            ),
        ),
        {"magnitude": "the published table gives errors, not times"},
    ),
)

TARGET = 0.05
SETTINGS = {
    "smoke": Setting("digits", 200, 10, 3, 2, (0.0025, 0.01, 0.04), evaluations=2, trial=True),
    "quick": Setting(
        "mnist", 2000, 10, 12, 5, (0.0025, 0.01, 0.04), test_size=2000, evaluations=4, evaluation_size=1000
    ),
    "full": Setting(
        "mnist", None, 10, 20, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), evaluations=10, evaluation_size=10_000
    ),
}
WIDTH = {"smoke": 32, "quick": 100, "full": 1000}
DEPTHS = {"smoke": (1, 5), "quick": (1, 5), "full": (1, 3, 5, 8)}
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
SHOWN = tuple(f"{unit}{norm}, 5 deep, Glorot" for norm in ("", ", normalized") for unit in ("tanh", "sigmoid"))
INITIALIZATIONS: dict[str, Initializer] = {"Glorot": GLOROT, "He": HE}


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train(target_train_error=TARGET)
    shape, classes = shape_of(data), classes_of(data)

    def arm(unit: Activation, depth: int, weights: str, norm: bool = False) -> Arm:
        model = dense_net(unit, hidden=(WIDTH[profile],) * depth, batch_norm=norm, input_shape=shape, classes=classes)
        name = f"{unit}{', normalized' if norm else ''}, {depth} deep, {weights}"
        label = UNITS[unit] + (", normalized" if norm else "")
        condition = f"{depth} hidden, {weights}"
        model = initialized(model, INITIALIZATIONS[weights])
        return Arm(name, label, condition, data, model, train, level=depth, probes=("saturation",))

    depths = DEPTHS[profile]
    arms = [arm(unit, depth, weights) for weights in INITIALIZATIONS for depth in depths for unit in UNITS]
    arms += [arm(unit, max(depths), "Glorot", norm=True) for unit in ("tanh", "sigmoid")]
    decided = tuple(rule for unit in ("tanh", "sigmoid") for rule in rules(unit, max(depths)))
    search = RateSearch(TimeToTrainError(TARGET), setting.rates)
    return Design(tuple(arms), search, setting.replicates, decided, setting.proxy(fallback))


def rules(unit: str, depth: int) -> list[Rule]:
    """What decides the claim about one unit, in the deepest network."""
    claim = f"{unit}-is-slow-when-deep"
    decided = [
        Rule(
            claim,
            "direction",
            f"{depth} hidden, {weights}",
            TimeRatio(f"{unit}, {depth} deep, {weights}", f"relu, {depth} deep, {weights}", TARGET),
            low=1,
        )
        for weights in INITIALIZATIONS
    ]
    slow, fast = f"{unit}, {depth} deep, Glorot", f"relu, {depth} deep, Glorot"
    remedied = f"{unit}, normalized, {depth} deep, Glorot"
    early = Contrast((Term(100, slow, "saturated_early"),), f"the saturated fraction after one epoch in {slow}")
    condition = f"{depth} hidden, Glorot"
    return [
        *decided,
        Rule(claim, "mechanism", condition, early, low=10),
        Rule(claim, "mechanism", condition, TimeRatio(slow, fast, TARGET), low=1),
        Rule(claim, "mechanism", condition, HalfGap(slow, fast, remedied, TARGET), low=1),
    ]


EXPERIMENT = Experiment(
    name="saturation",
    title="Saturation in deep dense networks",
    claims=CLAIMS,
    design=design,
    figures=(
        "training_curves",
        Plot("over_time", "saturated", "saturated", "epochs", "saturated units", arms=SHOWN),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
