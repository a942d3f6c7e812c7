import keras
import numpy as np
import pytest

from cnn_study.models.layers import scaled_tanh, silu


def test_scaled_tanh_is_lecuns():
    x = np.linspace(-6, 6, 101, dtype="float32")
    y = np.asarray(scaled_tanh(x))
    np.testing.assert_allclose(y, 1.7159 * np.tanh(2 * x.astype("float64") / 3), rtol=1e-6)
    # LeCun et al. 1998 chose the numbers so that the unit maps 1 to 1 and is steepest, in its second derivative, there.
    assert scaled_tanh(np.float64(1)).numpy() == pytest.approx(1, abs=1e-4)
    fine = np.linspace(0, 3, 3001)
    curvature = np.abs(np.gradient(np.gradient(np.asarray(scaled_tanh(fine)), fine), fine))
    assert fine[curvature.argmax()] == pytest.approx(1, abs=0.02)


def test_silu_is_that_of_keras():
    x = np.linspace(-9, 9, 101)
    np.testing.assert_allclose(np.asarray(silu(x)), np.asarray(keras.activations.silu(x)), rtol=1e-14, atol=0)
