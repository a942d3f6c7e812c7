import math

import numpy as np
import pytest
from scipy import stats

from cnn_study import collection
from cnn_study.analysis import calibration
from cnn_study.analysis.calibration import EARLIER, ERROR, calibrated, smallest_p, stored, t_paths
from cnn_study.analysis.sequential import Look, boundaries, repeated_p
from cnn_study.analysis.statistics import t_limits
from cnn_study.experiment import LOOKS, PROFILES

FEWER = 200_000


def close(share, expected, count):
    """Whether a share of so many simulated paths agrees with the expected one within four standard errors."""
    return abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / count)


def test_the_boundaries_of_the_usual_looks_are_those_that_were_computed_elsewhere():
    level = boundaries(LOOKS).two_sided.level
    assert level == pytest.approx(0.0137, abs=5e-5)
    critical = [stats.t.isf(level / 2, n - 1) for n in LOOKS]
    assert critical == pytest.approx([5.21, 3.72, 3.14, 2.88, 2.72], abs=0.012)


@pytest.mark.parametrize("probability", [0.001, 0.01, ERROR, 0.3])
def test_fewer_and_other_paths_give_the_stored_quantiles(probability):
    found = boundaries(LOOKS)
    for kind, smallest in zip((found.two_sided, found.one_sided), smallest_p(LOOKS, FEWER, seed=1), strict=True):
        below = np.mean(smallest < np.interp(probability, kind.probabilities, kind.quantiles))
        assert close(below, probability, FEWER)


def test_what_is_stored_says_how_it_was_made_and_is_made_that_way():
    assert [tuple(found["looks"]) for found in stored()] == [LOOKS, *EARLIER]
    assert stored()[0]["paths"] >= 2_000_000
    for found in stored():
        assert found["generator"] == "PCG64(0)"
        again = calibrated(found["looks"], 50_000)
        assert again["probabilities"] == found["probabilities"]
        assert again["two_sided"][-1] == found["two_sided"][-1] == 1


def test_stored_looks_of_experiments_are_those_that_would_be_simulated():
    """Verdicts were judged by them before they were stored."""
    assert calibrated(EARLIER[0], calibration.FEWER) == stored()[1]


def test_no_experiment_of_the_project_waits_for_a_simulation():
    used = {experiment.at(profile).looks for experiment in collection.load() for profile in PROFILES}
    assert used - {()} <= {tuple(found["looks"]) for found in stored()}


def test_paths_are_those_of_seeds_that_are_added_one_after_the_other():
    looks, count, rng = (3, 4, 8), 20_000, np.random.default_rng(2)
    numbers = rng.standard_normal((count, looks[-1]))
    one_by_one = np.array([stats.ttest_1samp(numbers[:, :n], 0, axis=1).statistic for n in looks])
    at_once = t_paths(looks, count, rng)
    for mine, theirs in zip(at_once, one_by_one, strict=True):
        assert stats.ks_2samp(mine, theirs).pvalue > 0.001
    assert np.allclose(stats.spearmanr(at_once, axis=1)[0], stats.spearmanr(one_by_one, axis=1)[0], atol=0.04)


@pytest.mark.parametrize("looks", [LOOKS, (3, 5)], ids=str)
def test_the_level_lies_between_that_of_one_look_and_that_of_bonferroni(looks):
    for kind in (boundaries(looks).two_sided, boundaries(looks).one_sided):
        assert ERROR / len(looks) < kind.level < ERROR


@pytest.mark.parametrize("one_sided", [False, True])
def test_a_repeated_p_value_is_below_its_level_exactly_if_a_boundary_was_crossed(one_sided):
    kind = boundaries(LOOKS).one_sided if one_sided else boundaries(LOOKS).two_sided
    for nominal in np.logspace(-7, 0, 300):
        p = repeated_p(nominal, LOOKS, one_sided=one_sided)
        assert (p < ERROR) == (nominal < kind.level)
        assert nominal <= p <= min(1, len(LOOKS) * nominal)


def test_p_values_rise_with_the_nominal_one_and_are_bounded_where_nothing_was_simulated():
    kind = boundaries(LOOKS).two_sided
    ps = [kind.p(nominal) for nominal in np.logspace(-8, 0, 500)]
    assert ps == sorted(ps)
    assert kind.p(1e-7) == pytest.approx(5e-7)
    assert kind.p(0) == 0
    assert kind.p(1) == 1


@pytest.mark.parametrize("level", [1e-6, 5e-4, 0.003, 0.05, 0.3])
@pytest.mark.parametrize("one_sided", [False, True])
def test_the_nominal_p_value_of_a_level_is_where_the_repeated_one_crosses_it(level, one_sided):
    kind = boundaries(LOOKS).one_sided if one_sided else boundaries(LOOKS).two_sided
    nominal = kind.nominal(level)
    assert kind.p(0.999 * nominal) < level < kind.p(1.001 * nominal)


def test_with_a_fixed_number_of_seeds_nothing_is_adjusted():
    assert repeated_p(0.03, ()) == 0.03


@pytest.mark.parametrize("looks", [LOOKS, (3, 6, 10)], ids=str)
def test_repeated_intervals_hold_the_truth_at_all_looks_together(looks):
    count, truth, rng = 20_000, 3.0, np.random.default_rng(3)
    values = rng.normal(truth, 2, (count, looks[-1]))
    for confidence, side in ((boundaries(looks).confidence, 2), (boundaries(looks).equivalence_confidence, 1)):
        held = np.ones(count, dtype=bool)
        for n in looks:
            _, low, high = t_limits(values[:, :n], confidence)
            held &= (low <= truth) & ((truth <= high) | (side == 1))
        assert close(1 - held.mean(), ERROR, count)


def test_a_look_says_which_it_is():
    look = Look(LOOKS, 3)
    assert (look.seeds, look.following, look.last) == (9, 13, False)
    assert look.text == "9 seeds, look 3 of 5"
    assert Look(LOOKS, 5).last
