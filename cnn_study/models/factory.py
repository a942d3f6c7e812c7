"""From a :class:`~cnn_study.spec.ModelSpec` to a Keras model, with weights that depend on the seed only."""

from collections.abc import Iterator
from functools import partial

import keras
import numpy as np
from keras import layers

from cnn_study.models import initial
from cnn_study.models.layers import (
    LocallyConnected2D,
    NormNoise,
    PartiallyConnected2D,
    RadialBasis,
    ReflectionPadding2D,
    Subsample2D,
    scaled_tanh,
    silu,
)
from cnn_study.models.settings import fixed
from cnn_study.spec import Activation, Conv, Dense, GlobalAverage, Layer, ModelSpec, Pool, Subsample

LEAKY_SLOPE = 0.01
"""Slope of the leaky rectifier below zero (Maas et al. 2013)."""


@fixed()
def build_model(spec: ModelSpec, seed: int = 0, noise_seed: int = 0, dtype: str = "float32") -> keras.Model:
    """Build and initialize a network.

    The model maps ``(batch, height, width, channels)`` images to ``(batch, classes)`` logits. Its Keras layers are
    named after their part and the place of their layer in the spec, from 1: ``conv1``, ``norm1``, ``unit1``, ``pool1``.

    Args:
        spec: The network to be built.
        seed: The seed of the initial weights: the same spec and seed give the same weights, whatever was built before.
        noise_seed: The seed of dropout and of the noise after batch normalization.
        dtype: Type of the numbers in images, weights and all computation.
    """
    image = keras.Input(spec.input_shape, name="image", dtype=dtype)
    x = image
    below = (spec.input_shape, *spec.shapes())
    for number, layer in enumerate(spec.layers, 1):
        for make in _parts(layer, number, flat=len(below[number - 1]) == 1):
            x = make(dtype=dtype)(x)
    model = keras.Model(image, x)
    initialize(model, spec, seed, noise_seed)
    return model


def initialize(model: keras.Model, spec: ModelSpec, seed: int, noise_seed: int = 0) -> None:
    """Give a network that :func:`build_model` has built from ``spec`` the weights and the noise of other seeds.

    Weights are drawn in NumPy, in a stream of its own for every layer: adding a layer leaves the weights of the others
    as they were, and every backend gets the same ones. Biases start at zero unless their layer has a deviation for
    them, batch normalization starts as the identity and subsampling as the average. Every generator of dropout or noise
    starts again, in a stream of its own.
    """
    for number, layer in enumerate(spec.layers, 1):
        if isinstance(layer, Subsample):
            subsample = model.get_layer(_name(layer, number))
            _fill(subsample.coefficient, 1 / layer.size**2)
            _fill(subsample.bias, 0)
        elif isinstance(layer, Conv | Dense):
            weighted = model.get_layer(_name(layer, number))
            for variable, draw in ((weighted.kernel, initial.weights), (weighted.bias, initial.biases)):
                variable.assign(draw(layer, variable.shape, seed, number).astype(variable.dtype))
            if layer.batch_norm:
                _reset_norm(model.get_layer(f"norm{number}"))
            _reset_noise(model, layer, number, noise_seed)


def rate_factors(model: keras.Model, spec: ModelSpec, bias_rate: float) -> list[float]:
    """The factors of the learning rate, one for each trainable variable of a network, in their order.

    Args:
        model: The network that :func:`build_model` has built from ``spec``.
        spec: The specification of that network.
        bias_rate: Factor of the learning rate for the biases.
    """
    weights = {
        _name(layer, number): layer.rate
        for number, layer in enumerate(spec.layers, 1)
        if isinstance(layer, Conv | Dense)
    }
    factors = []
    for variable in model.trainable_variables:
        layer, _, name = variable.path.rpartition("/")
        factors.append(bias_rate if name == "bias" else weights.get(layer, 1.0))
    return factors


def _reset_norm(norm: layers.BatchNormalization) -> None:
    for variable, value in ((norm.gamma, 1), (norm.beta, 0), (norm.moving_mean, 0), (norm.moving_variance, 1)):
        _fill(variable, value)


def _reset_noise(model: keras.Model, layer: Conv | Dense, number: int, noise_seed: int) -> None:
    # A place in the stream for each kind of layer, so that adding one leaves the draws of the other.
    for place, (there, kind) in enumerate(((layer.norm_noise, "noise"), (layer.dropout, "dropout")), 1):
        if there:
            generator = model.get_layer(f"{kind}{number}").seed_generator
            start = np.random.default_rng((noise_seed, number, place)).integers(2**31)
            generator.state.assign(np.array([start, 0], "uint32"))


def _fill(variable, value: float) -> None:
    variable.assign(np.full(variable.shape, value, variable.dtype))


def _name(layer: Layer, number: int) -> str:
    if isinstance(layer, Conv):
        return f"{'conv' if layer.shared else 'local'}{number}"
    names = {"dense": "dense", "subsample": "subsample", "global_average": "average", "radial_basis": "rbf"}
    return f"{names[layer.kind]}{number}"


def _parts(layer: Layer, number: int, flat: bool) -> Iterator[partial]:
    """What makes the Keras layers of a layer, in their order, but for their type of number."""
    name = _name(layer, number)
    if isinstance(layer, Conv):
        yield from _conv(layer, number, name)
    elif isinstance(layer, Dense):
        if not flat:
            yield partial(layers.Flatten, name=f"flatten{number}")
        yield partial(layers.Dense, layer.units, name=name)
        yield from _unit_and_norm(layer, number)
        yield from _dropout(layer, number)
    elif isinstance(layer, Subsample):
        yield partial(Subsample2D, layer.size, name=name)
        yield from _unit(layer.activation, number)
    elif isinstance(layer, GlobalAverage):
        yield partial(layers.GlobalAveragePooling2D, name=name)
    else:
        yield partial(RadialBasis, name=name)


def _conv(layer: Conv, number: int, name: str) -> Iterator[partial]:
    padding = layer.padding
    if padding == "reflect":
        yield partial(ReflectionPadding2D, layer.field, layer.stride, name=f"reflect{number}")
        padding = "valid"
    if layer.table is not None:
        kind = partial(PartiallyConnected2D, layer.table)
    else:
        kind = partial(layers.Conv2D if layer.shared else LocallyConnected2D, layer.maps)
    yield partial(kind, layer.field, strides=layer.stride, padding=padding, name=name)
    if layer.pool and layer.pool.before_unit:
        yield _pool(layer.pool, number)
    yield from _unit_and_norm(layer, number)
    if layer.pool and not layer.pool.before_unit:
        yield _pool(layer.pool, number)
    yield from _dropout(layer, number)


def _unit_and_norm(layer: Conv | Dense, number: int) -> Iterator[partial]:
    if layer.norm_after_unit:
        yield from _unit(layer.activation, number)
    if layer.batch_norm:
        yield partial(layers.BatchNormalization, name=f"norm{number}")
    if layer.norm_noise:
        yield partial(NormNoise, name=f"noise{number}")
    if not layer.norm_after_unit:
        yield from _unit(layer.activation, number)


def _unit(activation: Activation | None, number: int) -> Iterator[partial]:
    if activation == "leaky_relu":
        yield partial(layers.LeakyReLU, negative_slope=LEAKY_SLOPE, name=f"unit{number}")
    elif activation is not None:
        function = {"scaled_tanh": scaled_tanh, "silu": silu}.get(activation, activation)
        yield partial(layers.Activation, function, name=f"unit{number}")


def _pool(pool: Pool, number: int) -> partial:
    kind = layers.MaxPooling2D if pool.reduce == "max" else layers.AveragePooling2D
    return partial(kind, pool.size, strides=pool.stride, padding=pool.padding, name=f"pool{number}")


def _dropout(layer: Conv | Dense, number: int) -> Iterator[partial]:
    if layer.dropout:
        yield partial(layers.Dropout, layer.dropout, name=f"dropout{number}")
