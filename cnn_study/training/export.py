"""A trained network as a file of its own, for uses that have nothing to do with this suite."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from cnn_study.models.factory import build_model
from cnn_study.models.settings import fixed
from cnn_study.training.trainer import Program


@fixed()
def exported(program: Program) -> keras.Model:
    """The network of a program as it is now, with the scaling of its images in front.

    It maps images as they are stored, ``(batch, height, width, channels)``, uint8, to ``(batch, classes)`` logits, and
    computes what the program does, operation by operation. The program is left as it is.
    """
    network = build_model(program.spec.model)
    network.set_weights(program.model.get_weights())
    image = keras.Input(program.spec.model.input_shape, dtype="uint8", name="image_uint8")
    mean = program.scaling.mean.numpy()
    # The variance of 1 makes it the subtraction alone: a product with the inverse is what the network was trained with.
    axes: Any = (1, 2, 3)  # Keras's annotation knows a single axis only.
    x = layers.Normalization(axes, mean=mean, variance=np.ones_like(mean), name="minus_mean")(image)
    x = layers.Rescaling(float(program.scaling.factor), name="by_deviation")(x)
    for layer in network.layers[1:]:
        x = layer(x)
    return keras.Model(image, x)


def as_file(program: Program) -> bytes:
    """The content of a ``.keras`` file with the network of a program, see :func:`exported`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        keras.saving.save_model(exported(program), path)
        return path.read_bytes()
