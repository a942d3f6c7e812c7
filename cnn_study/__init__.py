"""Controlled, tuned, replicated tests of the claims commonly made about convolutional networks."""

import os

# Before Keras is imported: else it would take the backend that a user's keras.json names, and training needs this one.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

__version__ = "0.1.0"
