"""Whether a network can undo that all images had their pixels permuted in the same way."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from cnn_study.checks.networks import built, convolutional, maps_after
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.probes.stages import loss
from cnn_study.spec import Activation, Conv, Dense, ModelSpec

EQUAL = 1e-10
"""Largest relative difference that rounding can make in double precision, with room to spare."""
DIFFERENT = 1e-6
"""Smallest relative difference that counts as one."""
SIDE, CHANNELS, IMAGES, CLASSES = 6, 3, 8, 4
"""Side of the images, in pixels; their channels; how many there are; how many classes they have."""
UNITS: tuple[Activation, ...] = ("relu", "tanh", "sigmoid")
FIELD = 2
"""Side of the convolution's field: small, so that every order of its weights can be tried."""


def pixel_permutation(
    depths: Iterable[int] = (0, 1, 2, 3), seeds: Iterable[int] = range(3), orders: Iterable[int] = range(5)
) -> CheckFindings:
    """Permute the pixels of all images, and the rows of the first layer with them: the perceptron is the same.

    A case of a perceptron is a unit, a number of hidden layers, a seed of weights and images, and an order of the
    pixels. It agrees if, up to rounding, the logits for the permuted images are the old ones, and the gradients of the
    loss are the old ones too, those of the first layer in the new order: then every step of gradient descent agrees as
    well. As weights that are drawn independently have no order of their own, training on permuted images has the same
    distribution of results as training on the images as they are.

    A case of a convolution is a seed and an order. It agrees if for every order of the 2x2 weights the responses to the
    permuted images, sorted, so that it does not matter where they are, differ from the sorted old ones by more than a
    millionth of the largest: no convolution gives on permuted images what this one gave before.

    Args:
        depths: Numbers of hidden layers of the perceptrons.
        seeds: The seeds of weights and images.
        orders: Seeds of the orders of the pixels.

    Returns:
        Outcomes: also the largest error of the perceptrons, ``largest_error_dense``, and the smallest of the
        convolutions, ``smallest_error_conv``. Table: a row for every ``kind`` of network, with the ``unit`` and the
        ``depth`` of a perceptron: ``error``, the largest for the one, the smallest for the other.
    """
    tally, table, seeds, orders = Tally(), [], list(seeds), list(orders)
    pairs = list(itertools.product(seeds, orders))
    for unit, depth in itertools.product(UNITS, depths):
        errors = np.array([_perceptron_error(unit, depth, *pair) for pair in pairs])
        tally.add(errors < EQUAL)
        row: Row = {"kind": "dense", "unit": unit, "depth": depth, "error": float(errors.max())}
        table.append(row)
    others = np.array([_convolution_error(*pair) for pair in pairs])
    tally.add(others > DIFFERENT)
    table.append({"kind": "conv", "unit": "", "depth": 1, "error": float(others.min())})
    largest = max(float(row["error"]) for row in table if row["kind"] == "dense")
    return tally.outcomes(largest_error_dense=largest, smallest_error_conv=float(others.min())), table


def _images(seed: int, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random images, the same permuted, and the order: pixel ``i`` of the permuted ones was pixel ``order[i]``."""
    images = np.random.default_rng((seed, SIDE)).standard_normal((IMAGES, SIDE, SIDE, CHANNELS))
    permutation = np.random.default_rng((order, SIDE * SIDE)).permutation(SIDE * SIDE)
    permuted = images.reshape(IMAGES, -1, CHANNELS)[:, permutation].reshape(images.shape)
    return images, permuted, permutation


def _perceptron_error(unit: Activation, depth: int, seed: int, order: int) -> float:
    images, permuted, permutation = _images(seed, order)
    hidden = [Dense(units=5, activation=unit)] * depth
    spec = ModelSpec(input_shape=images.shape[1:], layers=(*hidden, Dense(units=CLASSES, activation=None)))
    model, other = built(spec, seed), built(spec, seed)
    first, *rest = [np.asarray(weight) for weight in model.trainable_weights]
    other.set_weights([_in_order(first, permutation), *rest])
    before, after = _logits_and_gradients(model, images), _logits_and_gradients(other, permuted)
    before[1] = _in_order(before[1], permutation)
    return max(_difference(a, b) for a, b in zip(before, after, strict=True))


def _in_order(rows: np.ndarray, permutation: np.ndarray) -> np.ndarray:
    """The rows of a first layer, one a channel of a pixel, in the order of the permuted pixels."""
    return rows.reshape(SIDE * SIDE, CHANNELS, -1)[permutation].reshape(rows.shape)


def _logits_and_gradients(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """The logits, then the gradient of the mean cross-entropy by every weight, the first layer's first."""
    labels = tf.constant(np.arange(IMAGES) % CLASSES)
    with tf.GradientTape() as tape:
        logits = model(images)
        mean = loss(logits, labels)
    gradients = tape.gradient(mean, [weight.value for weight in model.trainable_weights])
    return [np.asarray(array) for array in (logits, *gradients)]


def _convolution_error(seed: int, order: int) -> float:
    """The least difference of sorted responses over all orders of the weights, relative to the largest response."""
    images, permuted, _ = _images(seed, order)
    model = built(convolutional(images.shape[1:], Conv(maps=1, field=FIELD, padding="valid", activation=None)), seed)
    layer = model.get_layer("conv1")
    kernel = np.asarray(layer.kernel)

    def responses(inputs: np.ndarray) -> np.ndarray:
        return np.sort(maps_after(model, ["conv1"], inputs)[0].reshape(IMAGES, -1), axis=1)

    before, errors = responses(images), []
    for taps in itertools.permutations(range(FIELD * FIELD)):
        layer.kernel.assign(kernel.reshape(FIELD * FIELD, CHANNELS, -1)[list(taps)].reshape(kernel.shape))
        errors.append(_difference(before, responses(permuted)))
    return min(errors)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(abs(a - b).max() / abs(a).max())


SAMPLES = {"pixel_permutation": {"depths": (1, 2), "seeds": (0, 1), "orders": (0,)}}
"""The part of the grid that a sample of a check looks at."""
