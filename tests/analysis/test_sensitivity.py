import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cnn_study.analysis.decisions import Decision, place
from cnn_study.analysis.estimates import confidence
from cnn_study.analysis.sensitivity import MOST_SEEDS, effect_text, outlook, seeds_needed, standardized
from cnn_study.analysis.statistics import Sample, Time, mean_interval, time_product, time_sample
from cnn_study.experiment import Contrast, Rule, Term, TimeRatio, gain


def decided(values, estimate=None, **limits):
    rule = Rule("claim", "direction", "plain", estimate or gain("a", "b"), **limits)
    interval = replace(mean_interval(values, confidence(rule)), unit="points")
    return Decision(rule, place(interval, rule.low, rule.high), interval, None, "", (), Sample(tuple(values)))


def timed(slow, fast, **limits):
    rule = Rule("claim", "direction", "plain", TimeRatio("a", "b", 0.25), **limits)
    interval = time_product((1, -1), (slow, fast))
    verdict = place(interval, rule.low, rule.high)
    return Decision(rule, verdict, interval, None, "", (), time_sample((1, -1), (slow, fast)))


def exact(*epochs):
    return [Time(value, False) for value in epochs]


def spread(n, mean, deviation):
    """So many numbers with exactly this mean and this standard deviation."""
    values = np.random.default_rng(0).normal(size=n)
    return ((values - values.mean()) / values.std(ddof=1) * deviation + mean).tolist()


# --- standardized effects ---


def test_the_standardized_effect_is_corrected_for_few_seeds():
    """Hedges 1981: the correction is nearly 1 - 3 / (4 f - 1), and makes the effect unbiased."""
    for n in (5, 10, 40):
        assert standardized(Sample(tuple(spread(n, 1.2, 0.8)))) == pytest.approx(1.5 * (1 - 3 / (4 * n - 5)), rel=0.01)
    rng = np.random.default_rng(2)
    effects = [standardized(Sample(tuple(row))) for row in rng.normal(0.8, 1, (4000, 5)).tolist()]
    assert np.mean(effects) == pytest.approx(0.8, abs=0.03)
    assert standardized(Sample((1.0, 2.0))) is None
    assert standardized(Sample((2.0, 2.0, 2.0))) is None


def test_only_contrasts_of_several_arms_are_standardized():
    values = spread(4, 3, 1)
    assert effect_text(decided(values, low=0)).endswith(f": {standardized(Sample(tuple(values))):.2g}")
    slope = Contrast((Term(1, "a", "slope"),), "the slope", "powers of ten a layer")
    assert effect_text(decided(values, slope, low=0)) == ""
    assert effect_text(timed(exact(4, 5, 6), exact(1, 2, 2), low=1)) == ""


# --- what would change the verdict ---


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("ratio", [0.2, 0.7, 3.0, 30.0])
def test_the_number_of_seeds_is_the_least_whose_interval_clears_the_limit(ratio, level):
    n = seeds_needed(ratio, 1.0, level)
    assert n >= 2
    low, high = stats.ttest_1samp(spread(n, 0, 1), 0).confidence_interval(level)
    assert high < ratio
    if n > 2:
        assert stats.ttest_1samp(spread(n - 1, 0, 1), 0).confidence_interval(level).high >= ratio
    assert -low == pytest.approx(high)


def test_an_effect_that_is_too_small_needs_more_seeds_than_anyone_has():
    assert seeds_needed(0.0, 1.0, 0.95) is None
    assert seeds_needed(0.01, 1.0, 0.95) is None
    assert seeds_needed(0.01, 0.0, 0.95) == 2
    assert f"more than {MOST_SEEDS:,} seeds" in outlook(decided(spread(3, 0.001, 1), low=0))


@pytest.mark.parametrize(
    ("mean", "limits", "verdict"),
    [
        (1.5, {"low": 1}, "supported"),
        (0.5, {"low": 1}, "contradicted"),
        (0.5, {"high": 1}, "supported"),
        (1.5, {"low": -1, "high": 1, "equivalence": True}, "contradicted"),
        (-0.4, {"low": -1, "high": 1, "equivalence": True}, "supported"),
        (1.6, {"low": 1, "high": 2}, "supported"),
    ],
    ids=str,
)
def test_with_the_seeds_that_are_named_the_verdict_is_reached_and_with_one_less_it_is_not(mean, limits, verdict):
    decision = decided(spread(3, mean, 1), **limits)
    assert decision.verdict == "inconclusive"
    text = outlook(decision)
    assert text.endswith(f"seeds would make it {verdict} if the estimate and the spread stayed as they are.")
    needed = int(text.removeprefix("About ").split()[0])
    assert decided(spread(needed, mean, 1), **limits).verdict == verdict
    assert decided(spread(needed - 1, mean, 1), **limits).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("mean", "limits", "verdict", "hangs_on"),
    [
        (3.0, {"low": 2}, "supported", "lower limit of the interval is above 2 points: it is 2.75"),
        (1.0, {"low": 2}, "contradicted", "upper limit of the interval is below 2 points: it is 1.25"),
        (-3.0, {"high": 0}, "supported", "upper limit of the interval is below 0 points: it is -2.75"),
        (3.0, {"high": 0}, "contradicted", "lower limit of the interval is above 0 points: it is 2.75"),
        (1.6, {"low": 0, "high": 2}, "supported", "upper limit of the interval is below 2 points: it is 1.85"),
    ],
    ids=str,
)
def test_a_verdict_says_which_limit_it_hangs_on(mean, limits, verdict, hangs_on):
    deviation = 0.25 * math.sqrt(4) / stats.t.ppf(0.975, 3)
    decision = decided(spread(4, mean, deviation), **limits)
    needed = int(outlook(decision).split()[-4])
    assert decision.verdict == verdict
    assert outlook(decision) == f"Stays {verdict} while the {hangs_on}. With this spread {needed} seeds are enough."
    assert decided(spread(needed, mean, deviation), **limits).verdict == verdict
    assert needed == 2 or decided(spread(needed - 1, mean, deviation), **limits).verdict == "inconclusive"


def test_times_are_judged_on_logarithms():
    decision = timed(exact(4, 6, 9), exact(3, 3, 4), low=1)
    sample = decision.sample
    needed = seeds_needed(sample.mean, sample.deviation, 0.95)
    assert decision.verdict == "inconclusive"
    assert outlook(decision).startswith(f"About {needed} seeds would make it supported")


def test_more_seeds_do_not_help_where_runs_never_arrive():
    never = [Time(20, True), *exact(18, 17)]
    assert "the lower limit open" in outlook(timed(exact(19, 20, 20), never, low=1))
    assert "the upper limit open" in outlook(timed(never, exact(3, 4, 4), low=4, high=8))
    assert outlook(timed(never, exact(3, 4, 6), low=4)).startswith("About")
    assert outlook(timed(never, exact(3, 4, 4), low=1)).startswith("Stays supported")


def test_where_seeds_are_not_the_question_nothing_is_said():
    decision = decided(spread(3, 1, 1), low=0)
    assert outlook(replace(decision, reason="the best learning rate lies on the edge of its grid")) == ""
    assert outlook(replace(decision, sample=None)) == ""
    assert "at least two" in outlook(decided([1.0], low=0))
