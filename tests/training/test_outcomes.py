import dataclasses

import numpy as np
import pytest
from scipy import stats
from test_trainer import spec, split

from cnn_study.models.architectures import dense_net
from cnn_study.results import Point
from cnn_study.training.outcomes import at_best_validation, highest_learned_error, stuck
from cnn_study.training.trainer import Images, Program, train


def history(**curves):
    """Values of metrics at the steps 1, 2, 3, ..."""
    return [
        Point(name, step, step / 2, value) for name, values in curves.items() for step, value in enumerate(values, 1)
    ]


def test_the_first_of_the_best_epochs_is_taken():
    points = history(validation_error=[0.5, 0.2, 0.3, 0.2], test_error=[0.6, 0.4, 0.1, 0.3])
    assert at_best_validation(points) == 0.4
    assert at_best_validation(history(test_error=[0.1])) is None
    assert at_best_validation(history(validation_error=[0.1])) is None


def test_the_curve_of_the_test_error_is_measured_at_every_evaluation():
    data, run = split(), spec(epochs=3, evaluations_per_epoch=2, test_curve=True)
    program = Program(run.program)
    record = train(run, data, program)
    epochs, errors = record.curve("test_error")
    assert epochs == [0, 0.5, 1, 1.5, 2, 2.5, 3] == record.curve("train_error")[0]
    assert errors[-1] == record.outcomes["test_error"] == program.error(Images.of(data.x_test, data.y_test))
    # A run of one epoch less ends where the second epoch of this one did.
    assert errors[4] == train(spec(epochs=2), data).outcomes["test_error"]


def test_a_curve_of_the_test_error_changes_nothing_else():
    data = split()
    plain, curved = train(spec(), data), train(spec(test_curve=True), data)
    assert plain.weights == curved.weights
    assert [point for point in curved.history if point.metric != "test_error"] == list(plain.history)
    assert plain.outcomes.items() <= curved.outcomes.items()
    assert plain.curve("test_error") == ([], [])


def test_the_error_at_the_best_epoch_is_that_of_the_curves():
    record = train(spec(epochs=6, learning_rate=0.3, evaluations_per_epoch=2, test_curve=True), split())
    best = int(np.argmin(record.curve("validation_error")[1]))
    assert record.outcomes["test_error_at_best_validation"] == record.curve("test_error")[1][2 * (best + 1)]


@pytest.mark.parametrize("options", [{"validation": 0}, {}])
def test_without_a_validation_split_or_a_curve_there_is_no_best_epoch(options):
    record = train(spec(test_curve=bool(options)), split(**options))
    assert "test_error_at_best_validation" not in record.outcomes


@pytest.mark.parametrize(
    ("counts", "limit"),
    [
        ([5000] * 10, 0.81),  # nine tenths of 0.9
        ([4500] + 9 * [500], 0.45),  # nine tenths of 0.5
        ([50, 50], 0.35),  # 0.5 minus three times sqrt(0.25 / 100)
        ([2, 2], 0.0),
        ([7], 0.0),
    ],
)
def test_what_counts_as_learned_follows_from_the_counts_of_the_classes(counts, limit):
    labels = np.repeat(np.arange(len(counts)), counts)
    assert highest_learned_error(labels) == pytest.approx(limit)


@pytest.mark.parametrize("size", [20, 60, 200, 1000])
@pytest.mark.parametrize("classes", [2, 10])
def test_an_answer_by_chance_is_stuck_in_all_but_few_cases(size, classes):
    labels = np.arange(size) % classes
    limit = highest_learned_error(labels)
    passing = stats.binom.cdf(np.ceil(limit * size) - 1, size, 1 - 1 / classes)
    assert passing < 0.02


def test_a_constant_answer_is_stuck_and_a_perfect_one_is_not():
    labels = np.array([0] * 70 + [1] * 30)
    assert stuck(0.3, labels, False)
    assert not stuck(0.0, labels, False)
    assert stuck(0.0, labels, True)
    assert not stuck(0.0, np.zeros(9, int), False)


def test_runs_say_whether_they_failed_to_train():
    data = split()
    relu = dense_net("relu", hidden=(50, 50), input_shape=(8, 8, 1), classes=2)
    learned = train(spec(epochs=30), data)
    diverged = train(spec(epochs=20, learning_rate=1e12, model=relu), data)
    assert learned.outcomes["train_error"] < 0.1
    assert diverged.ended == "diverged"
    assert (learned.outcomes["stuck"], diverged.outcomes["stuck"]) == (0, 1)
    # Sixty images with their labels drawn at random, at a rate that moves nothing.
    labels = np.random.default_rng(1).permutation(data.y_train)
    idle = train(spec(epochs=1, learning_rate=1e-9), dataclasses.replace(data, y_train=labels.astype("int32")))
    assert idle.outcomes["stuck"] == 1
