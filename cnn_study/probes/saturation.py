"""How many units are where their slope is next to nothing: saturated, inactive or dead.

Cost: one forward pass.
"""

import keras
import tensorflow as tf

from cnn_study.models.layers.units import SCALED_TANH_LIMIT
from cnn_study.probes.stages import propagate, stages

LIMIT = 0.95
"""A tanh beyond this fraction of its range, to either side, is saturated; a sigmoid above it or below 1 - LIMIT."""
SATURATED = {
    "tanh": (-LIMIT, LIMIT),
    "scaled_tanh": (-SCALED_TANH_LIMIT * LIMIT, SCALED_TANH_LIMIT * LIMIT),
    "sigmoid": (1 - LIMIT, LIMIT),
}
"""Units with two limits: outside of these outputs they are saturated."""
RESTING = {"relu": 0.0, "gelu": 0.0, "silu": 0.0, "elu": -1.0, "leaky_relu": float("-inf")}
"""The other units: what their output approaches for very negative inputs."""
NEAR = 0.01
"""A unit whose pre-activation is not positive is inactive when its output is that near to its resting value."""


def measure(model: keras.Model, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """The fractions of saturated, inactive and dead units of every layer.

    In training mode: with the statistics of the batch, dropout and noise.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(examples, height, width, channels)``.
        labels: Class numbers of the images; not used.
        rate: The learning rate; not used.

    Returns:
        For layers of tanh, scaled tanh or sigmoid units, ``saturated/LAYER``: the fraction of outputs beyond the
        limits of :data:`SATURATED`. For the others, ``inactive/LAYER``: the fraction of outputs at rest, which is 0
        exactly for a rectifier; ``dead/LAYER``: the fraction of units that are inactive for every example, where the
        units of a feature map, which share their weights, count as one.
    """
    del labels, rate
    activations = propagate(model, images, training=True)
    fractions = {}
    for stage in stages(model):
        if stage.unit is None:
            continue
        outputs, kind = activations.outputs[stage.name], _kind(stage.unit)
        if kind in SATURATED:
            low, high = SATURATED[kind]
            found = {"saturated": (outputs < low) | (outputs > high)}
        else:
            inactive = (activations.pre_activations[stage.name] <= 0) & (outputs - RESTING[kind] <= NEAR)
            inactive &= outputs - RESTING[kind] >= -NEAR
            found = {"inactive": inactive, "dead": tf.reduce_all(inactive, axis=stage.unshared_axes)}
        # After a divergence there is nothing to count.
        valid = tf.reduce_all(tf.math.is_finite(outputs))
        for name, condition in found.items():
            fraction = tf.reduce_mean(tf.cast(condition, "float64"))
            fractions[f"{name}/{stage.name}"] = tf.where(valid, fraction, float("nan"))
    return fractions


def outcomes(series: list[dict[str, float]]) -> dict[str, float]:
    """The largest fraction over the layers: saturated at initialization, after the first epoch and at the end; dead."""
    moments = {"start": series[0], "early": series[min(1, len(series) - 1)], "end": series[-1]}
    found = {f"saturated_{when}": _largest(numbers, "saturated/") for when, numbers in moments.items()}
    found["dead_end"] = _largest(series[-1], "dead/")
    return {name: value for name, value in found.items() if value is not None}


def _kind(unit: keras.layers.Layer) -> str:
    return "leaky_relu" if isinstance(unit, keras.layers.LeakyReLU) else unit.activation.__name__


def _largest(numbers: dict[str, float], prefix: str) -> float | None:
    return max((value for name, value in numbers.items() if name.startswith(prefix)), default=None)
