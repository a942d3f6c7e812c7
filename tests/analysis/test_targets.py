"""Arms that did not get to the training error at which they stop."""

from dataclasses import replace

from conftest import complete, made_up_experiment, made_up_gains

from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.targets import missed, text
from cnn_study.experiment import TimeRatio, gain

RELU, TANH = "relu, plain", "tanh, plain"
GAIN = gain(RELU, TANH)


def outcome(late=(), target=0.02):
    """What two arms have found that stop at a training error, which some seeds of tanh do not reach."""
    design = made_up_gains(low=0)
    arms = tuple(replace(arm, train=arm.train.but(target_train_error=target)) for arm in design.arms)
    design = replace(design, arms=arms)
    stored = {}
    for key, record in complete(design).items():
        slow = record.spec.model.layers[0].activation == "tanh" and record.spec.seeds.init in late
        stored[key] = replace(record, ended="epochs" if slow or target is None else "target")
    return evaluate(made_up_experiment(), design, stored)


def test_seeds_whose_epochs_were_over_are_counted():
    found = outcome(late=(1, 3))
    assert missed(found, [GAIN]) == {TANH: (2, len(found.replicates(TANH)))}
    assert text(found, [GAIN]).startswith(f"2 % training error was not reached by {TANH} (2 of ")


def test_nothing_is_said_where_all_got_there_or_none_should():
    assert text(outcome(), [GAIN]) == ""
    assert text(outcome(target=None), [GAIN]) == ""


def test_times_and_what_does_not_depend_on_the_fit_are_not_asked_about():
    found = outcome(late=(1, 3))
    assert missed(found, [TimeRatio(TANH, RELU, 0.02), gain(RELU, TANH, "reached_target")]) == {}
    assert missed(found, [gain(RELU, TANH, "shift_drop/3")]) == missed(found, [GAIN])
