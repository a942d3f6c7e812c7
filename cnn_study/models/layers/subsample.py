"""LeNet-5's subsampling."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnn_study")
class Subsample2D(keras.layers.Layer):
    """The sum over squares that do not overlap, times a trainable number a map, plus another.

    Layers S2 and S4 of LeNet-5 (LeCun et al. 1998, section II.B), without their unit. The coefficients start at one
    divided by the pixels of a square, so that the layer begins as average pooling.

    Input shape: ``(batch, height, width, channels)``. Output shape: ``(batch, height / size, width / size, channels)``.
    Rows and columns that fill no square are left out. Coefficient and bias have the shape ``(channels,)``.

    Args:
        size: Side of the square, in pixels.
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        """Make the weights for inputs of ``(batch, height, width, channels)``."""
        start = keras.initializers.Constant(1 / self.size**2)
        self.coefficient = self.add_weight(name="coefficient", shape=(input_shape[-1],), initializer=start)
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        """Sum, scale and shift."""
        averages = ops.average_pool(inputs, self.size, self.size, padding="valid", data_format="channels_last")
        return averages * (self.coefficient * self.size**2) + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, height, width, channels)``."""
        batch, height, width, channels = input_shape
        return (batch, height // self.size, width // self.size, channels)

    def get_config(self):
        """What ``from_config`` needs to make the layer again."""
        return {**super().get_config(), "size": self.size}
