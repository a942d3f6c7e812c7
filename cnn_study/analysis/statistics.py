"""The statistics. Seeds are the unit of replication; arms share them, so they are compared in pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
"""Nominal confidence of every interval."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval. A limit may be infinite where the data give only a bound.

    Attributes:
        estimate: The number itself; a lower bound if ``high`` is infinite.
        low: Lower limit.
        high: Upper limit.
        n: Replicates it rests on.
    """

    estimate: float
    low: float
    high: float
    n: int

    @property
    def text(self) -> str:
        """For people: ``1.31 [1.02, 1.68]``, ``> 2.1 (at least 1.8)`` or ``< 0.4 (at most 0.6)``."""
        if self.n == 0 or (math.isinf(self.high) and self.low <= 0):
            return "unknown"
        if math.isinf(self.high):
            return f"> {self.estimate:.3g} (at least {self.low:.3g})"
        if self.low <= 0:
            return f"< {self.estimate:.3g} (at most {self.high:.3g})"
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Time:
    """Time until something happened, in epochs; if censored, it had not happened by then."""

    epochs: float
    censored: bool


def mean_interval(values: Sequence[float]) -> Interval:
    """Student's t interval of a mean: m +- t(n - 1) s / sqrt(n).

    With one value there is no interval: its limits are infinite.
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Interval(mean, -math.inf, math.inf, n)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Interval(mean, mean - reach, mean + reach, n)


def time_ratio(numerators: Sequence[Time], denominators: Sequence[Time]) -> Interval:
    """Geometric mean of the paired ratios of two times, with Student's t interval on the logarithms.

    A censored time is entered at its bound. If any numerator is censored the ratio is at least what comes out, and its
    interval has no upper limit; likewise for denominators and the lower limit. The limit that stays is valid, as the
    mean of the bounded ratios cannot lie beyond that of the true ones.

    Why not the bootstrap for the verdict: with three seeds its interval cannot reach beyond the smallest and the
    largest of three numbers and holds the truth in about three of four cases, not in 95 % (see ``tests/analysis``).

    Args:
        numerators: One time a seed.
        denominators: One time a seed, in the same order.
    """
    logs = _log_ratios(numerators, denominators)
    result = mean_interval(logs)
    low, high = (
        math.exp(result.low),
        math.exp(min(result.high, 700.0)) if math.isfinite(result.high) else math.inf,
    )
    if any(time.censored for time in numerators):
        high = math.inf
    if any(time.censored for time in denominators):
        low = 0.0
    return Interval(math.exp(result.estimate), low, high, len(logs))


def time_ratio_bootstrap(numerators: Sequence[Time], denominators: Sequence[Time], seed: int = 0) -> Interval:
    """The same estimate with the percentile bootstrap interval over seeds (Efron 1979), shown beside the t interval.

    Args:
        numerators: One time a seed.
        denominators: One time a seed, in the same order.
        seed: Of the resampling.
    """
    logs = np.array(_log_ratios(numerators, denominators))
    low, high = -math.inf, math.inf
    if len(logs) > 1:
        low = high = float(logs[0])
        if np.ptp(logs) > 0:
            result = stats.bootstrap((logs,), np.mean, method="percentile", n_resamples=9999, rng=seed)
            low, high = (float(limit) for limit in result.confidence_interval)
    upper = math.inf if any(time.censored for time in numerators) else math.exp(high)
    lower = 0.0 if any(time.censored for time in denominators) else math.exp(low)
    return Interval(float(np.exp(logs.mean())), lower, upper, len(logs))


def _log_ratios(numerators: Sequence[Time], denominators: Sequence[Time]) -> list[float]:
    return [math.log(a.epochs / b.epochs) for a, b in zip(numerators, denominators, strict=True)]
