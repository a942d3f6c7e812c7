"""Commands that get data and train: ``run``, ``plan``, ``data``."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import typer

from cnn_study import collection, tables
from cnn_study.cli.app import console, errors
from cnn_study.cli.output import compare_with_reference, draw, keep_verdicts, mirror, show_verdicts, tell
from cnn_study.cli.stores import shown
from cnn_study.data import cache
from cnn_study.data import registry as datasets
from cnn_study.data.dataset import Dataset
from cnn_study.data.folder import images
from cnn_study.display import SuiteDisplay
from cnn_study.errors import DataError, InputError, nearest, shortened, unknown_name
from cnn_study.execution import cards
from cnn_study.execution.cluster import Needs, RayEngine
from cnn_study.execution.events import Event
from cnn_study.execution.forecast import USUAL, Pace, work_of
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.plan import plan as plan_rows
from cnn_study.execution.saved import SavedModels
from cnn_study.execution.suite import DesignEnded, Queued, Report, carry_out, check_memory
from cnn_study.experiment import Design, Experiment, Setting
from cnn_study.places import OWN, cache_folder
from cnn_study.processes import cores, memory
from cnn_study.results import Store
from cnn_study.stored import (
    Designed,
    describe_images,
    designed,
    evaluated,
    examples_in,
    known_data,
    outcomes_in,
    pace_of,
    refuse_below,
    store_of,
    timed,
)

AGAIN = 0.05
"""Seconds until a signal is sent again that came where it could not end anything."""

PATIENCE = 300.0
"""Seconds that a finished suite waits for MLflow before it shows its verdicts; `sync` takes all the time it needs."""


def run(
    names: list[str] | None = None,
    profile: str = "quick",
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    cpus_per_run: float | None = None,
    gpus_per_run: float | None = None,
    results: Path | None = None,
    stand_in: str | None = None,
    data: str | None = None,
    side: int | None = None,
    cache_dir: Path | None = None,
    tracking_uri: str | None = None,
    no_tracking: bool = False,
    save_models: bool = False,
    confirm: bool = False,
    quiet: bool = False,
) -> None:
    """See :func:`cnn_study.cli.commands.run`."""
    started = time.monotonic()
    refuse_below(results or OWN, profile)
    workers = _workers(engine, address, jobs, cpus_per_run, gpus_per_run, cache_dir or cache_folder())
    chosen = collection.load(names or ())
    collection.family(names or ())  # A name that two experiments use is refused before anything is trained.
    if data is None and side is None:
        setting = _obtained(chosen, profile, stand_in, cache_dir)
    else:
        setting = Setting(profile, _in_place(data, side, stand_in))
    found = _suitable(chosen, names, setting)
    designs = [design for _, design in found]
    if isinstance(workers, LocalEngine):
        check_memory(designs, memory())
    for dataset in used(designs):
        ensure(dataset, cache_dir)
    store = store_of(results or OWN, setting)
    with stoppable(), store.writing():
        if setting.images and setting.own:
            describe_images(store, setting.images)
        models = SavedModels(store.folder / "models") if save_models else None
        order = found if names else _least_first(found, setting)
        report = _train(setting, order, store, workers, models, confirm=confirm, quiet=quiet)
    family = outcomes_in(store, collection.family(names or ()), setting)
    outcomes = shown(names, family)
    show_verdicts(outcomes, family)
    keep_verdicts(family, store.folder)
    compare_with_reference(outcomes, store, setting)
    again = bool(report.done)
    undrawn = draw(outcomes, store.folder, again=again, overview=again or not names, family=family)
    if not no_tracking:
        from cnn_study import tracking

        try:
            mirror(outcomes, store.folder, tracking_uri, report.done, PATIENCE)
        except tracking.TrackingError as error:
            errors.print(f"cnn-study: the runs are stored, but not mirrored: {error}", style="yellow", soft_wrap=True)
    if models:
        console.print(f"models: {len(report.saved)} saved in {models.folder}", soft_wrap=True, highlight=False)
    _tell_end(report, time.monotonic() - started)
    if undrawn:
        raise typer.Exit(1)


def _tell_end(report: Report, seconds: float) -> None:
    """Say what was done in which time, and what failed: then with an exit code.

    Raises:
        typer.Exit: Something failed.
    """
    minutes, rest = divmod(round(seconds), 60)
    console.print(f"{len(report.done)} runs and checks in {minutes} min {rest} s", highlight=False)
    for failure in report.failures:
        what = f"{failure.request.label}, key {failure.request.job.key}, failed: {failure.reason}"
        errors.print(f"cnn-study: {what}", soft_wrap=True, markup=False, highlight=False)
    if report.failures:
        raise typer.Exit(1)


def plan(
    names: list[str] | None = None,
    profile: str = "quick",
    results: Path | None = None,
    stand_in: str | None = None,
    data: str | None = None,
    side: int | None = None,
    confirm: bool = False,
) -> None:
    """See :func:`cnn_study.cli.commands.plan`."""
    refuse_below(results or OWN, profile)
    if data is None and side is None:
        setting = Setting(profile, None if stand_in is None else datasets.get(stand_in))
    else:
        setting = Setting(profile, _in_place(data, side, stand_in))
    store = store_of(results or OWN, setting)
    found = _suitable(collection.load(names or ()), names, setting)
    plans = [
        tables.ExperimentPlan(experiment.name, tuple(plan_rows(design, store.records(), store.checks(), confirm)))
        for experiment, design in found
    ]
    if names:
        console.print(tables.arms(plans))
        console.print(tables.ARM_NOTE, soft_wrap=True, highlight=False)
    known = known_data(setting, (design for _, design in found))
    pace, source = pace_of(results or OWN, setting, known)
    console.print(tables.plan(plans, examples_in(known), pace, cores()))
    how = f"at the pace of the runs in {source}" if source else "unknown: no run is stored that shows the pace"
    for line in (f"time: with {cores()} workers, {how}.", *tables.plan_notes(pace)):
        console.print(line, soft_wrap=True, highlight=False)


def data(names: list[str] | None = None, side: int | None = None, cache_dir: Path | None = None) -> None:
    """See :func:`cnn_study.cli.commands.data`."""
    for dataset in [_data_set(name, side) for name in names or list(datasets.DATASETS)]:
        ensure(dataset, cache_dir)
        console.print(f"{dataset.name}: in the cache, hashes right", soft_wrap=True, highlight=False)
        if dataset.own:
            train, test = (dataset.arrays[f"y_{part}"].shape[0] for part in ("train", "test"))
            size = "x".join(map(str, dataset.image_shape))
            what = f"{train} training and {test} test images of {size}, {len(dataset.classes)} classes"
            console.print(f"  {what}: {', '.join(dataset.classes)}", soft_wrap=True, highlight=False, markup=False)


def _data_set(name: str, side: int | None) -> Dataset:
    """The data set of a name, or in a folder of images."""
    if name not in datasets.DATASETS:
        if "/" in name or Path(name).is_dir():
            return images(name, side)
        known, hint = ", ".join(sorted(datasets.DATASETS)), nearest(name, datasets.DATASETS)
        what = f"{shortened(name)} is neither a data set (known: {known}) nor a folder here"
        raise InputError(f"{what}; {hint}" if hint else what)
    if side is not None:
        raise InputError(f"--side is for folders of images: leave it out, or name a folder instead of {name!r}")
    return datasets.get(name)


def _in_place(data: str | None, side: int | None, stand_in: str | None) -> Dataset:
    """The data set that was chosen for the place of every other, or that of the user's own images."""
    if data is None:
        raise InputError("--side is for folders of images: name one with --data FOLDER")
    if stand_in is not None:
        raise InputError("--data takes the place of every data set: leave --stand-in out")
    return _data_set(data, side)


def _suitable(chosen: list[Experiment], names: list[str] | None, setting: Setting) -> Designed:
    """Experiments with their designs. Unless they were named, those are left out that cannot be had on such images."""
    found = designed(chosen, setting, named=bool(names))
    left_out = sorted({each.name for each in chosen} - {each.name for each, _ in found})
    if left_out and setting.images:
        what = f"not for images such as {setting.images.name}: {', '.join(left_out)}"
        errors.print(what, style="yellow", soft_wrap=True)
    return found


def used(designs: Iterable[Design]) -> list[Dataset]:
    """The data sets of some designs, each once.

    Raises:
        InputError: Two of the user's own have the same name: the cache, and their runs, would be mixed up.
    """
    found: dict[str, Dataset] = {}
    for dataset in (design.dataset(arm.data) for design in designs for arm in design.arms):
        if found.setdefault(dataset.name, dataset).digest != dataset.digest:
            raise InputError(
                f"two data sets are called {dataset.name!r}: rename the folder of the images of one of them"
            )
    return [found[name] for name in sorted(found)]


def _obtained(chosen: list[Experiment], profile: str, stand_in: str | None, cache_dir: Path | None) -> Setting:
    """The setting with every data set in the cache; with the stand-in, if one of them cannot be had."""
    setting, instead = Setting(profile), None if stand_in is None else datasets.get(stand_in)
    try:
        for dataset in used(experiment.at(setting) for experiment in chosen):
            ensure(dataset, cache_dir)
    except DataError as error:
        if instead is None:
            raise
        errors.print(f"{error}", style="yellow", soft_wrap=True)
        what = f"running on {instead.name} instead; all results are marked as such"
        errors.print(what, style="yellow", soft_wrap=True)
        return Setting(profile, instead)
    return setting


def ensure(data: Dataset, cache_dir: Path | None) -> None:
    """Have a data set in the cache, with a bar while it is fetched."""
    with cache.DownloadProgress(errors) as progress:
        cache.ensure(data, cache_dir=cache_dir, progress=progress)


def _workers(
    engine: str, address: str | None, jobs: int | None, cpus: float | None, gpus: float | None, cache_dir: Path
) -> LocalEngine | RayEngine:
    """The engine that the options ask for."""
    if engine not in ("local", "ray"):
        raise unknown_name("engine", engine, ("local", "ray"))
    if engine == "ray":
        return RayEngine(address or "auto", cache_dir, jobs, Needs(cpus or 1, gpus or 0))
    for name, value in {"--address": address, "--cpus-per-run": cpus}.items():
        if value is not None:
            raise InputError(f"{name} {value} is for clusters: add --engine ray, or leave it out")
    if not gpus:
        if found := cards.cards():
            unused = f"a GPU is here ({', '.join(found)}) and stays unused: see --gpus-per-run"
            errors.print(f"cnn-study: {unused}", style="yellow", soft_wrap=True, highlight=False)
        return LocalEngine(jobs or cores(), cache_dir)
    room, found = cards.on_a_card(gpus), cards.cards()
    if not found:
        raise InputError(f"--gpus-per-run {gpus:g}: no GPU is to be seen here; `nvidia-smi` lists those of a machine")
    return LocalEngine(min(jobs or len(found) * room, len(found) * room), cache_dir, found)


def _least_first(found: Designed, setting: Setting) -> Designed:
    """The experiments by the work of a run of every arm: so the first verdicts are there soon."""
    examples, pace = examples_in(known_data(setting, (design for _, design in found))), Pace(USUAL)

    def seconds(design: Design) -> float:
        return pace.seconds(work_of((arm.run(1.0, design.seeds[0]) for arm in design.arms), examples))

    return sorted(found, key=lambda each: seconds(each[1]))


def _train(
    setting: Setting,
    found: Designed,
    store: Store,
    workers: LocalEngine | RayEngine,
    models: SavedModels | None,
    *,
    confirm: bool,
    quiet: bool,
) -> Report:
    """Train what is not stored, and show what every experiment has found as soon as it is decided."""
    designs = [design for _, design in found]
    known = known_data(setting, designs)

    def watch(display: SuiteDisplay, event: Event | Queued | DesignEnded) -> None:
        display(event)
        if isinstance(event, DesignEnded) and len(found) > 1:
            experiment = next(each for each, design in found if design is event.design)
            tell(tables.answers(evaluated(experiment, event.design, store)))

    try:
        with workers:  # Only then does a cluster know how many there are.
            display = SuiteDisplay(console, examples_in(known), workers.jobs, timed(store, known), quiet)
            with display.live():
                return carry_out(designs, store, workers, partial(watch, display), models, confirm)
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
    """Let SIGTERM end the body the way Ctrl-C does, and neither be lost where Python swallows what is raised."""

    def stop(number: int, frame: FrameType | None) -> None:
        if _finalizing(frame):
            threading.Timer(AGAIN, os.kill, (os.getpid(), number)).start()
            return
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # In the background, it may be ignored.
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finalizing(frame: FrameType | None) -> bool:
    """Whether an object is being finalized: an exception that is raised there ends nothing."""
    while frame:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False
