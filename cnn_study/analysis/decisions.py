"""Verdicts: the rules of an experiment applied to its stored runs. Other results, another verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnn_study.analysis.statistics import Interval, Time, time_ratio, time_ratio_bootstrap
from cnn_study.execution.plan import Tuned, tune
from cnn_study.experiment import Aspect, Claim, Design, Experiment, Rule, Verdict
from cnn_study.results import RunRecord
from cnn_study.training.search import crossing

ASPECTS: tuple[Aspect, ...] = ("direction", "magnitude", "mechanism")


@dataclass(frozen=True)
class Decision:
    """A rule applied.

    Attributes:
        rule: Which.
        verdict: What follows.
        interval: The estimate it was applied to; ``None`` if the runs are missing.
        bootstrap: The bootstrap interval of the same estimate.
        reason: Why the verdict is not simply that of the interval; empty if it is.
        runs: Keys of the runs it rests on.
    """

    rule: Rule
    verdict: Verdict
    interval: Interval | None
    bootstrap: Interval | None
    reason: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class ClaimVerdict:
    """One aspect of a claim over all conditions.

    Attributes:
        claim: The claim.
        aspect: Which of its verdicts.
        verdict: The common verdict; ``mixed`` if conditions support and contradict it.
        reason: Why it was not tested, if it was not.
        decisions: Its decisions, one a condition or more.
    """

    claim: Claim
    aspect: Aspect
    verdict: Verdict
    reason: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Outcome:
    """What an experiment has found.

    Attributes:
        experiment: Which.
        design: At which sizes.
        tuned: The arms whose learning rate is chosen.
        stored: Finished runs by key.
        verdicts: Three for every claim.
    """

    experiment: Experiment
    design: Design
    tuned: Mapping[str, Tuned]
    stored: Mapping[str, RunRecord]
    verdicts: tuple[ClaimVerdict, ...]

    @property
    def complete(self) -> bool:
        """Whether every run of the design is stored."""
        return len(self.tuned) == len(self.design.arms) and all(
            run.key in self.stored for tuned in self.tuned.values() for run in tuned.replicates
        )

    def replicates(self, arm: str) -> list[RunRecord]:
        """The stored replicates of an arm, in the order of the seeds."""
        return self.tuned[arm].records(self.stored) if arm in self.tuned else []


def evaluate(experiment: Experiment, design: Design, stored: Mapping[str, RunRecord]) -> Outcome:
    """Apply an experiment's rules to what is stored."""
    steps = {arm.name: tune(arm, design, stored) for arm in design.arms}
    tuned = {name: step for name, step in steps.items() if isinstance(step, Tuned)}
    decisions = [decide(rule, design, tuned, stored) for rule in design.rules]
    verdicts = tuple(_combined(claim, aspect, decisions) for claim in experiment.claims for aspect in ASPECTS)
    return Outcome(experiment, design, tuned, stored, verdicts)


def decide(rule: Rule, design: Design, tuned: Mapping[str, Tuned], stored: Mapping[str, RunRecord]) -> Decision:
    """Apply one rule."""
    arms = (rule.estimate.numerator, rule.estimate.denominator)
    records = [tuned[name].records(stored) if name in tuned else [] for name in arms]
    if any(len(found) < len(design.seeds) for found in records):
        return Decision(rule, "not tested", None, None, "runs are missing", ())
    above, below = ([time_to(record, rule.estimate.threshold) for record in found] for found in records)
    interval, bootstrap = time_ratio(above, below), time_ratio_bootstrap(above, below)
    verdict, reason = place(interval, rule.low, rule.high), ""
    if rule.published and design.proxy:
        verdict, reason = "not tested", f"a proxy: {design.proxy}"
    elif not all(tuned[name].search.inside for name in arms):
        verdict, reason = "inconclusive", "the best learning rate lies on the edge of its grid"
    runs = tuple(record.key for found in records for record in found)
    return Decision(rule, verdict, interval, bootstrap, reason, runs)


def place(interval: Interval, low: float, high: float) -> Verdict:
    """Supported inside ``[low, high]``, contradicted outside of it, inconclusive across a limit."""
    if interval.n < 2 or math.isnan(interval.estimate):
        return "inconclusive"
    if low <= interval.low and interval.high <= high:
        return "supported"
    return "contradicted" if interval.high < low or interval.low > high else "inconclusive"


def time_to(record: RunRecord, threshold: float) -> Time:
    """Epochs a run took to a training error, censored where it ended; never by divergence: that run never arrives."""
    epochs, errors = record.curve("train_error")
    time = crossing(epochs, errors, threshold)
    if time is not None:
        return Time(time, censored=False)
    whole = float(record.spec.train.epochs)
    return Time(whole if record.ended == "diverged" else epochs[-1], censored=True)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several conditions.

    The common one where they agree; ``mixed`` where some support and some contradict; else ``inconclusive``.
    """
    kinds = set(verdicts)
    if len(kinds) == 1:
        return kinds.pop()
    return "mixed" if {"supported", "contradicted"} <= kinds else "inconclusive"


def _combined(claim: Claim, aspect: Aspect, decisions: Sequence[Decision]) -> ClaimVerdict:
    mine = tuple(
        decision for decision in decisions if decision.rule.claim == claim.name and decision.rule.aspect == aspect
    )
    if not mine:
        return ClaimVerdict(claim, aspect, "not tested", claim.untested.get(aspect, "no rule decides it"), ())
    reasons = dict.fromkeys(decision.reason for decision in mine if decision.reason)
    return ClaimVerdict(claim, aspect, combine(decision.verdict for decision in mine), "; ".join(reasons), mine)
