"""Does batch normalization speed up training, and is it because it makes the inputs of layers more stable?

Claim: batch normalization lets networks learn in fewer steps and at higher rates, by reducing internal covariate shift
(Ioffe & Szegedy 2015). Numbers: ImageNet to 72.2 %: 31.0 million steps without, 13.3 with, 2.1 at five times the rate;
section 4.1, MNIST, 3 layers of 100 sigmoid units, batches of 60, 50,000 steps, "small" Gaussian weights: curves only.
Against the cause: with noise after the normalization, which is to make inputs less stable than without it, networks
learn nearly as fast, and what normalization changes is the smoothness of the loss (Santurkar et al. 2018).

Arms: the network of section 4.1 without normalization, with it, and with noisy normalization, from weights of a
deviation of 0.01; the first two also from 0.1, which is what a layer of 100 inputs is given today (1 / sqrt(100)), over
a range of fixed rates, and to the end of training.
Rules: epochs to 2 % training error; the number of usable rates (those that reach 10 % in so many epochs); the test
error in the end. Covariate shift is the cause only if normalization is faster, the noise does make inputs less stable
than they are without normalization, and the noisy network loses at least half of the speed-up. Smoothness: the gradient
predicts those a step further better, at one rate and over the whole course of training.
Figures: training curves; usable rates; drift of inputs; what a unit takes (their Figure 1 b, c); effects.
"""

from cnn_study.models.architectures import change_hidden, dense_net, initialized
from cnn_study.page import (
    Condition,
    Contrast,
    HalfGap,
    Plot,
    Published,
    Sizes,
    Term,
    TimeRatio,
    TimeToTrainError,
    ablation,
    claim,
    direction,
    gain,
    mechanism,
    premise,
)
from cnn_study.spec import Normal

IOFFE = "Ioffe & Szegedy 2015, Figure 3"
STEPS = "million steps to 72.2 % on ImageNet"
TARGET = 0.02  # training error to which times are compared: well below that of a linear classifier
USABLE = 0.1  # training error that shows a rate to be usable
FIXED_RATES = (0.0125, 0.05, 0.2, 0.8, 3.2, 12.8)
COMMON_RATE = 3.2  # of both networks where their losses are compared: without normalization, lower rates hardly move it
LABELS = {"none": "no normalization", "normalized": "batch normalization", "noisy": "batch normalization, with noise"}
DEVIATIONS = (0.01, 0.1)  # of the initial weights
ENDED = "to the end"


def named(kind: str, deviation: float = DEVIATIONS[0]) -> str:
    """The name of an arm at its best rate."""
    return f"{kind}, deviation {deviation:g}"


def at_rate(kind: str, rate: float) -> str:
    """The name of an arm at a fixed rate."""
    return f"{kind}, rate {rate:g}"


def less(metric: str, higher: str, lower: str, what: str) -> Contrast:
    """By how much an outcome of one arm exceeds that of another."""
    return Contrast((Term(1, higher, metric), Term(-1, lower, metric)), f"{what} of {higher} minus that of {lower}", "")


@claim(
    "With batch normalization a network needs fewer epochs, because the inputs of its layers are more stable.",
    published=(
        Published(STEPS, 31.0, IOFFE, "secondary", about="no normalization"),
        Published(STEPS, 13.3, IOFFE, "secondary", about="batch normalization"),
    ),
    magnitude="published numbers are for ImageNet; section 4.1 on MNIST gives curves only",
)
def normalization_speeds_up(at):
    """It takes less time, by a quarter at least. The noise must do what it is for, before its effect says anything."""
    for deviation in DEVIATIONS:
        yield direction(
            TimeRatio(named("none", deviation), named("normalized", deviation), TARGET), above=1, smallest=1.25
        )
    none, normalized, noisy = map(named, LABELS)
    yield premise(TimeRatio(none, normalized, TARGET), above=1, smallest=1.25)
    yield premise(less("input_drift_mean", noisy, none, "the drift of units' inputs"), above=0)
    yield mechanism(HalfGap(none, normalized, noisy, TARGET), below=1)


@claim(
    "With batch normalization more learning rates are usable.",
    magnitude="no published range",
    mechanism="see normalization-smooths",
)
def normalization_widens_rates(at):
    """More of the fixed rates reach the target: at least one more, which is a factor of four in the rate."""
    reached = [
        Term(sign, at_rate(kind, rate), "reached_target")
        for kind, sign in (("normalized", 1.0), ("none", -1.0))
        for rate in FIXED_RATES
    ]
    wider = Contrast(tuple(reached), "the number of usable rates with normalization minus that without", "rates")
    yield direction(wider, above=0, smallest=1)


@claim(
    "With batch normalization the gradient changes less along a step: the loss is smoother (Santurkar et al. 2018).",
    magnitude="published as curves only",
    mechanism="no mechanism is claimed",
)
def normalization_smooths(at):
    """At one rate, the gradient changes less along a step, by a tenth of its length at least."""
    plain, normalized = (f"{kind}, rate {COMMON_RATE:g}, {ENDED}" for kind in ("none", "normalized"))
    changes = less("gradient_predictiveness_mean", plain, normalized, "the largest relative change of the gradient")
    yield direction(changes, above=0, smallest=0.1, under=Condition(f"rate {COMMON_RATE:g}"))


@claim(
    "With batch normalization the test error is lower in the end.",
    magnitude="section 4.1 gives curves only",
    mechanism="see normalization-smooths",
)
def normalization_lowers_error(at):
    """After the last step, each at the rate at which it learns fastest; a fifth of a point is worth knowing."""
    none, normalized = (f"{named(kind)}, {ENDED}" for kind in ("none", "normalized"))
    yield direction(gain(normalized, none), above=0, smallest=0.2)


@ablation(
    "Batch normalization",
    claims=(normalization_speeds_up, normalization_widens_rates, normalization_smooths, normalization_lowers_error),
    smoke=Sizes(
        dataset="digits",
        train_size=200,
        batch_size=10,
        epochs=4,
        evaluations=2,
        seeds=2,
        rates=(0.2, 0.8, 3.2),
        trial=True,
    ),
    quick=Sizes(
        dataset="mnist",
        train_size=6000,
        batch_size=60,
        epochs=30,
        evaluations=2,
        evaluation_size=2000,
        rates=(0.2, 0.8, 3.2),
    ),
    full=Sizes(
        dataset="mnist",
        batch_size=60,
        epochs=50,  # of 1,000 steps
        evaluations=4,
        evaluation_size=5000,
        rates=(0.2, 0.8, 3.2),
    ),
    tune=TimeToTrainError(TARGET),
    figures=(
        Plot(
            "training_curves",
            logarithmic="y",
            arms=(*map(named, LABELS), *(named(kind, DEVIATIONS[1]) for kind in ("none", "normalized"))),
        ),
        Plot(
            "dose",
            "reached_by_rate",
            "reached_target",
            "learning rate",
            f"seeds that reach {100 * USABLE:g} % training error",
            "x",
        ),
        Plot(
            "over_time",
            "drift",
            "input_drift",
            "epochs",
            "drift in an epoch (standard deviations)",
            "y",
            arms=tuple(map(named, LABELS)),
        ),
        Plot(
            "history",
            "test_error",
            "test_error",
            "epochs",
            "test error",
            "y",
            arms=tuple(f"{named(kind)}, {ENDED}" for kind in ("none", "normalized")),
        ),
        Plot("percentiles", arms=tuple(f"{named(kind)}, {ENDED}" for kind in ("none", "normalized"))),
        "effects",
    ),
)
def batch_normalization(at):
    """The network of section 4.1 at its best rates, at fixed ones, and to the end."""
    changes = {
        "none": {},
        "normalized": {"batch_norm": True},
        "noisy": {"batch_norm": True, "norm_noise": True},
    }
    few = at.choose(smoke=2, quick=10, full=10)  # epochs in which a usable rate gets to 10 %
    long = at.choose(smoke=4, quick=15, full=50)

    def network(kind: str, deviation: float = DEVIATIONS[0]):
        plain = initialized(at.network(dense_net, "sigmoid", hidden=(100, 100, 100)), Normal(stddev=deviation))
        return change_hidden(plain, **changes[kind])

    def arm(name: str, kind: str, condition: str, deviation: float = DEVIATIONS[0], **options):
        model = network(kind, deviation)
        return at.arm(name, model, label=LABELS[kind], condition=condition, momentum=0.0, **options)

    for deviation in DEVIATIONS:
        weights = f"weights of deviation {deviation:g}"
        for kind in LABELS if deviation == DEVIATIONS[0] else ("none", "normalized"):
            name = named(kind, deviation)
            yield arm(name, kind, weights, deviation, probes=("covariate_shift",), target_train_error=TARGET)
    for kind in ("none", "normalized"):
        ended = {"epochs": long, "test_curve": True, "probes": ("percentiles",)}
        yield arm(f"{named(kind)}, {ENDED}", kind, ENDED, rate_of=named(kind), **ended)
        for rate in FIXED_RATES:
            usable = {"epochs": few, "target_train_error": USABLE}
            yield arm(at_rate(kind, rate), kind, "fixed rates", level=rate, rate=rate, **usable)
        name = f"{at_rate(kind, COMMON_RATE)}, {ENDED}"
        yield arm(name, kind, "one rate", rate=COMMON_RATE, epochs=long, probes=("landscape",))
