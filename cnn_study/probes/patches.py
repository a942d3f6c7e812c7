"""What the maps of the uppermost convolution look for: the parts of images that excite each of them most.

Cost: one forward pass of :data:`EXAMPLES` test images.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from cnn_study import layer_api
from cnn_study.probes.stages import Prepare, outputs

EXAMPLES = 1000
"""Number of test images that are searched: the first ones."""
MAPS = 4
"""Number of feature maps that are kept: the first ones that any image excites."""
PATCHES = 4
"""Number of patches of a map, each of another image."""


class Field(NamedTuple):
    """Where the units of a map see the image, along one side.

    Attributes:
        size: Pixels that a unit sees.
        step: Pixels from the field of a unit to that of the next.
        start: First pixel of the first unit's field; below zero if it hangs over the border.
    """

    size: int
    step: int
    start: int

    def through(self, window: int, stride: int, before: int) -> "Field":
        """The field of a layer on top of this one.

        Args:
            window: Side of the field of that layer, in places of this one.
            stride: Step of its field, in the same places.
            before: Number of zeros that it puts before the first place.
        """
        return Field(self.size + (window - 1) * self.step, self.step * stride, self.start - before * self.step)


class Patches(NamedTuple):
    """The patches that excite the maps most.

    Attributes:
        curves: The pixels. Under ``patch/M`` the patches of map M, the most exciting first: from 0 to 255, row by
            row, the channels of a pixel beside one another. What lies beyond the image is black.
        outcomes: Their shapes, which the curves have lost: ``patch_side`` and ``patch_channels``.
    """

    curves: dict[str, np.ndarray]
    outcomes: dict[str, float]


def measure(model: keras.Model, prepare: Prepare, images: np.ndarray) -> Patches:
    """The patches that excite the maps of the uppermost convolution most, before it is pooled.

    Args:
        model: The trained network, which stays as it is.
        prepare: The function from images, uint8, to inputs of the network.
        images: Test images, ``(examples, height, width, channels)``, uint8, of equal sides.

    Returns:
        The patches; nothing if the network has no such layer, or one whose fields are not known.
    """
    found = _uppermost(model, images.shape[1])
    if found is None or images.shape[1] != images.shape[2]:
        return Patches({}, {})
    name, field = found
    images = images[:EXAMPLES]
    maps = outputs(model, prepare, images, [name])[name]
    excited = np.flatnonzero(maps.max(axis=(0, 1, 2)) > 0)[:MAPS]
    curves = {f"patch/{number}": _patches(maps[..., number], images, field).ravel() for number in excited}
    return Patches(curves, {"patch_side": float(field.size), "patch_channels": float(images.shape[3])})


def _uppermost(model: keras.Model, side: int) -> tuple[str, Field] | None:
    """The layer that gives the maps of the uppermost convolution before pooling, and its field."""
    field, found = Field(1, 1, 0), None
    for layer in layer_api.chain(model):
        if isinstance(layer, layers.Flatten | layers.GlobalAveragePooling2D):
            break
        if isinstance(layer, layers.Conv2D):
            field, side = _through(field, side, layer.kernel_size[0], layer.strides[0], layer.padding)
            found = layer.name, field
        elif isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
            field, side = _through(field, side, layer.pool_size[0], layer.strides[0], layer.padding)
        elif isinstance(layer, layers.Activation | layers.LeakyReLU | layers.BatchNormalization):
            if found and found[1] == field:
                found = layer.name, field
        elif not isinstance(layer, layers.Dropout):
            return None
    return found


def _through(field: Field, side: int, window: int, stride: int, padding: str) -> tuple[Field, int]:
    """The field after a layer, and the side of its maps."""
    if padding == "valid":
        return field.through(window, stride, 0), (side - window) // stride + 1
    after = -(-side // stride)
    return field.through(window, stride, max((after - 1) * stride + window - side, 0) // 2), after


def _patches(maps: np.ndarray, images: np.ndarray, field: Field) -> np.ndarray:
    """``(patches, side, side, channels)``, those of the most excited units, no two of one image."""
    examples, height, width = maps.shape
    flat = maps.reshape(examples, height * width)
    best = flat.argmax(axis=1)
    order = np.argsort(-flat[np.arange(examples), best], kind="stable")[:PATCHES]
    over = field.size + max(0, -field.start)
    padded = np.pad(images[order], ((0, 0), (over, over), (over, over), (0, 0)))
    patches = []
    for image, place in zip(padded, best[order], strict=True):
        row, column = (over + field.start + field.step * int(at) for at in divmod(int(place), width))
        patches.append(image[row : row + field.size, column : column + field.size])
    return np.stack(patches)
