"""Forward and backward of every layer that the factory can build, against autodiff and finite differences."""

import typing

import numpy as np
import pytest
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.models.factory import build_model
from cnn_study.spec import Activation, Conv, Dense, GlobalAverage, ModelSpec, Pool, RadialBasis, Subsample

TOLERANCE = 1e-4
LOGITS = Dense(units=3, activation=None)
FLAT = ModelSpec(input_shape=(2, 2, 2), layers=(Dense(units=5, activation="tanh"), LOGITS))

STAGES = {
    "convolution": Conv(maps=2, field=3, activation="tanh"),
    "stride": Conv(maps=2, field=3, stride=2, padding="valid"),
    "reflected border": Conv(maps=2, field=3, padding="reflect"),
    "without shared weights": Conv(maps=2, field=3, shared=False),
    "connection table": Conv(maps=3, field=2, table=((0,), (1,), (0, 1))),
    "maximum": Conv(maps=2, field=3, pool=Pool(reduce="max", size=3, stride=2)),
    "average before the unit": Conv(maps=2, field=3, pool=Pool(reduce="average", before_unit=True)),
    "batch normalization": Conv(maps=2, field=3, batch_norm=True),
    "normalized after the unit": Conv(maps=2, field=3, batch_norm=True, norm_after_unit=True),
    "noisy normalization": Conv(maps=2, field=3, batch_norm=True, norm_noise=True),
    "dropout": Conv(maps=2, field=3, dropout=0.5),
    "subsampling": Subsample(size=2),
    "normalized dense": Dense(units=4, batch_norm=True, dropout=0.25),
}
UNITS = tuple(Dense(units=4, activation=unit) for unit in typing.get_args(Activation))
ON_LOGITS = ("maximum", "batch normalization", "dropout", "normalized dense")
"""The others end in the average of their maps, which takes less time to differentiate than a dense layer."""
SPECS = {
    name: ModelSpec(input_shape=(4, 4, 2), layers=(stage, LOGITS if name in ON_LOGITS else GlobalAverage()))
    for name, stage in STAGES.items()
} | {
    "global average": ModelSpec(input_shape=(4, 4, 2), layers=(Conv(maps=3, field=3), GlobalAverage())),
    "every unit": ModelSpec(input_shape=(4, 4, 2), layers=(*UNITS, LOGITS)),
    "radial basis": ModelSpec(input_shape=(1, 1, 1), layers=(Dense(units=84, activation="scaled_tanh"), RadialBasis())),
}


def net(spec, batch=3, seed=0):
    """A network in float64, a batch and a gradient for its logits."""
    rng = np.random.default_rng(seed)
    model = build_model(spec, seed=5, noise_seed=6, dtype="float64")
    for variable in model.trainable_variables:  # away from zero biases and unit scales
        variable.assign(variable + 0.1 * rng.standard_normal(variable.shape))
    x = tf.constant(rng.standard_normal((batch, *spec.input_shape)))
    return model, x, tf.constant(rng.standard_normal((batch, spec.classes)))


MOVED = [
    name
    for name, spec in SPECS.items()
    if spec.stochastic or any(getattr(layer, "batch_norm", False) for layer in spec.layers)
]
"""Networks that compute something else in training. Without it, two of them stand for all where time is short."""
CASES = [(name, False) for name in SPECS] + [(name, True) for name in MOVED]


@pytest.mark.parametrize(
    ("name", "training"),
    [
        pytest.param(
            name,
            training,
            id=f"{name}{', training' * training}",
            marks=[pytest.mark.slow] if name in MOVED[1:-1] and not training else [],
        )
        for name, training in CASES
    ],
)
def test_the_backward_pass_agrees_with_autodiff_and_finite_differences(name, training):
    model, x, upstream = net(SPECS[name])
    before = [variable.numpy() for variable in model.variables]
    rows = layer_api.compare(model, x, seed=1, training=training)
    assert {row.layer for row in rows} == {layer.name for layer in layer_api.chain(model)}
    assert sum(row.gradient != "input" for row in rows) == len(model.trainable_variables)
    assert max(max(row.autodiff, row.differences) for row in rows) < TOLERANCE
    # End to end, through the call of the whole network.
    whole = layer_api.differentiate(model, x, upstream, training=training)
    composed = layer_api.backward(model, x, upstream, training=training)
    for path, gradient in whole.parameters.items():
        layer, variable = path.split("/")
        assert layer_api.relative_error(gradient, composed[layer].parameters[variable]) < 1e-12
    bottom = layer_api.chain(model)[0].name
    assert layer_api.relative_error(whole.input, composed[bottom].input) < 1e-12
    # Nothing was changed: no statistics, no random stream.
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_finite_differences_of_a_whole_network():
    spec = ModelSpec(
        input_shape=(4, 4, 1),
        layers=(Conv(maps=2, field=3, batch_norm=True, pool=Pool(reduce="max"), dropout=0.3), LOGITS),
    )
    model, x, upstream = net(spec)
    for training in (False, True):
        numeric = layer_api.finite_differences(model, x, upstream, training=training)
        composed = layer_api.backward(model, x, upstream, training=training)
        for path, gradient in numeric.parameters.items():
            layer, variable = path.split("/")
            assert layer_api.relative_error(gradient, composed[layer].parameters[variable]) < TOLERANCE
        assert layer_api.relative_error(numeric.input, composed["conv1"].input) < TOLERANCE


def test_a_dense_layer_by_hand():
    """W transposed times the gradient from above, and the outer product with the input."""
    model, x, upstream = net(FLAT)
    gradients = layer_api.backward(model, x, upstream)
    below = layer_api.forward(model, x)["unit1"]
    kernel = model.get_layer("dense2").kernel.numpy()
    np.testing.assert_allclose(gradients["dense2"].input, upstream.numpy() @ kernel.T)
    np.testing.assert_allclose(gradients["dense2"].parameters["kernel"], below.numpy().T @ upstream.numpy())
    np.testing.assert_allclose(gradients["dense2"].parameters["bias"], upstream.numpy().sum(0))
    np.testing.assert_allclose(gradients["unit1"].input, gradients["dense2"].input * (1 - below**2))


def test_forward_names_every_activation_and_ends_in_the_logits():
    model, x, _ = net(SPECS["maximum"])
    activations = layer_api.forward(model, x)
    assert list(activations) == ["conv1", "unit1", "pool1", "flatten2", "dense2"]
    np.testing.assert_array_equal(activations["dense2"], model(x))


def test_backward_goes_from_the_top_down():
    model, x, upstream = net(SPECS["maximum"])
    assert list(layer_api.backward(model, x, upstream)) == ["dense2", "flatten2", "pool1", "unit1", "conv1"]


def test_normalization_has_no_gradient_along_the_mean_and_the_scale_of_the_batch():
    """In training mode only: what moves the whole batch, or stretches it, is taken out again."""
    model, x, upstream = net(SPECS["batch normalization"], batch=8)
    inputs = layer_api.forward(model, x, training=True)["conv1"]
    for training, gone in ((True, True), (False, False)):
        gradient = layer_api.backward(model, x, upstream, training=training)["norm1"].input
        assert (np.abs(np.sum(gradient, axis=(0, 1, 2))).max() < 1e-9) == gone
        centered = inputs - np.mean(inputs, axis=(0, 1, 2))
        # Up to the epsilon that is added to the variance.
        assert (np.abs(np.sum(gradient * centered, axis=(0, 1, 2))).max() < 0.01) == gone


def test_dropout_draws_the_same_mask_in_every_call():
    model, x, upstream = net(SPECS["dropout"])
    first, second = (layer_api.forward(model, x, training=True) for _ in range(2))
    np.testing.assert_array_equal(first["dropout1"], second["dropout1"])
    # What was dropped gets no gradient; what was kept gets it with the factor 1 / (1 - 0.5).
    passed = np.where(first["unit1"] != 0, first["dropout1"] / np.maximum(first["unit1"], 1e-9), np.nan)
    assert set(np.unique(passed[~np.isnan(passed)]).round(6)) == {0.0, 2.0}
    gradients = layer_api.backward(model, x, upstream, training=True)
    above = tf.reshape(gradients["dense2"].input, first["dropout1"].shape)
    below = gradients["dropout1"].input.numpy()
    np.testing.assert_allclose(below[passed == 0], 0)
    np.testing.assert_allclose(below[passed == 2], 2 * above.numpy()[passed == 2])


def test_a_wrong_gradient_is_noticed():
    model, x, upstream = net(FLAT)
    right = layer_api.backward(model, x, upstream)["dense1"].parameters["kernel"].numpy()
    wrong = right.copy()
    wrong[np.unravel_index(np.abs(right).argmax(), right.shape)] *= 1.01
    numeric = layer_api.finite_differences(model, x, upstream).parameters["dense1/kernel"]
    assert layer_api.relative_error(right, numeric) < TOLERANCE < layer_api.relative_error(wrong, numeric)


def test_relative_error():
    assert layer_api.relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(0.5 / np.hypot(3, 4.5))
    assert layer_api.relative_error(np.zeros(3), np.full(3, 1e-12)) < 1e-6
