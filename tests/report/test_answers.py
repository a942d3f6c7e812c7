"""Sentences of what was measured: a reader who has not seen the rules understands them."""

from dataclasses import replace

import pytest

from cnn_study.analysis.decisions import Decision
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Agreement, Contrast, Rule, Term, TimeRatio, gain
from cnn_study.report.answers import in_words
from tests.conftest import made_up_design

TANH, RELU = "tanh, plain", "relu, plain"


def said(estimate, interval, design=None, finding=""):
    """The sentence about an estimate of which an interval is known."""
    rule = Rule("claim", "direction", "plain", estimate, low=0)
    decision = Decision(rule, "supported", interval, None, "", (), finding=finding)
    return in_words(decision, design or made_up_design())


@pytest.mark.parametrize(
    ("estimate", "interval", "sentence"),
    [
        (
            TimeRatio(TANH, RELU, 0.25),
            Interval(3, 2, 4.5, 4, "time"),
            "tanh against relu: 3 [2, 4.5] times as long to 25 % training error, 4 seeds",
        ),
        (
            TimeRatio(TANH, RELU, 0.25),
            Interval(3, 2.5, float("inf"), 4, "time"),
            "tanh against relu: > 3 (at least 2.5) times as long to 25 % training error, 4 seeds",
        ),
        (
            gain(RELU, TANH),
            Interval(2, -1, 5, 6, unit="points"),
            "relu against tanh: test error 2 [-1, 5] points lower, 6 seeds",
        ),
        (
            gain(RELU, TANH, "generalization_gap"),
            Interval(-2, -5, 1, 6, unit="points"),
            "relu against tanh: generalization gap 2 [-1, 5] points higher, 6 seeds",
        ),
        (
            gain(RELU, TANH),
            Interval(2, 2, 2, 1, unit="points"),
            "relu against tanh: test error 2 points (one seed) lower",
        ),
        (Agreement("sizes"), Interval(0.75, 0.75, 0.75, 8, "share"), "6 of 8 cases of an exact check agree"),
        (gain(RELU, TANH), None, "the gain in test error from tanh to relu: nothing measured"),
        (
            Contrast((Term(1, TANH, "stuck"), Term(-1, RELU, "stuck")), f"what {TANH} has over {RELU}", ""),
            Interval(0.5, 0.25, 0.75, 9),
            "what tanh has over relu: 0.5 [0.25, 0.75], 9 seeds",
        ),
    ],
)
def test_what_was_measured_is_said_in_words(estimate, interval, sentence):
    assert said(estimate, interval) == sentence


def test_a_label_that_repeats_its_condition_does_not_stand_for_an_arm():
    design = made_up_design()
    arms = tuple(replace(arm, label=arm.condition) if arm.name == TANH else arm for arm in design.arms)
    told = said(gain(RELU, TANH), Interval(2, 1, 3, 4, unit="points"), replace(design, arms=arms))
    assert told == f"relu against {TANH}: test error 2 [1, 3] points lower, 4 seeds"


def test_the_sign_stays_where_a_finding_speaks_of_a_gain():
    told = said(gain(RELU, TANH), Interval(-1, -2, 0.5, 4, unit="points"), finding="one above 1 point is excluded")
    assert told == "relu against tanh: test error -1 [-2, 0.5] points lower, 4 seeds, 90 % interval"


def test_labels_do_not_stand_for_numbers():
    design = made_up_design()
    names = {TANH: "1", RELU: "2"}
    arms = tuple(replace(arm, name=names.get(arm.name, arm.name)) for arm in design.arms)
    told = said(gain("2", "1"), Interval(2, 1, 2.5, 4, unit="points"), replace(design, arms=arms, rules=()))
    assert told == "relu against tanh: test error 2 [1, 2.5] points lower, 4 seeds"


def test_what_is_not_known_is_not_told_as_a_number():
    unknown = Interval(2, 0, float("inf"), 4, "time")
    what = "the ratio of the times of tanh and relu to 25 % training error"
    assert said(TimeRatio(TANH, RELU, 0.25), unknown) == f"{what}: not known"


def test_only_what_a_gain_gives_is_told_as_one():
    assert gain(RELU, TANH).is_gain
    assert not replace(gain(RELU, TANH), text="something else").is_gain
    assert not Contrast(gain(RELU, TANH).terms[:1], "one term").is_gain
