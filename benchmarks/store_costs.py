"""What results cost once they are stored: mirroring them to MLflow, running again for nothing, drawing the figures."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import scaled
from benchmarks.measuring import Measurement, at_most, interleaved
from benchmarks.processes import PLAIN, call, environment
from cnn_study.errors import ExecutionError
from cnn_study.processes import cores

TRACKED = "activations"
"""The experiment that is mirrored."""

TRACKING = f"Tracking: the experiment {TRACKED} mirrored to a new SQLite file"
MIRRORED = 3000
"""Runs of a mirror that is measured both ways; some belong to several experiments and are mirrored with each."""
MIRRORS = f"Mirror of all experiments, with at least {MIRRORED:,} runs, to a new SQLite file"
AGAIN = "`cnn-study run` again, when all is stored"
FIGURES = "`cnn-study figures`, from the start of the program to the last file"
TRACKING_GOAL = at_most(1)
MIRROR_GOAL = at_most(30)
AGAIN_GOAL = at_most(5)
FIGURES_GOAL = at_most(30)
SIZES = {1000: None, 10_000: FIGURES_GOAL}
"""Stored runs from which figures are drawn, all of them used."""


def tracking(reference: Path, repetitions: int) -> Iterator[Measurement]:
    """Seconds of a mirror, MLflow's import included, and their share of the time in which its runs were trained.

    Args:
        reference: A folder of results.
        repetitions: How often it is mirrored.
    """
    found = [call(seconds_of_mirror, reference) for _ in range(repetitions)]
    mirrors, trainings = zip(*found, strict=True)
    yield Measurement(TRACKING, "mirror", "s", mirrors)
    yield Measurement(TRACKING, "training of its runs, seconds of all workers", "s", trainings[:1])
    shares = tuple(100 * mirror / training for mirror, training in found)
    yield Measurement(TRACKING, "mirror, of the seconds of all workers", "%", shares, TRACKING_GOAL)
    name = f"mirror, of the time that {cores()} workers take"
    yield Measurement(TRACKING, name, "%", tuple(cores() * share for share in shares))


def seconds_of_mirror(reference: Path) -> tuple[float, float]:
    """Seconds of a mirror in this process, and those that the mirrored runs were trained for."""
    from cnn_study import collection, tracking
    from cnn_study.analysis.decisions import evaluate
    from cnn_study.results import Store

    (experiment,) = collection.load([TRACKED])
    store = Store(reference)
    outcome = evaluate(experiment, experiment.at(reference.name), store.records(), store.checks())
    runs = set(outcome.runs)
    trained = sum(record.seconds for record in outcome.runs.values())
    with tempfile.TemporaryDirectory() as folder:
        uri, figures = f"sqlite:///{folder}/mlflow.db", reference / "figures"
        started = time.perf_counter()
        report = tracking.mirror(
            outcome, profile=reference.name, uri=uri, artifacts=figures, trained=runs, revision="benchmark"
        )
        seconds = time.perf_counter() - started
    if report.logged != len(runs):
        raise ExecutionError(f"{report.logged} of {len(runs)} runs were mirrored")
    return seconds, trained


def clients(reference: Path) -> Iterator[Measurement]:
    """Seconds of mirrors of :data:`MIRRORED` runs: as they are written, and through MLflow's client alone.

    Args:
        reference: A folder of results, whose runs are stored again under other seeds.
    """
    from cnn_study.tracking import bulk

    with _workplace() as folder:
        seeds = scaled.seeds_for(reference, MIRRORED)
        results = folder / reference.name
        scaled.write(reference, results, seeds)
        for name, tested in {"a table at a time": bulk.TESTED, "MLflow's client": ()}.items():
            runs, seconds, processor = call(_mirrored, results, seeds, tested)
            yield Measurement(MIRRORS, f"{name}, {runs:,} runs", "s", (seconds,), MIRROR_GOAL)
            yield Measurement(MIRRORS, f"{name}, of a processor", "s", (processor,))


def _mirrored(results: Path, seeds: int, tested: tuple[str, ...]) -> tuple[int, float, float]:
    """Child runs, seconds and seconds of a processor of mirroring all experiments, of so many seeds, to a new file."""
    from cnn_study import collection, tracking
    from cnn_study.analysis.decisions import evaluate
    from cnn_study.results import Store
    from cnn_study.tracking import bulk

    bulk.TESTED = tested
    store, profile = Store(results), results.name
    runs, seconds, processor = 0, 0.0, 0.0
    with _workplace() as folder:
        for experiment in collection.load():
            outcome = evaluate(
                experiment, scaled.widened(experiment.at(profile), seeds), store.records(), store.checks()
            )
            started, used = time.perf_counter(), time.process_time()
            uri = f"sqlite:///{folder}/mlflow.db"
            report = tracking.mirror(
                outcome, profile=profile, uri=uri, artifacts=None, trained=(), revision="benchmark"
            )
            seconds += time.perf_counter() - started
            processor += time.process_time() - used
            runs += report.logged
    return runs, seconds, processor


def again(reference: Path, repetitions: int) -> Iterator[Measurement]:
    """Seconds of a suite that has nothing to do: everything is stored, drawn and mirrored.

    Args:
        reference: A folder of results with its figures.
        repetitions: How often it is run.
    """
    with _workplace() as folder:
        shutil.copytree(reference, folder / "results" / reference.name)
        command = ["run", "--profile", reference.name, "--results", "results", "--tracking-uri", "sqlite:///mlflow.db"]
        answer = _seconds(folder, command)  # Mirrors what is stored.
        seconds = tuple(_seconds(folder, command) for _ in range(repetitions))
    yield Measurement(AGAIN, "the first time, mirroring all experiments to a new SQLite file", "s", (answer,))
    yield Measurement(AGAIN, "from then on", "s", seconds, AGAIN_GOAL)


def figures(reference: Path, repetitions: int) -> Iterator[Measurement]:
    """Seconds until all figures are drawn, from results of several sizes.

    Args:
        reference: A folder of results, whose runs are stored again under other seeds.
        repetitions: How often they are drawn.
    """
    with _workplace() as folder:
        actions, goals = {}, {}
        for size, goal in SIZES.items():
            seeds = scaled.seeds_for(reference, size)
            results = folder / str(size) / reference.name
            count = scaled.write(reference, results, seeds)
            name = f"{count:,} stored runs, {seeds} seeds"
            command = ["figures", "--profile", reference.name, "--results", str(results.parent)]
            actions[name] = lambda command=command, seeds=seeds: _seconds(folder, command, seeds)
            goals[name] = goal
        for name, seconds in interleaved(actions, repetitions).items():
            yield Measurement(FIGURES, name, "s", seconds, goals[name])


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _seconds(folder: Path, arguments: list[str], seeds: int | None = None) -> float:
    """Of a command of ``cnn-study`` in a folder; with ``seeds``, of experiments that ask for so many."""
    module = ["cnn_study.cli"] if seeds is None else ["benchmarks.scaled", str(seeds)]
    code = Path(__file__).parents[1]
    with environment({**PLAIN, "PYTHONPATH": str(code)}):
        started = time.perf_counter()
        command = [sys.executable, "-m", *module, *arguments]
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        seconds = time.perf_counter() - started
    said = answer.stdout + answer.stderr
    if answer.returncode or "runs are missing" in said:
        raise ExecutionError(f"{' '.join(arguments)} did not do its work: {(said.strip().splitlines() or ['?'])[-1]}")
    return seconds
