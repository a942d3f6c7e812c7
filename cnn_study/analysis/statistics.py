"""Intervals over seeds. Seeds are the unit of replication; arms share them, so that they are compared in pairs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from scipy import special

CONFIDENCE = 0.95
"""Nominal confidence of the intervals, except for those of equivalence tests."""

EQUIVALENCE_CONFIDENCE = 0.90
"""Nominal confidence of the interval that stands for two one-sided tests at 5 % (Schuirmann 1987)."""

RESAMPLES = 9999
"""Number of resamples of a bootstrap."""

IntervalKind = Literal["mean", "time", "share"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval. A limit may be infinite where the data give only a bound.

    Attributes:
        estimate: The estimated number; of a time, a lower bound if ``high`` is infinite.
        low: Lower limit of the interval, in the same unit.
        high: Upper limit of the interval.
        n: Number of replicates it rests on; for a share, of cases.
        kind: ``mean``: of one number a seed; ``time``: a product of powers of times, positive and possibly censored;
            ``share``: counted, not estimated, so that both limits are the number itself.
        unit: The unit of the estimate, for example ``points``.
        bounded: Whether no time was censored, so that the estimate is more than a bound.
    """

    estimate: float
    low: float
    high: float
    n: int
    kind: IntervalKind = "mean"
    unit: str = ""
    bounded: bool = True

    @property
    def text(self) -> str:
        """For people: ``1.3 [1.1, 1.6]``, ``> 2.1 (at least 1.8)``, ``-0.4 [-1.1, 0.3] points``, ``7 of 8 cases``."""
        return self.written(lambda number: f"{number:.3g}")

    def written(self, number: Callable[[float], str]) -> str:
        """The same with numbers as a reader needs them.

        Args:
            number: The function that writes the estimate and each limit.
        """
        return " ".join(filter(None, self.parts(number)))

    def parts(self, number: Callable[[float], str]) -> tuple[str, str]:
        """The estimate, and what is said of it behind: its limits and its unit; empty where it is unknown.

        Args:
            number: The function that writes the estimate and each limit.
        """
        if self.n == 0 or math.isnan(self.estimate):
            return "unknown", ""
        if self.kind == "share":
            return f"{round(self.estimate * self.n):,}", f"of {self.n:,} cases"
        if self.n == 1 and self.bounded:
            return number(self.estimate), f"{self.unit} (one seed)".lstrip()
        if self.kind == "time":
            return self._time_parts(number)
        return number(self.estimate), f"[{number(self.low)}, {number(self.high)}] {self.unit}".rstrip()

    def _time_parts(self, number: Callable[[float], str]) -> tuple[str, str]:
        if math.isinf(self.high) and self.low <= 0:
            return "unknown", ""
        if math.isinf(self.high):
            return f"> {number(self.estimate)}", f"(at least {number(self.low)})"
        if self.low <= 0:
            return f"< {number(self.estimate)}", f"(at most {number(self.high)})"
        return number(self.estimate), f"[{number(self.low)}, {number(self.high)}]"


@dataclass(frozen=True)
class Time:
    """Time until something happened, in epochs; if censored, it had not happened by then."""

    epochs: float
    censored: bool


@dataclass(frozen=True)
class Sample:
    """A number for every seed, whose mean is estimated: what the t interval and the t tests rest on.

    Attributes:
        values: The numbers; of times, the logarithms of their products.
        kind: The kind of the interval, ``mean`` or ``time``: see :class:`Interval`.
        bounded_below: Whether the data bound the mean from below. ``False``: a censored time takes that bound away.
        bounded_above: Whether they bound it from above.
        unit: The unit of the numbers, for example ``points``.
    """

    values: tuple[float, ...]
    kind: IntervalKind = "mean"
    bounded_below: bool = True
    bounded_above: bool = True
    unit: str = ""

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """The mean of the numbers; where all are the same, exactly that one, which the rounding of a sum might miss."""
        return float(np.mean(self.values)) if np.ptp(self.values) else self.values[0]

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds, of n - 1 degrees of freedom; exactly 0 where all numbers are the same."""
        return float(np.std(self.values, ddof=1)) if np.ptp(self.values) else 0.0

    def scaled(self, limit: float) -> float:
        """A limit of the estimate on the scale of the values: a time's is its logarithm."""
        if self.kind == "mean":
            return limit
        return math.log(limit) if limit > 0 else -math.inf


def sample_interval(sample: Sample, confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval of what a sample estimates: of its mean, or for times of the exponential of that.

    Args:
        sample: The numbers, one a seed.
        confidence: Nominal confidence, between 0 and 1.
    """
    return _estimated(mean_interval(sample.values, confidence), sample)


def sample_bootstrap(sample: Sample, confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
    """The same estimate with the interval of :func:`mean_bootstrap`.

    Args:
        sample: The numbers, one a seed.
        confidence: Nominal confidence, between 0 and 1.
        seed: The seed of the resampling.
    """
    return _estimated(mean_bootstrap(sample.values, confidence, seed), sample)


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval of a mean: m +- t(n - 1) s / sqrt(n) (Student 1908).

    With one value there is no interval: its limits are infinite.

    Args:
        values: The numbers, one a seed.
        confidence: Nominal confidence, between 0 and 1.
    """
    n = len(values)
    if n < 2:
        return Interval(float(np.mean(values)), -math.inf, math.inf, n)
    if np.ptp(values) == 0:  # The rounded mean of equal numbers may differ from them, and their spread from 0.
        return Interval(float(values[0]), float(values[0]), float(values[0]), n)
    mean, low, high = (float(number) for number in t_limits(np.asarray(values), confidence))
    return Interval(mean, low, high, n)


def t_limits(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, lower and upper limit of Student's t interval, for many sets of seeds at once.

    Args:
        values: The numbers, of shape ``(..., n)`` with n seeds, at least 2.
        confidence: Nominal confidence, between 0 and 1.

    Returns:
        Three arrays of shape ``(...)``.
    """
    mean = np.mean(values, axis=-1)
    reach = t_reach(values.shape[-1], confidence) * np.std(values, axis=-1, ddof=1)
    return mean, mean - reach, mean + reach


@cache
def t_reach(n: int, confidence: float) -> float:
    """How far the limits of Student's t interval are from the mean of n seeds, in standard deviations."""
    return float(special.stdtrit(n - 1, 0.5 + confidence / 2)) / math.sqrt(n)


def mean_bootstrap(values: Sequence[float], confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
    """The same mean with the percentile bootstrap interval over seeds (Efron 1979), shown beside the t interval.

    It does not decide: with three seeds it cannot reach beyond the smallest and the largest of three numbers, and holds
    the truth in about three of four cases, not in 95 % (:mod:`cnn_study.analysis.coverage` measures it).

    Args:
        values: The numbers, one a seed.
        confidence: Nominal confidence, between 0 and 1.
        seed: The seed of the resampling.
    """
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Interval(mean, -math.inf, math.inf, n)
    if np.ptp(values) == 0:
        return mean_interval(values, confidence)
    # The means of scipy.stats.bootstrap, which takes longer to import than everything else that claims need.
    chosen = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    means = np.mean(np.asarray(values)[chosen], axis=-1)
    tail = (1 - confidence) / 2
    low, high = (float(limit) for limit in np.percentile(means, [100 * tail, 100 * (1 - tail)]))
    return Interval(mean, low, high, n)


def time_product(
    exponents: Sequence[float], times: Sequence[Sequence[Time]], confidence: float = CONFIDENCE
) -> Interval:
    """Geometric mean, over seeds, of a product of powers of times, with Student's t interval on its logarithm.

    With the time T of arm a at seed s and the exponent e of the arm, every seed gives L = sum over a of e log T, and
    the limits are exp(m +- t(n - 1) sd(L) / sqrt(n)) for the mean m of L (Bland & Altman 1996, for a ratio of two). The
    exponents (1, -1) make it the ratio of two paired times.

    A censored time is entered at its bound. If one with a positive exponent is censored, the product is at least what
    comes out, and its interval has no upper limit; with a negative exponent it has no lower one. The limit that stays
    is valid, as the mean of the bounded logarithms cannot lie beyond that of the true ones.

    Args:
        exponents: The powers, one an arm.
        times: The times of every arm, one a seed, in the order of the seeds.
        confidence: Nominal confidence, between 0 and 1.
    """
    return sample_interval(time_sample(exponents, times), confidence)


def share(agreeing: int, cases: int) -> Interval:
    """The share of the cases of an exact check that agree: counted, so that there is nothing to be unsure of."""
    value = agreeing / cases if cases else math.nan
    return Interval(value, value, value, cases, kind="share")


def time_sample(exponents: Sequence[float], times: Sequence[Sequence[Time]]) -> Sample:
    """The logarithms whose mean :func:`time_product` estimates, one a seed, and which bounds censoring leaves.

    Args:
        exponents: The powers, one an arm.
        times: The times of every arm, one a seed, in the order of the seeds.
    """
    logs = tuple(
        math.fsum(exponent * math.log(time.epochs) for exponent, time in zip(exponents, seed, strict=True))
        for seed in zip(*times, strict=True)
    )
    censored = {exponent > 0 for exponent, arm in zip(exponents, times, strict=True) for time in arm if time.censored}
    return Sample(logs, "time", bounded_below=False not in censored, bounded_above=True not in censored)


def _estimated(mean: Interval, sample: Sample) -> Interval:
    """The interval of the estimate, from that of the mean of the numbers."""
    if sample.kind != "time":
        return replace(mean, unit=sample.unit)
    return replace(
        mean,
        estimate=math.exp(mean.estimate),
        low=_exp(mean.low) if sample.bounded_below else 0.0,
        high=_exp(mean.high) if sample.bounded_above else math.inf,
        kind="time",
        bounded=sample.bounded_below and sample.bounded_above,
    )


def _exp(log: float) -> float:
    """The exponential, infinite where a number cannot hold it: with two seeds that differ, a limit may be anywhere."""
    try:
        return math.exp(log)
    except OverflowError:
        return math.inf
