"""The losses that a training can minimize."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from cnn_study.spec import LossName

RUBBISH = 0.1
"""The constant j of the maximum a posteriori criterion: the paper says only that it is positive."""


def _cross_entropy(labels: Any, outputs: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def _mean_squared(labels: Any, outputs: Any) -> Any:
    wanted = tf.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    return tf.reduce_sum(tf.square(outputs - wanted), axis=-1) / 2


def _map(labels: Any, outputs: Any) -> Any:
    rubbish = tf.fill([tf.shape(outputs)[0], 1], tf.constant(-RUBBISH, outputs.dtype))
    return _cross_entropy(labels, tf.concat([outputs, rubbish], axis=-1))


_LOSSES: dict[LossName, Callable[[Any, Any], Any]] = {
    "cross_entropy": _cross_entropy,
    "mean_squared": _mean_squared,
    "map": _map,
}


def loss(name: LossName) -> Callable[[Any, Any], Any]:
    """The function of that name, see :attr:`cnn_study.spec.TrainSpec.loss`.

    Returns:
        A function of the labels ``(batch,)``, int32, and the outputs of the network ``(batch, classes)``, which gives
        the loss of every example, ``(batch,)``.
    """
    return _LOSSES[name]
