import numpy as np
import pytest
from test_trainer import EVERYTHING, spec, split

from cnn_study.execution.jobs import program_key
from cnn_study.models.architectures import SCHEDULE_1998
from cnn_study.models.factory import build_model
from cnn_study.spec import Dense, ModelSpec, TrainSpec
from cnn_study.training.trainer import Program, train

LINEAR = ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=2, activation=None),))


def test_every_epoch_has_its_rate_and_the_last_factor_stays():
    scheduled = TrainSpec(learning_rate=0.2, epochs=5, schedule=(1, 0.5, 0.1))
    assert [scheduled.rate(epoch) for epoch in range(5)] == pytest.approx([0.2, 0.1, 0.02, 0.02, 0.02])
    assert TrainSpec(learning_rate=0.2, epochs=5).rate(4) == 0.2


def test_a_softmax_trained_by_a_schedule_has_the_weights_of_numpy():
    data, run = split(), spec(model=LINEAR, epochs=4, momentum=0.0, schedule=(1, 0.25, 2))
    program = Program(run.program)
    train(run, data, program)
    weights, biases = build_model(LINEAR, 0).get_weights()
    x = ((data.x_train - data.mean) / data.stddev).reshape(60, 64)
    for epoch, rate in enumerate((0.05, 0.0125, 0.1, 0.1)):
        for index in np.random.default_rng((0, epoch)).permutation(60).reshape(-1, 10):
            p = np.exp(x[index] @ weights + biases)
            delta = (p / p.sum(1, keepdims=True) - np.eye(2)[data.y_train[index]]) / 10
            weights, biases = weights - rate * x[index].T @ delta, biases - rate * delta.sum(0)
    np.testing.assert_allclose(program.model.get_weights()[0], weights, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(program.model.get_weights()[1], biases, rtol=1e-3, atol=1e-4)


def test_a_program_that_has_followed_a_schedule_is_as_good_as_new():
    data, run = split(), spec(model=EVERYTHING, epochs=2)
    program = Program(run.program)
    scheduled = run.but(train=run.train.but(schedule=(1, 0.1)))
    train(scheduled, data, program)
    assert train(run, data, program).weights == train(run, data).weights
    assert program_key(run) == program_key(scheduled)


def test_a_constant_schedule_is_none():
    data = split()
    assert train(spec(schedule=(1.0, 1.0)), data).weights == train(spec(), data).weights


def test_the_schedule_of_lenet5():
    rates = [TrainSpec(learning_rate=0.0005, epochs=20, schedule=SCHEDULE_1998).rate(epoch) for epoch in range(20)]
    assert rates == pytest.approx(2 * [5e-4] + 3 * [2e-4] + 3 * [1e-4] + 4 * [5e-5] + 8 * [1e-5])
