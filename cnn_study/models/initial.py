"""Initial weights and biases, drawn in NumPy: the same for every backend, in streams of their own for every layer."""

import numpy as np

from cnn_study.spec import Conv, Dense, FanUniform, Normal, VarianceScaled, Zeros

BIASES = 3
"""Place of the biases among the streams of a layer. Not 0: NumPy takes the seed ``(a, b)`` for ``(a, b, 0)``."""


def weights(layer: Conv | Dense, shape: tuple[int, ...], seed: int, number: int) -> np.ndarray:
    """Initial weights, in double precision.

    Args:
        layer: The layer whose weights are drawn.
        shape: Shape of the kernel, ``(..., inputs, outputs)``.
        seed: The seed of the run's initial weights.
        number: Place of the layer in its network, from 1.
    """
    rule, stream = layer.initializer, np.random.default_rng((seed, number))
    if isinstance(rule, Zeros):
        drawn = np.zeros(shape)
    elif isinstance(rule, Normal):
        drawn = stream.standard_normal(shape) * rule.stddev
    elif isinstance(rule, FanUniform):
        drawn = stream.uniform(-1, 1, shape) * (rule.reach / _fans(layer, shape)[0])
    else:
        deviation = _variance(rule, layer, shape) ** 0.5
        uniform = rule.distribution == "uniform"
        drawn = (stream.uniform(-(3**0.5), 3**0.5, shape) if uniform else stream.standard_normal(shape)) * deviation
    return drawn


def biases(layer: Conv | Dense, shape: tuple[int, ...], seed: int, number: int) -> np.ndarray:
    """Initial biases, in double precision, from a stream of their own.

    Args:
        layer: The layer whose biases are drawn.
        shape: Shape of the biases.
        seed: The seed of the run's initial weights.
        number: Place of the layer in its network, from 1.
    """
    if not layer.bias_stddev:
        return np.zeros(shape)
    return np.random.default_rng((seed, number, BIASES)).standard_normal(shape) * layer.bias_stddev


def _variance(rule: VarianceScaled, layer: Conv | Dense, shape: tuple[int, ...]):
    inputs, outputs = _fans(layer, shape)
    if rule.rule == "fan_out":
        pool = layer.pool if isinstance(layer, Conv) else None
        return (pool.stride**2 if pool else 1) / outputs
    if rule.rule == "standard":
        return 1 / (3 * inputs)
    return {"he": 2 / inputs, "glorot": 2 / (inputs + outputs), "lecun": 1 / inputs}[rule.rule]


def _fans(layer: Conv | Dense, shape: tuple[int, ...]):
    """The inputs of one output and the outputs that one input reaches; with a table, for every connection."""
    if isinstance(layer, Dense):
        return shape
    field = layer.field**2
    if layer.table is not None:
        below = np.array([number for row in layer.table for number in row])
        inputs = np.array([len(row) for row in layer.table for _ in row])
        return field * inputs, field * np.bincount(below)[below]
    # A locally connected kernel already counts the field among its inputs: (positions, field * channels, maps).
    return shape[-2] * (field if layer.shared else 1), field * shape[-1]
