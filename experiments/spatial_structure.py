"""Do convolutional layers learn local structure, and dense layers not?

Claim: convolution and pooling use the spatial structure of images, which dense layers ignore. Numbers: Ivan 2019 finds
that one fixed permutation of the pixels hurts a convolutional network and not a multilayer perceptron.

Arms: a convolutional network and a perceptron on the images as they are and with their pixels permuted, the same way in
all images, by three different permutations; the convolutional network also with permuted blocks of 2 to 16 pixels.
Rules: the permutation costs the convolutional network at least 5 points, and changes the error of the perceptron by
less than 1 point (equivalence test). Mechanism: what is kept within blocks of 8 pixels keeps part of the accuracy.
Figures: error against block size; effects. Run time: `quick` about five minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    Plot,
    RateSearch,
    Rule,
    Term,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import dense_net, pooling_net

CLAIMS = (
    Claim(
        "structure-matters-to-convolution",
        "A fixed permutation of the pixels hurts a convolutional network, and not a multilayer perceptron.",
        (),
        {"magnitude": "the abstract of Ivan 2019 gives no number"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("cifar10", 2000, 20, 10, 4, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("cifar10", None, 64, 60, 6, (0.005, 0.01, 0.02, 0.04, 0.08), 5000),
}
PERMUTATIONS = (1, 2, 3)
BLOCKS = {"smoke": (4, 2), "quick": (16, 8, 4, 2), "full": (16, 8, 4, 2)}
KEPT = {"smoke": 4, "quick": 8, "full": 8}
HIDDEN = (128,)
INTACT = "intact"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on CIFAR-10 or on the data set that takes its place."""
    setting = SETTINGS[profile]
    plain = setting.data(fallback)
    options = {"input_shape": shape_of(plain), "classes": classes_of(plain)}
    networks = {
        "conv": pooling_net("max", maps=(16, 32), field=3, **options),
        "dense": dense_net("relu", hidden=HIDDEN, **options),
    }
    labels = {"conv": "convolutional", "dense": "multilayer perceptron"}
    blocks = [block for block in BLOCKS[profile] if options["input_shape"][0] % block == 0]

    def arm(kind: str, name: str, block: int | None, seed: int) -> Arm:
        data = plain if block is None else setting.data(fallback, block=block, block_seed=seed)
        level = options["input_shape"][0] if block is None else block
        return Arm(f"{kind}, {name}", labels[kind], "one order of pixels", data, networks[kind], setting.train(), level)

    arms = []
    for kind in networks:
        arms.append(arm(kind, INTACT, None, 0))
        arms += [arm(kind, f"permutation {seed}", 1, seed) for seed in PERMUTATIONS]
    arms += [arm("conv", f"blocks of {block}", block, PERMUTATIONS[0]) for block in blocks]
    search = RateSearch(ValidationError(), setting.rates)
    kept = KEPT[profile] if KEPT[profile] in blocks else max(blocks)
    return Design(tuple(arms), search, setting.replicates, rules(kept), setting.proxy(fallback))


def rules(kept: int) -> tuple[Rule, ...]:
    """What decides the claim; ``kept`` is the block within which structure is left for the mechanism."""
    claim, condition = "structure-matters-to-convolution", "three permutations"
    return (
        Rule(claim, "direction", condition, loss("conv"), low=5),
        Rule(claim, "direction", condition, loss("dense"), low=-1, high=1, equivalence=True),
        Rule(claim, "mechanism", "local structure", gain(f"conv, blocks of {kept}", "conv, permutation 1"), low=0),
    )


def loss(kind: str) -> Contrast:
    """By how many points permutations raise the error, on the average over them."""
    share = 100 / len(PERMUTATIONS)
    terms = [Term(share, f"{kind}, permutation {seed}", "test_error") for seed in PERMUTATIONS]
    return Contrast((*terms, Term(-100, f"{kind}, {INTACT}", "test_error")), f"the loss of {kind} by permuted pixels")


EXPERIMENT = Experiment(
    name="spatial_structure",
    title="Spatial structure",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("dose", "error_by_block", x="side of the blocks left in order (pixels)", y="test error", logarithmic="x"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
