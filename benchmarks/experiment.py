"""A whole experiment: this suite against a plain script, and what its search and its early stop save."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Measurement, at_least, interleaved, ratios
from benchmarks.part import EPOCHS, design, runs
from benchmarks.processes import PLAIN, environment
from cnn_study import collection
from cnn_study.data import cache
from cnn_study.errors import DataError, ExecutionError
from cnn_study.experiment import Design
from cnn_study.results import Store
from cnn_study.training.search import Stored
from cnn_study.training.tuning import Tuned, tune

SECTION = "An experiment: a part of activations, quick"
SAVED = "Epochs of an experiment, against an exhaustive grid trained to the last epoch"
SPEED_GOAL = at_least(4)


def against_a_script(
    repetitions: int, epochs: int = EPOCHS, fallback: str | None = None, folder: Path | None = None
) -> Iterator[Measurement]:
    """Seconds of the same runs as this suite and as a plain script do them, from start to end of the program.

    Args:
        repetitions: How often each side is measured.
        epochs: Of every run.
        fallback: A data set that takes the place of CIFAR-10.
        folder: Where the programs run; ``None``: here.
    """
    part = design(epochs, fallback)
    name = f"{len(runs(part))} runs of {epochs} epochs"
    try:
        cache.ensure(part.arms[0].data.name)
    except DataError as error:
        yield Measurement(SECTION, name, "s", missing=str(error))
        return
    work: dict[str, str] = {}

    def seconds(script: str) -> float:
        command = [sys.executable, "-m", f"benchmarks.{script}", str(epochs), *([fallback] if fallback else [])]
        started = time.perf_counter()
        work[script] = _answer(command, folder)
        return time.perf_counter() - started

    scripts = ("suite_script", "plain_script")
    found = interleaved({script: lambda script=script: seconds(script) for script in scripts}, repetitions)
    if work["suite_script"] != work["plain_script"]:
        raise ExecutionError(f"the two sides did not do the same (runs, steps, evaluations): {work}")
    yield Measurement(SECTION, f"{name}, this suite", "s", found["suite_script"])
    yield Measurement(SECTION, f"{name}, a plain script", "s", found["plain_script"])
    faster = ratios(found["plain_script"], found["suite_script"])
    yield Measurement(SECTION, "plain script / this suite", "times", faster, SPEED_GOAL)


def _answer(command: list[str], folder: Path | None) -> str:
    with environment(PLAIN):
        answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603
    if answer.returncode:
        reason = (answer.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ExecutionError(f"{' '.join(command[1:])} ended with exit code {answer.returncode}: {reason}")
    return answer.stdout.strip()


@dataclass(frozen=True)
class Epochs:
    """What an experiment's arms have cost, and what they would have.

    Attributes:
        trained: Epochs of its stored runs.
        search: Epochs of the search runs among them.
        grid: Epochs of the same search runs, each to the last.
        replicates: Epochs of the replicates, each to the last.
    """

    trained: float
    search: float
    grid: float
    replicates: float

    @classmethod
    def of(cls, plan: Design, stored: Stored) -> "Epochs":
        """Of a design whose runs are stored; arms with a rate of their own have no search."""
        trained = search = grid = replicates = 0.0
        for arm in plan.arms:
            tuned = tune(arm, plan, stored)
            if not isinstance(tuned, Tuned):
                continue
            search += sum(stored[run.key].outcomes["epochs"] for run in tuned.search.runs)
            trained += sum(stored[run.key].outcomes["epochs"] for run in tuned.runs if run.key in stored)
            grid += len(tuned.search.runs) * arm.train.epochs
            replicates += sum(run.key in stored for run in tuned.replicates) * arm.train.epochs
        return cls(trained, search, grid, replicates)


def saved(results: Path) -> Iterator[Measurement]:
    """The share of the epochs that the experiments with times to a threshold have trained, from stored runs.

    Args:
        results: A folder of results, for example ``results/quick``.
    """
    stored = Store(results).records()
    for experiment in collection.load():
        plan = experiment.at(results.name)
        if plan.sought is None:
            continue
        epochs = Epochs.of(plan, stored)
        if not epochs.trained:
            continue
        name = f"{experiment.name}: {epochs.trained:,.0f} of {epochs.grid + epochs.replicates:,.0f} epochs"
        yield Measurement(SAVED, name, "%", (100 * epochs.trained / (epochs.grid + epochs.replicates),))
        name = f"{experiment.name}, search alone: {epochs.search:,.0f} of {epochs.grid:,.0f} epochs"
        yield Measurement(SAVED, name, "%", (100 * epochs.search / epochs.grid,))
