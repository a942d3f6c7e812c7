"""What do small receptive fields save, and what do they cost?

Claim: a unit that sees only a small patch of the image needs far fewer weights and much less computation than one that
sees all of it. Numbers: the first layer of LeNet-5 (LeCun et al. 1998, section II.B) has 156 parameters and 122,304
connections; a dense layer between the same sizes has 4,821,600 parameters. Against the easy reading: locality alone
saves multiply-accumulates; it is sharing that saves parameters.

Check: parameters, connections and multiply-accumulates of dense, locally connected and convolutional layers, counted in
built layers over a grid of geometries. Arms: one hidden layer with fields of 1, 3, 5, 7 and 11 pixels, shared or not,
and one that sees the whole image. Rule: the error with a field of 5 pixels is not above that of the dense layer.
Figures: costs; error against field size. Run time: `quick` about a minute.
"""

from cnn_study.checks.names import check
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Design,
    Experiment,
    Plot,
    Published,
    RateSearch,
    Rule,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import Kind, one_hidden_net

LENET = "LeCun, Bottou, Bengio & Haffner 1998, section II.B"
CLAIMS = (
    Claim(
        "local-costs-less",
        "Parameters and computation of a layer follow from its field: small fields need far less of both.",
        (
            Published("parameters of LeNet-5's first layer", 156, LENET, "secondary", about="conv"),
            Published("connections of LeNet-5's first layer", 122_304, LENET, "secondary", about="conv"),
        ),
        {
            "magnitude": "the published counts are exact, and among the cases of the check",
            "mechanism": "the counts are arithmetic: there is no cause to be tested",
        },
    ),
    Claim(
        "local-is-as-accurate",
        "Units with a small field lose no accuracy against units that see the whole image.",
        (),
        {"magnitude": "no published number for this comparison", "mechanism": "see spatial_structure"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 8, 5, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 20, 6, (0.0025, 0.005, 0.01, 0.02, 0.04), 5000),
}
# What figures call it, and the sides of its fields. Fields that are not shared are dear in memory.
SPATIAL: dict[Kind, tuple[str, tuple[int, ...]]] = {
    "conv": ("shared weights", (1, 3, 5, 7, 11)),
    "local": ("weights of their own", (3, 5)),
}
MAPS, POOL = 8, 4


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train()
    shape, classes = shape_of(data), classes_of(data)

    def arm(name: str, label: str, level: float, kind: Kind, **options) -> Arm:
        model = one_hidden_net(kind, input_shape=shape, classes=classes, **options)
        return Arm(name, label, "one hidden layer", data, model, train, level)

    arms = [
        arm(f"{kind}, {field}x{field}", label, field, kind, maps=MAPS, field=field, pool=POOL)
        for kind, (label, fields) in SPATIAL.items()
        for field in fields
    ]
    hidden = -(-shape[0] // POOL) * -(-shape[1] // POOL) * MAPS  # as many as the others have after pooling
    arms.append(arm("dense, whole image", "dense: the whole image", max(shape[:2]), "dense", units=hidden))
    rules = (
        Rule("local-costs-less", "direction", "all geometries", Agreement("receptive_field_costs")),
        Rule("local-is-as-accurate", "direction", "shared", gain("conv, 5x5", "dense, whole image"), low=0),
        Rule("local-is-as-accurate", "direction", "unshared", gain("local, 5x5", "dense, whole image"), low=0),
    )
    search = RateSearch(ValidationError(), setting.rates)
    checks = (check("receptive_field_costs", sample=setting.trial),)
    return Design(tuple(arms), search, setting.replicates, rules, setting.proxy(fallback), checks)


EXPERIMENT = Experiment(
    name="local_receptive_fields",
    title="Small receptive fields",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("costs"),
        Plot("dose", "error_by_field", "test_error", x="side of the receptive field (pixels)", y="test error"),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
