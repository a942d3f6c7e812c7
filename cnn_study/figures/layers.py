"""Values that were measured in every layer: against the layer at two times, and against time in every layer."""

import math
import re
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Arm, Plot
from cnn_study.figures import quantities
from cnn_study.figures.curves import band_text, draw_curve, history, longest, mean_curve
from cnn_study.figures.layout import alike, label_axes, legend, level_axis, panels, value_axis
from cnn_study.figures.levels import draw_points
from cnn_study.figures.quantities import (
    TIMES_TEXT,
    arms,
    conditions,
    is_fraction,
    labels,
    mean_text,
    metric_text,
    natural_limits,
    percent,
    replicates_text,
    seeds_text,
    styles_of,
    summary,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SeriesStyle, Style, depth_styles

KINDS = {"conv": "convolution", "local": "locally connected", "dense": "dense layer"}
"""Beginnings of the names of layers, in words."""
BEYOND = 30.0
"""How many times beyond all estimates a logarithmic axis may show intervals."""
OUTPUT, GRAY = "output_layer", SeriesStyle("0.35", (8, 2), "X")
"""What the layer is called that gives the answer, and how it looks, whatever its number is in its network."""
TIMES = ("at initialization", "at the end")


def layers(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """Two panels a condition, at initialization and at the end: the values ``metric/LAYER`` against the layer.

    Of arms that have the same label under a condition, that of the highest level is shown, such as the deepest network.
    On a logarithmic axis values of zero are left out.
    """
    every_arm = arms(outcome, plot)
    shown = _highest(every_arm)
    logarithmic, zeros = "y" in plot.logarithmic, 0
    titles = conditions(shown)
    several = len(titles) > 1
    figure, axes = panels(
        [f"{title}\n{t}" if several else t for title in titles for t in TIMES], style, columns=4 if several else 2
    )
    styles = styles_of(outcome, labels(shown))
    rows = []
    for arm in shown:
        found = measured_layers(outcome, arm, plot.metric)
        for place, time in enumerate(TIMES):
            points, sampled = {}, {}
            for rank, layer in enumerate(found, 1):
                every = _at(outcome, arm, f"{plot.metric}/{layer}", first=place == 0)
                measured = [value for value in every if value > 0] if logarithmic else every
                zeros += len(every) - len(measured)
                if measured:
                    interval = summary(measured, logarithmic=logarithmic)
                    points[float(rank)] = interval
                    sampled[float(rank)] = measured
                    rows.append(
                        (arm.name, arm.condition, arm.label, plot.metric, time, layer, rank, *_limits(interval))
                    )
            ax = axes[2 * titles.index(arm.condition) + place]
            draw_points(ax, points, styles[arm.label], arm.label, sampled, crowded=several)
    columns = ["arm", "condition", "label", "metric", "time", "layer", "position", "mean", "low", "high", "seeds"]
    table = pd.DataFrame(rows, columns=columns)
    level_axis(axes[0], sorted(set(table["position"])), logarithmic="x" in plot.logarithmic, most=24)
    _value_axis(axes[0], plot, table)
    label_axes(axes, plot.x or "layer (1: nearest to the input)", plot.y or metric_text(plot.metric))
    legend(figure, axes)
    text = replicates_text(outcome, shown, logarithmic="y" in plot.logarithmic)
    caption = (
        f"{metric_text(plot.metric).capitalize()} in every layer, at initialization and at the end: {text} (bars). "
        "A line ends at the last layer of its network."
    )
    if len(shown) < len(every_arm):
        caption += " Of networks of several depths the deepest is shown."
    if zeros:
        caption += f" Left out, since they are exactly zero: {zeros} of {zeros + sum(row[-1] for row in rows)} values."
    mean, seeds = mean_text(logarithmic=logarithmic), seeds_text(outcome, plot, table)
    return Sketch(figure, caption, table, (f"Bars, bands: 95 % t interval of the {mean}, {seeds} seeds.",))


def _highest(shown: Sequence[Arm]) -> list[Arm]:
    """Of arms with the same label under a condition, that of the highest level; all arms if they have none."""
    chosen = {
        (arm.condition, arm.label): arm
        for arm in sorted(shown, key=lambda arm: arm.level or 0)
        if arm.level is not None
    }
    return [arm for arm in shown if arm.level is None or chosen[arm.condition, arm.label] == arm]


def over_time(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel an arm, a line a layer: the values ``metric/LAYER`` against epochs; of a plain metric, its history."""
    shown = arms(outcome, plot)
    found = {arm.name: measured_layers(outcome, arm, plot.metric) for arm in shown}
    outputs = {arm.name: _output(arm, found[arm.name]) for arm in shown}
    names = sorted({layer for name, some in found.items() for layer in some if layer != outputs[name]}, key=_depth)
    if not any(found.values()):
        return history(outcome, plot, style)
    called, several = quantities.names(shown), len(conditions(shown)) > 1
    titles = [f"{called[arm.name]}\n{arm.condition}" if several else called[arm.name] for arm in shown]
    spans = [
        longest(outcome, [arm], f"{plot.metric}/{found[arm.name][0]}") if found[arm.name] else 0.0 for arm in shown
    ]
    together = alike(spans)
    figure, axes = panels(titles, style, share_x=together)
    styles = depth_styles(names) | {OUTPUT: GRAY}
    rows = []
    for ax, arm in zip(axes, shown, strict=True):
        for layer in found[arm.name]:
            known, metric = OUTPUT if layer == outputs[arm.name] else layer, f"{plot.metric}/{layer}"
            curve = mean_curve(outcome.replicates(arm.name), metric, logarithmic="y" in plot.logarithmic)
            draw_curve(ax, *curve, styles[known], layer_text(known))
            for epoch, interval in zip(*curve, strict=True):
                rows.append((arm.name, arm.condition, arm.label, plot.metric, layer, epoch, *_limits(interval)))
    whole = all(float(row[5]).is_integer() for row in rows)
    for ax in axes:
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=whole))
    columns = ["arm", "condition", "label", "metric", "layer", "epoch", "mean", "low", "high", "seeds"]
    table = pd.DataFrame(rows, columns=columns)
    _value_axis(axes[0], plot, table)
    label_axes(axes, plot.x or "epochs", plot.y or metric_text(plot.metric))
    legend(figure, sorted(axes, key=lambda ax: -len(ax.lines)))  # The deepest network has all layers in order.
    text = replicates_text(outcome, shown, logarithmic="y" in plot.logarithmic)
    caption = (
        f"{metric_text(plot.metric).capitalize()} in every layer against epochs, from dark, near the input, to light, "
        f"near the output: {text} (band)."
    )
    foot = [f"{band_text(outcome, plot, table)}."]
    if not together:
        foot.append(TIMES_TEXT)
        caption += f" {TIMES_TEXT}"
    if any(outputs.values()):
        caption += " Gray: the output layer."
    return Sketch(figure, caption, table, tuple(foot))


def _value_axis(ax: Axes, plot: Plot, table: pd.DataFrame) -> None:
    text = percent if is_fraction(plot.metric) else None
    value_axis(ax, "y", text, logarithmic="y" in plot.logarithmic, within=natural_limits(table, plot.metric))
    means = [float(mean) for mean in table["mean"].to_numpy() if mean > 0] if "y" in plot.logarithmic else []
    if means:  # The interval of few logarithms may reach over hundreds of decades, and hide all that was measured.
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, min(means) / BEYOND), min(high, max(means) * BEYOND))


def layer_text(layer: str) -> str:
    """A layer in words: ``conv2`` is "convolution 2"."""
    kind, number = re.fullmatch(r"(.*?)_?(\d*)", layer).groups()  # type: ignore[union-attr] - matches every text
    return f"{KINDS.get(kind, kind.replace('_', ' '))} {number}".strip()


def _output(arm: Arm, found: Sequence[str]) -> str:
    """The layer that gives the answer of a network, if something was measured in it; else empty."""
    return found[-1] if found and _depth(found[-1])[0] == len(arm.model.layers) else ""


def measured_layers(outcome: Outcome, arm: Arm, metric: str) -> list[str]:
    """The layers in which a value was measured, from the input up."""
    prefix = f"{metric}/"
    names = {
        point.metric.removeprefix(prefix)
        for record in outcome.replicates(arm.name)
        for point in record.history
        if point.metric.startswith(prefix)
    }
    return sorted(names, key=_depth)


def _depth(layer: str) -> tuple[int, str]:
    """A layer's place in the network, which its name ends with."""
    number = re.search(r"(\d+)$", layer)
    return (int(number[1]) if number else 0, layer)


def _at(outcome: Outcome, arm: Arm, metric: str, *, first: bool) -> list[float]:
    """The first or the last value of every replicate, if it is finite."""
    curves: Sequence[list[float]] = [record.curve(metric)[1] for record in outcome.replicates(arm.name)]
    ends = [curve[0 if first else -1] for curve in curves if curve]
    return [value for value in ends if math.isfinite(value)]


def _limits(interval: Interval) -> tuple[float, float, float, int]:
    return interval.estimate, interval.low, interval.high, interval.n
