"""How many seeds every arm of a design needs: more only while a rule about it is open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cnn_study.experiment import Design, Rule


@dataclass(frozen=True)
class Standing:
    """How far a rule has come.

    Attributes:
        looks: At how many looks it has been judged.
        open: Whether further seeds are to decide it.
    """

    looks: int = 0
    open: bool = True

    def wanted(self, sizes: tuple[int, ...]) -> int:
        """Seeds that its arms need now: those of its next look, or of the one that has closed it.

        Args:
            sizes: Numbers of seeds at all looks.
        """
        return sizes[self.looks] if self.open else sizes[max(self.looks, 1) - 1]

    def most(self, sizes: tuple[int, ...]) -> int:
        """Seeds that its arms need if nothing decides it before the last look.

        Args:
            sizes: Numbers of seeds at all looks.
        """
        return sizes[-1] if self.open else self.wanted(sizes)


CLOSED = Standing(open=False)
"""That of a rule for which no seed matters: it asks for no more than the first look."""


def beginning(rule: Rule, design: Design) -> Standing:
    """The standing of a rule of which nothing is known yet."""
    return CLOSED if not rule.estimate.arms or (rule.published and design.proxy) else Standing()


def wanted(design: Design, standings: Iterable[tuple[Rule, Standing]]) -> Mapping[str, int]:
    """Seeds that every arm needs now, by name: the most that any rule about it wants, at least those of the first look.

    Args:
        design: Which.
        standings: Of its rules.
    """
    return _largest(design, ((rule, standing.wanted(design.sizes)) for rule, standing in standings))


def most(design: Design, standings: Iterable[tuple[Rule, Standing]]) -> Mapping[str, int]:
    """Seeds that every arm needs if no open rule is decided before the last look, by name.

    Args:
        design: Which.
        standings: Of its rules.
    """
    return _largest(design, ((rule, standing.most(design.sizes)) for rule, standing in standings))


def _largest(design: Design, numbers: Iterable[tuple[Rule, int]]) -> Mapping[str, int]:
    found = {arm.name: design.sizes[0] for arm in design.arms}
    for rule, number in numbers:
        for name in rule.estimate.arms:
            found[name] = max(found[name], number)
    return found
