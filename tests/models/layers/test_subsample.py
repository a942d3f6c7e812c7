import numpy as np
import pytest

from cnn_study.models.layers import Subsample2D


@pytest.mark.parametrize("size", [1, 2, 3])
def test_is_the_sum_of_each_square_scaled_and_shifted(size):
    x = np.random.default_rng(0).standard_normal((2, 6, 12, 3)).astype("float32")
    layer = Subsample2D(size)
    layer.build(x.shape)
    coefficient, bias = np.array([0.5, -2, 3]), np.array([1, 0, -1])
    layer.coefficient.assign(coefficient)
    layer.bias.assign(bias)
    expected = np.empty((2, 6 // size, 12 // size, 3))
    for i, j in np.ndindex(expected.shape[1:3]):
        square = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
        expected[:, i, j] = square.sum((1, 2)) * coefficient + bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_begins_as_the_average():
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype("float32")
    expected = x.reshape(2, 2, 2, 2, 2, 3).mean((2, 4))
    np.testing.assert_allclose(Subsample2D(2)(x), expected, rtol=1e-5, atol=1e-6)


def test_rows_and_columns_that_fill_no_square_are_left_out():
    x = np.ones((1, 5, 7, 1), "float32")
    assert Subsample2D(2)(x).shape == Subsample2D(2).compute_output_shape(x.shape) == (1, 2, 3, 1)
