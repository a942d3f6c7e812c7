"""What a person sees of a running suite: a bar, a line a worker; plain lines where there is no terminal."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cnn_study.execution.events import Begun, Event, Failed, Finished, Lost, Progressed, Waiting
from cnn_study.execution.forecast import Examples, Pace, work_of
from cnn_study.execution.jobs import Job
from cnn_study.execution.plan import CheckRequest, Request
from cnn_study.execution.suite import DesignEnded, Queued
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.spec import RunSpec

EVERY = 30.0
"""Seconds between the lines about what is going on, where there is no terminal."""

FORECASTS_AFTER = 3
"""Finished runs before the time left is worth saying."""

FORECASTS_EVERY = 1.1
"""Factor by which finished runs become more before the pace is taken anew: with thousands, that takes a while."""


class SuiteDisplay:
    """Follows the events of a suite. Use :meth:`live` around the suite and give the object itself as its ``watch``.

    Args:
        console: Where to draw.
        examples: Gives the training examples of a run.
        workers: How many there are.
        stored: Runs that were finished before, to judge by how long others take.
        quiet: Whether finished runs have no line of their own.
    """

    def __init__(
        self,
        console: Console,
        examples: Examples,
        workers: int,
        stored: Mapping[str, RunRecord],
        quiet: bool = False,
    ):
        self._console = console
        self._examples = examples
        self._workers = workers
        self._quiet = quiet
        self._known = list(stored.values())
        self._requests: dict[str, Request | CheckRequest] = {}
        self._ended: set[str] = set()
        self._running: dict[str, tuple[Job, float, float | None]] = {}
        self._left = ""
        self._pace: Pace | None = None
        self._fitted = 0
        self._said = time.monotonic()
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

    def __call__(self, event: Event | Queued | DesignEnded) -> None:
        """Take notice of an event. What a design has found when it ends is for others to tell."""
        match event:
            case Queued(request):
                self._requests[request.job.key] = request
            case Begun(job):
                self._running[job.key] = (job, 0.0, None)
            case Progressed(run, point):
                self._running[run.key] = (run, point.epoch, point.value)
            case Lost(job, reason):
                self._running.pop(job.key, None)
                self._say(f"{self._label(job)}: {reason}; it is tried again", "yellow")
            case Waiting(reason):
                self._say(f"{reason}", "yellow")
            case Failed(job, reason):
                self._end(job)
                self._say(f"{self._label(job)}: failed; {reason}", "red")
            case Finished(record):
                if isinstance(record, RunRecord):
                    self._known.append(record)
                self._end(record.spec)
                if not self._quiet:
                    self._say(f"{self._label(record.spec)}: {_ending(record)}")
        self._bar.update(self._task, total=len(self._requests), completed=len(self._ended), left=self._left)
        if not self._console.is_terminal and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._say(", ".join(filter(None, [f"{len(self._ended)} of {len(self._requests)} runs", self._left])))

    def _end(self, job: Job) -> None:
        self._running.pop(job.key, None)
        self._ended.add(job.key)
        self._left = self._forecast()

    def _say(self, line: str, style: str = "") -> None:
        self._console.print(line, style=style, soft_wrap=True, markup=False, emoji=False, highlight=False)

    def _label(self, job: Job) -> str:
        return self._requests[job.key].label if job.key in self._requests else job.key

    def _forecast(self) -> str:
        """Time left for the runs that are known, if none ends early; search results may ask for more."""
        if len(self._known) >= FORECASTS_AFTER and len(self._known) >= FORECASTS_EVERY * self._fitted:
            self._pace, self._fitted = Pace.fitted(self._known, self._examples), len(self._known)
        if self._pace is None:
            return ""
        left = [request.job for key, request in self._requests.items() if key not in self._ended]
        work = work_of((job for job in left if isinstance(job, RunSpec)), self._examples)
        minutes = self._pace.seconds(work) / self._workers / 60
        return f"at most {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"

    def _render(self) -> Group:
        lines = [f"  {self._label(job)}{_state(job, epoch, error)}" for job, epoch, error in self._running.values()]
        return Group(*map(Text, lines), self._bar)


def _ending(record: RunRecord | CheckRecord) -> str:
    if isinstance(record, CheckRecord):
        agreeing, cases = record.outcomes["agreeing"], record.outcomes["cases"]
        return f"{agreeing:,.0f} of {cases:,.0f} cases agree ({record.seconds:.1f} s)"
    end = {"target": "reached its target", "epochs": "ended", "diverged": "diverged"}[record.ended]
    error = 100 * record.outcomes["train_error"]
    epochs = record.outcomes["epochs"]
    return f"{end} after {epochs:.3g} epochs, training error {error:.1f} % ({record.seconds:.1f} s)"


def _state(job: Job, epoch: float, error: float | None) -> str:
    if error is None or not isinstance(job, RunSpec):
        return ""
    return f": epoch {epoch:.1f} of {job.train.epochs}, training error {100 * error:.1f} %"
