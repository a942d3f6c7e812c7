"""Layers and units that Keras lacks, written in ``keras.ops`` so that they run on every backend."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnn_study")
def scaled_tanh(x):
    """LeCun's unit 1.7159 tanh(2x/3) (LeCun et al. 1998, "Efficient BackProp", section 4.4), elementwise."""
    return 1.7159 * ops.tanh(x * (2.0 / 3.0))


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
        kernel_initializer: Of the whole kernel; ``None``: Glorot's rule with the fans of one position. (Keras's own
            rules would take the positions for a part of the field.)
        **kwargs: Of ``keras.layers.Layer``.
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

    def call(self, inputs):
        """Apply every position's kernel to its own patch."""
        _, height, width, filters = self.compute_output_shape(inputs.shape)
        patches = ops.image.extract_patches(
            inputs, self.kernel_size, strides=self.strides, padding=self.padding, data_format="channels_last"
        )
        # One matrix product a position: (positions, batch, fan) x (positions, fan, filters).
        columns = ops.transpose(ops.reshape(patches, (-1, height * width, self.kernel.shape[1])), (1, 0, 2))
        outputs = ops.transpose(ops.matmul(columns, self.kernel), (1, 0, 2))
        return ops.reshape(outputs, (-1, height, width, filters)) + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, height, width, channels)``."""

        def side(size):
            if self.padding == "same":
                return -(-size // self.strides)
            return (size - self.kernel_size) // self.strides + 1

        return (input_shape[0], side(input_shape[1]), side(input_shape[2]), self.filters)

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
