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

from cnn_study.models.architectures import deep_conv_net, dense_net
from cnn_study.page import SMOKE, Condition, Contrast, Plot, Sizes, Term, ablation, claim, direction
from cnn_study.spec import Activation

NO_NUMBER = "no published slope"
UNITS: dict[Activation, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
PLAIN = {"dense": 64, "conv": 8}  # units or feature maps of every layer
NARROW, WIDE = 24, 128


def depths(at) -> dict[str, tuple[int, ...]]:
    """Hidden layers of the networks of each kind, the deepest last."""
    return at.choose(
        smoke={"dense": (2, 4), "conv": (2, 3)},
        quick={"dense": (2, 5, 10, 20), "conv": (2, 5, 10)},
        full={"dense": (2, 5, 10, 15, 20), "conv": (2, 5, 10, 15, 20)},
    )


def name(kind: str, unit: str, depth: int, width: int) -> str:
    """The name of an arm."""
    return f"{kind}, {unit}, {depth} deep, {width} wide"


def deepest(at):
    """Kind, unit and name of the deepest networks of the plain width."""
    for unit in UNITS:
        for kind, width in PLAIN.items():
            yield Condition(f"{kind}, {UNITS[unit]}"), name(kind, unit, depths(at)[kind][-1], width)


def slope(arm: str, metric: str, what: str) -> Contrast:
    """The slope of log10 of a gradient against the layer at initialization."""
    return Contrast((Term(1, arm, metric),), f"the slope of the gradients of {what} in {arm}", "decades a layer")


@claim(
    "In deep networks the gradient shrinks on its way back to the early layers.",
    magnitude=NO_NUMBER,
    mechanism="the product of the layers' Jacobians: see layer_api",
)
def gradients_vanish(at):
    """The slope upward is above 0: the gradient is larger in higher layers."""
    for condition, arm in deepest(at):
        yield direction(slope(arm, "gradient_slope_start", "units' inputs"), above=0, under=condition)


@claim(
    "At standard initialization the gradients of the weights are nearly the same in all layers.",
    magnitude=NO_NUMBER,
    mechanism="no mechanism is claimed",
)
def weight_gradients_stay(at):
    """Their slope is that of less than 12 % a layer."""
    for condition, arm in deepest(at):
        weights = slope(arm, "weight_gradient_slope_start", "weights")
        yield direction(weights, equivalent=(-0.05, 0.05), under=condition)


@claim(
    "Networks with fewer parameters have more stable gradients: that is how convolutional networks cope.",
    magnitude=NO_NUMBER,
    mechanism="the claim is itself about a mechanism",
)
def fewer_parameters_help(at):
    """The slope of a wide network exceeds that of a narrow one by the 0.02 decades a layer that would matter."""
    for unit, label in UNITS.items():
        wide, narrow = (name("dense", unit, depths(at)["dense"][-1], width) for width in (WIDE, NARROW))
        terms = (Term(1, wide, "gradient_slope_start"), Term(-1, narrow, "gradient_slope_start"))
        steeper = Contrast(terms, f"the slope of {wide} minus that of {narrow}", "decades a layer")
        yield direction(steeper, above=0.02, under=Condition(label))


@ablation(
    "Vanishing and exploding gradients",
    claims=(gradients_vanish, weight_gradients_stay, fewer_parameters_help),
    smoke=SMOKE.but(validation_size=0, epochs=1),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        test_size=2000,
        batch_size=20,
        epochs=3,
        evaluation_size=500,
        seeds=5,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(dataset="mnist", batch_size=50, epochs=10, seeds=6, rates=(0.0025, 0.01, 0.04)),
    figures=(
        Plot("layers", "by_layer", "gradient_unit_input", "layer", "root mean square gradient", "y"),
        Plot("dose", "slope_by_depth", "gradient_slope_start", "hidden layers", "decades a layer"),
        "effects",
    ),
)
def unstable_gradients(at):
    """Dense and convolutional networks of several depths; the deepest dense ones also narrower and wider."""

    def arm(kind: str, unit: Activation, depth: int, width: int, **shown):
        if kind == "dense":
            model = at.network(dense_net, unit, hidden=(width,) * depth)
        else:
            model = at.network(deep_conv_net, unit, depth=depth, maps=width)
        # One rate for all: what is measured at initialization does not depend on it.
        options = {"label": UNITS[unit], "rate": 0.01, "probes": ("gradients",)} | shown
        return at.arm(name(kind, unit, depth, width), model, **options)

    for kind, width in PLAIN.items():
        for unit in UNITS:
            for depth in depths(at)[kind]:
                yield arm(kind, unit, depth, width, condition=kind, level=depth)
    for unit in UNITS:
        for width in (NARROW, WIDE):
            yield arm("dense", unit, depths(at)["dense"][-1], width, condition=f"{width} wide")
