"""How many seeds every arm of a design needs: more only while a rule about it is open, or to be confirmed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cnn_study.experiment import Design, Rule

RuleState = Literal["open", "decided", "closed"]
"""The state of a rule. ``open``: further seeds are planned that might decide it; ``decided``: further ones are planned
that might confirm it; ``closed``: it is confirmed, or no further seeds are planned, or none would change anything."""


@dataclass(frozen=True)
class Standing:
    """How far a rule has come.

    Attributes:
        looks: Number of looks at which it has been judged.
        state: Whether further seeds might decide it, or confirm what they have decided.
    """

    looks: int = 0
    state: RuleState = "open"

    def asks(self, confirm: bool) -> bool:
        """Whether it asks for the seeds of its next look.

        Args:
            confirm: Whether verdicts are to be confirmed.
        """
        return self.state == "open" or (confirm and self.state == "decided")

    def wanted(self, sizes: tuple[int, ...], confirm: bool) -> int:
        """Seeds that its arms need now: those of its next look, or of the last one at which it was judged.

        Args:
            sizes: Numbers of seeds at all looks.
            confirm: Whether verdicts are to be confirmed.
        """
        return sizes[self.looks] if self.asks(confirm) else sizes[max(self.looks, 1) - 1]

    def most(self, sizes: tuple[int, ...], confirm: bool) -> int:
        """Seeds that its arms need if it goes on to the last look.

        Args:
            sizes: Numbers of seeds at all looks.
            confirm: Whether verdicts are to be confirmed.
        """
        return sizes[-1] if self.asks(confirm) else self.wanted(sizes, confirm)


CLOSED = Standing(state="closed")
"""The standing of a rule for which no seed matters: it asks for no more than the first look."""


def beginning(rule: Rule, design: Design) -> Standing:
    """The standing of a rule of which nothing is known yet."""
    return CLOSED if not rule.estimate.arms or (rule.published and design.proxy) else Standing()


def wanted(design: Design, standings: Iterable[tuple[Rule, Standing]], confirm: bool = False) -> Mapping[str, int]:
    """Seeds that every arm needs now, by name: the most that any rule about it wants, at least those of the first look.

    Args:
        design: The design whose arms are counted.
        standings: Its rules, each with its standing.
        confirm: Whether verdicts are to be confirmed.
    """
    return _largest(design, ((rule, standing.wanted(design.sizes, confirm)) for rule, standing in standings))


def most(design: Design, standings: Iterable[tuple[Rule, Standing]], confirm: bool = False) -> Mapping[str, int]:
    """Seeds that every arm needs if every rule that asks for more goes on to the last look, by name.

    Args:
        design: The design whose arms are counted.
        standings: Its rules, each with its standing.
        confirm: Whether verdicts are to be confirmed.
    """
    return _largest(design, ((rule, standing.most(design.sizes, confirm)) for rule, standing in standings))


def _largest(design: Design, numbers: Iterable[tuple[Rule, int]]) -> Mapping[str, int]:
    found = {arm.name: design.sizes[0] for arm in design.arms}
    for rule, number in numbers:
        for name in rule.estimate.arms:
            found[name] = max(found[name], number)
    return found
