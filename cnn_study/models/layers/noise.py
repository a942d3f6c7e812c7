"""Noise for what batch normalization gives."""

import keras
from keras import ops

MEAN_REACH = 0.5
"""Largest absolute value of the mean of the noise, which is drawn uniformly within it."""
LARGEST_DEVIATION = 1.25
"""Largest factor of the noise, which is drawn uniformly between 1 and it."""
SPREAD = 0.1
"""Distance of the noise of single examples from that mean (at most) and from that factor (standard deviation)."""


@keras.saving.register_keras_serializable(package="cnn_study")
class NormNoise(keras.layers.Layer):
    """Makes normalized activations unstable again: "noisy" batch normalization (Santurkar et al. 2018, appendix).

    At every training step, every channel draws a mean m from U(-0.5, 0.5) and a factor v from U(1, 1.25). Every example
    then draws for every channel a shift b from U(m - 0.1, m + 0.1) and a scale s from N(v, 0.1), and x becomes s x + b,
    at all positions of a map alike. So the distribution that the next layer sees changes from step to step. The
    constants are remembered from the paper's appendix, so they are approximately its own. Outside of training the layer
    does nothing.

    Input shape: ``(batch, ..., channels)``. Output shape: the same.

    Args:
        seed: The seed of the noise, an integer; ``None``: a random one.
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Scale and shift every channel of every example at random, while training."""
        if not training:
            return inputs
        draw = {"seed": self.seed_generator, "dtype": self.compute_dtype}
        channels = (*(1 for _ in inputs.shape[:-1]), inputs.shape[-1])
        mean = keras.random.uniform(channels, -MEAN_REACH, MEAN_REACH, **draw)
        factor = keras.random.uniform(channels, 1.0, LARGEST_DEVIATION, **draw)
        batch = ops.shape(inputs)[0]  # pyright: ignore[reportOptionalSubscript] (keras does not say what it returns)
        examples = (batch, *channels[1:])
        shift = mean + keras.random.uniform(examples, -SPREAD, SPREAD, **draw)
        scale = factor + keras.random.normal(examples, 0.0, SPREAD, **draw)
        return inputs * scale + shift

    def compute_output_shape(self, input_shape):
        """The shape of the input."""
        return input_shape

    def get_config(self):
        """What ``from_config`` needs to make the layer again."""
        return {**super().get_config(), "seed": self.seed}
