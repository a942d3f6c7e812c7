"""How large the gradients are in every layer: do they vanish or explode on their way down?

Two gradients are measured, since they tell different stories (Glorot & Bengio 2010, section 4.2): that of the
pre-activations, which back-propagation hands down, and that of the weights. Both as root mean squares, so that layers
of different width compare.

Cost: one forward and one backward pass.
"""

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.probes.stages import loss, propagate, stages

UNIT_INPUT, WEIGHTS = "gradient_unit_input", "gradient_weights"
SMALLEST = float(np.finfo("float32").tiny)
"""Gradients that are smaller vanish in float32; they count as this where a logarithm is taken."""


def measure(model: keras.Model, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """The root mean square of the gradients of every layer with weights.

    In training mode: with the statistics of the batch, dropout and noise.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(examples, height, width, channels)``.
        labels: Class numbers of the images, ``(examples,)``.
        rate: The learning rate; not used.

    Returns:
        ``gradient_unit_input/LAYER``: of the cross-entropy of an example with respect to the pre-activation of a
        unit (for a linear layer, to its output), over examples and units. ``gradient_weights/LAYER``: of the mean
        cross-entropy with respect to a weight, over the weights without the biases.
    """
    del rate
    parameters = {layer.name: layer_api.values(layer) for layer in layer_api.chain(model)}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(parameters)
        activations = propagate(model, images, parameters=parameters, training=True)
        mean = loss(activations.logits, labels)
    found = stages(model)
    # The first variable of a layer has the weights, the second the biases.
    sources = [
        source
        for stage in found
        for source in (activations.pre_activations[stage.name], parameters[stage.weighted.name][0])
    ]
    gradients = tape.gradient([mean], sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    sizes = [_root_mean_square(tf.convert_to_tensor(gradient)) for gradient in gradients]
    # The mean cross-entropy divides what an example hands down by the number of examples.
    examples = tf.cast(tf.shape(images)[0], "float64")
    unit_inputs = {f"{UNIT_INPUT}/{stage.name}": examples * size for stage, size in zip(found, sizes[::2], strict=True)}
    return unit_inputs | {f"{WEIGHTS}/{stage.name}": size for stage, size in zip(found, sizes[1::2], strict=True)}


def outcomes(series: list[dict[str, float]]) -> dict[str, float]:
    """The slopes of the gradients over the layers, at initialization and at the end.

    A slope is that of the logarithm (base 10) of the gradient against the number of the layer with weights, going up
    from the input, by least squares. Positive: the gradient is smaller near the input, it vanishes on its way down.
    Negative: it explodes. 0.3 is a factor of two a layer. The uppermost layer with weights gives the output and is left
    out; with fewer than two below it there is no slope.
    """
    slopes = {}
    for name, metric in (("gradient_slope", UNIT_INPUT), ("weight_gradient_slope", WEIGHTS)):
        for when, numbers in (("start", series[0]), ("end", series[-1])):
            layers = [value for key, value in numbers.items() if key.startswith(f"{metric}/")][:-1]
            if len(layers) >= 2:
                slopes[f"{name}_{when}"] = slope(layers)
    return slopes


def slope(gradients: list[float]) -> float:
    """The slope of the base-10 logarithm of gradients over layers, from the lowest up; NaN if one is not finite."""
    if not np.isfinite(gradients).all():
        return float("nan")
    logarithms = np.log10(np.maximum(gradients, SMALLEST))
    return float(np.polyfit(np.arange(len(gradients)), logarithms, 1)[0])


def _root_mean_square(tensor: tf.Tensor) -> tf.Tensor:
    # In float64: the square of a gradient that has come through twenty sigmoid layers is zero in float32.
    return tf.sqrt(tf.reduce_mean(tf.square(tf.cast(tensor, "float64"))))
