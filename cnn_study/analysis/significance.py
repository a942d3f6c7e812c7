"""How surely verdicts hold when there are many: p values of the t tests behind them, and Holm's correction over all.

A verdict keeps its own rule, which was there before the results. Whether it survives the correction is shown beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome, by_condition
from cnn_study.analysis.p_values import FAMILY_LEVEL, p_value
from cnn_study.experiment import Agreement, Aspect

UNCORRECTED = "\N{DEGREE SIGN}"
"""The mark after a verdict that does not survive the correction for the number of tests."""

Key = tuple[str, str, Aspect]
"""The name of an experiment, that of a claim, and the aspect."""


@dataclass(frozen=True)
class Corrected:
    """A verdict among all that were tested.

    Attributes:
        p: Its p value, from :func:`claim_p`.
        adjusted: The same after Holm's correction.
        tests: Number of verdicts that were tested together.
    """

    p: float
    adjusted: float
    tests: int

    @property
    def survives(self) -> bool:
        """Whether it would be reached at 5 % for all tests together."""
        return self.adjusted < FAMILY_LEVEL


def claim_p(verdict: ClaimVerdict) -> float | None:
    """The p value of an aspect of a claim over all its rules and conditions; ``None`` if no seed had a part in it.

    Supported needs every rule under every condition, so that the largest p value counts (an intersection-union test,
    Berger 1982). Contradicted needs, under every condition, one of its rules: the smallest p value times the number of
    these rules (Bonferroni), and the largest of that over conditions. A premise is needed for both and contradicts
    nothing. Of both, the smaller: that of the verdict if there is one, else of the one that is nearer. A rule that
    could decide nothing, for example with a best learning rate on the edge of the grid, has the p value 1. ``mixed``
    states nothing about all conditions: its p value counts among the tests and is large.

    Where seeds were added at looks, the p value of a rule is a repeated one: valid whenever they ended, and why.
    """
    if verdict.verdict == "not tested" or all(isinstance(each.rule.estimate, Agreement) for each in verdict.decisions):
        return None
    groups = by_condition(verdict.decisions).values()
    supported = max(_decision_p(each, "supported") for each in verdict.decisions)
    if verdict.verdict == "supported":  # An effect that is there but of no interest has two small p values.
        return min(supported, 1.0)
    premises = [_decision_p(each, "supported") for each in verdict.decisions if each.rule.premise]
    contradicted = max(len(group) * min(_decision_p(each, "contradicted") for each in group) for group in groups)
    return min(supported, max([contradicted, *premises]), 1.0)


def _decision_p(decision: Decision, verdict: Literal["supported", "contradicted"]) -> float:
    if isinstance(decision.rule.estimate, Agreement):  # Counted: certain, one way or the other.
        return 0.0 if decision.verdict == verdict else 1.0
    if decision.sample is None or decision.reason:
        return 1.0
    return p_value(verdict, decision.sample, decision.rule, decision.looks)


def corrected(outcomes: Sequence[Outcome]) -> Mapping[Key, Corrected]:
    """Every tested verdict with its p value before and after Holm's correction over all of them.

    Args:
        outcomes: All experiments of a profile: the family of tests. Those that are inconclusive or mixed count too.
    """
    tested: dict[Key, float] = {
        key_of(verdict): p
        for outcome in outcomes
        for verdict in outcome.verdicts
        if (p := claim_p(verdict)) is not None
    }
    adjusted = holm_adjusted(list(tested.values()))
    return {key: Corrected(p, after, len(tested)) for (key, p), after in zip(tested.items(), adjusted, strict=True)}


def holm(outcomes: Sequence[Outcome]) -> Mapping[Key, bool]:
    """For every claim that seeds support or contradict: does that survive Holm's correction over all tests?

    Args:
        outcomes: All experiments of a profile.
    """
    found = corrected(outcomes)
    decided: list[Key] = [
        key_of(verdict)
        for outcome in outcomes
        for verdict in outcome.verdicts
        if verdict.verdict in ("supported", "contradicted")
    ]
    return {key: found[key].survives for key in decided if key in found}


def key_of(verdict: ClaimVerdict) -> Key:
    """The key that tells a verdict from all others of a profile."""
    return (verdict.experiment, verdict.claim.name, verdict.aspect)


def mark(verdict: ClaimVerdict, survives: Mapping[Key, bool]) -> str:
    """What stands after a verdict: :data:`UNCORRECTED`, or nothing.

    Args:
        verdict: The verdict on a claim.
        survives: What :func:`holm` has returned.
    """
    return "" if survives.get(key_of(verdict), True) else UNCORRECTED


def rule_mark(outcome: Outcome, decision: Decision, survives: Mapping[Key, bool]) -> str:
    """What stands after the verdict of a rule that decides: the mark of what it decides.

    Args:
        outcome: The outcome of the experiment of the rule.
        decision: The decision by the rule.
        survives: What :func:`holm` has returned.
    """
    if decision.verdict not in ("supported", "contradicted"):
        return ""
    key = (outcome.experiment.name, decision.rule.claim, decision.rule.aspect)
    return "" if survives.get(key, True) else UNCORRECTED


def marked(outcomes: Sequence[Outcome], survives: Mapping[Key, bool]) -> bool:
    """Whether any verdict of some experiments has the mark, so that it must be explained."""
    return any(mark(verdict, survives) for outcome in outcomes for verdict in outcome.verdicts)


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """The p values after Holm's step-down correction, which keeps the family-wise error for any dependence (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1, and is at least as large as the one before it.

    Args:
        p_values: The p values, in any order.

    Returns:
        The adjusted p values in the same order, at most 1. Those below a level are rejected at that level together.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()
