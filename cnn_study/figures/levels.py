"""An outcome against a number: one that the arms are set to, or one at which every run was measured."""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd
from matplotlib.axes import Axes

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Arm, Plot, Published
from cnn_study.figures.layout import alike, label_axes, legend, level_axis, panels, value_axis
from cnn_study.figures.quantities import (
    FEW,
    LEFT_OUT_TEXT,
    SCALES_TEXT,
    STRAY_TEXT,
    arms,
    conditions,
    drawable,
    is_fraction,
    mean_text,
    metric_text,
    names,
    natural_limits,
    percent,
    published_of,
    published_text,
    published_value,
    replicates_text,
    seed_means,
    seeds_text,
    sources,
    styles_of,
    summary,
    values,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SeriesStyle, Style

COLUMNS = ["condition", "label", "metric", "level", "mean", "low", "high", "seeds"]
CROWDED = 8
"""More points than these on a line have a band, no markers and bars: they would hide each other."""
MOST_LEFT_OUT = 0.25
"""Of the seeds: so many may be left out of a line as they are far from all others, if the figure says so."""
Points = Mapping[float, Interval]
"""For each level the mean over seeds."""


def dose(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition, a line a label: an outcome against the level of the arms.

    Arms of the same label at the same level, such as several permutations, are averaged seed by seed. Where the
    condition says no more than the level, as with a number of images, there is one panel. Else a condition under which
    every label has one level only has none: there is nothing to be seen against it.
    """
    shown = [arm for arm in arms(outcome, plot) if arm.level is not None]
    levels: dict[tuple[str, str], set[float | None]] = {}
    for arm in shown:
        levels.setdefault((arm.condition, arm.label), set()).add(arm.level)
    varied = {condition for (condition, _), some in levels.items() if len(some) > 1}
    apart = any(len({arm.level for arm in shown if arm.condition == each}) > 1 for each in conditions(shown))
    if varied:
        shown = [arm for arm in shown if arm.condition in varied]
    groups: dict[tuple[str, str], dict[float, list[Arm]]] = {}
    for arm in shown:
        points = groups.setdefault((arm.condition if apart else "", arm.label), {})
        points.setdefault(float(arm.level or 0), []).append(arm)
    series, seeds = {}, {}
    for key, points in groups.items():
        averages = {level: seed_means(outcome, group, plot.metric) for level, group in points.items()}
        seeds[key] = averages
        series[key] = {
            level: summary(measured, logarithmic="y" in plot.logarithmic)
            for level, measured in averages.items()
            if measured
        }
    return _lines(outcome, plot, style, shown, series, seeds, plot.x or "level")


def family(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition, a line an arm: the outcomes ``metric/NUMBER`` against that number."""
    shown = arms(outcome, plot)
    called = names(shown)
    series: dict[tuple[str, str], dict[float, Interval]] = {}
    seeds: dict[tuple[str, str], dict[float, list[float]]] = {}
    for arm in shown:
        points = series.setdefault((arm.condition, called[arm.name]), {})
        for level, name in _members(outcome, arm, plot.metric):
            measured = values(outcome, arm, name)
            if measured:
                points[level] = summary(measured, logarithmic="y" in plot.logarithmic)
                seeds.setdefault((arm.condition, called[arm.name]), {})[level] = measured
    return _lines(outcome, plot, style, shown, series, seeds, plot.x or metric_text(plot.metric).rpartition(" ")[2])


def _members(outcome: Outcome, arm: Arm, metric: str) -> list[tuple[float, str]]:
    """The numbers of a family that any replicate has, ascending, each with the whole name."""
    found = {
        name for record in outcome.replicates(arm.name) for name in record.outcomes if name.startswith(f"{metric}/")
    }
    return sorted((float(name.split("/")[1]), name) for name in found)


def _lines(
    outcome: Outcome,
    plot: Plot,
    style: Style,
    shown: Sequence[Arm],
    series: Mapping[tuple[str, str], Points],
    seeds: Mapping[tuple[str, str], Mapping[float, Sequence[float]]],
    x: str,
) -> Sketch:
    titles = list(dict.fromkeys(condition for condition, _ in series))
    most = {title: [] for title in titles}
    for (condition, _), points in series.items():
        most[condition] += [interval.estimate for interval in points.values()]
    together = "y" in plot.logarithmic or alike([max(each, default=0.0) for each in most.values()])
    figure, axes = panels(titles, style, share_y=together)
    styles = styles_of(outcome, list(dict.fromkeys(label for _, label in series)))
    rows, told, left_out, dotted = [], [], [], False
    for (condition, label), points in series.items():
        ax, sampled = axes[titles.index(condition)], seeds.get((condition, label), {})
        called, shown_points = label, points
        if is_fraction(plot.metric):
            sampled, few = _without_few(sampled)
            if few:
                called = f"{label}, without {few}"
                left_out.append(f"{label} ({few})")
                logarithmic = "y" in plot.logarithmic
                shown_points = {level: summary(each, logarithmic=logarithmic) for level, each in sampled.items()}
            found = _tell_stray(ax, sampled, styles[label], style)
            told += [f"{label} ({found})"] if found else []
        bounded = is_fraction(plot.metric)
        dotted |= draw_points(ax, shown_points, styles[label], called, sampled, bounded=bounded)
        for level, interval in sorted(shown_points.items()):
            limits = (interval.estimate, interval.low, interval.high, interval.n)
            rows.append((condition, label, plot.metric, level, *limits))
    numbers = _mark_published(axes, outcome, plot, styles)
    levels = sorted({level for points in series.values() for level in points})
    level_axis(axes[0], levels, logarithmic="x" in plot.logarithmic)
    table = pd.DataFrame(rows, columns=COLUMNS)
    percents = percent if is_fraction(plot.metric) else None
    for ax, title in zip(axes[:1] if together else axes, titles, strict=False):
        own = table if together else table.loc[table["condition"] == title]
        within = natural_limits(own, plot.metric)
        value_axis(ax, "y", percents, logarithmic="y" in plot.logarithmic, within=within)
    label_axes(axes, x, plot.y or metric_text(plot.metric))
    legend(figure, axes)
    text = replicates_text(outcome, shown, logarithmic="y" in plot.logarithmic)
    bars = "no bars, as all seeds agree" if agreed(table) else "bars"
    caption = (
        f"{metric_text(plot.metric).capitalize()} against {x}: {text} ({bars}); dots: seeds, where few or far apart."
    )
    foot = [f"{_bars_text(outcome, plot, table, dotted=dotted)}."]
    if told:
        foot.append(STRAY_TEXT)
        caption += f" {STRAY_TEXT} Far from all others: {'; '.join(dict.fromkeys(told))}."
    if left_out:
        foot.append(LEFT_OUT_TEXT)
        caption += f" {LEFT_OUT_TEXT} These are: {'; '.join(dict.fromkeys(left_out))}."
    if not together:
        foot.append(SCALES_TEXT)
        caption += f" {SCALES_TEXT}"
    if numbers:
        caption += f" Dotted lines: published ({sources(numbers)})."
    return Sketch(figure, caption, table, tuple(foot))


def _bars_text(outcome: Outcome, plot: Plot, table: pd.DataFrame, *, dotted: bool) -> str:
    """What the bars are, and of how many seeds, for what stands below the figure."""
    mean, seeds = mean_text(logarithmic="y" in plot.logarithmic), seeds_text(outcome, plot, table)
    if agreed(table):
        return f"The {seeds} seeds of every point agree: there is no interval to draw"
    dots = "; dots: seeds, where few or far apart" if dotted else ""
    return f"Bars: 95 % t interval of the {mean}, {seeds} seeds{dots}"


def agreed(table: pd.DataFrame) -> bool:
    """Whether the seeds of every point have the same value, so that no interval is seen."""
    return not table.empty and bool((table["low"] == table["high"]).all())


def draw_points(
    ax: Axes,
    points: Points,
    one: SeriesStyle,
    label: str,
    sampled: Mapping[float, Sequence[float]] = MappingProxyType({}),
    *,
    bounded: bool = False,
    crowded: bool = False,
) -> bool:
    """A line through the estimates, with a bar for every interval, or a dot for every seed where there are few.

    Args:
        ax: A panel.
        points: For each level the mean over seeds.
        one: How it looks.
        label: For the legend.
        sampled: For each level the values of the seeds.
        crowded: Whether panels are small, so that many points are a line with a band.
        bounded: Whether they are shares, so that an interval beyond 0 and 1 says nothing.

    Returns:
        Whether seeds are drawn as dots.
    """
    if not points:
        return False
    ordered = sorted(points.items())
    means = [interval.estimate for _, interval in ordered]
    few = {level for level, interval in ordered if interval.n <= FEW or (bounded and spread(sampled.get(level, ())))}
    limits = [(interval.estimate,) * 2 if level in few else drawable(interval) for level, interval in ordered]
    for level in few:
        dots = sampled.get(level, ())
        ax.plot([level] * len(dots), dots, ".", color=one.color, alpha=0.6, markersize=4)
    below = [mean - low for mean, (low, _) in zip(means, limits, strict=True)]
    above = [high - mean for mean, (_, high) in zip(means, limits, strict=True)]
    if crowded and len(ordered) > CROWDED:
        places, (lows, highs) = [level for level, _ in ordered], zip(*limits, strict=True)
        ax.plot(places, means, label=label, **one.line)
        ax.fill_between(places, lows, highs, color=one.color, alpha=0.2, linewidth=0)
        return bool(few)
    bars = ax.errorbar(
        [level for level, _ in ordered],
        means,
        yerr=[below, above],
        label=label,
        marker=one.marker,
        elinewidth=0.7,
        capsize=2,
        **one.line,
    )
    bars.lines[0].set_clip_on(False)  # Whole markers at the ends of an axis of fractions.
    return bool(few)


def _without_few(
    sampled: Mapping[float, Sequence[float]],
) -> tuple[Mapping[float, Sequence[float]], str]:
    """A line without the seeds that are far from all others, where these are few, and what was left out in words."""
    far = {level: found for level, measured in sampled.items() if (found := stray(measured))}
    far = {level: found for level, found in far.items() if len(found) <= len(sampled[level]) * MOST_LEFT_OUT}
    if not far:
        return sampled, ""
    count = max(map(len, far.values()))
    every = len(sampled[max(far, key=lambda level: len(far[level]))])
    rest = {level: [each for each in found if each not in far.get(level, ())] for level, found in sampled.items()}
    return rest, f"{count} of {every} seeds at {_reach([*itertools.chain(*far.values())])}"


def _tell_stray(ax: Axes, sampled: Mapping[float, Sequence[float]], one: SeriesStyle, style: Style) -> str:
    """Write beside the few seeds of a line that are far from all others how many they are, at the last such level.

    Returns:
        The same in words, with where they are; empty if there are none.
    """
    few = {level: found for level, measured in sorted(sampled.items()) if (found := stray(measured))}
    if not few:
        return ""
    level = max(few)
    count, every = len(few[level]), len(sampled[level])
    text = f"{count} of {every} seeds"
    ax.annotate(
        text,
        (level, sum(few[level]) / count),
        (-0.6 * style.small, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=one.color,
        fontsize=style.small,
    )
    return f"{text} at {_reach(few[level])}"


def _reach(shares: Sequence[float]) -> str:
    """From where to where shares lie, in percent."""
    return " to ".join(dict.fromkeys(f"{100 * bound(shares):.0f} %" for bound in (min, max)))


def stray(sampled: Sequence[float]) -> list[float]:
    """The few seeds that are farther from all others than these are from one another; none where that is all they say.

    Args:
        sampled: Shares, one a seed. Of those that are 0 or 1, as whether a run has arrived, the mean tells how many.
    """
    if not spread(sampled) or set(sampled) <= {0.0, 1.0}:
        return []
    ordered = sorted(sampled)
    gap, place = max((b - a, place) for place, (a, b) in enumerate(itertools.pairwise(ordered), 1))
    if gap <= (ordered[-1] - ordered[0]) / 2:
        return []
    return min(ordered[:place], ordered[place:], key=len)


def spread(sampled: Sequence[float]) -> bool:
    """Whether the values of seeds stand so far from each other that the interval of a share leaves what can be."""
    if len(sampled) < 2 or min(sampled) < 0 or max(sampled) > 1:
        return False
    interval = summary(sampled)
    return interval.low < 0 or interval.high > 1


def _mark_published(
    axes: Sequence[Axes], outcome: Outcome, plot: Plot, styles: Mapping[str, SeriesStyle]
) -> list[Published]:
    """A dotted line across the panels at what was published about a label."""
    drawn = []
    for label, one in styles.items():
        for number in published_of(outcome, label, plot.metric):
            value = published_value(number, plot.metric)
            for ax in axes:
                ax.plot(
                    [0, 1],
                    [value, value],
                    transform=ax.get_yaxis_transform(),
                    color=one.color,
                    linestyle=":",
                    markevery=[1],
                    clip_on=False,
                    label=f"{label}, published: {published_text(number, plot.metric)}",
                    **one.hollow,
                )
            drawn.append(number)
    return drawn
