import numpy as np
import pytest
from test_trainer import spec, split

from cnn_study.execution.jobs import program_key
from cnn_study.models.factory import build_model
from cnn_study.spec import Conv, Dense, ModelSpec, Pool, Subsample
from cnn_study.training.trainer import Program, train

DENSE = ModelSpec(
    input_shape=(8, 8, 1),
    layers=(Dense(units=5, activation="tanh", bias_stddev=1), Dense(units=2, activation=None, bias_stddev=1)),
)
EVERY_KIND = ModelSpec(
    input_shape=(8, 8, 1),
    layers=(
        Conv(maps=2, field=3, batch_norm=True, bias_stddev=1),
        Subsample(),
        Conv(maps=2, field=3, table=((0,), (1,)), bias_stddev=1),
        Conv(maps=2, field=3, shared=False, pool=Pool(reduce="max"), bias_stddev=1),
        Dense(units=2, activation=None),
    ),
)


def plain_weights(run, data):
    """One hidden tanh layer and a softmax, trained with momentum in NumPy on loss + decay / 2 * |w|^2."""
    w1, b1, w2, b2 = (part.astype("float64") for part in build_model(run.model, run.seeds.init).get_weights())
    x = ((data.x_train - data.mean) / data.stddev).reshape(len(data.x_train), -1).astype("float64")
    t, velocity = run.train, [0.0] * 4
    for epoch in range(t.epochs):
        order = np.random.default_rng((run.seeds.order, epoch)).permutation(len(x))
        for index in order[: len(x) // t.batch_size * t.batch_size].reshape(-1, t.batch_size):
            h = np.tanh(x[index] @ w1 + b1)
            logits = h @ w2 + b2
            p = np.exp(logits - logits.max(1, keepdims=True))
            delta = (p / p.sum(1, keepdims=True) - np.eye(2)[data.y_train[index]]) / t.batch_size
            below = (delta @ w2.T) * (1 - h**2)
            gradients = [
                x[index].T @ below + t.weight_decay * w1,
                below.sum(0),
                h.T @ delta + t.weight_decay * w2,
                delta.sum(0),
            ]
            velocity = [t.momentum * v - t.learning_rate * g for v, g in zip(velocity, gradients, strict=True)]
            w1, b1, w2, b2 = (part + v for part, v in zip((w1, b1, w2, b2), velocity, strict=True))
    return w1, b1, w2, b2


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_step_is_that_of_the_loss_with_half_the_decay_times_the_squares(decay):
    data, run = split(), spec(model=DENSE, weight_decay=decay)
    program = Program(run.program)
    train(run, data, program)
    for ours, plain in zip(program.model.get_weights(), plain_weights(run, data), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-4)


def test_weights_of_every_kind_decay_and_nothing_else():
    """With a rate so small that only a huge decay moves anything."""
    data = split()
    before = build_model(EVERY_KIND, 0)
    run = spec(model=EVERY_KIND, epochs=1, learning_rate=1e-9, momentum=0.0, weight_decay=1e8)
    program = Program(run.program)
    train(run, data, program)
    kernels = 0
    for old, new in zip(before.trainable_variables, program.model.trainable_variables, strict=True):
        factor = (1 - 1e-9 * 1e8) ** 6 if old.name == "kernel" else 1
        kernels += old.name == "kernel"
        np.testing.assert_allclose(new, factor * np.asarray(old), rtol=1e-4, atol=1e-6)
    assert kernels == 4


def test_the_curve_of_the_loss_is_without_the_penalty():
    data = split()
    losses = [
        train(spec(epochs=1, learning_rate=1e-9, weight_decay=decay), data).outcomes["train_loss"] for decay in (0, 50)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_runs_of_another_decay_share_no_program():
    assert program_key(spec()) == program_key(spec(learning_rate=0.3))
    assert program_key(spec()) != program_key(spec(weight_decay=0.1))
