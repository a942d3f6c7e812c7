"""Do convolutional layers use the spatial structure of images, and dense layers not?

Claim: convolution and pooling use the spatial structure of images, which dense layers ignore. Numbers: Ivan 2019 finds
that one fixed permutation of the pixels hurts a convolutional network and not a multilayer perceptron.

Check: a perceptron whose first weights are permuted like the pixels gives the same answers and the same gradients, so
that a permutation can change nothing but the luck of a run; no order of a convolution's weights undoes it.
Arms: a convolutional network and a perceptron on the images as they are and with their pixels permuted, the same way in
all images, by three different permutations; the convolutional network also with permuted blocks of 2 to 8 pixels, whose
insides are left as they were. All stop at the same training error. One permutation is like another: all three share the
best rate of the first, and those of the perceptron that of the images as they are. `quick`: CIFAR-10, two normalized
convolutions and two dense layers; `full`: MNIST, LeNet-5 with rectified units and maximum pooling.
Rules: the convolutional network must be worth looking at: 5 points better than the perceptron on the images as they
are. Permutations cost it at least 5 points, and change the error of the perceptron by less than 1 (equivalence test);
on MNIST, where errors are small, by half a point, half a point and a fifth. Mechanism: if that is so because it uses
local structure, then what is left within blocks of 8 pixels (7 on MNIST) keeps a part; as much as the perceptron may
change is the smallest of interest.
Figures: error against block size; effects.
"""

from cnn_study.models.architectures import dense_net, full_network, lenet5_usual
from cnn_study.page import (
    Agreement,
    Condition,
    Contrast,
    LowestValidationError,
    Plot,
    Sizes,
    Term,
    ablation,
    claim,
    direction,
    gain,
    mechanism,
    premise,
)

PERMUTATIONS = (1, 2, 3)
LABELS = {"conv": "convolutional", "dense": "multilayer perceptron"}
LENET_SIDE = 28  # pixels, below which LeNet-5 has no room
TOGETHER = Condition("three permutations")


def blocks(at) -> list[int]:
    """Sides of the blocks that are left in order; they must tile the image."""
    wanted = at.choose(smoke=(4, 2), quick=(8, 4, 2), full=(14, 7, 4, 2))
    return [block for block in wanted if at.shape[0] % block == 0]


def loss(kind: str) -> Contrast:
    """By how many points permutations raise the error, on the average over them."""
    share = 100 / len(PERMUTATIONS)
    terms = [Term(share, f"{kind}, permutation {seed}", "test_error") for seed in PERMUTATIONS]
    return Contrast((*terms, Term(-100, f"{kind}, intact", "test_error")), f"the loss of {kind} by permuted pixels")


def relevant(at) -> tuple[float, float]:
    """Points of test error that count as harm on these images, and points that count as a change at all."""
    return at.choose(smoke=(5, 1), quick=(5, 1), full=(0.5, 0.2))


@claim(
    "A fixed permutation of the pixels hurts a convolutional network, because it takes local structure away.",
    magnitude="the abstract of Ivan 2019 gives no number",
)
def structure_matters_to_convolution(at):
    """A network that is better than the perceptron loses by permutations; what is left in blocks keeps a part."""
    harm, change = relevant(at)
    for needed in (loss("conv"), gain("conv, intact", "dense, intact")):
        yield direction(needed, above=harm, under=TOGETHER)
        yield premise(needed, above=harm, under=TOGETHER)
    wanted = at.choose(smoke=4, quick=8, full=7)
    kept = wanted if wanted in blocks(at) else max(blocks(at))
    yield mechanism(gain(f"conv, blocks of {kept}", "conv, permutation 1"), above=0, smallest=change, under=TOGETHER)


@claim(
    "A fixed permutation of the pixels does not change a multilayer perceptron.",
    magnitude="the abstract of Ivan 2019 gives no number",
    mechanism="the check is the mechanism",
)
def structure_is_nothing_to_perceptrons(at):
    """Permuted weights undo it in every case; errors of trained networks differ by less than counts as a change."""
    yield direction(Agreement("pixel_permutation"))
    _, change = relevant(at)
    yield direction(loss("dense"), equivalent=(-change, change), under=TOGETHER)


@ablation(
    "Spatial structure",
    claims=(structure_matters_to_convolution, structure_is_nothing_to_perceptrons),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=25,
        evaluation_size=1000,
        rates=(0.00125, 0.0025, 0.005),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=12,
        evaluation_size=5000,
        looks=(4, 6, 9),
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    checks=("pixel_permutation",),
    figures=(
        Plot("dose", "error_by_block", x="side of the blocks left in order (pixels)", y="test error", logarithmic="x"),
        "effects",
    ),
)
def spatial_structure(at):
    """Both networks on the images as they are and under three permutations; one of them with blocks left in order."""
    small = at.choose(smoke=True, quick=True, full=False) or min(at.shape[:2]) < LENET_SIDE
    networks = {
        "conv": at.network(full_network, "dropout", maps=(8, 16), hidden=64)
        if small
        else at.network(lenet5_usual, "relu", pool="max"),
        "dense": at.network(dense_net, "relu", hidden=(128,)),
    }

    def arm(kind: str, name: str, level: int, rate_of: str = "", **order):
        return at.but(**order).arm(
            f"{kind}, {name}",
            networks[kind],
            label=LABELS[kind],
            condition="one order of pixels",
            level=level,
            rate_of=rate_of,
            target_train_error=0.02 if small else 0.01,
        )

    shared = {"conv": f"conv, permutation {PERMUTATIONS[0]}", "dense": "dense, intact"}
    for kind in networks:
        yield arm(kind, "intact", at.shape[0])
        for seed in PERMUTATIONS:
            name = f"permutation {seed}"
            rate_of = "" if shared[kind] == f"{kind}, {name}" else shared[kind]
            yield arm(kind, name, 1, rate_of, block=1, block_seed=seed)
    for block in blocks(at):
        yield arm("conv", f"blocks of {block}", block, block=block, block_seed=PERMUTATIONS[0])
