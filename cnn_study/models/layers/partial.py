"""Convolution in which a map looks at some of the maps below it only."""

import keras
import numpy as np
from keras import ops

from cnn_study.spec import output_size


@keras.saving.register_keras_serializable(package="cnn_study")
class PartiallyConnected2D(keras.layers.Layer):
    """A convolution with a connection table, as in layer C3 of LeNet-5 (LeCun et al. 1998, table I).

    Only the connections in the table have weights: none is trained and then masked. With a full table it equals
    ``keras.layers.Conv2D``.

    Input shape: ``(batch, height, width, channels)``. Output shape: ``(batch, new_height, new_width, len(table))``.
    The kernel has the shape ``(kernel_size, kernel_size, connections)``, where the connections are the entries of the
    table, row by row; the bias ``(len(table),)``.

    Args:
        table: The numbers, from 0, of the input maps that every output map is connected to.
        kernel_size: Side of the square field, in pixels.
        strides: Step of the field, in pixels.
        padding: ``"same"`` or ``"valid"``.
        kernel_initializer: Initializer of the kernel. Keras's own rules take the connections for output maps.
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, table, kernel_size, strides=1, padding="valid", kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.table = tuple(tuple(row) for row in table)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Make the weights for inputs of ``(batch, height, width, channels)``."""
        connections = sum(len(row) for row in self.table)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, connections),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(len(self.table),), initializer="zeros")
        # The place of every pair of maps among the connections; the place after the last stands for "not connected".
        self._places = np.full((input_shape[-1], len(self.table)), connections, "int32")
        pairs = [(below, above) for above, row in enumerate(self.table) for below in row]
        for place, pair in enumerate(pairs):
            self._places[pair] = place

    def full_kernel(self):
        """The kernel of the equivalent full convolution, ``(kernel_size, kernel_size, channels, len(table))``."""
        kernel = ops.pad(ops.cast(self.kernel, self.compute_dtype), ((0, 0), (0, 0), (0, 1)))
        return ops.take(kernel, self._places, axis=-1)

    def call(self, inputs):
        """Convolve, with zeros where the table has no connection."""
        outputs = ops.conv(inputs, self.full_kernel(), self.strides, self.padding, data_format="channels_last")
        return outputs + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, height, width, channels)``."""
        sides = (output_size(size, self.kernel_size, self.strides, self.padding) for size in input_shape[1:3])
        return (input_shape[0], *sides, len(self.table))

    def get_config(self):
        """What ``from_config`` needs to make the layer again."""
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
