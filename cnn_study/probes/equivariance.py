"""Do the feature maps shift with the image?

Cost: five passes over at most :data:`EXAMPLES` test images through the layers with feature maps.
"""

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api
from cnn_study.data.transforms import shift
from cnn_study.models.layers import ReflectionPadding2D, Subsample2D
from cnn_study.probes.stages import stages
from cnn_study.spec import DIRECTIONS, same_padding

EXAMPLES = 100
"""Number of test images that are shifted."""


def measure(model: keras.Model, images: np.ndarray) -> dict[str, float]:
    """Compare the feature maps of shifted images with shifted feature maps.

    Images are shifted by one pixel in each of the four directions, after they are prepared, so that the zeros that come
    in are what zero padding would add. Maps that lie s pixels apart are shifted by 1/s of a place, by linear
    interpolation. The maps are the weighted sums, before any pooling. The error is the norm of the difference divided
    by the norm of the maps of the shifted images, over the places that the shifted maps cover; 0 is exact equivariance.
    Errors are averages over the directions.

    Args:
        model: The trained network, which stays as it is.
        images: Test images as the network takes them, ``(examples, height, width, channels)``, float32.

    Returns:
        ``equivariance_error_whole``: of the lowest layer. ``equivariance_error_interior``: the same without the places
        that a field over the border of the image has a part in, if any are left. ``equivariance_error/LAYER``: of every
        further layer with weights and maps, over the whole map. Empty if the lowest layer has no maps.
    """
    images = images[:EXAMPLES]
    lowest, *further = (stage.weighted for stage in stages(model))
    if not _mapped(lowest):
        return {}
    mapped = [lowest, *(layer for layer in further if _mapped(layer))]
    steps = _steps(model)
    compiled = tf.function(lambda x: [found for name, found in layer_api.forward(model, x).items() if name in steps])
    run = compiled.get_concrete_function(tf.TensorSpec(images.shape, tf.float32))

    def maps(x: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(steps, (activation.numpy() for activation in run(tf.constant(x))), strict=True))

    still = maps(images)
    errors: dict[str, list[float]] = {}
    for direction in DIRECTIONS:
        moved = maps(shift(images, *direction))
        for layer in mapped:
            before, after = still[layer.name], moved[layer.name]
            step = steps[layer.name]
            expected = (1 - 1 / step) * before + shift(before, *direction) / step
            covered = shift(np.ones_like(before[:1]), *direction)[0, ..., 0] > 0
            name = "equivariance_error_whole" if layer is lowest else f"equivariance_error/{layer.name}"
            errors.setdefault(name, []).append(_relative(expected, after, covered))
            if layer is lowest:
                inside = covered & _interior(layer, images.shape[1:3], before.shape[1:3])
                if inside.any():
                    errors.setdefault("equivariance_error_interior", []).append(_relative(expected, after, inside))
    return {name: float(np.mean(values)) for name, values in errors.items()}


def _steps(model: keras.Model) -> dict[str, int]:
    """How many pixels of the image lie between neighboring places, for every layer with maps."""
    step, steps = 1, {}
    for layer in layer_api.chain(model):
        if _mapped(layer):
            step *= _stride(layer)
            steps[layer.name] = step
    return steps


def _mapped(layer: keras.layers.Layer) -> bool:
    output = layer.output
    return isinstance(output, keras.KerasTensor) and len(output.shape) == 4


def _stride(layer: keras.layers.Layer) -> int:
    if isinstance(layer, Subsample2D):
        return layer.size
    if isinstance(layer, ReflectionPadding2D):
        return 1
    return _side(getattr(layer, "strides", 1))


def _field(layer: keras.layers.Layer) -> int:
    return layer.size if isinstance(layer, Subsample2D) else _side(layer.kernel_size)


def _side(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _interior(layer: keras.layers.Layer, image: tuple[int, ...], maps: tuple[int, ...]) -> np.ndarray:
    """The places of a map whose field, and that of their neighbors, lies inside the image."""

    def inside(size: int, places: int) -> np.ndarray:
        field, stride = _field(layer), _stride(layer)
        before, _ = same_padding(size, field, stride, places)
        first = np.arange(places) * stride - before
        return (first >= stride) & (first + field <= size - stride)

    return np.logical_and.outer(inside(image[0], maps[0]), inside(image[1], maps[1]))


def _relative(expected: np.ndarray, found: np.ndarray, where: np.ndarray) -> float:
    return float(np.linalg.norm((expected - found)[:, where]) / np.linalg.norm(found[:, where]))
