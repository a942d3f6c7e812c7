"""The feature map of an object that wanders through the image, and the class that the network sees in it.

Cost: one forward pass of :data:`PLACES` images.
"""

from collections.abc import Mapping

import keras
import numpy as np

from cnn_study import layer_api
from cnn_study.data.transforms import shift
from cnn_study.probes.stages import Prepare, outputs, stages

FARTHEST = 8
"""Largest distance that it wanders to either side, in pixels."""
PLACES = 2 * FARTHEST + 1
"""Number of places at which it is looked at: from the left to the right, a pixel at a time."""
SHOWN = (0, FARTHEST, PLACES - 1)
"""Places of which the image and the map are kept."""


def measure(model: keras.Model, prepare: Prepare, image: np.ndarray, label: int) -> Mapping[str, np.ndarray]:
    """Probabilities of the classes, and a map of the lowest layer, while an image is shifted from left to right.

    Args:
        model: The trained network, which stays as it is.
        prepare: The function from images, uint8, to inputs of the network.
        image: A test image, ``(height, width, channels)``, uint8; what lies outside is black.
        label: Class number of the image.

    Returns:
        ``wandering_probability/own``: of the image's own class at every place; ``wandering_probability/other``: of the
        likeliest other class. Under ``wandering_image/P`` the image at the place P of :data:`SHOWN`, the channels of a
        pixel beside one another, and, where the lowest layer has maps, under ``wandering_map/P`` the map that varies
        most over the image in the middle, row by row.
    """
    pictures = np.stack([shift(image[None], 0, place - FARTHEST)[0] for place in range(PLACES)])
    stage = stages(model)[0]
    name, last = (stage.unit or stage.weighted).name, layer_api.chain(model)[-1].name
    given = outputs(model, prepare, pictures, [name, last])
    logits = given[last].astype("float64")
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    others = np.delete(probabilities, label, axis=1)
    found = {
        "wandering_probability/own": probabilities[:, label],
        "wandering_probability/other": others.max(axis=1),
        **{f"wandering_image/{place}": pictures[place].ravel() for place in SHOWN},
    }
    maps = given[name]
    if maps.ndim == pictures.ndim:
        chosen = int(maps[FARTHEST].std(axis=(0, 1)).argmax())
        found |= {f"wandering_map/{place}": maps[place, ..., chosen].ravel() for place in SHOWN}
    return found
