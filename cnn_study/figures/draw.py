"""Draws the figures an experiment names and writes them as PDF, SVG and PNG, with their data as CSV."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.errors import ExecutionError, unknown_name
from cnn_study.experiment import Plot
from cnn_study.figures import (
    curves,
    effects,
    exact,
    filters,
    layers,
    levels,
    multiverse,
    outcomes,
    rates,
    ratios,
    survival,
)
from cnn_study.figures.fonts import tell_lacking
from cnn_study.figures.layout import note, settle
from cnn_study.figures.style import PUBLISHED, STYLES, Style, styled
from cnn_study.processes import end_with_parent, startable
from cnn_study.results import replace_file

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
    "time_ratios": ratios.time_ratios,
    "rate_search": rates.rate_search,
    "outcomes": outcomes.outcomes,
    "effects": effects.effects,
    "multiverse": multiverse.multiverse,
    "survival": survival.survival,
    "dose": levels.dose,
    "family": levels.family,
    "layers": layers.layers,
    "over_time": layers.over_time,
    "filters": filters.filters,
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
        InputError: There is no such kind of figure, style, arm, check or column.
    """
    plot = Plot(plot) if isinstance(plot, str) else plot
    if plot.kind not in FIGURES:
        raise unknown_name("figure", plot.kind, FIGURES)
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


def draw(outcome: Outcome, folder: Path, style: str = "paper") -> list[Path]:
    """Draw all figures of an experiment.

    Args:
        outcome: What it has found; all its runs must be there.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``. Slides get a name of their own.

    Returns:
        The PNG files.
    """
    written = []
    for plot in outcome.experiment.plots:
        drawn = drawing(outcome, plot, style)
        base = _base(outcome, folder, plot, style)
        with styled(STYLES[style], _text(outcome)):
            for suffix, metadata in FORMATS.items():
                replace_file(
                    base.with_suffix(f".{suffix}"),
                    lambda path, d=drawn, s=suffix, m=metadata: d.figure.savefig(path, format=s, metadata=m),
                )
        plt.close(drawn.figure)
        replace_file(
            base.with_suffix(".csv"),
            lambda path, d=drawn: d.data.to_csv(path, index=False, lineterminator="\n"),
        )
        replace_file(
            base.with_suffix(".txt"),
            lambda path, d=drawn: path.write_text(d.caption + "\n", encoding="utf-8"),
        )
        written.append(base.with_suffix(".png"))
    return written


def draw_all(
    outcomes: Sequence[Outcome], folder: Path, style: str = "paper", processes: int = 1
) -> Iterator[list[Path]]:
    """Draw all figures of several experiments, so many experiments at a time. The files are the same, however many.

    Args:
        outcomes: What they have found; all their runs must be there.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``.
        processes: How many draw.

    Returns:
        The PNG files of every experiment, in their order.

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
    """What other processes need of it: no runs of other experiments, no functions of files they do not know."""
    runs = (run.key for tuned in outcome.tuned.values() for run in tuned.runs)
    stored = {key: outcome.stored[key] for key in runs if key in outcome.stored}
    return replace(outcome, stored=stored, experiment=replace(outcome.experiment, design=_no_design))


def _no_design(profile: str, fallback: str | None) -> NoReturn:
    raise NotImplementedError("an outcome that is drawn has its design")


def missing(outcome: Outcome, folder: Path) -> bool:
    """Whether a file of a figure is not there."""
    return not all(
        _base(outcome, folder, plot, "paper").with_suffix(f".{suffix}").exists()
        for plot in outcome.experiment.plots
        for suffix in (*FORMATS, "csv", "txt")
    )


def _base(outcome: Outcome, folder: Path, plot: Plot, style: str) -> Path:
    suffix = "" if style == "paper" else f".{style}"
    return folder / "figures" / f"{outcome.experiment.name}-{plot.file}{suffix}.x"
