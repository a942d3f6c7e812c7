"""Ratios of times with their intervals, next to the published one."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Published
from cnn_study.figures.style import PUBLISHED, Style, look


def time_ratios(outcome: Outcome, style: Style) -> tuple[Figure, str, pd.DataFrame]:
    """A row a comparison: the ratio of the times of two arms, with both intervals, on a logarithmic axis."""
    decisions = _comparisons(outcome)
    figure, ax = plt.subplots(figsize=(style.width, 0.12 * style.width + 0.075 * style.width * len(decisions)))
    rows = []
    names = [_name(outcome, decision) for decision in decisions]
    looks = look(list(dict.fromkeys(pair for pair, _ in names)))
    for place, (decision, (pair, condition)) in enumerate(zip(decisions, names, strict=True)):
        assert decision.interval  # noqa: S101 - _comparisons has seen to it
        assert decision.bootstrap  # noqa: S101
        color, marker = looks[pair]["color"], looks[pair]["marker"]
        _draw_interval(ax, place, decision.interval, color, marker)
        _draw_interval(ax, place + 0.25, decision.bootstrap, "0.55", "")
        rows += [
            (pair, condition, kind, limits.estimate, limits.low, limits.high, limits.n)
            for kind, limits in (("t", decision.interval), ("bootstrap", decision.bootstrap))
        ]
    ax.axvline(1, color="0.2", linewidth=0.8)
    numbers = _published(outcome)
    for number in numbers:
        ax.axvline(number.value, color=PUBLISHED, linewidth=0.8, linestyle="--")
        text = f"published for {number.about}:\n{number.text} ({number.source.split(',')[0]} et al. {_year(number)})"
        ax.annotate(text, (number.value, 1.01), xycoords=("data", "axes fraction"), ha="center", color=PUBLISHED)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_xlim(*_range(decisions, numbers))
    ax.set_yticks(range(len(decisions)), [f"{pair}\n{condition}" for pair, condition in names])
    ax.set_ylim(len(decisions) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("ratio of epochs to the same training error (above 1: the second unit is faster)")
    caption = (
        "Ratio of the epochs that two units need to the same training error: geometric mean over seeds with its 95 % t "
        "interval (colored), which decides, and the bootstrap interval (gray), which is too narrow for so few seeds. "
        "An arrow: runs that never arrived, so that the ratio is at least this large."
    )
    columns = ["comparison", "condition", "interval", "ratio", "low", "high", "seeds"]
    return figure, caption, pd.DataFrame(rows, columns=columns)


def _comparisons(outcome: Outcome) -> list[Decision]:
    """One decision for every estimate: several rules may judge the same one."""
    decisions = [decision for verdict in outcome.verdicts for decision in verdict.decisions if decision.interval]
    return list({decision.rule.estimate: decision for decision in decisions}.values())


def _name(outcome: Outcome, decision: Decision) -> tuple[str, str]:
    estimate = decision.rule.estimate
    pair = f"{outcome.design.arm(estimate.numerator).label} / {outcome.design.arm(estimate.denominator).label}"
    return pair, decision.rule.condition


def _draw_interval(ax: Axes, place: float, interval: Interval, color, marker: str) -> None:
    """A bar from limit to limit; an arrow towards a limit that is not known."""
    if math.isinf(interval.high) and interval.low <= 0:
        if marker:
            text = "unknown: neither arrived in every seed"
            ax.annotate(text, (1, place), (4, 0), textcoords="offset points", va="center", color=color)
        return
    low = interval.low if interval.low > 0 else interval.estimate / 1.5
    high = interval.estimate * 1.5 if math.isinf(interval.high) else interval.high
    if math.isinf(interval.high) or interval.low <= 0:
        tip, tail = (high, low) if math.isinf(interval.high) else (low, high)
        arrow = {"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (tip, place), (tail, place), arrowprops=arrow)
    else:
        ax.plot([low, high], [place, place], color=color, solid_capstyle="butt")
    if marker:
        ax.plot(interval.estimate, place, marker=marker, color=color, linestyle="none")


def _range(decisions: list[Decision], numbers: list[Published]) -> tuple[float, float]:
    values = [1.0, *(number.value for number in numbers)]
    for decision in decisions:
        for interval in (decision.interval, decision.bootstrap):
            assert interval  # noqa: S101
            values += [interval.estimate * (1.5 if math.isinf(interval.high) else 1)]
            values += [limit for limit in (interval.low, interval.high) if 0.02 < limit < 50]
    return min(values) / 1.15, max(values) * 1.3


def _published(outcome: Outcome) -> list[Published]:
    pairs = {_name(outcome, decision)[0] for decision in _comparisons(outcome)}
    return [number for claim in outcome.experiment.claims for number in claim.published if number.about in pairs]


def _year(number: Published) -> str:
    return next(word.strip(",") for word in number.source.split() if word.strip(",").isdigit())
