"""How far a verdict is from another one, and how large an effect is in standard deviations. For explanations only."""

import math

from scipy import special

from cnn_study.analysis.decisions import Decision
from cnn_study.analysis.statistics import Sample, t_reach
from cnn_study.experiment import Contrast

MOST_SEEDS = 1000
"""The largest number of seeds that is tried."""


def standardized(sample: Sample) -> float | None:
    """The mean of paired differences in their standard deviations: Cohen's d_z with Hedges' correction.

    d_z = m / s (Lakens 2013, equation 6), times J = Gamma(f / 2) / (sqrt(f / 2) Gamma((f - 1) / 2)) with f = n - 1,
    without which it is too large for few seeds (Hedges 1981).

    Args:
        sample: The paired differences, one a seed.

    Returns:
        The effect; ``None`` for fewer than 3 seeds, for which J is 0, and for differences that are all the same.
    """
    if sample.n < 3 or sample.deviation == 0:
        return None
    half = (sample.n - 1) / 2
    correction = math.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / math.sqrt(half)
    return correction * sample.mean / sample.deviation


def effect_text(decision: Decision) -> str:
    """The standardized effect of a contrast of several arms in words; empty for everything else."""
    estimate, sample = decision.rule.estimate, decision.sample
    if not isinstance(estimate, Contrast) or len(estimate.arms) < 2 or sample is None:
        return ""
    effect = standardized(sample)
    return "" if effect is None else f"standardized paired effect (d_z with Hedges' correction): {effect:.2g}"


def seeds_needed(distance: float, deviation: float, level: float) -> int | None:
    """The least number of seeds whose t interval reaches less far than a distance: t(n - 1) s / sqrt(n) < distance.

    Args:
        distance: Distance from the estimate to a limit.
        deviation: Standard deviation over seeds.
        level: Confidence of the interval, between 0 and 1.

    Returns:
        At least 2; ``None`` if :data:`MOST_SEEDS` are not enough.
    """
    if distance <= t_reach(MOST_SEEDS, level) * deviation:
        return None
    return next(n for n in range(2, MOST_SEEDS + 1) if t_reach(n, level) * deviation < distance)


def outlook(decision: Decision) -> str:
    """What keeps a verdict or would decide it, in a sentence or two; empty where more seeds are not the question.

    The estimate is at some distance from the nearest limit of the rule. The verdict is reached with so many seeds that
    the interval reaches less far, if the estimate and the spread stay as they are: a rough guide, since both rest on
    the few seeds there are.
    """
    rule, sample, interval = decision.rule, decision.sample, decision.interval
    if sample is None or interval is None or decision.reason or decision.finding:
        return ""
    if sample.n < 2:
        return "One seed says nothing about the spread: at least two are needed."
    limit = min((rule.low, rule.high), key=lambda each: _distance(sample, each))
    inside = rule.low < interval.estimate < rule.high
    clears_from_above = inside == (limit == rule.low)  # the lower limit of the interval must lie above that of the rule
    unit = f" {interval.unit}" if interval.unit else ""
    needed = seeds_needed(_distance(sample, limit), sample.deviation, decision.confidence)
    if decision.verdict in ("supported", "contradicted"):
        which, where, end = ("lower", "above", interval.low) if clears_from_above else ("upper", "below", interval.high)
        stays = f"Stays {decision.verdict} while the {which} limit of the interval is {where} {limit:g}{unit}"
        return f"{stays}: it is {end:.3g}. With this spread {needed} seeds are enough."
    two_sided = inside and math.isfinite(rule.low) and math.isfinite(rule.high)
    if not sample.bounded_below and (clears_from_above or two_sided):
        return "No number of seeds decides it: runs that never arrived leave the lower limit open; longer ones might."
    if not sample.bounded_above and (not clears_from_above or two_sided):
        return "No number of seeds decides it: runs that never arrived leave the upper limit open; longer ones might."
    if decision.look and decision.look.last:
        return undecided(decision)
    if needed is None:
        return f"It would need more than {MOST_SEEDS:,} seeds: the estimate is too near to {limit:g}{unit}."
    verdict = "supported" if inside else "contradicted"
    return f"About {needed} seeds would make it {verdict} if the estimate and the spread stayed as they are."


def look_text(decision: Decision) -> str:
    """At which look a rule was judged and what its interval is; empty where the number of seeds was fixed."""
    look = decision.look
    if look is None:
        return ""
    how = f"interval repeated at all looks, nominally {100 * decision.confidence:.2f} % at each"
    if decision.state == "open":
        return f"open at {look.text}; {look.following} seeds are next ({how})"
    if decision.state == "decided":
        return f"decided at {look.text}; `run --confirm` goes on to {look.following} seeds ({how})"
    if decision.verdict in ("supported", "contradicted"):
        return f"{'confirmed' if decision.confirmed else 'decided'} at {look.text} ({how})"
    return f"ended at {look.text} ({how})"


def undecided(decision: Decision) -> str:
    """What is excluded where all looks have left a rule open: effects beyond the interval, on the side of the claim."""
    rule, sample, interval = decision.rule, decision.sample, decision.interval
    if sample is None or interval is None:
        return ""
    unit = f" {interval.unit}" if interval.unit else ""
    above = f"above {interval.high:.3g}" if math.isfinite(rule.low) and math.isfinite(interval.high) else ""
    below = f"below {interval.low:.3g}" if math.isfinite(rule.high) and sample.bounded_below else ""
    excluded = " or ".join(filter(None, (below, above)))
    rest = f": an effect {excluded}{unit} is excluded" if excluded else ""
    return f"Undecided after {sample.n} seeds{rest}."


def _distance(sample: Sample, limit: float) -> float:
    """The distance from the mean to a limit, on the scale of the sample."""
    return abs(sample.mean - sample.scaled(limit))
