"""Convolution without shared weights."""

import keras
import numpy as np
from keras import ops

from cnn_study.spec import output_size, same_padding


@keras.saving.register_keras_serializable(package="cnn_study")
class LocallyConnected2D(keras.layers.Layer):
    """A convolution whose weights are not shared: every output position has a kernel and a bias of its own.

    Keras 2 had a layer of this name; Keras 3 removed it. With the same kernel at every position it equals
    ``keras.layers.Conv2D``.

    Input shape: ``(batch, height, width, channels)``. Output shape: ``(batch, new_height, new_width, filters)``.
    The kernel has the shape ``(new_height * new_width, kernel_size**2 * channels, filters)``, the bias
    ``(new_height, new_width, filters)``.

    Args:
        filters: Number of feature maps.
        kernel_size: Side of the square field, in pixels.
        strides: Step of the field, in pixels.
        padding: ``"same"`` or ``"valid"``.
        kernel_initializer: Initializer of the whole kernel; ``None``: Glorot's rule with the fans of one position.
            (Keras's own rules would take the positions for a part of the field.)
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Make the weights for inputs of ``(batch, height, width, channels)``."""
        _, height, width, filters = self.compute_output_shape(input_shape)
        fan = self.kernel_size**2 * input_shape[-1]
        glorot = keras.initializers.RandomNormal(stddev=(2.0 / (fan + filters * self.kernel_size**2)) ** 0.5)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(height * width, fan, filters),
            initializer=self.kernel_initializer or glorot,
        )
        self.bias = self.add_weight(name="bias", shape=(height, width, filters), initializer="zeros")
        self._pixels = self._patch_pixels(input_shape[1], input_shape[2], height, width)

    def call(self, inputs):
        """Apply every position's kernel to its own patch."""
        _, height, width, channels = inputs.shape
        _, new_height, new_width, filters = self.compute_output_shape(inputs.shape)
        # With pixels as rows, a patch is a choice of rows and its gradient a sum of rows: forward and backward in a
        # quarter of the time that extract_patches takes. The row after the last pixel stands for the padding.
        pixels = ops.transpose(ops.reshape(inputs, (-1, height * width, channels)), (1, 2, 0))
        pixels = ops.pad(pixels, ((0, 1), (0, 0), (0, 0)))
        patches = ops.reshape(ops.take(pixels, self._pixels, axis=0), (*self.kernel.shape[:2], -1))
        # One matrix product a position: (positions, filters, fan) x (positions, fan, batch).
        outputs = ops.matmul(ops.transpose(self.kernel, (0, 2, 1)), patches)
        return ops.reshape(ops.transpose(outputs, (2, 0, 1)), (-1, new_height, new_width, filters)) + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, height, width, channels)``."""
        sides = (output_size(size, self.kernel_size, self.strides, self.padding) for size in input_shape[1:3])
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        """What ``from_config`` needs to make the layer again."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _patch_pixels(self, height, width, new_height, new_width):
        """Numbers of the pixels under every position's field, row by row; ``height * width`` stands for the padding."""

        def places(size, positions):
            before = same_padding(size, self.kernel_size, self.strides)[0] if self.padding == "same" else 0
            return np.arange(positions)[:, None] * self.strides + np.arange(self.kernel_size) - before

        rows = places(height, new_height)[:, None, :, None]
        columns = places(width, new_width)[None, :, None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return np.where(inside, rows * width + columns, height * width).ravel().astype("int32")
