"""Does a trained network recognize images that were shifted?

Cost: for every distance, four passes over at most :data:`EXAMPLES` test images.
"""

from collections.abc import Callable

import numpy as np

from cnn_study.data.transforms import shift
from cnn_study.spec import DIRECTIONS

EXAMPLES = 2000
"""Number of test images that are shifted: the first ones, or all, if there are fewer."""
FARTHEST = 8
"""The largest shift, in pixels; no more than a quarter of the side of the image."""
DROP = 4
"""The shift at which the loss of accuracy is an outcome of its own, or the largest, if that is less."""

Classify = Callable[[np.ndarray], np.ndarray]
"""A function from images ``(examples, height, width, channels)``, uint8, to classes; -1: the logits are no numbers."""


def measure(classify: Classify, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and agreement under shifts, as averages over the four directions.

    Args:
        classify: The function from images to classes, of the trained network.
        images: Test images ``(examples, height, width, channels)``, uint8.
        labels: Class numbers of the images, ``(examples,)``.

    Returns:
        For every distance D in pixels, from 0: ``shifted_accuracy/D``, and ``shift_consistency/D``, the fraction of
        images with the same answer as unshifted. ``shift_drop/D``: the accuracy at 0 minus that at D, for D =
        :data:`DROP` or the largest.
    """
    images, labels = images[:EXAMPLES], labels[:EXAMPLES]
    unshifted = classify(images)
    outcomes = {"shifted_accuracy/0": float(np.mean(unshifted == labels)), "shift_consistency/0": 1.0}
    farthest = min(FARTHEST, min(images.shape[1:3]) // 4)
    for distance in range(1, farthest + 1):
        answers = [classify(shift(images, distance * down, distance * right)) for down, right in DIRECTIONS]
        outcomes[f"shifted_accuracy/{distance}"] = float(np.mean([answer == labels for answer in answers]))
        outcomes[f"shift_consistency/{distance}"] = float(np.mean([answer == unshifted for answer in answers]))
    at = min(DROP, farthest)
    outcomes[f"shift_drop/{at}"] = outcomes["shifted_accuracy/0"] - outcomes[f"shifted_accuracy/{at}"]
    return outcomes
