"""LeNet-5: does the network of 1998 have the stated size, the stated error, and the stated advantage?

Claim: LeNet-5 has 60,000 trainable parameters and 340,908 connections and reaches 0.95 % test error on MNIST; dense
networks of 300 and 1,000 hidden units reach 4.7 and 4.5 % (LeCun et al. 1998, section III and Figure 9).

Check: counts, layer by layer. Arms: the network of the paper (trainable subsampling, a connection table, scaled tanh,
radial basis outputs), the usual Keras variant (61,706 parameters), and the dense networks of the same figure. The
paper's rates are those of a diagonal Levenberg-Marquardt method and not used: rates are tuned for SGD.
Rules: every count agrees; error within 0.15 points of 0.95 % in `full`; LeNet-5 beats the dense network of 300 units.
Figures: error of every arm; agreement; filters. Run time: `quick` about two minutes.
"""

from cnn_study.models.architectures import dense_net, lenet5_1998, lenet5_usual
from cnn_study.page import (
    Agreement,
    Condition,
    Contrast,
    Plot,
    Published,
    Sizes,
    Term,
    ValidationError,
    ablation,
    claim,
    direction,
    gain,
    magnitude,
)

SECTION_2B = "LeCun et al. 1998, section II.B"
FIGURE_9 = "LeCun, Bottou, Bengio & Haffner 1998, Figure 9"
PERCENT = "test error on MNIST (%)"
FAITHFUL, USUAL = "LeNet-5 (1998)", "LeNet-5 (usual)"


@claim(
    "LeNet-5 has 60,000 trainable parameters and 340,908 connections.",
    published=(
        Published("trainable parameters", 60_000, SECTION_2B, "secondary", about=FAITHFUL),
        Published("connections", 340_908, SECTION_2B, "secondary", about=FAITHFUL),
    ),
    magnitude="the counts are exact",
    mechanism="the counts are arithmetic",
)
def lenet5_has_60000_parameters(at):
    """Every count agrees, layer by layer."""
    yield direction(Agreement("lenet5_counts"), under="every layer")


@claim(
    "LeNet-5 has a lower test error on MNIST than dense networks; it reaches 0.95 %.",
    published=(
        Published(PERCENT, 0.95, FIGURE_9, "secondary", about=FAITHFUL),
        Published(PERCENT, 4.7, FIGURE_9, "secondary", about="dense 300"),
        Published(PERCENT, 4.5, FIGURE_9, "secondary", about="dense 1000"),
        Published(PERCENT, 3.05, FIGURE_9, "secondary", about="dense 300-100"),
        Published(PERCENT, 2.95, FIGURE_9, "secondary", about="dense 500-150"),
    ),
    mechanism="see weight_sharing and spatial_structure",
)
def lenet5_error(at):
    """Both networks beat the dense one; that of 1998 comes within 0.15 points of the published error."""
    yield direction(gain(FAITHFUL, "dense 300"), above=0, under=Condition("1998"))
    yield direction(gain(USUAL, "dense 300"), above=0, under=Condition("usual"))
    error = Contrast((Term(100, FAITHFUL, "test_error"),), f"the test error of {FAITHFUL}", "%")
    yield magnitude(error, between=(0.8, 1.1), under=Condition("1998"))


@ablation(
    "LeNet-5",
    claims=(lenet5_has_60000_parameters, lenet5_error),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        test_size=2000,
        batch_size=20,
        epochs=10,
        evaluation_size=500,
        seeds=5,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=20,
        seeds=6,
        rates=(0.00125, 0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=ValidationError(),
    checks=("lenet5_counts",),
    figures=(
        Plot("outcomes", y="test error"),
        "agreement",
        Plot("filters", arms=(FAITHFUL, USUAL)),
        "effects",
    ),
)
def lenet5(at):
    """Both forms of LeNet-5, and the dense networks of the same figure, on 32x32 pixels as in the paper."""
    here = at.but(side=28 if at.dataset.embedded else None, canvas=32)  # smaller images are enlarged first
    for name, model in {FAITHFUL: lenet5_1998(), USUAL: lenet5_usual("tanh")}.items():
        yield here.arm(name, model, condition="MNIST", probes=("filters",))
    every = ((300,), (1000,), (300, 100), (500, 150))
    for hidden in at.choose(smoke=((300,),), quick=((300,), (300, 100)), full=every):
        model = here.network(dense_net, "tanh", hidden=hidden)
        yield here.arm("dense " + "-".join(map(str, hidden)), model, condition="MNIST")
