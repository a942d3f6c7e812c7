"""Draws the figures an experiment names and writes them as PDF, SVG and PNG, with their data as CSV."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.errors import ExecutionError, StoreError, StudyError, unknown_name
from cnn_study.experiment import Plot
from cnn_study.figures import (
    curves,
    effects,
    exact,
    filters,
    forest,
    layers,
    levels,
    multiverse,
    outcomes,
    pictures,
    race,
    rates,
    ratios,
    survival,
)
from cnn_study.figures.fonts import tell_lacking
from cnn_study.figures.layout import note, settle
from cnn_study.figures.style import PUBLISHED, STYLES, Style, styled
from cnn_study.files import replace_file
from cnn_study.processes import end_with_parent, startable

# Nothing in a file may tell when it was written: the same results give the same bytes.
FORMATS: Mapping[str, dict] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure, what it says in words, and the numbers in it."""

    figure: Figure
    caption: str
    data: pd.DataFrame


Draw = Callable[[Outcome, Plot, Style], tuple[Figure, str, pd.DataFrame]]
FIGURES: Mapping[str, Draw] = {
    "training_curves": curves.training_curves,
    "history": curves.history,
    "race": race.race,
    "time_ratios": ratios.time_ratios,
    "rate_search": rates.rate_search,
    "outcomes": outcomes.outcomes,
    "effects": effects.effects,
    "multiverse": multiverse.multiverse,
    "forest": forest.forest,
    "survival": survival.survival,
    "dose": levels.dose,
    "family": levels.family,
    "layers": layers.layers,
    "over_time": layers.over_time,
    "filters": filters.filters,
    "patches": pictures.patches,
    "pooled_maps": pictures.pooled_maps,
    "agreement": exact.agreement,
    "costs": exact.costs,
    "table": exact.table,
    "visibility": exact.visibility,
}
"""Every kind of figure and what draws it; the docstrings say how each reads the fields of its plot."""


def drawing(outcome: Outcome, plot: Plot | str, style: str = "paper") -> Drawing:
    """One figure of an experiment, not yet written.

    Args:
        outcome: What the experiment has found.
        plot: Which figure; a string stands for a plot of that kind.
        style: ``paper`` or ``slides``.

    Raises:
        InputError: There is no such style, arm, check or column.
    """
    plot = Plot(plot) if isinstance(plot, str) else plot
    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    with _without_screen(), styled(STYLES[style], _text(outcome)):
        figure, caption, data = FIGURES[plot.kind](outcome, plot, STYLES[style])
        if data.empty:
            figure.text(0.5, 0.5, "not measured", ha="center", color=PUBLISHED)
        if outcome.design.proxy:
            text = f"A proxy: {outcome.design.proxy}. Published numbers are for all images: not comparable in size."
            caption += f" {text}"
            note(figure, text, STYLES[style])
        settle(figure)
    return Drawing(figure, caption, data)


@contextmanager
def _without_screen() -> Iterator[None]:
    """Draw into files, and leave matplotlib as it was: a notebook goes on to show its own figures."""
    before = mpl.get_backend(auto_select=False)
    mpl.use("Agg")
    try:
        yield
    finally:
        if before:
            mpl.use(before)


def _text(outcome: Outcome) -> str:
    """All that may be written in the figures of an experiment."""
    return repr((outcome.design, outcome.experiment.title, outcome.experiment.claims, outcome.experiment.plots))


@dataclass(frozen=True)
class Drawn:
    """What has become of a figure.

    Attributes:
        path: Its PNG file.
        problem: Why it could not be drawn; empty if it is there.
    """

    path: Path
    problem: str = ""


def draw(outcome: Outcome, folder: Path, style: str = "paper") -> list[Drawn]:
    """Draw all figures of an experiment that its runs are there for. One that cannot be drawn does not stop the others.

    Args:
        outcome: What it has found.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``. Slides get a name of their own.

    Raises:
        StoreError: A file cannot be written.
    """
    found = []
    for plot in outcome.plots:
        path = _base(outcome, folder, plot, style).with_suffix(".png")
        try:
            _write(drawing(outcome, plot, style), path, styled(STYLES[style], _text(outcome)))
            found.append(Drawn(path))
        except StoreError:
            raise
        except Exception as error:
            plt.close("all")
            found.append(Drawn(path, _reason(error)))
    return found


def _write(drawn: Drawing, path: Path, style: AbstractContextManager[None]) -> None:
    """The files of a figure: in every format, with its data and its caption."""
    with style:
        for suffix, metadata in FORMATS.items():
            replace_file(
                path.with_suffix(f".{suffix}"),
                lambda file, s=suffix, m=metadata: drawn.figure.savefig(file, format=s, metadata=m),
            )
    plt.close(drawn.figure)
    replace_file(path.with_suffix(".csv"), lambda file: drawn.data.to_csv(file, index=False, lineterminator="\n"))
    replace_file(path.with_suffix(".txt"), lambda file: file.write_text(drawn.caption + "\n", encoding="utf-8"))


def _reason(error: Exception) -> str:
    """What went wrong, in one line; with its place in the code if it is no error that a user can mend."""
    message = (str(error).strip().splitlines() or ["without a message"])[0]
    if isinstance(error, StudyError):
        return message
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {message} ({Path(place.filename).name}, line {place.lineno})"


def draw_all(
    outcomes: Sequence[Outcome], folder: Path, style: str = "paper", processes: int = 1
) -> Iterator[list[Drawn]]:
    """Draw all figures of several experiments, so many experiments at a time. The files are the same, however many.

    Args:
        outcomes: What they have found.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``.
        processes: How many draw.

    Returns:
        What has become of the figures of every experiment, in their order.

    Raises:
        ExecutionError: A process was killed.
    """
    processes = min(processes, len(outcomes))
    tell_lacking("".join(map(_text, outcomes)))
    if processes < 2:
        yield from (draw(outcome, folder, style) for outcome in outcomes)
        return
    # Fresh processes: in a copy of this one, threads of other libraries could have left locks that nobody opens.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        with startable():
            waiting = [pool.submit(draw, _for_others(outcome), folder, style) for outcome in outcomes]
        for future in waiting:
            yield future.result()
    except BrokenProcessPool:
        raise ExecutionError(
            "a process that draws figures was killed: memory may be short; draw again with `cnn-study figures`"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches these processes too: end without a word.
    end_with_parent()


def _for_others(outcome: Outcome) -> Outcome:
    """What other processes need of it: no runs of other experiments."""
    runs = (run.key for tuned in outcome.tuned.values() for run in tuned.runs)
    stored = {key: outcome.stored[key] for key in runs if key in outcome.stored}
    return replace(outcome, stored=stored)


def missing(outcome: Outcome, folder: Path) -> bool:
    """Whether a file of a figure is not there."""
    return not all(
        _base(outcome, folder, plot, "paper").with_suffix(f".{suffix}").exists()
        for plot in outcome.plots
        for suffix in (*FORMATS, "csv", "txt")
    )


def _base(outcome: Outcome, folder: Path, plot: Plot, style: str) -> Path:
    suffix = "" if style == "paper" else f".{style}"
    return folder / "figures" / f"{outcome.experiment.name}-{plot.file}{suffix}.x"
