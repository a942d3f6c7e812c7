"""From the arrays of a data set to what a run trains on: splits, subsets, geometry and scaling."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnn_study.errors import InputError
from cnn_study.spec import DIRECTIONS, DataSpec, ScalingName

if TYPE_CHECKING:
    from cnn_study.data.cache import Arrays


TRAINING = 0
"""Number of the stream that draws the places of training images; those of validation and test images follow."""


@dataclass(frozen=True)
class Split:
    """The images of a run, as stored: ``uint8``, scaled only where they are used.

    Attributes:
        x_train: Training images, ``(examples, height, width, channels)``, in random order, with displaced copies at the
            end.
        y_train: Class numbers of the training images, ``(examples,)``, int32.
        x_validation: Validation images, with the axes of ``x_train``; may be empty.
        y_validation: Class numbers of the validation images, ``(examples,)``, int32.
        x_test: Test images, with the axes of ``x_train``.
        y_test: Class numbers of the test images, ``(examples,)``, int32.
        mean: The image that is subtracted from every image, ``(height, width, channels)``, float32, in units of 0-255:
            the mean training image, or zeros.
        stddev: The number that the pixels are then divided by.
        objects_test: The test images before they were placed at random on a canvas; ``None`` if they were not.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    mean: np.ndarray
    stddev: float
    objects_test: np.ndarray | None = None


def split(arrays: "Arrays", spec: DataSpec) -> Split:
    """Carve the validation split, draw the subsets and compute the scaling.

    The validation split depends on its size and the subset seed only, so that every arm, whatever its training size, is
    tuned on the same examples.

    Raises:
        InputError: More examples are asked for than there are, or the geometry does not fit the images.
    """
    try:
        spec.image_shape(_images(arrays.x_train, np.arange(0)).shape[1:])
    except ValueError as error:
        raise InputError(str(error)) from None
    y = np.asarray(arrays.y_train)
    rng = np.random.default_rng((spec.subset_seed, 0))
    validation, rest = _stratified(y, np.arange(len(y)), spec.validation_size, rng, "validation_size")
    train_size = len(rest) if spec.train_size is None else spec.train_size
    train, _ = _stratified(y, rest, train_size, np.random.default_rng((spec.subset_seed, 1)), "train_size")
    y_test = np.asarray(arrays.y_test)
    test_size = len(y_test) if spec.test_size is None else spec.test_size
    rng = np.random.default_rng((spec.subset_seed, 2))
    test, _ = _stratified(y_test, np.arange(len(y_test)), test_size, rng, "test_size")

    x_train = _prepared(_images(arrays.x_train, train), spec, TRAINING)
    x_validation = _prepared(_images(arrays.x_train, validation), spec, 1)
    objects = _resized(_images(arrays.x_test, test), spec)
    mean, stddev = _scaling(x_train, spec.scaling)
    return Split(
        x_train=x_train,
        y_train=np.tile(y[train].astype("int32"), spec.versions),
        x_validation=x_validation,
        y_validation=y[validation].astype("int32"),
        x_test=_arranged(objects, spec, 2),
        y_test=y_test[test].astype("int32"),
        mean=mean,
        stddev=stddev,
        objects_test=objects if spec.placement == "random" else None,
    )


def place_at(objects: np.ndarray, canvas: int, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Put every image on a black canvas of its own, its nearest side at a distance from the border.

    The side of the canvas and the place along it are drawn at random.

    Args:
        objects: The images, ``(examples, side, side, channels)``, uint8.
        canvas: Side of the canvas, in pixels.
        distance: Distance between the image and the nearest border, in pixels; at most ``(canvas - side) // 2``.
        rng: The generator that the places are drawn from.

    Returns:
        The canvases, ``(examples, canvas, canvas, channels)``, uint8.

    Raises:
        InputError: Images at this distance do not fit on the canvas.
    """
    room = canvas - objects.shape[1]
    if not 0 <= distance <= room // 2:
        side = objects.shape[1]
        raise InputError(f"an image of {side} pixels cannot lie {distance} from the border of a canvas of {canvas}")
    along = rng.integers(distance, room - distance, len(objects), endpoint=True)
    near = np.where(rng.random(len(objects)) < 0.5, distance, room - distance)
    vertical = rng.random(len(objects)) < 0.5
    return _placed(objects, canvas, np.where(vertical, near, along), np.where(vertical, along, near))


def shift(images: np.ndarray, down: int, right: int, into: np.ndarray | None = None) -> np.ndarray:
    """Shift images and fill what comes in with zeros: black, for bytes.

    Args:
        images: The images, ``(examples, height, width, channels)``.
        down: Number of pixels to shift down; negative: up. At most the height.
        right: Number of pixels to shift to the right; negative: to the left. At most the width.
        into: Zeros of the shape of the images that take the shifted ones; ``None``: new ones.
    """
    shifted = np.zeros_like(images) if into is None else into
    shifted[:, _to(down), _to(right)] = images[:, _to(-down), _to(-right)]
    return shifted


def _prepared(images: np.ndarray, spec: DataSpec, stream: int) -> np.ndarray:
    return _arranged(_resized(images, spec), spec, stream)


def _resized(images: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Crop and resize. Reducing averages over what falls together, so that no line is lost between two pixels."""
    if spec.crop:
        images = np.ascontiguousarray(images[:, spec.crop : -spec.crop, spec.crop : -spec.crop])
    if spec.side in (None, images.shape[1]):
        return images
    resized = np.empty((len(images), spec.side, spec.side, images.shape[3]), "uint8")
    for number, image in enumerate(images):
        for channel in range(images.shape[3]):
            small = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            resized[number, ..., channel] = small.resize((spec.side, spec.side), Image.Resampling.BILINEAR)
    return resized


def _arranged(images: np.ndarray, spec: DataSpec, stream: int) -> np.ndarray:
    """Place on the canvas, displace and permute; the streams are those of training, validation and test images."""
    if spec.canvas is not None:
        room = spec.canvas - images.shape[1]
        rows = columns = np.full(len(images), room // 2)
        if spec.placement == "random":
            rng = np.random.default_rng((spec.subset_seed, 3, stream))
            rows, columns = rng.integers(0, room, (2, len(images)), endpoint=True)
        images = _placed(images, spec.canvas, rows, columns)
    if spec.displaced and stream == TRAINING:
        images = _with_displaced(images, spec.displaced)
    return images if spec.block is None else _permuted(images, spec.block, spec.block_seed)


def _placed(images: np.ndarray, canvas: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    placed = np.zeros((len(images), canvas, canvas, images.shape[3]), "uint8")
    for image, row, column, on in zip(images, rows, columns, placed, strict=True):
        on[row : row + image.shape[0], column : column + image.shape[1]] = image
    return placed


def _with_displaced(images: np.ndarray, pixels: int) -> np.ndarray:
    """The images and, direction by direction, copies of all that are so many pixels away, with zeros behind them."""
    number, height, width, channels = images.shape
    found = np.zeros((1 + len(DIRECTIONS), number, height, width, channels), "uint8")
    found[0] = images
    for copies, direction in zip(found[1:], DIRECTIONS, strict=True):
        shift(images, *(pixels * step for step in direction), into=copies)
    return found.reshape(-1, height, width, channels)


def _to(moved: int) -> slice:
    """The part of an axis that an image comes to lie on when it moves along it."""
    return slice(max(moved, 0), min(moved, 0) or None)


def _permuted(images: np.ndarray, block: int, seed: int) -> np.ndarray:
    """Put square blocks of pixels into another order, the same for every image."""
    examples, height, width, channels = images.shape
    rows, columns = height // block, width // block
    order = np.random.default_rng((seed, block)).permutation(rows * columns)
    blocks = images.reshape(examples, rows, block, columns, block, channels).transpose(0, 1, 3, 2, 4, 5)
    moved = blocks.reshape(examples, rows * columns, block, block, channels)[:, order]
    moved = moved.reshape(examples, rows, columns, block, block, channels).transpose(0, 1, 3, 2, 4, 5)
    return np.ascontiguousarray(moved.reshape(images.shape))


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


def _scaling(images: np.ndarray, scaling: ScalingName) -> tuple[np.ndarray, float]:
    """What is subtracted from images in units of 0-255, and what they are then divided by."""
    if scaling == "unit":
        return np.zeros(images.shape[1:], "float32"), 255.0
    mean, stddev = _moments(images)
    return mean, stddev if scaling == "standardized" else 1.0


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
