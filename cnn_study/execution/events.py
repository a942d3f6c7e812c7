"""What an engine tells of the jobs it was given."""

from dataclasses import dataclass
from typing import Any

from cnn_study.execution.jobs import Job
from cnn_study.results import CheckRecord, Point, RunRecord
from cnn_study.spec import RunSpec


@dataclass(frozen=True)
class Begun:
    """A worker has taken a job."""

    job: Job


@dataclass(frozen=True)
class Progressed:
    """A value from a run that is going on."""

    run: RunSpec
    point: Point


@dataclass(frozen=True)
class Network:
    """The trained network of a run that is about to finish, if it was asked for.

    Attributes:
        key: The key of the run.
        content: The content of a ``.keras`` file.
    """

    key: str
    content: bytes


@dataclass(frozen=True)
class Finished:
    """The end of a job."""

    record: RunRecord | CheckRecord


@dataclass(frozen=True)
class Lost:
    """A worker died under a job; the job is tried again."""

    job: Job
    reason: str


@dataclass(frozen=True)
class Failed:
    """A job cannot be done."""

    job: Job
    reason: str


@dataclass(frozen=True)
class Waiting:
    """Jobs are queued, and there is no worker for them."""

    reason: str


Event = Begun | Progressed | Network | Finished | Lost | Failed | Waiting


def told(job: Job, kind: str, content: Any) -> Event:
    """The event that a message of a worker stands for: the progress of a run, or the end of a job.

    Args:
        job: The job that the worker does.
        kind: ``point``, ``network``, ``done`` or ``failed``.
        content: What goes with that kind of message.
    """
    if kind == "done":
        return Finished(content)
    if kind == "failed":
        return Failed(job, content)
    assert isinstance(job, RunSpec)  # noqa: S101 - of checks nothing else is told
    return Progressed(job, content) if kind == "point" else Network(job.key, content)
