"""Carries a plan out: asks what is needed, has it done, stores it, and asks again until nothing is needed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
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
    suite = _Suite([Agenda(design, confirm) for design in designs], store, engine, watch, models)
    suite.begin()
    for event in engine.events():
        suite.take(event)
        watch(event)
        if isinstance(event, Finished | Failed):
            suite.go_on(event.record.key if isinstance(event, Finished) else event.job.key)
    return Report(frozenset(suite.done), tuple(suite.failures), frozenset(suite.saved))


class _Suite:
    """What becomes of the jobs of some designs: who waits for them, and what is stored, saved and failed.

    Args:
        agendas: What the designs ask for, in the order of their turns.
        store: Open for writing.
        engine: Does the jobs.
        watch: Called with what is queued, and with designs that have ended.
        models: Where the trained networks of the replicates are kept; ``None``: nowhere.
    """

    def __init__(
        self, agendas: Sequence[Agenda], store: Store, engine: Engine, watch: Watch, models: SavedModels | None
    ):
        self.done: set[str] = set()
        self.saved: set[str] = set()
        self.failures: list[Failure] = []
        self._agendas, self._store, self._engine, self._watch, self._models = agendas, store, engine, watch, models
        self._networks: dict[str, bytes] = {}
        self._requests: dict[str, Request | CheckRequest] = {}
        self._failed: set[str] = set()
        self._waiting = _Waiting()

    def begin(self) -> None:
        """Ask for what every design needs at first, in the order of their turns."""
        for turn, agenda in enumerate(self._agendas):
            for check in agenda.design.checks:
                if check.key not in self._store.checks():
                    self._submit(CheckRequest(check), _Asker(turn))
            self._ask(turn, [arm.name for arm in agenda.design.arms])

    def take(self, event: Event) -> None:
        """Store what an event brings, before anything else is done."""
        if isinstance(event, Finished):
            self._finish(event)
        elif isinstance(event, Network):
            self._networks[event.key] = event.content
        elif isinstance(event, Failed):
            self._fail(event.job.key, event.reason)

    def go_on(self, key: str) -> None:
        """Ask for what a job that has ended leads to, and tell of designs that have ended with it."""
        askers = self._waiting.end(key)
        concerned = dict.fromkeys(asker for asker in askers if asker.arm)
        # A replicate may be one of arms that have not asked for it: their rules are judged by it too.
        concerned |= {_Asker(i, name): None for i, one in enumerate(self._agendas) for name in one.replicated(key)}
        for asker in concerned:
            if not self._waiting.waits(asker):
                self._ask(asker.turn, [asker.arm])
        for turn in sorted({asker.turn for asker in askers}):
            if not self._waiting.open(turn):
                self._watch(DesignEnded(self._agendas[turn].design))

    def _ask(self, turn: int, names: Collection[str]) -> None:
        """Submit what some arms of a design need now."""
        agenda, stored = self._agendas[turn], self._store.records()
        agenda.update(names, stored)
        for request in [*agenda.needed(stored), *self._unsaved(agenda, names)]:
            if request.job.key not in self._failed:
                self._submit(request, _Asker(turn, request.arm.name))

    def _unsaved(self, agenda: Agenda, names: Iterable[str]) -> list[Request]:
        """The stored replicates of some arms whose trained networks are to be kept and are not."""
        models, stored = self._models, self._store.records()
        if models is None:
            return []
        return [each for name in names for each in kept(agenda, name, stored) if not models.has(each.run.key)]

    def _submit(self, request: Request | CheckRequest, asker: _Asker) -> None:
        key = request.job.key
        self._waiting.add(key, asker)
        if key not in self._requests:
            self._requests[key] = request
            wanted = self._models is not None and _is_replicate(request)
            self._engine.submit(request.job, model=wanted, turn=asker.turn)
            self._watch(Queued(request))

    def _finish(self, event: Finished) -> None:
        """Store a record that is new, and save its trained network if that is asked for."""
        key, before = event.record.key, self._store.records().get(event.record.key)
        if before is None:
            _keep(self._store, event)
            self.done.add(key)
        if self._models is None or not _is_replicate(self._requests[key]):
            return
        problem = _problem(before, event.record, key in self._networks)
        if problem:
            self._fail(key, problem)
        else:
            self._models.add(key, self._networks.pop(key))
            self.saved.add(key)

    def _fail(self, key: str, reason: str) -> None:
        """Take note of a job that could not be done. It is not asked for again."""
        self._failed.add(key)
        self.failures.append(Failure(self._requests[key], reason))


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
