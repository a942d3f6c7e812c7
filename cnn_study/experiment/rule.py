"""Rules: what decides an aspect of a claim, written down before there are results."""

import math
from dataclasses import dataclass

from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment.claim import ASPECTS, Aspect
from cnn_study.experiment.estimate import Agreement, Contrast, Estimate
from cnn_study.experiment.place import Declared

INFINITY = float("inf")


class Condition(str):
    """A condition that no arm has, declared for rules that compare arms of several conditions or go by another name."""

    __slots__ = ()


@dataclass(frozen=True)
class Rule(Declared):
    """Decides one aspect of a claim under one condition: where does the interval of an estimate lie?

    Inside of the limits: supported. Outside of them: contradicted. Across or on a limit: inconclusive. Rules of
    the same claim, aspect and condition must all support it; one that contradicts it is enough.

    Attributes:
        claim: Name of the claim.
        aspect: The aspect of the claim that it decides: ``direction``, ``magnitude`` or ``mechanism``.
        condition: The condition under which the compared arms were run: that of an arm, or a :class:`Condition`. In the
            rules that a claim gives, empty stands for the condition that the arms share.
        estimate: The number that is estimated.
        low: Lower limit of the range that supports the claim, in the unit of the estimate.
        high: Upper limit of that range.
        published: Whether the range comes from a published number, so that a proxy must not be held against it.
        equivalence: Whether the claim is that there is no difference beyond the range. It is then decided by two
            one-sided tests at 5 %, which is to say by a 90 % interval (Schuirmann 1987).
        smallest: The smallest effect of interest, in the unit of the estimate; for ratios a factor above 1. Only for
            rules with one limit: they are contradicted as soon as an effect that lies so far beyond the limit is
            excluded, by a one-sided test at 5 %. ``None``: none is named.
        premise: Whether a rule about a mechanism only says that there is something to explain, or that an arm does what
            it is for. Unless it is supported, nothing is said about the cause.
    """

    claim: str
    aspect: Aspect
    condition: str
    estimate: Estimate
    low: float = -INFINITY
    high: float = INFINITY
    published: bool = False
    equivalence: bool = False
    smallest: float | None = None
    premise: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.aspect not in ASPECTS:
            raise unknown_name("aspect", self.aspect, ASPECTS)
        if not self.low < self.high:
            raise InputError(f"the rule {self._about} needs a range: {self.low} is not below {self.high}")
        if self.equivalence and not (abs(self.low) < INFINITY and abs(self.high) < INFINITY):
            raise InputError(f"the rule {self._about} tests an equivalence: give it both limits")
        if self.smallest is not None:
            self._check_smallest(self.smallest)
        if self.premise and self.aspect != "mechanism":
            raise InputError(f"the rule {self._about} is a premise: only mechanisms have them")

    def _check_smallest(self, smallest: float) -> None:
        if isinstance(self.estimate, Agreement) or math.isinf(self.low) == math.isinf(self.high):
            raise InputError(f"the rule {self._about} has a smallest effect of interest: give it one limit")
        least = self.estimate.neutral
        if not least < smallest < math.inf:
            raise InputError(
                f"the smallest effect of interest of the rule {self._about} must be above {least:g}: got {smallest:g}"
            )

    @property
    def relevant(self) -> tuple[float, float]:
        """The limits that an effect of interest lies within: those of the rule, moved by the smallest one."""
        if self.smallest is None:
            return self.low, self.high
        if isinstance(self.estimate, Contrast):
            return self.low + self.smallest, self.high - self.smallest
        return self.low * self.smallest, self.high / self.smallest

    @property
    def negligible(self) -> tuple[float, float]:
        """Effects too small to be of interest, on both sides of the one limit of a rule with a smallest effect."""
        low, high = self.relevant
        limit, beyond = (self.low, low) if math.isinf(self.high) else (self.high, high)
        mirrored = 2 * limit - beyond if isinstance(self.estimate, Contrast) else limit**2 / beyond
        return min(mirrored, beyond), max(mirrored, beyond)

    @property
    def _about(self) -> str:
        return f"for {self.claim}" if self.claim else f"about {self.estimate.text}"

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"A premise, without which nothing is said of the cause: {self._range}" if self.premise else self._range

    @property
    def _range(self) -> str:
        if isinstance(self.estimate, Agreement):
            return f"Supported if {self.estimate.text} is 1, contradicted if it is less."
        unit = f" {self.estimate.unit}" if isinstance(self.estimate, Contrast) and self.estimate.unit else ""
        what = f"the {'90 % ' if self.equivalence else ''}interval of {self.estimate.text}"
        low, high = self.relevant
        if self.high == INFINITY:
            below = "it lies below" if self.smallest is None else f"its 90 % interval lies below {low:g}{unit}"
            return f"Supported if {what} lies above {self.low:g}{unit}, contradicted if {below}."
        if self.low == -INFINITY:
            above = "it lies above" if self.smallest is None else f"its 90 % interval lies above {high:g}{unit}"
            return f"Supported if {what} lies below {self.high:g}{unit}, contradicted if {above}."
        return f"Supported if {what} lies within {self.low:g} to {self.high:g}{unit}, contradicted if it lies outside."


def direction(estimate: Estimate, **limits) -> Rule:
    """A rule for the direction of the claim that gives it: is the effect there, with the stated sign?

    Args:
        estimate: The number that is estimated.
        **limits: The limits, as for :func:`rule`.
    """
    return rule("direction", estimate, **limits)


def magnitude(estimate: Estimate, **limits) -> Rule:
    """A rule for the magnitude of the claim that gives it: is the effect as large as published?

    Its range comes from a published number, so that results on a part of the data are not held against it.

    Args:
        estimate: The number that is estimated.
        **limits: The limits, as for :func:`rule`.
    """
    return rule("magnitude", estimate, published=True, **limits)


def mechanism(estimate: Estimate, **limits) -> Rule:
    """A rule for the mechanism of the claim that gives it: is the stated cause the cause?

    Args:
        estimate: The number that is estimated.
        **limits: The limits, as for :func:`rule`.
    """
    return rule("mechanism", estimate, **limits)


def premise(estimate: Estimate, **limits) -> Rule:
    """What must hold before anything is said about the mechanism: that there is an effect, that an arm does its job.

    If it does not hold, the mechanism is not tested; while it is undecided, so is the mechanism.

    Args:
        estimate: The number that is estimated.
        **limits: The limits, as for :func:`rule`.
    """
    return rule("mechanism", estimate, premise=True, **limits)


def rule(
    aspect: Aspect,
    estimate: Estimate,
    *,
    above: float | None = None,
    below: float | None = None,
    between: tuple[float, float] | None = None,
    equivalent: tuple[float, float] | None = None,
    smallest: float | None = None,
    under: str = "",
    published: bool = False,
    premise: bool = False,
) -> Rule:
    """A rule of the claim that gives it.

    Args:
        aspect: Which of the claim's verdicts it decides.
        estimate: What is estimated. A count of agreeing cases needs no limits.
        above: Supported if the interval lies above this.
        below: Supported if it lies below this.
        between: Supported if it lies within these.
        equivalent: Supported if two one-sided tests show that there is no difference beyond these.
        smallest: The smallest effect of interest, in the unit of the estimate, for ratios as a factor: an effect that
            is surely smaller contradicts the claim. Goes with ``above`` and ``below``.
        under: The condition; empty: that of the arms.
        published: Whether the range comes from a published number.
        premise: Whether it must hold before anything is said about the mechanism.

    Raises:
        InputError: There is not exactly one range.
    """
    ranges = {"above": above, "below": below, "between": between, "equivalent": equivalent}
    given = [name for name, value in ranges.items() if value is not None]
    if len(given) != (0 if isinstance(estimate, Agreement) else 1):
        wanted = (
            "no range: it counts cases"
            if isinstance(estimate, Agreement)
            else "one of above, below, between, equivalent"
        )
        raise InputError(f"the rule about {estimate.text} needs {wanted}; got {' and '.join(given) or 'none'}")
    low, high = between or equivalent or (above, below)
    return Rule(
        claim="",
        aspect=aspect,
        condition=under,
        estimate=estimate,
        low=-INFINITY if low is None else low,
        high=INFINITY if high is None else high,
        published=published,
        equivalence=equivalent is not None,
        smallest=smallest,
        premise=premise,
    )
