"""How often rules support a claim that does not hold: every kind of rule on simulated seeds without the effect.

A rate is held against what the rule promises plus three standard errors of the simulation.
"""

import math
from collections import Counter

import numpy as np
import pytest

from cnn_study.analysis.decisions import conjunction, place
from cnn_study.analysis.statistics import EQUIVALENCE_CONFIDENCE, Time, mean_interval, time_product

pytestmark = pytest.mark.parametrize("repetitions", [3000, pytest.param(20_000, marks=pytest.mark.slow)])
ONE_SIDED = 0.025  # beyond one limit of a two-sided 95 % interval
EQUIVALENCE = 0.05

seeds = pytest.mark.parametrize("n", [3, 6])


def most(promised, repetitions):
    return promised + 3 * math.sqrt(promised * (1 - promised) / repetitions)


def rates(repetitions, simulate):
    """How often each verdict was reached, of one set of simulations."""
    found = Counter(simulate() for _ in range(repetitions))
    return {verdict: found[verdict] / repetitions for verdict in ("supported", "contradicted")}


def rate(repetitions, simulate):
    return rates(repetitions, simulate)["supported"]


def contrast(rng, n, mean, low=-math.inf, high=math.inf, deviation=1.0, confidence=0.95):
    return place(mean_interval(rng.normal(mean, deviation, n).tolist(), confidence), low, high)


def times(rng, n, mean, end=math.inf):
    """Log-normal times; those after the end are censored."""
    return [Time(min(t, end), t > end) for t in np.exp(rng.normal(mean, 0.3, n)).tolist()]


@seeds
@pytest.mark.parametrize("limits", [{"low": 2}, {"high": 2}], ids=str)
def test_a_contrast_with_one_limit(n, limits, repetitions):
    rng = np.random.default_rng(n)
    for found in rates(repetitions, lambda: contrast(rng, n, 2, **limits)).values():
        assert 0.015 < found <= most(ONE_SIDED, repetitions)


@seeds
@pytest.mark.parametrize("edge", [-1, 1])
def test_a_contrast_with_two_limits(n, edge, repetitions):
    """On a limit. Supported needs both sides; contradicted is also a mean that is far beyond the other limit."""
    rng = np.random.default_rng((n, edge + 1))
    found = rates(repetitions, lambda: contrast(rng, n, edge, -1, 1, 0.5))
    assert found["supported"] <= most(ONE_SIDED, repetitions)
    assert found["contradicted"] <= most(2 * ONE_SIDED, repetitions)


@seeds
@pytest.mark.parametrize("edge", [-1, 1])
def test_an_equivalence_at_its_margin_and_where_there_is_none(n, edge, repetitions):
    rng = np.random.default_rng((n, edge + 1))

    def simulate(mean):
        return contrast(rng, n, mean, -1, 1, 0.3, EQUIVALENCE_CONFIDENCE)

    assert 0.03 < rate(repetitions, lambda: simulate(edge)) <= most(EQUIVALENCE, repetitions)
    assert rate(repetitions, lambda: simulate(1.5 * edge)) < 0.02
    found = rates(repetitions, lambda: simulate(0))
    assert found["supported"] > 0.7  # Without a difference it is right, and mostly found.
    assert found["contradicted"] < 0.005


@seeds
@pytest.mark.parametrize("end", [math.inf, 9.0], ids=["all arrive", "censored"])
@pytest.mark.parametrize("limits", [{"low": 2, "high": math.inf}, {"low": -math.inf, "high": 2}], ids=str)
def test_a_ratio_of_times(n, end, limits, repetitions):
    """The slow arm needs exactly twice as long: not more and not less. Censored, many of its seeds never arrive."""
    rng = np.random.default_rng(n)

    def simulate():
        slow, fast = times(rng, n, 1.5 + math.log(2), end), times(rng, n, 1.5, end)
        return place(time_product((1, -1), (slow, fast)), **limits)

    for found in rates(repetitions, simulate).values():
        assert found <= most(ONE_SIDED, repetitions)


@seeds
@pytest.mark.parametrize("end", [math.inf, 12.0, 5.0], ids=["all arrive", "the slow do not", "half do not"])
def test_half_of_a_gap(n, end, repetitions):
    """The remedied arm is exactly half-way between the slow and the fast one."""
    rng = np.random.default_rng(n)

    def simulate():
        arms = [times(rng, n, mean, end) for mean in (2.5, 1.0, 1.75)]
        return place(time_product((0.5, 0.5, -1), arms), 1, math.inf)

    for found in rates(repetitions, simulate).values():
        assert found <= most(ONE_SIDED, repetitions)


@seeds
@pytest.mark.parametrize("truth", [0, 2], ids=["neither holds", "one of both holds"])
def test_a_conjunction(n, truth, repetitions):
    """Supported no more often than its weakest rule would be alone."""
    rng = np.random.default_rng(n)

    def simulate():
        return conjunction([contrast(rng, n, 0, low=0), contrast(rng, n, truth, low=0, deviation=0.3)])

    assert rate(repetitions, simulate) <= most(ONE_SIDED, repetitions)


@seeds
def test_an_effect_is_found(n, repetitions):
    """It is not that nothing is ever supported."""
    rng = np.random.default_rng(n)
    assert rate(repetitions, lambda: contrast(rng, n, 10, low=0)) > 0.9
    assert rates(repetitions, lambda: contrast(rng, n, 10, high=0))["contradicted"] > 0.9
