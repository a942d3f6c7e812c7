import numpy as np
import pytest
import tensorflow as tf

from cnn_study.models.layers import NormNoise
from cnn_study.models.layers.noise import LARGEST_DEVIATION, MEAN_REACH, SPREAD


def noise(shape, seed=1, steps=1):
    """The shifts and scales of each step: what zeros and ones become."""
    layer = NormNoise(seed=seed)
    start = layer.seed_generator.state.numpy()
    shifts = np.stack([layer(np.zeros(shape, "float32"), training=True) for _ in range(steps)])
    layer.seed_generator.state.assign(start)
    ones = np.stack([layer(np.ones(shape, "float32"), training=True) for _ in range(steps)])
    return shifts, ones - shifts


def test_does_nothing_outside_of_training():
    x = np.random.default_rng(0).standard_normal((3, 4, 4, 2)).astype("float32")
    np.testing.assert_array_equal(NormNoise(seed=1)(x), x)
    np.testing.assert_array_equal(NormNoise(seed=1)(x, training=False), x)
    assert np.any(np.asarray(NormNoise(seed=1)(x, training=True)) != x)


def test_is_the_same_at_all_positions_of_a_map_and_differs_between_examples_and_channels():
    for values in noise((4, 5, 6, 3)):
        np.testing.assert_allclose(np.ptp(values, axis=(2, 3)), 0, atol=1e-6)
        assert len(np.unique(values[0, :, 0, 0].round(6))) == 4 * 3


def test_every_step_draws_a_mean_and_a_factor_for_every_channel():
    shifts, scales = noise((2000, 5), steps=60)
    means, factors = shifts.mean(1), scales.mean(1)
    error = 4 * SPREAD / 2000**0.5
    assert np.abs(means).max() <= MEAN_REACH + error
    assert factors.min() >= 1 - error
    assert factors.max() <= LARGEST_DEVIATION + error
    # Spread over their ranges: the deviation of U(a, b) is (b - a) / sqrt(12).
    assert means.std() == pytest.approx(2 * MEAN_REACH / 12**0.5, rel=0.1)
    assert factors.std() == pytest.approx((LARGEST_DEVIATION - 1) / 12**0.5, rel=0.1)


def test_examples_spread_around_them():
    shifts, scales = noise((2000, 5), steps=20)
    assert (np.abs(shifts - shifts.mean(1, keepdims=True)) < 1.1 * SPREAD).all()
    assert shifts.std(1) == pytest.approx(np.full((20, 5), SPREAD / 3**0.5), rel=0.1)
    assert scales.std(1) == pytest.approx(np.full((20, 5), SPREAD), rel=0.1)
    # Examples are independent: neighbors in the batch are not alike.
    deviations = (scales - scales.mean(1, keepdims=True)) / SPREAD
    assert abs((deviations[:, 1:] * deviations[:, :-1]).mean()) < 0.02


def test_seed_and_step_decide_the_draw():
    shape = (3, 4)
    np.testing.assert_array_equal(noise(shape, steps=3)[0], noise(shape, steps=3)[0])
    assert np.all(noise(shape, seed=1)[0] != noise(shape, seed=2)[0])
    first, second = noise(shape, steps=2)[0]
    assert np.all(first != second)


def test_a_compiled_function_draws_anew_at_every_call():
    layer = NormNoise(seed=1)
    compiled = tf.function(lambda x: layer(x, training=True))
    assert np.all(compiled(tf.zeros((3, 4))) != compiled(tf.zeros((3, 4))))
