"""Controlled, tuned, replicated tests of the claims commonly made about convolutional networks."""

__version__ = "0.1.0"
