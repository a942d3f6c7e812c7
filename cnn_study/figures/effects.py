"""What every rule has estimated, with the range that supports the claim and the verdict: a forest plot."""

import math
from collections.abc import Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.experiment import Agreement, Contrast, Plot, Published
from cnn_study.figures.layout import wrapped
from cnn_study.figures.quantities import arms, drawable, published, sources
from cnn_study.figures.ratios import draw_interval, mark_published, published_ratios, ratio_axis
from cnn_study.figures.style import VERDICTS, Style

RATIOS = "ratio of times"
"""What the panel of the products of times is called; the others are called by the unit of their contrasts."""
MOST_TICKS = 5
"""Ticks of an axis of contrasts, whose texts may be as long as ``-0.125``."""
COLUMNS = ["claim", "aspect", "condition", "estimated", "unit", "estimate", "low", "high", "from", "to", "verdict"]


def effects(outcome: Outcome, plot: Plot, style: Style) -> tuple[Figure, str, pd.DataFrame]:
    """A row a rule: its estimate with its interval over the range that supports the claim; a panel a unit."""
    groups = _groups(outcome, plot)
    names = {unit: [_name(decision, style) for decision in decisions] for unit, decisions in groups.items()}
    heights = [sum(max(name.count("\n") + 1, 2) + 0.8 for name in names[unit]) for unit in groups] or [1.0]
    inches = (sum(heights) + 4.5 * len(heights)) * 1.25 * style.small / 72
    figure, grid = plt.subplots(len(heights), 1, figsize=(style.width, inches), squeeze=False, height_ratios=heights)
    numbers: list[Published] = []
    for ax, (unit, decisions) in zip(grid.flat, groups.items(), strict=False):
        found = _published(outcome, unit, decisions)
        _panel(ax, unit, decisions, names[unit], found, style)
        numbers += found
    rows = [_row(unit, decision) for unit, decisions in groups.items() for decision in decisions]
    caption = (
        f"The estimate of every rule over {outcome.seeds_text} seeds, with the interval that decides: the "
        f"{outcome.repeated}95 % t interval, for equivalences the 90 % one. Shaded: the range that supports the claim. "
        "Right: the verdict, the estimate and its interval."
    )
    if numbers:
        caption += f" Broken lines: published ({sources(numbers)})."
    return figure, caption, pd.DataFrame(rows, columns=COLUMNS)


def _groups(outcome: Outcome, plot: Plot) -> dict[str, list[Decision]]:
    """The decided rules by the unit of their estimates."""
    shown = {arm.name for arm in arms(outcome, plot)}
    groups: dict[str, list[Decision]] = {}
    for verdict in outcome.verdicts:
        for decision in verdict.decisions:
            estimate = decision.rule.estimate
            if isinstance(estimate, Agreement) or not decision.interval or not shown.issuperset(estimate.arms):
                continue
            unit = estimate.unit if isinstance(estimate, Contrast) else RATIOS
            groups.setdefault(unit, []).append(decision)
    return groups


def _name(decision: Decision, style: Style) -> str:
    rule = decision.rule
    text = rule.estimate.text.removeprefix("the ")
    lines = f"{rule.claim}, {rule.aspect}\n{text}"
    if rule.condition and rule.condition not in text:
        lines += f"; {rule.condition}"
    return wrapped(lines, 0.44 * style.width, style.small)


def _panel(
    ax: Axes, unit: str, decisions: Sequence[Decision], names: Sequence[str], numbers: Sequence[Published], style: Style
) -> None:
    intervals = [decision.interval for decision in decisions if decision.interval]
    if unit == RATIOS:
        ratio_axis(ax, intervals, numbers)
    else:
        ax.set_xlim(*_range(decisions, numbers))
        ax.xaxis.set_major_locator(MaxNLocator(MOST_TICKS - 1))
    mark_published(ax, numbers)
    ax.axvline(1 if unit == RATIOS else 0, color="0.2", linewidth=0.8)
    places, place = [], 0.0
    for decision, name in zip(decisions, names, strict=True):
        height = max(name.count("\n") + 1, 2) + 0.8
        places.append(place + height / 2)
        _draw(ax, decision, unit, place, height, style)
        place += height
    ax.set_yticks(places, names, fontsize=style.small)
    ax.set_ylim(place, 0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(unit or "estimate")


def _draw(ax: Axes, decision: Decision, unit: str, top: float, height: float, style: Style) -> None:
    rule, interval, one = decision.rule, decision.interval, VERDICTS[decision.verdict]
    assert interval  # noqa: S101 - _groups has left out those without
    left, right = ax.get_xlim()
    low, high = max(rule.low, left), min(rule.high, right)
    if low < high:
        ax.add_patch(
            Rectangle((low, top + 0.2), high - low, height - 0.4, color=VERDICTS["supported"].color, alpha=0.13)
        )
    middle = top + height / 2
    if unit == RATIOS:
        draw_interval(ax, middle, interval, one.color, one.marker)
    else:
        ax.plot(drawable(interval), [middle, middle], color=one.color, solid_capstyle="butt")
        ax.plot(interval.estimate, middle, marker=one.marker, color=one.color, linestyle="none")
    for text, shift, weight in ((decision.verdict, 0.62, "bold"), (replace(interval, unit="").text, -0.62, "normal")):
        ax.annotate(
            text,
            (1.02, middle),
            (0, shift * style.small),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=one.color,
            fontsize=style.small,
            fontweight=weight,
        )


def _range(decisions: Sequence[Decision], numbers: Sequence[Published]) -> tuple[float, float]:
    """Limits of an axis that shows contrasts, zero, the published numbers and where the supporting ranges end."""
    values = [0.0, *(number.value for number in numbers)]
    for decision in decisions:
        assert decision.interval  # noqa: S101 - _groups has left out those without
        values += [*drawable(decision.interval), decision.rule.low, decision.rule.high]
    finite = [value for value in values if math.isfinite(value)]
    margin = 0.06 * (max(finite) - min(finite)) or 1.0
    return min(finite) - margin, max(finite) + margin


def _published(outcome: Outcome, unit: str, decisions: Sequence[Decision]) -> list[Published]:
    if unit == RATIOS:
        return published_ratios(outcome, decisions)
    pairs: dict[str, None] = {}
    for decision in decisions:
        called = [outcome.design.arm(name).label for name in decision.rule.estimate.arms]
        if len(called) == 2:
            pairs |= {" / ".join(called): None, " / ".join(reversed(called)): None}
    return [number for pair in pairs for number in published(outcome, pair, "gain")]


def _row(unit: str, decision: Decision) -> tuple:
    rule, interval = decision.rule, decision.interval
    assert interval  # noqa: S101 - _groups has left out those without
    limits = (interval.estimate, interval.low, interval.high, rule.low, rule.high)
    return (rule.claim, rule.aspect, rule.condition, rule.estimate.text, unit, *limits, decision.verdict)
