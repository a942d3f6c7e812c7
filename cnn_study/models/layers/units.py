"""Units that Keras lacks, or has in another form."""

import keras
from keras import ops

SCALED_TANH_LIMIT = 1.7159
"""The limit of LeCun's unit for large inputs; for small ones it is minus that."""


@keras.saving.register_keras_serializable(package="cnn_study")
def scaled_tanh(x):
    """LeCun's unit 1.7159 tanh(2x/3) (LeCun et al. 1998, "Efficient BackProp", section 4.4), elementwise."""
    return ops.multiply(ops.tanh(ops.multiply(x, 2.0 / 3.0)), SCALED_TANH_LIMIT)


@keras.saving.register_keras_serializable(package="cnn_study")
def silu(x):
    """X times its sigmoid (Elfwing et al. 2018), elementwise.

    TensorFlow's own has a gradient that is registered anew in every graph and keeps the graph in memory forever.
    """
    return ops.multiply(x, ops.sigmoid(x))
