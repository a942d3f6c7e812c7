"""Do more hidden layers help a small sigmoid network, and do its early layers learn more slowly than its late ones?

Claim: with 1, 2, 3 and 4 hidden layers of 30 sigmoids a network classifies 96.48, 96.90, 96.57 and 96.53 % of the
validation images of MNIST: after the second layer, depth does not help. The early layers learn more slowly: from each
hidden layer to the next the gradient grows by a factor of four to six - Nielsen 2015, chapter 5.

Arms: the four networks, trained as there: 50,000 images, pixels from 0 to 1, batches of 10, 30 epochs, a penalty of
lambda = 5 (a weight decay of 0.0001) and a rate of 0.1, which is part of what is published: no rate is searched. The
speed of learning is measured there in another training, of 500 steps, each on the same 1,000 images (a decay of 0.005):
three more arms do that. `quick` has 5,000 images, and 100 steps for the speed.
Rules: a second layer lowers the validation error; a third and a fourth do not lower it by what matters: 0.2 points (20
images), on the few images of `quick` a point. Errors in `full` are as published, within two standard errors of a
fraction of 10,000 images. The slope of log10 of the gradient at the units' inputs against the layer, upward, is above
0; 0.1 powers of ten a layer, a quarter more, is the least that matters. At initialization it is as published if it is a
factor of three to seven: the published norms are of the gradient averaged over images, here it is measured image by
image.
Figures: validation error; gradients over time; slopes; effects.
"""

from math import log10

from cnn_study.models.architectures import nielsen_dense_net
from cnn_study.page import (
    SMOKE,
    Condition,
    Contrast,
    Plot,
    Published,
    Sizes,
    Term,
    ablation,
    claim,
    direction,
    gain,
    magnitude,
    sampling_margin,
)

CHAPTER_5 = "Nielsen 2015, chapter 5"
PROGRAM = "Nielsen 2015, norms_during_training of generate_gradient.py"
UNITS = 30
ONE, TWO, THREE, FOUR = LAYERS = ("1 hidden layer", "2 hidden layers", "3 hidden layers", "4 hidden layers")
ERRORS = {ONE: 3.52, TWO: 3.10, THREE: 3.43, FOUR: 3.47}  # percent of the validation images
SLOPES = {TWO: 0.67, THREE: 0.69, FOUR: 0.66}  # powers of ten a layer, of the norms before training
SLOPE = 0.1  # powers of ten a layer: the least that matters
VALIDATION_IMAGES = 10_000
BATCHES, AT_ONCE = "batches of 10", "1,000 images in one batch"


def at_once(name: str) -> str:
    """The arm whose speed of learning is measured."""
    return f"{name}, {AT_ONCE}"


SPEED = tuple(at_once(name) for name in LAYERS[1:])


def least(at) -> float:
    """The smallest difference of validation errors that matters, in points."""
    return at.choose(smoke=1.0, quick=1.0, full=0.2)


def errors(*names: str):
    """The published validation errors of some networks; the first accuracy is remembered."""
    quantity = "validation error on MNIST (%)"
    return [
        Published(quantity, ERRORS[name], CHAPTER_5, "memory" if name == ONE else "primary", about=name)
        for name in names
    ]


def as_published(name: str):
    """The error lies within two standard errors of a fraction of the validation images around the published one."""
    error = Contrast((Term(100, name, "validation_error"),), f"the validation error with {name}", "%")
    margin = sampling_margin(ERRORS[name], VALIDATION_IMAGES)
    return magnitude(error, between=(ERRORS[name] - margin, ERRORS[name] + margin), under=Condition(name))


def slope(arm: str, when: str) -> Contrast:
    """The slope of log10 of the gradient against the hidden layer."""
    text = f"the slope of the gradient at the {when} in {arm}"
    return Contrast((Term(1, arm, f"gradient_slope_{when}"),), text, "powers of ten a layer")


@claim(
    "A second hidden layer of 30 sigmoids lowers the validation error.",
    published=errors(ONE, TWO),
    mechanism="no mechanism is claimed",
)
def second_layer_helps(at):
    """It falls by what matters; in `full` both errors are as published."""
    yield direction(gain(TWO, ONE, "validation_error"), above=0, smallest=least(at))
    yield as_published(ONE)
    yield as_published(TWO)


@claim(
    "A third and a fourth hidden layer of 30 sigmoids do not lower the validation error.",
    published=errors(THREE, FOUR),
    mechanism="that slow early layers are the cause is not tested: see early-layers-learn-slowly for whether they are",
)
def more_layers_do_not_help(at):
    """The gain over two layers is less than what matters; in `full` both errors are as published."""
    for name in (THREE, FOUR):
        yield direction(gain(name, TWO, "validation_error"), below=least(at), under=Condition(name))
        yield as_published(name)


@claim(
    "Early hidden layers learn more slowly than late ones.",
    published=[
        Published(
            "slope of the gradient at initialization (powers of ten a layer)",
            value,
            PROGRAM,
            "primary",
            about=name,
            differs="averaged over images",
        )
        for name, value in SLOPES.items()
    ],
    mechanism="the product of the layers' derivatives: see layer_api and unstable_gradients",
)
def early_layers_learn_slowly(at):
    """The gradient is larger in higher layers, at initialization and after the steps in which the speed is measured."""
    for name, speed in zip(LAYERS[1:], SPEED, strict=True):
        begin = Condition(f"{name}, at initialization")
        yield direction(slope(speed, "start"), above=0, smallest=SLOPE, under=begin)
        yield magnitude(slope(speed, "start"), between=(log10(3), log10(7)), under=begin)
        yield direction(slope(speed, "end"), above=0, smallest=SLOPE, under=Condition(f"{name}, in the end"))


@claim(
    "Early hidden layers still learn more slowly when the network has learned.",
    magnitude="no published number: the book's curves are of a training that ends at a high error",
    mechanism="see early-layers-learn-slowly",
)
def early_layers_stay_slow(at):
    """The gradient is larger in higher layers after the training on all images too."""
    for name in LAYERS[1:]:
        yield direction(slope(name, "end"), above=0, smallest=SLOPE, under=Condition(name))


@ablation(
    "Depth and the speed of learning",
    claims=(second_layer_helps, more_layers_do_not_help, early_layers_learn_slowly, early_layers_stay_slow),
    smoke=SMOKE,
    quick=Sizes(
        dataset="mnist",
        train_size=5000,
        validation_size=5000,
        test_size=2000,
        batch_size=10,
        epochs=30,
        evaluation_size=1000,
        looks=(4, 6, 9),
        rates=(0.1,),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=10_000,
        batch_size=10,
        epochs=30,
        evaluation_size=10_000,
        rates=(0.1,),
    ),
    figures=(
        Plot("outcomes", metric="validation_error", arms=LAYERS),
        Plot("over_time", "speed", "gradient_unit_input", y="root mean square gradient", logarithmic="y", arms=SPEED),
        Plot(
            "outcomes",
            "slopes",
            "gradient_slope_start",
            x="slope of the gradient at initialization (powers of ten a layer)",
            arms=SPEED,
        ),
        Plot("effects", claims=("second-layer-helps", "more-layers-do-not-help")),
        Plot("effects", "effects_of_speed", claims=("early-layers-learn-slowly", "early-layers-stay-slow")),
    ),
)
def nielsen_depth(at):
    """One to four hidden layers; two to four again on few images in one batch, with an epoch a step."""
    here = at.but(scaling="unit")
    few = here.but(train_size=min(1000, here.examples), validation_size=0)
    epochs = at.choose(smoke=4, quick=100, full=500)
    for layers, name in enumerate(LAYERS, 1):
        model = here.network(nielsen_dense_net, hidden=(UNITS,) * layers)
        options = {"label": name, "rate": 0.1, "momentum": 0.0, "probes": ("gradients",)}
        yield here.arm(name, model, condition=BATCHES, weight_decay=0.0001, **options)
        if layers > 1:
            options |= {"batch_size": few.examples, "epochs": epochs}
            yield few.arm(at_once(name), model, condition=AT_ONCE, weight_decay=0.005, **options)
