"""Carries a plan out: asks what is needed, has it done, stores it, and asks again until nothing is needed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
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

    def submit(self, job: Job, model: bool = False, turn: int = 0) -> None:
        """Queue a job, after those of earlier turns; of a run, the trained network may be asked for too."""

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


@dataclass(frozen=True)
class DesignEnded:
    """Everything that a design asked for is stored or has failed.

    Attributes:
        design: The design that has ended.
    """

    design: Design


Watch = Callable[[Event | Queued | DesignEnded], None]


@dataclass(frozen=True)
class Failure:
    """A job that could not be done.

    Attributes:
        request: The first request for it.
        reason: Why it could not be done, in words.
    """

    request: Request | CheckRequest
    reason: str


@dataclass(frozen=True)
class Report:
    """What has become of a suite.

    Attributes:
        done: Keys of the runs and checks that were done and stored.
        failures: The jobs that could not be done.
        saved: Keys of the runs whose trained networks were saved.
    """

    done: frozenset[str]
    failures: tuple[Failure, ...] = ()
    saved: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Asker:
    """Who waits for jobs: an arm of a design, or its checks if no arm is named.

    Attributes:
        turn: The number of the design.
        arm: Name of the arm.
    """

    turn: int
    arm: str = ""


class _Waiting:
    """The arms and checks that wait for jobs."""

    def __init__(self):
        self._jobs: dict[_Asker, set[str]] = defaultdict(set)
        self._askers: dict[str, list[_Asker]] = defaultdict(list)
        self._left: Counter[int] = Counter()

    def add(self, key: str, asker: _Asker) -> None:
        """Someone waits for a job."""
        if key not in self._jobs[asker]:
            self._jobs[asker].add(key)
            self._askers[key].append(asker)
            self._left[asker.turn] += 1

    def end(self, key: str) -> list[_Asker]:
        """A job has ended. Gives all who have waited for it."""
        askers = self._askers.pop(key, [])
        for asker in askers:
            self._jobs[asker].discard(key)
            self._left[asker.turn] -= 1
        return askers

    def waits(self, asker: _Asker) -> bool:
        """Whether it waits for any job."""
        return bool(self._jobs[asker])

    def open(self, turn: int) -> bool:
        """Whether anyone of a design waits for any job."""
        return self._left[turn] > 0


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
    designs: Iterable[Design],
    store: Store,
    engine: Engine,
    watch: Watch,
    models: SavedModels | None = None,
    confirm: bool = False,
) -> Report:
    """Do and store whatever the designs need and the store lacks.

    A run that several arms ask for is trained once. Everything that is finished is stored before anything else is done,
    so that an interruption at any time loses only what was going on. A job that fails does not stop the others; what
    depends on it is left out. Designs take turns in the order given: workers go on to the next one while the one before
    has nothing to be done.

    Args:
        designs: The experiments at the sizes of a profile.
        store: Open for writing.
        engine: Does the jobs.
        watch: Called with every event, for display.
        models: Where the trained networks of the replicates are kept; ``None``: nowhere. A run that is stored, but
            whose network is not, is trained again for it and must have the same weights.
        confirm: Whether verdicts are to be confirmed, by further seeds.
    """
    done: set[str] = set()
    saved: set[str] = set()
    networks: dict[str, bytes] = {}
    failures: list[Failure] = []
    requests: dict[str, Request | CheckRequest] = {}
    failed: set[str] = set()
    waiting = _Waiting()

    def submit(request: Request | CheckRequest, asker: _Asker) -> None:
        key = request.job.key
        waiting.add(key, asker)
        if key not in requests:
            requests[key] = request
            engine.submit(request.job, model=models is not None and _is_replicate(request), turn=asker.turn)
            watch(Queued(request))

    def ask(turn: int, names: Collection[str]) -> None:
        agenda = agendas[turn]
        agenda.update(names, store.records())
        stored = [each for name in names for each in kept(agenda, name, store.records())] if models else []
        unsaved = [each for each in stored if models and not models.has(each.run.key)]
        for request in [*agenda.needed(store.records()), *unsaved]:
            if request.job.key not in failed:
                submit(request, _Asker(turn, request.arm.name))

    agendas = [Agenda(design, confirm) for design in designs]
    for turn, agenda in enumerate(agendas):
        for check in agenda.design.checks:
            if check.key not in store.checks():
                submit(CheckRequest(check), _Asker(turn))
        ask(turn, [arm.name for arm in agenda.design.arms])
    for event in engine.events():
        if isinstance(event, Finished):
            key, before = event.record.key, store.records().get(event.record.key)
            if before is None:
                _keep(store, event)
                done.add(key)
            if models and _is_replicate(requests[key]):
                problem = _problem(before, event.record, key in networks)
                if problem:
                    failed.add(key)  # Nor is it asked for again.
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
            key = event.record.key if isinstance(event, Finished) else event.job.key
            askers = waiting.end(key)
            concerned = dict.fromkeys(asker for asker in askers if asker.arm)
            # A replicate may be one of arms that have not asked for it: their rules are judged by it too.
            concerned |= {_Asker(i, name): None for i, one in enumerate(agendas) for name in one.replicated(key)}
            for asker in concerned:
                if not waiting.waits(asker):
                    ask(asker.turn, [asker.arm])
            for turn in sorted({asker.turn for asker in askers}):
                if not waiting.open(turn):
                    watch(DesignEnded(agendas[turn].design))
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
