"""Is one feature map not enough?

Claim: a layer needs several feature maps, as each finds one feature only. Against it: Eigen et al. 2013 find that, with
layers and parameters held equal, the number of maps matters little by itself.

Arms: 1, 2, 4, 8, 16 and 32 maps before a dense layer of the same width, and again with that width chosen so that all
have as many parameters as 8 maps with 64 units. Rules: 8 maps gain at least 2 points on 1; the gain survives matching.
Figure: error against maps. Run time: `quick` about three minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Claim, Design, Experiment, Plot, RateSearch, Rule, ValidationError, gain
from cnn_study.models.architectures import FAN_SCALED
from cnn_study.models.complexity import parameters
from cnn_study.models.matching import match
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

CLAIMS = (
    Claim(
        "one-map-is-not-enough",
        "One feature map is not enough: 8 maps lower the test error by at least 2 points against 1.",
        (),
        {"magnitude": "no published number: the 2 points are a threshold of ours"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 10, 5, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 20, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), 5000),
}
MAPS = (1, 2, 4, 8, 16, 32)
MIDDLE, UNITS = 8, 64
UNMATCHED, MATCHED = "same dense layer", "same parameters"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data = setting.data(fallback)
    shape, classes = shape_of(data), classes_of(data)

    def network(maps: int, units: int) -> ModelSpec:
        hidden = Conv(
            maps=maps, field=5, pool=Pool(reduce="max", size=4, stride=4), initializer=FAN_SCALED.of(0, "relu")
        )
        dense = Dense(units=units, initializer=FAN_SCALED.of(1, "relu"))
        return ModelSpec(input_shape=shape, layers=(hidden, dense, Dense(units=classes, activation=None)))

    target = parameters(network(MIDDLE, UNITS))
    tolerance = setting.tolerance(fallback)
    arms = []
    for condition in (UNMATCHED, MATCHED):
        for maps in MAPS:
            model = network(maps, UNITS)
            if condition == MATCHED:
                model = match(lambda units, maps=maps: network(maps, units), target, tolerance=tolerance)
            drawn = maps == MIDDLE and condition == UNMATCHED
            arms.append(
                Arm(
                    f"{maps} maps, {condition}",
                    condition,
                    condition,
                    data,
                    model,
                    setting.train(),
                    level=maps,
                    probes=("filters",) if drawn else (),
                )
            )
    estimates = {c: gain(f"{MIDDLE} maps, {c}", f"1 maps, {c}") for c in (UNMATCHED, MATCHED)}
    rules = (
        Rule("one-map-is-not-enough", "direction", UNMATCHED, estimates[UNMATCHED], low=2),
        Rule("one-map-is-not-enough", "mechanism", MATCHED, estimates[MATCHED], low=2),
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(tuple(arms), search, setting.replicates, rules, setting.proxy(fallback))


EXPERIMENT = Experiment(
    name="feature_maps",
    title="The number of feature maps",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("dose", "error_by_maps", x="feature maps", y="test error", logarithmic="x"),
        "effects",
        Plot("filters", arms=(f"{MIDDLE} maps, {UNMATCHED}",)),
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
