"""The intervals of a claim as a strip of a few millimeters: where do they lie, and which range supports the claim?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnn_study.analysis.decisions import ClaimVerdict, Decision
from cnn_study.experiment import Verdict

WIDTH, ROW, MARGIN = 150.0, 11.0, 6.0
"""Of a strip, in pixels."""

MOST = 6
"""Intervals in a strip on a page; a claim with more shows the first ones."""


@dataclass(frozen=True)
class Bar:
    """An interval in a strip.

    Attributes:
        left: Where it begins, in pixels.
        right: Where it ends.
        middle: Where the estimate is.
        y: Height of the line.
        verdict: That follows from it.
        text: The numbers.
        unbounded: Whether it has no upper limit.
    """

    left: float
    right: float
    middle: float
    y: float
    verdict: Verdict
    text: str
    unbounded: bool = False


@dataclass(frozen=True)
class Strip:
    """The intervals of one aspect of a claim on a common scale.

    Attributes:
        height: In pixels.
        supported: Left and right end of the range that supports the claim, in pixels.
        bars: The intervals.
        text: All numbers, in words.
        nothing: Where there is no effect: a difference of 0, a ratio of 1; ``None`` if that is not in the strip.
    """

    height: float
    supported: tuple[float, float]
    bars: tuple[Bar, ...]
    text: str
    nothing: float | None = None


def strip(verdict: ClaimVerdict, most: int = MOST) -> Strip | None:
    """The intervals behind a verdict, with the range of its first rule; ``None`` if it rests on no seeds.

    Ratios of times are on a logarithmic scale. What is infinite reaches to the edge.

    Args:
        verdict: Of one aspect of a claim.
        most: How many intervals it may have.
    """
    shown = comparable(verdict)[:most]
    if not shown:
        return None
    rule = shown[0].rule
    logarithmic = all(each.interval and each.interval.kind == "time" for each in shown)
    ends = [end for each in shown for end in _ends(each)] + [rule.low, rule.high]
    scaled = [_scaled(end, logarithmic) for end in ends]
    finite = [end for end in scaled if math.isfinite(end)]
    low, high = min(finite), max(finite)
    room = 0.12 * (high - low) or 1.0
    low, high = low - room, high + room

    def place(value: float) -> float:
        share = (_scaled(value, logarithmic) - low) / (high - low)
        return round(MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN), 1)

    bars = tuple(_bar(each, place, ROW * (number + 0.5)) for number, each in enumerate(shown))
    text = "; ".join(bar.text for bar in bars)
    nothing = rule.estimate.neutral
    shown_nothing = place(nothing) if low <= _scaled(nothing, logarithmic) <= high else None
    return Strip(ROW * len(bars), (place(rule.low), place(rule.high)), bars, text, shown_nothing)


def comparable(verdict: ClaimVerdict) -> list[Decision]:
    """The decisions behind a verdict that rest on seeds and have the limits of the first of them, premises left out.

    Args:
        verdict: Of one aspect of a claim.
    """
    found = [each for each in verdict.decisions if not each.rule.premise and each.sample and _known(each)]
    return [each for each in found if (each.rule.low, each.rule.high) == (found[0].rule.low, found[0].rule.high)]


def _known(decision: Decision) -> bool:
    return decision.interval is not None and not math.isnan(decision.interval.estimate)


def _ends(decision: Decision) -> Sequence[float]:
    interval = decision.interval
    return [interval.low, interval.estimate, interval.high] if interval else []


def _unbounded(decision: Decision) -> bool:
    return decision.interval is not None and math.isinf(decision.interval.high)


def _scaled(value: float, logarithmic: bool) -> float:
    if not logarithmic:
        return value
    return math.log(value) if value > 0 else -math.inf


def _bar(decision: Decision, place, y: float) -> Bar:
    low, middle, high = map(place, _ends(decision))
    return Bar(low, high, middle, y, decision.verdict, f"{decision.text}: {decision.verdict}", _unbounded(decision))
