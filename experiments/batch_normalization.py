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

from cnn_study.models.architectures import change_hidden, dense_net
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
    mechanism,
)

IOFFE = "Ioffe & Szegedy 2015, Figure 3"
STEPS = "million steps to 72.2 % on ImageNet"
TARGET = 0.1  # training error to which times are compared
FIXED_RATES = (0.0125, 0.05, 0.2, 0.8, 3.2, 12.8)
COMMON_RATE = 0.2  # at which the loss is compared along steps of equal length
LABELS = {"none": "none", "normalized": "normalized", "noisy": "normalized, with noise"}


def at_rate(kind: str, rate: float) -> str:
    """The name of an arm at a fixed rate."""
    return f"{kind}, rate {rate:g}"


@claim(
    "With batch normalization a network needs fewer epochs, because the inputs of its layers are more stable.",
    published=(
        Published(STEPS, 31.0, IOFFE, "secondary", about="none"),
        Published(STEPS, 13.3, IOFFE, "secondary", about="normalized"),
    ),
    magnitude="published numbers are for ImageNet; section 4.1 on MNIST gives curves only",
)
def normalization_speeds_up(at):
    """It takes less time; and stable inputs are the reason if the noisy network loses half of that."""
    yield direction(TimeRatio("none", "normalized", TARGET), above=1)
    yield mechanism(HalfGap("none", "normalized", "noisy", TARGET), below=1)


@claim(
    "With batch normalization more learning rates are usable.",
    magnitude="no published range",
    mechanism="see normalization-smooths",
)
def normalization_widens_rates(at):
    """More of the fixed rates reach the target."""
    reached = [
        Term(sign, at_rate(kind, rate), "reached_target")
        for kind, sign in (("normalized", 1.0), ("none", -1.0))
        for rate in FIXED_RATES
    ]
    wider = Contrast(tuple(reached), "the number of usable rates with normalization minus that without", "rates")
    yield direction(wider, above=0)


@claim(
    "With batch normalization the loss changes less along a gradient step (Santurkar et al. 2018).",
    magnitude="published as curves only",
    mechanism="no mechanism is claimed",
)
def normalization_smooths(at):
    """At one rate, the range of the loss along a step is smaller."""
    plain, normalized = (
        Term(sign, at_rate(kind, COMMON_RATE), "loss_range_mean") for kind, sign in (("none", 1), ("normalized", -1))
    )
    what = "the range of the loss along a step without normalization minus that with it"
    yield direction(Contrast((plain, normalized), what, ""), above=0, under=Condition(f"rate {COMMON_RATE:g}"))


@ablation(
    "Batch normalization",
    claims=(normalization_speeds_up, normalization_widens_rates, normalization_smooths),
    smoke=Sizes(
        dataset="digits",
        train_size=200,
        batch_size=10,
        epochs=4,
        evaluations=2,
        seeds=2,
        rates=(0.05, 0.2, 0.8),
        trial=True,
    ),
    quick=Sizes(
        dataset="mnist",
        train_size=6000,
        test_size=2000,
        batch_size=60,
        epochs=20,
        evaluations=4,
        evaluation_size=1000,
        seeds=5,
        rates=(0.05, 0.2, 0.8),
    ),
    full=Sizes(
        dataset="mnist",
        batch_size=60,
        epochs=50,
        evaluations=10,
        evaluation_size=10_000,
        seeds=6,
        rates=(0.05, 0.1, 0.2, 0.4, 0.8),
    ),
    tune=TimeToTrainError(TARGET),
    figures=(
        Plot("training_curves", arms=tuple(LABELS)),
        Plot("dose", "reached_by_rate", "reached_target", "learning rate", "share of seeds that reach the target", "x"),
        Plot("over_time", "drift", "input_drift", "epochs", "drift of unit inputs", arms=tuple(LABELS)),
        "effects",
    ),
)
def batch_normalization(at):
    """The network of section 4.1 three times at its best rate, and two of them at a range of rates."""
    plain = at.network(dense_net, "sigmoid", hidden=(100, 100, 100))
    networks = {
        "none": plain,
        "normalized": change_hidden(plain, batch_norm=True),
        "noisy": change_hidden(plain, batch_norm=True, norm_noise=True),
    }
    training = {"momentum": 0.0, "target_train_error": TARGET}
    for kind, model in networks.items():
        yield at.arm(
            kind,
            model,
            label=LABELS[kind],
            condition="3 x 100 sigmoid",
            probes=("covariate_shift",),
            **training,
        )
    for kind in ("none", "normalized"):
        for rate in FIXED_RATES:
            yield at.arm(
                at_rate(kind, rate),
                networks[kind],
                label=LABELS[kind],
                condition="fixed rates",
                level=rate,
                rate=rate,
                probes=("landscape",) if rate == COMMON_RATE else (),
                **training,
            )
