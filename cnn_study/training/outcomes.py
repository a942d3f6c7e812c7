"""Outcomes of a run that follow from its curves and from the classes of its images."""

from collections.abc import Iterable

from cnn_study.results import Point


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
