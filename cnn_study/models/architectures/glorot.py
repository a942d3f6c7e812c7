"""The deep dense networks of Glorot & Bengio 2010."""

from typing import Literal

from cnn_study.spec import GLOROT_UNIFORM, STANDARD, Activation, Dense, ModelSpec

Weights = Literal["standard", "normalized"]


def glorot_net(
    activation: Activation,
    weights: Weights = "standard",
    *,
    depth: int = 5,
    units: int = 1000,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
) -> ModelSpec:
    """A network of Glorot & Bengio 2010, section 2.3: one to five dense hidden layers of 1,000 units, and a softmax.

    They train it with batches of 10. Biases start at zero.

    Args:
        activation: The unit of every hidden layer; theirs are sigmoid, tanh and softsign.
        weights: ``standard``: uniform within 1 / sqrt(fan in) (their equation 1); ``normalized``: uniform within
            sqrt(6 / (fan in + fan out)) (their equation 16).
        depth: Number of hidden layers.
        units: Number of units of each hidden layer.
        input_shape: Shape of an image, ``(height, width, channels)``.
        classes: Number of logits.
    """
    initializer = STANDARD if weights == "standard" else GLOROT_UNIFORM
    hidden = Dense(units=units, activation=activation, initializer=initializer)
    logits = Dense(units=classes, activation=None, initializer=initializer)
    return ModelSpec(input_shape=input_shape, layers=(*[hidden] * depth, logits))
