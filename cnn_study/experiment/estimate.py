"""What rules estimate: ratios of times, contrasts of outcomes, counts of exact checks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cnn_study.errors import InputError


def check_threshold(threshold: float) -> None:
    """Refuse what is no fraction of wrong answers.

    Raises:
        InputError: The threshold is below 0, is 1 or more, or is no number.
    """
    if not 0 <= threshold < 1:
        raise InputError(f"a threshold is a fraction of wrong answers, from 0 to below 1: got {threshold}")


class _TimeProduct:
    """A product of powers of arms' times to a training error, as a geometric mean over seeds."""

    neutral: ClassVar[float] = 1
    """The estimate where what is compared does not differ: a ratio."""
    threshold: float

    def __post_init__(self) -> None:
        check_threshold(self.threshold)

    @property
    def exponents(self) -> tuple[tuple[str, float], ...]:
        """The powers of the arms' times whose product is estimated."""
        raise NotImplementedError

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it needs."""
        return tuple(arm for arm, _ in self.exponents)


@dataclass(frozen=True)
class TimeRatio(_TimeProduct):
    """Geometric mean, over seeds, of the ratio of two arms' times to a training error.

    Attributes:
        numerator: Name of the arm whose time stands above.
        denominator: Name of the arm whose time stands below.
        threshold: Training error, between 0 and 1.
    """

    numerator: str
    denominator: str
    threshold: float

    @property
    def exponents(self) -> tuple[tuple[str, float], ...]:
        """The powers of the arms' times whose product is estimated."""
        return ((self.numerator, 1.0), (self.denominator, -1.0))

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return (
            f"the ratio of the times of {self.numerator} and {self.denominator} to "
            f"{100 * self.threshold:g} % training error"
        )


@dataclass(frozen=True)
class HalfGap(_TimeProduct):
    """Whether a remedy removes more than half of the gap between a slow arm and a fast one.

    With T the time to a training error, it is the geometric mean over seeds of sqrt(T_slow T_fast) / T_remedied: above
    1 if the remedied arm is nearer to the fast one than to the slow one, on a logarithmic scale. Unlike the share of
    the gap itself, log(T_slow / T_remedied) / log(T_slow / T_fast), it has no denominator that may be near to zero.

    Attributes:
        slow: Name of the arm with the trouble.
        fast: Name of the arm without it.
        remedied: Name of the arm from which the stated cause was taken away.
        threshold: Training error, between 0 and 1.
    """

    slow: str
    fast: str
    remedied: str
    threshold: float

    @property
    def exponents(self) -> tuple[tuple[str, float], ...]:
        """The powers of the arms' times whose product is estimated."""
        return ((self.slow, 0.5), (self.fast, 0.5), (self.remedied, -1.0))

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return (
            f"the geometric mean of the times of {self.slow} and {self.fast} to {100 * self.threshold:g} % training "
            f"error, divided by the time of {self.remedied}"
        )


@dataclass(frozen=True)
class Term:
    """An outcome of an arm with its coefficient in a contrast.

    Attributes:
        coefficient: The factor of the outcome.
        arm: Name of the arm.
        metric: Name of the outcome, for example ``test_error``.
    """

    coefficient: float
    arm: str
    metric: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.coefficient):
            raise InputError(f"the coefficient of {self.metric} of {self.arm} must be a number: got {self.coefficient}")


@dataclass(frozen=True)
class Contrast:
    """Mean, over seeds, of a weighted sum of outcomes of one or more arms.

    Attributes:
        terms: The outcomes with their coefficients.
        text: What is estimated, in words that begin in lower case and name the arms.
        unit: The unit of the estimate, for example ``points``.
    """

    neutral: ClassVar[float] = 0
    """The estimate where what is compared does not differ: a difference."""
    terms: tuple[Term, ...]
    text: str
    unit: str = "points"

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError(f"the contrast {self.text!r} needs at least one term")

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it needs."""
        return tuple(dict.fromkeys(term.arm for term in self.terms))

    @property
    def is_gain(self) -> bool:
        """Whether :func:`gain` gives the same for the arms and the outcome of its terms."""
        if len(self.terms) != 2:
            return False
        worse, better = self.terms
        return self == gain(better.arm, worse.arm, worse.metric)


def sampling_margin(percent: float, images: int) -> float:
    """Two standard errors, in points, of a share in percent of so many images: how far chance alone may move it."""
    share = percent / 100
    return 200 * (share * (1 - share) / images) ** 0.5


def gain(better: str, worse: str, metric: str = "test_error") -> Contrast:
    """By how many points an error falls from one arm to another: 100 (error of ``worse`` - error of ``better``)."""
    terms = (Term(100.0, worse, metric), Term(-100.0, better, metric))
    return Contrast(terms, f"the gain in {in_words(metric)} from {worse} to {better}")


def in_words(metric: str) -> str:
    """The name of a metric as it stands in a sentence."""
    return metric.replace("_", " ")


@dataclass(frozen=True)
class Agreement:
    """The share of the cases of an exact check in which what was built agrees with the formula.

    Attributes:
        check: Name of the check.
    """

    neutral: ClassVar[float] = 1
    """The estimate where what is compared does not differ: network and formula, in all cases."""
    check: str

    @property
    def arms(self) -> tuple[str, ...]:
        """It needs no arm."""
        return ()

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return f"the share of cases of the check {self.check} that agree"


Estimate = TimeRatio | HalfGap | Contrast | Agreement

ESTIMATES: Mapping[str, str] = {
    "TimeRatio(numerator, denominator, threshold)": "how many times as long one arm takes as another to a training "
    "error: a ratio",
    "HalfGap(slow, fast, remedied, threshold)": "whether a remedy removes more than half of the gap between a slow and "
    "a fast arm: a ratio, above 1 if it does",
    "gain(better, worse, metric)": "by how many points an error falls from one arm to another",
    "Contrast(terms, text, unit)": "a weighted sum of outcomes of one or more arms, in the unit that is named",
    "Agreement(check)": "the share of the cases of an exact check in which network and formula agree",
}
"""The estimates: the way each is written on a page, and what it is."""
