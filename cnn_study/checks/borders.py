"""What padding does at the border of the image: how much of it is still seen, and whether the place can be told."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from cnn_study.checks.networks import built, convolutional, fill, maps_after
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.spec import Conv

PADDINGS = ("same", "valid", "reflect")
FIELD = 3
"""Side of every field, in pixels: every layer reaches one pixel further."""
EQUAL = 1e-10
"""Largest relative difference that rounding can make in double precision, with room to spare."""
DIFFERENT = 1e-6
"""Smallest relative difference that counts as one."""


def border_visibility(side: int = 32, depth: int = 8) -> CheckFindings:
    """Count how much of every pixel still reaches the last of n layers of 3x3 fields, by padding.

    All weights are one, biases zero and units linear, so that an output is the number of paths from the input, and the
    gradient of the sum of the outputs by a pixel the number of paths from it. A case is a padding, a number of layers
    and a pixel. It agrees if three numbers are those of the closed form (:func:`paths_along`, :func:`seen_along`): the
    paths by the gradient, the paths by the response to that pixel alone, and the units that respond.

    Args:
        side: Side of the input, in pixels.
        depth: Largest number of layers.

    Returns:
        Outcomes: also, for every padding and depth, the paths from a pixel of the border divided by those from one in
        the center (``border_influence_same/1``). Table: a row for every padding, ``depth`` and ``distance`` of a pixel
        from the border, with means over the ring of pixels at that distance: ``influence`` (its paths divided by those
        of the center), ``units`` that see it, and ``share`` of all units of the last map.
    """
    tally, table, summary = Tally(), [], {}
    distances = np.minimum(np.arange(side), side - 1 - np.arange(side))
    rings = np.minimum.outer(distances, distances)
    for padding in PADDINGS:
        layer = Conv(maps=1, field=FIELD, padding=padding, activation=None)
        model = built(convolutional((side, side, 1), *[layer] * depth))
        fill(model, 1.0)
        names = [f"conv{n}" for n in range(1, depth + 1)]
        pixels = np.eye(side * side).reshape(-1, side, side, 1)
        responses = maps_after(model, names, pixels)
        for layers, (name, response) in enumerate(zip(names, responses, strict=True), 1):
            along, seen = paths_along(side, layers, padding), seen_along(side, layers, padding)
            paths, units = np.outer(along, along), np.outer(seen, seen)
            agrees = _gradient(model, name, side) == paths
            agrees &= response.sum((1, 2, 3)).reshape(side, side) == paths
            agrees &= (response != 0).sum((1, 2, 3)).reshape(side, side) == units
            tally.add(agrees)
            positions = response.shape[1] * response.shape[2]
            center = paths[side // 2, side // 2]
            for distance in range(rings.max() + 1):
                ring = rings == distance
                row: Row = {"padding": padding, "depth": layers, "distance": distance}
                influence, mean_units = float(paths[ring].mean() / center), float(units[ring].mean())
                table.append(row | {"influence": influence, "units": mean_units, "share": mean_units / positions})
                if distance == 0:
                    summary[f"border_influence_{padding}/{layers}"] = influence
    return tally.outcomes(**summary), table


def paths_along(side: int, depth: int, padding: str) -> np.ndarray:
    """Paths from every pixel of a side to all units of the last layer, for fields of three pixels of one.

    Without a border there are as many paths over a distance as the coefficient of (1/x + 1 + x)**depth. Zeros end the
    paths that step on them: by the reflection principle, images of the pixel with alternating sign take them away. A
    mirror sends them back: images with the same sign add them. The fields are squares, so a pixel of the image has the
    product of the paths of its row and of its column.

    Args:
        side: Length of the side, in pixels.
        depth: Number of layers.
        padding: ``same``, ``valid`` or ``reflect``.

    Returns:
        The numbers of paths, ``(side,)``.
    """
    coefficients = np.ones(1)
    for _ in range(depth):
        coefficients = np.convolve(coefficients, np.ones(FIELD))

    def free(distance: np.ndarray) -> np.ndarray:
        return np.where(abs(distance) <= depth, coefficients[np.clip(distance + depth, 0, 2 * depth)], 0)

    pixels = np.arange(side)
    lost = depth if padding == "valid" else 0
    units = np.arange(lost, side - lost)
    between = units[None, :] - pixels[:, None]
    if padding == "valid":
        return free(between).sum(1)
    period = 2 * (side + 1) if padding == "same" else 2 * (side - 1)
    total = np.zeros((side, len(units)))
    for turn in range(-depth, depth + 1):
        if padding == "same":  # the first zero lies at -1, in the middle between a pixel and its image
            total += free(between - turn * period) - free(units[None, :] + pixels[:, None] + 2 - turn * period)
        else:  # the mirror is the first pixel itself: it and the last one are their own images
            image = free(units[None, :] + pixels[:, None] - turn * period)
            total += free(between - turn * period) + np.where((pixels % (side - 1) == 0)[:, None], 0, image)
    return total.sum(1)


def seen_along(side: int, depth: int, padding: str) -> np.ndarray:
    """Units of the last layer, along a side, whose receptive field holds each pixel: those at most ``depth`` away."""
    pixels = np.arange(side)
    lost = depth if padding == "valid" else 0
    first, last = np.maximum(pixels - depth, lost), np.minimum(pixels + depth, side - 1 - lost)
    return np.maximum(last - first + 1, 0)


def padding_position(side: int = 16, depth: int = 6, maps: int = 4, seeds: Iterable[int] = range(5)) -> CheckFindings:
    """Show a constant image to random networks: only zeros at the border make the response depend on the place.

    A case is a seed, a padding, a number n of layers of 3x3 fields and tanh units, and a distance d of the output from
    the border. With ``same`` padding the outputs at d < n must differ from that in the center, by more than a millionth
    of the largest output there, and those at d >= n must equal it up to rounding. With ``valid`` and ``reflect`` all
    must. A network that can tell the place from a constant image is not equivariant to translation (Islam, Jia & Bruce
    2020; Kayhan & van Gemert 2020).

    Args:
        side: Side of the image, in pixels.
        depth: Largest number of layers; at most half the side, so that there is a center.
        maps: Number of feature maps of every layer.
        seeds: The seeds of the weights.

    Returns:
        Outcomes: also ``border_deviation_same/1``, ...: the mean deviation in the border after so many layers. Table: a
        row for every padding, ``depth`` and ``distance``: ``deviation``, the largest difference from the center divided
        by the largest output there, averaged over seeds.
    """
    tally, table, summary = Tally(), [], {}
    names = [f"unit{n}" for n in range(1, depth + 1)]
    seeds = list(seeds)
    for padding in PADDINGS:
        layer = Conv(maps=maps, field=FIELD, padding=padding, activation="tanh")
        spec = convolutional((side, side, 1), *[layer] * depth)
        outputs = [maps_after(built(spec, seed), names, np.ones((1, side, side, 1))) for seed in seeds]
        for layers in range(1, depth + 1):
            deviations = np.array([_deviations(of_seed[layers - 1][0]) for of_seed in outputs])
            zeros_seen = (padding == "same") & (np.arange(deviations.shape[1]) < layers)
            tally.add(np.where(zeros_seen, deviations > DIFFERENT, deviations < EQUAL))
            for distance, deviation in enumerate(deviations.mean(0)):
                row: Row = {"padding": padding, "depth": layers, "distance": distance}
                table.append(row | {"deviation": float(deviation)})
            summary[f"border_deviation_{padding}/{layers}"] = deviations[:, 0].mean()
    return tally.outcomes(**summary), table


def _gradient(model: keras.Model, name: str, side: int) -> np.ndarray:
    """Derivative of the sum of a layer's outputs by every pixel: ``(side, side)``."""
    inside = keras.Model(model.inputs[0], model.get_layer(name).output)
    image = tf.zeros((1, side, side, 1), "float64")
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(inside(image))
    return np.asarray(tape.gradient(total, image))[0, :, :, 0]


def _deviations(maps: np.ndarray) -> np.ndarray:
    """Largest difference from the center, for every distance from the border, of maps ``(height, width, channels)``."""
    side = maps.shape[0]
    center = maps[side // 2, side // 2]
    from_border = np.minimum(np.arange(side), side - 1 - np.arange(side))
    rings = np.minimum.outer(from_border, from_border)
    differences = abs(maps - center).max(-1) / abs(center).max()
    return np.array([differences[rings == distance].max() for distance in range(rings.max() + 1)])


SAMPLES = {"border_visibility": {"side": 12, "depth": 3}, "padding_position": {"seeds": (0,)}}
"""The part of the grid that a sample of a check looks at."""
