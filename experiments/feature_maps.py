"""Is one feature map not enough?

Claim: a layer needs several feature maps, as each finds one feature only. Against it: Eigen et al. 2013 find that, with
layers and parameters held equal, the number of maps matters little by itself.

Arms: 1, 2, 4, 8, 16 and 32 maps before a dense layer of 64 units; the same with the dense layer so wide that all have
as many parameters as 8 maps; and one map that is not pooled, so that it hands at least as many numbers up as 8 pooled
ones. A network that fails to train (its error stays that of a constant answer) is an outcome like any other.
Rules: 8 maps gain at least 2 points on 1. It is the maps, and not parameters or the size of what is handed up, if the
gain survives both matchings. Figures: error against maps; effects; kernels.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import LowestValidationError, Plot, Sizes, ablation, claim, direction, gain, mechanism, premise
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

SAME_LAYER, SAME_PARAMETERS, NOT_POOLED = "same dense layer", "same parameters", "one map, not pooled"


@claim(
    "One feature map is not enough: 8 maps lower the test error by at least 2 points against 1, because they are "
    "several and not because they bring more parameters or outputs.",
    magnitude="no published number: the 2 points are a threshold of ours",
)
def one_map_is_not_enough(at):
    """The gain is there, also where both have as many parameters, and where one map hands as many numbers up."""
    found = gain(f"8 maps, {SAME_LAYER}", f"1 map, {SAME_LAYER}")
    yield direction(found, above=2, smallest=1)
    yield premise(found, above=2, smallest=1)
    yield mechanism(gain(f"8 maps, {SAME_PARAMETERS}", f"1 map, {SAME_PARAMETERS}"), above=2, smallest=1)
    yield mechanism(gain(f"8 maps, {SAME_LAYER}", NOT_POOLED), above=2, smallest=1, under=SAME_LAYER)


@ablation(
    "The number of feature maps",
    claims=(one_map_is_not_enough,),
    quick=Sizes(
        dataset="mnist",
        train_size=2000,
        validation_size=1000,
        batch_size=20,
        epochs=15,
        evaluation_size=500,
        rates=(0.0025, 0.005, 0.01),
    ),
    full=Sizes(
        dataset="mnist",
        train_size=10_000,
        validation_size=5000,
        batch_size=20,
        epochs=20,
        evaluation_size=2000,
        rates=(0.0025, 0.005, 0.01),
    ),
    tune=LowestValidationError(),
    searches=2,
    figures=(
        Plot("dose", "error_by_maps", x="feature maps", y="test error", logarithmic="x"),
        "effects",
        Plot("filters", arms=(f"8 maps, {SAME_LAYER}",)),
    ),
)
def feature_maps(at):
    """From 1 to 32 maps with the same dense layer, then with as many parameters as 8 maps; and one map, not pooled."""

    def network(maps: int, units: int = 64, pool: int = 4) -> ModelSpec:
        return at.network(one_layer, maps, units, pool)

    for condition in (SAME_LAYER, SAME_PARAMETERS):
        for maps in (1, 2, 4, 8, 16, 32):
            model = network(maps)
            if condition == SAME_PARAMETERS:
                model = at.matched(lambda units, maps=maps: network(maps, units), to=network(8))
            name = f"{maps} map{'s' if maps > 1 else ''}, {condition}"
            probes = ("filters",) if (maps, condition) == (8, SAME_LAYER) else ()
            yield at.arm(name, model, label=condition, condition=condition, level=maps, probes=probes)
    yield at.arm(NOT_POOLED, network(1, pool=1), condition=SAME_LAYER)


def one_layer(maps: int, units: int, pool: int, input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """A layer of 5x5 fields with pooling over squares, and a dense layer."""
    squares = Pool(reduce="max", size=pool, stride=pool) if pool > 1 else None
    hidden = Conv(maps=maps, field=5, pool=squares, initializer=FAN_SCALED.of(0, "relu"))
    dense = Dense(units=units, initializer=FAN_SCALED.of(1, "relu"))
    return ModelSpec(input_shape=input_shape, layers=(hidden, dense, Dense(units=classes, activation=None)))
