import keras
import numpy as np
import pytest
import tensorflow as tf

from cnn_study.models.layers import LocallyConnected2D

GEOMETRIES = [
    (kernel, strides, padding)
    for kernel, strides in ((1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (4, 2), (5, 1), (2, 3), (5, 3))
    for padding in ("same", "valid")
]
SHAPE = (7, 6, 3)


def images(count=4, shape=SHAPE, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(dtype)


def layer_with_weights(filters=5, shape=SHAPE, seed=1, **options):
    """A built layer with random weights and biases."""
    layer = LocallyConnected2D(filters, **options)
    layer.build((None, *shape))
    rng = np.random.default_rng(seed)
    for weight in (layer.kernel, layer.bias):
        weight.assign(rng.standard_normal(weight.shape))
    return layer


def tied_pair(kernel_size, strides, padding, filters=5, **options):
    """A convolution and a locally connected layer with the kernel and bias of the convolution at every position."""
    conv = keras.layers.Conv2D(filters, kernel_size, strides=strides, padding=padding, **options)
    conv.build((None, *SHAPE))
    conv.bias.assign(np.arange(filters))
    local = layer_with_weights(filters, kernel_size=kernel_size, strides=strides, padding=padding, **options)
    positions = local.kernel.shape[0]
    tied = np.tile(np.reshape(conv.kernel, (1, -1, filters)), (positions, 1, 1))
    local.kernel.assign(tied)
    local.bias.assign(np.broadcast_to(conv.bias, local.bias.shape))
    return conv, local


def gradients(layer, x, weights):
    """Of the sum of the outputs, each times a weight, by input, kernel and bias."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * weights)
    return [np.asarray(g) for g in tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])]


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_equals_a_convolution_when_the_kernel_is_tied(kernel_size, strides, padding):
    conv, local = tied_pair(kernel_size, strides, padding)
    np.testing.assert_allclose(local(images()), conv(images()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_every_position_uses_its_own_kernel_and_bias(kernel_size, strides, padding):
    """Against loops over positions, on an image with the padding written out."""
    layer = layer_with_weights(kernel_size=kernel_size, strides=strides, padding=padding)
    x = images()
    _, height, width, filters = layer.compute_output_shape(x.shape)
    if padding == "same":
        missing = [
            max((out - 1) * strides + kernel_size - size, 0)
            for out, size in zip((height, width), SHAPE[:2], strict=True)
        ]
        x = np.pad(x, ((0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)))
    expected = np.empty((len(x), height, width, filters))
    for position, (i, j) in enumerate(np.ndindex(height, width)):
        top, left = i * strides, j * strides
        patch = x[:, top : top + kernel_size, left : left + kernel_size].reshape(len(x), -1)
        expected[:, i, j] = patch @ np.asarray(layer.kernel)[position] + np.asarray(layer.bias)[i, j]
    np.testing.assert_allclose(layer(images()), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_output_shape_is_that_of_a_convolution_for_any_batch(kernel_size, strides, padding):
    conv, local = tied_pair(kernel_size, strides, padding)
    assert local.compute_output_shape((None, *SHAPE)) == conv.compute_output_shape((None, *SHAPE))
    symbolic = local(keras.Input(SHAPE))
    assert symbolic.shape == conv.compute_output_shape((None, *SHAPE))
    assert local(images(1)).shape == (1, *symbolic.shape[1:])
    assert local.count_params() == np.prod(symbolic.shape[1:]) * (kernel_size**2 * SHAPE[2] + 1)


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_kernel_gradient_of_a_convolution_is_the_sum_over_positions(kernel_size, strides, padding):
    conv, local = tied_pair(kernel_size, strides, padding)
    x = images()
    weights = images(shape=conv.compute_output_shape(x.shape)[1:], seed=5)
    conv_input, conv_kernel, conv_bias = gradients(conv, x, weights)
    local_input, local_kernel, local_bias = gradients(local, x, weights)
    np.testing.assert_allclose(local_input, conv_input, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(local_kernel.sum(0).ravel(), conv_kernel.ravel(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(local_bias.sum((0, 1)), conv_bias, rtol=1e-4, atol=1e-4)


def test_its_own_initialization_is_glorots_with_the_fans_of_one_position():
    """Keras's own rule would take the positions for a part of the field and make the weights too small."""
    layer = LocallyConnected2D(16, 3, padding="same")
    layer.build((None, 8, 8, 4))
    kernel = np.asarray(layer.kernel)
    assert kernel.std() == pytest.approx((2 / (9 * 4 + 9 * 16)) ** 0.5, rel=0.02)
    assert abs(kernel.mean()) < 5 * kernel.std() / kernel.size**0.5
    assert not np.any(layer.bias)


@pytest.mark.parametrize("initializer", [None, "ones", keras.initializers.RandomNormal(stddev=0.5, seed=3)])
def test_goes_through_its_configuration_and_back(initializer):
    layer = LocallyConnected2D(5, 3, strides=2, padding="same", kernel_initializer=initializer, name="local")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is LocallyConnected2D
    assert again.get_config() == layer.get_config()
    for one in (layer, again):
        one.build((None, *SHAPE))
    assert again.compute_output_shape((2, *SHAPE)) == layer.compute_output_shape((2, *SHAPE))
    if initializer is not None:
        np.testing.assert_array_equal(again.kernel, layer.kernel)


def test_a_compiled_model_takes_batches_of_any_size():
    layer = layer_with_weights(kernel_size=3, padding="same")
    compiled = tf.function(layer, input_signature=[tf.TensorSpec([None, *SHAPE])])
    for count in (1, 4, 9):
        np.testing.assert_allclose(compiled(images(count)), layer(images(count)), rtol=1e-5, atol=1e-6)
