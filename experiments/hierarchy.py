"""Do the layers of a convolutional network learn a hierarchy, from local structure to the whole image?

Claim: convolutional and pooling layers learn the local structure of images, and the dense layer above them puts it
together over the whole image, at a more abstract level - Nielsen 2015, chapter 6, which offers it as a way to think
about such networks, without a measurement. What is measured here are linear probes (Alain & Bengio 2016): a linear
classifier is fitted to what a layer gives, and its error on test images says how far that layer has come.

Arms: two convolutions with rectified units and 2x2 maximum pooling, a dense layer and the logits, on MNIST and on
CIFAR-10, trained at the best rate; and the same networks with the random weights that training began with, which a rate
of 10^-12 leaves as they are.
Rules: the probe of every layer errs less than that of the layer below, and less than in the network with random
weights: a difference below a point would not matter. Images cut into 4 x 4 tiles that are put together in another
order, for which probes are fitted anew, harm the probe of the dense layer more than those of both convolutions: a layer
that looks at one tile at a time would not mind. Below 2 points that would not matter.
Figures: error of the probes by layer, also of shuffled images; kernels and maps; patches that excite maps most; what
pooling makes of a map and of a moved one; effects.
"""

from cnn_study.models.architectures import pooling_net
from cnn_study.page import (
    Contrast,
    LowestValidationError,
    Plot,
    Sizes,
    Term,
    ablation,
    claim,
    direction,
)

DATASETS = ("mnist", "cifar10")
LAYERS = ("the pixels", "the first convolution", "the second convolution", "the dense layer")
DEPTH = "layer (0: the pixels; 3: the dense layer)"
NO_NUMBER = "the claim is an explanation, without a number"
NOT_TRAINED = 1e-12  # learning rate, too small to move a weight in single precision


def images(at):
    """The data sets, each once: something may be in their place. A trial has one."""
    if at.trial:
        return {at.dataset.title: at}.items()
    found = {here.dataset.title: here for here in (at.but(dataset=name) for name in DATASETS)}
    return found.items()


def error(depth: int, arm: str, sign: int = 1, metric: str = "linear_probe_error") -> Term:
    """The error of the probe of a layer, in percent."""
    return Term(100 * sign, arm, f"{metric}/{depth}")


@claim(
    "Every layer of a trained convolutional network is a step toward the answer: a linear classifier tells the classes "
    "apart better by what it gives than by what the layer below gives.",
    magnitude=NO_NUMBER,
    mechanism="see layers-are-learned and the-dense-layer-sees-the-whole-image",
)
def layers_are_steps(at):
    """Three steps, from the pixels to the dense layer: below a point, a step does not matter."""
    for title, _ in images(at):
        for depth in (1, 2, 3):
            terms = error(depth - 1, f"trained, {title}"), error(depth, f"trained, {title}", -1)
            what = f"the gain of a probe from {LAYERS[depth - 1]} to {LAYERS[depth]}"
            yield direction(Contrast(terms, what), above=0, smallest=1)


@claim(
    "These steps are learned: layers with random weights are not as good.",
    magnitude=NO_NUMBER,
    mechanism="no mechanism is claimed beyond the training itself",
)
def layers_are_learned(at):
    """In every layer the probe errs less than that of random weights: below a point, that does not matter."""
    for title, _ in images(at):
        for depth in (1, 2, 3):
            terms = error(depth, f"random, {title}"), error(depth, f"trained, {title}", -1)
            what = f"the gain of a probe of {LAYERS[depth]} by training"
            yield direction(Contrast(terms, what), above=0, smallest=1)


@claim(
    "Convolutional layers see local structure, the dense layer the whole image: tiles in another order harm what the "
    "dense layer tells more than what the convolutions tell.",
    magnitude=NO_NUMBER,
    mechanism="no mechanism is claimed",
)
def the_dense_layer_sees_the_whole_image(at):
    """The harm to the probe of the dense layer is greater than to that of both convolutions."""

    def harm(depth: int, arm: str, sign: int = 1):
        return error(depth, arm, sign, "shuffled_probe_error"), error(depth, arm, -sign)

    for title, _ in images(at):
        for depth in (1, 2):
            terms = *harm(3, f"trained, {title}"), *harm(depth, f"trained, {title}", -1)
            what = f"the harm of shuffled tiles to the probe of the dense layer, minus that to {LAYERS[depth]}"
            yield direction(Contrast(terms, what), above=0, smallest=2)


@ablation(
    "A hierarchy of features",
    claims=(layers_are_steps, layers_are_learned, the_dense_layer_sees_the_whole_image),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=12,
        evaluation_size=1000,
        looks=(4, 6, 9, 13),
        rates=(0.0025, 0.005, 0.01),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=10,
        evaluation_size=5000,
        looks=(4, 6, 9),
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    figures=(
        Plot("family", "error_by_layer", "linear_probe_error", DEPTH, "test error of a linear probe"),
        Plot("family", "error_of_shuffled", "shuffled_probe_error", DEPTH, "test error, tiles in another order"),
        "filters",
        "patches",
        "pooled_maps",
        "effects",
    ),
)
def hierarchy(at):
    """The network on both data sets, trained and with random weights."""
    maps, hidden = at.choose(smoke=((4, 8), 32), quick=((20, 40), 100), full=((20, 40), 100))
    for title, here in images(at):
        model = here.network(pooling_net, "max", maps=maps, hidden=(hidden,))
        yield here.arm(
            f"trained, {title}",
            model,
            label="trained",
            condition=title,
            probes=("filters", "linear", "patches", "maps"),
        )
        yield here.arm(
            f"random, {title}",
            model,
            label="random weights",
            condition=title,
            probes=("linear",),
            rate=NOT_TRAINED,
            epochs=1,
        )
