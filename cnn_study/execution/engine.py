"""What engines have in common: workers that hold a job each, and the queue they take jobs from."""

from typing import Generic, TypeVar

from cnn_study.execution.jobs import Job, kind
from cnn_study.execution.queue import JOBS_A_WORKER, Queue, Starts


class Worker:
    """A worker as its engine sees it.

    Attributes:
        job: What it does now.
        program: Identity of the program that it has compiled last.
        served: How many jobs it was given.
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


class Workers(Generic[W]):
    """The workers of an engine, with the jobs that wait for them. :meth:`submit` queues jobs."""

    def __init__(self):
        self._workers: list[W] = []
        self._queue = Queue()
        self._starts = Starts()
        self._models: set[str] = set()

    def submit(self, job: Job, model: bool = False) -> None:
        """Queue a job; of a run, the trained network may be asked for too."""
        if model:
            self._models.add(job.key)
        self._queue.put(job)

    @property
    def running(self) -> list[Job]:
        """The jobs that workers hold now."""
        return [worker.job for worker in self._workers if worker.job]

    def _give(self, worker: W) -> tuple[Job, str]:
        """Give a worker the job that it does best.

        Returns:
            The job, and what workers call its kind.
        """
        others = {other.program for other in self._workers if other is not worker}
        worker.program, job = self._queue.take(worker.program, others)
        worker.job = job
        worker.served += 1
        return job, kind(job, job.key in self._models)
