"""Where a claim holds: one cell a claim and condition, with the verdict and the estimate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.significance import Key, rule_mark
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Contrast, Plot, Verdict
from cnn_study.figures.forest import apart
from cnn_study.figures.layout import grow, wrapped
from cnn_study.figures.quantities import (
    STEPS_TEXT,
    UNCORRECTED_TEXT,
    column_parts,
    decimals,
    edges,
    looked,
    seeds_text,
    statement,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SIGNS, VERDICTS, Style

Cells = Mapping[tuple[str, str], Decision]
"""The decisions by condition and claim."""
COLUMNS = ["claim", "aspect", "condition", "estimate", "low", "high", "seeds", "unit", "verdict"]
RULED: Sequence[Verdict] = ("supported", "contradicted", "inconclusive")
SIGNS_TEXT = ", ".join(f"{SIGNS[verdict]} {verdict}" for verdict in RULED)
"""What the signs in the cells mean: a cell is one rule."""


def multiverse(
    outcome: Outcome, plot: Plot, style: Style, survives: Mapping[Key, bool] = MappingProxyType({})
) -> Sketch:
    """A column a claim, a row a condition; where a condition has several rules, the cell shows the first.

    Claims that share no condition are blocks of their own; in that of a single claim the conditions stand side by side.
    """
    cells: dict[tuple[str, str], Decision] = {}
    for verdict in outcome.verdicts:
        if verdict.aspect == "direction":
            for decision in verdict.decisions:
                cells.setdefault((decision.rule.condition, verdict.claim.name), decision)
    blocks = _blocks(cells, alone=style.narrow)
    parts = [_heights(block, cells, outcome, style) for block in blocks]
    heights = [body for _, body in parts] or [1.0]
    inches = sum(map(sum, parts)) or 1.0
    figure, grid = plt.subplots(len(heights), 1, figsize=(style.width, inches), squeeze=False, height_ratios=heights)
    marks = {place: rule_mark(outcome, decision, survives) for place, decision in cells.items()}
    for ax, block in zip(grid.flat, blocks, strict=False):
        _draw(ax, block, cells, marks, outcome, style)
    grow(figure, grid.flat, heights)
    marked = any(marks.values())
    caption = (
        "Where the claims hold: the estimate of every rule on the direction of an effect and, after it, the verdict "
        f"under that condition: {SIGNS_TEXT}; below it the "
        f"95 % t interval{looked(outcome)} over {outcome.seeds_text} seeds. In brackets below a claim: the range of "
        "the estimate that supports it. An empty place: not compared under that condition."
    )
    if outcome.design.looks:
        caption += f" {STEPS_TEXT}"
    if marked:
        caption += f" {UNCORRECTED_TEXT}"
    table = [_row(condition, claim, decision) for (condition, claim), decision in cells.items()]
    data = pd.DataFrame(table, columns=COLUMNS)
    foot = f"{SIGNS_TEXT}. Brackets: 95 % t interval{looked(outcome)}, {seeds_text(outcome, plot, data)} seeds."
    return Sketch(figure, caption, data, (foot, UNCORRECTED_TEXT) if marked else (foot,))


@dataclass(frozen=True)
class _Block:
    """Claims that share conditions, and these. One claim beside others has its conditions side by side."""

    claims: Sequence[str]
    conditions: Sequence[str]
    beside: bool


def _blocks(cells: Cells, *, alone: bool) -> list[_Block]:
    """The claims in groups that share no condition, so that no part of the figure is empty for the sake of another.

    Args:
        cells: The decisions.
        alone: Whether every claim is a block of its own.
    """
    if alone:
        own = {name: [condition for condition, claim in cells if claim == name] for _, name in cells}
        return [_Block([claim], conditions, True) for claim, conditions in own.items()]
    groups: list[tuple[set[str], set[str]]] = []
    for condition, claim in cells:
        mine = [group for group in groups if condition in group[0] or claim in group[1]]
        merged = {condition}.union(*(each[0] for each in mine)), {claim}.union(*(each[1] for each in mine))
        # In the place of the first that it joins, so that the order is that of the rules.
        place = groups.index(mine[0]) if mine else len(groups)
        groups = [group for group in groups if group not in mine]
        groups.insert(place, merged)
    order = dict.fromkeys(claim for _, claim in cells), dict.fromkeys(condition for condition, _ in cells)
    return [
        _Block(
            [claim for claim in order[0] if claim in claims],
            [condition for condition in order[1] if condition in conditions],
            len(groups) > 1 and len(claims) == 1 and len(conditions) > 1,
        )
        for conditions, claims in groups
    ]


def _heights(block: _Block, cells: Cells, outcome: Outcome, style: Style) -> tuple[float, float]:
    """Of what stands above a block, and of its cells, in inches."""
    line = 1.25 * style.small / 72
    if block.beside:
        rows = -(-len(block.conditions) // _columns(block, style))
        lines = max(name.count("\n") + 1 for name in _names(block, style)) + 3
        return (_above(block, cells, outcome, style).count("\n") + 2.5) * line, lines * rows * line
    heads = [_head(name, cells, outcome, style, len(block.claims)).count("\n") + 1 for name in block.claims]
    return (max(heads) + 1) * line, 3.4 * len(block.conditions) * line


def _columns(block: _Block, style: Style) -> int:
    """Conditions that have room side by side."""
    return min(len(block.conditions), max(int(style.width / (0.16 * style.small)), 1))


def _names(block: _Block, style: Style) -> list[str]:
    """What tells the conditions of a block apart, as it stands in the cells."""
    room = (0.88 if style.narrow else 0.58) * style.width / _columns(block, style)
    return [wrapped(name, room, style.small) for name in apart(block.conditions)[0]]


def _head(claim: str, cells: Cells, outcome: Outcome, style: Style, claims: int) -> str:
    """What stands above the column of a claim."""
    room = 0.6 * style.width / max(claims, 2)
    return wrapped(statement(outcome, claim), room, style.small) + _range(cells, claim)


def _above(block: _Block, cells: Cells, outcome: Outcome, style: Style) -> str:
    """What stands above a claim whose conditions stand side by side: with what these have in common."""
    (claim,) = block.claims
    _, common = apart(block.conditions)
    text = statement(outcome, claim) + (f" All: {common}." if common else "")
    return wrapped(text, (0.9 if style.narrow else 0.6) * style.width, style.small) + _range(cells, claim)


def _draw(
    ax: Axes,
    block: _Block,
    cells: Cells,
    marks: Mapping[tuple[str, str], str],
    outcome: Outcome,
    style: Style,
) -> None:
    found: dict[str, list[Interval]] = {}
    for (_, claim), decision in cells.items():
        found.setdefault(claim, []).extend([decision.interval] if decision.interval else [])
    places = {claim: decimals(intervals) for claim, intervals in found.items()}
    if block.beside:
        (claim,), columns = block.claims, _columns(block, style)
        ax.set_title(_above(block, cells, outcome, style), fontsize=style.small, fontweight="normal")
        names = _names(block, style)
        lines = max(name.count("\n") + 1 for name in names)
        for place, (condition, name) in enumerate(zip(block.conditions, names, strict=True)):
            row, column = divmod(place, columns)
            text = name + "\n" * (lines - name.count("\n") - 1)  # So that numbers stand side by side.
            _cell(ax, column, row, cells[condition, claim], marks[condition, claim], style, places[claim], text)
        ax.set(xlim=(0, columns), ylim=(-(-len(names) // columns), 0), xticks=[], yticks=[])
    else:
        for (condition, claim), decision in cells.items():
            if claim in block.claims:
                column, row = block.claims.index(claim), block.conditions.index(condition)
                _cell(ax, column, row, decision, marks[condition, claim], style, places[claim])
        ax.set(xlim=(0, len(block.claims)), ylim=(len(block.conditions), 0))
        heads = [_head(name, cells, outcome, style, len(block.claims)) for name in block.claims]
        ax.set_xticks([i + 0.5 for i in range(len(heads))], heads)
        names = [wrapped(name, 0.34 * style.width, style.small) for name in block.conditions]
        ax.set_yticks([i + 0.5 for i in range(len(names))], names)
    ax.tick_params(length=0, labelsize=style.small, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _range(cells: Cells, claim: str) -> str:
    """The range of the estimates that supports a claim, as a line of its own, where it is the same of all rules."""
    rules = {(each.rule.low, each.rule.high, _what(each)) for (_, name), each in cells.items() if name == claim}
    if len(rules) > 1:
        return ""
    ((low, high, (before, after)),) = rules
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(low) or math.isinf(high):
        return f"\n({before}above {low:g}{after})" if math.isinf(high) else f"\n({before}below {high:g}{after})"
    return f"\n({before}{low:g} to {high:g}{after})"


def _what(decision: Decision) -> tuple[str, str]:
    """What stands before and after the limits of a rule: what they are limits of."""
    if isinstance(decision.rule.estimate, Contrast):
        return "", f" {decision.rule.estimate.unit}".rstrip()
    return "ratio ", ""


def _cell(
    ax: Axes, column: int, row: int, decision: Decision, mark: str, style: Style, places: int, name: str = ""
) -> None:
    """A place with the estimate, the sign of its verdict and the interval; below its name, if it has one."""
    look = VERDICTS[decision.verdict]
    strength = 0.3 if decision.verdict in ("supported", "contradicted") else 0.1
    ax.add_patch(Rectangle((column + 0.02, row + 0.04), 0.96, 0.92, color=look.color, alpha=strength, linewidth=0))
    if decision.interval is None:
        ax.text(column + 0.5, row + 0.5, decision.verdict, ha="center", va="center", fontsize=style.small)
        return
    first, rest = column_parts(decision.interval, places, edges(decision.rule))
    sign = SIGNS[decision.verdict]
    lines = name.count("\n") + 1 if name else 0
    heights = [(lines + place) / (lines + 3) for place in (1.1, 2.25)] if name else [0.34, 0.7]
    if name:
        ax.text(column + 0.5, row + 0.12, name, ha="center", va="top", fontsize=style.small)
    ax.text(
        column + 0.5,
        row + heights[0],
        f"{first}  {sign}{mark}",
        ha="center",
        va="center",
        fontsize=style.small,
        weight="bold",
    )
    ax.text(column + 0.5, row + heights[1], rest, ha="center", va="center", fontsize=0.9 * style.small)


def _row(condition: str, claim: str, decision: Decision) -> tuple:
    interval = decision.interval
    numbers = (interval.estimate, interval.low, interval.high, interval.n, interval.unit) if interval else (None,) * 5
    return (claim, decision.rule.aspect, condition, *numbers, decision.verdict)
