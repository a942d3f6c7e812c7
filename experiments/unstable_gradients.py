"""Do gradients vanish in the early layers of deep networks, and what keeps them?

Claim: in deep networks the gradients of the early layers vanish or explode; convolutional networks cope because they
have fewer parameters. This last part is a common statement, for which no published source is known to us. A trap: with
the standard weights of the time the gradients of the *weights* of tanh networks are nearly the same in all layers while
those *propagated back* shrink (Glorot & Bengio 2010), so both are measured. Against the remedy: He et al. 2015, whose
network of 30 layers of ReLUs, 27 of them convolutional, stalls with Glorot's weights in spite of sharing, and learns
with theirs.

Arms: networks of 20 dense layers of sigmoid, tanh and ReLU from standard weights (even within 1 / sqrt(fan in)),
Glorot's and He's; shallower ones; convolutional ones of 10 and of 30 layers; narrow and wide ones. All is measured at
initialization; the little training after it only completes the runs.
Rules: the slope of log10 of the gradient at the units' inputs against the layer, upward, is above 0 where it vanishes;
0.02 powers of ten a layer (a factor of 2.5 over 20 layers) is the least that matters, here and where two slopes are
compared.
Figures: gradients by layer; slope against depth; outputs of every layer; effects.
"""

from cnn_study.models.architectures import deep_conv_net, dense_net, initialized
from cnn_study.page import SMOKE, Condition, Contrast, Plot, Sizes, Term, ablation, claim, direction
from cnn_study.spec import GLOROT_UNIFORM, HE, STANDARD, Activation, Initializer

NO_NUMBER = "no published slope"
SLOPE = "slope of the gradient at initialization\n(powers of ten a layer; above 0: it vanishes)"
MARGIN = 0.02  # powers of ten a layer: the least that matters
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
WEIGHTS: dict[str, Initializer] = {"standard": STANDARD, "Glorot": GLOROT_UNIFORM, "He": HE}
MADE_FOR: dict[Activation, str] = {"relu": "He", "tanh": "Glorot", "sigmoid": "Glorot"}
WIDTH, NARROW, WIDE = 64, 24, 128  # units of every dense layer
MAPS = 8  # of every convolution


def depths(at) -> tuple[int, ...]:
    """Hidden layers of the dense networks, the deepest last."""
    return at.choose(smoke=(2, 4), quick=(2, 5, 20), full=(2, 5, 10, 20))


def conv_depths(at) -> tuple[int, int]:
    """Of the convolutional networks: of all units, and of ReLU."""
    return at.choose(smoke=(2, 3), quick=(10, 30), full=(10, 30))


def dense(unit: str, weights: str, depth: int, width: int = WIDTH) -> str:
    """The name of a dense arm."""
    return f"dense, {unit}, {weights} weights, {depth} deep, {width} wide"


def conv(unit: str, weights: str, depth: int) -> str:
    """The name of a convolutional arm."""
    return f"convolutional, {unit}, {weights} weights, {depth} deep"


def slope(arm: str, metric: str = "gradient_slope_start", of: str = "units' inputs") -> Contrast:
    """The slope of log10 of a gradient against the layer at initialization."""
    return Contrast((Term(1, arm, metric),), f"the slope of the gradients of {of} in {arm}", "powers of ten a layer")


def steeper(steep: str, flat: str) -> Contrast:
    """By how much the slope in one arm exceeds that in another."""
    terms = (Term(1, steep, "gradient_slope_start"), Term(-1, flat, "gradient_slope_start"))
    return Contrast(terms, f"the slope of {steep} minus that of {flat}", "powers of ten a layer")


@claim(
    "In deep networks the gradient shrinks on its way back to the early layers.",
    magnitude=NO_NUMBER,
    mechanism="the product of the layers' Jacobians: see layer_api",
)
def gradients_vanish(at):
    """The slope upward is above 0: the gradient is larger in higher layers."""
    for unit, label in UNITS.items():
        for weights in WEIGHTS:
            under = Condition(f"dense, {label}, {weights} weights")
            yield direction(slope(dense(unit, weights, depths(at)[-1])), above=0, smallest=MARGIN, under=under)
    for unit in ("tanh", "sigmoid"):
        under = Condition(f"convolutional, {UNITS[unit]}, Glorot weights")
        yield direction(slope(conv(unit, "Glorot", conv_depths(at)[0])), above=0, smallest=MARGIN, under=under)


@claim(
    "With weights made for its units a network keeps more of the gradient than with standard weights.",
    magnitude=NO_NUMBER,
    mechanism="the claim is itself about a mechanism",
)
def weights_keep_gradients(at):
    """The slope is smaller with Glorot's weights before tanh and sigmoid, with He's before ReLU."""
    for unit, label in UNITS.items():
        standard, made = (dense(unit, weights, depths(at)[-1]) for weights in ("standard", MADE_FOR[unit]))
        under = Condition(f"{label}, {MADE_FOR[unit]} weights")
        yield direction(steeper(standard, made), above=0, smallest=MARGIN, under=under)


@claim(
    "Thirty convolutional layers of ReLUs lose the gradient with Glorot's weights and keep it with He's.",
    magnitude="He et al. 2015 give the variance a layer, and whether training succeeds, as curves",
    mechanism="see weights-keep-gradients",
)
def he_keeps_gradients(at):
    """The slope is above 0 with Glorot's weights, and 0 within the margin with He's."""
    glorot, he = (conv("relu", weights, conv_depths(at)[1]) for weights in ("Glorot", "He"))
    yield direction(slope(glorot), above=0, smallest=MARGIN, under=Condition("Glorot weights"))
    yield direction(slope(he), equivalent=(-MARGIN, MARGIN), under=Condition("He weights"))


@claim(
    "With standard weights the gradients of the weights are nearly the same in all layers of a tanh network.",
    magnitude=NO_NUMBER,
    mechanism="no mechanism is claimed",
)
def weight_gradients_stay(at):
    """Their slope is 0 within the margin, at the depth of the paper's networks and far beyond."""
    for depth in depths(at)[1:]:
        weights = slope(dense("tanh", "standard", depth), "weight_gradient_slope_start", "weights")
        yield direction(weights, equivalent=(-MARGIN, MARGIN), under=Condition(f"{depth} layers"))


@claim(
    "Networks with fewer parameters have more stable gradients: that is how convolutional networks cope.",
    magnitude=NO_NUMBER,
    mechanism="the claim is itself about a mechanism",
)
def fewer_parameters_help(at):
    """The slope of a wide network exceeds that of a narrow one."""
    for unit, label in UNITS.items():
        wide, narrow = (dense(unit, MADE_FOR[unit], depths(at)[-1], width) for width in (WIDE, NARROW))
        yield direction(steeper(wide, narrow), above=0, smallest=MARGIN, under=Condition(label))


@ablation(
    "Vanishing and exploding gradients",
    claims=(gradients_vanish, weights_keep_gradients, he_keeps_gradients, weight_gradients_stay, fewer_parameters_help),
    smoke=SMOKE.but(validation_size=0, epochs=1),
    quick=Sizes(dataset="mnist", train_size=200, batch_size=20, epochs=1, rates=(0.0025, 0.01, 0.04)),
    figures=(
        Plot("layers", "by_layer", "gradient_unit_input", "layer", "root mean square gradient", "y"),
        Plot("dose", "slope_by_depth", "gradient_slope_start", "hidden layers", SLOPE),
        "histograms",
        Plot("effects", claims=("gradients-vanish",)),
        Plot(
            "effects",
            "effects_of_weights",
            claims=("weights-keep-gradients", "he-keeps-gradients", "weight-gradients-stay", "fewer-parameters-help"),
        ),
    ),
)
def unstable_gradients(at):
    """Deep networks from three kinds of weights; shallower, convolutional, narrower and wider ones."""

    def arm(name: str, unit: Activation, weights: str, build, level: int, condition: str, **shape):
        model = initialized(at.network(build, unit, **shape), WEIGHTS[weights])
        # One rate for all: what is measured at initialization does not depend on it.
        pictured = ("histograms",) if unit == "tanh" and shape.get("hidden") == (WIDTH,) * depths(at)[-1] else ()
        options = {"label": UNITS[unit], "rate": 0.01, "probes": ("gradients", *pictured)}
        return at.arm(name, model, level=level, condition=condition, **options)

    def dense_arm(unit: Activation, weights: str, depth: int, width: int, condition: str):
        name, hidden = dense(unit, weights, depth, width), (width,) * depth
        return arm(name, unit, weights, dense_net, depth, condition, hidden=hidden)

    def conv_arm(unit: Activation, weights: str, depth: int):
        name, condition = conv(unit, weights, depth), f"convolutional, {weights} weights"
        return arm(name, unit, weights, deep_conv_net, depth, condition, depth=depth, maps=MAPS)

    *shallow, deepest = depths(at)
    for unit in UNITS:
        for weights in WEIGHTS:
            for depth in (*shallow, deepest) if weights == "standard" else (deepest,):
                yield dense_arm(unit, weights, depth, WIDTH, f"dense, {weights} weights")
        for width in (NARROW, WIDE):
            yield dense_arm(unit, MADE_FOR[unit], deepest, width, f"{width} wide")
    for unit in ("tanh", "sigmoid"):
        yield conv_arm(unit, "Glorot", conv_depths(at)[0])
    for weights in ("Glorot", "He"):
        yield conv_arm("relu", weights, conv_depths(at)[1])
