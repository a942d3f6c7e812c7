"""Carries a plan out: asks what is needed, has it done, stores it, and asks again until nothing is needed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cnn_study.execution.environment import changes, differing
from cnn_study.execution.events import Event, Failed, Finished, Network
from cnn_study.execution.jobs import Job
from cnn_study.execution.plan import Agenda, CheckRequest, Request, kept
from cnn_study.execution.saved import SavedModels
from cnn_study.experiment import Design
from cnn_study.models import complexity
from cnn_study.results import CheckRecord, RunRecord, Store


class Engine(Protocol):
    """Where jobs are done."""

    def submit(self, job: Job, model: bool = False) -> None:
        """Queue a job; of a run, the trained network may be asked for too."""

    def events(self) -> Iterable[Event]:
        """What becomes of the queued jobs, until nothing is queued and nothing is being done."""
        ...


@dataclass(frozen=True)
class Queued:
    """A job was handed to the engine.

    Attributes:
        request: The first request for it.
    """

    request: Request | CheckRequest


Watch = Callable[[Event | Queued], None]


@dataclass(frozen=True)
class Failure:
    """A job that could not be done.

    Attributes:
        request: The first request for it.
        reason: Why not.
    """

    request: Request | CheckRequest
    reason: str


@dataclass(frozen=True)
class Report:
    """What has become of a suite.

    Attributes:
        done: Keys of the runs and checks that were done and stored.
        failures: What could not be done.
        saved: Keys of the runs whose trained networks were saved.
    """

    done: frozenset[str]
    failures: tuple[Failure, ...] = ()
    saved: frozenset[str] = frozenset()


Asker = tuple[Agenda, str]
"""An arm that waits for jobs: the agenda of its design and its name."""


class _Waiting:
    """Which arms wait for which jobs."""

    def __init__(self):
        self._jobs: dict[Asker, set[str]] = defaultdict(set)
        self._askers: dict[str, list[Asker]] = defaultdict(list)

    def add(self, key: str, asker: Asker) -> None:
        """An arm waits for a job."""
        if key not in self._jobs[asker]:
            self._jobs[asker].add(key)
            self._askers[key].append(asker)

    def end(self, key: str) -> Iterator[Asker]:
        """A job has ended. Gives the arms that wait for no other one."""
        for asker in self._askers.pop(key, []):
            self._jobs[asker].discard(key)
            if not self._jobs[asker]:
                yield asker


def check_memory(designs: Iterable[Design], available: int) -> None:
    """Refuse designs with an arm that a machine has no room for, before anything is trained.

    Args:
        designs: The experiments at the sizes of a profile.
        available: Bytes of memory that the machine has.

    Raises:
        InputError: There is no room, by the estimate that the message gives.
    """
    for design, arm in ((each, arm) for each in designs for arm in each.arms):
        images = design.examples(arm.data) + arm.data.validation_size + (arm.data.test_size or 0)
        complexity.check_memory(arm.model, arm.train, available, images, f"the arm {arm.name!r}")


def carry_out(
    designs: Iterable[Design], store: Store, engine: Engine, watch: Watch, models: SavedModels | None = None
) -> Report:
    """Do and store whatever the designs need and the store lacks.

    A run that several arms ask for is trained once. Everything that is finished is stored before anything else is done,
    so that an interruption at any time loses only what was going on. A job that fails does not stop the others; what
    depends on it is left out.

    Args:
        designs: The experiments at the sizes of a profile.
        store: Open for writing.
        engine: Does the jobs.
        watch: Called with every event, for display.
        models: Where the trained networks of the replicates are kept; ``None``: nowhere. A run that is stored, but
            whose network is not, is trained again for it and must have the same weights.
    """
    done: set[str] = set()
    saved: set[str] = set()
    networks: dict[str, bytes] = {}
    failures: list[Failure] = []
    requests: dict[str, Request | CheckRequest] = {}
    failed: set[str] = set()
    waiting = _Waiting()

    def submit(request: Request | CheckRequest) -> None:
        if request.job.key not in requests:
            requests[request.job.key] = request
            engine.submit(request.job, model=models is not None and _is_replicate(request))
            watch(Queued(request))

    def ask(agenda: Agenda, names: Collection[str]) -> None:
        agenda.update(names, store.records())
        stored = [each for name in names for each in kept(agenda, name, store.records())] if models else []
        unsaved = [each for each in stored if models and not models.has(each.run.key)]
        for request in [*agenda.needed(store.records()), *unsaved]:
            if request.job.key not in failed:
                waiting.add(request.job.key, (agenda, request.arm.name))
                submit(request)

    for design in designs:
        for check in design.checks:
            if check.key not in store.checks():
                submit(CheckRequest(check))
        ask(Agenda(design), [arm.name for arm in design.arms])
    for event in engine.events():
        if isinstance(event, Finished):
            key, before = event.record.key, store.records().get(event.record.key)
            if before is None:
                _keep(store, event)
                done.add(key)
            if models and _is_replicate(requests[key]):
                problem = _problem(before, event.record, key in networks)
                if problem:
                    failures.append(Failure(requests[key], problem))
                else:
                    models.add(key, networks.pop(key))
                    saved.add(key)
        elif isinstance(event, Network):
            networks[event.key] = event.content
        elif isinstance(event, Failed):
            failed.add(event.job.key)
            failures.append(Failure(requests[event.job.key], event.reason))
        watch(event)
        if isinstance(event, Finished | Failed):
            for agenda, name in waiting.end(event.record.key if isinstance(event, Finished) else event.job.key):
                ask(agenda, [name])
    return Report(frozenset(done), tuple(failures), frozenset(saved))


def _is_replicate(request: Request | CheckRequest) -> bool:
    return isinstance(request, Request) and request.role == "replicate"


def _problem(before: RunRecord | None, record: RunRecord | CheckRecord, given: bool) -> str:
    """Why a trained network cannot be kept; empty if it can."""
    if before and isinstance(record, RunRecord) and before.weights != record.weights:
        why = changes(differing(before.environment, record.environment)) or "on the same processor and versions"
        return (
            f"trained again for its model, it has other weights than the stored run ({why}), so no model is saved: "
            "train into a folder of its own with --results"
        )
    return "" if given else "its worker gave no trained network: run again"


def _keep(store: Store, event: Finished) -> None:
    if isinstance(event.record, CheckRecord):
        store.add_check(event.record)
    else:
        store.add(event.record)
