"""What a person sees of a running suite: a bar, a line a worker; plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cnn_study.execution.local import Event, Finished, Lost
from cnn_study.execution.local import Progress as Measured
from cnn_study.execution.plan import Request
from cnn_study.execution.suite import Queued
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec

EVERY = 30.0
"""Seconds between the lines about what is going on, where there is no terminal."""


class SuiteDisplay:
    """Follows the events of a suite. Use :meth:`live` around the suite and give the object itself as its ``watch``.

    Args:
        console: Where to draw.
        train_size: Gives the training examples of a run, to measure progress in images.
    """

    def __init__(self, console: Console, train_size: Callable[[RunSpec], int]):
        self._console = console
        self._train_size = train_size
        self._requests: dict[str, Request] = {}
        self._running: dict[str, tuple[RunSpec, float, float]] = {}
        self._finished = 0
        self._images_done = 0.0
        self._budget_done = 0.0
        self._started = self._said = time.monotonic()
        self._bar = Progress(
            TextColumn("[bold]runs"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("runs", total=0, left="")

    @contextmanager
    def live(self) -> Iterator[None]:
        """Draw while the body runs."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._render, console=self._console, refresh_per_second=4, transient=True):
            yield

    def __call__(self, event: Event | Queued) -> None:
        """Take notice of an event."""
        if isinstance(event, Queued):
            self._requests[event.request.run.key] = event.request
        elif isinstance(event, Measured):
            self._running[event.run.key] = (event.run, event.point.epoch, event.point.value)
        elif isinstance(event, Lost):
            self._running.pop(event.run.key, None)
            self._console.print(f"[yellow]{self._label(event.run)}: {event.reason}; it is tried again", soft_wrap=True)
        elif isinstance(event, Finished):
            self._finish(event.record)
        self._bar.update(self._task, total=len(self._requests), completed=self._finished, left=self._left())
        if not self._console.is_terminal and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._console.print(f"{self._finished} of {len(self._requests)} runs, {self._left()}", soft_wrap=True)

    def _finish(self, record: RunRecord) -> None:
        self._running.pop(record.key, None)
        self._finished += 1
        # A run that ended early leaves nothing of its budget to be done.
        self._budget_done += record.spec.train.epochs * self._train_size(record.spec)
        self._images_done += record.outcomes["epochs"] * self._train_size(record.spec)
        error = 100 * record.outcomes["train_error"]
        end = {"target": "reached its target", "epochs": "ended", "diverged": "diverged"}[record.ended]
        self._console.print(
            f"{self._label(record.spec)}: {end} after {record.outcomes['epochs']:.3g} epochs, "
            f"training error {error:.1f} % ({record.seconds:.0f} s)",
            soft_wrap=True,
            highlight=False,
        )

    def _label(self, run: RunSpec) -> str:
        return self._requests[run.key].label if run.key in self._requests else run.key

    def _left(self) -> str:
        """Time left for the runs that are known, if none ends early; search results may ask for more."""
        now = sum(epoch * self._train_size(run) for run, epoch, _ in self._running.values())
        speed = (self._images_done + now) / max(time.monotonic() - self._started, 1e-9)
        if not self._images_done or speed <= 0:
            return ""
        known = sum(request.run.train.epochs * self._train_size(request.run) for request in self._requests.values())
        minutes = max(known - self._budget_done - now, 0) / speed / 60
        return f"at most {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"

    def _render(self) -> Group:
        lines = [
            Text(f"  {self._label(run)}: epoch {epoch:.1f} of {run.train.epochs}, training error {100 * error:.1f} %")
            for run, epoch, error in self._running.values()
        ]
        return Group(*lines, self._bar)
