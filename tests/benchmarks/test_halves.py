"""Two halves of one arm, compared again and again: what is decided is an error."""

import numpy as np
import pytest

from benchmarks.halves import COMPARED, RESULT, Compared, at_best_rates, halves, stored
from cnn_study.errors import InputError
from cnn_study.experiment import LOOKS

ARM = Compared("any", "arm")


def test_looks_keep_their_promise_where_a_look_at_a_time_does_not():
    values = np.random.default_rng(0).normal(0.05, 0.01, 400)
    found = halves(ARM, 0.1, values, draws=4000)
    assert 0.04 < found.decided < 0.06
    assert 0.04 < found.fixed < 0.06
    assert found.each > 0.13


def test_times_are_compared_on_their_logarithms():
    times = np.exp(np.random.default_rng(0).normal(2, 1, 60))
    as_times = halves(Compared("any", "arm", target=0.05), 0.1, times, draws=500)
    logarithms = halves(ARM, 0.1, np.log(times), draws=500)
    assert as_times.decided == logarithms.decided


@pytest.mark.parametrize("values", [np.ones(2 * LOOKS[-1] - 1), [*np.ones(60), np.nan]])
def test_too_few_or_missing_values_are_refused(values):
    with pytest.raises(InputError, match=f"two groups of {LOOKS[-1]} finite values"):
        halves(ARM, 0.1, values)


def test_the_arms_have_the_rates_that_quick_has_found_for_them_and_nothing_to_search():
    found = at_best_rates(COMPARED)
    assert [each.name for each in found.values()] == [each.arm for each in COMPARED]
    assert not any(each.tuned or each.probes for each in found.values())


def test_what_is_stored_follows_from_the_stored_values():
    rows = stored()
    assert [row.compared for row in rows] == list(COMPARED)
    for row in rows:
        assert len(row.values) >= 60
        again = halves(row.compared, row.rate, row.values, row.draws)
        assert again.decided == pytest.approx(row.decided)
    assert RESULT.is_file()
