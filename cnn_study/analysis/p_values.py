"""How surely the seeds of a rule decide it: p values of the t tests behind verdicts."""

import math
from typing import Literal

from scipy import special

from cnn_study.analysis.sequential import repeated_p
from cnn_study.analysis.statistics import Sample
from cnn_study.experiment import Rule

FAMILY_LEVEL = 0.05
"""Largest probability that any of all verdicts is wrong by chance, which the correction is to keep."""

CONFIRMED = FAMILY_LEVEL / 100
"""The verdict of a rule with a smaller p value survives a correction for a hundred such tests (Bonferroni)."""


def p_value(verdict: Literal["supported", "contradicted"], sample: Sample, rule: Rule, looks: tuple[int, ...]) -> float:
    """The p value of a verdict, repeated where seeds are added at looks: below its level exactly if that is reached.

    Args:
        verdict: The verdict whose p value is wanted.
        sample: The numbers, one a seed.
        rule: The rule, with its limits.
        looks: Numbers of seeds at all looks; empty: the number was fixed.
    """
    if verdict == "supported":
        return repeated_p(p_supported(sample, rule), looks, one_sided=rule.equivalence)
    if rule.equivalence:
        return min(1.0, 2 * repeated_p(_outside(sample, rule), looks, one_sided=True))
    return repeated_p(p_contradicted(sample, rule), looks, one_sided=rule.smallest is not None)


def is_confirmed(
    verdict: Literal["supported", "contradicted"], sample: Sample, rule: Rule, looks: tuple[int, ...]
) -> bool:
    """Whether the p value of a verdict is so small that no further seed is needed.

    Args:
        verdict: The verdict that may be confirmed.
        sample: The numbers, one a seed.
        rule: The rule, with its limits.
        looks: Numbers of seeds at all looks; empty: the number was fixed.
    """
    return p_value(verdict, sample, rule, looks) < CONFIRMED


def p_supported(sample: Sample, rule: Rule) -> float:
    """The p value for "the mean lies inside of the range of the rule"; below 0.05 exactly if that is the verdict.

    For each limit there is a one-sided t test with t = (m - limit) / (s / sqrt(n)) and n - 1 degrees of freedom
    (Student 1908). The whole range needs both, so that the larger p value counts (Berger 1982; for an equivalence these
    are the two one-sided tests of Schuirmann 1987, each at 5 %). Other rules use a two-sided 95 % interval, which is a
    one-sided test at 2.5 %: their p values are doubled, which makes 5 % the level of all.

    Args:
        sample: The numbers, one a seed.
        rule: The rule, with its limits. A censored time that takes a bound away makes the p value of its side 1.
    """
    larger = max(_one_sided(sample, rule.low, "greater"), _one_sided(sample, rule.high, "less"))
    return larger if rule.equivalence else min(1.0, 2 * larger)


def p_contradicted(sample: Sample, rule: Rule) -> float:
    """The p value for "the mean lies outside of the range of the rule".

    The smaller of the one-sided p values for "below the lower limit" and "above the upper one", doubled: for two
    limits since there are two ways to be outside (Bonferroni), for one as in :func:`p_supported`. The verdict is
    ``contradicted`` exactly if it is below 0.05; of an equivalence, which is decided by a 90 % interval, below 0.10.

    With a smallest effect of interest it is that of the one-sided test that excludes such an effect. A mean beyond the
    limit on the other side is farther still from it.

    Args:
        sample: The numbers, one a seed.
        rule: The rule, with its limits.
    """
    outside = _outside(sample, rule)
    return outside if rule.smallest is not None else min(1.0, 2 * outside)


def _outside(sample: Sample, rule: Rule) -> float:
    """The smaller one-sided p value for "below the lower limit" and "above the upper one" of effects of interest."""
    low, high = rule.relevant
    below = _one_sided(sample, low, "less") if math.isfinite(low) else 1.0
    above = _one_sided(sample, high, "greater") if math.isfinite(high) else 1.0
    return min(below, above)


def _one_sided(sample: Sample, limit: float, side: Literal["greater", "less"]) -> float:
    """The p value of the t test that the mean lies on a side of a limit; 0 if there is no limit on that side.

    Seeds that all give the same number, as may happen with counts, show no spread for a t test. Then it is that of the
    sign test: were either side as likely, so many would lie on one with a probability of 1 / 2^n.
    """
    border = sample.scaled(limit)
    if math.isinf(border):
        return 0.0 if (border < 0) == (side == "greater") else 1.0
    if sample.n < 2 or not (sample.bounded_below if side == "greater" else sample.bounded_above):
        return 1.0
    distance = sample.mean - border
    if sample.deviation == 0:
        return 0.5**sample.n if (distance > 0 if side == "greater" else distance < 0) else 1.0
    t = distance / math.sqrt(sample.deviation**2 / sample.n)
    return float(special.stdtr(sample.n - 1, -t if side == "greater" else t))
