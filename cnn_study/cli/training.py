"""Commands that get data and train: ``run``, ``plan``, ``data``."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer

from cnn_study import registry as experiments
from cnn_study import tables, tracking
from cnn_study.cli.app import (
    OWN,
    CacheOption,
    DataOption,
    FallbackOption,
    Names,
    ProfileOption,
    ResultsOption,
    SideOption,
    UriOption,
    app,
    console,
    errors,
)
from cnn_study.cli.images import commands
from cnn_study.cli.output import compare_with_reference, draw, mirror, show_verdicts
from cnn_study.cli.stores import (
    all_evaluated,
    at,
    describe_images,
    folder_of,
    pace_of,
    shown,
    store_of,
    suited,
    timed,
    train_size,
)
from cnn_study.data import cache
from cnn_study.data import registry as datasets
from cnn_study.data.folder import images
from cnn_study.data.registry import Dataset
from cnn_study.display import SuiteDisplay
from cnn_study.errors import DataError, InputError, unknown_name
from cnn_study.execution.cluster import Needs, RayEngine
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.plan import plan as plan_rows
from cnn_study.execution.saved import SavedModels
from cnn_study.execution.suite import Report, carry_out, check_memory
from cnn_study.experiment import Design, Experiment
from cnn_study.processes import cores
from cnn_study.results import Store

PATIENCE = 300.0
"""Seconds that a finished suite waits for MLflow before it shows its verdicts; `sync` takes all the time it needs."""


@app.command(
    epilog="Examples: `cnn-study run` · `cnn-study run activations --profile smoke` · `cnn-study run --jobs 8 -p full`"
)
def run(
    names: Names = None,
    profile: ProfileOption = "quick",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Worker processes. Default: one a core, or as many as the cluster has room for.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Where runs are trained: **local**, on this machine; **ray**, on a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="The Ray cluster: **auto**, the one this machine is a node of; HOST:PORT; ray://HOST. Default: auto.",
            show_default=False,
        ),
    ] = None,
    cpus_per_run: Annotated[
        float | None,
        typer.Option(min=0.1, help="CPUs of a Ray cluster kept for a run. Default: 1.", show_default=False),
    ] = None,
    gpus_per_run: Annotated[
        float | None,
        typer.Option(min=0, help="GPUs of a Ray cluster a run is given. Default: none.", show_default=False),
    ] = None,
    results: ResultsOption = None,
    fallback: FallbackOption = None,
    data: DataOption = None,
    side: SideOption = None,
    cache_dir: CacheOption = None,
    tracking_uri: UriOption = None,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Leave MLflow alone.")] = False,
    save_models: Annotated[
        bool, typer.Option("--save-models", help="Keep the trained networks of the replicates, as models/KEY.keras.")
    ] = False,
) -> None:
    """Train what is not stored yet, print the verdicts, draw the figures. An interrupted suite goes on where it was."""
    started = time.monotonic()
    workers = _workers(engine, address, jobs, cpus_per_run, gpus_per_run, cache_dir or cache.default_cache_dir())
    chosen = experiments.load(names or ())
    root = results or OWN
    if data is not None or side is not None:
        fallback = _instead(data, side, fallback)
        designs = _on_images(chosen, names, profile, fallback, cache_dir)
    else:
        fallback = _obtain(chosen, profile, fallback, cache_dir)
        designs = [experiment.at(profile, fallback) for experiment in chosen]
    if isinstance(workers, LocalEngine):
        check_memory(designs, psutil.virtual_memory().total)
    store = Store(folder_of(root, profile, fallback))
    with stoppable(), store.writing():
        if fallback and datasets.get(fallback).own:
            describe_images(store, fallback)
        models = SavedModels(store.folder / "models") if save_models else None
        report = _train(designs, store, workers, models)
    family = all_evaluated(names, store, profile, fallback)
    outcomes = shown(names, family)
    draw(outcomes, store.folder, again=bool(report.done))
    if not no_tracking:
        try:
            mirror(outcomes, store.folder, tracking_uri, report.done, PATIENCE)
        except tracking.TrackingError as error:
            errors.print(f"cnn-study: the runs are stored, but not mirrored: {error}", style="yellow", soft_wrap=True)
    show_verdicts(outcomes, family)
    compare_with_reference(outcomes, store, profile, fallback)
    if models:
        console.print(f"models: {len(report.saved)} saved in {models.folder}", soft_wrap=True, highlight=False)
    _tell_end(report, time.monotonic() - started)


def _tell_end(report: Report, seconds: float) -> None:
    """Say what was done in which time, and what failed: then with an exit code.

    Raises:
        typer.Exit: Something failed.
    """
    minutes, rest = divmod(round(seconds), 60)
    console.print(f"{len(report.done)} runs and checks in {minutes} min {rest} s", highlight=False)
    for failure in report.failures:
        what = f"{failure.request.label} ({failure.request.job.key}) failed: {failure.reason}"
        errors.print(f"cnn-study: {what}", soft_wrap=True, markup=False, highlight=False)
    if report.failures:
        raise typer.Exit(1)


@app.command(epilog="Examples: `cnn-study plan --profile full` · `cnn-study plan activations`, arm by arm")
def plan(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    fallback: FallbackOption = None,
    data: DataOption = None,
    side: SideOption = None,
) -> None:
    """Say what `run` would train, why, and how long that takes at most, without training."""
    root = results or OWN
    if data is not None or side is not None:
        fallback = _instead(data, side, fallback)
    store = store_of(root, profile, fallback)
    plans = [
        tables.ExperimentPlan(experiment.name, tuple(plan_rows(design, store.records(), store.checks())))
        for experiment, design in _suitable(experiments.load(names or ()), names, profile, fallback)
    ]
    if names:
        console.print(tables.arms(plans))
    pace, source = pace_of(root, profile, fallback)
    console.print(tables.plan(plans, train_size, pace, cores()))
    how = f"at the pace of the runs in {source}" if source else "unknown: no run is stored that shows the pace"
    limits = "All are upper limits; what experiments share counts once in the last line."
    console.print(f"Hours with {cores()} workers, {how}. {limits}", soft_wrap=True, highlight=False)


@commands.command("get", epilog="Examples: `cnn-study data` · `cnn-study data cifar10 mnist`: `get` need not be said")
def data(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Data sets, or folders of images CLASS/*.png; all if none is named.", show_default=False),
    ] = None,
    side: SideOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """Fetch data sets into the cache and check their hashes."""
    for dataset in [_data_set(name, side) for name in names or list(datasets.DATASETS)]:
        ensure(dataset.name, cache_dir)
        console.print(f"{dataset.name}: in the cache, hashes right", soft_wrap=True, highlight=False)
        if dataset.own:
            train, test = (dataset.arrays[f"y_{part}"].shape[0] for part in ("train", "test"))
            size = "x".join(map(str, dataset.image_shape))
            what = f"{train} training and {test} test images of {size}, {len(dataset.classes)} classes"
            console.print(f"  {what}: {', '.join(dataset.classes)}", soft_wrap=True, highlight=False, markup=False)


def _data_set(name: str, side: int | None) -> Dataset:
    """The data set of a name, or in a folder of images."""
    if name not in datasets.DATASETS and ("/" in name or Path(name).is_dir()):
        return images(name, side)
    if side is not None:
        raise InputError(f"--side is for folders of images: leave it out, or name a folder instead of {name!r}")
    return datasets.get(name)


def _instead(data: str | None, side: int | None, fallback: str | None) -> str:
    """The name of the data set that takes the place of every other."""
    if data is None:
        raise InputError("--side is for folders of images: name one with --data FOLDER")
    if fallback is not None:
        raise InputError("--data takes the place of every data set: leave --fallback out")
    return _data_set(data, side).name


def _on_images(
    chosen: list[Experiment], names: list[str] | None, profile: str, fallback: str, cache_dir: Path | None
) -> list[Design]:
    """The designs on the data set that takes the place of every other, which is in the cache from then on."""
    designs = [design for _, design in _suitable(chosen, names, profile, fallback)]
    for name in sorted({arm.data.name for design in designs for arm in design.arms}):
        ensure(name, cache_dir)
    return designs


def _suitable(
    chosen: list[Experiment], names: list[str] | None, profile: str, fallback: str | None
) -> list[tuple[Experiment, Design]]:
    """Experiments with their designs. Unless they were named, those are left out that cannot be had on such images."""
    if names:
        return [(experiment, suited(experiment, profile, fallback)) for experiment in chosen]
    found = at(chosen, profile, fallback)
    left_out = sorted({each.name for each in chosen} - {each.name for each, _ in found})
    if left_out:
        errors.print(f"not for images such as {fallback}: {', '.join(left_out)}", style="yellow", soft_wrap=True)
    return found


def _obtain(chosen: list[Experiment], profile: str, fallback: str | None, cache_dir: Path | None) -> str | None:
    """Have every data set in the cache. Returns the fallback if it had to be taken."""
    wanted = {arm.data.name for experiment in chosen for arm in experiment.at(profile).arms}
    if fallback is not None:
        datasets.get(fallback)
    try:
        for name in sorted(wanted):
            ensure(name, cache_dir)
    except DataError as error:
        if fallback is None:
            raise
        errors.print(f"{error}", style="yellow", soft_wrap=True)
        errors.print(f"running on {fallback} instead; all results are marked as such", style="yellow", soft_wrap=True)
        ensure(fallback, cache_dir)
        return fallback
    return None


def ensure(name: str, cache_dir: Path | None) -> None:
    """Have a data set in the cache, with a bar while it is fetched."""
    with cache.DownloadProgress(errors) as progress:
        cache.ensure(name, cache_dir=cache_dir, progress=progress)


def _workers(
    engine: str, address: str | None, jobs: int | None, cpus: float | None, gpus: float | None, cache_dir: Path
) -> LocalEngine | RayEngine:
    """The engine that the options ask for."""
    if engine not in ("local", "ray"):
        raise unknown_name("engine", engine, ("local", "ray"))
    if engine == "ray":
        return RayEngine(address or "auto", cache_dir, jobs, Needs(cpus or 1, gpus or 0))
    options = {"--address": address, "--cpus-per-run": cpus, "--gpus-per-run": gpus}
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name} {value} is for clusters: add --engine ray, or leave it out")
    return LocalEngine(jobs or cores(), cache_dir)


def _train(designs: list[Design], store: Store, workers: LocalEngine | RayEngine, models: SavedModels | None) -> Report:
    try:
        with workers:
            display = SuiteDisplay(console, train_size, workers.jobs, timed(store))
            with display.live():
                return carry_out(designs, store, workers, display, models)
    except KeyboardInterrupt:
        count = len(store.records())
        errors.print(
            f"\ncnn-study: interrupted; {count} finished runs are stored. The same command goes on from there."
        )
        raise
    finally:
        store.merge()


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end the body the way Ctrl-C does."""

    def stop(*_) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
