"""Forward and backward through a small network, one layer at a time.

    python examples/forward_backward.py

Backpropagation needs two things of every layer: forward, what it gives for an input; and backward, what the gradient of
its output says about its parameters and its input. This script passes a batch up and a gradient down and holds the
result against automatic differentiation of the whole network and against finite differences.
"""

import os

# TensorFlow greets less when it has little to say, and these few numbers need no faster kernels.
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.models.factory import build_model
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

NETWORK = ModelSpec(
    input_shape=(6, 6, 1),
    layers=(
        Conv(maps=2, field=3, batch_norm=True, pool=Pool(reduce="max")),
        Dense(units=5, activation="tanh", dropout=0.2),
        Dense(units=3, activation=None),
    ),
)


def main() -> None:
    """Print the two passes and the comparison."""
    rng = np.random.default_rng(0)
    # Finite differences need float64; training mode has batch statistics and a dropout mask.
    model = build_model(NETWORK, seed=1, noise_seed=1, dtype="float64")
    images = tf.constant(rng.standard_normal((4, *NETWORK.input_shape)))
    labels = tf.constant(rng.integers(0, NETWORK.classes, 4))

    print("forward: every layer takes what the one before it gives")
    activations = layer_api.forward(model, images, training=True)
    for name, activation in activations.items():
        print(f"  {name:9} {activation.shape!s:13} norm {np.linalg.norm(activation):8.4f}")

    # The first gradient that is handed down: of the mean cross-entropy with respect to the logits.
    logits = list(activations.values())[-1]
    upstream = (tf.nn.softmax(logits) - tf.one_hot(labels, NETWORK.classes, dtype=logits.dtype)) / len(labels)

    print("\nbackward: every layer gets the gradient of its output and hands down that of its input")
    gradients = layer_api.backward(model, images, upstream, training=True)
    for name, (parameters, below) in gradients.items():
        own = ", ".join(f"{key} {np.linalg.norm(value):.4f}" for key, value in parameters.items())
        print(f"  {name:9} hands down {np.linalg.norm(below):.4f}{own and '; norms of its own: ' + own}")

    print("\nagreement: the largest relative error of a layer's gradients")
    print("  layer     against autodiff   against finite differences")
    rows = layer_api.compare(model, images, seed=0, training=True)
    for name in gradients:
        own = [row for row in rows if row.layer == name]
        print(f"  {name:9} {max(row.autodiff for row in own):16.1e} {max(row.differences for row in own):28.1e}")


if __name__ == "__main__":
    main()
