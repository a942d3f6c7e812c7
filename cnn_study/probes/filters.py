"""What the lowest layer has learned to look for: its kernels, and what they make of one image.

Cost: one forward pass of one image.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.models.layers import LocallyConnected2D, PartiallyConnected2D
from cnn_study.probes.stages import stages

MOST = 16
"""Number of feature maps, or units, that are kept: the first ones."""
NUMBERS = 1500
"""Numbers that are kept of all kernels, and of all feature maps: fewer kernels are kept, and maps reduced, to that."""


class Filters(NamedTuple):
    """Kernels and feature maps of the lowest layer.

    Attributes:
        curves: The numbers that are kept. Under ``filter/M`` the kernel of map M, from 0, row by row, the channels of a
            pixel beside one another. Under ``feature_map/M`` what the layer's unit makes of the image, row by row.
        outcomes: The shapes that the curves have lost: ``filter_height``, ``filter_width``, ``filter_channels``,
            ``feature_map_height`` and ``feature_map_width``.
    """

    curves: dict[str, np.ndarray]
    outcomes: dict[str, float]


def measure(model: keras.Model, image: np.ndarray) -> Filters:
    """The kernels of the lowest layer and the feature maps of an image.

    Of a layer without shared weights, the kernels are those of the place in the middle; a dense layer has kernels of
    the size of the image, and no maps.

    Args:
        model: The trained network, which stays as it is.
        image: The image as an input of the network, ``(height, width, channels)``.
    """
    kernels = _kernels(model, image.shape)
    count = max(min(MOST, kernels.shape[3], NUMBERS // kernels[..., 0].size), 1)
    curves = {f"filter/{number}": kernels[..., number].ravel() for number in range(count)}
    height, width, channels = (float(side) for side in kernels.shape[:3])
    outcomes = {"filter_height": height, "filter_width": width, "filter_channels": channels}
    maps = _maps(model, image)
    if maps is not None:
        maps = _reduced(maps[..., :count], count)
        curves |= {f"feature_map/{number}": maps[..., number].ravel() for number in range(count)}
        outcomes |= {"feature_map_height": float(maps.shape[0]), "feature_map_width": float(maps.shape[1])}
    return Filters(curves, outcomes)


def _kernels(model: keras.Model, image: tuple[int, ...]) -> np.ndarray:
    """``(height, width, channels, maps)``."""
    layer = stages(model)[0].weighted
    kernel = np.asarray(
        layer.full_kernel() if isinstance(layer, PartiallyConnected2D) else layer.trainable_variables[0]
    )
    if isinstance(layer, LocallyConnected2D):
        _, height, width, _ = layer.compute_output_shape((None, *image))
        middle = height // 2 * width + width // 2
        return kernel[middle].reshape(layer.kernel_size, layer.kernel_size, image[2], -1)
    if isinstance(layer, keras.layers.Dense):
        # Behind a global average, a kernel has one number a channel.
        return kernel.reshape(*(image if len(kernel) == np.prod(image) else (1, 1, len(kernel))), -1)
    # The coefficients of a subsampling layer are kernels of one pixel.
    return kernel.reshape(1, 1, 1, -1) if kernel.ndim == 1 else kernel


def _maps(model: keras.Model, image: np.ndarray) -> np.ndarray | None:
    """``(height, width, maps)``, or nothing if the layer has no maps."""
    stage = stages(model)[0]
    shown = stage.unit or stage.weighted
    activation = layer_api.forward(model, tf.constant(image[None]))[shown.name].numpy()[0]
    return activation if activation.ndim == 3 else None


def _reduced(maps: np.ndarray, count: int) -> np.ndarray:
    """Average over squares until the maps are small enough; a rest at the right and lower border is left out."""
    size = 1
    while (maps.shape[0] // size) * (maps.shape[1] // size) * count > NUMBERS:
        size += 1
    height, width = maps.shape[0] // size, maps.shape[1] // size
    return maps[: height * size, : width * size].reshape(height, size, width, size, -1).mean(axis=(1, 3))
