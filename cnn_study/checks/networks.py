"""The small networks that the checks look into."""

from collections.abc import Sequence

import keras
import numpy as np

from cnn_study.models.factory import build_model
from cnn_study.spec import Conv, GlobalAverage, ModelSpec


def convolutional(input_shape: tuple[int, int, int], *layers: Conv) -> ModelSpec:
    """Convolutional layers, closed with a global average: the cheapest end that a specification allows.

    Raises:
        ValueError: The layers do not fit the input or one another.
    """
    return ModelSpec(input_shape=input_shape, layers=(*layers, GlobalAverage()))


def built(spec: ModelSpec, seed: int = 0) -> keras.Model:
    """The network in double precision, so that rounding cannot be taken for a difference."""
    return build_model(spec, seed, dtype="float64")


def fill(model: keras.Model, value: float) -> None:
    """Set all weights of the convolutional and locally connected layers to one value; biases stay zero."""
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(np.full(layer.kernel.shape, value))


def maps_after(model: keras.Model, names: Sequence[str], images: np.ndarray) -> list[np.ndarray]:
    """What the named layers give for images ``(batch, height, width, channels)``."""
    inside = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    outputs = inside(images)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]
