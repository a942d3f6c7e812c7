"""Does a trained network recognize what lies at the border of the image?

Cost: for every distance, one pass over the test images.
"""

import numpy as np

from cnn_study.data.transforms import place_at
from cnn_study.probes.translation import Classify

SEED = 0
"""The seed of the places along the border: the same for every run, so that arms are compared on the same images."""


def measure(classify: Classify, objects: np.ndarray, labels: np.ndarray, canvas: int) -> dict[str, float]:
    """Accuracy against the distance of the object from the nearest border.

    Args:
        classify: The function from images to classes, of the trained network.
        objects: Test images before they are placed, ``(examples, side, side, channels)``, uint8.
        labels: Class numbers of the images, ``(examples,)``.
        canvas: Side of the canvas, in pixels.

    Returns:
        ``accuracy_at_distance/D`` for D = 0, 1, 2, 4, ... pixels and the largest possible, in the middle;
        ``accuracy_at_border`` and ``accuracy_at_center``: the first and the last of them.
    """
    center = (canvas - max(objects.shape[1:3])) // 2
    distances = sorted({0, center, *(2**power for power in range(center.bit_length()))})
    accuracy = {}
    for distance in distances:
        placed = place_at(objects, canvas, distance, np.random.default_rng((SEED, distance)))
        accuracy[distance] = float(np.mean(classify(placed) == labels))
    return {f"accuracy_at_distance/{distance}": value for distance, value in accuracy.items()} | {
        "accuracy_at_border": accuracy[0],
        "accuracy_at_center": accuracy[center],
    }
