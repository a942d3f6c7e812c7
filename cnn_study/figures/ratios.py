"""Ratios of times with their intervals, next to the published one."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import HalfGap, Plot, Published, TimeRatio
from cnn_study.figures.layout import wrapped
from cnn_study.figures.quantities import (
    arms,
    column_text,
    comparable,
    counted,
    decimals,
    edges,
    looked,
    published,
    styles_of,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import PUBLISHED, Style

ARROW = 1.5
"""Factor from an estimate to the tip of an arrow that stands for a limit that is not known."""
BOOTSTRAP = "0.55"
"""Gray of the intervals that do not decide."""


def time_ratios(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A row a comparison: the ratio of the times of arms, with both intervals, on a logarithmic axis."""
    decisions = _comparisons(outcome, plot)
    size = style.small
    names = [wrapped(pair(outcome, d) + f"\n{where(outcome, d)}", 0.42 * style.width, size) for d in decisions]
    numbers = [published_ratios(outcome, [d]) for d in decisions]
    places = decimals(d.interval for d in decisions if d.interval)
    besides = [_beside(d, some, places) for d, some in zip(decisions, numbers, strict=True)]
    heights = [max(name.count("\n"), beside.count("\n")) + 1.7 for name, beside in zip(names, besides, strict=True)]
    figure, ax = plt.subplots(figsize=(style.width, (sum(heights) + 4) * 1.25 * size / 72))
    ratio_axis(
        ax, [i for d in decisions for i in (d.interval, d.bootstrap) if i], [n for some in numbers for n in some]
    )
    ax.axvline(1, color="0.2", linewidth=0.8)
    styles = styles_of(outcome, list(dict.fromkeys(_looked_at(outcome, decision) for decision in decisions)))
    rows, places, top = [], [], 0.0
    for decision, height, some, beside in zip(decisions, heights, numbers, besides, strict=True):
        one, place = styles[_looked_at(outcome, decision)], top + height / 2
        for kind, interval in (("t", decision.interval), ("bootstrap", decision.bootstrap)):
            if interval is None:
                continue
            color, marker = (one.color, one.marker) if kind == "t" else (BOOTSTRAP, "")
            draw_interval(ax, place if kind == "t" else place + 0.25 * height, interval, color, marker)
            if kind == "t" and math.isinf(interval.high) and interval.low <= 0:
                text = "unknown: neither arrived in every seed"
                ax.annotate(text, (1, place), (4, 0), textcoords="offset points", va="center", color=color)
            limits = (interval.estimate, interval.low, interval.high, interval.n)
            rows.append((pair(outcome, decision), decision.rule.condition, kind, *limits))
        for number in some:
            ax.plot([number.value] * 2, [top + 0.2, top + height - 0.2], color=PUBLISHED, linewidth=0.8, linestyle="--")
        at = {"xycoords": ("axes fraction", "data"), "va": "center"}
        ax.annotate(beside, (1.02, place), **at, fontsize=size, color="0.1")
        places.append(place)
        top += height
    ax.set_yticks(places, names, fontsize=size)
    ax.set_ylim(top or 1, 0)
    ax.grid(visible=False, axis="y")
    faster = {outcome.design.arm(d.rule.estimate.arms[-1]).label for d in decisions}
    second = next(iter(faster)) if len(faster) == 1 else "the second arm"
    words = plot.x or f"ratio of epochs to the same training error (above 1: {second} is faster)"
    ax.set_xlabel(wrapped(words, 0.36 * style.width, style.type_size))
    caption = (
        "Ratio of the epochs that two arms need to the same training error: geometric mean over "
        f"{outcome.seeds_text} seeds with its 95 % t interval{looked(outcome)} (colored), which decides, and the "
        "bootstrap interval (gray), which is too narrow for so few seeds. An arrow: runs that never arrived, so that "
        "the ratio is at least this large."
    )
    columns = ["comparison", "condition", "interval", "ratio", "low", "high", "seeds"]
    foot = (
        f"Colored: 95 % t interval{looked(outcome)}, which decides; gray: bootstrap interval.",
        "Arrow: at least so much.",
    )
    return Sketch(figure, caption, pd.DataFrame(rows, columns=columns), foot)


def _beside(decision: Decision, numbers: Sequence[Published], places: int) -> str:
    """The estimate with its interval and seeds, and what was published about it."""
    texts = [f"published: {number.text}\n({short_source(number.source)})" for number in numbers]
    if decision.interval:
        text = column_text(decision.interval, places, edges(decision.rule))
        texts.insert(0, f"{text}\n{counted(decision.interval.n)}")
    return "\n".join(texts)


def _looked_at(outcome: Outcome, decision: Decision) -> str:
    """The label of the arm whose color a comparison has: whose time is divided, or that which has the remedy."""
    estimate = decision.rule.estimate
    return outcome.design.arm(estimate.arms[-1 if isinstance(estimate, HalfGap) else 0]).label


def _comparisons(outcome: Outcome, plot: Plot) -> list[Decision]:
    """One decision for every product of times: several rules may judge the same one."""
    shown = {arm.name for arm in arms(outcome, plot)}
    decisions = [
        decision
        for verdict in outcome.verdicts
        for decision in verdict.decisions
        if decision.interval
        and isinstance(decision.rule.estimate, TimeRatio | HalfGap)
        and shown.issuperset(decision.rule.estimate.arms)
    ]
    return list({decision.rule.estimate: decision for decision in decisions}.values())


def pair(outcome: Outcome, decision: Decision) -> str:
    """What is compared, by the labels of the arms."""
    estimate = decision.rule.estimate
    called = [outcome.design.arm(name).label for name in estimate.arms]
    if isinstance(estimate, HalfGap):
        slow, fast, remedied = called
        return f"geometric mean of {slow} and {fast} / {remedied}"
    return " / ".join(called)


def where(outcome: Outcome, decision: Decision) -> str:
    """The condition of a rule, without the name of an arm that it may begin with."""
    condition = decision.rule.condition
    for name in decision.rule.estimate.arms:
        condition = condition.removeprefix(f"{outcome.design.arm(name).label}, ")
    return condition


def published_ratios(outcome: Outcome, decisions: Sequence[Decision]) -> list[Published]:
    """The published ratios of the times that some decisions compare."""
    compared = (
        d for d in decisions if isinstance(d.rule.estimate, TimeRatio) and comparable(outcome, where(outcome, d))
    )
    pairs = dict.fromkeys(pair(outcome, decision) for decision in compared)
    return [number for pair in pairs for number in published(outcome, pair, "ratio")]


def short_source(source: str) -> str:
    """``Somebody, Else & Other 2012, Figure 1`` as ``Somebody et al. 2012``."""
    year = next((word.strip(",") for word in source.split() if word.strip(",").isdigit()), "")
    authors = source.split(year)[0].strip() if year else source
    first = authors.split(",")[0].split(" & ")[0].split(" et al")[0]
    return f"{first}{'' if first == authors else ' et al.'} {year}".strip()


def draw_interval(ax: Axes, place: float, interval: Interval, color, marker: str) -> None:
    """A bar from limit to limit of a ratio; an arrow towards a limit that is not known; nothing if neither is."""
    if math.isinf(interval.high) and interval.low <= 0:
        return
    low = interval.low if interval.low > 0 else interval.estimate / ARROW
    high = interval.estimate * ARROW if math.isinf(interval.high) else interval.high
    if math.isinf(interval.high) or interval.low <= 0:
        tip, tail = (high, low) if math.isinf(interval.high) else (low, high)
        style = {"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (tip, place), (tail, place), arrowprops=style)
    else:
        ax.plot([low, high], [place, place], color=color, solid_capstyle="butt")
    if marker:
        ax.plot(interval.estimate, place, marker=marker, color=color, linestyle="none")


def ratio_axis(ax: Axes, intervals: Sequence[Interval], numbers: Sequence[Published]) -> None:
    """Make the horizontal axis one of ratios, on which 1, the published numbers and most limits lie."""
    values = [1.0, *(number.value for number in numbers)]
    for interval in intervals:
        values += [interval.estimate * (ARROW if math.isinf(interval.high) else 1)]
        values += [interval.estimate / (ARROW if interval.low <= 0 else 1)]
        values += [limit for limit in (interval.low, interval.high) if 0.02 < limit < 50]
    low, high = min(values) / 1.15, max(values) * 1.3
    ax.set_xscale("log", base=2)
    ax.set_xlim(low, high)
    if high / low < 4:  # Too few powers of two to read a number from.
        near = 0.06 * math.log(high / low)
        ticks = [tick for tick in MaxNLocator(5).tick_values(low, high) if tick > 0 and abs(math.log(tick)) > near]
        ax.xaxis.set_major_locator(FixedLocator([1, *ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
