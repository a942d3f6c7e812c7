"""What do small receptive fields save, and what do they cost?

Claim: a unit that sees only a small patch of the image needs far fewer weights and much less computation than one that
sees all of it. Numbers: the first layer of LeNet-5 (LeCun et al. 1998, section II.B) has 156 parameters and 122,304
connections; a dense layer between the same sizes has 4,821,600 parameters. Against the easy reading: locality alone
saves multiply-accumulates; it is sharing that saves parameters.

Check: parameters, connections and multiply-accumulates of dense, locally connected and convolutional layers, counted in
built layers over a grid of geometries. Arms: one hidden layer with fields of 1, 3, 5, 7 and 11 pixels, shared or not,
and one that sees the whole image. All train until 1 % of the training images are wrong, so that none is better by
fitting more; fields of one pixel do not get there, and no rule uses them.
Rule: to lose nothing is to lose less than something, here a point: the error with a field of 5 pixels is less than one
point above that of the dense layer (non-inferiority). Figures: costs; error against field size.
"""

from cnn_study.models.architectures import Kind, one_hidden_net
from cnn_study.page import (
    Agreement,
    Condition,
    LowestValidationError,
    Plot,
    Published,
    Sizes,
    ablation,
    claim,
    direction,
    gain,
)

LENET = "LeCun, Bottou, Bengio & Haffner 1998, section II.B"
WHOLE = "dense, whole image"
TARGET = 0.01  # training error at which every arm stops
MARGIN = 1  # points of test error that a field may lose and still count as losing nothing


@claim(
    "Parameters and computation of a layer follow from its field: small fields need far less of both.",
    published=(
        Published("parameters of LeNet-5's first layer", 156, LENET, "secondary", about="conv"),
        Published("connections of LeNet-5's first layer", 122_304, LENET, "secondary", about="conv"),
    ),
    magnitude="the published counts are exact, and among the cases of the check",
    mechanism="the counts are arithmetic: there is no cause to be tested",
)
def local_costs_less(at):
    """Every count of every kind of layer agrees."""
    yield direction(Agreement("receptive_field_costs"), under="all geometries")


@claim(
    "Units that see 5x5 pixels lose no accuracy against units that see the whole image.",
    magnitude="no published number for this comparison",
    mechanism="see spatial_structure",
)
def local_is_as_accurate(at):
    """Fields of 5 pixels lose less than a point against the whole image, with shared weights and without."""
    yield direction(gain("conv, 5x5", WHOLE), above=-MARGIN, under=Condition("shared weights"))
    yield direction(gain("local, 5x5", WHOLE), above=-MARGIN, under=Condition("weights of their own"))


# What figures call a kind of layer, and the sides of its fields. Fields that are not shared are dear in memory.
SPATIAL: dict[Kind, tuple[str, tuple[int, ...]]] = {
    "conv": ("shared weights", (1, 3, 5, 7, 11)),
    "local": ("weights of their own", (3, 5)),
}
MAPS, POOL = 8, 4


@ablation(
    "Small receptive fields",
    claims=(local_costs_less, local_is_as_accurate),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=20,
        evaluation_size=1000,
        rates=(0.005, 0.01, 0.02),
    ),
    full=Sizes(
        dataset="mnist",
        train_size=10_000,
        validation_size=5000,
        batch_size=50,
        epochs=30,
        evaluation_size=2000,
        looks=(4, 6, 9),
        rates=(0.005, 0.01, 0.02),
    ),
    tune=LowestValidationError(),
    checks=("receptive_field_costs",),
    figures=(
        "costs",
        Plot("dose", "error_by_field", "test_error", x="side of the receptive field (pixels)", y="test error"),
        "effects",
    ),
)
def local_receptive_fields(at):
    """One hidden layer with fields of several sizes, and one of as many units that see the whole image."""
    train = {"condition": "one hidden layer", "target_train_error": TARGET}
    for kind, (label, fields) in SPATIAL.items():
        for field in fields:
            model = at.network(one_hidden_net, kind, maps=MAPS, field=field, pool=POOL)
            yield at.arm(f"{kind}, {field}x{field}", model, label=label, level=field, **train)
    height, width, _ = at.shape
    units = -(-height // POOL) * -(-width // POOL) * MAPS  # as many as the others have after pooling
    model = at.network(one_hidden_net, "dense", units=units)
    yield at.arm(WHOLE, model, label="dense: the whole image", level=max(height, width), **train)
