"""What every layer must do, through one checker, as Keras tests its own."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnn_study.models.layers import (
    LocallyConnected2D,
    NormNoise,
    PartiallyConnected2D,
    RadialBasis,
    ReflectionPadding2D,
    Subsample2D,
    scaled_tanh,
)

TABLE = ((0,), (1, 2), (0, 2), (0, 1, 2))
IMAGE = (6, 8, 3)
# The layer, the shapes of its input and output, its trainable numbers.
CASES = {
    "local": (lambda **o: LocallyConnected2D(4, 3, strides=2, padding="same", **o), IMAGE, (3, 4, 4), 12 * 28 * 4),
    "local, valid": (lambda **o: LocallyConnected2D(2, 3, **o), IMAGE, (4, 6, 2), 24 * 28 * 2),
    "partial": (lambda **o: PartiallyConnected2D(TABLE, 3, **o), IMAGE, (4, 6, 4), 9 * 8 + 4),
    "partial, same": (
        lambda **o: PartiallyConnected2D(TABLE, 2, strides=3, padding="same", **o),
        IMAGE,
        (2, 3, 4),
        4 * 8 + 4,
    ),
    "reflection": (lambda **o: ReflectionPadding2D(4, strides=1, **o), IMAGE, (9, 11, 3), 0),
    "subsample": (lambda **o: Subsample2D(2, **o), IMAGE, (3, 4, 3), 6),
    "radial basis": (lambda **o: RadialBasis(**o), (84,), (10,), 0),
    "noise": (lambda **o: NormNoise(seed=3, **o), IMAGE, IMAGE, 0),
    "noise, units": (lambda **o: NormNoise(seed=3, **o), (7,), (7,), 0),
    "scaled tanh": (lambda **o: keras.layers.Activation(scaled_tanh, **o), IMAGE, IMAGE, 0),
}
every_layer = pytest.mark.parametrize(("make", "input_shape", "output_shape", "count"), CASES.values(), ids=CASES)


def examples(shape, count=3, dtype="float32"):
    return np.random.default_rng(0).standard_normal((count, *shape)).astype(dtype)


def built(make, input_shape, **options):
    """A layer with random weights."""
    layer = make(**options)
    layer.build((None, *input_shape))
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.standard_normal(weight.shape))
    return layer


@every_layer
def test_shapes_and_counts(make, input_shape, output_shape, count):
    layer = make()
    assert layer.compute_output_shape((None, *input_shape)) == (None, *output_shape)
    assert layer(keras.Input(input_shape)).shape == (None, *output_shape)
    for batch in (1, 4):
        assert layer(examples(input_shape, batch)).shape == (batch, *output_shape)
    assert sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights) == count == layer.count_params()
    assert not layer.non_trainable_weights


@every_layer
@pytest.mark.parametrize(
    ("policy", "weights", "outputs"),
    [(None, "float32", "float32"), ("float64", "float64", "float64"), ("mixed_bfloat16", "float32", "bfloat16")],
)
def test_types(make, input_shape, output_shape, count, policy, weights, outputs):
    layer = make(dtype=policy)
    y = layer(examples(input_shape), **({"training": True} if isinstance(layer, NormNoise) else {}))
    assert keras.backend.standardize_dtype(y.dtype) == outputs
    assert {weight.dtype for weight in layer.weights} <= {weights}


@every_layer
def test_goes_through_its_configuration_and_back(make, input_shape, output_shape, count):
    layer = built(make, input_shape, name="kept")
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(layer)
    assert again.name == "kept"
    assert json.dumps(again.get_config()) == json.dumps(layer.get_config())
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(examples(input_shape)), layer(examples(input_shape)))


@every_layer
def test_a_saved_model_is_loaded_in_safe_mode(make, input_shape, output_shape, count, tmp_path):
    image = keras.Input(input_shape)
    model = keras.Model(image, built(make, input_shape)(image))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(examples(input_shape)), model(examples(input_shape)))


@every_layer
def test_a_training_step_lowers_the_loss(make, input_shape, output_shape, count):
    """Through the layer and a dense one below it, in a compiled function that takes batches of any size."""
    image = keras.Input(input_shape)
    below = keras.layers.Dense(input_shape[-1], kernel_initializer="identity")
    layer = built(make, input_shape)
    model = keras.Model(image, layer(below(image)))
    variables = model.trainable_variables

    @tf.function(input_signature=[tf.TensorSpec([None, *input_shape])])
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - 1))
        return loss, tape.gradient(loss, [variable.value for variable in variables])

    x = examples(input_shape, 20)
    if isinstance(layer, NormNoise):
        start = np.asarray(layer.seed_generator.state)
    before, slopes = gradients(x)
    for variable, slope in zip(variables, slopes, strict=True):
        assert np.any(np.asarray(slope))
        variable.assign_sub(1e-4 * tf.convert_to_tensor(slope))
    if isinstance(layer, NormNoise):
        layer.seed_generator.state.assign(start)
    assert gradients(x)[0] < before
    assert np.isfinite(gradients(x[:3])[0])


@every_layer
def test_gradients_are_finite_differences(make, input_shape, output_shape, count):
    layer = built(make, input_shape, dtype="float64")
    x = tf.constant(examples(input_shape, dtype="float64"))
    weights = examples(output_shape, dtype="float64")
    values = [weight.value for weight in layer.trainable_weights]

    def loss(x):
        return tf.reduce_sum(layer(x) * weights)

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = loss(x)
    by_input, *by_weights = tape.gradient(total, [x, *values])
    rng, step = np.random.default_rng(2), 1e-6
    along = rng.standard_normal(x.shape)
    slope = (loss(x + step * along) - loss(x - step * along)) / (2 * step)
    assert np.sum(by_input * along) == pytest.approx(float(slope), rel=1e-5)
    for weight, gradient in zip(layer.trainable_weights, by_weights, strict=True):
        start, along = np.asarray(weight), rng.standard_normal(weight.shape)
        ends = []
        for sign in (1, -1):
            weight.assign(start + sign * step * along)
            ends.append(float(loss(x)))
        weight.assign(start)
        assert np.sum(gradient * along) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)
