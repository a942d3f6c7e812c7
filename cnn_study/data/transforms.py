"""From the arrays of a data set to what a run trains on: splits, subsets and scaling."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.errors import InputError
from cnn_study.spec import DataSpec

if TYPE_CHECKING:
    from cnn_study.data.cache import Arrays


@dataclass(frozen=True)
class Split:
    """The images of a run, as stored: ``uint8``, scaled only where they are used.

    Attributes:
        x_train: ``(examples, height, width, channels)``, in random order.
        y_train: ``(examples,)``, int32 class numbers.
        x_validation: As ``x_train``; may be empty.
        y_validation: As ``y_train``.
        x_test: As ``x_train``.
        y_test: As ``y_train``.
        mean: Mean training image, ``(height, width, channels)``, float32, in units of 0-255.
        stddev: What the mean-subtracted pixels are divided by.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    mean: np.ndarray
    stddev: float


def split(arrays: "Arrays", spec: DataSpec) -> Split:
    """Carve the validation split, draw the subsets and compute the scaling.

    The validation split depends on its size and the subset seed only, so that every arm, whatever its training size, is
    tuned on the same examples.

    Raises:
        InputError: More examples are asked for than there are.
    """
    y = np.asarray(arrays.y_train)
    rng = np.random.default_rng((spec.subset_seed, 0))
    validation, rest = _stratified(y, np.arange(len(y)), spec.validation_size, rng, "validation_size")
    train_size = len(rest) if spec.train_size is None else spec.train_size
    train, _ = _stratified(y, rest, train_size, np.random.default_rng((spec.subset_seed, 1)), "train_size")
    y_test = np.asarray(arrays.y_test)
    test_size = len(y_test) if spec.test_size is None else spec.test_size
    rng = np.random.default_rng((spec.subset_seed, 2))
    test, _ = _stratified(y_test, np.arange(len(y_test)), test_size, rng, "test_size")

    x_train = _images(arrays.x_train, train)
    mean, stddev = _moments(x_train)
    return Split(
        x_train=x_train,
        y_train=y[train].astype("int32"),
        x_validation=_images(arrays.x_train, validation),
        y_validation=y[validation].astype("int32"),
        x_test=_images(arrays.x_test, test),
        y_test=y_test[test].astype("int32"),
        mean=mean,
        stddev=stddev if spec.scaling == "standardized" else 1.0,
    )


def _images(images: np.ndarray, index: np.ndarray) -> np.ndarray:
    chosen = np.ascontiguousarray(images[index])
    return chosen[..., None] if chosen.ndim == 3 else chosen


def _stratified(
    labels: np.ndarray, among: np.ndarray, size: int, rng: np.random.Generator, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``size`` of the indices ``among``, every class in its proportion; both parts in random order."""
    if size > len(among):
        raise InputError(f"{name} {size} is larger than the {len(among)} examples there are")
    order = rng.permutation(among)
    # The place of an example among those of its class, as a fraction: the smallest fractions over all classes make a
    # stratified draw of any size.
    place = np.empty(len(order))
    for label in np.unique(labels[order]):
        members = np.flatnonzero(labels[order] == label)
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    chosen = np.zeros(len(order), bool)
    chosen[np.argsort(place, kind="stable")[:size]] = True
    return order[chosen], order[~chosen]


def _moments(images: np.ndarray, block: int = 5000) -> tuple[np.ndarray, float]:
    """Mean image and standard deviation of all mean-subtracted pixels, in blocks to save memory."""
    total = np.zeros(images.shape[1:])
    for start in range(0, len(images), block):
        total += images[start : start + block].sum(axis=0, dtype="float64")
    mean = (total / len(images)).astype("float32")
    square = sum(
        float(np.square(images[start : start + block] - mean, dtype="float64").sum())
        for start in range(0, len(images), block)
    )
    return mean, float((square / images.size) ** 0.5) or 1.0
