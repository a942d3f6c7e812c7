"""Imported once by the fork server, so that workers begin with TensorFlow loaded, or know why it is not there."""

from cnn_study.errors import described

problem = ""
"""Why there can be no worker; empty if there can be."""

try:
    import cnn_study.execution.worker  # noqa: F401 - to have it loaded
except Exception as error:  # The fork server would end with a stack trace.
    problem = described(error)
