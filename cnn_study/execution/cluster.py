"""Workers on a Ray cluster: single-threaded actors, wherever the cluster has room for one.

Queue, tries and results stay in this process, as with workers on this machine, and an actor is handed one job at a
time: so what is lost with it is known, and jobs of one program stay with one actor. That costs milliseconds a job
(`benchmarks/cluster.py` measures how many), which several at a time would save. Everything but the installed
libraries comes from here: the environment, set before TensorFlow is imported, the code, and the images, which go to
every node once, through the object store, and are compared with their hashes there.
"""

import importlib
import logging
import math
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

import cnn_study
from cnn_study.data import cache
from cnn_study.data.cache import Arrays
from cnn_study.data.dataset import ARRAYS
from cnn_study.errors import DataError, ExecutionError, located
from cnn_study.execution import cards
from cnn_study.execution.engine import Worker, Workers
from cnn_study.execution.events import Event, Failed, Lost, Waiting, told
from cnn_study.execution.jobs import Job
from cnn_study.execution.local import ENVIRONMENT
from cnn_study.spec import RunSpec

PACKAGES = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "keras": ("keras",), "numpy": ("numpy",)}
"""Libraries that decide about the bits of a run, and the packages they may come in."""

TOGETHER = 0.5
"""Seconds for which an actor gathers what a run tells before it answers."""

LOOK = 1.0
"""Seconds between looks at the cluster while no actor answers."""

RECOUNT = 5.0
"""Seconds between counts of what the cluster has, as nodes come and go."""

NOTICE = 10.0
"""Seconds without a worker before that is told."""

PATIENCE = 600.0
"""Seconds without a worker before the suite ends. A cluster that grows on demand takes minutes for a node."""

PORTS = {"ray": 10001, "": 6379}
"""Ports of Ray's client server and of a cluster's head, where an address names none."""

DEATHS = {
    "low on memory": "its node was short of memory",
    "node has died": "its node died",
    "worker process has died": "its process died",
    "actor died unexpectedly": "its process died",
    "is temporarily unavailable": "it does not answer",
}
"""Parts of the paragraphs in which Ray tells of an actor's death, and what they come to."""

Message = tuple[str, Any]
Do = Callable[[str, str, Mapping[str, Any], Callable[[Message], None]], Message]
"""Does a job, given its kind, its spec as JSON, the images by name, and whom to tell how it goes on."""


@dataclass(frozen=True)
class Needs:
    """The CPUs and GPUs of a node that a run is given.

    Attributes:
        cpus: CPUs that are kept for it. It computes in one thread, however many they are.
        gpus: GPUs that are kept for it; a part of one is shared with others.
    """

    cpus: float = 1
    gpus: float = 0

    def __str__(self) -> str:
        parts = [(self.cpus, "CPU"), (self.gpus, "GPU")]
        return " and ".join(f"{number:g} {name}{'' if number == 1 else 's'}" for number, name in parts if number)

    def fitting(self, nodes: Iterable[Mapping[str, float]]) -> int:
        """How many runs there is room for on nodes with so many CPUs and GPUs."""
        needed = {"CPU": self.cpus, "GPU": self.gpus}
        return sum(
            min(math.floor(node.get(name, 0) / amount + 1e-9) for name, amount in needed.items() if amount)
            for node in nodes
        )

    def environment(self) -> dict[str, str]:
        """What a worker needs in its environment. Which GPUs it sees is for Ray to say."""
        if not self.gpus:
            return ENVIRONMENT
        return {name: value for name, value in ENVIRONMENT.items() if name != cards.VISIBLE} | cards.ENVIRONMENT


def trainer() -> Do:
    """What does the jobs: called in the actor's process, where TensorFlow has not been imported."""
    from cnn_study.execution import worker

    references: dict[str, Any] = {}
    warm = worker.Warm(lambda name: _checked(importlib.import_module("ray").get(references[name])))

    def do(kind: str, text: str, images: Mapping[str, Any], tell: Callable[[Message], None]) -> Message:
        references.update(images)
        return worker.do(kind, text, warm, lambda point: tell(("point", point)), lambda file: tell(("network", file)))

    return do


def _checked(arrays: Arrays) -> Arrays:
    for name, info in arrays.dataset.arrays.items():
        if problem := cache.mismatch(info, getattr(arrays, name)):
            raise DataError(
                f"{arrays.dataset.title} did not come to {socket.gethostname()} as it was: {name}: {problem}"
            )
    return arrays


def installed() -> dict[str, str]:
    """Versions of the libraries that decide about bits; nothing is imported."""
    return {library: _version(packages) for library, packages in PACKAGES.items()}


def _version(packages: Iterable[str]) -> str:
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return "none"


class _Actor:
    """A worker as the cluster sees it: a thread that does jobs, and calls that ask how they go on."""

    def __init__(self, work: Callable[[], Do]):
        self._work = work
        self._news: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def place(self) -> tuple[str, dict[str, str]]:
        """Where it is, and what is installed there."""
        return socket.gethostname(), installed()

    def prepare(self) -> None:
        """Get ready for jobs."""
        self._do = self._work()

    def begin(self, kind: str, text: str, images: Mapping[str, Any]) -> list[Message]:
        """Begin a job. Returns as :meth:`news` does."""

        def do() -> None:
            try:
                self._news.put(self._do(kind, text, images, self._news.put))
            except Exception as error:  # In a thread nobody else would hear of it, and all would wait.
                self._news.put(("failed", located(error)))

        threading.Thread(target=do, daemon=True).start()
        return self.news()

    def news(self) -> list[Message]:
        """What there is to tell, as soon as it is a little, or the end of the job."""
        messages = [self._news.get()]
        until = time.monotonic() + TOGETHER
        while not _is_end(messages[-1]):
            try:
                messages.append(self._news.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return messages


def _is_end(message: Message) -> bool:
    return message[0] in ("done", "failed")


class _Worker(Worker):
    def __init__(self, actor: Any):
        super().__init__()
        self.actor = actor
        self.stage: Literal["asked for", "placed", "ready"] = "asked for"
        self.answer = actor.place.remote()
        self.host = "its node"


class RayEngine(Workers[_Worker]):
    """Does jobs in actors on a Ray cluster.

    Use it as a context manager. :meth:`submit` queues jobs, :meth:`events` yields what becomes of them.

    Args:
        address: ``auto`` for the cluster that this machine is a node of, ``HOST:PORT`` of its head, or ``ray://HOST``
            for one whose client server is reached from outside.
        cache_dir: Where the data sets are cached on this machine. Nodes need none.
        jobs: Number of workers; ``None``: as many as there is room for, also when nodes come and go.
        needs: The CPUs and GPUs that a run is given; ``None``: the defaults of :class:`Needs`.
        work: Called in an actor's process, makes what does the jobs.
        patience: Seconds without a worker before that is an error.
    """

    def __init__(
        self,
        address: str,
        cache_dir: Path,
        jobs: int | None = None,
        needs: Needs | None = None,
        work: Callable[[], Do] = trainer,
        patience: float = PATIENCE,
    ):
        super().__init__("if memory is short, keep more of a node with --cpus-per-run")
        self.address = address
        self._cache_dir = cache_dir
        self._jobs = jobs
        self._needs = needs or Needs()
        self._work = work
        self._patience = patience
        self._images: dict[str, Any] = {}
        self._room = 0
        self._counted = -math.inf

    def __enter__(self) -> "RayEngine":
        self._ray = _connected(self.address)
        needs = {"num_cpus": self._needs.cpus, "num_gpus": self._needs.gpus, "scheduling_strategy": "SPREAD"}
        environment = {"env_vars": self._needs.environment()}
        # An actor that has died has lost what it kept, and a job must not be done twice: nothing is begun again there.
        options = {**needs, "runtime_env": environment, "max_restarts": 0, "max_task_retries": 0}
        self._remote = self._ray.remote(**options)(_Actor)
        self._seen = time.monotonic()
        self._told = False
        return self

    def __exit__(self, *exc_info) -> None:
        self._workers.clear()  # Actors end with the last reference to them, and all with the connection.
        self._ray.shutdown()

    @property
    def jobs(self) -> int:
        """How many workers there may be now, at least one."""
        return max(1, self._jobs or self._counted_room())

    def events(self) -> Iterator[Event]:
        """What happens, until nothing is queued and nothing is being done. More may be submitted meanwhile.

        Raises:
            ExecutionError: No worker starts, a node has other libraries, or the cluster has no room or is gone.
        """
        try:
            while self._queue or self.running:
                self._recruit()
                yield from self._assign(w for w in self._workers if w.stage == "ready" and not w.job)
                for worker in self._answering():
                    yield from self._receive(worker)
                yield from self._look()
        except (ConnectionError, self._ray.exceptions.RayError) as error:
            raise ExecutionError(f"the Ray cluster at {self.address} is gone ({_line(error)})") from error

    def _recruit(self) -> None:
        wanted = min(len(self._queue) + len(self.running), self.jobs)
        while len(self._workers) < wanted:
            self._workers.append(_Worker(self._remote.remote(self._work)))

    def _counted_room(self) -> int:
        if time.monotonic() - self._counted > RECOUNT:
            self._counted = time.monotonic()
            self._room = self._needs.fitting(node["Resources"] for node in self._ray.nodes() if node["Alive"])
        return self._room

    def _hand(self, worker: _Worker, job: Job, what: str) -> None:
        worker.answer = worker.actor.begin.remote(what, job.model_dump_json(), self._images_of(job))

    def _end(self, worker: _Worker) -> None:
        self._ray.kill(worker.actor)

    def _images_of(self, job: Job) -> dict[str, Any]:
        """References to the images of a job, which are put into the object store once."""
        if not isinstance(job, RunSpec):
            return {}
        name = job.data.name
        if name not in self._images:
            arrays = cache.load(name, cache_dir=self._cache_dir, offline=True)
            # Views without the file behind them, which Ray passes on as they lie in memory.
            plain = {array: np.asarray(getattr(arrays, array)) for array in ARRAYS}
            self._images[name] = self._ray.put(Arrays(arrays.dataset, **plain))
        return {name: self._images[name]}

    def _answering(self) -> list[_Worker]:
        """The workers that have answered; waits a while for the first."""
        asked = {worker.answer: worker for worker in self._workers if worker.answer is not None}
        if not asked:
            return []
        if self._ray.wait(list(asked), timeout=LOOK)[0]:
            answers, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
            return [asked[answer] for answer in answers]
        return []

    def _receive(self, worker: _Worker) -> Iterator[Event]:
        try:
            answer = self._ray.get(worker.answer)
        except self._ray.exceptions.RayError as error:
            yield from self._failed(worker, error)
            return
        if worker.stage == "asked for":
            worker.host, versions = answer
            self._compare(worker.host, versions)
            worker.stage, worker.answer = "placed", worker.actor.prepare.remote()
        elif worker.stage == "placed":
            worker.stage, worker.answer = "ready", None
            self._starts.succeeded()
        else:
            yield from self._hear(worker, answer)

    def _hear(self, worker: _Worker, messages: list[Message]) -> Iterator[Event]:
        job = worker.job
        assert job is not None  # noqa: S101 - only busy workers are asked for news
        ended = _is_end(messages[-1])
        worker.job = None if ended else job
        worker.answer = None if ended else worker.actor.news.remote()
        for message in messages:
            yield told(job, *message)

    def _compare(self, host: str, versions: Mapping[str, str]) -> None:
        here = installed()
        other = [f"{name} {versions.get(name)} for {own}" for name, own in here.items() if versions.get(name) != own]
        if other:
            raise ExecutionError(
                f"the node {host} has other libraries than this machine ({', '.join(other)}), so runs would have other "
                "bits: install the same versions there"
            )

    def _failed(self, worker: _Worker, error: Exception) -> Iterator[Lost | Failed]:
        self._part(worker)
        self._counted = -math.inf
        unable = isinstance(error, self._ray.exceptions.RayTaskError)
        # Where others are ready, one that dies while it starts has been taken away with its node.
        ready = any(other.stage == "ready" for other in self._workers)
        starting = worker.stage != "ready" and (unable or not ready)
        yield from self._lost(worker, f"its worker on {worker.host} is lost ({_line(error)})", starting=starting)

    def _look(self) -> Iterator[Waiting]:
        """Tell that there is no room on the cluster, and end the suite when that does not change."""
        now = time.monotonic()
        if any(worker.stage != "asked for" for worker in self._workers) or not self._queue:
            self._seen, self._told = now, False
        elif now - self._seen > self._patience:
            raise ExecutionError(f"{self._shortage()}: add nodes, or ask for less with --cpus-per-run")
        elif now - self._seen > NOTICE and not self._told:
            self._told = True
            yield Waiting(f"{self._shortage()}: waiting for room")

    def _shortage(self) -> str:
        total, free = self._ray.cluster_resources(), self._ray.available_resources()
        names = ("CPU", "GPU") if self._needs.gpus else ("CPU",)
        have = " and ".join(f"{free.get(name, 0):g} of {total.get(name, 0):g} {name}s" for name in names)
        return f"the Ray cluster at {self.address} has no room for a run, which takes {self._needs}; {have} are free"


def _connected(address: str) -> Any:
    """Ray, with this process connected to a cluster."""
    # Its messages about nodes that die would break into the progress display; what they mean for runs is told.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise ExecutionError("the engine ray needs Ray: pip install 'cnn-study[ray]'") from None
    _knock(address)
    code = {"py_modules": [str(Path(cnn_study.__file__).parent)]}
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, runtime_env=code, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ExecutionError(_no_cluster(address, _line(error))) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray ends the process, and leaves no time to say where it was.
    return ray


def _knock(address: str) -> None:
    """See whether anything listens at an address; Ray itself would try for minutes."""
    scheme, separator, rest = address.rpartition("://")
    if not separator and ":" not in address:
        return  # ``auto``: Ray looks for a cluster on this machine.
    try:
        parts = urlsplit(f"//{rest}")
        socket.create_connection((parts.hostname or "", parts.port or PORTS.get(scheme, 6379)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise ExecutionError(_no_cluster(address, str(error))) from None


def _no_cluster(address: str, reason: str) -> str:
    return (
        f"no Ray cluster can be had at {address} ({reason}): start one with `ray start --head`, or name another with "
        "--address"
    )


def _line(error: BaseException) -> str:
    """What an error of Ray says, in one line."""
    cause = getattr(error, "cause", None) or error
    text = str(cause)
    known = next((short for part, short in DEATHS.items() if part in text), None)
    return known or f"{type(cause).__name__}: {(text.strip().splitlines() or ['without a message'])[0][:300]}"
