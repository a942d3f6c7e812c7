"""Weight decay: the gradient of a penalty on large weights (L2 regularization)."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def decayed(gradients: Sequence[Any], variables: Sequence[keras.Variable], decay: float) -> Sequence[Any]:
    """The gradients of a loss with decay / 2 times the sum of all squared weights added to it.

    Args:
        gradients: The gradients of the loss without the penalty, one tensor for each variable.
        variables: The trained variables. Kernels are weights; biases, coefficients of subsampling, and the scales and
            shifts of normalization are not.
        decay: The factor of the penalty; with 0 the gradients are as they were, to the bit.
    """
    if not decay:
        return gradients
    return [
        gradient + decay * tf.convert_to_tensor(variable) if variable.name == "kernel" else gradient
        for gradient, variable in zip(gradients, variables, strict=True)
    ]
