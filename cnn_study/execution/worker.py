"""The process that trains and checks: one thread, one job at a time, warm between runs.

Its environment must be set before TensorFlow is imported, so the parent sets it before it starts the fork server
(:data:`ENVIRONMENT`), and imports nothing from here itself.
"""

import gc
import os
import signal
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from cnn_study.data import cache
from cnn_study.data.cache import Arrays
from cnn_study.data.transforms import Split, split
from cnn_study.errors import StudyError, located
from cnn_study.results import CheckRecord, Point, RunRecord
from cnn_study.spec import CheckSpec, DataSpec, RunSpec


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """TensorFlow greets on the standard error stream when it is imported, before it reads its own log level."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _silent_stderr():
    from cnn_study.training.trainer import Program, train

KEPT = 4
"""Data sets and compiled programs that a worker keeps. More would hold memory for little: arms follow one another."""


class Warm:
    """What a worker keeps between runs: prepared images and compiled programs; the least recently used go first.

    Args:
        load: The function that gives the data set of a name.
    """

    def __init__(self, load: Callable[[str], Arrays]):
        self._load = load
        self._splits: OrderedDict[DataSpec, Split] = OrderedDict()
        self._programs: OrderedDict[str, Program] = OrderedDict()

    def split(self, spec: DataSpec) -> Split:
        """The images of a data spec."""
        if spec not in self._splits:
            arrays = self._load(spec.name)
            if arrays.dataset.digest != spec.content:
                raise StudyError(f"the data set {spec.name} is not the one the run was specified for: its hash differs")
            _make_room(self._splits)
            self._splits[spec] = split(arrays, spec)
        self._splits.move_to_end(spec)
        return self._splits[spec]

    def program(self, spec: RunSpec) -> Program:
        """A program that this run can use, compiled or kept."""
        key = spec.program.key
        if key not in self._programs:
            if _make_room(self._programs):
                gc.collect()  # Graphs refer to themselves: what is dropped would stay until the collector comes by.
            self._programs[key] = Program(spec.program)
        self._programs.move_to_end(key)
        return self._programs[key]

    def forget(self) -> None:
        """Keep nothing."""
        self._splits.clear()
        self._programs.clear()


def _make_room(kept: OrderedDict) -> bool:
    """Drop what was not used for longest if there is no room for one more. Returns whether anything was dropped."""
    if len(kept) < KEPT:
        return False
    kept.popitem(last=False)
    return True


def serve(connection: Connection, cache_dir: Path) -> None:
    """Do the jobs that come over a connection until it closes.

    Sends ``("ready", None)`` once. Receives ``("run", spec)``, ``("model", spec)`` for a run whose trained network is
    wanted too, or ``("check", spec)``, specs as JSON text. Sends ``("point", Point)`` while a run goes on,
    ``("network", content)`` if it was wanted, then ``("done", record)`` or ``("failed", message)``.
    """
    # Ctrl-C reaches the whole process group; the parent decides what becomes of the job.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # What was imported stays: looking through it for garbage would take longer than all the rest.
    warm = Warm(partial(cache.load, cache_dir=cache_dir, offline=True))
    try:
        connection.send(("ready", None))
        while True:
            kind, text = connection.recv()
            connection.send(
                do(kind, text, warm, partial(_send, connection, "point"), partial(_send, connection, "network"))
            )
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # The parent has closed the connection, or is gone.


def _send(connection: Connection, kind: str, content: object) -> None:
    connection.send((kind, content))


Answer = tuple[Literal["done"], RunRecord | CheckRecord] | tuple[Literal["failed"], str]


def do(
    kind: str, text: str, warm: Warm, report: Callable[[Point], None], keep: Callable[[bytes], None] | None = None
) -> Answer:
    """Do a job, and say how it ended. Whatever is wrong with it must not stop the others.

    Args:
        kind: ``run``, ``model`` for a run whose trained network is wanted too, or ``check``.
        text: The spec of the run or check as JSON.
        warm: The images and programs that the worker keeps.
        report: Called with the training errors of a run while it goes on.
        keep: Called with the content of a ``.keras`` file with the trained network, if that is wanted.

    Returns:
        ``("done", record)`` or ``("failed", message)``.
    """
    try:
        record = _check(text) if kind == "check" else _train(text, warm, report)
        if kind == "model" and keep:
            keep(_network(text, warm))
        return "done", record
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except StudyError as error:
        return "failed", str(error)
    except Exception as error:
        warm.forget()  # Nor may what it has left reach them.
        return "failed", located(error)


def _train(text: str, warm: Warm, report: Callable[[Point], None]) -> RunRecord:
    spec = RunSpec.parse(text)

    def on_point(point: Point) -> None:
        if point.metric == "train_error":
            report(point)

    return train(spec, warm.split(spec.data), warm.program(spec), on_point)


def _network(text: str, warm: Warm) -> bytes:
    """The network of the run that was trained last."""
    from cnn_study.training.export import as_file

    return as_file(warm.program(RunSpec.parse(text)))


def _check(text: str) -> CheckRecord:
    from cnn_study import checks

    return checks.run(CheckSpec.parse(text))
