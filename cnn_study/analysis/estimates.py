"""The numbers that rules are about, one a seed, computed from stored runs: one function a kind of estimate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

from cnn_study.analysis.sequential import boundaries
from cnn_study.analysis.statistics import CONFIDENCE, EQUIVALENCE_CONFIDENCE, Sample, Time, time_sample
from cnn_study.experiment import Contrast, Estimate, HalfGap, Rule, Term, TimeRatio
from cnn_study.results import RunRecord
from cnn_study.training.search import crossing


def confidence(rule: Rule, looks: tuple[int, ...] = (), *, relevance: bool = False) -> float:
    """Nominal confidence of the interval that decides a rule; at every look, of the repeated one.

    Args:
        rule: The rule that is decided.
        looks: Numbers of seeds at all looks; empty: the number is fixed.
        relevance: Whether the interval is the one that excludes an effect of interest, not the one that is placed
            against the limits.
    """
    one_sided = rule.equivalence or relevance
    if looks:
        found = boundaries(looks)
        return found.equivalence_confidence if one_sided else found.confidence
    return EQUIVALENCE_CONFIDENCE if one_sided else CONFIDENCE


@dataclass(frozen=True)
class Measured:
    """The numbers that some seeds gave.

    Attributes:
        sample: The numbers, one a seed; ``None`` if there is an obstacle.
        obstacle: Why there are no numbers, in words; empty if there are.
    """

    sample: Sample | None
    obstacle: str = ""


def too_early(times: Sequence[Time], threshold: float) -> str:
    """That a run starts below a threshold, so that its time is zero and has no logarithm; empty if none does.

    Args:
        times: The times of an arm, one a seed.
        threshold: The training error, a fraction.
    """
    return f"starts below {100 * threshold:g} % training error" if any(time.epochs == 0 for time in times) else ""


@singledispatch
def measured(estimate: Estimate, runs: Mapping[str, Sequence[RunRecord]]) -> Measured:
    """Compute the numbers that a rule is about.

    Args:
        estimate: What the rule estimates.
        runs: The runs of every arm of the estimate by its name, one a seed, in the order of the seeds.
    """
    raise TypeError(f"no way to compute a {type(estimate).__name__}")


@measured.register
def _(estimate: TimeRatio | HalfGap, runs: Mapping[str, Sequence[RunRecord]]) -> Measured:
    arms, exponents = zip(*estimate.exponents, strict=True)
    times = [[time_to(record, estimate.threshold) for record in runs[arm]] for arm in arms]
    for arm, found in zip(arms, times, strict=True):
        if early := too_early(found, estimate.threshold):
            return Measured(None, f"{arm} {early}")
    return Measured(time_sample(exponents, times))


@measured.register
def _(estimate: Contrast, runs: Mapping[str, Sequence[RunRecord]]) -> Measured:
    outcomes = [[_outcome(term, record) for record in runs[term.arm]] for term in estimate.terms]
    for term, values in zip(estimate.terms, outcomes, strict=True):
        for record, value in zip(runs[term.arm], values, strict=True):
            if not math.isfinite(value):
                how = "diverged" if record.ended == "diverged" else "did not give it"
                which = f"seed {record.spec.seeds.init} of {term.arm}"
                return Measured(None, f"{term.metric} is missing: {which} {how}")
    coefficients = [term.coefficient for term in estimate.terms]
    sums = [math.fsum(c * x for c, x in zip(coefficients, seed, strict=True)) for seed in zip(*outcomes, strict=True)]
    return Measured(Sample(tuple(sums), unit=estimate.unit))


def _outcome(term: Term, record: RunRecord) -> float:
    return record.outcomes.get(term.metric, math.nan)


def time_to(record: RunRecord, threshold: float) -> Time:
    """Epochs a run took to a training error, censored where it ended; never by divergence: that run never arrives."""
    epochs, errors = record.curve("train_error")
    time = crossing(epochs, errors, threshold)
    if time is not None:
        return Time(time, censored=False)
    whole = float(record.spec.train.epochs)
    return Time(whole if record.ended == "diverged" else epochs[-1], censored=True)
