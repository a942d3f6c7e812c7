"""Controlled, tuned, replicated tests of the claims commonly made about convolutional networks.

``cnn_study.load("quick")`` gives stored results as data frames: see :func:`cnn_study.frames.load`.
"""

import importlib
import os
from typing import Any

# Before Keras is imported: else it would take the backend that a user's keras.json names, and training needs this one.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What is loaded when it is first asked for, as it takes pandas."""
    if name == "load":
        return importlib.import_module("cnn_study.frames").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
