from dataclasses import replace

import pytest
from conftest import complete, made_up_arm, made_up_design

from cnn_study.errors import InputError
from cnn_study.execution.plan import agenda, plan
from cnn_study.training.search import Needed
from cnn_study.training.tuning import Tuned, tune

LOW = (0.0001, 0.0002, 0.0004)


def with_arm(**changes):
    """A design with one arm more, and that arm."""
    design = made_up_design()
    arm = replace(made_up_arm("elu, plain", "plain"), **changes)
    return replace(design, arms=(*design.arms, arm)), arm


def test_an_arm_that_shares_a_rate_waits_for_the_search_of_the_other_and_asks_for_no_run_of_its_own():
    design, arm = with_arm(rate_of="relu, plain")
    step, other = tune(arm, design, {}), tune(design.arm("relu, plain"), design, {})
    assert isinstance(step, Needed)
    assert step == other
    stored = complete(design)
    tuned, other = tune(arm, design, stored), tune(design.arm("relu, plain"), design, stored)
    assert isinstance(tuned, Tuned)
    assert isinstance(other, Tuned)
    assert tuned.search.rate == other.search.rate == tuned.replicates[0].train.learning_rate
    assert (tuned.search.trials, tuned.search.inside) == ((), other.search.inside)
    assert {run.model for run in tuned.runs} == {arm.model}


def keys(design):
    """Of the runs that are needed first."""
    return {request.run.key for request in agenda(design, {}).needed({})}


def test_a_plan_counts_a_shared_search_once():
    design, arm = with_arm(rate_of="relu, plain")
    rows = {row.name: row for row in plan(design, {}, {})}
    mine, others = rows[arm.name].planned, rows["relu, plain"].planned
    searched = {each.identity for each in mine} & {each.identity for each in others}
    assert len(searched) == len(design.search.rates)
    assert keys(design) == keys(made_up_design())


def test_a_search_begins_on_the_grid_of_its_arm():
    design, arm = with_arm(rates=LOW)
    step = tune(arm, design, {})
    assert [run.train.learning_rate for run in step.runs] == [LOW[1]]
    assert {each.job.train.learning_rate for row in plan(design, {}, {}) for each in row.planned} > set(LOW)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"rate_of": "relu, plane"}, "unknown arm 'relu, plane'"),
        ({"rate_of": "elu, plain"}, "the arm 'elu, plain' has no search of its own"),
        ({"rates": (0.1, 0.2, 0.5)}, "rates must ascend by a constant factor"),
    ],
)
def test_a_rate_that_cannot_be_had_is_refused_with_the_line_of_the_arm(changes, complaint):
    with pytest.raises(InputError, match=rf"\.py, line \d+: {complaint}"):
        with_arm(**changes)
