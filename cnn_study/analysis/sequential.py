"""Group-sequential t tests: seeds are added at planned looks until a rule is decided (Jennison & Turnbull 2000).

A t interval that is looked at again and again misses the truth more often than it says. Its repeated form (Jennison &
Turnbull 1989) uses one higher confidence at every look, calibrated so that *all* looks together keep the promised one:
whenever replication ends, and for whatever reason, the interval of the last look is valid.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from cnn_study.analysis.calibration import ERROR, FEWER, calibrated, stored


@dataclass(frozen=True)
class SmallestP:
    """The distribution, without an effect, of the smallest nominal p value over all looks.

    Attributes:
        looks: Number of looks.
        probabilities: Probabilities, ascending, the last of them 1.
        quantiles: Quantiles of the smallest p value at these probabilities.
    """

    looks: int
    probabilities: tuple[float, ...]
    quantiles: tuple[float, ...]

    @property
    def level(self) -> float:
        """The nominal level at which each look is tested, so that all together keep 5 %."""
        return self.quantiles[self.probabilities.index(ERROR)]

    def p(self, nominal: float) -> float:
        """A repeated p value: how often any of all looks gives a nominal one as small as this.

        It is below 5 % exactly if the nominal one is below :attr:`level`. Between stored quantiles it is interpolated
        on logarithms. Below the first, which too few paths reach, it is the bound of Bonferroni, the number of looks
        times the nominal one, and nowhere larger than that.

        Args:
            nominal: The nominal p value at a look, between 0 and 1.
        """
        bound = self.looks * nominal
        if nominal < self.quantiles[0]:
            return min(bound, self.probabilities[0])
        simulated = math.exp(np.interp(math.log(nominal), np.log(self.quantiles), np.log(self.probabilities)))
        return min(bound, simulated)

    def nominal(self, p: float) -> float:
        """The nominal p value below which :meth:`p` is below a level.

        Args:
            p: The level, between 0 and 1.
        """
        simulated = math.exp(np.interp(math.log(p), np.log(self.probabilities), np.log(self.quantiles)))
        return max(p / self.looks, simulated if p >= self.probabilities[0] else 0.0)


@dataclass(frozen=True)
class Boundaries:
    """What repeated t tests at some looks are held against.

    Attributes:
        two_sided: The distribution for a rule with a two-sided interval.
        one_sided: The distribution for each of two one-sided tests.
    """

    two_sided: SmallestP
    one_sided: SmallestP

    @property
    def confidence(self) -> float:
        """Nominal confidence of the repeated interval that holds the truth at all looks together 95 % of the time."""
        return 1 - self.two_sided.level

    @property
    def equivalence_confidence(self) -> float:
        """Nominal confidence of the interval that stands for two one-sided tests, each at 5 % over all looks."""
        return 1 - 2 * self.one_sided.level


@cache
def boundaries(looks: tuple[int, ...]) -> Boundaries:
    """The boundaries of some looks: those that are stored, or else calibrated once in a process, in about a second.

    Args:
        looks: Numbers of seeds at the looks, at least two, ascending.
    """
    found = next((each for each in stored() if tuple(each["looks"]) == looks), None) or calibrated(looks, FEWER)
    kinds = (SmallestP(len(looks), tuple(found["probabilities"]), tuple(found[kind])) for kind in KINDS)
    return Boundaries(*kinds)


KINDS = ("two_sided", "one_sided")
"""The names of the distributions where they are stored."""


@dataclass(frozen=True)
class Look:
    """A planned look at the seeds.

    Attributes:
        looks: Numbers of seeds at all looks, ascending.
        number: The number of this one, from 1.
    """

    looks: tuple[int, ...]
    number: int

    @property
    def seeds(self) -> int:
        """Number of seeds of every arm that is compared."""
        return self.looks[self.number - 1]

    @property
    def last(self) -> bool:
        """Whether no further one is planned."""
        return self.number == len(self.looks)

    @property
    def following(self) -> int:
        """Seeds at the next look; there must be one."""
        return self.looks[self.number]

    @property
    def text(self) -> str:
        """For people: ``9 seeds, look 3 of 5``."""
        return f"{self.seeds} seeds, look {self.number} of {len(self.looks)}"


def repeated_p(nominal: float, looks: tuple[int, ...], *, one_sided: bool = False) -> float:
    """The p value of a test at one of several looks: valid at any of them, for whatever reason seeds ended there.

    Args:
        nominal: The p value at that look.
        looks: Numbers of seeds at all planned looks; empty: the number of seeds was fixed, and there is one p value.
        one_sided: Whether the test is one-sided.
    """
    if not looks:
        return nominal
    found = boundaries(looks)
    return (found.one_sided if one_sided else found.two_sided).p(nominal)
