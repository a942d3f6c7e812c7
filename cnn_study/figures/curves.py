"""Values against epochs: the training error, after Figure 1 of Krizhevsky, Sutskever & Hinton 2012, and others."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Arm, Plot, Published
from cnn_study.figures.layout import label_axes, legend, panels, time_axis, value_axis
from cnn_study.figures.quantities import (
    FEW,
    arms,
    comparable,
    conditions,
    drawable,
    is_fraction,
    labels,
    mean_text,
    metric_text,
    natural_limits,
    percent,
    published,
    replicates_text,
    seeds_text,
    sources,
    styles_of,
    summary,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SeriesStyle, Style
from cnn_study.results import RunRecord

COLUMNS = ["condition", "label", "metric", "learning_rate", "epoch", "mean", "low", "high", "seeds"]
SPARSE = 3
"""So many points of a line are told from what is drawn between them."""
Curve = tuple[list[float], list[Interval]]
"""Epochs and, for each, the mean over seeds."""


def training_curves(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition: mean training error over seeds with its interval, every seed as a thin line."""
    shown = arms(outcome, plot)
    threshold = outcome.design.sought
    timed = labels(shown) if threshold is not None else ()
    known = [number for label in timed for number in published(outcome, label, "epochs")]
    last = max((number.value for number in known), default=0.0)
    figure, axes, styles, table = _curves(outcome, plot, shown, "train_error", style, last)
    logarithmic = "y" in plot.logarithmic
    if not logarithmic:
        axes[0].set_ylim(0, 1)
    numbers: list[Published] = []
    if threshold is not None:
        for ax, condition in zip(axes, conditions(shown), strict=True):
            beside = known if comparable(outcome, condition) else []
            _threshold(ax, threshold, beside, styles)
            numbers += beside
    value_axis(axes[0], "y", percent, logarithmic=logarithmic, within=natural_limits(table, "train_error"))
    legend(figure, axes)
    caption = (
        "Training error in inference mode against epochs, each arm at its own learning rate: "
        f"{replicates_text(outcome, shown, logarithmic=logarithmic)} (band) while all of them run, and every seed "
        "(thin lines)."
    )
    if numbers:
        caption += (
            f" Open markers: where the published curves cross the line ({sources(numbers)}; all images, other rates)."
        )
    return Sketch(figure, caption, table, (f"{band_text(outcome, plot, table)}; thin: every seed.",))


def band_text(outcome: Outcome, plot: Plot, data: pd.DataFrame) -> str:
    """What a line with a band is, and of how many seeds, for what stands below a figure."""
    mean, seeds = mean_text(logarithmic="y" in plot.logarithmic), seeds_text(outcome, plot, data)
    return f"Line and band: {mean} and 95 % t interval, {seeds} seeds"


def history(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition: the mean over seeds of any value that was measured again and again, with its interval."""
    figure, axes, _, table = _curves(outcome, plot, arms(outcome, plot), plot.metric, style)
    text = percent if is_fraction(plot.metric) else None
    value_axis(axes[0], "y", text, logarithmic="y" in plot.logarithmic, within=natural_limits(table, plot.metric))
    legend(figure, axes)
    text = replicates_text(outcome, arms(outcome, plot), logarithmic="y" in plot.logarithmic)
    caption = (
        f"{metric_text(plot.metric).capitalize()} against epochs, each arm at its own learning rate: {text} (band) "
        "while all of them run, and every seed (thin lines)."
    )
    return Sketch(figure, caption, table, (f"{band_text(outcome, plot, table)}; thin: every seed.",))


def _curves(
    outcome: Outcome, plot: Plot, shown: Sequence[Arm], metric: str, style: Style, last: float = 0.0
) -> tuple[Figure, list[Axes], Mapping[str, SeriesStyle], pd.DataFrame]:
    """The panels with their curves, styles of labels, and the numbers; ``last``: what a logarithmic axis reaches."""
    titles = conditions(shown)
    spans = [longest(outcome, [arm for arm in shown if arm.condition == title], metric) for title in titles]
    figure, axes = panels(titles, style)
    styles = styles_of(outcome, labels(shown))
    rows = []
    for arm in shown:
        records = outcome.replicates(arm.name)
        ax, one = axes[titles.index(arm.condition)], styles[arm.label]
        for epochs, numbers in (record.curve(metric) for record in records):
            ax.plot(epochs, numbers, linewidth=0.4, alpha=0.6, color=one.color)
        epochs, intervals = mean_curve(records, metric, logarithmic="y" in plot.logarithmic)
        draw_curve(ax, epochs, intervals, one, arm.label)
        for epoch, interval in zip(epochs, intervals, strict=True):
            rate = records[0].spec.train.learning_rate
            limits = (interval.estimate, interval.low, interval.high, interval.n)
            rows.append((arm.condition, arm.label, metric, rate, epoch, *limits))
    more = time_axis(axes, spans, earliest(outcome, shown, metric), last)
    if "x" in plot.logarithmic:
        axes[0].set_xscale("log")
    label_axes(axes, f"{plot.x or 'epochs'}{more}", plot.y or metric_text(metric))
    return figure, axes, styles, pd.DataFrame(rows, columns=COLUMNS)


def longest(outcome: Outcome, shown: Sequence[Arm], metric: str) -> float:
    """The last epoch at which a metric of some arms was measured; 0 if it never was."""
    curves = (record.curve(metric)[0] for arm in shown for record in outcome.replicates(arm.name))
    return max((curve[-1] for curve in curves if curve), default=0.0)


def earliest(outcome: Outcome, shown: Sequence[Arm], metric: str) -> float:
    """The first epoch after the start at which a metric of some arms was measured; 0 if there is none."""
    curves = (record.curve(metric)[0] for arm in shown for record in outcome.replicates(arm.name))
    return min((epoch for curve in curves for epoch in curve if epoch > 0), default=0.0)


def mean_curve(records: Sequence[RunRecord], metric: str, *, logarithmic: bool = False) -> Curve:
    """The mean over seeds at every epoch at which all have a finite value."""
    curves = [dict(zip(*record.curve(metric), strict=True)) for record in records]
    shared = [
        epoch for epoch in (curves[0] if curves else {}) if all(math.isfinite(c.get(epoch, math.nan)) for c in curves)
    ]
    return shared, [summary([curve[epoch] for curve in curves], logarithmic=logarithmic) for epoch in shared]


def draw_curve(ax: Axes, epochs: Sequence[float], intervals: Sequence[Interval], one: SeriesStyle, label: str) -> None:
    """A line with its band; where it was measured a few times only, its points have markers."""
    if not epochs:
        return
    marker = one.marker if len(epochs) <= SPARSE else ""
    means = [interval.estimate for interval in intervals]
    ax.plot(epochs, means, label=label, marker=marker, clip_on=not marker, **one.line)
    if intervals[0].n <= FEW:
        return  # Every seed is a line already, or the mean is.
    limits = [drawable(interval) for interval in intervals]
    lows, highs = zip(*limits, strict=True)
    ax.fill_between(epochs, lows, highs, color=one.color, alpha=0.2, linewidth=0)


def _threshold(ax: Axes, threshold: float, numbers: Sequence[Published], styles: Mapping[str, SeriesStyle]) -> None:
    """The threshold, and where the published curves cross it."""
    ax.axhline(threshold, color="0.2", linewidth=0.8, linestyle=":")
    # Beside the axis, where no curve can hide it.
    place = (1.01, threshold)
    ax.annotate(f"{100 * threshold:g} %", place, xycoords=("axes fraction", "data"), va="center", color="0.2")
    for number in numbers:
        ax.plot(
            number.value,
            threshold,
            linestyle="none",
            zorder=5,
            clip_on=False,
            label=f"{number.about}, published: {number.text}",
            **styles[number.about].hollow,
        )
