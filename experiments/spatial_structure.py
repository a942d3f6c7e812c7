"""Do convolutional layers learn local structure, and dense layers not?

Claim: convolution and pooling use the spatial structure of images, which dense layers ignore. Numbers: Ivan 2019 finds
that one fixed permutation of the pixels hurts a convolutional network and not a multilayer perceptron.

Arms: a convolutional network and a perceptron on the images as they are and with their pixels permuted, the same way in
all images, by three different permutations; the convolutional network also with permuted blocks of 2 to 16 pixels.
Rules: the permutation costs the convolutional network at least 5 points, and changes the error of the perceptron by
less than 1 point (equivalence test). Mechanism: what is kept within blocks of 8 pixels keeps part of the accuracy.
Figures: error against block size; effects. Run time: `quick` about five minutes.
"""

from cnn_study.models.architectures import dense_net, pooling_net
from cnn_study.page import (
    Condition,
    Contrast,
    Plot,
    Sizes,
    Term,
    ValidationError,
    ablation,
    claim,
    direction,
    gain,
    mechanism,
)

PERMUTATIONS = (1, 2, 3)
LABELS = {"conv": "convolutional", "dense": "multilayer perceptron"}


def blocks(at) -> list[int]:
    """Sides of the blocks that are left in order; they must tile the image."""
    wanted = at.choose(smoke=(4, 2), quick=(16, 8, 4, 2), full=(16, 8, 4, 2))
    return [block for block in wanted if at.shape[0] % block == 0]


def loss(kind: str) -> Contrast:
    """By how many points permutations raise the error, on the average over them."""
    share = 100 / len(PERMUTATIONS)
    terms = [Term(share, f"{kind}, permutation {seed}", "test_error") for seed in PERMUTATIONS]
    return Contrast((*terms, Term(-100, f"{kind}, intact", "test_error")), f"the loss of {kind} by permuted pixels")


@claim(
    "A fixed permutation of the pixels hurts a convolutional network, and not a multilayer perceptron.",
    magnitude="the abstract of Ivan 2019 gives no number",
)
def structure_matters_to_convolution(at):
    """The one loses at least 5 points, the other less than 1 either way; what is left in blocks keeps a part."""
    yield direction(loss("conv"), above=5, under=Condition("three permutations"))
    yield direction(loss("dense"), equivalent=(-1, 1), under=Condition("three permutations"))
    wanted = at.choose(smoke=4, quick=8, full=8)
    kept = wanted if wanted in blocks(at) else max(blocks(at))
    structure = gain(f"conv, blocks of {kept}", "conv, permutation 1")
    yield mechanism(structure, above=0, under=Condition("local structure"))


@ablation(
    "Spatial structure",
    claims=(structure_matters_to_convolution,),
    quick=Sizes(
        dataset="cifar10",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=10,
        evaluation_size=500,
        seeds=4,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="cifar10",
        validation_size=5000,
        batch_size=64,
        epochs=60,
        seeds=6,
        rates=(0.005, 0.01, 0.02, 0.04, 0.08),
    ),
    tune=ValidationError(),
    figures=(
        Plot("dose", "error_by_block", x="side of the blocks left in order (pixels)", y="test error", logarithmic="x"),
        "effects",
    ),
)
def spatial_structure(at):
    """Both networks on the images as they are and under three permutations; one of them with blocks left in order."""
    networks = {
        "conv": at.network(pooling_net, "max", maps=(16, 32), field=3),
        "dense": at.network(dense_net, "relu", hidden=(128,)),
    }

    def arm(kind: str, name: str, level: int, **order):
        here = at.but(**order)
        name = f"{kind}, {name}"
        return here.arm(name, networks[kind], label=LABELS[kind], condition="one order of pixels", level=level)

    for kind in networks:
        yield arm(kind, "intact", at.shape[0])
        for seed in PERMUTATIONS:
            yield arm(kind, f"permutation {seed}", 1, block=1, block_seed=seed)
    for block in blocks(at):
        yield arm("conv", f"blocks of {block}", block, block=block, block_seed=PERMUTATIONS[0])
