"""An unpooled feature map of an image, and of the image moved by a pixel: what pooling and strides are applied to.

Cost: one forward pass of two images.
"""

from collections.abc import Mapping

import keras
import numpy as np

from cnn_study.data.transforms import shift
from cnn_study.probes.stages import Prepare, outputs, stages


def measure(model: keras.Model, prepare: Prepare, image: np.ndarray) -> Mapping[str, np.ndarray]:
    """The feature map of the lowest layer that varies most over an image, for the image and for the moved one.

    Args:
        model: The trained network, which stays as it is.
        prepare: The function from images, uint8, to inputs of the network.
        image: A test image, ``(height, width, channels)``, uint8.

    Returns:
        Under ``seen_image/S`` the image moved to the right by S = 0 and 1 pixels, the channels of a pixel beside one
        another; under ``seen_map/S`` the map of it, row by row. Nothing if the layer has no maps, or maps of other
        sides than the image.
    """
    stage = stages(model)[0]
    pictures = np.stack([shift(image[None], 0, right)[0] for right in (0, 1)])
    name = (stage.unit or stage.weighted).name
    maps = outputs(model, prepare, pictures, [name])[name]
    if maps.ndim != 4 or maps.shape[1:3] != image.shape[:2]:
        return {}
    chosen = int(maps[0].std(axis=(0, 1)).argmax())
    return {
        **{f"seen_image/{right}": pictures[right].ravel() for right in (0, 1)},
        **{f"seen_map/{right}": maps[right, ..., chosen].ravel() for right in (0, 1)},
    }
