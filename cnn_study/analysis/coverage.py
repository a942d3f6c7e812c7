"""How often intervals hold the truth, measured on simulated seeds: why the t interval decides and not the bootstrap."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

import numpy as np

from cnn_study.analysis.statistics import CONFIDENCE, t_limits

Method = Literal["t", "bootstrap"]
Distribution = Literal["normal", "skewed"]

REPETITIONS = 4000
"""Number of simulated experiments; 74 % of so many is known to about 1.4 % (two standard errors)."""

RESAMPLES = 999
"""Number of resamples of the bootstrap in a simulated experiment."""

SKEWED_SHAPE = 4.0
"""Shape of the gamma distribution of skewed data: its skewness is 2 / sqrt(4) = 1, half of that of an exponential."""


@cache
def measured_coverage(
    method: Method,
    n: int,
    distribution: Distribution = "normal",
    confidence: float = CONFIDENCE,
    repetitions: int = REPETITIONS,
    seed: int = 0,
) -> float:
    """The share of simulated experiments whose interval holds the true mean.

    If times are log-normal, the logarithms of their ratios, of which the mean is estimated, are the case ``normal``.

    Args:
        method: ``t`` for :func:`~cnn_study.analysis.statistics.mean_interval`, ``bootstrap`` for
            :func:`~cnn_study.analysis.statistics.mean_bootstrap`.
        n: Number of seeds of an experiment, at least 2.
        distribution: The distribution of the number that a seed gives. ``skewed``: a gamma distribution, see
            :data:`SKEWED_SHAPE`.
        confidence: Nominal confidence of the interval, between 0 and 1.
        repetitions: Number of experiments to be simulated.
        seed: The seed of the simulation.
    """
    rng = np.random.default_rng(seed)
    if distribution == "normal":
        values, truth = rng.standard_normal((repetitions, n)), 0.0
    else:
        values, truth = rng.gamma(SKEWED_SHAPE, size=(repetitions, n)), SKEWED_SHAPE
    if method == "t":
        _, low, high = t_limits(values, confidence)
    else:
        low, high = percentile_limits(values, confidence, rng)
    return float(np.mean((low <= truth) & (truth <= high)))


def percentile_limits(values: np.ndarray, confidence: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap limits of the means of many experiments (Efron 1979).

    All experiments share their resamples, so that these are one product of matrices.

    Args:
        values: The numbers that the seeds give, of shape ``(experiments, seeds)``.
        confidence: Nominal confidence of the interval, between 0 and 1.
        rng: The generator that the resamples are drawn from.

    Returns:
        Lower and upper limits, of shape ``(experiments,)``.
    """
    n = values.shape[1]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    low, high = np.quantile(values @ weights.T, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=1)
    return low, high


def coverage_table(numbers: tuple[int, ...] = (3, 5, 10)) -> Mapping[tuple[int, Method, Distribution], float]:
    """Measured coverage of both intervals, between 0 and 1, by number of seeds, method and distribution."""
    methods: tuple[Method, ...] = ("t", "bootstrap")
    distributions: tuple[Distribution, ...] = ("normal", "skewed")
    return {
        (n, method, distribution): measured_coverage(method, n, distribution)
        for n in numbers
        for method in methods
        for distribution in distributions
    }
