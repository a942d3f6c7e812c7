"""Boundaries of repeated t tests, by simulation.

``python -m cnn_study.analysis.calibration`` makes ``boundaries.json``.

Seeds are looked at after n_1 < n_2 < ... of them. Where the mean is exactly at the limit that is tested, the path of
t statistics does not depend on the standard deviation, so that simulated normal numbers give the distribution of the
smallest p value over all looks as exactly as there are paths. One nominal level for all looks is the form of Pocock
(1977), who calibrated it for a known deviation; for Student's t with few seeds that level would be exceeded.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from cnn_study.experiment import LOOKS

ERROR = 0.05
"""The level over all looks together: of a two-sided test, and of each of two one-sided tests."""

PATHS = 10_000_000
"""Number of paths simulated for the looks that are stored: 5 % of so many is known to 0.014 % (two standard errors)."""

EARLIER = tuple(LOOKS[:number] for number in range(2, len(LOOKS)))
"""Looks that end earlier, as those of experiments whose runs are long."""

FEWER = 400_000
"""Number of paths simulated for other looks, stored or not: 5 % of so many is known to 0.07 % (two standard errors)."""

SEED = 0
"""The seed of the simulation, for NumPy's generator PCG64."""

CHUNK = 500_000
"""Paths that are simulated at once."""

GRID = tuple(sorted({*np.logspace(-4, 0, 161).round(10).tolist(), ERROR}))
"""Probabilities whose quantiles are kept. Below the first there are too few paths to tell."""

FILE = "boundaries.json"
"""The name of the file with the stored boundaries, in this package."""


def t_paths(looks: Sequence[int], count: int, rng: np.random.Generator) -> np.ndarray:
    """Paths of the t statistic of normal numbers with mean 0, as seeds are added.

    The sum and the sum of squares of k further numbers are drawn at once, sqrt(k) z and z^2 + chi^2(k - 1).

    Args:
        looks: Numbers of seeds, ascending, the first at least 2.
        count: Number of paths.
        rng: The generator that the paths are drawn from.

    Returns:
        The t statistics, of shape ``(looks, count)``.
    """
    total, squares = np.zeros(count), np.zeros(count)
    statistics = np.empty((len(looks), count))
    for i, (before, n) in enumerate(zip((0, *looks), looks, strict=False)):
        added = n - before
        z = rng.standard_normal(count)
        total += np.sqrt(added) * z
        squares += z**2 + (rng.chisquare(added - 1, count) if added > 1 else 0.0)
        statistics[i] = total / np.sqrt(n * (squares - total**2 / n) / (n - 1))
    return statistics


def smallest_p(looks: Sequence[int], count: int, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """The smallest nominal p value over all looks, of simulated paths: two-sided, and one-sided for "greater".

    Args:
        looks: Numbers of seeds, ascending.
        count: Number of paths to be simulated.
        seed: The seed of the generator.

    Returns:
        Two arrays of shape ``(count,)``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    two_sided, one_sided = [], []
    freedom = np.asarray(looks)[:, np.newaxis] - 1
    for start in range(0, count, CHUNK):
        t = t_paths(looks, min(CHUNK, count - start), rng)
        tail = special.stdtr(freedom, -np.abs(t))
        two_sided.append(2 * tail.min(axis=0))
        one_sided.append(np.where(t > 0, tail, 1 - tail).min(axis=0))
    return np.concatenate(two_sided), np.concatenate(one_sided)


def calibrated(looks: Sequence[int], count: int, seed: int = SEED) -> dict[str, Any]:
    """What is stored of some looks: how it was made, and the quantiles of both distributions at :data:`GRID`.

    Args:
        looks: Numbers of seeds, ascending.
        count: Number of paths to be simulated.
        seed: The seed of the generator.
    """
    two_sided, one_sided = smallest_p(looks, count, seed)
    return {
        "looks": list(looks),
        "paths": count,
        "generator": f"PCG64({seed})",
        "probabilities": list(GRID),
        "two_sided": _quantiles(two_sided),
        "one_sided": _quantiles(one_sided),
    }


def _quantiles(smallest: np.ndarray) -> list[float]:
    inner = np.quantile(smallest, GRID[:-1])
    return [*(float(f"{quantile:.6g}") for quantile in inner), 1.0]


def stored() -> list[dict[str, Any]]:
    """The calibrated looks that came with the package."""
    return json.loads(Path(__file__).with_name(FILE).read_text(encoding="utf-8"))


def main() -> None:
    """Calibrate the looks that experiments use, and store what comes out beside this module."""
    found = [calibrated(LOOKS, PATHS), *(calibrated(looks, FEWER) for looks in EARLIER)]
    text = (
        json.dumps(found)
        .replace('"paths"', '\n"paths"')
        .replace('", "', '",\n"')
        .replace('], "', '],\n"')
        .replace("}, {", "},\n{")
    )
    Path(__file__).with_name(FILE).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
