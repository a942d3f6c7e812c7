"""Do gradients vanish or explode in the early layers of deep networks?

Claim: in deep networks the gradients of the early layers vanish or explode; convolutional networks cope because they
have fewer parameters. A trap: under standard initialization the gradients of the *weights* are nearly the same in all
layers while those *propagated back* shrink (Glorot & Bengio 2010), so both are measured. Against the remedy: He et al.
2015, where a network of 30 convolutional layers stalls with Glorot's initialization in spite of sharing.

Arms: dense and convolutional networks of several depths with sigmoid, tanh and ReLU, at one learning rate, as what is
measured at initialization does not depend on it; and deep dense networks that differ in the number of parameters only.
Rules: the slope of log10 of the gradient at the units' inputs against the layer, upward, is above 0 (vanishing) in the
deepest network; the slope for weights lies within 0.05 a layer of 0; the slope is smaller with fewer parameters.
Figures: gradients by layer; slope against depth; effects. Run time: `quick` two minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Claim, Contrast, Design, Experiment, Plot, Rule, Term
from cnn_study.models.architectures import deep_conv_net, dense_net
from cnn_study.spec import Activation

NO_NUMBER = "no published slope"
CLAIMS = (
    Claim(
        "gradients-vanish",
        "In deep networks the gradient shrinks on its way back to the early layers.",
        (),
        {"magnitude": NO_NUMBER, "mechanism": "the product of the layers' Jacobians: see layer_api"},
    ),
    Claim(
        "weight-gradients-stay",
        "At standard initialization the gradients of the weights are nearly the same in all layers.",
        (),
        {"magnitude": NO_NUMBER, "mechanism": "no mechanism is claimed"},
    ),
    Claim(
        "fewer-parameters-help",
        "Networks with fewer parameters have more stable gradients: that is how convolutional networks cope.",
        (),
        {"magnitude": NO_NUMBER, "mechanism": "the claim is itself about a mechanism"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 1, 2, (0.0025, 0.01, 0.04), trial=True),
    "quick": Setting("mnist", 2000, 20, 3, 5, (0.0025, 0.01, 0.04), test_size=2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 10, 6, (0.0025, 0.01, 0.04)),
}
DEPTHS = {
    "smoke": {"dense": (2, 4), "conv": (2, 3)},
    "quick": {"dense": (2, 5, 10, 20), "conv": (2, 5, 10)},
    "full": {"dense": (2, 5, 10, 15, 20), "conv": (2, 5, 10, 15, 20)},
}
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
WIDTH, MAPS = 64, 8
NARROW, WIDE = 24, 128


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train()
    options = {"input_shape": shape_of(data), "classes": classes_of(data)}

    def arm(kind: str, unit: Activation, depth: int, width: int) -> Arm:
        if kind == "dense":
            model = dense_net(unit, hidden=(width,) * depth, **options)
        else:
            model = deep_conv_net(unit, depth=depth, maps=width, **options)
        name = f"{kind}, {unit}, {depth} deep, {width} wide"
        return Arm(name, UNITS[unit], kind, data, model, train, depth, tuned=False, probes=("gradients",))

    depths = DEPTHS[profile]
    plain = {"dense": WIDTH, "conv": MAPS}
    arms = {
        (kind, unit, depth, width): arm(kind, unit, depth, width)
        for kind, width in plain.items()
        for unit in UNITS
        for depth in depths[kind]
    }
    deepest = {kind: max(found) for kind, found in depths.items()}
    arms |= {
        ("dense", unit, deepest["dense"], width): arm("dense", unit, deepest["dense"], width)
        for unit in UNITS
        for width in (NARROW, WIDE)
    }
    # Those that differ in width only belong to the rules, not to the lines of a figure against depth.
    rows = [
        item if key[3] in (WIDTH, MAPS) else Arm(**(vars(item) | {"condition": f"{key[3]} wide", "level": None}))
        for key, item in arms.items()
    ]
    decided = tuple(rule for unit in UNITS for rule in rules(unit, deepest))
    return Design(tuple(rows), None, setting.replicates, decided, setting.proxy(fallback))


def rules(unit: Activation, deepest: dict[str, int]) -> list[Rule]:
    """What decides the claims for one unit."""
    decided = []
    for kind, width in (("dense", WIDTH), ("conv", MAPS)):
        name, condition = f"{kind}, {unit}, {deepest[kind]} deep, {width} wide", f"{kind}, {UNITS[unit]}"
        decided += [
            Rule("gradients-vanish", "direction", condition, slope(name, "gradient_slope_start"), low=0),
            Rule(
                "weight-gradients-stay",
                "direction",
                condition,
                slope(name, "weight_gradient_slope_start"),
                low=-0.05,
                high=0.05,
                equivalence=True,
            ),
        ]
    wide, narrow = (f"dense, {unit}, {deepest['dense']} deep, {width} wide" for width in (WIDE, NARROW))
    terms = (Term(1, wide, "gradient_slope_start"), Term(-1, narrow, "gradient_slope_start"))
    steeper = Contrast(terms, f"the slope of {wide} minus that of {narrow}", "decades a layer")
    return [*decided, Rule("fewer-parameters-help", "direction", UNITS[unit], steeper, low=0.02)]


def slope(arm: str, metric: str) -> Contrast:
    """The slope of log10 of a gradient against the layer at initialization."""
    what = "weights" if metric.startswith("weight") else "units' inputs"
    return Contrast((Term(1, arm, metric),), f"the slope of the gradients of {what} in {arm}", "decades a layer")


EXPERIMENT = Experiment(
    name="unstable_gradients",
    title="Vanishing and exploding gradients",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("layers", "by_layer", "gradient_unit_input", "layer", "root mean square gradient", "y"),
        Plot("dose", "slope_by_depth", "gradient_slope_start", "hidden layers", "decades a layer"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
