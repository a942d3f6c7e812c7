"""An outcome of every arm: a row an arm, with its interval, its seeds and the published number."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Arm, Plot, Published
from cnn_study.figures.layout import value_axis, wrapped
from cnn_study.figures.quantities import (
    arms,
    conditions,
    drawable,
    interval_text,
    is_fraction,
    labels,
    least_mean,
    metric_text,
    names,
    percent,
    published,
    published_text,
    published_value,
    replicates_text,
    sources,
    summary,
    values,
)
from cnn_study.figures.style import PUBLISHED, Look, Style, look

COLUMNS = ["condition", "label", "metric", "series", "mean", "low", "high", "seeds"]


def outcomes(outcome: Outcome, plot: Plot, style: Style) -> tuple[Figure, str, pd.DataFrame]:
    """A panel a condition, a row an arm: the mean of an outcome over seeds with its interval, every seed as a dot."""
    shown = arms(outcome, plot)
    titles = conditions(shown)
    groups = [[arm for arm in shown if arm.condition == title] for title in titles]
    looks, called = look(labels(shown)), names(shown)
    numbers = {label: published(outcome, label, metric_text(plot.metric)) for label in looks}
    heights = [sum(_lines(arm, numbers) for arm in group) for group in groups]
    inches = 0.5 * style.width / 6.75 + (sum(heights) + 1.6 * len(heights)) * 1.45 * style.type_size / 72
    figure, grid = plt.subplots(
        len(groups), 1, figsize=(style.width, inches), sharex=True, squeeze=False, height_ratios=heights
    )
    axes = list(grid.flat)
    rows = []
    for ax, title, group, height in zip(axes, titles, groups, heights, strict=True):
        ax.set_title(title, loc="left")
        ax.set_ylim(height - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        rows += _panel(ax, outcome, plot, group, called, looks, numbers, style)
    table = pd.DataFrame(rows, columns=COLUMNS)
    percents = percent if is_fraction(plot.metric) else None
    value_axis(axes[0], "x", percents, logarithmic="x" in plot.logarithmic, least=least_mean(table))
    axes[-1].set_xlabel(plot.x or plot.y or metric_text(plot.metric))
    text = replicates_text(outcome, logarithmic="x" in plot.logarithmic)
    caption = f"{metric_text(plot.metric).capitalize()} of every arm: {text}, and every seed (small dots)."
    drawn = [number for label in numbers for number in numbers[label]]
    if drawn:
        caption += f" Open markers: published ({sources(drawn)})."
    return figure, caption, table


def _lines(arm: Arm, numbers: dict[str, list[Published]]) -> int:
    return 1 + len(numbers[arm.label])


def _panel(
    ax: Axes,
    outcome: Outcome,
    plot: Plot,
    group: Sequence[Arm],
    called: dict[str, str],
    looks: dict[str, Look],
    numbers: dict[str, list[Published]],
    style: Style,
) -> list[tuple]:
    rows: list[tuple] = []
    ticks = {}
    place = 0
    for arm in group:
        ticks[place] = wrapped(called[arm.name], 0.35 * style.width, style.type_size)
        measured = values(outcome, arm, plot.metric)
        if measured:
            rows.append(_row(ax, place, measured, arm, plot, looks[arm.label]))
        else:
            _beside(ax, place, "not measured", PUBLISHED)
        for number in numbers[arm.label]:
            place += 1
            value = published_value(number, plot.metric)
            ax.plot(value, place, linestyle="none", **looks[arm.label].hollow)
            _beside(ax, place, f"published: {published_text(number, plot.metric)}", PUBLISHED)
            rows.append((arm.condition, arm.label, plot.metric, f"published, {number.source}", value, None, None, None))
        place += 1
    ax.set_yticks(list(ticks), list(ticks.values()))
    return rows


def _row(ax: Axes, place: int, measured: Sequence[float], arm: Arm, plot: Plot, one: Look) -> tuple:
    interval = summary(measured, logarithmic="x" in plot.logarithmic)
    ax.plot(drawable(interval), [place, place], color=one.color, solid_capstyle="butt")
    ax.plot(measured, [place + 0.28] * len(measured), ".", color=one.color, alpha=0.6, markersize=3)
    ax.plot(interval.estimate, place, marker=one.marker, color=one.color, linestyle="none")
    _beside(ax, place, interval_text(interval, plot.metric), "0.1")
    return (
        arm.condition,
        arm.label,
        plot.metric,
        "measured",
        interval.estimate,
        interval.low,
        interval.high,
        interval.n,
    )


def _beside(ax: Axes, place: int, text: str, color: str) -> None:
    """Text in the margin, where it hides nothing."""
    ax.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", color=color)
