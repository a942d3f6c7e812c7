"""Forward and backward through a network one layer at a time, and what they are compared with.

:func:`forward` gives the activation of every layer. :func:`backward` goes from the top down and computes the gradients
of each layer from nothing but the layer's input and the gradient that the layer above hands down, as backpropagation is
taught (Rumelhart, Hinton & Williams 1986). :func:`autodiff` differentiates the whole network at once and
:func:`finite_differences` does without derivatives: all three must agree.

Everything here is a pure function: running statistics and random streams of a layer are read and never advanced, so
that dropout draws the same mask in every call, and a network is after a call what it was before.

Networks are plain chains, as :func:`cnn_study.models.factory.build_model` makes them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

STEP = 1e-6
"""Half the width of a central difference. In float64 its rounding error, about 1e-16 / STEP, and its truncation error,
of the order of STEP squared, both stay far below 1e-4, and so does the chance to step over a kink."""

ZERO = 1e-4
"""Norm below which a gradient counts as zero when a relative error is formed."""


class Gradients(NamedTuple):
    """The gradients of a layer, or of a network, for one gradient of its output.

    Attributes:
        parameters: By the name of the variable (``kernel``; in a network ``conv1/kernel``), each of the shape of its
            variable.
        input: Of the shape of the input.
    """

    parameters: Mapping[str, tf.Tensor]
    input: tf.Tensor


def chain(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network from the input up, without the placeholder for the input."""
    return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def names(layer: keras.layers.Layer) -> list[str]:
    """The names of the trainable variables of a layer or a network, in their order."""
    return [variable.path.removeprefix(f"{layer.name}/") for variable in layer.trainable_variables]


def values(layer: keras.layers.Layer) -> list[tf.Tensor]:
    """The trainable variables of a layer or a network, in their order."""
    return [tf.convert_to_tensor(variable.value) for variable in layer.trainable_variables]


def call(
    layer: keras.layers.Layer, x: tf.Tensor, *, parameters: Sequence[tf.Tensor] | None = None, training: bool = False
) -> tf.Tensor:
    """The output of a layer or a network, which stays as it is.

    Args:
        layer: Built.
        x: Its input, ``(batch, ...)``.
        parameters: What takes the place of its trainable variables; ``None``: these.
        training: Whether batch normalization uses the statistics of the batch, and dropout drops.
    """
    replaced = [] if parameters is None else zip(layer.trainable_variables, parameters, strict=True)
    # In the scope, what a layer assigns to its variables is kept aside; it is thrown away with the scope.
    with keras.StatelessScope(state_mapping=replaced):
        return layer(x, training=training)


def forward(model: keras.Model, x: tf.Tensor, *, training: bool = False) -> dict[str, tf.Tensor]:
    """The activation of every layer, from the input up.

    Args:
        model: The network.
        x: ``(batch, height, width, channels)``, in the type of the network.
        training: As in :func:`call`.

    Returns:
        The output of each layer by the layer's name; the last are the logits.
    """
    activations = {}
    for layer in chain(model):
        x = call(layer, x, training=training)
        activations[layer.name] = x
    return activations


def backward(model: keras.Model, x: tf.Tensor, upstream: tf.Tensor, *, training: bool = False) -> dict[str, Gradients]:
    """The gradients of every layer, from the top down, composed layer by layer.

    With the batch statistics (``training=True``) the gradient of a normalized example goes through the mean and the
    variance too, and so reaches all examples of the batch.

    Args:
        model: The network.
        x: ``(batch, height, width, channels)``, in the type of the network.
        upstream: The gradient of what is differentiated with respect to the output of the last layer.
        training: As in :func:`call`.

    Returns:
        The gradients of each layer by the layer's name, the uppermost first.
    """
    layers = chain(model)
    inputs = [x, *forward(model, x, training=training).values()][:-1]
    gradients = {}
    for layer, below in zip(reversed(layers), reversed(inputs), strict=True):
        gradients[layer.name] = differentiate(layer, below, upstream, training=training)
        upstream = gradients[layer.name].input
    return gradients


def differentiate(layer: keras.layers.Layer, x: tf.Tensor, upstream: tf.Tensor, *, training: bool = False) -> Gradients:
    """The gradients of one layer from its input and the gradient of its output, by one gradient tape.

    Args:
        layer: A layer, or a network: it is then differentiated end to end.
        x: Its input.
        upstream: The gradient with respect to its output, of the output's shape.
        training: As in :func:`call`.
    """
    parameters = values(layer)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([x, *parameters])
        output = call(layer, x, parameters=parameters, training=training)
    below, *rest = _gradients(tape, output, [x, *parameters], upstream)
    return Gradients(dict(zip(names(layer), rest, strict=True)), below)


def autodiff(model: keras.Model, x: tf.Tensor, upstream: tf.Tensor, *, training: bool = False) -> dict[str, Gradients]:
    """What :func:`backward` computes, with the same arguments, by one gradient tape over the whole network."""
    layers = chain(model)
    parameters = [values(layer) for layer in layers]
    inputs = []
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([x, *parameters])
        for layer, own in zip(layers, parameters, strict=True):
            inputs.append(x)
            x = call(layer, x, parameters=own, training=training)
    gradients = {}
    for layer, below, own in reversed(list(zip(layers, inputs, parameters, strict=True))):
        below, *rest = _gradients(tape, x, [below, *own], upstream)
        gradients[layer.name] = Gradients(dict(zip(names(layer), rest, strict=True)), below)
    return gradients


def finite_differences(
    layer: keras.layers.Layer, x: tf.Tensor, upstream: tf.Tensor, *, training: bool = False, step: float = STEP
) -> Gradients:
    """The gradients of a layer or a network by central differences: two passes for every number.

    Where the function has a kink within the step (a rectifier at 0, a maximum with a tie), there is no derivative to
    be found; random points in float64 stay away from kinks.

    Args:
        layer: In float64, or the differences are lost in rounding.
        x: Its input.
        upstream: The gradient with respect to its output; the function differentiated is the sum of its products with
            the output.
        training: As in :func:`call`.
        step: Half the width of the difference.
    """
    everything = [x, *values(layer)]

    def function(changed: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.reduce_sum(upstream * call(layer, changed[0], parameters=changed[1:], training=training))

    def differences(place: int) -> tf.Tensor:
        point = everything[place]
        size = tf.size(point)

        def difference(number: tf.Tensor) -> tf.Tensor:
            change = tf.reshape(tf.one_hot(number, size, on_value=step, off_value=0.0, dtype=point.dtype), point.shape)
            up, down = list(everything), list(everything)
            up[place], down[place] = point + change, point - change
            return (function(up) - function(down)) / (2 * step)

        return tf.reshape(tf.map_fn(difference, tf.range(size), fn_output_signature=point.dtype), point.shape)

    compiled = tf.function(lambda: [differences(place) for place in range(len(everything))])
    below, *rest = compiled.get_concrete_function()()
    return Gradients(dict(zip(names(layer), rest, strict=True)), below)


def relative_error(a: tf.Tensor | np.ndarray, b: tf.Tensor | np.ndarray) -> float:
    """The distance of two gradients, divided by the norm of the larger.

    Norms below :data:`ZERO` count as that: a gradient that is zero but for rounding, as that of a bias in front of a
    batch normalization, has no direction to be compared.
    """
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), ZERO))


class Comparison(NamedTuple):
    """How far one gradient, composed layer by layer, is from what it is compared with.

    Attributes:
        layer: Name of the layer.
        gradient: Name of its variable, or ``input``.
        autodiff: Relative error against differentiation of the whole network by one tape.
        differences: Relative error of the layer's own gradient, at a random input, against central differences.
    """

    layer: str
    gradient: str
    autodiff: float
    differences: float


def compare(model: keras.Model, x: tf.Tensor, seed: int, *, training: bool = False) -> list[Comparison]:
    """Compare the backward pass through a network with differentiation end to end and with finite differences.

    The differences are taken at random inputs of each layer and not at its activations: behind a rectifier whole
    pooling regions are zero, and a maximum of equal numbers has no derivative.

    Args:
        model: The network, in float64 and small: every number costs two passes through its layer.
        x: ``(batch, height, width, channels)``.
        seed: Of the random gradients that are handed down and of the random inputs.
        training: As in :func:`call`.

    Returns:
        A row for every gradient of every layer, from the top down.
    """
    rng = np.random.default_rng(seed)
    activations = forward(model, x, training=training)
    upstream = _normal(rng, list(activations.values())[-1])
    composed = backward(model, x, upstream, training=training)
    whole = autodiff(model, x, upstream, training=training)
    rows = []
    inputs = dict(zip(activations, [x, *activations.values()], strict=False))
    for layer in reversed(chain(model)):
        point, above = _normal(rng, inputs[layer.name]), _normal(rng, activations[layer.name])
        own = differentiate(layer, point, above, training=training)
        numeric = finite_differences(layer, point, above, training=training)
        for name in [*names(layer), "input"]:
            of_chain, of_whole, exact, approximate = (
                gradients.input if name == "input" else gradients.parameters[name]
                for gradients in (composed[layer.name], whole[layer.name], own, numeric)
            )
            errors = relative_error(of_chain, of_whole), relative_error(exact, approximate)
            rows.append(Comparison(layer.name, name, *errors))
    return rows


def _gradients(tape, output: tf.Tensor, sources: list[tf.Tensor], upstream: tf.Tensor) -> list[tf.Tensor]:
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient([output], sources, output_gradients=[upstream], unconnected_gradients=zero)


def _normal(rng: np.random.Generator, like: tf.Tensor) -> tf.Tensor:
    return tf.constant(rng.standard_normal(like.numpy().shape), like.dtype)
