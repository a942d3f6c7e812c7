"""Keras's settings: those of this suite, whatever a user's ``keras.json`` or session says."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

FLOAT, EPSILON, IMAGE_DATA_FORMAT = "float32", 1e-7, "channels_last"
"""Keras's own defaults, which decide whatever a network does not say for itself."""


@contextmanager
def fixed() -> Iterator[None]:
    """Let Keras work with its own defaults meanwhile; also a decorator. The user's settings come back afterwards.

    Keras reads them from ``~/.keras/keras.json`` and asks for them wherever a layer does not say what it wants, so that
    ``channels_first``, left there by another project, would turn every network into another one.
    """
    config = keras.config
    saved = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    _set(FLOAT, EPSILON, IMAGE_DATA_FORMAT, FLOAT)
    try:
        yield
    finally:
        _set(*saved)


def _set(floatx: str, epsilon: float, image_data_format: str, policy: str | keras.DTypePolicy) -> None:
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
    keras.config.set_dtype_policy(policy)
