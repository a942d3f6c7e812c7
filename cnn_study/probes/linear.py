"""How well a line tells the classes apart by what a layer gives: linear classifier probes (Alain & Bengio 2016).

A linear classifier is fitted to the outputs of every layer for training images, and tested on test images: its error
says how far the layers up to this one have come with the task. The same is done once more with every image cut into
tiles that are put together in another order, the same in all images. A classifier of pixels does not mind, nor one of
features that each lie within a tile; what a layer has put together from the whole image is lost.

Cost: two forward passes of :data:`EXAMPLES` training and :data:`TESTED` test images, and a system of as many equations
as there are training images for every layer.
"""

import keras
import numpy as np

from cnn_study.probes.stages import Prepare, outputs, stages

EXAMPLES = 1000
"""Number of training images that a classifier is fitted to: the first ones."""
TESTED = 2000
"""Number of test images on which its error is measured: the first ones."""
TILES = 4
"""Number of tiles along a side of the image, if these divide it: else the next smaller number that does."""
PENALTIES = tuple(10.0**power for power in range(-5, 2))
"""Ridge penalties that are tried, in units of the mean squared length of an image's centered features."""


def measure(
    model: keras.Model,
    prepare: Prepare,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> dict[str, float]:
    """The errors of linear classifiers on pixels and on what every hidden layer gives.

    Args:
        model: The trained network, which stays as it is.
        prepare: The function from images, uint8, to inputs of the network.
        train: Training images ``(examples, height, width, channels)``, uint8, and their labels ``(examples,)``.
        test: Test images and their labels, in the same shapes and types.

    Returns:
        Fractions of the test images: ``linear_probe_error/K`` for the pixels, K = 0, and for the hidden layer K, from 1
        at the input up, after its pooling; ``shuffled_probe_error/K`` with tiles in another order. The latter is left
        out where no number of tiles divides the image.
    """
    (x_train, y_train), (x_test, y_test) = (
        (x[:size], y[:size]) for (x, y), size in ((train, EXAMPLES), (test, TESTED))
    )
    found = {}
    for name, change in (("linear_probe_error", np.asarray), ("shuffled_probe_error", shuffled)):
        known, asked = change(x_train), change(x_test)
        if known is not None and asked is not None:
            pairs = zip(features(model, prepare, known), features(model, prepare, asked), strict=True)
            for depth, (fitted, tested) in enumerate(pairs):
                classes = ridge(fitted, y_train, tested)
                found[f"{name}/{depth}"] = float(np.mean(classes != y_test))
    return found


def features(model: keras.Model, prepare: Prepare, images: np.ndarray) -> list[np.ndarray]:
    """The pixels, and what every hidden layer with weights makes of them, each ``(examples, numbers)``."""
    given = outputs(model, prepare, images, [stage.layers[-1].name for stage in stages(model)[:-1]])
    return [values.reshape(len(images), -1).astype("float64") for values in (prepare(images), *given.values())]


def shuffled(images: np.ndarray) -> np.ndarray | None:
    """Images of which every tile lies where another was, the same way in all; ``None`` if they cannot be cut.

    Args:
        images: The images to be cut, ``(examples, height, width, channels)``.
    """
    count, height, width, channels = images.shape
    tiles = next((tiles for tiles in range(TILES, 1, -1) if height % tiles == 0 and width % tiles == 0), None)
    if tiles is None:
        return None
    order = _elsewhere(tiles**2)
    cut = images.reshape(count, tiles, height // tiles, tiles, width // tiles, channels).swapaxes(2, 3)
    moved = cut.reshape(count, tiles**2, height // tiles, width // tiles, channels)[:, order]
    return moved.reshape(cut.shape).swapaxes(2, 3).reshape(images.shape)


def _elsewhere(size: int) -> np.ndarray:
    """An order, always the same, in which nothing is at its place."""
    generator = np.random.default_rng(size)
    while True:
        order = generator.permutation(size)
        if (order != np.arange(size)).all():
            return order


def ridge(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Classes by ridge regression on one number a class, with the penalty chosen by leave-one-out cross-validation.

    The squared error of every training image under the classifier fitted to all others has a closed form for least
    squares. With fewer images than features, the equations are those of the images (the dual form).

    Args:
        known: Features ``(examples, numbers)`` of training images.
        labels: The classes of these images ``(examples,)``.
        asked: Features ``(images, numbers)`` of images whose classes are wanted.

    Returns:
        The classes of the latter, ``(images,)``.
    """
    classes = np.unique(labels)
    targets = (labels[:, None] == classes).astype("float64")
    mean, level = known.mean(axis=0), targets.mean(axis=0)
    known, asked = known - mean, asked - mean
    products = known @ known.T
    values, vectors = np.linalg.eigh(products)
    scale = (
        float(np.trace(products)) / len(known) or 1.0
    )  # Any scale, for a layer whose output is the same for every image.
    rotated, squares = vectors.T @ (targets - level), np.square(vectors)

    def fitted(penalty: float) -> tuple[float, np.ndarray]:
        """The leave-one-out squared error, and the weights of the images."""
        inverse = 1 / (np.maximum(values, 0) + penalty)
        weights = vectors @ (inverse[:, None] * rotated)
        # Each image is left out of the mean too, in which it counts with one divided by their number.
        kept = penalty * (squares @ inverse) - 1 / len(known)
        return float(np.square(penalty * weights / np.maximum(kept, 1e-12)[:, None]).mean()), weights

    _, weights = min((fitted(penalty * scale) for penalty in PENALTIES), key=lambda each: each[0])
    return classes[np.argmax(asked @ (known.T @ weights) + level, axis=1)]
