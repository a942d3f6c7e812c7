"""The records of finished runs and checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cnn_study.spec import CheckSpec, RunSpec

Ended = Literal["target", "epochs", "diverged"]
Cell = str | int | float | bool


class Point(NamedTuple):
    """One measured value of a run. A tuple, since a profile has hundreds of thousands of them.

    Attributes:
        metric: What was measured, for example ``train_error``.
        step: Number of optimizer steps taken before.
        epoch: The same in passes over the training examples.
        value: The number; not finite after a divergence.
    """

    metric: str
    step: int
    epoch: float
    value: float


@dataclass(frozen=True)
class RunRecord:
    """The record of a finished run.

    Attributes:
        spec: The run as it was asked for.
        ended: Why it ended: at its ``target``, after its ``epochs``, or it ``diverged``. All three are outcomes.
        outcomes: Numbers of the finished run: ``test_error``, ``epochs``, ``steps``, ...
        history: Measured values in the order of their measurement.
        weights: SHA-256 over the final weights.
        environment: Versions, machine, threads and switches that can change bits.
        seconds: Wall time of the run, in seconds: training, evaluations and probes, and compilation where the worker
            has to compile.
        finished_at: Time of its end, ISO 8601, UTC.
    """

    spec: RunSpec
    ended: Ended
    outcomes: Mapping[str, float]
    history: tuple[Point, ...]
    weights: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""

    @property
    def key(self) -> str:
        """The key of its spec."""
        return self.spec.key

    def curve(self, metric: str) -> tuple[list[float], list[float]]:
        """Epochs and values of one metric."""
        points = [point for point in self.history if point.metric == metric]
        return [point.epoch for point in points], [point.value for point in points]


@dataclass(frozen=True)
class CheckRecord:
    """The record of a finished exact check.

    Attributes:
        spec: The check as it was asked for.
        outcomes: Numbers of the finished check: ``cases``, ``agreeing``, and those that summarize its table.
        table: Rows for figures: a case or a summary each, with columns of the check's own.
        environment: Versions, machine, threads and switches that can change bits.
        seconds: Wall time of the check, in seconds.
        finished_at: Time of its end, ISO 8601, UTC.
    """

    spec: CheckSpec
    outcomes: Mapping[str, float]
    table: tuple[Mapping[str, Cell], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""

    @property
    def key(self) -> str:
        """The key of its spec."""
        return self.spec.key
