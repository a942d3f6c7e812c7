"""What every rule has estimated, with the range that supports the claim and the verdict: a forest plot."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from cnn_study.analysis import targets, test_set
from cnn_study.analysis.decisions import Decision, Outcome, from_to, place
from cnn_study.analysis.significance import Key, rule_mark
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import Agreement, Aspect, Contrast, Plot, Published, Verdict
from cnn_study.figures.layers import layer_text, measured_layers
from cnn_study.figures.layout import grow, text_width, wrapped
from cnn_study.figures.quantities import (
    SLOPES,
    SLOPES_TEXT,
    STEPS_TEXT,
    UNCORRECTED_TEXT,
    UNITS,
    arms,
    column_text,
    counted,
    decimals,
    drawable,
    edges,
    looked,
    metric_of,
    metric_text,
    percent,
    published,
    published_of,
    published_text,
    seeds_text,
    sources,
    statement,
)
from cnn_study.figures.ratios import draw_interval, pair, published_ratios, ratio_axis, short_source, where
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import PUBLISHED, VERDICTS, Style

RATIOS = "ratio of times (above 1: the first takes longer)"
"""What the panel of the products of times is called; the others are called by what their contrasts measure."""
MOST_TICKS = 5
"""Ticks of an axis of contrasts, whose texts may be as long as ``-0.125``."""
NOTHING = "no effect of interest"
"""What stands beside a rule that is contradicted since its interval excludes every effect that would matter."""
OPPOSITE = "rather the opposite"
"""What stands beside a rule that is contradicted since the whole interval lies on the other side."""
WITHIN = "within the margin of the limit"
"""The same as no effect of interest, where the limit is not that of no effect at all."""
RIGHT, NEEDED = 0.31, 13
"""Part of the width of a row that a line of published numbers may have; sizes of its type that it has at least."""
BEYOND = "on the other side of the limit"
"""The same as the opposite, where the limit is not that of no effect at all."""
SMALL = "but less than would matter"
"""What stands beside a rule that is supported by an effect smaller than the smallest that would matter."""
DOTTED_TEXT = "Dotted: the smallest effect that would matter."
MADE_BY_TEXT = "A mean over layers and epochs is here mostly that of one layer in one epoch."
MOST = 0.8
"""Part of a mean that one of its values makes for this to be said."""
UNJUDGED = "a premise fails"
"""What stands in the place of the verdict on a rule of a mechanism that is not judged."""
QUESTIONS: Mapping[Aspect, str] = {
    "direction": "Does it hold?",
    "magnitude": "Is the number as published?",
    "mechanism": "Is it so for the stated reason?",
}
"""What rules on an aspect of a claim answer, where a figure has rules on several."""
PREMISE = "premise: "
"""What the name of a rule begins with that must hold for a cause to be judged."""
SEVERAL, FEWEST = 3, 4
"""So many names that begin with so many same words have these above them."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
STEP = 1.12
"""From one line of what stands above a row to the next, in lines of what stands beside it."""
WIDE = 6.75
"""Inches of a figure that has room for so many; a narrower one has fewer."""
INDENT = 2.0
"""How far what several rows have in common is set in from the claim, in sizes of its type."""
APART = 8.0
"""How many times as far the estimates of one claim may reach as those of another that shares their panel."""
COLUMNS = [
    "claim",
    "aspect",
    "condition",
    "estimated",
    "unit",
    "estimate",
    "low",
    "high",
    "seeds",
    "from",
    "to",
    "verdict",
]


@dataclass(frozen=True)
class _Row:
    """A decided rule, the text beside it, its mark, and what was published about the arms that it compares.

    The first row of a claim, and of a question about it, has the claim and the question above it; the first of several
    rows that compare the same under several conditions has what they compare above it. In a narrow figure the name
    stands above too, and not beside; all that has a size of type and so much room in inches. One that is not judged
    belongs to a mechanism of which nothing is said, since a premise does not hold. All estimates of a panel have the
    same decimals.
    """

    decision: Decision
    name: str
    mark: str
    numbers: Sequence[Published]
    judged: bool = True
    decimals: int = 2
    claim: str = ""
    question: str = ""
    above: str = ""
    size: float = 8.0
    room: float = 0.0

    @property
    def interval(self) -> Interval:
        assert self.decision.interval  # noqa: S101 - _decided has left out those without
        return self.decision.interval

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict if self.judged else "not tested"

    @property
    def estimate(self) -> str:
        """The estimate with its interval."""
        return column_text(self.interval, self.decimals, edges(self.decision.rule))

    @property
    def published(self) -> str:
        """The published numbers, in as many lines as they need."""
        texts = [
            f"published: {published_text(number, metric_of(number))}, {short_source(number.source)}"
            for number in self.numbers
        ]
        return wrapped("\n".join(texts), max(RIGHT * self.room, NEEDED * self.size / 72), self.size)

    @property
    def right(self) -> list[str]:
        """What stands on the right below the verdict, line by line: the estimate, then the published numbers."""
        return [text for text in (self.estimate, self.finding, *self.published.split("\n")) if text]

    @property
    def finding(self) -> str:
        """What the verdict does not say of the size of an effect, in a few words."""
        rule = self.decision.rule
        effect = rule.estimate.neutral in (rule.low, rule.high)
        low, high = rule.relevant
        if self.decision.verdict == "supported":
            small = self.interval.high < low or self.interval.low > high
            return (SMALL if effect else WITHIN) if small else ""
        beyond = self.interval.high < rule.low or self.interval.low > rule.high
        if self.decision.verdict == "contradicted" and beyond and effect:
            small = rule.smallest is not None and place(self.interval, *rule.negligible) == "supported"
            return NOTHING if small else OPPOSITE
        if not self.decision.finding:
            return ""
        if beyond:
            return BEYOND
        return NOTHING if effect else WITHIN

    @property
    def head(self) -> float:
        """Lines of the claim, of the question and of what else stands above, with a gap before."""
        lines = sum(text.count("\n") + 1 for text in (self.claim, self.question, self.above) if text)
        return STEP * (lines - self.behind) + 0.6 if lines else 0.0

    @property
    def behind(self) -> bool:
        """Whether the question has room behind a claim of one line."""
        one_line = bool(self.claim and self.question) and "\n" not in self.claim
        return one_line and self.end + text_width(self.question, self.size) < self.room

    @property
    def end(self) -> float:
        """Where the claim ends, with a gap, in inches."""
        # Letters stand on whole pixels, which makes a line a little longer than it is said to be.
        return 1.05 * text_width(self.claim, self.size, bold=True) + self.size / 72

    @property
    def body(self) -> float:
        """Lines of all the rest."""
        return max(self.name.count("\n") + 1, len(self.right) + 1) + 0.6

    @property
    def height(self) -> float:
        return self.head + self.body


def effects(outcome: Outcome, plot: Plot, style: Style, survives: Mapping[Key, bool] = MappingProxyType({})) -> Sketch:
    """A row a rule: its estimate with its interval over the range that supports the claim; a panel a quantity."""
    decided = _decided(outcome, plot)
    asked = any(decision.rule.aspect != "direction" for decision in decided)
    about = [decision for decision in decided if decision.rule.aspect == "direction"]
    shown = [decision for decision in decided if not any(_repeats(decision, effect) for effect in about)]
    made_by = list(dict.fromkeys(text for decision in shown for text in _made_by(outcome, decision)))
    groups = _groups(shown)
    panels = {panel: _rows(outcome, some, survives, style, asked=asked) for panel, some in groups.items()}
    heights = [sum(row.height for row in rows) for rows in panels.values()] or [1.0]
    below = sum(2.5 + _axis_name(quantity, style).count("\n") + 1 for quantity, _ in panels)
    line = 1.25 * style.small / 72
    inches = (sum(heights) + (below or 3.5)) * line
    figure, grid = plt.subplots(len(heights), 1, figsize=(style.width, inches), squeeze=False, height_ratios=heights)
    for ax, ((quantity, _), rows) in zip(grid.flat, panels.items(), strict=False):
        _panel(ax, quantity, rows, style)
    if panels:
        grow(figure, grid.flat, [height * line for height in heights])
    rows = [row for rows in panels.values() for row in rows]
    seeds = from_to([row.interval.n for row in rows] or [0])
    dotted, marked = any(row.decision.rule.smallest is not None for row in rows), any(row.mark for row in rows)
    caption = (
        f"The estimate of every rule over {seeds} seeds, with the interval that decides: the "
        f"95 % t interval{looked(outcome)}, for equivalences the 90 % one. Shaded: the range that supports the claim. "
        "Right: the verdict, the estimate and its interval."
    )
    if any(decision.rule.premise for decision in decided):
        caption += " A premise must hold before a reason is judged."
    if len(shown) < len(decided):
        caption += " A premise that holds, and that the rules on the effect state already, is not drawn again."
    if made_by:
        caption += f" {MADE_BY_TEXT} {'; '.join(made_by)}."
    if any(row.interval.unit == SLOPES for row in rows):
        caption += f" {SLOPES_TEXT}"
    if dotted:
        caption += f" {DOTTED_TEXT}"
    if any(not row.judged for row in rows):
        caption += f' "{UNJUDGED.capitalize()}": nothing is said of the cause.'
    if any(row.finding == NOTHING for row in rows):
        caption += f' "{NOTHING.capitalize()}": an interval of 90 % excludes the smallest one that would matter.'
    if any(row.finding == WITHIN for row in rows):
        caption += f' "{WITHIN.capitalize()}": at 90 %, the limit is not passed by as much as would matter.'
    shared = _shared_condition(row.decision for row in rows)
    if shared:
        caption += f" Condition of all rows: {shared}."
    numbers = [number for row in rows for number in row.numbers]
    if numbers:
        caption += f" Broken lines: published ({sources(numbers)})."
    if outcome.design.looks:
        caption += f" {STEPS_TEXT}"
    finite = test_set.text(outcome, (row.decision.rule.estimate for row in rows))
    if finite:
        caption += f" {finite}"
    if marked:
        caption += f" {UNCORRECTED_TEXT}"
    table = pd.DataFrame([_data(row) for row in rows], columns=COLUMNS)
    fit = targets.text(outcome, (row.decision.rule.estimate for row in rows))
    caption += f" {fit}" if fit else ""
    foot = [
        f"Shaded: supports the claim. Bars: 95 % t interval (equivalence: 90 %){looked(outcome)}, "
        f"{seeds_text(outcome, plot, table)} seeds."
    ]
    foot += [DOTTED_TEXT] if dotted else []
    foot += [MADE_BY_TEXT] if made_by else []
    foot += [UNCORRECTED_TEXT] if marked else []
    foot += [fit] if fit else []
    return Sketch(figure, caption, table, tuple(foot))


def _decided(outcome: Outcome, plot: Plot) -> list[Decision]:
    """The decided rules of the claims shown, about the arms shown: of a proxy without those about published sizes."""
    shown = {arm.name for arm in arms(outcome, plot)}
    return [
        decision
        for verdict in outcome.verdicts
        if not plot.claims or verdict.claim.name in plot.claims
        for decision in verdict.decisions
        if decision.interval
        and not (decision.rule.published and outcome.design.proxy)
        and not isinstance(decision.rule.estimate, Agreement)
        and shown.issuperset(decision.rule.estimate.arms)
    ]


def _made_by(outcome: Outcome, decision: Decision) -> Iterator[str]:
    """Of every mean over layers and epochs that one of its values makes most of: which, and how much."""
    estimate = decision.rule.estimate
    for term in estimate.terms if isinstance(estimate, Contrast) else ():
        metric, arm = term.metric.removesuffix("_mean"), outcome.design.arm(term.arm)
        found = measured_layers(outcome, arm, metric) if metric != term.metric else []
        sums: dict[tuple[str, float], float] = {}
        for layer in found:
            for record in outcome.replicates(arm.name):
                for epoch, value in zip(*record.curve(f"{metric}/{layer}"), strict=True):
                    sums[layer, epoch] = sums.get((layer, epoch), 0.0) + abs(value)
        layer, epoch = max(sums, key=lambda place: sums[place], default=("", 0.0))
        if len(sums) > SEVERAL and sums[layer, epoch] > MOST * (whole := math.fsum(sums.values())):
            share, mean = percent(round(sums[layer, epoch] / whole, 2)), metric_text(term.metric)
            yield f"{share} of the {mean} of {arm.label} is that of {layer_text(layer)} in epoch {epoch:g}"


def _repeats(decision: Decision, effect: Decision) -> bool:
    """Whether a rule is a premise that says again of an effect that it is there."""
    rule, same = decision.rule, decision.interval == effect.interval and decision.rule.claim == effect.rule.claim
    ranges = (rule.estimate, rule.low, rule.high) == (effect.rule.estimate, effect.rule.low, effect.rule.high)
    return rule.premise and decision.verdict == "supported" and same and ranges


def _groups(decisions: Sequence[Decision]) -> dict[tuple[str, str], list[Decision]]:
    """The rules by what they estimate and, where the claims differ much in size, by their claim."""
    quantities: dict[str, list[Decision]] = {}
    for decision in decisions:
        quantities.setdefault(_quantity(decision), []).append(decision)
    groups: dict[tuple[str, str], list[Decision]] = {}
    for quantity, some in quantities.items():
        reach: dict[str, float] = {}
        for decision in some:
            assert decision.interval  # noqa: S101 - _decided has left out those without
            far = max(map(abs, drawable(decision.interval)))
            reach[decision.rule.claim] = max(far, reach.get(decision.rule.claim, 0.0))
        apart = quantity != RATIOS and max(reach.values()) > APART * min(reach.values())
        for decision in some:
            groups.setdefault((quantity, decision.rule.claim if apart else ""), []).append(decision)
    claims = list(dict.fromkeys(decision.rule.claim for decision in decisions))
    # What a claim asks about several quantities stands together.
    return dict(sorted(groups.items(), key=lambda group: claims.index(group[1][0].rule.claim)))


def _quantity(decision: Decision) -> str:
    """What a rule estimates, with its unit: the name of an axis."""
    estimate = decision.rule.estimate
    if not isinstance(estimate, Contrast):
        return RATIOS
    if _compared(estimate):
        return f"reduction of {metric_text(estimate.terms[0].metric)} ({estimate.unit})"
    if len(estimate.terms) == 1 and estimate.unit:
        return f"{metric_text(estimate.terms[0].metric)} ({estimate.unit})"
    metrics = {term.metric for term in estimate.terms}
    if not estimate.unit and len(metrics) == 1 and metrics <= UNITS.keys():
        (metric,) = metrics
        return f"difference of the {metric_text(metric)} ({UNITS[metric]})"
    units = {"points": "percentage points", "": "without unit", SLOPES: SLOPES}
    return f"difference ({units[estimate.unit]})" if estimate.unit in units else estimate.unit


def _compared(estimate: Contrast) -> tuple[str, str] | None:
    """The worse and the better arm of a contrast that is the gain in one outcome."""
    return (estimate.terms[0].arm, estimate.terms[1].arm) if estimate.is_gain else None


def _rows(
    outcome: Outcome, decisions: Sequence[Decision], survives: Mapping[Key, bool], style: Style, *, asked: bool
) -> list[_Row]:
    rows: list[_Row] = []
    shared, before, room = _shared_condition(decisions), "", 0.9 * style.width
    silent = {each.claim.name for each in outcome.verdicts if each.premise_fails}
    places = decimals(decision.interval for decision in decisions if decision.interval)
    for (name, aspect), block in groupby(decisions, lambda decision: (decision.rule.claim, decision.rule.aspect)):
        claim = "" if name == before else wrapped(statement(outcome, name), room, style.small, bold=True)
        question = QUESTIONS[aspect] if asked else ""
        before = name
        for label in _labels(outcome, list(block), shared):
            rule, mark = label.decision.rule, rule_mark(outcome, label.decision, survives)
            judged = rule.premise or rule.aspect != "mechanism" or rule.claim not in silent
            beside = wrapped(label.beside, room if style.narrow else 0.4 * style.width, style.small)
            above = wrapped(label.above, room, style.small)
            if style.narrow:
                beside, above = "", "\n".join(filter(None, (above, beside)))
            numbers = _published(outcome, label.decision)
            heads = (claim, question, above, style.small, room)
            rows.append(_Row(label.decision, beside, mark, numbers, judged, places, *heads))
            claim = question = ""
    return rows


@dataclass(frozen=True)
class _Label:
    """What stands beside the row of a rule, and what is said once above it and the rows that follow."""

    decision: Decision
    beside: str
    above: str = ""


def _labels(outcome: Outcome, decisions: Sequence[Decision], shared: str) -> Iterator[_Label]:
    """What tells the rules about one question apart, with what several of them have in common said once above them.

    Rules that compare the same under several conditions stand together, in the order of the first of them.

    Args:
        outcome: What was found.
        decisions: On one aspect of a claim.
        shared: The condition of all rules of the panel, which is not said.
    """
    groups: dict[str, list[tuple[Decision, str]]] = {}
    for decision in decisions:
        what = (PREMISE if decision.rule.premise else "") + _what(outcome, decision)
        condition = _unsaid(where(outcome, decision), what) if decision.rule.condition != shared else ""
        groups.setdefault(what, []).append((decision, condition))
    if any(len({condition for _, condition in group}) > 1 for group in groups.values()):
        for what, group in groups.items():
            for number, (decision, condition) in enumerate(group):
                yield _Label(decision, condition, "" if number else what)
        return
    begin = _common_begin(list(groups))
    for number, (what, group) in enumerate(groups.items()):
        for decision, condition in group:
            name = what.removeprefix(begin).lstrip()
            above = f"{begin.rstrip(',')} {ELLIPSIS}" if begin and not number else ""
            yield _Label(decision, f"{name}; {condition}" if condition else name, above)


def _unsaid(condition: str, what: str) -> str:
    """The parts of a condition that are not said by what is compared."""
    if _words(condition) <= _words(what):
        return ""
    return ", ".join(part for part in condition.split(", ") if not _words(part) <= _words(what))


def _common_begin(names: Sequence[str]) -> str:
    """The words that several names begin with; empty where they are few, or where the rest would say nothing."""
    words = [name.split() for name in names]
    least = min(map(len, words), default=0) - 1
    same = next((n for n in range(least) if len({each[n] for each in words}) > 1), max(least, 0))
    return " ".join(words[0][:same]) if len(names) >= SEVERAL and same >= FEWEST else ""


def _words(text: str) -> set[str]:
    """What a text says, without the words that join."""
    return set(re.findall(r"[^\W_]+", text.casefold())) - {"against", "and"}


def _shared_condition(decisions: Iterable[Decision]) -> str:
    """The condition, if it is the same of all rules."""
    found = {decision.rule.condition for decision in decisions}
    return found.pop() if len(found) == 1 else ""


def _what(outcome: Outcome, decision: Decision) -> str:
    """What is compared, by the labels of the arms, or by their names where the labels are the same."""
    estimate = decision.rule.estimate
    called = {}
    for name in estimate.arms:
        arm = outcome.design.arm(name)
        alone = [each.label for each in outcome.design.arms].count(arm.label) == 1
        called[name] = arm.label if alone or arm.condition in decision.rule.condition else name
    if len(set(called.values())) < len(called):
        called = {name: name for name in called}
    if not isinstance(estimate, Contrast):
        return pair(outcome, decision)
    compared = _compared(estimate)
    if compared:
        return " \N{RIGHTWARDS ARROW} ".join(called[name] for name in compared)
    text = estimate.text.removeprefix("the ")
    for name in sorted(called, key=len, reverse=True):
        text = text.replace(name, called[name])
    return text


def _panel(ax: Axes, quantity: str, rows: Sequence[_Row], style: Style) -> None:
    numbers = [number for row in rows for number in row.numbers]
    if quantity == RATIOS:
        ratio_axis(ax, [row.interval for row in rows], numbers)
    else:
        ax.set_xlim(*_range(rows))
        ax.xaxis.set_major_locator(MaxNLocator(max(round((MOST_TICKS - 1) * style.width / WIDE), 2)))
    nothing = rows[0].decision.rule.estimate.neutral
    if ax.get_xlim()[0] <= nothing <= ax.get_xlim()[1]:
        ax.axvline(nothing, color="0.2", linewidth=0.8)
    places, place = [], 0.0
    for row in rows:
        places.append(place + row.head + row.body / 2)
        _draw(ax, row, quantity, place, style)
        place += row.height
    ax.set_yticks(places, [row.name for row in rows], fontsize=style.small)
    ax.set_ylim(place, 0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(_axis_name(quantity, style))


def _axis_name(quantity: str, style: Style) -> str:
    """What an axis shows, with its unit on a line of its own where one line has no room for both."""
    room = 0.4 * style.width
    name, _, unit = quantity.rpartition(" (")
    if name and text_width(quantity, style.type_size) > room:
        quantity = f"{name}\n({unit}"
    return wrapped(quantity, room, style.type_size)


def _draw(ax: Axes, row: _Row, quantity: str, top: float, style: Style) -> None:
    rule, interval, one = row.decision.rule, row.interval, VERDICTS[row.verdict]
    left, right = ax.get_xlim()
    low, high, color = max(rule.low, left), min(rule.high, right), VERDICTS["supported"].color
    _head(ax, row, top, style)
    top += row.head
    if low < high:
        ax.add_patch(Rectangle((low, top + 0.2), high - low, row.body - 0.4, color=color, alpha=0.13, linewidth=0))
    middle = top + row.body / 2
    for limit in rule.relevant if rule.smallest is not None else ():
        if left < limit < right:
            ax.plot([limit] * 2, [top + 0.2, top + row.body - 0.2], color=color, linewidth=0.8, linestyle=":")
    for number in row.numbers:
        ax.plot([number.value] * 2, [top + 0.2, top + row.body - 0.2], color=PUBLISHED, linewidth=0.8, linestyle="--")
    if quantity == RATIOS:
        draw_interval(ax, middle, interval, one.color, one.marker)
    else:
        ax.plot(drawable(interval), [middle, middle], color=one.color, solid_capstyle="butt")
        ax.plot(interval.estimate, middle, marker=one.marker, color=one.color, linestyle="none")
    verdict = row.verdict + row.mark if row.judged else UNJUDGED
    behind = 72 * 1.05 * text_width(verdict, style.small, bold=True) + 0.25 * style.small
    seeds = f"({counted(interval.n)})"
    texts = [(0.0, 0, verdict, "bold", one.color), (behind, 0, seeds, "normal", one.color)]
    published = len(row.right) - (row.published.count("\n") + 1 if row.published else 0)
    texts += [
        (0.0, number, text, "normal", PUBLISHED if number > published else one.color)
        for number, text in enumerate(row.right, 1)
    ]
    for left, number, text, weight, color in texts:
        ax.annotate(
            text,
            (1.02, middle),
            (left, 1.24 * (len(row.right) / 2 - number) * style.small),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=style.small,
            fontweight=weight,
        )


def _head(ax: Axes, row: _Row, top: float, style: Style) -> None:
    """The claim and the question over the whole width, on white: nothing is measured there."""
    if not row.head:
        return
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    ends = (0.0, 1.0, 1.0, 0.0), (top - 0.15, top - 0.15, top + row.head, top + row.head)
    across = blended_transform_factory(figure.transFigure, ax.transData)
    ax.fill(*ends, color="white", linewidth=0, transform=across, clip_on=False, zorder=2.8).pop().set_in_layout(False)
    line = top + 1.15
    left = 0.01
    for text, weight in ((row.claim, "bold"), (row.question, "normal"), (row.above, "normal")):
        if not text:
            continue
        behind = text == row.question and row.behind
        more = STEP * text.count("\n")  # The base line of a text of several lines is that of its last one.
        inner = left + INDENT * style.small / 72 / style.width if text == row.above and not style.narrow else left
        place = (left + row.end / style.width, line - STEP) if behind else (inner, line + more)
        how = {"transform": across, "va": "baseline", "fontsize": style.small, "linespacing": 1.1}
        ax.text(*place, text, fontweight=weight, color="0.1", zorder=3, **how).set_in_layout(False)
        line += 0 if behind else more + STEP


def _range(rows: Sequence[_Row]) -> tuple[float, float]:
    """Limits of an axis that shows contrasts, the published numbers and where the supporting ranges end.

    Zero is on it where it says something, or is near.
    """
    values: list[float] = []
    for row in rows:
        values += [number.value for number in row.numbers]
        rule = row.decision.rule
        values += [*drawable(row.interval), rule.low, rule.high, *rule.relevant]
    finite = [value for value in values if math.isfinite(value)]
    if any(_of_effect(row.decision) for row in rows) or min(map(abs, finite)) < max(finite) - min(finite):
        finite.append(0.0)
    margin = 0.06 * (max(finite) - min(finite)) or 1.0
    return min(finite) - margin, max(finite) + margin


def _of_effect(decision: Decision) -> bool:
    """Whether zero says something: that there is no difference, or where the range of a rule about a value ends."""
    rule = decision.rule
    several = isinstance(rule.estimate, Contrast) and len(rule.estimate.terms) > 1
    return several or 0 in (rule.low, rule.high, *rule.relevant)


def _published(outcome: Outcome, decision: Decision) -> list[Published]:
    """What was published about the very comparison of a rule, if the rule is held against published numbers at all."""
    if not isinstance(decision.rule.estimate, Contrast):
        return published_ratios(outcome, [decision])
    terms = decision.rule.estimate.terms
    called = [outcome.design.arm(name).label for name in decision.rule.estimate.arms]
    if len(terms) == 1 and decision.rule.published:
        return published_of(outcome, called[0], terms[0].metric)
    if len(called) != 2:
        return []
    pairs = dict.fromkeys((" / ".join(called), " / ".join(reversed(called))))
    return [number for each in pairs for number in published(outcome, each, "gain")]


def _data(row: _Row) -> tuple:
    rule, interval = row.decision.rule, row.interval
    limits = (interval.estimate, interval.low, interval.high, interval.n, rule.low, rule.high)
    unit = rule.estimate.unit if isinstance(rule.estimate, Contrast) else "ratio of times"
    return (rule.claim, rule.aspect, rule.condition, rule.estimate.text, unit, *limits, row.verdict)
