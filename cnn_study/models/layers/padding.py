"""Padding with the mirror image of what lies inside the border."""

import keras
from keras import ops

from cnn_study.spec import same_padding


@keras.saving.register_keras_serializable(package="cnn_study")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images with their mirror image, so that a ``"valid"`` convolution gives ceil(size / stride) positions.

    As many pixels are added, on the same sides, as a ``"same"`` convolution would add zeros. The pixels of the border
    itself are not repeated.

    Input shape: ``(batch, height, width, channels)``. Output shape: ``(batch, new_height, new_width, channels)``.

    Args:
        kernel_size: Side of the square field of the convolution that follows, in pixels.
        strides: Its step, in pixels.
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, kernel_size, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.strides = strides

    def call(self, inputs):
        """Add the mirror image on every side."""
        rows, columns = (same_padding(size, self.kernel_size, self.strides) for size in inputs.shape[1:3])
        return ops.pad(inputs, ((0, 0), rows, columns, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, height, width, channels)``."""
        sides = (size + sum(same_padding(size, self.kernel_size, self.strides)) for size in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self):
        """What ``from_config`` needs to make the layer again."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "strides": self.strides}
