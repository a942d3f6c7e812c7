"""Percentiles of the pre-activation of a unit over the examples: Figure 1 (b, c) of Ioffe & Szegedy 2015.

Cost: one forward pass.
"""

import keras
import tensorflow as tf

from cnn_study.experiment.metric import PERCENTILES
from cnn_study.probes.stages import propagate, stages


def measure(model: keras.Model, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """The 15th, 50th and 85th percentile of the pre-activation of the first unit of every layer.

    In training mode: with the statistics of the batch, dropout and noise. Weights are drawn at random, so that the
    first unit is any unit; of a feature map, all positions count.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(examples, height, width, channels)``.
        labels: Class numbers of the images; not used.
        rate: The learning rate; not used.

    Returns:
        ``unit_input_p15/LAYER``, ``unit_input_p50/LAYER`` and ``unit_input_p85/LAYER``, interpolated between the two
        nearest values as NumPy does; NaN after a divergence.
    """
    del labels, rate
    pre_activations = propagate(model, images, training=True).pre_activations
    found = {}
    for stage in stages(model):
        if stage.unit is not None:
            first = tf.gather(pre_activations[stage.name], 0, axis=-1)
            values = tf.sort(tf.cast(tf.reshape(first, [-1]), "float64"))
            valid = tf.reduce_all(tf.math.is_finite(values))
            for percent in PERCENTILES:
                found[f"unit_input_p{percent}/{stage.name}"] = tf.where(
                    valid, _percentile(values, percent), float("nan")
                )
    return found


def _percentile(ascending: tf.Tensor, percent: float) -> tf.Tensor:
    place = tf.cast(tf.size(ascending) - 1, "float64") * percent / 100
    low = tf.cast(tf.floor(place), "int32")
    high = tf.minimum(low + 1, tf.size(ascending) - 1)
    return ascending[low] + (place - tf.floor(place)) * (ascending[high] - ascending[low])


def outcomes(series: list[dict[str, float]]) -> dict[str, float]:
    """Nothing: the percentiles are to be looked at."""
    del series
    return {}
