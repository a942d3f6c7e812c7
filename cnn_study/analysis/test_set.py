"""What a finite test set adds to the uncertainty of seeds: another one of the same size would move test errors too.

All seeds of an experiment are tested on the same images, or on some that each draws from them. Their interval says how
the mean would move with other seeds, not how it would move with other test images of the kind.
"""

import math
from collections.abc import Iterable

from cnn_study.analysis.decisions import Outcome, from_to
from cnn_study.experiment import Contrast, Estimate

METRICS = ("test_error", "test_error_at_best_validation")
"""Outcomes that are shares of wrong answers among all test images."""

TWO_SIDED = 1.96
"""The 97.5th percentile of the standard normal distribution: 95 % lies within so many standard deviations of 0."""


def margin(outcome: Outcome, estimate: Estimate) -> float | None:
    """The 95 % margin of an estimate against that on all images of the kind, in the unit of the estimate.

    Each arm's mean error p over n images has the variance of a share, p (1 - p) / n. The arms count as if each had test
    images of its own. They share them and find the same ones hard, so that the difference of two arms moves less: it is
    a bound, and a generous one where both are good.

    Args:
        outcome: The outcome of the experiment.
        estimate: The test error of an arm, or the difference of the test errors of two.

    Returns:
        The bound; ``None`` for any other estimate, and where runs are missing.
    """
    if not isinstance(estimate, Contrast):
        return None
    signs = {math.copysign(1, term.coefficient) for term in estimate.terms}
    if len(signs) < len(estimate.terms) or any(term.metric not in METRICS for term in estimate.terms):
        return None
    variance = 0.0
    for term in estimate.terms:
        values = [record.outcomes.get(term.metric, math.nan) for record in outcome.replicates(term.arm)]
        if not values or not all(map(math.isfinite, values)):
            return None
        share = math.fsum(values) / len(values)
        variance += term.coefficient**2 * share * (1 - share) / images(outcome, term.arm)
    return TWO_SIDED * math.sqrt(variance)


def images(outcome: Outcome, arm: str) -> int:
    """Test images of an arm: all that its seeds draw from, if each draws its own, as that is part of their interval."""
    found = outcome.design.arm(arm)
    there = outcome.design.dataset(found.data).arrays["x_test"].shape[0]
    return there if found.redrawn else found.data.test_size or there


def text(outcome: Outcome, estimates: Iterable[Estimate]) -> str:
    """A sentence about the largest margin of some estimates; empty if none of them has one."""
    found = {each: bound for each in estimates if (bound := margin(outcome, each)) is not None}
    if not found:
        return ""
    sizes = {images(outcome, arm) for each in found for arm in each.arms}
    what = "differences of test errors" if any(len(each.arms) > 1 for each in found) else "test errors"
    most = f"{max(found.values()):.2g}"
    within = f"{what} lie within {most} points of those on these {from_to(sizes)}"
    return f"Intervals are over seeds. On all images of the kind, {within} (95 %)."
