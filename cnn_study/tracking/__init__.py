"""The MLflow mirror of the stored results, for browsing; it can be thrown away and made again at any time.

An experiment of MLflow is an experiment at one profile. Its parent runs are executions: the intervals, the verdicts,
the checks and the figures. Their child runs are the trained runs, each with its curves. One more experiment has the
claims of all. What is mirrored already is not logged twice, and a mirror that was interrupted is replaced by a whole
one.
"""

from cnn_study.tracking.mirror import MirrorReport, is_mirrored, mirror
from cnn_study.tracking.server import serve
from cnn_study.tracking.sources import is_made_from, note_sources, sources
from cnn_study.tracking.store import TrackingError, default_uri

__all__ = [
    "MirrorReport",
    "TrackingError",
    "default_uri",
    "is_made_from",
    "is_mirrored",
    "mirror",
    "note_sources",
    "serve",
    "sources",
]
