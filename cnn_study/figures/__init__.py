"""The figures: functions from an outcome to a drawing. Nothing here trains, and nothing imports TensorFlow.

Matplotlib reads files and variables of the user's while it is imported, which happens here.
"""

import os
from contextlib import suppress

from cnn_study.errors import ExecutionError, described

# The kernel of a notebook names its own backend to every program that it starts, be it unknown to their matplotlib.
_backend = os.environ.pop("MPLBACKEND", None)
try:
    import matplotlib as mpl
except Exception as error:
    remedy = "mend its installation, or the file matplotlibrc that it reads"
    raise ExecutionError(f"matplotlib cannot be imported ({described(error)}): {remedy}") from None
finally:
    if _backend is not None:
        os.environ["MPLBACKEND"] = _backend
if _backend:
    with suppress(ValueError):  # Unknown: files are written without it.
        mpl.rcParams["backend"] = _backend
