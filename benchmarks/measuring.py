"""What a benchmark hands back: values of repetitions, their median and interval, a goal, and the machine."""

import importlib.metadata
import json
import math
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import psutil

from cnn_study.errors import InputError

CONFIDENCE = 0.95
VERSIONED = ("cnn-study", "keras", "numpy", "tensorflow-cpu", "tensorflow", "torch", "jax", "mlflow", "pyarrow", "ray")
"""Packages whose versions are noted, where they are installed."""


@dataclass(frozen=True)
class Goal:
    """What a median should be.

    Attributes:
        limit: In the unit of the values.
        at_least: Whether it is a lower limit; else an upper one.
    """

    limit: float
    at_least: bool

    def met(self, value: float) -> bool:
        """Whether a value is on the right side of the limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    @property
    def text(self) -> str:
        """For people: ``>= 4`` or ``<= 0.5``."""
        return f"{'>=' if self.at_least else '<='} {number(self.limit)}"


def at_least(limit: float) -> Goal:
    """A lower limit."""
    return Goal(limit, at_least=True)


def at_most(limit: float) -> Goal:
    """An upper limit."""
    return Goal(limit, at_least=False)


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes:
        section: The part of the table it stands in.
        name: What was measured.
        unit: Of the values.
        values: One a repetition; none if it could not be measured.
        goal: What their median should be.
        shares: Of the machine's matrix products, between 0 and 1, one a repetition; none where that means nothing.
        missing: Why it could not be measured, and what to do about it.
    """

    section: str
    name: str
    unit: str
    values: tuple[float, ...] = ()
    goal: Goal | None = None
    shares: tuple[float, ...] = ()
    missing: str = ""

    @property
    def median(self) -> float:
        """Of the values."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` without a goal or without values."""
        return self.goal.met(self.median) if self.goal and self.values else None

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """A measurement from what :func:`dataclasses.asdict` has made of it."""
        goal = Goal(**fields["goal"]) if fields["goal"] else None
        return cls(**{**fields, "values": tuple(fields["values"]), "shares": tuple(fields["shares"]), "goal": goal})


def coverage(n: int, k: int) -> float:
    """How surely the median of what is sampled lies between the k-th smallest and the k-th largest of n values."""
    return max(0.0, 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """An interval of the median, from the order of the values alone.

    It is the narrowest between a k-th smallest and the k-th largest value that holds the median in 95 % of all cases
    or, with fewer than six values, the whole range: :func:`coverage` says how sure that is.
    """
    ordered, k = sorted(values), 1
    while 2 * (k + 1) <= len(ordered) and coverage(len(ordered), k + 1) >= CONFIDENCE:
        k += 1
    return ordered[k - 1], ordered[-k]


def ratios(numerators: Iterable[float], denominators: Iterable[float]) -> tuple[float, ...]:
    """Ratios within each repetition."""
    return tuple(a / b for a, b in zip(numerators, denominators, strict=True))


def interleaved(actions: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, tuple[float, ...]]:
    """Values of several actions, all once in every repetition, so that a machine that gets slower does so for all.

    Every second repetition goes backward, so that no action always follows the same other one.
    """
    values: dict[str, list[float]] = {name: [] for name in actions}
    names = list(actions)
    for repetition in range(repetitions):
        for name in reversed(names) if repetition % 2 else names:
            values[name].append(actions[name]())
    return {name: tuple(found) for name, found in values.items()}


@dataclass(frozen=True)
class Report:
    """The outcome of a run of the benchmarks.

    Attributes:
        machine: Processor, cores, memory, system, and the load when the run began.
        versions: Of Python and of packages.
        measurements: The rows.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    measurements: tuple[Measurement, ...]

    def and_row(self, row: Measurement) -> Self:
        """With a further row."""
        return replace(self, measurements=(*self.measurements, row))

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """What :meth:`write` has kept.

        Raises:
            InputError: It is another file.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**fields, "measurements": tuple(map(Measurement.parse, fields["measurements"]))})
        except (TypeError, KeyError, ValueError):
            raise InputError(f"{path} was not written by `python -m benchmarks --json`") from None


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "processor": _processor(),
        "cores": f"{psutil.cpu_count(logical=False)} ({psutil.cpu_count()} logical)",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }


def versions() -> dict[str, str]:
    """Of Python, and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def number(value: float) -> str:
    """Three digits, or whole thousands with their comma."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
