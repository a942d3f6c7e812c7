"""LeNet-5: does the network of 1998 have the stated size, the stated error, and the stated advantage?

Claim: LeNet-5 has 60,000 trainable parameters and 340,908 connections and reaches 0.95 % test error on MNIST; dense
networks of the same figure reach 4.7 % (300 hidden units), 4.5 % (1,000), 3.05 % (300 and 100) and 2.95 % (500 and 150)
(LeCun et al. 1998, section III and Figure 9).

Check: counts, layer by layer.
Arms: the network of the paper (trainable subsampling, a connection table, scaled tanh, radial basis outputs) with the
paper's criterion (equation 9), the usual Keras variant (61,706 parameters), and the four dense networks, with
cross-entropy; in `full` the two with one hidden layer also with the squared error of the published ones. The paper's
rates are those of a diagonal Levenberg-Marquardt method: rates are searched for SGD instead, on images kept from
training, on which the replicates train too.
Rules: every count agrees; both networks beat every dense one, by half a point at least; errors in `full` as published:
0.95 % within 0.15 points, dense ones within 0.5.
Figures: error of every arm; agreement; filters.
"""

from cnn_study.models.architectures import dense_net, lenet5_1998, lenet5_usual
from cnn_study.page import (
    SMOKE,
    Agreement,
    Condition,
    Contrast,
    LowestValidationError,
    Plot,
    Published,
    Sizes,
    Term,
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
DENSE = {"dense 300": (300,), "dense 1000": (1000,), "dense 300-100": (300, 100), "dense 500-150": (500, 150)}
SQUARED = {f"{name}, squared error": DENSE[name] for name in ("dense 300", "dense 1000")}
ERRORS = {
    FAITHFUL: 0.95,
    "dense 300, squared error": 4.7,
    "dense 1000, squared error": 4.5,
    "dense 300-100": 3.05,
    "dense 500-150": 2.95,
}
"""Published test errors, in percent."""


def margin(name: str) -> float:
    """How far a test error may lie from the published one, in points."""
    return 0.15 if name == FAITHFUL else 0.5


def dense(at) -> tuple[str, ...]:
    """Names of the dense networks of the profile that are trained like the usual LeNet-5."""
    return at.choose(smoke=("dense 300",), quick=tuple(DENSE), full=tuple(DENSE))


def squared(at) -> tuple[str, ...]:
    """Names of those that are trained like the published ones."""
    return at.choose(smoke=tuple(SQUARED)[:1], quick=(), full=tuple(SQUARED))


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
    "LeNet-5 has a lower test error on MNIST than dense networks.",
    published=[
        Published(
            PERCENT,
            value,
            FIGURE_9,
            "secondary",
            about=name,
            differs="loss not stated" if name in DENSE else "",
        )
        for name, value in ERRORS.items()
    ],
    mechanism="see weight_sharing and spatial_structure",
)
def lenet5_error(at):
    """Both networks beat every dense one by half a point; errors are as published within the margins."""
    for name in dense(at):
        yield direction(gain(FAITHFUL, name), above=0, smallest=0.5, under=Condition(f"1998, against {name}"))
        yield direction(gain(USUAL, name), above=0, smallest=0.5, under=Condition(f"usual, against {name}"))
    for name, value in ERRORS.items():
        if name in (FAITHFUL, *dense(at), *squared(at)):
            error = Contrast((Term(100, name, "test_error"),), f"the test error of {name}", "%")
            near = (value - margin(name), value + margin(name))
            yield magnitude(error, between=near, under=Condition(name))


@ablation(
    "LeNet-5",
    claims=(lenet5_has_60000_parameters, lenet5_error),
    smoke=SMOKE,
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=20,
        evaluation_size=1000,
        rates=(0.0025, 0.01, 0.04),
    ),
    full=Sizes(
        dataset="mnist",
        validation_size=5000,
        batch_size=50,
        epochs=20,
        evaluation_size=5000,
        rates=(0.0025, 0.01, 0.04),
    ),
    tune=LowestValidationError(),
    checks=("lenet5_counts",),
    figures=(
        Plot("outcomes", y="test error"),
        "agreement",
        Plot("filters", arms=(FAITHFUL, USUAL)),
        "effects",
    ),
)
def lenet5(at):
    """Both forms of LeNet-5, on 32x32 pixels as in the paper; the dense networks of its figure on the same images."""
    here = at.but(side=28 if at.dataset.embedded else None, canvas=32)  # smaller images are enlarged first

    def arm(name: str, model, **options):
        return here.arm(name, model, condition="MNIST", on_all=True, **options)

    yield arm(FAITHFUL, lenet5_1998(), loss="map", probes=("filters",))
    yield arm(USUAL, lenet5_usual("tanh"), probes=("filters",))
    for name in dense(at):
        yield arm(name, here.network(dense_net, "tanh", hidden=DENSE[name]))
    for name in squared(at):
        yield arm(name, here.network(dense_net, "tanh", hidden=SQUARED[name]), loss="mean_squared")
