"""What is trained: two networks and random images, since only time is measured."""

import numpy as np

from cnn_study.data.transforms import Split
from cnn_study.models.architectures import dense_net, four_layer_18pct
from cnn_study.models.complexity import costs
from cnn_study.spec import ModelSpec

IMAGES = 12_800
SHAPE = (32, 32, 3)
LEARNING_RATE, MOMENTUM = 0.001, 0.9
HIDDEN = (512, 512)
"""Units of the dense network."""

NETWORKS = {
    "conv": four_layer_18pct("relu", input_shape=SHAPE),
    "dense": dense_net("relu", hidden=HIDDEN, input_shape=SHAPE),
}


def training_macs(model: ModelSpec) -> int:
    """Multiply-accumulates of a training step for one image.

    Forward once; backward once for the weights, and once for the inputs of every layer but the first.
    """
    rows = costs(model)
    return 3 * sum(row.macs for row in rows) - rows[0].macs


def random_images(count: int = IMAGES, shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels: ``(count, height, width, channels)`` bytes, ``(count,)`` classes."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape), dtype="uint8"), rng.integers(0, 10, count, dtype="int32")


def random_split(train: int, test: int, shape: tuple[int, int, int] = SHAPE) -> Split:
    """So many random images for training and for testing, and none for validation."""
    x, y = random_images(train + test, shape)
    mean = x[:train].mean(0).astype("float32")
    return Split(x[:train], y[:train], x[:0], y[:0], x[train:], y[train:], mean, 64.0)
