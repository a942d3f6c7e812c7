"""What figures show: the measured values of arms with their intervals, and the published numbers beside them."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from cnn_study.analysis.decisions import Outcome, from_to
from cnn_study.analysis.significance import UNCORRECTED
from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.errors import InputError
from cnn_study.experiment import Arm, Plot, Published, Rule
from cnn_study.experiment.metric import METRICS, SLOPES
from cnn_study.figures.style import SeriesStyle, series_styles

FRACTIONS = ("accuracy", "consistency", "dead", "drop", "error", "gap", "reached", "saturated", "share")
"""Words in the name of a value between 0 and 1, or of a difference of two, which is shown in percent."""

FEW = 2
"""So many seeds are shown one by one: the interval of their mean says more of the t distribution than of them."""
UNCORRECTED_TEXT = f"{UNCORRECTED}: its claim as a whole does not survive Holm's correction for all tests together."
MOST_DECIMALS = 6
"""Of a number in a figure."""
LEFT_OUT_TEXT = "A line leaves out the few seeds that are far from all others, as its name says; rules count them."
SCALES_TEXT = "Every panel has a vertical axis of its own."
TIMES_TEXT = "Every panel has a time axis of its own."
STRAY_TEXT = "Where seeds are far apart, a mean may lie where none is."
STEPS_TEXT = (
    "Seeds were added in steps until a rule was decided, or confirmed. Its interval allows for these looks, so that it "
    "is wider than that of a network in other figures, and it is of the seeds by which this rule was judged: where "
    "another question about the same comparison took more seeds, the interval beside that question is another."
)
"""Why one comparison may stand with two intervals: for captions of figures that show rules."""
ONE_SEED_TEXT = "Networks of one seed: examples, without an interval."


def looked(outcome: Outcome) -> str:
    """What stands behind the name of an interval that decides a rule: where seeds were added, what it allows for."""
    return " that allows for looking several times" if outcome.design.looks else ""


def styles_of(outcome: Outcome, shown: Sequence[str]) -> dict[str, SeriesStyle]:
    """A look for every label shown: the same in all figures of an experiment, whichever arms they show."""
    known = series_styles(labels(outcome.design.arms))
    unknown = series_styles(list(dict.fromkeys([*known, *shown])))
    return {label: known.get(label, unknown[label]) for label in shown}


def statement(outcome: Outcome, claim: str) -> str:
    """A claim in one sentence, by its name."""
    found = (each.claim.statement for each in outcome.verdicts if each.claim.name == claim)
    return next(found, claim.replace("-", " "))


SPELLED = {
    "relu": "ReLU",
    "lenet5": "LeNet-5",
    "nielsen": "Nielsen",
    "api": "API",
    "60000": "60,000",
    "norm": "normalization",
    "he": "He",
}
"""Words in names of experiments, checks and claims that are written otherwise."""


def spelled(name: str) -> str:
    """A name as readers write it."""
    return " ".join(SPELLED.get(word, word) for word in re.split("[-_ ]", name))


SLOPES_TEXT = f"A slope of 0.3 {SLOPES}: the gradient doubles from a layer to the next."


def estimate_text(interval: Interval) -> str:
    """An estimate of a rule with its interval, without its unit and without exponents."""
    bare = replace(interval, unit="")
    bounds = [abs(bound) for bound in (bare.low, bare.high) if math.isfinite(bound)]
    if bounds and abs(bare.estimate) < 0.001 * max(bounds):  # Zero, as far as the interval tells.
        bare = replace(bare, estimate=0.0)
    return without_exponents(bare.text)


def decimals(intervals: Iterable[Interval]) -> int:
    """How many decimals a column of estimates has, the same in every row.

    So many that rounding moves the limits by no more than a twelfth of half the width, in half of the rows at least.
    """
    widths = list(map(_width, intervals))
    needed = sorted(min(max(math.ceil(math.log10(12 / width)), 0), MOST_DECIMALS) for width in widths if width > 0)
    return needed[(len(needed) - 1) // 2] if needed else 0


def _width(interval: Interval) -> float:
    """From limit to limit; of a bound, twice as far as from the estimate to the limit that is known."""
    bounded = interval.kind != "time" or interval.low > 0
    known = [limit for limit in (interval.low if bounded else -math.inf, interval.high) if math.isfinite(limit)]
    return 2 * sum(abs(interval.estimate - limit) for limit in known) / len(known) if known else 0.0


def column_text(interval: Interval, places: int, edges: Sequence[float] = ()) -> str:
    """An estimate with its interval, without its unit, with so many decimals, as in all rows of its column.

    Args:
        interval: The numbers.
        places: Decimals. There are more where a rounded limit would not show on which side of an edge it lies.
        edges: Ends of ranges that the interval is held against.
    """
    return " ".join(filter(None, column_parts(interval, places, edges)))


def column_parts(interval: Interval, places: int, edges: Sequence[float] = ()) -> tuple[str, str]:
    """The same in two parts: the estimate, and what stands behind it.

    Args:
        interval: See :func:`column_text`.
        places: See :func:`column_text`.
        edges: See :func:`column_text`.
    """
    limits = [limit for limit in (interval.low, interval.high) if math.isfinite(limit)]
    told = (
        more
        for more in range(places, MOST_DECIMALS + 1)
        if all((round(limit, more) > edge) == (limit > edge) for limit in limits for edge in edges)
        and all((round(limit, more) < edge) == (limit < edge) for limit in limits for edge in edges)
    )
    shown = next(told, places)
    return replace(interval, unit="").parts(lambda number: _fixed(number, shown))


def edges(rule: Rule) -> list[float]:
    """What the interval of a rule is held against: no effect, and the ends of the range that supports its claim."""
    return [edge for edge in (rule.estimate.neutral, rule.low, rule.high) if math.isfinite(edge)]


def _fixed(number: float, places: int) -> str:
    """A number with so many decimals; one that rounds to zero has no sign."""
    text = f"{number:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def without_exponents(text: str) -> str:
    """A text in which numbers like ``3.2e-05`` are written in full."""
    return re.sub(r"\d\.?\d*e[+-]\d+", lambda found: f"{float(found[0]):.6f}".rstrip("0").rstrip("."), text)


def arms(outcome: Outcome, plot: Plot) -> list[Arm]:
    """The arms a plot shows: those that have been run, if any has.

    Raises:
        InputError: It names an arm or a label that the design does not have.
    """
    plot.check(outcome.design.arms)
    shown = [arm for arm in outcome.design.arms if plot.shows(arm)]
    return [arm for arm in shown if arm.name in outcome.begun] or shown


def timed_threshold(outcome: Outcome, plot: Plot) -> float:
    """The training error of the search's objective, else the first one that a rule times.

    Raises:
        InputError: The experiment times nothing.
    """
    threshold = outcome.design.threshold
    if threshold is None:
        raise InputError(
            f"{outcome.experiment.name} times no training error: a figure {plot.kind!r} needs a rule or a search that "
            "does"
        )
    return threshold


def labels(shown: Sequence[Arm]) -> list[str]:
    """The labels of some arms, each once."""
    return list(dict.fromkeys(arm.label for arm in shown))


def conditions(shown: Sequence[Arm]) -> list[str]:
    """The conditions of some arms, each once."""
    return list(dict.fromkeys(arm.condition for arm in shown))


def names(shown: Sequence[Arm]) -> dict[str, str]:
    """What to call every arm, by its name: its label, where that is its alone under its condition, else its name."""
    pairs = [(arm.condition, arm.label) for arm in shown]
    return {arm.name: arm.label if pairs.count((arm.condition, arm.label)) == 1 else arm.name for arm in shown}


def title(arm: Arm, shown: Sequence[Arm]) -> str:
    """What tells an arm from the others in a figure without panels: its label, its condition, or both."""
    several = len({each.condition for each in shown}) > 1
    alike = len({each.label for each in shown}) == 1
    if several and alike:
        return arm.condition
    return f"{arm.label}, {arm.condition}" if several else names(shown)[arm.name]


def values(outcome: Outcome, arm: Arm, metric: str) -> list[float]:
    """An outcome of every stored replicate that has it as a finite number."""
    return seed_means(outcome, [arm], metric)


def seed_means(outcome: Outcome, group: Sequence[Arm], metric: str) -> list[float]:
    """For every seed the mean of an outcome over some arms, as far as all of them have it as a finite number."""
    means = [
        sum(record.outcomes.get(metric, math.nan) for record in records) / len(records)
        for records in outcome.by_seed(arm.name for arm in group)
    ]
    return [mean for mean in means if math.isfinite(mean)]


def summary(numbers: Sequence[float], *, logarithmic: bool = False) -> Interval:
    """The mean with its t interval; on a logarithmic axis, of positive numbers, both are those of the logarithms."""
    if not logarithmic or min(numbers) <= 0:
        return mean_interval(numbers)
    logs = mean_interval([math.log(number) for number in numbers])
    low, high = (math.exp(limit) if limit < 700 else math.inf for limit in (logs.low, logs.high))
    return Interval(math.exp(logs.estimate), low, high, logs.n)


def counted(seeds: int) -> str:
    """A number of seeds, for people."""
    return f"{seeds} seed{'s' if seeds != 1 else ''}"


def drawable(interval: Interval) -> tuple[float, float]:
    """The limits, as far as they can be drawn: those that are not known stand where the estimate is."""
    low = interval.low if math.isfinite(interval.low) else interval.estimate
    return low, interval.high if math.isfinite(interval.high) else interval.estimate


CALLED = {
    "input_drift_mean": "mean drift of inputs",
    "gradient_predictiveness_mean": "change of the gradient",
    "gradient_unit_input": "gradient at units' inputs",
    "gradient_weights": "gradient of weights",
    "linear_probe_error": "error of a linear probe",
    "shuffled_probe_error": "error of a linear probe, tiles in another order",
    "reached_target": "seeds that reach the target",
    "input_drift": "drift of inputs",
    "saturated": "saturated units",
    "saturated_start": "saturated units at initialization",
    "saturated_early": "saturated units after one epoch",
    "saturated_end": "saturated units in the end",
} | {
    f"{of}gradient_slope_{when}": f"slope of the gradient{whose} {time}"
    for of, whose in (("", ""), ("weight_", " of weights"))
    for when, time in (("start", "at initialization"), ("end", "in the end"))
}
"""Metrics whose names do not say in their order what they are."""
UNITS = {
    "input_drift_mean": "standard deviations",
    "gradient_predictiveness_mean": "relative to its norm",
}
"""Units of metrics that are neither shares nor times."""


def metric_text(metric: str) -> str:
    """A metric, or a family of them, in words: ``train_error/3`` is "training error"."""
    if metric in CALLED:
        return CALLED[metric]
    words = metric.split("/")[0].split("_")
    return " ".join("training" if word == "train" else word for word in words)


def is_fraction(metric: str) -> bool:
    """Whether it is shown in percent. The equivariance error is relative to an activation and may be above 1."""
    words = metric.split("/")[0].split("_")
    return any(word in FRACTIONS for word in words) and "equivariance" not in words


def percent(value: float) -> str:
    """A fraction in percent."""
    return f"{float(f'{100 * value:.6g}'):g} %"


def natural_limits(table: pd.DataFrame, metric: str) -> tuple[float, float]:
    """What no interval needs an axis to reach beyond: 0 if no estimate is below, and 1 if none of a fraction is above.

    The interval of a mean near such a limit may cross it, which says nothing about values that cannot exist.

    Args:
        table: Of a figure, with the column ``mean``.
        metric: What it shows.

    Returns:
        Lower and upper limit, infinite where there is none.
    """
    means = [float(mean) for mean in table["mean"] if math.isfinite(mean)]
    low = 0.0 if means and min(means) >= 0 else -math.inf
    return low, 1.0 if means and is_fraction(metric) and max(means) <= 1 else math.inf


def interval_text(interval: Interval, metric: str, places: int | None = None) -> str:
    """An estimate with its interval, in percent if its metric is a fraction.

    Args:
        interval: The numbers.
        metric: Of what.
        places: Decimals, as in all rows of its column; ``None``: as many as its own width asks for.
    """
    factor, unit = (100, " %") if is_fraction(metric) else (1, "")
    estimate, low, high = (factor * number for number in (interval.estimate, interval.low, interval.high))
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{estimate:.3g}{unit}" if places is None else f"{_fixed(estimate, places)}{unit}"
    if places is not None:
        return f"{_fixed(estimate, places)} [{_fixed(low, places)}, {_fixed(high, places)}]{unit}"
    if not unit:
        return f"{estimate:.3g} [{low:.3g}, {high:.3g}]"
    # So many decimals that rounding moves a limit by no more than a quarter of half the width.
    decimals = min(max(math.ceil(math.log10(4 / (high - low))), 0), 3) if high > low else 2
    return f"{estimate:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]{unit}"


def published(outcome: Outcome, about: str, quantity: str, *, counted: bool = False) -> list[Published]:
    """The published numbers that may stand beside what was found here.

    Args:
        outcome: What was found. Measured on a proxy, it is comparable with nothing that was published.
        about: Label of an arm, a pair of them, or a kind of layer.
        quantity: How their quantity begins.
        counted: Whether it is counted in the network, so that the images do not matter.
    """
    if outcome.design.proxy and not counted:
        return []
    datasets = {arm.data.name for arm in outcome.design.arms}
    return [
        number
        for claim in outcome.experiment.claims
        for number in claim.published
        if number.about == about and number.quantity.startswith(quantity) and number.fits(datasets)
    ]


def comparable(outcome: Outcome, condition: str) -> bool:
    """Whether published numbers may stand beside what was found under a condition: no rule says that of others only.

    Args:
        outcome: What was found.
        condition: Of an arm or a rule.
    """
    held = {rule.condition for rule in outcome.design.rules if rule.published}
    return not held or condition in held


def published_of(outcome: Outcome, about: str, metric: str) -> list[Published]:
    """The published numbers that may stand beside an outcome of the runs of an arm.

    Args:
        outcome: What was found.
        about: Label of the arm.
        metric: The outcome of a run.
    """
    return [number for number in published(outcome, about, metric_text(metric)) if metric_of(number) == metric]


def metric_of(number: Published) -> str:
    """The outcome of a run that a published number is of: the one whose name its quantity begins with.

    Of several, it is the one with the longest name: a "test error at best validation" is no test error of the end.
    """
    names = {each.name: metric_text(each.name) for each in METRICS if each.kind == "outcome"}
    found = [name for name, text in names.items() if number.quantity.startswith(text)]
    return max(found, key=lambda name: len(names[name]), default="")


def published_value(number: Published, metric: str) -> float:
    """A published number in the unit of a metric: a fraction that was published in percent is divided by 100."""
    return number.value / 100 if is_fraction(metric) and "%" in number.quantity else number.value


def published_text(number: Published, metric: str) -> str:
    """A published number with its unit, if that is percent."""
    return number.with_unit(" %" if is_fraction(metric) and "%" in number.quantity else "")


def sources(numbers: Sequence[Published]) -> str:
    """Where published numbers stand, each source once."""
    return "; ".join(dict.fromkeys(number.source for number in numbers))


def replicates_text(outcome: Outcome, shown: Sequence[Arm], *, logarithmic: bool = False) -> str:
    """What an estimate is, for captions of figures that show these arms."""
    mean = mean_text(logarithmic=logarithmic)
    return f"{mean} of {outcome.seeds_of(arm.name for arm in shown)} seeds with its 95 % t interval"


def mean_text(*, logarithmic: bool) -> str:
    """What the mean is that :func:`summary` gives."""
    return "geometric mean" if logarithmic else "mean"


def seeds_text(outcome: Outcome, plot: Plot, data: pd.DataFrame) -> str:
    """How many seeds a figure shows, for people: as its data tell, or else those of its arms."""
    numbers = data["seeds"].dropna() if "seeds" in data else []
    if not len(numbers):
        return outcome.seeds_of(arm.name for arm in arms(outcome, plot))
    return from_to([int(number) for number in numbers])
