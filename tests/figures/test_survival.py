import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_results import arm, arrivals, falling, made_up_outcome

from cnn_study.analysis.decisions import Decision
from cnn_study.analysis.statistics import Time
from cnn_study.errors import InputError
from cnn_study.experiment import LowestValidationError, Plot, Rule, TimeRatio, TimeToTrainError
from cnn_study.figures.style import STYLES, styled
from cnn_study.figures.survival import kaplan_meier, survival


@pytest.fixture
def drawn():
    with styled(STYLES["paper"]):
        yield survival(arrivals(), Plot("survival"), STYLES["paper"])
    plt.close("all")


# Weeks of remission of leukemia under 6-mercaptopurine (Freireich et al. 1963), the example of most textbooks.
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
IN_REMISSION = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
# lifelines 0.30.3, KaplanMeierFitter().fit(RELAPSED + IN_REMISSION, [1] * 9 + [0] * 12): survival_function_ and
# confidence_interval_ at the weeks of relapses.
REFERENCE = {
    6: (0.857143, 0.619718, 0.951552),
    7: (0.806723, 0.563147, 0.922809),
    10: (0.752941, 0.503200, 0.889362),
    13: (0.690196, 0.431610, 0.849066),
    16: (0.627451, 0.367511, 0.804912),
    22: (0.537815, 0.267779, 0.746791),
    23: (0.448179, 0.188052, 0.680143),
}


def test_the_estimate_is_that_of_an_independent_implementation():
    curve = kaplan_meier([Time(t, False) for t in RELAPSED] + [Time(t, True) for t in IN_REMISSION])
    for week, expected in REFERENCE.items():
        (place,) = np.flatnonzero(curve.epochs == week)
        assert (curve.share[place], curve.low[place], curve.high[place]) == pytest.approx(expected, abs=1e-6)
    assert list(curve.at_risk[:3]) == [21, 21, 17]
    assert list(curve.arrived[:3]) == [0, 3, 1]
    assert (sum(curve.arrived), sum(curve.censored)) == (9, 12)


def test_without_censoring_it_is_the_share_that_has_not_arrived():
    curve = kaplan_meier([Time(t, False) for t in (3.0, 5.0, 5.0, 9.0)])
    assert list(curve.epochs) == [0, 3, 5, 9]
    assert list(curve.share) == pytest.approx([1, 0.75, 0.25, 0])
    assert math.isnan(curve.low[-1])


def test_nobody_arrives():
    curve = kaplan_meier([Time(20.0, True)] * 3)
    assert list(curve.share) == [1, 1]
    assert np.isnan(curve.high).all()


def test_a_panel_a_condition_a_line_an_arm_a_tick_for_seeds_that_never_arrive(drawn):
    figure, data = drawn.figure, drawn.data
    assert [ax.get_title() for ax in figure.axes] == ["first", "second"]
    for ax in figure.axes:
        lines = {line.get_label(): line for line in ax.lines if line.get_marker() != "|"}
        assert set(lines) == {"ReLU", "tanh", "sigmoid"}
        (ticks,) = (line for line in ax.lines if line.get_marker() == "|" and len(line.get_xdata()))
        assert (list(ticks.get_xdata()), list(ticks.get_ydata())) == ([20.0], pytest.approx([2 / 3]))
        tanh = data[(data.label == "tanh") & (data.condition == ax.get_title())]
        assert list(lines["tanh"].get_ydata()[::2]) == pytest.approx(list(tanh.share))
    assert list(data[data.label == "ReLU"].share.iloc[:4]) == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert "3 seeds" in drawn.caption
    assert "25 %" in drawn.caption


def test_the_threshold_is_that_of_a_rule_where_the_search_times_nothing():
    arms = [arm(1, "ReLU", name="fast"), arm(2, "tanh", name="slow")]
    rule = Rule("faster", "direction", "plain", TimeRatio("slow", "fast", 0.6), low=1)
    timed = made_up_outcome(arms, falling, (), decisions=[Decision(rule, "inconclusive", None, None, "", ())])
    search = replace(timed.design.search, objective=LowestValidationError())
    with styled(STYLES["paper"]):
        by_rule = replace(timed, design=replace(timed.design, search=search))
        assert set(survival(by_rule, Plot("survival"), STYLES["paper"]).data.threshold) == {0.6}
        timeless = made_up_outcome(arms, falling, (), objective=LowestValidationError())
        with pytest.raises(InputError, match="times no training error"):
            survival(timeless, Plot("survival"), STYLES["paper"])
    plt.close("all")


def test_an_arm_that_starts_below_the_threshold_is_left_out():
    outcome = made_up_outcome([arm(1, "ReLU")], falling, (), objective=TimeToTrainError(0.95))
    with styled(STYLES["paper"]):
        assert survival(outcome, Plot("survival"), STYLES["paper"]).data.empty
    plt.close("all")
