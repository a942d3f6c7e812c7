"""Operating characteristics of rules that are judged at looks, by simulation: errors, coverage, power, seeds.

``python -m cnn_study.analysis.operating`` makes ``operating.json``, which the documentation shows.

A rule errs where it supports a claim that is just not so, or contradicts one that is just so: the truth lies exactly on
the limit, where errors are most frequent. Every kind of rule meets every distribution of what a seed gives, and its
mirror image, of which the worse counts.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import special

from cnn_study.analysis.p_values import CONFIRMED
from cnn_study.analysis.sequential import boundaries
from cnn_study.analysis.statistics import CONFIDENCE, EQUIVALENCE_CONFIDENCE, t_reach
from cnn_study.experiment import LOOKS, Rule, TimeRatio, gain

PATHS = 100_000
"""Number of paths simulated of each kind and distribution: 5 % of so many is known to 0.14 % (two standard errors)."""

SEED = 0
"""The seed of the simulations, for NumPy's generator PCG64, together with the number of the case."""

STUCK, DEPTH = 0.05, 8.0
"""Share of seeds that do not train, and how much worse they are, in standard deviations of the others."""

SPREAD = 0.3
"""Standard deviation of the logarithms of times."""

FILE = "operating.json"
"""The name of the file with the stored simulations, in this package."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _stuck(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape) + DEPTH * ((rng.random(shape) < STUCK) - STUCK)


DISTRIBUTIONS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "Laplace": lambda rng, shape: rng.laplace(0, math.sqrt(0.5), shape),
    "t, 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape) / math.sqrt(3),
    "difference of exponentials": lambda rng, shape: (
        (rng.standard_exponential(shape) - rng.standard_exponential(shape)) / math.sqrt(2)
    ),
    "stuck seeds in both arms": lambda rng, shape: (_stuck(rng, shape) - _stuck(rng, shape)) / math.sqrt(2),
    "stuck seeds in one arm": _stuck,
    "gamma, shape 4": lambda rng, shape: (rng.standard_gamma(4, shape) - 4) / 2,
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
}
"""Distributions of what a seed gives: mean 0 and, except with stuck seeds, standard deviation 1. Five are symmetric."""

SYMMETRIC = tuple(DISTRIBUTIONS)[:5]
"""Differences of two arms whose numbers are distributed alike are among them, however skewed each is by itself."""


@dataclass(frozen=True)
class Limits:
    """A rule on the scale of what a seed gives.

    Attributes:
        low: Lower limit of the range that supports the claim.
        high: Upper limit of that range.
        relevant: Limits of effects of interest, those of the rule if it names no smallest one.
        equivalence: Whether it is decided by two one-sided tests.
    """

    low: float
    high: float
    relevant: tuple[float, float]
    equivalence: bool

    @classmethod
    def of(cls, rule: Rule) -> "Limits":
        """The limits of a rule; of a ratio of times, on logarithms."""
        numbers = (rule.low, rule.high, *rule.relevant)
        if isinstance(rule.estimate, TimeRatio):
            numbers = tuple(math.log(each) if each > 0 else -math.inf for each in numbers)
        return cls(numbers[0], numbers[1], (numbers[2], numbers[3]), rule.equivalence)


@dataclass(frozen=True)
class PathEnds:
    """Where paths ended.

    Attributes:
        verdicts: The verdicts, 1: supported, -1: contradicted, 0: undecided after the last look; of shape ``(paths,)``.
        seeds: Numbers of seeds at the end; of shape ``(paths,)``.
        low: Lower limits of the intervals placed against the rule, at the end; of shape ``(paths,)``.
        high: Upper limits; of shape ``(paths,)``.
    """

    verdicts: np.ndarray
    seeds: np.ndarray
    low: np.ndarray
    high: np.ndarray


def ended(
    values: np.ndarray, limits: Limits, sizes: Sequence[int], censored: tuple[np.ndarray, np.ndarray] | None = None
) -> PathEnds:
    """Judge many paths at once, each up to the look that decides it, as a suite does that confirms nothing.

    Args:
        values: What the seeds give, of shape ``(paths, seeds)``.
        limits: The limits of the rule, in the unit of the values.
        sizes: Numbers of seeds at the looks; a single one is a fixed number.
        censored: Where a censored time takes away the bound from below, and that from above; two arrays of the shape of
            the values.
    """
    found = [_intervals(values[:, :n], limits, tuple(sizes), censored) for n in sizes]
    verdicts = np.stack([each[0] for each in found])
    last = _first(verdicts != 0)
    low, high = (np.stack([each[i] for each in found]) for i in (1, 2))
    paths = np.arange(len(values))
    return PathEnds(verdicts[last, paths], np.asarray(sizes)[last], low[last, paths], high[last, paths])


def _first(found: np.ndarray) -> np.ndarray:
    """The look at which every path ends, by its place: the first at which that is found which ends it, or the last.

    Args:
        found: Whether it is found, of shape ``(looks, paths)``.
    """
    return np.where(found.any(axis=0), found.argmax(axis=0), len(found) - 1)


def _intervals(
    values: np.ndarray, limits: Limits, sizes: tuple[int, ...], censored: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Verdicts at one look, and the interval that is placed against the rule."""
    two_sided, one_sided = CONFIDENCE, EQUIVALENCE_CONFIDENCE
    if len(sizes) > 1:
        two_sided, one_sided = boundaries(sizes).confidence, boundaries(sizes).equivalence_confidence
    n, mean, deviation = values.shape[1], values.mean(axis=1), values.std(axis=1, ddof=1)

    def interval(confidence: float) -> tuple[np.ndarray, np.ndarray]:
        reach = t_reach(n, confidence) * deviation
        low, high = mean - reach, mean + reach
        if censored:
            low = np.where(censored[0][:, :n].any(axis=1), -np.inf, low)
            high = np.where(censored[1][:, :n].any(axis=1), np.inf, high)
        return low, high

    low, high = interval(one_sided if limits.equivalence else two_sided)
    supported = ((low > limits.low) | np.isneginf(limits.low)) & ((high < limits.high) | np.isposinf(limits.high))
    narrow_low, narrow_high = interval(one_sided)
    contradicted = (high < limits.low) | (low > limits.high)
    if limits.relevant != (limits.low, limits.high):
        contradicted |= (narrow_high < limits.relevant[0]) | (narrow_low > limits.relevant[1])
    return np.where(supported, 1, np.where(contradicted, -1, 0)), low, high


# --- kinds of rules ---


@dataclass(frozen=True)
class Errors:
    """How often a kind of rule errs.

    Attributes:
        rule: The kind of rule, one of :data:`KINDS`.
        distribution: The distribution of what a seed gives.
        support: Share of paths that support the claim where it is just not so.
        contradiction: Share of paths that contradict it where it is just so.
        coverage: Share of paths whose interval holds the truth at the end.
        nominal: The least share that coverage should be.
        seeds: Number of seeds that a path has at its end, on average.
    """

    rule: str
    distribution: str
    support: float
    contradiction: float
    coverage: float
    nominal: float
    seeds: float


def _plain(rule: Rule) -> Callable[..., Iterator[tuple[PathEnds, float, str]]]:
    """Paths of a rule about means, with the truth on its limits."""
    limits = Limits.of(rule)
    edge = limits.low if math.isfinite(limits.low) else limits.high
    of_interest = limits.relevant[0]

    def run(draw: Draw, rng: np.random.Generator, paths: int, sign: int) -> Iterator[tuple[PathEnds, float, str]]:
        values = sign * draw(rng, (paths, LOOKS[-1]))
        yield ended(values + edge, limits, LOOKS), edge, "support" if rule.smallest else "both"
        if rule.smallest:
            yield ended(values + of_interest, limits, LOOKS), of_interest, "contradiction"

    return run


def _times(draw: Draw, rng: np.random.Generator, paths: int, sign: int) -> Iterator[tuple[PathEnds, float, str]]:
    """The slow arm needs exactly twice as long; a part of its seeds does not arrive before the end."""
    rule = Rule("claim", "direction", "condition", TimeRatio("slow", "fast", 0.25), low=2)
    end = math.log(2) + SPREAD
    slow = math.log(2) + SPREAD * sign * draw(rng, (paths, LOOKS[-1]))
    fast = SPREAD * rng.standard_normal((paths, LOOKS[-1]))
    values = np.minimum(slow, end) - np.minimum(fast, end)
    yield ended(values, Limits.of(rule), LOOKS, (fast > end, slow > end)), math.log(2), "both"


def _conjunction(other: float) -> Callable[..., Iterator[tuple[PathEnds, float, str]]]:
    """Two rules that must both hold. The first is on its limit, the second is so far above its own."""
    limits = Limits.of(Rule("claim", "direction", "condition", gain("a", "b"), low=0))

    def run(draw: Draw, rng: np.random.Generator, paths: int, sign: int) -> Iterator[tuple[PathEnds, float, str]]:
        first, second = (ended(sign * draw(rng, (paths, LOOKS[-1])) + truth, limits, LOOKS) for truth in (0.0, other))
        both = np.where((first.verdicts < 0) | (second.verdicts < 0), -1, np.minimum(first.verdicts, second.verdicts))
        yield PathEnds(both, np.maximum(first.seeds, second.seeds), first.low, first.high), 0.0, "both"

    return run


def _about_a_mean(**limits) -> Rule:
    return Rule("claim", "direction", "condition", gain("a", "b"), **limits)


KINDS: Mapping[str, Callable[..., Iterator[tuple[PathEnds, float, str]]]] = {
    "superiority": _plain(_about_a_mean(low=0)),
    "range": _plain(_about_a_mean(low=-1, high=1)),
    "non-inferiority": _plain(_about_a_mean(low=-0.5)),
    "equivalence": _plain(_about_a_mean(low=-1, high=1, equivalence=True)),
    "superiority, with a smallest effect of interest": _plain(_about_a_mean(low=0, smallest=1)),
    "two rules, neither holds": _conjunction(0.0),
    "two rules, one holds": _conjunction(2.0),
    "ratio of times, a part censored": _times,
}
"""The kinds of rules, with what simulates them. Their limits are in standard deviations."""


def errors(kind: str, distribution: str, paths: int = PATHS, seed: int = SEED) -> Errors:
    """Simulate a kind of rule on data of a distribution, and of its mirror image; the worse of both counts.

    Args:
        kind: One of :data:`KINDS`.
        distribution: One of :data:`DISTRIBUTIONS`.
        paths: Number of paths of each.
        seed: The seed of the generator.
    """
    case = (list(KINDS).index(kind), list(DISTRIBUTIONS).index(distribution))
    rates: dict[str, list[float]] = {"support": [], "contradiction": [], "coverage": [], "seeds": []}
    for sign in (1, -1):
        rng = np.random.default_rng((seed, *case, sign + 1))
        for found, truth, what in KINDS[kind](DISTRIBUTIONS[distribution], rng, paths, sign):
            if what in ("support", "both"):
                rates["support"].append(float(np.mean(found.verdicts == 1)))
            if what in ("contradiction", "both"):
                rates["contradiction"].append(float(np.mean(found.verdicts == -1)))
            rates["coverage"].append(float(np.mean((found.low <= truth) & (truth <= found.high))))
            rates["seeds"].append(float(np.mean(found.seeds)))
    nominal = EQUIVALENCE_CONFIDENCE if kind == "equivalence" else CONFIDENCE
    worst = max(rates["support"]), max(rates["contradiction"]), min(rates["coverage"])
    return Errors(kind, distribution, *worst, nominal, max(rates["seeds"]))


# --- data that are skewed ---

PLANS: Mapping[str, tuple[int, ...]] = {
    "looks at 4, 6, 9, 13, 20": LOOKS,
    "looks at 9, 13, 20": (9, 13, 20),
    "looks at 13, 20": (13, 20),
    "20 seeds, no looks": (20,),
    "looks at 20, 40, 80": (20, 40, 80),
}
"""The numbers of seeds at which a rule is judged, by the name of the plan."""

SIGN_TEST = "sign test of the median, looks at 9, 13, 20"
"""An exact test, for any distribution: each look at a third of the level (Bonferroni)."""


@dataclass(frozen=True)
class Skewed:
    """How often a rule of one limit errs on skewed data, whichever way they are skewed.

    Attributes:
        plan: When the rule is judged, and how.
        distribution: The distribution of what a seed gives.
        error: Share of paths that are decided where the truth is on the limit: the sum of both errors.
    """

    plan: str
    distribution: str
    error: float


def skewed(paths: int = PATHS, seed: int = SEED) -> Iterator[Skewed]:
    """What later looks, more seeds, and an exact test do for data that are not symmetric.

    Args:
        paths: Number of paths of each.
        seed: The seed of the generator.
    """
    limits = Limits.of(_about_a_mean(low=0))
    for i, distribution in enumerate(name for name in DISTRIBUTIONS if name not in SYMMETRIC):
        for j, (plan, sizes) in enumerate(PLANS.items()):
            rng = np.random.default_rng((seed, i, j))
            values = DISTRIBUTIONS[distribution](rng, (paths, sizes[-1]))
            yield Skewed(plan, distribution, float(np.mean(ended(values, limits, sizes).verdicts != 0)))
        rng = np.random.default_rng((seed, i, len(PLANS)))
        values = DISTRIBUTIONS[distribution](rng, (paths, 20))
        median = np.median(DISTRIBUTIONS[distribution](rng, (1_000_000,)))
        yield Skewed(SIGN_TEST, distribution, _sign_test_errors(values > median, (9, 13, 20)))


def _sign_test_errors(above: np.ndarray, sizes: Sequence[int]) -> float:
    rejected = np.zeros(len(above), dtype=bool)
    for n in sizes:
        from scipy import stats

        table = np.array([stats.binomtest(k, n).pvalue for k in range(n + 1)])
        rejected |= table[above[:, :n].sum(axis=1)] < (1 - CONFIDENCE) / len(sizes)
    return float(rejected.mean())


# --- power ---


@dataclass(frozen=True)
class Power:
    """What looks find, and what that costs.

    Attributes:
        effect: Distance of the truth from the limit, in standard deviations.
        power: Share of paths that support a rule of one limit, so far above it.
        seeds: Number of seeds that a path has at its end, on average.
        fixed: The least fixed number of seeds of at least the same power.
    """

    effect: float
    power: float
    seeds: float
    fixed: int


EFFECTS = (0.5, 1.0, 1.5, 2.0)
"""The sizes of effects that are simulated, in standard deviations."""


def power(effect: float, paths: int = PATHS, seed: int = SEED) -> Power:
    """Simulate a rule of one limit on normal data.

    Args:
        effect: Distance of the truth from the limit, in standard deviations.
        paths: Number of paths.
        seed: The seed of the generator.
    """
    rng = np.random.default_rng((seed, round(100 * effect)))
    found = ended(rng.standard_normal((paths, LOOKS[-1])) + effect, Limits.of(_about_a_mean(low=0)), LOOKS)
    share = float(np.mean(found.verdicts == 1))
    # So that a share of 1 does not ask for infinitely many seeds: as if half a path more had not been supported.
    fixed = next(n for n in range(2, 1000) if fixed_power(effect, n) >= min(share, 1 - 0.5 / paths))
    return Power(effect, share, float(np.mean(found.seeds)), fixed)


def fixed_power(effect: float, n: int) -> float:
    """The power of a fixed number of seeds for normal data, by the noncentral t distribution."""
    from scipy import stats

    return float(stats.nct.sf(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1), n - 1, effect * math.sqrt(n)))


# --- confirmed verdicts ---


@dataclass(frozen=True)
class Confirmation:
    """What it takes to confirm the verdict of a rule of one limit.

    Attributes:
        effect: How far the truth lies above the limit, in standard deviations.
        decided: Share of paths that are decided, either way, at some look.
        seeds_decided: Number of seeds at the first look that decides a path, or at the last one, on average.
        still: Share of paths that are decided where a suite ends that confirms verdicts.
        confirmed: Share of paths whose verdict is confirmed there.
        seeds: Number of seeds that a path has there, on average.
    """

    effect: float
    decided: float
    seeds_decided: float
    still: float
    confirmed: float
    seeds: float


def confirmation(effect: float, paths: int = PATHS, seed: int = SEED) -> Confirmation:
    """Simulate a rule of one limit on normal data, with verdicts that are to be confirmed.

    Args:
        effect: How far the truth lies above the limit, in standard deviations.
        paths: Number of paths.
        seed: The seed of the generator.
    """
    rng = np.random.default_rng((seed, round(100 * effect)))
    values = rng.standard_normal((paths, LOOKS[-1])) + effect
    sizes = np.asarray(LOOKS)
    t = np.stack([values[:, :n].mean(axis=1) / values[:, :n].std(axis=1, ddof=1) * math.sqrt(n) for n in LOOKS])
    nominal = 2 * special.stdtr(sizes[:, None] - 1, -np.abs(t))
    known = boundaries(LOOKS).two_sided
    decided, sure = nominal < known.level, nominal < known.nominal(CONFIRMED)
    first, end = _first(decided), _first(sure)
    still = decided[end, np.arange(paths)]
    return Confirmation(
        effect,
        float(decided.any(axis=0).mean()),
        float(sizes[first].mean()),
        float(still.mean()),
        float(sure.any(axis=0).mean()),
        float(sizes[end].mean()),
    )


# --- what is stored ---


def main() -> None:
    """Simulate everything, and store what comes out beside this module."""
    tables = {
        "errors": [asdict(errors(kind, name)) for kind in KINDS for name in DISTRIBUTIONS],
        "skewed": [asdict(each) for each in skewed()],
        "power": [asdict(power(effect)) for effect in EFFECTS],
        "confirmation": [asdict(confirmation(effect)) for effect in (0.0, *EFFECTS)],
    }
    lines = ",\n".join(
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in tables.items()
    )
    text = f'{{"paths": {PATHS}, "generator": "PCG64({SEED})",\n{lines}}}\n'
    Path(__file__).with_name(FILE).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Characteristics:
    """What was simulated.

    Attributes:
        paths: Number of paths of each case.
        errors: The errors of every kind of rule under every distribution.
        skewed: The errors of every plan for skewed data.
        power: The power for every size of the effect.
        confirmation: What confirms a verdict, for every size of the effect.
    """

    paths: int
    errors: tuple[Errors, ...]
    skewed: tuple[Skewed, ...]
    power: tuple[Power, ...]
    confirmation: tuple[Confirmation, ...]


def stored() -> Characteristics:
    """The simulations that came with the package."""
    found = json.loads(Path(__file__).with_name(FILE).read_text(encoding="utf-8"))
    return Characteristics(
        found["paths"],
        tuple(Errors(**row) for row in found["errors"]),
        tuple(Skewed(**row) for row in found["skewed"]),
        tuple(Power(**row) for row in found["power"]),
        tuple(Confirmation(**row) for row in found["confirmation"]),
    )


if __name__ == "__main__":
    main()
