"""Internal covariate shift, in the two senses that have been given to it.

Ioffe & Szegedy 2015: the distribution of a layer's pre-activations (the inputs of its units) changes while the layers
below are trained. It is followed from one measurement to the next.

Santurkar et al. 2018, definition 2.1: the gradient of a layer changes when the layers below it are updated: it is
compared before and after one step of gradient descent of all layers below, on the same examples.

Cost: one forward and backward pass for every layer with weights, and two more.
"""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.probes.stages import Stage, loss_gradients, propagate, stages

MEANS, DEVIATIONS = "means", "deviations"


def measure(model: keras.Model, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """Moments of the pre-activations of every unit, and how the gradients react to a step of the layers below.

    In training mode: with the statistics of the batch, dropout and noise, the same before and after the step.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(examples, height, width, channels)``.
        labels: Class numbers of the images, ``(examples,)``.
        rate: The learning rate: the step is minus the rate times the gradient, without momentum.

    Returns:
        ``means/LAYER`` and ``deviations/LAYER``: vectors over the units of a layer, where the units of a feature map
        count as one. ``gradient_change/LAYER``: the distance of a layer's gradients before and after the step, divided
        by the norm of the first; ``gradient_cosine/LAYER``: the cosine of the angle between them. From the second layer
        on.
    """
    found = stages(model)
    pre_activations = propagate(model, images, training=True).pre_activations
    moments = {}
    for stage in found:
        if stage.unit is not None:
            mean, variance = tf.nn.moments(tf.cast(pre_activations[stage.name], "float64"), stage.unshared_axes)
            moments[f"{MEANS}/{stage.name}"] = tf.reshape(mean, [-1])
            moments[f"{DEVIATIONS}/{stage.name}"] = tf.reshape(tf.sqrt(variance), [-1])
    return moments | _reaction(model, found, images, labels, rate)


def _reaction(model, found: tuple[Stage, ...], images, labels, rate) -> dict[str, tf.Tensor]:
    owner = {id(v): number for number, stage in enumerate(found) for part in stage.layers for v in part.variables}
    owners = [owner[id(variable)] for variable in model.trainable_variables]
    weighted = [{id(variable) for variable in stage.weighted.trainable_variables} for stage in found]
    places = [[i for i, v in enumerate(model.trainable_variables) if id(v) in own] for own in weighted]
    start = layer_api.values(model)
    _, before = loss_gradients(model, images, labels, start)

    def compare(upper: tf.Tensor) -> tf.Tensor:
        below = [tf.cast(number < upper, value.dtype) for number, value in zip(owners, start, strict=True)]
        moved = [value - rate * part * gradient for value, part, gradient in zip(start, below, before, strict=True)]
        _, after = loss_gradients(model, images, labels, moved)
        rows = [_change(_flat(before, own), _flat(after, own)) for own in places]
        return tf.stack(rows)[upper]

    # One step a layer, in a loop of the graph: the graph stays as small as that of one step.
    rows = tf.map_fn(compare, tf.range(1, len(found)), fn_output_signature=tf.TensorSpec([2], tf.float64))
    return {
        f"{name}/{stage.name}": rows[number, column]
        for number, stage in enumerate(found[1:])
        for column, name in enumerate(("gradient_change", "gradient_cosine"))
    }


def _flat(gradients: list[tf.Tensor], places: list[int]) -> tf.Tensor:
    return tf.concat([tf.reshape(tf.cast(gradients[place], "float64"), [-1]) for place in places], axis=0)


def _change(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Relative distance and cosine; NaN if a gradient is zero."""
    norm = tf.norm(before)
    return tf.stack([tf.norm(after - before) / norm, tf.tensordot(before, after, 1) / (norm * tf.norm(after))])


def numbers(raw: Mapping[str, np.ndarray], previous: Mapping[str, np.ndarray] | None) -> dict[str, float]:
    """Averages over the units of every layer.

    Args:
        raw: The tensors of a measurement, from :func:`measure`.
        previous: The tensors of the measurement before, if there was one.

    Returns:
        ``unit_input_mean/LAYER`` and ``unit_input_stddev/LAYER``: the average over the units of the absolute mean and
        of the standard deviation of their pre-activations. ``input_drift/LAYER``: the average over the units of how far
        the mean has moved since the measurement before, in the standard deviations of that one. And the scalars as they
        are.
    """
    found: dict[str, float] = {}
    for key, value in raw.items():
        name, layer = key.split("/")
        if name == MEANS:
            found[f"unit_input_mean/{layer}"] = float(np.mean(np.abs(value)))
            if previous:
                with np.errstate(invalid="ignore"):  # after a divergence
                    moved, deviations = np.abs(value - previous[key]), previous[f"{DEVIATIONS}/{layer}"]
                # A unit whose pre-activation is the same for every example has no deviation to measure by.
                varied = deviations > 0
                found[f"input_drift/{layer}"] = (
                    float(np.mean(moved[varied] / deviations[varied])) if varied.any() else 0.0
                )
        elif name == DEVIATIONS:
            found[f"unit_input_stddev/{layer}"] = float(np.mean(value))
        else:
            found[key] = float(value)
    return found


def outcomes(series: list[dict[str, float]]) -> dict[str, float]:
    """Averages over layers and measurements of the drift, the change and the cosine."""
    means = {}
    for name in ("gradient_cosine", "gradient_change", "input_drift"):
        values = [value for row in series for key, value in row.items() if key.startswith(f"{name}/")]
        if values:
            means[f"{name}_mean"] = float(np.mean(values))
    return means
