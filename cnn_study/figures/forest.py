"""What an average is made of: a contrast over many conditions, condition by condition, with the average below."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.significance import Key, rule_mark
from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.data.registry import DATASETS
from cnn_study.experiment import Contrast, Plot, Term
from cnn_study.figures.layout import wrapped
from cnn_study.figures.quantities import (
    UNCORRECTED_TEXT,
    column_text,
    counted,
    decimals,
    drawable,
    edges,
    metric_text,
    seeds_text,
    statement,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import VERDICTS, Style

COLUMNS = ["claim", "condition", "estimate", "low", "high", "seeds", "unit", "verdict"]
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
FEWEST = 4
"""Words at the end of all claims that are said once above them."""
PARTS = "0.35"
"""Gray of the conditions, which are shown and do not decide."""


def forest(outcome: Outcome, plot: Plot, style: Style, survives: Mapping[Key, bool] = MappingProxyType({})) -> Sketch:
    """A panel a contrast over several conditions, a row a condition; the average, which decides, as the last row."""
    decisions = _averages(outcome)
    parts = [_parts(outcome, decision) for decision in decisions]
    rows = list(dict.fromkeys(condition for found in parts for condition in found))
    statements, shared = _without_end([statement(outcome, decision.rule.claim) for decision in decisions])
    across = 1 if style.narrow else max(len(decisions), 1)
    room = (0.36 if style.narrow else 0.62) * style.width / across
    titles = [wrapped(each, room, style.small, bold=True) for each in statements]
    above = wrapped(shared, 0.95 * style.width, style.small, bold=True)
    lines = max((title.count("\n") + 2 for title in titles), default=1) + (above.count("\n") + 2 if above else 0)
    height = (len(rows) + 3.5) * (1.5 if style.narrow else 2.0) * style.type_size / 72 + lines * 1.2 * style.small / 72
    down = -(-len(decisions) // across) or 1
    size = (style.width, down * height)
    figure, grid = plt.subplots(down, across, figsize=size, sharey=True, sharex=True, squeeze=False)
    table, marked = [], False
    places = decimals(decision.interval for decision in decisions if decision.interval)
    if above:
        figure.suptitle(above, fontsize=style.small, fontweight="bold")
    for ax, decision, found, title in zip(grid.flat, decisions, parts, titles, strict=False):
        mark = rule_mark(outcome, decision, survives)
        marked = marked or bool(mark)
        table += _panel(ax, decision, title, found, rows, style, room, mark, places)
        ax.tick_params(axis="y", labelsize=style.small)
    first: Axes = grid.flat[0]
    written, common = apart([_written(name) for name in rows])
    names = [wrapped(name, (0.5 if style.narrow else 0.3) * style.width, style.small) for name in written]
    first.set_yticks(range(len(rows) + 1), [*names, "average"], fontsize=style.small)
    first.set_ylim(len(rows) + 0.7, -0.7)
    caption = (
        f"The estimate under every condition (gray: mean over {outcome.seeds_text} seeds with its 95 % t interval) "
        "and, below the line, their average seed by seed, which decides, with its interval and its verdict."
    )
    if common:
        caption += f" All conditions: {common}."
    if marked:
        caption += f" {UNCORRECTED_TEXT}"
    data = pd.DataFrame(table, columns=COLUMNS)
    seeds = seeds_text(outcome, plot, data)
    foot = f"Bars: 95 % t interval, {seeds} seeds; gray: one condition, colored: the average, which decides."
    return Sketch(figure, caption, data, (foot, UNCORRECTED_TEXT) if marked else (foot,))


def _written(condition: str) -> str:
    """A condition of several words with data sets and optimizers as readers write them."""
    words = (word.strip() for word in condition.split(","))
    return ", ".join(DATASETS[word].title if word in DATASETS else OPTIMIZERS.get(word, word) for word in words)


def apart(names: Sequence[str]) -> tuple[list[str], str]:
    """Names of conditions without the parts that all of them have, and those parts."""
    parts = [name.split(", ") for name in names]
    common = [part for part in parts[0] if all(part in each for each in parts)] if len(parts) > 1 else []
    if any(len(each) == len(common) for each in parts):
        return list(names), ""
    return [", ".join(part for part in each if part not in common) for each in parts], ", ".join(common)


def _without_end(statements: Sequence[str]) -> tuple[list[str], str]:
    """Statements without the words that all of them end with, and these, to stand above all; empty where few are."""
    words = [each.rstrip(".").split() for each in statements]
    least = min(map(len, words), default=0)
    same = next((n for n in range(least) if len({each[-1 - n] for each in words}) > 1), 0)
    if len(words) < 2 or same < FEWEST:
        return list(statements), ""
    end = " ".join(words[0][-same:])
    return [" ".join(each[:-same]) for each in words], f"{end[:1].upper()}{end[1:]}:"


def _averages(outcome: Outcome) -> list[Decision]:
    """The decisions on contrasts of arms of more than one condition."""
    found = [decision for verdict in outcome.verdicts for decision in verdict.decisions if decision.interval]
    return [
        decision
        for decision in found
        if isinstance(decision.rule.estimate, Contrast)
        and len({outcome.design.arm(name).condition for name in decision.rule.estimate.arms}) > 1
    ]


def _parts(outcome: Outcome, decision: Decision) -> Mapping[str, Interval]:
    """The estimate under every condition: as large a part of the average as if it were the only one."""
    estimate = decision.rule.estimate
    assert isinstance(estimate, Contrast)  # noqa: S101 - _averages has left out all others
    terms: dict[str, list[Term]] = {}
    for term in estimate.terms:
        terms.setdefault(outcome.design.arm(term.arm).condition, []).append(term)
    return {condition: _mean(outcome, mine, len(terms)) for condition, mine in terms.items()}


def _mean(outcome: Outcome, terms: Sequence[Term], conditions: int) -> Interval:
    sums = [
        conditions
        * math.fsum(
            term.coefficient * record.outcomes.get(term.metric, math.nan)
            for term, record in zip(terms, records, strict=True)
        )
        for records in outcome.by_seed(term.arm for term in terms)
    ]
    return mean_interval([value for value in sums if math.isfinite(value)] or [math.nan])


def _panel(
    ax: Axes,
    decision: Decision,
    title: str,
    parts: Mapping[str, Interval],
    rows: Sequence[str],
    style: Style,
    room: float,
    mark: str,
    places: int,
) -> list[tuple]:
    interval, look = decision.interval, VERDICTS[decision.verdict]
    assert interval  # noqa: S101 - _averages has left out those without
    table = []
    for place, condition in enumerate(rows):
        if condition in parts:
            part = parts[condition]
            ax.plot(drawable(part), [place, place], color=PARTS, linewidth=0.8 * style.line, solid_capstyle="butt")
            ax.plot(part.estimate, place, marker="o", color=PARTS, markersize=2.5 * style.line, linestyle="none")
            numbers = (part.estimate, part.low, part.high, part.n, interval.unit)
            table.append((decision.rule.claim, condition, *numbers, ""))
    bottom = len(rows)
    ax.plot(drawable(interval), [bottom, bottom], color=look.color, linewidth=2 * style.line, solid_capstyle="butt")
    ax.plot(interval.estimate, bottom, marker=look.marker, color=look.color, linestyle="none")
    ax.axhline(bottom - 0.5, color="0.6", linewidth=0.6)
    ax.axvline(0, color="0.2", linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.grid(visible=False, axis="y")
    text = column_text(interval, places, edges(decision.rule))
    found = f"{decision.verdict}{mark}\n{text}\n{counted(interval.n)}"
    ax.set_title(f"{title}\n{found}", fontsize=style.small, color=look.color)
    estimate = decision.rule.estimate
    first = estimate.terms[0] if isinstance(estimate, Contrast) else Term(1.0, "", "")
    what = "reduction" if first.coefficient > 0 and "error" in first.metric else "difference"
    name = f"{what} of {metric_text(first.metric)} ({interval.unit})"
    ax.set_xlabel(wrapped(name, room, style.small), fontsize=style.small)
    numbers = (interval.estimate, interval.low, interval.high, interval.n, interval.unit)
    return [*table, (decision.rule.claim, "average", *numbers, decision.verdict)]
