"""From a :class:`~cnn_study.spec.ModelSpec` to a Keras model, with weights that depend on the seed only."""

import keras
import numpy as np
from keras import layers

from cnn_study.models.layers import LocallyConnected2D, scaled_tanh
from cnn_study.spec import Activation, Conv, Dense, ModelSpec, Normal, Pool

LEAKY_SLOPE = 0.01
"""Slope of the leaky rectifier below zero (Maas et al. 2013)."""


def build_model(spec: ModelSpec, seed: int = 0) -> keras.Model:
    """Build and initialize a network.

    The model maps ``(batch, height, width, channels)`` float32 images to ``(batch, classes)`` logits.

    Args:
        spec: The network.
        seed: Of the initial weights: the same spec and seed give the same weights, whatever was built before.
    """
    image = keras.Input(spec.input_shape, name="image")
    x = image
    for number, layer in enumerate(spec.layers, 1):
        x = _conv(x, layer, number) if isinstance(layer, Conv) else _dense(x, layer, number)
    model = keras.Model(image, x)
    initialize(model, spec, seed)
    return model


def initialize(model: keras.Model, spec: ModelSpec, seed: int) -> None:
    """Give a network that :func:`build_model` has built from ``spec`` the weights of another seed.

    Weights are drawn in NumPy, in a stream of its own for every layer: adding a layer leaves the weights of the others
    as they were, and every backend gets the same ones. Biases start at zero, batch normalization as the identity.
    """
    for number, layer in enumerate(spec.layers, 1):
        kernel, bias = model.get_layer(_name(layer, number)).trainable_variables
        draw = np.random.default_rng((seed, number)).standard_normal(kernel.shape)
        kernel.assign((draw * _stddev(layer, kernel.shape)).astype("float32"))
        bias.assign(np.zeros(bias.shape, "float32"))
        if layer.batch_norm:
            norm = model.get_layer(f"norm{number}")
            for variable, value in (
                (norm.gamma, 1),
                (norm.beta, 0),
                (norm.moving_mean, 0),
                (norm.moving_variance, 1),
            ):
                variable.assign(np.full(variable.shape, value, "float32"))


def _name(layer: Conv | Dense, number: int) -> str:
    return f"{'dense' if isinstance(layer, Dense) else 'conv' if layer.shared else 'local'}{number}"


def _conv(x, layer: Conv, number: int):
    kind = layers.Conv2D if layer.shared else LocallyConnected2D
    x = kind(layer.maps, layer.field, strides=layer.stride, padding=layer.padding, name=_name(layer, number))(x)
    if layer.pool and layer.pool.before_unit:
        return _unit(_pool(x, layer.pool, number), layer, number)
    x = _unit(x, layer, number)
    return _pool(x, layer.pool, number) if layer.pool else x


def _dense(x, layer: Dense, number: int):
    if len(x.shape) > 2:
        x = layers.Flatten(name=f"flatten{number}")(x)
    return _unit(layers.Dense(layer.units, name=_name(layer, number))(x), layer, number)


def _unit(x, layer: Conv | Dense, number: int):
    if layer.batch_norm:
        x = layers.BatchNormalization(name=f"norm{number}")(x)
    return x if layer.activation is None else _activation(layer.activation, f"unit{number}")(x)


def _activation(name: Activation, layer_name: str):
    if name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=layer_name)
    return layers.Activation(scaled_tanh if name == "scaled_tanh" else name, name=layer_name)


def _pool(x, pool: Pool, number: int):
    kind = layers.MaxPooling2D if pool.reduce == "max" else layers.AveragePooling2D
    return kind(pool.size, strides=pool.stride, padding=pool.padding, name=f"pool{number}")(x)


def _stddev(layer: Conv | Dense, kernel_shape: tuple[int, ...]) -> float:
    """Standard deviation of the initial weights of a kernel ``(..., inputs, outputs)``."""
    rule = layer.initializer
    if isinstance(rule, Normal):
        return rule.stddev
    field = layer.field**2 if isinstance(layer, Conv) else 1
    outputs = field * kernel_shape[-1]
    # A locally connected kernel already counts the field among its inputs: (positions, field * channels, maps).
    shared = not isinstance(layer, Conv) or layer.shared
    inputs = kernel_shape[-2] * (field if shared else 1)
    variance = {"he": 2 / inputs, "glorot": 2 / (inputs + outputs), "lecun": 1 / inputs}[rule.rule]
    return variance**0.5
