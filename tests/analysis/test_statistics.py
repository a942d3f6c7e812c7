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
    share,
    time_product,
    time_product_bootstrap,
)


def times(*epochs, censored=()):
    return [Time(value, i in censored) for i, value in enumerate(epochs)]


def time_ratio(numerators, denominators):
    return time_product((1, -1), (numerators, denominators))


def time_ratio_bootstrap(numerators, denominators):
    return time_product_bootstrap((1, -1), (numerators, denominators))


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


@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_of_the_t_interval(n):
    """Log-normal times: between 93 % and 97 % of the intervals hold the true ratio."""
    rng = np.random.default_rng(n)
    held = 0
    for _ in range(4000):
        ratio = time_ratio(
            [Time(t, False) for t in np.exp(rng.normal(1, 0.3, n))],
            [Time(t, False) for t in np.exp(rng.normal(0, 0.3, n))],
        )
        held += ratio.low <= math.e <= ratio.high
    assert 0.93 <= held / 4000 <= 0.97


def test_the_bootstrap_interval_is_too_narrow_with_three_seeds():
    """Why the t interval decides: the reason given in the documentation, measured."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(150):
        a, b = np.exp(rng.normal(1, 0.3, 3)), np.exp(rng.normal(0, 0.3, 3))
        result = time_ratio_bootstrap([Time(t, False) for t in a], [Time(t, False) for t in b])
        held += result.low <= math.e <= result.high
    assert 0.6 <= held / 150 <= 0.88


def test_bootstrap_is_reproducible_and_inside_the_range():
    a, b = times(3, 4, 6), times(2, 2, 5)
    one, two = time_ratio_bootstrap(a, b), time_ratio_bootstrap(a, b)
    assert one == two
    assert 1.2 - 1e-9 <= one.low <= one.estimate <= one.high <= 2 + 1e-9


def test_bootstrap_of_equal_ratios_is_a_point():
    result = time_ratio_bootstrap(times(2, 4), times(1, 2))
    assert result.low == result.high == result.estimate == pytest.approx(2)
