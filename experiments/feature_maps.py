"""Is one feature map not enough?

Claim: a layer needs several feature maps, as each finds one feature only. Against it: Eigen et al. 2013 find that, with
layers and parameters held equal, the number of maps matters little by itself.

Arms: 1, 2, 4, 8, 16 and 32 maps before a dense layer of the same width, and again with that width chosen so that all
have as many parameters as 8 maps with 64 units. Rules: 8 maps gain at least 2 points on 1; the gain survives matching.
Figure: error against maps. Run time: `quick` about three minutes.
"""

from cnn_study.models.architectures import FAN_SCALED
from cnn_study.page import Plot, Sizes, ValidationError, ablation, claim, direction, gain, mechanism
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

SAME_LAYER, SAME_PARAMETERS = "same dense layer", "same parameters"


@claim(
    "One feature map is not enough: 8 maps lower the test error by at least 2 points against 1.",
    magnitude="no published number: the 2 points are a threshold of ours",
)
def one_map_is_not_enough(at):
    """The gain is there, and survives when both have as many parameters."""
    yield direction(gain(f"8 maps, {SAME_LAYER}", f"1 maps, {SAME_LAYER}"), above=2)
    yield mechanism(gain(f"8 maps, {SAME_PARAMETERS}", f"1 maps, {SAME_PARAMETERS}"), above=2)


@ablation(
    "The number of feature maps",
    claims=(one_map_is_not_enough,),
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
        rates=(0.0025, 0.005, 0.01, 0.02, 0.04),
    ),
    tune=ValidationError(),
    figures=(
        Plot("dose", "error_by_maps", x="feature maps", y="test error", logarithmic="x"),
        "effects",
        Plot("filters", arms=(f"8 maps, {SAME_LAYER}",)),
    ),
)
def feature_maps(at):
    """From 1 to 32 maps, with the same dense layer above them, and again with as many parameters as 8 maps have."""

    def network(maps: int, units: int = 64) -> ModelSpec:
        return at.network(one_layer, maps, units)

    for condition in (SAME_LAYER, SAME_PARAMETERS):
        for maps in (1, 2, 4, 8, 16, 32):
            model = network(maps)
            if condition == SAME_PARAMETERS:
                model = at.matched(lambda units, maps=maps: network(maps, units), to=network(8))
            drawn = maps == 8 and condition == SAME_LAYER
            name, probes = f"{maps} maps, {condition}", ("filters",) if drawn else ()
            yield at.arm(name, model, label=condition, condition=condition, level=maps, probes=probes)


def one_layer(maps: int, units: int, input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """A layer of 5x5 fields with 4x4 pooling, and a dense layer."""
    pool = Pool(reduce="max", size=4, stride=4)
    hidden = Conv(maps=maps, field=5, pool=pool, initializer=FAN_SCALED.of(0, "relu"))
    dense = Dense(units=units, initializer=FAN_SCALED.of(1, "relu"))
    return ModelSpec(input_shape=input_shape, layers=(hidden, dense, Dense(units=classes, activation=None)))
