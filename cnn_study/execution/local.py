"""Workers on this machine: single-threaded processes from a fork server that has Keras loaded.

Two single-threaded workers get more out of two cores than one run with two threads, and a run alone in a thread has
the same bits wherever it runs. A worker that is killed costs only the job it held, and a job that fails only itself.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.execution import cards
from cnn_study.execution.engine import Worker, Workers
from cnn_study.execution.events import Begun, Event, told
from cnn_study.execution.jobs import Job
from cnn_study.execution.queue import broken
from cnn_study.processes import end_with_parent, startable

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

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

UNSEEN = "TensorFlow sees no GPU: install its build for GPUs (`pip install tensorflow[and-cuda]`) in the same version"

ILLEGAL = "as this processor lacks instructions that TensorFlow was built for"

FOREIGN = ("DNNL_", "MKL_", "NPY_", "ONEDNN_", "OPENBLAS_", "TF_XLA_", "XLA_")
"""Beginnings of the names of variables with which libraries compute other bits: workers do not have them."""

PAUSE = 0.2
"""Seconds until a worker is tried again whose fork server was killed: its socket is closed a moment before its process
counts as ended, and until then no other one is begun."""


class _Worker(Worker):
    def __init__(self, context, cache_dir: Path, card: str = ""):
        super().__init__()
        self.card = card
        self.connection, theirs = context.Pipe()
        given = cards.ENVIRONMENT | {cards.VISIBLE: card} if card else {}
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, cache_dir, given), daemon=True)
        with startable():
            self.process.start()
        theirs.close()
        self.ready = False

    def begin(self, job: Job, what: str) -> None:
        try:
            self.connection.send((what, job.model_dump_json()))
        except OSError:
            return  # It has died; the closed connection tells at the next wait.

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(connection: Connection, cache_dir: Path, given: Mapping[str, str]) -> None:
    end_with_parent()  # Even in the middle of an epoch: nobody would store its run.
    os.environ.update(given)
    from cnn_study.execution.preload import problem

    if given and not problem:
        from cnn_study.training.trainer import gpus

        problem = "" if gpus() else UNSEEN
    if problem:
        connection.send(("broken", problem))
        return
    from cnn_study.execution.worker import serve

    serve(connection, cache_dir)


class LocalEngine(Workers[_Worker]):
    """Does jobs in worker processes on this machine.

    Use it as a context manager. :meth:`submit` queues jobs, :meth:`events` yields what becomes of them. Inside, the
    environment of this process is that of the workers, which are begun with it; afterwards it is what it was.

    Args:
        jobs: Number of workers.
        cache_dir: Where the data sets are cached.
        gpus: The cards that workers share, see :func:`~cnn_study.execution.cards.cards`; none: they have none.
    """

    def __init__(self, jobs: int, cache_dir: Path, gpus: Sequence[str] = ()):
        super().__init__("if memory is short, use fewer --jobs")
        self.jobs = jobs
        self._cache_dir = cache_dir
        self._gpus = gpus
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> "LocalEngine":
        foreign = [name for name in os.environ if name.startswith(FOREIGN)]
        self._before = {name: os.environ.get(name) for name in (*foreign, *ENVIRONMENT)}
        for name in foreign:
            del os.environ[name]
        os.environ.update(ENVIRONMENT)
        # CUDA does not outlive a fork, and a card is chosen before TensorFlow is there.
        self._context = multiprocessing.get_context("spawn" if self._gpus else "forkserver")
        self._context.set_forkserver_preload(["cnn_study.execution.preload"])
        return self

    def __exit__(self, *exc_info) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def events(self) -> Iterator[Event]:
        """What happens, until nothing is queued and nothing is being done. More may be submitted meanwhile.

        Raises:
            ExecutionError: No worker starts.
        """
        yield from self._fill()
        while self.running:
            busy = {worker.connection: worker for worker in self._workers if worker.job}
            for connection in wait(list(busy)):
                yield from self._receive(busy[connection])  # type: ignore[index]
            yield from self._fill()

    def _receive(self, worker: _Worker) -> Iterator[Event]:
        job = worker.job
        assert job is not None  # noqa: S101 - only busy workers are listened to
        try:
            message, content = worker.connection.recv()
        except (EOFError, OSError):
            self._part(worker)  # Only then its exit code is known.
            reason = f"its worker ended with {_exit_reason(worker.process.exitcode)}"
            yield from self._lost(worker, reason, starting=not worker.ready)
            return
        if message == "ready":
            worker.ready = True
            self._starts.succeeded()
            return
        if message == "broken":
            raise broken(content)
        if message in ("done", "failed"):
            worker.job = None
        yield told(job, message, content)

    def _fill(self) -> Iterator[Begun]:
        yield from self._assign(worker for worker in self._workers if not worker.job)
        while self._queue and len(self._workers) < self.jobs:
            try:
                worker = _Worker(self._context, self._cache_dir, self._card())
            except (EOFError, OSError) as error:  # The fork server was killed: with the next worker another begins.
                self._starts.failed(f"the fork server has ended: {error}")
                time.sleep(PAUSE)
                continue
            self._workers.append(worker)
            yield self._begin(worker)

    def _card(self) -> str:
        """The card for the next worker: the one that the fewest others are on."""
        return cards.freest(self._gpus, [worker.card for worker in self._workers]) if self._gpus else ""

    def _hand(self, worker: _Worker, job: Job, what: str) -> None:
        worker.begin(job, what)

    def _end(self, worker: _Worker) -> None:
        worker.stop()


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "no exit code"
    if code >= 0:
        return f"exit code {code}"
    return f"signal {-code}" + (f", {ILLEGAL}" if code == -signal.SIGILL else "")
