import math

import numpy as np
import pytest
from scipy import stats

from cnn_study.analysis.statistics import (
    EQUIVALENCE_CONFIDENCE,
    Interval,
    Time,
    mean_bootstrap,
    mean_interval,
    sample_bootstrap,
    share,
    time_product,
    time_sample,
)


def times(*epochs, censored=()):
    return [Time(value, i in censored) for i, value in enumerate(epochs)]


def time_ratio(numerators, denominators):
    return time_product((1, -1), (numerators, denominators))


def time_ratio_bootstrap(numerators, denominators):
    return sample_bootstrap(time_sample((1, -1), (numerators, denominators)))


def exact(values):
    return [Time(value, False) for value in values]


def test_mean_interval_is_that_of_an_independent_implementation():
    values = [1.0, 2.5, 2.0, 4.0]
    result = mean_interval(values)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((low, high))
    assert result.estimate == pytest.approx(2.375)


def test_one_value_has_no_interval():
    assert mean_interval([3.0]) == Interval(3.0, -math.inf, math.inf, 1)


def test_ratio_is_the_geometric_mean_of_the_paired_ratios():
    result = time_ratio(times(8, 27), times(4, 3))
    assert result.estimate == pytest.approx(math.sqrt(2 * 9))


def test_ratio_uses_the_pairing():
    # Both arms vary tenfold between seeds, but every pair has the same ratio.
    paired = time_ratio(times(2, 20, 200.2), times(1, 10, 100))
    shuffled = time_ratio(times(20, 200.2, 2), times(1, 10, 100))
    assert paired.high / paired.low < 1.01
    assert shuffled.high / shuffled.low > 100


def test_inverting_the_arms_inverts_the_interval():
    a, b = times(3, 4, 6), times(2, 2, 5)
    there, back = time_ratio(a, b), time_ratio(b, a)
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low))


def test_a_censored_numerator_leaves_a_lower_bound():
    result = time_ratio(times(40, 40, 30, censored=(0, 1)), times(10, 11, 10))
    assert math.isinf(result.high)
    assert 1 < result.low < result.estimate
    assert result.text.startswith("> 3.5")


def test_a_censored_denominator_leaves_an_upper_bound():
    result = time_ratio(times(10, 11, 10), times(40, 40, 30, censored=(2,)))
    assert result.low == 0
    assert result.text.startswith("< ")


def test_both_censored_says_nothing():
    result = time_ratio(times(40, 30, censored=(0,)), times(40, 30, censored=(1,)))
    assert (result.low, result.high) == (0, math.inf)
    assert result.text == "unknown"


def test_the_lower_bound_stays_valid_under_censoring():
    """Cutting the long times off must not move the lower limit above the truth more often than nominal."""
    rng = np.random.default_rng(7)
    above = 0
    for _ in range(2000):
        slow, fast = np.exp(rng.normal(1.0, 0.3, 4)), np.exp(rng.normal(0.0, 0.3, 4))
        cut = [Time(min(value, 3.0), value > 3.0) for value in slow]
        above += time_ratio(cut, [Time(value, False) for value in fast]).low > math.e
    assert above / 2000 <= 0.025


def test_bootstrap_is_reproducible_and_inside_the_range():
    a, b = times(3, 4, 6), times(2, 2, 5)
    one, two = time_ratio_bootstrap(a, b), time_ratio_bootstrap(a, b)
    assert one == two
    assert 1.2 - 1e-9 <= one.low <= one.estimate <= one.high <= 2 + 1e-9


def test_bootstrap_of_equal_ratios_is_a_point():
    result = time_ratio_bootstrap(times(2, 4), times(1, 2))
    assert result.low == result.high == result.estimate == pytest.approx(2)


# --- products of powers ---


def test_a_product_is_the_mean_of_logarithms_of_an_independent_implementation():
    slow, fast, remedied = (9.0, 12.0, 10.0, 7.0), (2.0, 3.0, 2.5, 2.0), (4.0, 4.0, 5.0, 3.0)
    result = time_product((0.5, 0.5, -1), [exact(slow), exact(fast), exact(remedied)], confidence=0.9)
    logs = np.log(np.sqrt(np.array(slow) * fast) / remedied)
    test = stats.ttest_1samp(logs, 0)
    low, high = test.confidence_interval(0.9)
    assert (result.low, result.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert result.estimate == pytest.approx(stats.gmean(np.exp(logs)))
    assert (result.n, result.kind) == (4, "time")


@pytest.mark.parametrize(
    ("censored", "low", "high"),
    [(None, True, True), (0, True, False), (1, True, False), (2, False, True)],
    ids=["none", "the slow", "the fast", "the remedied"],
)
def test_a_censored_time_takes_the_limit_on_its_side_away(censored, low, high):
    """Half of the gap: what the slow and the fast arm lack makes it larger, what the remedied one lacks smaller."""
    arms = [times(9, 12, 10), times(2, 3, 2.5), times(4, 4, 5)]
    whole = time_product((0.5, 0.5, -1), arms)
    if censored is not None:
        arms[censored] = times(*(time.epochs for time in arms[censored]), censored=(1,))
    result = time_product((0.5, 0.5, -1), arms)
    assert result.estimate == whole.estimate
    assert result.low == (whole.low if low else 0)
    assert result.high == (whole.high if high else math.inf)


def test_limits_beyond_all_numbers_are_infinite():
    result = time_product((1, -1), [times(1e40, 1e-40), times(1e-40, 1e40)])
    assert (result.low, result.high) == (0, math.inf)
    assert result.estimate == pytest.approx(1)


# --- means ---


def test_a_lower_confidence_gives_the_interval_of_two_one_sided_tests():
    """Inside the margin exactly if both one-sided t tests reject at 5 % (Schuirmann 1987)."""
    rng = np.random.default_rng(5)
    margin, inside = 1.0, 0
    for _ in range(300):
        values = rng.normal(0.3, 0.6, 6)
        above = stats.ttest_1samp(values, -margin, alternative="greater").pvalue < 0.05
        below = stats.ttest_1samp(values, margin, alternative="less").pvalue < 0.05
        interval = mean_interval(list(values), EQUIVALENCE_CONFIDENCE)
        assert (-margin < interval.low and interval.high < margin) == (above and below)
        inside += above and below
    assert 0 < inside < 300


def test_the_bootstrap_of_a_mean_is_that_of_all_resamples():
    """Three numbers have 27 equally likely resamples; the limits are quantiles of their means."""
    values = [1.0, 2.0, 6.0]
    result = mean_bootstrap(values)
    means = sorted(np.mean([a, b, c]) for a in values for b in values for c in values)
    assert (result.low, result.high) == pytest.approx((means[0], means[-1]))
    assert result.estimate == pytest.approx(3)
    narrower = mean_bootstrap(values, confidence=0.8)
    assert (narrower.low, narrower.high) == pytest.approx((np.quantile(means, 0.1), np.quantile(means, 0.9)), abs=0.35)
    assert mean_bootstrap([3.0]) == mean_interval([3.0])


# --- in words ---


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(2.1, 0.4, 3.8, 3, unit="points"), "2.1 [0.4, 3.8] points"),
        (Interval(-2.1, -3.8, -0.4, 3, unit="points"), "-2.1 [-3.8, -0.4] points"),
        (Interval(-2.1, -3.8, 0.4, 3), "-2.1 [-3.8, 0.4]"),
        (Interval(2.1, -math.inf, math.inf, 1, unit="points"), "2.1 points (one seed)"),
        (Interval(2.1, 1.8, math.inf, 3, kind="time"), "> 2.1 (at least 1.8)"),
        (Interval(0.4, 0, 0.6, 3, kind="time"), "< 0.4 (at most 0.6)"),
        (Interval(2.1, 1.8, 2.5, 3, kind="time"), "2.1 [1.8, 2.5]"),
        (Interval(2.1, 0, math.inf, 3, kind="time"), "unknown"),
        (Interval(math.nan, math.nan, math.nan, 0, kind="share"), "unknown"),
        (share(1234, 1234), "1,234 of 1,234 cases"),
        (share(6, 8), "6 of 8 cases"),
        (share(0, 0), "unknown"),
    ],
)
def test_intervals_in_words(interval, text):
    assert interval.text == text


def test_a_share_is_exact():
    assert share(3, 4) == Interval(0.75, 0.75, 0.75, 4, kind="share")
