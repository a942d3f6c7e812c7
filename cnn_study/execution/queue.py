"""The jobs that wait for a worker, whatever a worker is: which comes next, and how often one is tried."""

from collections import Counter, OrderedDict, deque
from collections.abc import Collection

from cnn_study.errors import ExecutionError
from cnn_study.execution.events import Failed, Lost
from cnn_study.execution.jobs import Job, program_key

JOBS_A_WORKER = 100
"""Jobs after which a worker is replaced, so that what they leave behind cannot add up."""

TRIES = 3
"""Number of times a job is tried before its worker's death is taken for the job's fault, and number of workers in a row
that may end before they are ready."""


class Queue:
    """The jobs that wait: by turns, and those of a program together. Its speed does not depend on their number."""

    def __init__(self):
        self._turns: dict[int, OrderedDict[str, deque[Job]]] = {}
        self._turn_of: dict[str, int] = {}
        self._tries: Counter[str] = Counter()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, job: Job, turn: int = 0) -> None:
        """Add a job. Those of an earlier turn come first."""
        self._turn_of[job.key] = turn
        self._turns.setdefault(turn, OrderedDict()).setdefault(program_key(job), deque()).append(job)
        self._length += 1

    def take(self, mine: str, others: Collection[str]) -> tuple[str, Job]:
        """The program and the job that a worker does best: what it has compiled, else what no other has compiled.

        Args:
            mine: Key of the program of the worker's last job.
            others: Keys of the programs of the other workers.
        """
        turn = min(self._turns)
        jobs = self._turns[turn]
        new = (program for program in jobs if program not in others)
        program = mine if mine in jobs else next(new, next(iter(jobs)))
        job = jobs[program].popleft()
        self._length -= 1
        if not jobs[program]:
            del jobs[program]
        if not jobs:
            del self._turns[turn]
        return program, job

    def lost(self, job: Job, reason: str, remedy: str) -> Lost | Failed:
        """A worker has died under a job: it comes next, or is given up if that has happened too often.

        Args:
            job: The job that the worker held.
            reason: What has become of the worker.
            remedy: What to do if it happens every time.
        """
        self._tries[job.key] += 1
        if self._tries[job.key] >= TRIES:
            return Failed(job, f"{reason}, {TRIES} times: {remedy}")
        program = program_key(job)
        jobs = self._turns.setdefault(self._turn_of[job.key], OrderedDict())
        jobs.setdefault(program, deque()).appendleft(job)
        jobs.move_to_end(program, last=False)
        self._length += 1
        return Lost(job, reason)


def broken(reason: str) -> ExecutionError:
    """No worker can start, for a reason."""
    return ExecutionError(f"workers do not start ({reason}): check the installation of TensorFlow and Keras")


class Starts:
    """Counts the workers in a row that end before they are ready."""

    def __init__(self):
        self._failed = 0

    def succeeded(self) -> None:
        """A worker is ready."""
        self._failed = 0

    def failed(self, reason: str) -> None:
        """A worker has ended before it was ready.

        Raises:
            ExecutionError: Too many in a row have ended so.
        """
        self._failed += 1
        if self._failed >= TRIES:
            raise broken(reason)
