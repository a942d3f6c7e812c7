"""Does batch normalization speed up training, and is it because it makes the inputs of layers more stable?

Claim: batch normalization lets networks learn in fewer steps and at higher rates, by reducing internal covariate shift
(Ioffe & Szegedy 2015). Numbers: ImageNet to 72.2 %: 31.0 million steps without, 13.3 with, 2.1 at five times the rate;
section 4.1, MNIST, 3 layers of 100 sigmoid units, batches of 60: curves only. Against the cause: with noise after the
normalization, which makes inputs less stable than without it, networks learn nearly as fast, and what normalization
changes is the smoothness of the loss (Santurkar et al. 2018).

Arms: the network of section 4.1 without normalization, with it, and with noisy normalization; and the first two over a
range of fixed rates. Rules: direction: epochs to 10 % training error; the number of usable rates. Mechanism: covariate
shift is the cause only if the noisy network loses at least half of the speed-up. Smoothness: the range of the loss
along a step is smaller. Figures: training curves; effects; drift of inputs. Run time: `quick` about two minutes.
"""

from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    HalfGap,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.models.architectures import dense_net
from cnn_study.spec import ModelSpec

IOFFE = "Ioffe & Szegedy 2015, Figure 3"
CLAIMS = (
    Claim(
        "normalization-speeds-up",
        "With batch normalization a network needs fewer epochs, because the inputs of its layers are more stable.",
        (
            Published("million steps to 72.2 % on ImageNet", 31.0, IOFFE, "secondary", about="none"),
            Published("million steps to 72.2 % on ImageNet", 13.3, IOFFE, "secondary", about="normalized"),
        ),
        {"magnitude": "published numbers are for ImageNet; section 4.1 on MNIST gives curves only"},
    ),
    Claim(
        "normalization-widens-rates",
        "With batch normalization more learning rates are usable.",
        (),
        {"magnitude": "no published range", "mechanism": "see normalization-smooths"},
    ),
    Claim(
        "normalization-smooths",
        "With batch normalization the loss changes less along a gradient step (Santurkar et al. 2018).",
        (),
        {"magnitude": "published as curves only", "mechanism": "no mechanism is claimed"},
    ),
)

TARGET = 0.1
SETTINGS = {
    "smoke": Setting("digits", 200, 10, 4, 2, (0.05, 0.2, 0.8), evaluations=2, trial=True),
    "quick": Setting("mnist", 6000, 60, 20, 5, (0.05, 0.2, 0.8), test_size=2000, evaluations=4, evaluation_size=1000),
    "full": Setting("mnist", None, 60, 50, 6, (0.05, 0.1, 0.2, 0.4, 0.8), evaluations=10, evaluation_size=10_000),
}
HIDDEN = (100, 100, 100)
FIXED_RATES = (0.0125, 0.05, 0.2, 0.8, 3.2, 12.8)
COMMON_RATE = 0.2  # at which the loss is compared along steps of equal length
KINDS = {"none": "none", "normalized": "normalized", "noisy": "normalized, with noise"}
CONDITION = "3 x 100 sigmoid"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    data, train = setting.data(fallback), setting.train(momentum=0.0, target_train_error=TARGET)
    models = {kind: network(kind, data) for kind in KINDS}
    arms = [
        Arm(kind, label, CONDITION, data, models[kind], train, probes=("covariate_shift",))
        for kind, label in KINDS.items()
    ]
    arms += [
        Arm(
            f"{kind}, rate {rate:g}",
            KINDS[kind],
            "fixed rates",
            data,
            models[kind],
            train.but(learning_rate=rate),
            level=rate,
            tuned=False,
            probes=("landscape",) if rate == COMMON_RATE else (),
        )
        for kind in ("none", "normalized")
        for rate in FIXED_RATES
    ]
    search = RateSearch(TimeToTrainError(TARGET), setting.rates)
    return Design(tuple(arms), search, setting.replicates, rules(), setting.proxy(fallback))


def network(kind: str, data) -> ModelSpec:
    """Three layers of sigmoid units: plain, normalized, or normalized with noise after it."""
    model = dense_net(
        "sigmoid", hidden=HIDDEN, batch_norm=kind != "none", input_shape=shape_of(data), classes=classes_of(data)
    )
    if kind != "noisy":
        return model
    return model.but(layers=(*(layer.but(norm_noise=True) for layer in model.layers[:-1]), model.layers[-1]))


def rules() -> tuple[Rule, ...]:
    """What decides the claims."""
    claim = "normalization-speeds-up"
    reached = [
        Term(sign, f"{kind}, rate {rate:g}", "reached_target")
        for kind, sign in (("normalized", 1.0), ("none", -1.0))
        for rate in FIXED_RATES
    ]
    wider = Contrast(tuple(reached), "the number of usable rates with normalization minus that without", "rates")
    plain, normalized = (f"{kind}, rate {COMMON_RATE:g}" for kind in ("none", "normalized"))
    terms = (Term(1, plain, "loss_range_mean"), Term(-1, normalized, "loss_range_mean"))
    smoother = Contrast(terms, "the range of the loss along a step without normalization minus that with it", "")
    return (
        Rule(claim, "direction", CONDITION, TimeRatio("none", "normalized", TARGET), low=1),
        # Half-way between fast (normalized) and slow (none): the noisy network must be at least as slow as that.
        Rule(claim, "mechanism", CONDITION, HalfGap("none", "normalized", "noisy", TARGET), high=1),
        Rule("normalization-widens-rates", "direction", "fixed rates", wider, low=0),
        Rule("normalization-smooths", "direction", f"rate {COMMON_RATE:g}", smoother, low=0),
    )


EXPERIMENT = Experiment(
    name="batch_normalization",
    title="Batch normalization",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("training_curves", arms=tuple(KINDS)),
        Plot("dose", "reached_by_rate", "reached_target", "learning rate", "share of seeds that reach the target", "x"),
        Plot("over_time", "drift", "input_drift", "epochs", "drift of unit inputs", arms=tuple(KINDS)),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
