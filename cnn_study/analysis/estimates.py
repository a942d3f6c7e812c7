"""The estimates of rules, computed from stored runs and checks: one function a kind of estimate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

from cnn_study.analysis.statistics import (
    CONFIDENCE,
    EQUIVALENCE_CONFIDENCE,
    Interval,
    Sample,
    Time,
    mean_bootstrap,
    mean_interval,
    share,
    time_product,
    time_product_bootstrap,
    time_sample,
)
from cnn_study.experiment import Agreement, Contrast, Estimate, HalfGap, Rule, Term, TimeRatio
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.training.search import crossing


@dataclass(frozen=True)
class Evidence:
    """What a rule can be applied to.

    Attributes:
        runs: The replicates of the arms that the rule names, in the order of the seeds.
        checks: Finished checks by name.
        confidence: Of the interval that is wanted.
    """

    runs: Mapping[str, Sequence[RunRecord]]
    checks: Mapping[str, CheckRecord]
    confidence: float = CONFIDENCE

    @classmethod
    def of(cls, rule: Rule, runs: Mapping[str, Sequence[RunRecord]], checks: Mapping[str, CheckRecord]) -> "Evidence":
        """The evidence for a rule, at the confidence it asks for."""
        return cls(runs, checks, confidence(rule))


def confidence(rule: Rule) -> float:
    """Nominal confidence of the interval that decides a rule."""
    return EQUIVALENCE_CONFIDENCE if rule.equivalence else CONFIDENCE


@dataclass(frozen=True)
class Estimated:
    """An estimate from results.

    Attributes:
        interval: The estimate with the interval that decides; ``None`` if it cannot be formed.
        bootstrap: The same with the bootstrap interval; ``None`` if it cannot be formed or nothing was sampled.
        obstacle: Why it cannot be formed; empty if it can.
        sample: One number a seed, on which both intervals rest; ``None`` if they cannot be formed or nothing was
            sampled.
    """

    interval: Interval | None
    bootstrap: Interval | None
    obstacle: str = ""
    sample: Sample | None = None


@singledispatch
def estimated(estimate: Estimate, evidence: Evidence) -> Estimated:
    """Compute what a rule estimates.

    Args:
        estimate: What.
        evidence: From what. It holds a run a seed for every arm the estimate names, and the check if it names one.
    """
    raise TypeError(f"no way to compute a {type(estimate).__name__}")


@estimated.register
def _(estimate: TimeRatio | HalfGap, evidence: Evidence) -> Estimated:
    arms, exponents = zip(*estimate.exponents, strict=True)
    times = [[time_to(record, estimate.threshold) for record in evidence.runs[arm]] for arm in arms]
    for arm, found in zip(arms, times, strict=True):
        if any(time.epochs == 0 for time in found):
            return Estimated(None, None, f"{arm} starts below {100 * estimate.threshold:g} % training error")
    return Estimated(
        time_product(exponents, times, evidence.confidence),
        time_product_bootstrap(exponents, times, evidence.confidence),
        sample=time_sample(exponents, times),
    )


@estimated.register
def _(estimate: Contrast, evidence: Evidence) -> Estimated:
    outcomes = [[_outcome(term, record) for record in evidence.runs[term.arm]] for term in estimate.terms]
    for term, values in zip(estimate.terms, outcomes, strict=True):
        for record, value in zip(evidence.runs[term.arm], values, strict=True):
            if not math.isfinite(value):
                how = "diverged" if record.ended == "diverged" else "did not give it"
                which = f"seed {record.spec.seeds.init} of {term.arm}"
                return Estimated(None, None, f"{term.metric} is missing: {which} {how}")
    coefficients = [term.coefficient for term in estimate.terms]
    sums = [math.fsum(c * x for c, x in zip(coefficients, seed, strict=True)) for seed in zip(*outcomes, strict=True)]
    return Estimated(
        replace(mean_interval(sums, evidence.confidence), unit=estimate.unit),
        replace(mean_bootstrap(sums, evidence.confidence), unit=estimate.unit),
        sample=Sample(tuple(sums)),
    )


@estimated.register
def _(estimate: Agreement, evidence: Evidence) -> Estimated:
    outcomes = evidence.checks[estimate.check].outcomes
    return Estimated(share(round(outcomes["agreeing"]), round(outcomes["cases"])), None)


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
