"""Draws the figures an experiment names and writes them as PDF, SVG and PNG, with their data as CSV."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.errors import unknown_name
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
from cnn_study.figures.layout import note, settle
from cnn_study.figures.style import PUBLISHED, STYLES, Style, styled
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
    mpl.use("Agg")
    with styled(STYLES[style]):
        figure, caption, data = FIGURES[plot.kind](outcome, plot, STYLES[style])
        if data.empty:
            figure.text(0.5, 0.5, "not measured", ha="center", color=PUBLISHED)
        if outcome.design.proxy:
            text = f"A proxy: {outcome.design.proxy}. Published numbers are for all images: not comparable in size."
            caption += f" {text}"
            note(figure, text, STYLES[style])
        settle(figure)
    return Drawing(figure, caption, data)


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
        with styled(STYLES[style]):
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
