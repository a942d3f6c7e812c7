"""Outcomes of a run that follow from its curves and from the classes of its images."""

from collections.abc import Iterable

import numpy as np

from cnn_study.results import Point

SHARE, DEVIATIONS = 0.1, 3
"""The margin by which a network must beat a constant answer not to be stuck; see :func:`highest_learned_error`."""


def highest_learned_error(labels: np.ndarray) -> float:
    """The training error below which a network has learned something; one that is not below is stuck.

    The best constant answer names the most frequent class: of n images with m of that class, it gets c = 1 - m / n
    wrong. A network has learned something if its error is lower by a tenth of c, and by three standard deviations
    sqrt(c (1 - c) / n) of an answer that is right as often by chance: the first decides for many images, where chance
    is small but telling one class of ten apart is no success; the second for few. 0.81 for 50,000 images in ten equal
    classes. Images of a single class leave nothing to be learned: 0.

    Args:
        labels: Class numbers of the training images, ``(examples,)``.
    """
    constant = 1 - np.unique(labels, return_counts=True)[1].max() / len(labels)
    margin = max(SHARE * constant, DEVIATIONS * (constant * (1 - constant) / len(labels)) ** 0.5)
    return max(float(constant - margin), 0.0)


def stuck(train_error: float, labels: np.ndarray, diverged: bool) -> bool:
    """Whether a run has failed to train: it diverged, or its network is hardly better than a constant answer.

    Args:
        train_error: The error of the finished run on all training images, between 0 and 1.
        labels: Their class numbers, ``(examples,)``.
        diverged: Whether its loss was no finite number in the end.
    """
    constant_is_right = len(np.unique(labels)) == 1
    return diverged or (train_error >= highest_learned_error(labels) and not constant_is_right)


def at_best_validation(history: Iterable[Point]) -> float | None:
    """The test error after the first epoch with the lowest validation error.

    Args:
        history: The measured values of a run.

    Returns:
        The error; ``None`` if no epoch ended with both errors measured.
    """
    curves: dict[str, dict[int, float]] = {"validation_error": {}, "test_error": {}}
    for point in history:
        if point.metric in curves:
            curves[point.metric][point.step] = point.value
    validation, test = curves.values()
    # The smallest of equals is the first: measured values are in the order of their measurement.
    best = min((step for step in validation if step in test), key=lambda step: validation[step], default=None)
    return None if best is None else test[best]
