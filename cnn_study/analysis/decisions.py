"""Verdicts: the rules of an experiment applied to its stored runs and checks. Other results, another verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cnn_study.analysis.estimates import Evidence, estimated
from cnn_study.analysis.statistics import Interval, Sample
from cnn_study.execution.plan import Tuned, tune
from cnn_study.experiment import ASPECTS, Agreement, Aspect, Claim, Design, Experiment, Rule, Verdict
from cnn_study.results import CheckRecord, RunRecord

NO_CHECKS: Mapping[str, CheckRecord] = MappingProxyType({})


@dataclass(frozen=True)
class Decision:
    """A rule applied.

    Attributes:
        rule: Which.
        verdict: What follows.
        interval: The estimate it was applied to; ``None`` if runs or outcomes are missing.
        bootstrap: The bootstrap interval of the same estimate; ``None`` where nothing was sampled.
        reason: Why the verdict is not simply that of the interval; empty if it is.
        runs: Keys of the runs, or of the check, it rests on.
        sample: The numbers, one a seed, of which the interval was formed; ``None`` where nothing was sampled.
    """

    rule: Rule
    verdict: Verdict
    interval: Interval | None
    bootstrap: Interval | None
    reason: str
    runs: tuple[str, ...]
    sample: Sample | None = None


@dataclass(frozen=True)
class ClaimVerdict:
    """One aspect of a claim over all conditions.

    Attributes:
        experiment: Name of the experiment that makes the claim.
        claim: The claim.
        aspect: Which of its verdicts.
        verdict: The common verdict; ``mixed`` if conditions support and contradict it.
        reason: Why it is not simply that of the intervals; empty if it is.
        decisions: Its decisions, one a rule.
    """

    experiment: str
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
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        checks: Finished checks of the design by name.
        verdicts: Three for every claim.
    """

    experiment: Experiment
    design: Design
    tuned: Mapping[str, Tuned]
    stored: Mapping[str, RunRecord]
    checks: Mapping[str, CheckRecord]
    verdicts: tuple[ClaimVerdict, ...]

    @property
    def complete(self) -> bool:
        """Whether every run and every check of the design is stored."""
        return (
            len(self.tuned) == len(self.design.arms)
            and len(self.checks) == len(self.design.checks)
            and all(run.key in self.stored for tuned in self.tuned.values() for run in tuned.replicates)
        )

    def replicates(self, arm: str) -> list[RunRecord]:
        """The stored replicates of an arm, in the order of the seeds."""
        return self.tuned[arm].records(self.stored) if arm in self.tuned else []


def evaluate(
    experiment: Experiment,
    design: Design,
    stored: Mapping[str, RunRecord],
    checks: Mapping[str, CheckRecord] = NO_CHECKS,
) -> Outcome:
    """Apply an experiment's rules to what is stored.

    Args:
        experiment: Which.
        design: At which sizes.
        stored: Finished runs by key.
        checks: Finished checks by key.
    """
    steps = {arm.name: tune(arm, design, stored) for arm in design.arms}
    tuned = {name: step for name, step in steps.items() if isinstance(step, Tuned)}
    done = {check.check: checks[check.key] for check in design.checks if check.key in checks}
    decisions = [decide(rule, design, tuned, stored, done) for rule in design.rules]
    verdicts = tuple(
        _combined(experiment.name, claim, aspect, decisions) for claim in experiment.claims for aspect in ASPECTS
    )
    return Outcome(experiment, design, tuned, stored, done, verdicts)


def decide(
    rule: Rule,
    design: Design,
    tuned: Mapping[str, Tuned],
    stored: Mapping[str, RunRecord],
    checks: Mapping[str, CheckRecord] = NO_CHECKS,
) -> Decision:
    """Apply one rule.

    Args:
        rule: Which.
        design: The design it belongs to.
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        checks: Finished checks by name.
    """
    if isinstance(rule.estimate, Agreement):
        return _decide_exactly(rule, rule.estimate, checks)
    runs = {name: tuned[name].records(stored) if name in tuned else [] for name in rule.estimate.arms}
    if any(len(found) < len(design.seeds) for found in runs.values()):
        return Decision(rule, "not tested", None, None, "runs are missing", ())
    found = estimated(rule.estimate, Evidence.of(rule, runs, checks))
    verdict, reason = ("inconclusive", found.obstacle)
    if rule.published and design.proxy:
        verdict, reason = "not tested", f"a proxy: {design.proxy}"
    elif not all(tuned[name].search.inside for name in runs):
        verdict, reason = "inconclusive", "the best learning rate lies on the edge of its grid"
    elif found.interval:
        verdict = place(found.interval, rule.low, rule.high)
    keys = tuple(dict.fromkeys(record.key for records in runs.values() for record in records))
    return Decision(rule, verdict, found.interval, found.bootstrap, reason, keys, found.sample)


def _decide_exactly(rule: Rule, agreement: Agreement, checks: Mapping[str, CheckRecord]) -> Decision:
    """Supported if every case agrees. No case is a sample, so a proxy does not matter to it, and one is enough."""
    if agreement.check not in checks:
        return Decision(rule, "not tested", None, None, "the check is missing", ())
    interval = estimated(agreement, Evidence.of(rule, {}, checks)).interval
    assert interval is not None  # noqa: S101 - a check that is stored has its counts
    key = checks[agreement.check].key
    if not interval.n:
        return Decision(rule, "inconclusive", interval, None, "the check has no case", (key,))
    return Decision(rule, "supported" if interval.estimate == 1 else "contradicted", interval, None, "", (key,))


def place(interval: Interval, low: float, high: float) -> Verdict:
    """Supported inside of the limits, contradicted outside of them, inconclusive where the interval touches one.

    Touching counts as across: seeds that all give the same number, as may happen with counts, do not show that it is
    larger than itself.
    """
    if interval.n < 2 or math.isnan(interval.estimate):
        return "inconclusive"
    if (low < interval.low or math.isinf(low)) and (interval.high < high or math.isinf(high)):
        return "supported"
    return "contradicted" if interval.high < low or interval.low > high else "inconclusive"


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several rules under one condition, all of which the claim needs."""
    kinds = set(verdicts)
    if len(kinds) == 1:
        return kinds.pop()
    if "contradicted" in kinds:
        return "contradicted"
    return "not tested" if "not tested" in kinds else "inconclusive"


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several conditions.

    The common one where they agree; ``mixed`` where some support and some contradict; else ``inconclusive``.
    """
    kinds = set(verdicts)
    if len(kinds) == 1:
        return kinds.pop()
    return "mixed" if {"supported", "contradicted"} <= kinds else "inconclusive"


def _combined(experiment: str, claim: Claim, aspect: Aspect, decisions: Sequence[Decision]) -> ClaimVerdict:
    mine = tuple(
        decision for decision in decisions if decision.rule.claim == claim.name and decision.rule.aspect == aspect
    )
    if not mine:
        return ClaimVerdict(
            experiment, claim, aspect, "not tested", claim.untested.get(aspect, "no rule decides it"), ()
        )
    conditions = dict.fromkeys(decision.rule.condition for decision in mine)
    verdict = combine(
        conjunction(decision.verdict for decision in mine if decision.rule.condition == condition)
        for condition in conditions
    )
    reasons = dict.fromkeys(decision.reason for decision in mine if decision.reason)
    return ClaimVerdict(experiment, claim, aspect, verdict, "; ".join(reasons), mine)
