"""An outcome of every arm: a row an arm, with its interval, its seeds and the published number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnn_study.analysis import targets, test_set
from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Arm, Contrast, Plot, Published, Term
from cnn_study.figures.layout import value_axis, wrapped
from cnn_study.figures.quantities import (
    arms,
    conditions,
    counted,
    decimals,
    drawable,
    interval_text,
    is_fraction,
    labels,
    mean_text,
    metric_text,
    names,
    natural_limits,
    percent,
    published_of,
    published_text,
    published_value,
    replicates_text,
    seeds_text,
    sources,
    styles_of,
    summary,
    values,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import PUBLISHED, SeriesStyle, Style

MOST_TICKS = 6
"""Ticks of an axis whose texts may be as long as ``37.5 %``."""
COLUMNS = ["condition", "label", "metric", "series", "mean", "low", "high", "seeds"]


@dataclass(frozen=True)
class _Entry:
    """An arm with what stands beside its row, and the published numbers that get rows below it, with their texts."""

    arm: Arm
    text: str
    series: SeriesStyle
    numbers: list[Published]
    texts: list[str]

    @property
    def text_lines(self) -> int:
        return self.text.count("\n") + 1

    @property
    def height(self) -> int:
        return self.text_lines + sum(text.count("\n") + 1 for text in self.texts)


def outcomes(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition, a row an arm: the mean of an outcome over seeds with its interval, every seed as a dot."""
    entries = _entries(outcome, plot, style)
    titles = conditions([entry.arm for entry in entries])
    groups = [[entry for entry in entries if entry.arm.condition == title] for title in titles]
    heights = [sum(entry.height for entry in group) for group in groups]
    unit = max(style.width / 6.75, style.type_size / 8)
    name = wrapped(plot.x or plot.y or metric_text(plot.metric), 0.6 * style.width, style.type_size)
    inches = 0.5 * unit + (name.count("\n") + sum(heights) + 1.6 * len(heights)) * 1.45 * style.type_size / 72
    figure, grid = plt.subplots(
        len(groups), 1, figsize=(style.width, inches), sharex=True, squeeze=False, height_ratios=heights
    )
    axes = list(grid.flat)
    rows, places = [], _decimals(outcome, plot, entries)
    for ax, title, group, height in zip(axes, titles, groups, heights, strict=True):
        ax.set_title(title, loc="left")
        ax.set_ylim(height - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        rows += _panel(ax, outcome, plot, group, places, style)
    table = pd.DataFrame(rows, columns=COLUMNS)
    percents = percent if is_fraction(plot.metric) else None
    value_axis(axes[0], "x", percents, logarithmic="x" in plot.logarithmic, within=natural_limits(table, plot.metric))
    if "x" not in plot.logarithmic:
        few = MaxNLocator(2) if style.narrow else MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10])
        axes[0].xaxis.set_major_locator(few)
    axes[-1].set_xlabel(name)
    logarithmic = "x" in plot.logarithmic
    mean = mean_text(logarithmic=logarithmic)
    text = replicates_text(outcome, [entry.arm for entry in entries], logarithmic=logarithmic)
    caption = f"{metric_text(plot.metric).capitalize()} of every arm: {text}, and every seed (small dots)."
    shown = [Contrast((Term(100.0, entry.arm.name, plot.metric),), "") for entry in entries]
    fit = targets.text(outcome, shown)
    caption += "".join(f" {text}" for text in (test_set.text(outcome, shown), fit) if text)
    drawn = [number for entry in entries for number in entry.numbers]
    if drawn:
        caption += f" Open markers: published ({sources(drawn)})."
    foot = f"Bars: 95 % t interval of the {mean}, {seeds_text(outcome, plot, table)} seeds; dots: seeds."
    return Sketch(figure, caption, table, (foot, *([fit] if fit else [])))


def _entries(outcome: Outcome, plot: Plot, style: Style) -> list[_Entry]:
    shown = arms(outcome, plot)
    styles, called = styles_of(outcome, labels(shown)), names(shown)
    left, right = (0.32, 0.3) if style.narrow else (0.38, 0.4)
    entries = []
    for arm in shown:
        numbers = published_of(outcome, arm.label, plot.metric)
        texts = [f"published: {published_text(number, plot.metric)}" for number in numbers]
        beside = [wrapped(text, right * style.width, style.type_size) for text in texts]
        name = wrapped(called[arm.name], left * style.width, style.type_size)
        entries.append(_Entry(arm, name, styles[arm.label], numbers, beside))
    return entries


def _decimals(outcome: Outcome, plot: Plot, entries: Sequence[_Entry]) -> int:
    """Of the numbers beside the rows, the same in all of them."""
    factor = 100 if is_fraction(plot.metric) else 1
    found = [values(outcome, entry.arm, plot.metric) for entry in entries]
    intervals = [summary(each, logarithmic="x" in plot.logarithmic) for each in found if each]
    return decimals(Interval(factor * i.estimate, factor * i.low, factor * i.high, i.n) for i in intervals)


def _panel(ax: Axes, outcome: Outcome, plot: Plot, group: Sequence[_Entry], places: int, style: Style) -> list[tuple]:
    rows: list[tuple] = []
    ticks: list[float] = []
    near = _near(outcome, plot, group)
    top = 0
    for entry in group:
        place = top + (entry.text_lines - 1) / 2
        ticks.append(place)
        measured = values(outcome, entry.arm, plot.metric)
        if measured:
            rows.append(_row(ax, place, measured, entry, plot, places, style))
        else:
            _beside(ax, place, "not measured", PUBLISHED)
        below = float(top + entry.text_lines)
        for number, text in zip(entry.numbers, entry.texts, strict=True):
            value, lines = published_value(number, plot.metric), text.count("\n") + 1
            if near[0] <= value <= near[1]:
                ax.plot(value, below + (lines - 1) / 2, linestyle="none", **entry.series.hollow)
            _beside(ax, below + (lines - 1) / 2, text, PUBLISHED)
            below += lines
            rows.append((*_key(entry, plot), f"published, {number.source}", value, None, None, None))
        top += entry.height
    ax.set_yticks(ticks, [entry.text for entry in group])
    return rows


def _near(outcome: Outcome, plot: Plot, group: Sequence[_Entry]) -> tuple[float, float]:
    """Where markers of published numbers leave most of the axis to what was measured; the others are only written."""
    found = [value for entry in group for value in values(outcome, entry.arm, plot.metric)]
    if not found:
        return -math.inf, math.inf
    room = 2 * (max(found) - min(found))
    return min(found) - room, max(found) + room


def _row(
    ax: Axes, place: float, measured: Sequence[float], entry: _Entry, plot: Plot, places: int, style: Style
) -> tuple:
    interval, color = summary(measured, logarithmic="x" in plot.logarithmic), entry.series.color
    ax.plot(drawable(interval), [place, place], color=color, solid_capstyle="butt")
    ax.plot(measured, [place + 0.28] * len(measured), ".", color=color, alpha=0.6, markersize=3, clip_on=False)
    ax.plot(interval.estimate, place, marker=entry.series.marker, color=color, linestyle="none", clip_on=False)
    text = interval_text(interval, plot.metric, places)
    _beside(ax, place, text if style.narrow else f"{text} ({counted(interval.n)})", "0.1")
    return (*_key(entry, plot), "measured", interval.estimate, interval.low, interval.high, interval.n)


def _key(entry: _Entry, plot: Plot) -> tuple[str, str, str]:
    return entry.arm.condition, entry.arm.label, plot.metric


def _beside(ax: Axes, place: float, text: str, color: str) -> None:
    """Text in the margin, where it hides nothing."""
    ax.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", color=color)
