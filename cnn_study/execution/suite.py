"""Carries a plan out: asks what is needed, has it trained, stores it, and asks again until nothing is needed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from cnn_study.execution.local import Event, Finished
from cnn_study.execution.plan import Request, needed
from cnn_study.experiment import Arm, Design
from cnn_study.results import Store
from cnn_study.spec import RunSpec


class Engine(Protocol):
    """Where runs are trained."""

    def submit(self, run: RunSpec) -> None:
        """Queue a run."""

    def events(self) -> Iterable[Event]:
        """What becomes of the queued runs, until nothing is queued and nothing runs."""
        ...


@dataclass(frozen=True)
class Queued:
    """A run was handed to the engine.

    Attributes:
        request: The first arm that asked for it.
    """

    request: Request


Watch = Callable[[Event | Queued], None]


def carry_out(designs: Iterable[Design], store: Store, engine: Engine, watch: Watch) -> set[str]:
    """Train and store whatever the designs need and the store lacks.

    A run that several arms ask for is trained once. Every finished run is stored before anything else is done, so that
    an interruption at any time loses only runs that were going on.

    Args:
        designs: The experiments at the sizes of a profile.
        store: Open for writing.
        engine: Trains the runs.
        watch: Called with every event, for display.

    Returns:
        Keys of the runs that were trained.
    """
    trained: set[str] = set()
    waiting: dict[str, list[tuple[Arm, Design]]] = defaultdict(list)

    def ask(arm: Arm, design: Design) -> None:
        for request in needed(arm, design, store.records()):
            known = waiting[request.run.key]
            if not known:
                engine.submit(request.run)
                watch(Queued(request))
            if not any(arm is other for other, _ in known):
                known.append((arm, design))

    for design in designs:
        for arm in design.arms:
            ask(arm, design)
    for event in engine.events():
        if isinstance(event, Finished):
            store.add(event.record)
            trained.add(event.record.key)
        watch(event)
        if isinstance(event, Finished):
            for arm, design in waiting.pop(event.record.key):
                ask(arm, design)
    return trained
