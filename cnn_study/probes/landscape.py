"""How smooth the loss is along its gradient (Santurkar et al. 2018, section 3.1 and figure 4).

Cost: five forward and backward passes.
"""

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.probes.stages import loss_gradients

STEPS = (0.5, 1.0, 2.0, 4.0)
"""Lengths of the steps along the gradient, in learning rates."""


def measure(model: keras.Model, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """Walk down the gradient in steps of different length, each from the same weights.

    In training mode: with the statistics of the batch, dropout and noise, the same in every step.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(examples, height, width, channels)``.
        labels: Class numbers of the images, ``(examples,)``.
        rate: The learning rate: a step is minus the rate times its length times the gradient, without momentum.

    Returns:
        ``loss_range``: the largest minus the smallest loss over the steps. ``gradient_predictiveness``: the largest
        distance of the gradient at a step from that at the start, divided by the norm of the latter; the smaller, the
        better the gradient predicts those around it.
    """
    start = layer_api.values(model)
    _, before = loss_gradients(model, images, labels, start)

    def walk(length: tf.Tensor) -> tf.Tensor:
        moved = [value - rate * length * gradient for value, gradient in zip(start, before, strict=True)]
        value, after = loss_gradients(model, images, labels, moved)
        return tf.stack([tf.cast(value, "float64"), _norm([a - b for a, b in zip(after, before, strict=True)])])

    rows = tf.map_fn(walk, tf.constant(STEPS), fn_output_signature=tf.TensorSpec([2], tf.float64))
    return {
        "loss_range": tf.reduce_max(rows[:, 0]) - tf.reduce_min(rows[:, 0]),
        "gradient_predictiveness": tf.reduce_max(rows[:, 1]) / _norm(before),
    }


def outcomes(series: list[dict[str, float]]) -> dict[str, float]:
    """Averages over the measurements."""
    return {f"{name}_mean": float(np.mean([row[name] for row in series])) for name in series[0]}


def _norm(tensors: list[tf.Tensor]) -> tf.Tensor:
    return tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(tf.cast(tensor, "float64"))) for tensor in tensors]))
