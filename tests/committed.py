"""The results that came with the project, read and evaluated once a process for all tests that only look at them."""

from functools import cache
from pathlib import Path

from cnn_study import collection
from cnn_study.experiment import Setting
from cnn_study.frames import framed
from cnn_study.results import Store
from cnn_study.stored import outcomes_in

REFERENCE = Path(__file__).parents[1] / "results"


@cache
def store(profile):
    return Store(REFERENCE / profile)


@cache
def outcomes(profile):
    """What all experiments have found."""
    return outcomes_in(store(profile), collection.family(), Setting(profile))


@cache
def frames(profile):
    """What ``cnn_study.load`` gives."""
    return framed(store(profile), outcomes(profile))
