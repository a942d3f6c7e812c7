"""Workers on this machine: single-threaded processes from a fork server that has Keras loaded.

Two single-threaded workers get more out of two cores than one run with two threads, and a run alone in a thread has
the same bits wherever it runs. A worker that is killed costs only the run it held.
"""

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.errors import ExecutionError
from cnn_study.results import Point, RunRecord
from cnn_study.spec import RunSpec

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    # One thread a worker, whatever the machine: weights depend on the number of threads.
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # TensorFlow leaves oneDNN off on processors without AVX-512, where it is several times faster too.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}
"""What a worker needs in its environment before TensorFlow is imported. Recorded with every run."""

RUNS_A_WORKER = 100
"""Runs after which a worker is replaced, as TensorFlow keeps a little memory of each."""

TRIES = 3
"""How often a run is tried before its worker's death is taken for the run's fault."""


@dataclass(frozen=True)
class Progress:
    """A value from a run that is going on."""

    run: RunSpec
    point: Point


@dataclass(frozen=True)
class Finished:
    """The end of a run."""

    record: RunRecord


@dataclass(frozen=True)
class Lost:
    """A worker died under a run; the run is tried again."""

    run: RunSpec
    reason: str


Event = Progress | Finished | Lost


class _Worker:
    def __init__(self, context, cache_dir: Path):
        self.connection, theirs = context.Pipe()
        self.process: ForkServerProcess = context.Process(target=_serve, args=(theirs, cache_dir), daemon=True)
        self.process.start()
        theirs.close()
        self.run: RunSpec | None = None
        self.served = 0
        self.last: RunSpec | None = None

    def begin(self, run: RunSpec) -> None:
        self.run = self.last = run
        self.served += 1
        try:
            self.connection.send(run.model_dump_json())
        except OSError:
            return  # It has died; the closed connection tells at the next wait.

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(connection: Connection, cache_dir: Path) -> None:
    from cnn_study.execution.worker import serve

    serve(connection, cache_dir)


class LocalEngine:
    """Trains runs in worker processes on this machine.

    Use it as a context manager. :meth:`submit` queues runs, :meth:`events` yields what becomes of them.

    Args:
        jobs: Number of workers.
        cache_dir: Where the data sets are cached.
    """

    def __init__(self, jobs: int, cache_dir: Path):
        self.jobs = jobs
        self._cache_dir = cache_dir
        self._queue: list[RunSpec] = []
        self._workers: list[_Worker] = []
        self._tries: dict[str, int] = {}

    def __enter__(self) -> "LocalEngine":
        os.environ.update(ENVIRONMENT)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["cnn_study.execution.worker"])
        return self

    def __exit__(self, *exc_info) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def submit(self, run: RunSpec) -> None:
        """Queue a run."""
        self._queue.append(run)

    @property
    def running(self) -> list[RunSpec]:
        """The runs that workers hold now."""
        return [worker.run for worker in self._workers if worker.run]

    def events(self) -> Iterator[Event]:
        """What happens, until nothing is queued and nothing runs. More runs may be submitted meanwhile.

        Raises:
            ExecutionError: A run failed, or its worker died under it :data:`TRIES` times.
        """
        self._fill()
        while self.running:
            busy = {worker.connection: worker for worker in self._workers if worker.run}
            for connection in wait(list(busy)):
                yield from self._receive(busy[connection])  # type: ignore[index]
            self._fill()

    def _receive(self, worker: _Worker) -> Iterator[Event]:
        run = worker.run
        assert run is not None  # noqa: S101 - only busy workers are listened to
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            yield self._lost(worker, run)
            return
        if kind == "point":
            yield Progress(run, content)
        elif kind == "done":
            worker.run = None
            yield Finished(content)
        else:
            raise ExecutionError(f"run {run.key}: {content}")

    def _lost(self, worker: _Worker, run: RunSpec) -> Lost:
        self._workers.remove(worker)
        worker.stop()
        reason = f"its worker ended with {_exit_reason(worker.process.exitcode)}"
        self._tries[run.key] = self._tries.get(run.key, 0) + 1
        if self._tries[run.key] >= TRIES:
            raise ExecutionError(
                f"run {run.key} was tried {TRIES} times, and each time {reason}: if memory is short, use fewer --jobs"
            )
        self._queue.insert(0, run)
        return Lost(run, reason)

    def _fill(self) -> None:
        for worker in [worker for worker in self._workers if not worker.run]:
            if not self._queue:
                return
            if worker.served >= RUNS_A_WORKER:
                worker.stop()
                self._workers.remove(worker)
            else:
                worker.begin(self._next(worker))
        while self._queue and len(self._workers) < self.jobs:
            self._workers.append(_Worker(self._context, self._cache_dir))
            self._workers[-1].begin(self._queue.pop(0))

    def _next(self, worker: _Worker) -> RunSpec:
        # A run of the network the worker has just trained needs nothing compiled.
        same = (i for i, run in enumerate(self._queue) if worker.last and run.model == worker.last.model)
        return self._queue.pop(next(same, 0))


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "no exit code"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
