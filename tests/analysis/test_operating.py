import math
from dataclasses import replace

import numpy as np
import pytest

from cnn_study.analysis.decisions import place
from cnn_study.analysis.operating import (
    DISTRIBUTIONS,
    EFFECTS,
    KINDS,
    SIGN_TEST,
    SYMMETRIC,
    Limits,
    confirmation,
    ended,
    errors,
    fixed_power,
    power,
    skewed,
    stored,
)
from cnn_study.analysis.p_values import CONFIRMED
from cnn_study.analysis.sequential import boundaries
from cnn_study.analysis.statistics import Sample, sample_interval
from cnn_study.experiment import LOOKS, Rule, gain

FEWER = 4000
STORED = stored()


def most(promised, paths):
    """What is promised, and three standard errors."""
    return promised + 3 * math.sqrt(promised * (1 - promised) / paths)


def test_every_kind_of_rule_met_every_distribution_on_many_paths():
    assert STORED.paths >= 100_000
    assert [(each.rule, each.distribution) for each in STORED.errors] == [(k, d) for k in KINDS for d in DISTRIBUTIONS]
    assert [each.effect for each in STORED.power] == list(EFFECTS)


@pytest.mark.parametrize("each", STORED.errors, ids=lambda each: f"{each.rule}, {each.distribution}")
def test_for_symmetric_data_errors_are_rare_and_intervals_hold_the_truth(each):
    if each.distribution in SYMMETRIC:
        assert each.support <= most(0.05, STORED.paths)
        assert each.contradiction <= most(0.05, STORED.paths)
        assert 1 - each.coverage <= most(1 - each.nominal, STORED.paths)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distribution", ["normal", "exponential", "stuck seeds in one arm"])
def test_fewer_paths_agree_with_what_is_stored(kind, distribution):
    (old,) = (each for each in STORED.errors if (each.rule, each.distribution) == (kind, distribution))
    new = errors(kind, distribution, FEWER, seed=1)
    for name in ("support", "contradiction", "coverage"):
        before, after = getattr(old, name), getattr(new, name)
        # The worse of two mirror images, each of which varies.
        assert abs(before - after) < 5 * math.sqrt(max(before * (1 - before), 1 / FEWER) / FEWER)
    assert new.seeds == pytest.approx(old.seeds, rel=0.05)


def test_power_and_seeds_agree_with_what_is_stored():
    for old in STORED.power:
        new = power(old.effect, FEWER, seed=1)
        assert abs(new.power - old.power) < 5 * math.sqrt(0.25 / FEWER)
        assert new.seeds == pytest.approx(old.seeds, rel=0.05)
        assert fixed_power(old.effect, old.fixed - 1) < old.power
    assert fixed_power(1.0, 16) == pytest.approx(0.9609, abs=0.002)


def test_large_effects_cost_less_than_half_the_seeds_of_a_fixed_number():
    for each in STORED.power:
        assert (each.seeds < 0.5 * each.fixed) == (each.effect >= 1.5)


def test_to_confirm_verdicts_makes_errors_rarer_and_takes_more_seeds():
    nothing, *effects = STORED.confirmation
    assert [each.effect for each in effects] == list(EFFECTS)
    assert nothing.effect == 0
    assert nothing.still < nothing.decided <= most(0.05, STORED.paths)
    assert nothing.confirmed <= most(CONFIRMED, STORED.paths)
    for old, first in zip(effects, STORED.power, strict=True):
        assert old.seeds > old.seeds_decided == first.seeds
        assert old.confirmed <= old.still <= old.decided
    for old in STORED.confirmation:
        new = confirmation(old.effect, FEWER, seed=1)
        for name in ("decided", "still", "confirmed"):
            assert abs(getattr(new, name) - getattr(old, name)) < 5 * math.sqrt(0.25 / FEWER)
        assert new.seeds == pytest.approx(old.seeds, rel=0.05)


def test_for_skewed_data_an_exact_test_keeps_what_it_promises():
    found = {(each.plan, each.distribution): each.error for each in STORED.skewed}
    assert {plan for plan, _ in found} >= {SIGN_TEST}
    for (plan, _), error in found.items():
        assert plan != SIGN_TEST or error <= most(0.05, STORED.paths)
    again = {(each.plan, each.distribution): each.error for each in skewed(FEWER, seed=1)}
    assert again.keys() == found.keys()
    for key, error in again.items():
        assert abs(error - found[key]) < 5 * math.sqrt(0.25 / FEWER)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_distributions_have_the_mean_that_is_the_truth(distribution):
    values = DISTRIBUTIONS[distribution](np.random.default_rng(0), (400_000,))
    assert np.mean(values) == pytest.approx(0, abs=5 * np.std(values) / math.sqrt(len(values)))
    if distribution in SYMMETRIC:
        assert np.mean(values > 0) == pytest.approx(0.5, abs=0.004)
    if "stuck" not in distribution and "3 degrees" not in distribution:
        assert np.std(values) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "limits",
    [{"low": 0}, {"low": -1, "high": 1}, {"low": -1, "high": 1, "equivalence": True}, {"low": 0, "smallest": 1}],
    ids=str,
)
@pytest.mark.parametrize("lost", [False, True], ids=["whole", "a bound is lost"])
def test_many_paths_at_once_are_judged_as_one_is(limits, lost):
    rule = Rule("claim", "direction", "condition", gain("a", "b"), **limits)
    rng = np.random.default_rng(1)
    values = rng.normal(rng.uniform(-1, 1, (300, 1)), 0.6, (300, LOOKS[-1]))
    censored = rng.random((2, 300, LOOKS[-1])) < (0.03 if lost else 0)
    found = ended(values, Limits.of(rule), LOOKS, (censored[0], censored[1]))
    two_sided, one_sided = boundaries(LOOKS).confidence, boundaries(LOOKS).equivalence_confidence
    signs = {"supported": 1, "contradicted": -1, "inconclusive": 0}
    for i, path in enumerate(values):
        for n in LOOKS:
            low, high = (not part[i, :n].any() for part in censored)
            sample = Sample(tuple(path[:n]), "mean", low, high)
            verdict = place(_bounded(sample, one_sided if rule.equivalence else two_sided), rule.low, rule.high)
            if (
                verdict == "inconclusive"
                and rule.smallest
                and place(_bounded(sample, one_sided), *rule.relevant) == "contradicted"
            ):
                verdict = "contradicted"
            if verdict != "inconclusive":
                break
        assert (found.verdicts[i], found.seeds[i]) == (signs[verdict], n)


def _bounded(sample, confidence):
    """The interval, without the bounds that are lost."""
    interval = sample_interval(sample, confidence)
    low = interval.low if sample.bounded_below else -math.inf
    return replace(interval, low=low, high=interval.high if sample.bounded_above else math.inf)
