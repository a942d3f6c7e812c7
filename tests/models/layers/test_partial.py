import keras
import numpy as np
import pytest
import tensorflow as tf

from cnn_study.models.architectures.lenet import C3_TABLE
from cnn_study.models.layers import PartiallyConnected2D

SHAPE = (7, 6, 4)
TABLES = {
    "one map each": ((3,), (0,), (1,), (2,)),
    "uneven": ((0, 1, 2, 3), (2,), (3, 1)),
    "full": ((0, 1, 2, 3),) * 5,
    "a map nobody sees": ((0, 2), (2, 3)),
}
GEOMETRIES = [(1, 1, "valid"), (3, 1, "same"), (3, 2, "same"), (2, 2, "valid"), (4, 3, "same")]


def images(count=4):
    return np.random.default_rng(0).standard_normal((count, *SHAPE)).astype("float32")


def masked_pair(table, kernel_size, strides, padding):
    """A layer, and a convolution with the same weights and zeros where the table has no connection."""
    layer = PartiallyConnected2D(table, kernel_size, strides=strides, padding=padding)
    conv = keras.layers.Conv2D(len(table), kernel_size, strides=strides, padding=padding)
    for one in (layer, conv):
        one.build((None, *SHAPE))
    rng = np.random.default_rng(1)
    layer.kernel.assign(rng.standard_normal(layer.kernel.shape))
    layer.bias.assign(rng.standard_normal(layer.bias.shape))
    kernel, place = np.zeros(conv.kernel.shape), 0
    for above, row in enumerate(table):
        for below in row:
            kernel[:, :, below, above] = np.asarray(layer.kernel)[:, :, place]
            place += 1
    conv.kernel.assign(kernel)
    conv.bias.assign(layer.bias)
    return layer, conv


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_equals_a_masked_convolution(table, kernel_size, strides, padding):
    layer, conv = masked_pair(table, kernel_size, strides, padding)
    np.testing.assert_array_equal(layer.full_kernel(), conv.kernel)
    np.testing.assert_allclose(layer(images()), conv(images()), rtol=1e-5, atol=1e-5)
    assert layer.compute_output_shape((None, *SHAPE)) == conv.compute_output_shape((None, *SHAPE))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_its_gradient_is_that_of_the_masked_convolution_at_the_connections(table):
    layer, conv = masked_pair(table, 3, 1, "same")
    by_kernel = []
    for one in (layer, conv):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(one(images())))
        by_kernel.append(np.asarray(tape.gradient(loss, one.kernel.value)))
    pairs = [(below, above) for above, row in enumerate(table) for below in row]
    expected = np.stack([by_kernel[1][:, :, below, above] for below, above in pairs], axis=-1)
    np.testing.assert_allclose(by_kernel[0], expected, rtol=1e-3, atol=1e-3)


def test_c3_of_lenet5_has_1516_trainable_numbers():
    layer = PartiallyConnected2D(C3_TABLE, 5)
    layer.build((None, 14, 14, 6))
    assert layer.count_params() == 1516
    assert layer.compute_output_shape((None, 14, 14, 6)) == (None, 10, 10, 16)
