"""Carries a plan out: asks what is needed, has it done, stores it, and asks again until nothing is needed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from cnn_study.execution.jobs import Job
from cnn_study.execution.local import Event, Failed, Finished
from cnn_study.execution.plan import CheckRequest, Request, needed
from cnn_study.experiment import Arm, Design
from cnn_study.models import complexity
from cnn_study.results import CheckRecord, Store


class Engine(Protocol):
    """Where jobs are done."""

    def submit(self, job: Job) -> None:
        """Queue a job."""

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
    """

    done: frozenset[str]
    failures: tuple[Failure, ...] = ()


def check_memory(designs: Iterable[Design], available: int) -> None:
    """Refuse designs with an arm that a machine has no room for, before anything is trained.

    Args:
        designs: The experiments at the sizes of a profile.
        available: Bytes of memory that the machine has.

    Raises:
        InputError: There is no room, by the estimate that the message gives.
    """
    for arm in (arm for design in designs for arm in design.arms):
        sizes = (arm.data.train_size, arm.data.validation_size, arm.data.test_size)
        images = sum(size or 0 for size in sizes)
        complexity.check_memory(arm.model, arm.train, available, images, f"the arm {arm.name!r}")


def carry_out(designs: Iterable[Design], store: Store, engine: Engine, watch: Watch) -> Report:
    """Do and store whatever the designs need and the store lacks.

    A run that several arms ask for is trained once. Everything that is finished is stored before anything else is done,
    so that an interruption at any time loses only what was going on. A job that fails does not stop the others; what
    depends on it is left out.

    Args:
        designs: The experiments at the sizes of a profile.
        store: Open for writing.
        engine: Does the jobs.
        watch: Called with every event, for display.
    """
    done: set[str] = set()
    failures: list[Failure] = []
    requests: dict[str, Request | CheckRequest] = {}
    waiting: dict[str, list[tuple[Arm, Design]]] = defaultdict(list)

    def submit(request: Request | CheckRequest) -> None:
        if request.job.key not in requests:
            requests[request.job.key] = request
            engine.submit(request.job)
            watch(Queued(request))

    def ask(arm: Arm, design: Design) -> None:
        for request in needed(arm, design, store.records()):
            submit(request)
            known = waiting[request.job.key]
            if not any(arm is other for other, _ in known):
                known.append((arm, design))

    for design in designs:
        for check in design.checks:
            if check.key not in store.checks():
                submit(CheckRequest(check))
        for arm in design.arms:
            ask(arm, design)
    for event in engine.events():
        if isinstance(event, Finished):
            _keep(store, event)
            done.add(event.record.key)
        elif isinstance(event, Failed):
            failures.append(Failure(requests[event.job.key], event.reason))
        watch(event)
        if isinstance(event, Finished):
            for arm, design in waiting.pop(event.record.key, []):
                ask(arm, design)
    return Report(frozenset(done), tuple(failures))


def _keep(store: Store, event: Finished) -> None:
    if isinstance(event.record, CheckRecord):
        store.add_check(event.record)
    else:
        store.add(event.record)
