"""All claims at a glance: a row a claim, with its verdicts, its intervals and the range that would support it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cnn_study.analysis.decisions import ClaimVerdict, Outcome, verdicts_under
from cnn_study.analysis.significance import Key, mark
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import ASPECTS, Aspect, Verdict
from cnn_study.figures.layout import text_width, wrapped
from cnn_study.figures.quantities import STEPS_TEXT, UNCORRECTED_TEXT, estimate_text, spelled, without_exponents
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.strips import WIDTH, comparable, strip
from cnn_study.figures.style import PUBLISHED, SIGNS, VERDICTS, Style

COLUMNS = ["experiment", "claim", "statement", *ASPECTS, "survives", "conditions", "measured"]
WAITING = "\N{HORIZONTAL ELLIPSIS}"
"""Stands behind what is so far, as runs are missing."""
HEADS: Mapping[str, str] = {"direction": "holds", "magnitude": "size", "mechanism": "cause"}
LINE = 1.35
"""Height of a row in sizes of its type."""
HEAD = 1.8
"""Height of the heads of the columns, in rows."""
FOOT = 4
"""The same of the notes, at most."""
MEASURED_TEXT = (
    "Measured: the estimate with its interval, that of the first rule that came out as the verdict; of several "
    "conditions, the smallest and the largest. Cases are those of exact checks. "
)
"""What the caption says where there is room for the numbers."""
NARROWEST = 7
"""Width of the intervals in sizes of type, at least."""


def _one(interval: Interval) -> str:
    """The estimate with its interval and its unit; of an exact check, how many cases agree."""
    if interval.kind == "share":
        return interval.text
    return f"{estimate_text(interval)} {interval.unit}".strip()


def _bound(interval: Interval) -> str:
    """The estimate in few digits; of a time that is only known to be longer or shorter, with the sign of that."""
    censored = interval.kind == "time" and interval.n > 1
    sign = "> " if censored and math.isinf(interval.high) else "< " if censored and interval.low <= 0 else ""
    return without_exponents(f"{sign}{interval.estimate:.2g}")


@dataclass(frozen=True)
class _Row:
    """A claim of an experiment with its verdicts by aspect."""

    outcome: Outcome
    verdicts: Mapping[Aspect, ClaimVerdict]

    @property
    def direction(self) -> ClaimVerdict:
        return self.verdicts["direction"]

    @property
    def topic(self) -> str:
        return spelled(self.outcome.experiment.name)

    @property
    def name(self) -> str:
        """The short name of the claim, written as readers write it: its statement would take several lines."""
        return spelled(self.direction.claim.name)

    @property
    def measured(self) -> str:
        """The estimate with its interval; of those of several conditions, how far they reach."""
        found = comparable(self.direction) or self.direction.decisions
        verdicts = verdicts_under(self.direction.decisions)
        # Of a condition the first rule that came out as the condition did: one that contradicts decides it alone.
        telling = sorted(found, key=lambda each: each.verdict != verdicts.get(each.rule.condition))
        first: dict[str, Interval] = {}
        for each in telling:
            if each.interval:
                first.setdefault(each.rule.condition, each.interval)
        intervals = [interval for interval in first.values() if interval.text != "unknown"]
        if len(intervals) < 2 or intervals[0].kind == "share":
            text = "".join(_one(each) for each in intervals[:1])
        else:
            low, high = (_bound(pick(intervals, key=lambda each: each.estimate)) for pick in (min, max))
            text = f"{low} to {high} {intervals[0].unit}".strip()
        return f"{text} times" if intervals and intervals[0].kind == "time" else text

    def sign(self, aspect: Aspect, survives: Mapping[Key, bool]) -> str:
        """Of a verdict, with its mark; of one that waits for runs, what it is so far; empty where no rule asks."""
        if not self.asked(aspect):
            return ""
        if self.verdicts[aspect].waits:
            return SIGNS[self.shown(aspect)] + WAITING
        return SIGNS[self.shown(aspect)] + mark(self.verdicts[aspect], survives)

    def asked(self, aspect: Aspect) -> bool:
        """Whether there is any rule on an aspect of the claim."""
        return bool(self.verdicts[aspect].decisions)

    def unjudged(self, aspect: Aspect) -> str:
        """Why an aspect that is asked about has no verdict, in a few words; else empty."""
        if not self.asked(aspect) or self.shown(aspect) != "not tested":
            return ""
        if self.verdicts[aspect].premise_fails:
            return "a premise of the cause fails"
        return "fewer images than published" if self.outcome.design.proxy else "runs are missing"

    def shown(self, aspect: Aspect) -> Verdict:
        """The verdict, or what it is so far."""
        known = self.verdicts[aspect]
        return known.so_far.verdict if known.waits else known.verdict


def claims(
    outcomes: Sequence[Outcome], style: Style, profile: str, survives: Mapping[Key, bool] = MappingProxyType({})
) -> Iterator[Sketch]:
    """A row a claim of which anything is known: its verdicts as signs, its intervals, and what was measured.

    There are as many drawings as it takes for none to be higher than the style lets it be.

    Args:
        outcomes: What experiments have found.
        style: Sizes.
        profile: Whose results these are.
        survives: Which verdicts survive the correction for all tests; the others get a mark.
    """
    rows = list(_rows(outcomes))
    unknown = _unknown(outcomes, rows)
    most = int(style.aspect * style.width / (LINE * style.small / 72) - HEAD - FOOT) if style.aspect else len(rows)
    count = -(-len(rows) // max(most, 1))
    size = -(-len(rows) // max(count, 1)) or 1
    for first in range(0, max(len(rows), 1), size):
        yield _page(rows[first : first + size], style, profile, survives, unknown)


def _rows(outcomes: Sequence[Outcome]) -> Iterator[_Row]:
    for outcome in outcomes:
        for claim in outcome.experiment.claims:
            mine: dict[Aspect, ClaimVerdict] = {}
            mine.update((each.aspect, each) for each in outcome.verdicts if each.claim == claim)
            row = _Row(outcome, mine)
            if row.measured:
                yield row


def _unknown(outcomes: Sequence[Outcome], rows: Sequence[_Row]) -> str:
    """Of which experiments nothing is known, and of how many claims of others; empty where something is of all."""
    known = Counter(row.outcome.experiment.name for row in rows)
    claims = {outcome.experiment.name: len(outcome.experiment.claims) for outcome in outcomes}
    whole = [spelled(name) for name in claims if not known[name]]
    part = sum(count - known[name] for name, count in claims.items() if known[name])
    told = [f"Not run yet: {', '.join(whole)}."] if whole else []
    told += [f"Claims of other topics still to be run: {part}."] if part else []
    return " ".join(told)


def _page(rows: Sequence[_Row], style: Style, profile: str, survives: Mapping[Key, bool], unknown: str) -> Sketch:
    tested: list[Aspect] = [name for name in ASPECTS if any(_is_tested(row.verdicts[name]) for row in rows)]
    signs = ", ".join(f"{SIGNS[verdict]} {verdict}" for verdict in SIGNS if verdict != "not tested")
    if unjudged := dict.fromkeys(filter(None, (row.unjudged(aspect) for aspect in tested for row in rows))):
        signs += f", {SIGNS['not tested']} not judged ({' or '.join(unjudged)})"
    if not all(row.asked(aspect) for row in rows for aspect in tested):
        signs += ", empty: not asked"
    if any(row.verdicts[aspect].waits for row in rows for aspect in tested):
        signs += f", {WAITING} so far, as runs are missing"
    marked = any(mark(each, survives) for row in rows for each in row.verdicts.values())
    end = f" {UNCORRECTED_TEXT}" if marked else ""
    foot = (
        f"Profile {profile}. {signs}. Intervals: one a rule, in the color of its verdict; every row has a scale "
        f"of its own; shaded: supports the claim; gray line: no effect.{unknown and f' {unknown}'}{end}"
    )
    lines = wrapped(foot, 0.95 * style.width, style.small)
    ends = -HEAD, len(rows) + lines.count("\n") + 1
    figure = plt.figure(figsize=(style.width, (ends[1] - ends[0]) * LINE * style.small / 72))
    figure.set_layout_engine("none")
    ax: Axes = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, style.width), ylim=ends[::-1])
    ax.axis("off")
    columns, room = _columns(rows, style, tested)
    _names(ax, rows, columns, style)
    for number, row in enumerate(rows):
        for aspect in tested:
            if str(aspect) not in columns:
                continue
            color = VERDICTS[row.shown(aspect)].color
            _write(ax, columns[aspect], number, row.sign(aspect, survives), style, color=color, fontweight="bold")
        _intervals(ax, row.direction, number, columns["intervals"], room, style)
    ax.text(style.small / 144, len(rows) - 0.3, lines, fontsize=style.small, color=PUBLISHED, va="top")
    caption = (
        f"Every claim of which something is known in the profile {profile}, with its verdicts: {signs}. Intervals: "
        "those that decide whether it holds, one a rule, each row on a scale of its own; shaded: the range that "
        "supports the claim; gray line: no effect; rules with another range are left out. Exact checks have no "
        f"interval. {MEASURED_TEXT if 'measured' in columns else ''}Claims have short names here; the table of the "
        f"figure has them in full.{unknown and f' {unknown}'}"
        f"{f' {STEPS_TEXT}' if any(row.outcome.design.looks for row in rows) else ''}{end}"
    )
    return Sketch(figure, caption, pd.DataFrame([_data(row, survives) for row in rows], columns=COLUMNS))


def _is_tested(verdict: ClaimVerdict) -> bool:
    return verdict.verdict != "not tested"


def _names(ax: Axes, rows: Sequence[_Row], columns: Mapping[str, float], style: Style) -> None:
    """The heads of the columns, the topics with a line above each, the claims, and what was measured."""
    for name, place in columns.items():
        _write(ax, place, -1, HEADS.get(name, name), style, fontweight="bold")
    before = ""
    for number, row in enumerate(rows):
        if row.topic != before:
            ax.axhline(number - 0.5, color="0.85", linewidth=0.5)
            if "topic" in columns:
                _write(ax, columns["topic"], number, row.topic, style, color=PUBLISHED)
            before = row.topic
        _write(ax, columns["claim"], number, row.name, style)
        if "measured" in columns:
            _write(ax, columns["measured"], number, row.measured, style)


def _write(ax: Axes, left: float, line: float, text: str, style: Style, **more: Any) -> None:
    ax.text(left, line, text, fontsize=style.small, va="center", **more)


def _columns(rows: Sequence[_Row], style: Style, tested: Sequence[Aspect]) -> tuple[dict[str, float], float]:
    """Where every column begins and how wide that of the intervals is, in inches.

    A column of text is as wide as its longest, that of intervals has the rest. Where that is too little, what is said
    elsewhere too is left out: first the numbers, then the topics, then all signs but the first.
    """
    gap = style.small / 72
    texts = {
        "topic": [row.topic for row in rows],
        "claim": [row.name for row in rows],
        **{aspect: [2 * SIGNS["supported"]] for aspect in tested},
        "intervals": [],
        "measured": [row.measured for row in rows],
    }
    for left_out in ((), ("measured",), ("measured", "topic"), ("measured", "topic", "magnitude", "mechanism")):
        shown = {name: column for name, column in texts.items() if name not in left_out}
        widths = {name: _widest(name, column, style) + gap for name, column in shown.items()}
        rest = style.width - gap / 2 - sum(widths.values()) + widths["intervals"]
        if rest - gap > NARROWEST * style.small / 72:
            break
    widths["intervals"] = rest
    ends = accumulate(widths.values(), initial=gap / 2)
    return dict(zip(widths, ends, strict=False)), rest - gap


def _widest(name: str, column: Sequence[str], style: Style) -> float:
    head = text_width(HEADS.get(name, name), style.small, bold=True)
    return max([head, *(text_width(text, style.small) for text in column)])


def _intervals(ax: Axes, verdict: ClaimVerdict, number: int, left: float, width: float, style: Style) -> None:
    found = strip(verdict, most=len(verdict.decisions))
    if found is None:
        return
    scale = width / WIDTH
    low, high = (left + end * scale for end in found.supported)
    color = VERDICTS["supported"].color
    ax.add_patch(Rectangle((low, number - 0.42), high - low, 0.84, color=color, alpha=0.13, linewidth=0))
    if found.nothing is not None:
        ax.plot([left + found.nothing * scale] * 2, [number - 0.42, number + 0.42], color="0.55", linewidth=0.6)
    for bar in found.bars:
        height = number - 0.42 + 0.84 * bar.y / found.height
        one = VERDICTS[bar.verdict]
        thin = style.line * min(1.0, 2 / len(found.bars))
        point = {"color": one.color, "markersize": 2.4 * thin, "linestyle": "none"}
        ends = [left + bar.left * scale, left + bar.right * scale]
        ax.plot(ends, [height, height], color=one.color, linewidth=thin, solid_capstyle="butt")
        if bar.unbounded:
            ax.plot(ends[1], height, marker=">", **point)
        middle = left + bar.middle * scale
        ax.plot(middle, height, marker=one.marker, **point)


def _data(row: _Row, survives: Mapping[Key, bool]) -> tuple:
    verdicts = (row.verdicts[aspect].verdict for aspect in ASPECTS)
    direction = row.direction
    corrected = "" if direction.verdict in ("mixed", "inconclusive", "not tested") else not mark(direction, survives)
    claim = direction.claim
    conditions = len(dict.fromkeys(each.rule.condition for each in direction.decisions))
    return (row.outcome.experiment.name, claim.name, claim.statement, *verdicts, corrected, conditions, row.measured)
