"""Where a claim holds: one cell a claim and condition, with the verdict and the estimate."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.significance import Key, rule_mark
from cnn_study.experiment import Plot
from cnn_study.figures.layout import wrapped
from cnn_study.figures.quantities import UNCORRECTED_TEXT
from cnn_study.figures.style import VERDICTS, Style

COLUMNS = ["claim", "aspect", "condition", "estimate", "low", "high", "seeds", "unit", "verdict"]
SIGNS = {
    "supported": "+",
    "contradicted": "\N{MINUS SIGN}",
    "inconclusive": "?",
    "not tested": "",
    "mixed": "\N{PLUS-MINUS SIGN}",
}
"""What says the verdict where there is no color."""


def multiverse(
    outcome: Outcome, plot: Plot, style: Style, survives: Mapping[Key, bool] = MappingProxyType({})
) -> tuple[Figure, str, pd.DataFrame]:
    """A column a claim, a row a condition; where a condition has several rules, the cell shows the first."""
    del plot
    cells: dict[tuple[str, str], Decision] = {}
    for verdict in outcome.verdicts:
        if verdict.aspect == "direction":
            for decision in verdict.decisions:
                cells.setdefault((decision.rule.condition, verdict.claim.name), decision)
    rows = list(dict.fromkeys(condition for condition, _ in cells))
    columns = list(dict.fromkeys(claim for _, claim in cells))
    figure, ax = plt.subplots(figsize=(style.width, (0.9 + 0.42 * len(rows)) * style.type_size / 8))
    marked = False
    for (condition, claim), decision in cells.items():
        mark = rule_mark(outcome, decision, survives)
        marked = marked or bool(mark)
        _cell(ax, columns.index(claim), rows.index(condition), decision, mark, style)
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    share = 0.62 * style.width / max(len(columns), 1)
    ax.set_xticks(
        [i + 0.5 for i in range(len(columns))],
        [wrapped(name.replace("-", " "), share, style.small) + _range(cells, name) for name in columns],
    )
    ax.set_yticks(
        [i + 0.5 for i in range(len(rows))], [wrapped(name, 0.34 * style.width, style.small) for name in rows]
    )
    ax.tick_params(length=0, labelsize=style.small, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    caption = (
        "Where the claims hold: the estimate of every rule on the direction of an effect and, after it, the verdict "
        f"under that condition: + supported, {SIGNS['contradicted']} contradicted, ? inconclusive; below it the "
        f"{outcome.repeated}interval over {outcome.seeds_text} seeds. In brackets below a claim: the range of the "
        "estimate that supports it. An empty place: not compared under that "
        "condition."
    )
    if marked:
        caption += f" {UNCORRECTED_TEXT}"
    table = [_row(condition, claim, decision) for (condition, claim), decision in cells.items()]
    return figure, caption, pd.DataFrame(table, columns=COLUMNS)


def _range(cells: Mapping[tuple[str, str], Decision], claim: str) -> str:
    """The range of the estimates that supports a claim, as a line of its own, where it is the same of all rules."""
    rules = {(each.rule.low, each.rule.high) for (_, name), each in cells.items() if name == claim}
    if len(rules) > 1:
        return ""
    ((low, high),) = rules
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(low) or math.isinf(high):
        return f"\n(above {low:g})" if math.isinf(high) else f"\n(below {high:g})"
    return f"\n({low:g} to {high:g})"


def _cell(ax: Axes, column: int, row: int, decision: Decision, mark: str, style: Style) -> None:
    look = VERDICTS[decision.verdict]
    strength = 0.3 if decision.verdict in ("supported", "contradicted") else 0.1
    ax.add_patch(Rectangle((column + 0.02, row + 0.04), 0.96, 0.92, color=look.color, alpha=strength, linewidth=0))
    if decision.interval is None:
        ax.text(column + 0.5, row + 0.5, decision.verdict, ha="center", va="center", fontsize=style.small)
        return
    first, _, rest = decision.interval.text.partition(" ")
    if first in "<>":  # a bound: the sign belongs to the number
        number, _, rest = rest.partition(" ")
        first = f"{first} {number}"
    sign = SIGNS[decision.verdict]
    ax.text(
        column + 0.5,
        row + 0.34,
        f"{first}  {sign}{mark}",
        ha="center",
        va="center",
        fontsize=style.small,
        weight="bold",
    )
    ax.text(column + 0.5, row + 0.7, rest, ha="center", va="center", fontsize=0.9 * style.small)


def _row(condition: str, claim: str, decision: Decision) -> tuple:
    interval = decision.interval
    numbers = (interval.estimate, interval.low, interval.high, interval.n, interval.unit) if interval else (None,) * 5
    return (claim, decision.rule.aspect, condition, *numbers, decision.verdict)
