"""What engines have in common: workers that hold a job each, and the queue they take jobs from."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from cnn_study.execution.events import Begun, Failed, Lost
from cnn_study.execution.jobs import Job, kind
from cnn_study.execution.queue import JOBS_A_WORKER, Queue, Starts


class Worker:
    """A worker as its engine sees it.

    Attributes:
        job: The job that it does now; ``None`` while it has none.
        program: Key of the program that it has compiled last.
        served: Number of jobs it was given.
    """

    def __init__(self):
        self.job: Job | None = None
        self.program = ""
        self.served = 0

    @property
    def spent(self) -> bool:
        """Whether it has done so many jobs that it is to be replaced."""
        return self.served >= JOBS_A_WORKER


W = TypeVar("W", bound=Worker)


class Workers(ABC, Generic[W]):
    """The workers of an engine, with the jobs that wait for them. :meth:`submit` queues jobs.

    Args:
        remedy: What to do if workers die under the same job every time.
    """

    def __init__(self, remedy: str):
        self._remedy = remedy
        self._workers: list[W] = []
        self._queue = Queue()
        self._starts = Starts()
        self._models: set[str] = set()

    def submit(self, job: Job, model: bool = False, turn: int = 0) -> None:
        """Queue a job, after those of earlier turns; of a run, the trained network may be asked for too."""
        if model:
            self._models.add(job.key)
        self._queue.put(job, turn)

    @property
    def running(self) -> list[Job]:
        """The jobs that workers hold now."""
        return [worker.job for worker in self._workers if worker.job]

    @abstractmethod
    def _hand(self, worker: W, job: Job, what: str) -> None:
        """Have a worker begin a job, of a kind by the name that workers know."""

    @abstractmethod
    def _end(self, worker: W) -> None:
        """End a worker, or what is left of it."""

    def _assign(self, idle: Iterable[W]) -> Iterator[Begun]:
        """Give workers without a job one each, as long as there are any. Those that have done enough are ended."""
        for worker in list(idle):
            if not self._queue:
                return
            if worker.spent:
                self._part(worker)
            else:
                yield self._begin(worker)

    def _begin(self, worker: W) -> Begun:
        """Give a worker the job that it does best."""
        others = {other.program for other in self._workers if other is not worker}
        worker.program, job = self._queue.take(worker.program, others)
        worker.job = job
        worker.served += 1
        self._hand(worker, job, kind(job, job.key in self._models))
        return Begun(job)

    def _part(self, worker: W) -> None:
        self._workers.remove(worker)
        self._end(worker)

    def _lost(self, worker: W, reason: str, *, starting: bool) -> Iterator[Lost | Failed]:
        """What becomes of the job of a worker that has died, and has been parted with.

        Args:
            worker: The worker that has died.
            reason: What it died of.
            starting: Whether that shows that workers do not start.

        Raises:
            ExecutionError: None of so many in a row has started.
        """
        if starting:
            self._starts.failed(reason)
        if worker.job:
            yield self._queue.lost(worker.job, reason, self._remedy)
