"""Reads stored results once more, by a program of its own, and compares what comes out with what the library wrote.

From the runs and checks of a folder of results it computes every estimate, interval, verdict and p value, and compares
them with ``estimates.csv`` and ``verdicts.csv``. It has no line in common with the library: the statistics are written
anew from ``docs/explanation/verdicts.md`` and ``docs/explanation/replication.md``. What experiments declare, it is told
as plain data by ``declared.py``.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

TOLERANCE = 1e-9
"""Relative; the tables have ten digits."""

ROUNDING = 1e-12
"""Of a sum of numbers that cancel, on their scale. Where seeds are alike but for it, p is zero but for its square."""

PATHS, SEED = 200_000, 20_261_126
"""Of the simulation that the boundaries are held against; no seed of the library's."""

CONFIRMED = 0.0005
"""A rule that is decided with a smaller p value needs no further look."""

ASPECTS = ("direction", "magnitude", "mechanism")
SUPPORTED, CONTRADICTED, UNDECIDED, UNTESTED = "supported", "contradicted", "inconclusive", "not tested"
INFINITY = math.inf


class UnreadableError(Exception):
    """The results, or what was told about them, cannot be read."""


# ---------------------------------------------------------------------------------------------------- what is stored


@dataclass(frozen=True)
class Run:
    """A row of ``runs.parquet``."""

    key: str
    spec: dict[str, Any]
    ended: str
    outcomes: dict[str, float]
    train_error: list[tuple[float, float]]

    def time(self, threshold: float) -> tuple[float, bool]:
        """Epochs to a training error, on straight lines between evaluations, and whether they are only a bound.

        A run that has not arrived is censored where it ended; one that diverged, at the end of all its epochs.
        """
        before = None
        for epoch, error in self.train_error:
            if error <= threshold:
                if before is None or not math.isfinite(before[1]):
                    return epoch, False
                (start, above), below = before, error
                return start + (epoch - start) * (above - threshold) / (above - below), False
            before = epoch, error
        return float(self.spec["train"]["epochs"] if self.ended == "diverged" else self.train_error[-1][0]), True


def read_runs(folder: Path, semantics: int) -> dict[str, Run]:
    """The runs of a folder by key, those that wait to be merged too, without those of another meaning of training."""
    columns = ["key", "semantics", "spec", "ended", "outcomes", "history"]
    found = {}
    for row in _rows([folder / "runs.parquet", *sorted(folder.glob("pending/*.parquet"))], columns):
        if row["semantics"] == semantics:
            curve = [(p["epoch"], p["value"]) for p in row["history"] if p["metric"] == "train_error"]
            found[row["key"]] = Run(row["key"], json.loads(row["spec"]), row["ended"], dict(row["outcomes"]), curve)
    return found


def read_checks(folder: Path) -> dict[str, dict[str, float]]:
    """The outcomes of the exact checks of a folder by key."""
    files = [folder / "checks.parquet", *sorted(folder.glob("pending-checks/*.parquet"))]
    return {row["key"]: dict(row["outcomes"]) for row in _rows(files, ["key", "outcomes"])}


def _rows(files: Sequence[Path], columns: list[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        if file.exists():
            try:
                frame = pd.read_parquet(file, columns=columns, engine="pyarrow", use_threads=False)
            except (OSError, ValueError, KeyError) as error:
                raise UnreadableError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
            yield from frame.to_dict("records")


# ------------------------------------------------------------------------------------------------------- statistics


@dataclass(frozen=True)
class Sample:
    """One number a seed. Of times it is a logarithm, and censoring may take away the bounds of the mean."""

    values: np.ndarray
    logarithms: bool = False
    from_below: bool = True
    from_above: bool = True

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def same(self) -> bool:
        return bool(self.values.min() == self.values.max())

    @property
    def mean(self) -> float:
        return float(self.values[0] if self.same else self.values.sum() / self.n)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        if self.same:
            return 0.0
        return math.sqrt(((self.values - self.values.mean()) ** 2).sum() / (self.n - 1) / self.n)

    def interval(self, confidence: float) -> tuple[float, float, float]:
        """Estimate, lower and upper limit: Student's t interval of the mean, or of the geometric mean of times."""
        if self.n < 2:
            mean, low, high = self.mean, -INFINITY, INFINITY
        else:
            reach = t_quantile(confidence, self.n - 1) * self.error
            mean, low, high = self.mean, self.mean - reach, self.mean + reach
        if not self.logarithms:
            return mean, low, high
        return _exp(mean), _exp(low) if self.from_below else 0.0, _exp(high) if self.from_above else INFINITY

    def p(self, limit: float, side: int) -> float:
        """The p value of the one-sided t test that the mean is above (1) or below (-1) a limit."""
        border = limit
        if self.logarithms:
            border = math.log(limit) if limit > 0 else -INFINITY
        if math.isinf(border):  # There is no limit, or nothing can be beyond it.
            return 0.0 if border * side < 0 else 1.0
        if self.n < 2 or not (self.from_below if side > 0 else self.from_above):
            return 1.0
        distance = side * (self.mean - border)
        if self.error == 0:
            return 0.5**self.n if distance > 0 else 1.0  # No spread for a t test: a sign test.
        tail = t_tail(distance / self.error, self.n - 1)
        return float(tail)


def t_quantile(confidence: float, freedom: int) -> float:
    """Of Student's t distribution: half-width of its central interval of a probability."""
    x = special.betaincinv(freedom / 2, 0.5, 1 - confidence)
    return math.sqrt(freedom * (1 - x) / x)


def t_tail(t: Any, freedom: Any) -> Any:
    """Probability that Student's t is larger."""
    half = special.betainc(np.asarray(freedom) / 2, 0.5, freedom / (freedom + np.square(t))) / 2
    return np.where(np.asarray(t) > 0, half, 1 - half)


def _exp(number: float) -> float:
    try:
        return math.exp(number)
    except OverflowError:
        return INFINITY


@dataclass(frozen=True)
class Levels:
    """The boundaries of some looks: quantiles, without an effect, of the smallest p value over all of them."""

    looks: tuple[int, ...]
    probabilities: np.ndarray
    two_sided: np.ndarray
    one_sided: np.ndarray

    def level(self, one_sided: bool) -> float:
        """Nominal level of every look with which all together keep 5 %."""
        quantiles = self.one_sided if one_sided else self.two_sided
        return float(quantiles[np.flatnonzero(self.probabilities == 0.05)[0]])

    def p(self, smallest: float, one_sided: bool) -> float:
        """How often all looks together give a p value so small: interpolated on logarithms, else Bonferroni's bound."""
        quantiles = self.one_sided if one_sided else self.two_sided
        bonferroni = len(self.looks) * smallest
        if smallest < quantiles[0]:
            return min(bonferroni, float(self.probabilities[0]))
        found = math.exp(np.interp(math.log(smallest), np.log(quantiles), np.log(self.probabilities)))
        return min(bonferroni, found)

    def doubts(self) -> Iterator[str]:
        """Where a simulation with other random numbers gives other probabilities: by more than five standard errors."""
        two_sided, one_sided = smallest_p(self.looks)
        for kind, simulated, told in (("one", one_sided, self.one_sided), ("two", two_sided, self.two_sided)):
            for probability, quantile in zip(self.probabilities, told, strict=True):
                often = float((simulated <= quantile).mean())
                # The boundaries were simulated too, with twice as many paths at least.
                error = math.sqrt(probability * (1 - probability) * 1.5 / PATHS)
                if abs(often - probability) > 5 * error + 1e-6:
                    what = f"boundaries of looks {self.looks}, {kind}-sided: a p value of {quantile:g} or less"
                    yield f"{what} has the probability {probability:g}; simulated anew {often:g}"


@cache
def smallest_p(looks: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest p value over all looks, two-sided and one-sided, of simulated paths without an effect."""
    draws = np.random.default_rng(SEED).standard_normal((PATHS, looks[-1]))
    two_sided, one_sided = np.ones(PATHS), np.ones(PATHS)
    for n in looks:
        seen = draws[:, :n]
        tail = t_tail(seen.mean(axis=1) / seen.std(axis=1, ddof=1) * math.sqrt(n), n - 1)
        one_sided = np.minimum(one_sided, tail)
        two_sided = np.minimum(two_sided, 2 * np.minimum(tail, 1 - tail))
    return two_sided, one_sided


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the i-th smallest of m times m - i + 1, no smaller than the one before."""
    adjusted, before = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        before = max(before, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = before
    return adjusted


# ------------------------------------------------------------------------------------------------------------ rules


@dataclass(frozen=True)
class Rule:
    """A rule as it was declared."""

    claim: str
    aspect: str
    condition: str
    estimate: dict[str, Any]
    low: float
    high: float
    published: bool
    equivalence: bool
    smallest: float | None
    premise: bool

    @classmethod
    def told(cls, data: dict[str, Any]) -> "Rule":
        limits = {"low": -INFINITY, "high": INFINITY}
        return cls(**data | {name: none if data[name] is None else data[name] for name, none in limits.items()})

    @property
    def kind(self) -> str:
        return self.estimate["kind"]

    @property
    def counted(self) -> bool:
        return self.kind == "Agreement"

    @property
    def powers(self) -> list[tuple[str, float]]:
        """Of a ratio of times: the arms with the powers of their times."""
        told = self.estimate
        if self.kind == "TimeRatio":
            return [(told["numerator"], 1.0), (told["denominator"], -1.0)]
        return [(told["slow"], 0.5), (told["fast"], 0.5), (told["remedied"], -1.0)]

    @property
    def arms(self) -> list[str]:
        if self.counted:
            return []
        named = [term["arm"] for term in self.estimate["terms"]] if self.kind == "Contrast" else dict(self.powers)
        return list(dict.fromkeys(named))

    @property
    def of_interest(self) -> tuple[float, float]:
        """The limits moved by the smallest effect of interest: added to a mean, a factor of a ratio."""
        if self.smallest is None:
            return self.low, self.high
        if self.kind == "Contrast":
            return self.low + self.smallest, self.high - self.smallest
        return self.low * self.smallest, self.high / self.smallest

    @property
    def irrelevance(self) -> tuple[float, float]:
        """The effects of no interest: between the moved limit and its mirror image at the limit."""
        limit, moved = (self.low, self.of_interest[0]) if self.high == INFINITY else (self.high, self.of_interest[1])
        mirrored = limit - (moved - limit) if self.kind == "Contrast" else limit * (limit / moved)
        return min(moved, mirrored), max(moved, mirrored)

    def p(self, sample: Sample, verdict: str) -> float:
        """The nominal p value of a verdict on some seeds; of an equivalence contradicted, before it is doubled."""
        if verdict == SUPPORTED:
            larger = max(sample.p(self.low, 1), sample.p(self.high, -1))
            return larger if self.equivalence else min(1.0, 2 * larger)
        low, high = self.of_interest
        sides = [sample.p(limit, side) for limit, side in ((low, -1), (high, 1)) if math.isfinite(limit)]
        smaller = min(sides, default=1.0)
        return smaller if self.equivalence or self.smallest is not None else min(1.0, 2 * smaller)

    def undecidable(self, sample: Sample) -> bool:
        """Whether censored times have taken away every bound by which it could be decided."""
        has_low, has_high = math.isfinite(self.low), math.isfinite(self.high)
        supported = (sample.from_below or not has_low) and (sample.from_above or not has_high)
        contradicted = (sample.from_above and has_low) or (sample.from_below and has_high)
        return not (supported or contradicted)


def placed(interval: tuple[float, float, float], limits: tuple[float, float]) -> str:
    """Inside of the limits: supported; outside: contradicted; across or touching: inconclusive."""
    (_, low, high), (lowest, highest) = interval, limits
    above, below = lowest < low or lowest == -INFINITY, high < highest or highest == INFINITY
    if above and below:
        return SUPPORTED
    return CONTRADICTED if high < lowest or low > highest else UNDECIDED


@dataclass(frozen=True)
class Read:
    """A rule with what follows from the results."""

    rule: Rule
    verdict: str
    interval: tuple[float, float, float] | None = None
    n: int | str = ""
    obstacle: bool = False
    finding: str = ""
    sample: Sample | None = None
    levels: Levels | None = None
    decidable: bool = True
    alike: bool = False

    @property
    def closed(self) -> bool:
        """Whether no further look is asked for: nothing can decide it, or nothing has to be confirmed."""
        if self.obstacle or not self.decidable:
            return True
        return self.verdict in (SUPPORTED, CONTRADICTED) and self.p(self.verdict) < CONFIRMED

    def p(self, verdict: str) -> float:
        """The p value for a verdict, repeated where there are looks."""
        if self.rule.counted:
            return 0.0 if self.verdict == verdict else 1.0
        if self.obstacle or self.alike or self.sample is None:
            return 1.0
        nominal = self.rule.p(self.sample, verdict)
        one_sided = self.rule.equivalence or (verdict == CONTRADICTED and self.rule.smallest is not None)
        p = self.levels.p(nominal, one_sided) if self.levels else nominal
        return min(1.0, 2 * p) if self.rule.equivalence and verdict == CONTRADICTED else p


# ------------------------------------------------------------------------------------------------------ experiments


@dataclass
class Reader:
    """An experiment with the results that are stored of it."""

    told: dict[str, Any]
    runs: dict[str, Run]
    checks: dict[str, dict[str, float]]
    levels: Levels | None
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inside = {name: self._searched(name) for name in self.told["arms"]}

    @property
    def begun(self) -> bool:
        keys = {key for arm in self.told["arms"].values() for key in arm["runs"]}
        return bool(keys & self.runs.keys() or set(self.told["checks"].values()) & self.checks.keys())

    def _searched(self, name: str) -> bool:
        """Choose the learning rate of an arm anew, and say whether the best is inside of its grid.

        The runs that were told as the arm's must have that rate, and the seeds of the design.
        """
        arm = self.told["arms"][name]
        rate, inside = None, True
        if arm["searched"]:
            trials = {rate: self._score(keys) for rate, keys in self.told["arms"][arm["searched"]]["trials"]}
            middle = arm["rates"][len(arm["rates"]) // 2]
            rate = min(trials, key=lambda each: (*trials[each], abs(math.log(each / middle)), each))
            inside = min(trials) < rate < max(trials)
            if not trials.keys() >= set(arm["rates"]):
                self.problems.append(f"{self.told['name']}: not all rates of its grid were tried for {name}")
        for seed, key in zip(self.told["seeds"], arm["runs"], strict=True):
            spec = self.runs[key].spec if key in self.runs else None
            if spec and (spec["seeds"]["init"] != seed or rate not in (None, spec["train"]["learning_rate"])):
                self.problems.append(f"{self.told['name']}: run {key} of {name} has another seed or learning rate")
        return inside

    def _score(self, keys: Sequence[str]) -> tuple[int, float]:
        """Of a rate: the worst kind of outcome over the seeds of the search, and the mean of those of that kind."""
        scores = [self._outcome(self.runs[key]) for key in keys]
        worst = max(kind for kind, _ in scores)
        counted = [number for kind, number in scores if kind == worst]
        return worst, math.fsum(counted) / len(counted)

    def _outcome(self, run: Run) -> tuple[int, float]:
        threshold = self.told["threshold"]
        if run.ended == "diverged":
            return 2, 0.0
        if threshold is None:
            error = run.outcomes["validation_error"]
            return (0, error) if math.isfinite(error) else (2, 0.0)
        time, censored = run.time(threshold)
        if not censored:
            return 0, time
        lowest = min((error for _, error in run.train_error if math.isfinite(error)), default=1.0)
        return 1, 0.05 * round(lowest / 0.05)

    def read(self, rule: Rule) -> Read:
        """A rule at the look that closes it, or else at the last one whose seeds are all stored."""
        if rule.counted:
            return self._counted(rule)
        last = Read(rule, UNTESTED, obstacle=True)
        for size in self.told["looks"] or [len(self.told["seeds"])]:
            runs = {arm: self._first(arm, size) for arm in rule.arms}
            if None in runs.values():
                break
            sample = self._sample(rule, runs)
            last = self._judged(rule, sample)
            if last.closed:
                break
        return last

    def _first(self, arm: str, size: int) -> list[Run] | None:
        keys = self.told["arms"].get(arm, {"runs": []})["runs"][:size]
        found = [self.runs[key] for key in keys if key in self.runs]
        return found if len(found) == size else None

    def _counted(self, rule: Rule) -> Read:
        """Of an exact check: no case may differ."""
        outcomes = self.checks.get(self.told["checks"][rule.estimate["check"]])
        if outcomes is None:
            return Read(rule, UNTESTED, obstacle=True)
        cases, agreeing = round(outcomes["cases"]), round(outcomes["agreeing"])
        if not cases:
            return Read(rule, UNDECIDED, (math.nan,) * 3, 0, obstacle=True)
        return Read(rule, SUPPORTED if agreeing == cases else CONTRADICTED, (agreeing / cases,) * 3, cases)

    def _sample(self, rule: Rule, runs: dict[str, list[Run]]) -> Sample | None:
        """The numbers of a rule, one a seed; ``None`` if an outcome is missing or a time is zero."""
        if rule.kind == "Contrast":
            terms = rule.estimate["terms"]
            rows = [[run.outcomes.get(t["metric"], math.nan) for run in runs[t["arm"]]] for t in terms]
            if not np.isfinite(rows).all():
                return None
            weights = [t["coefficient"] for t in terms]
            seeds = zip(*rows, strict=True)
            return Sample(np.array([math.fsum(w * x for w, x in zip(weights, seed, strict=True)) for seed in seeds]))
        logs, from_below, from_above = 0.0, True, True
        for arm, power in rule.powers:
            times = [run.time(rule.estimate["threshold"]) for run in runs[arm]]
            if any(time == 0 for time, _ in times):
                return None
            logs = logs + power * np.log([time for time, _ in times])
            if any(censored for _, censored in times):  # The true time is longer.
                from_above, from_below = from_above and power < 0, from_below and power > 0
        return Sample(np.asarray(logs), True, from_below, from_above)

    def _judged(self, rule: Rule, sample: Sample | None) -> Read:
        proxy = rule.published and bool(self.told["proxy"])
        obstacle = proxy or sample is None or not all(self.inside[arm] for arm in rule.arms)
        told = {"n": sample.n if sample else "", "sample": sample, "levels": self.levels}
        interval = sample.interval(self._confidence(rule.equivalence)) if sample else None
        if obstacle or sample is None or interval is None:
            verdict = UNTESTED if proxy else UNDECIDED
            return Read(rule, verdict, interval, **told, obstacle=True)
        found = Read(rule, UNDECIDED, interval, **told, decidable=not rule.undecidable(sample))
        if sample.n > 1:
            found = self._decided(rule, sample, interval, told) or found
            # Seeds that are all the same have no spread: their sign test must decide too.
            if sample.error == 0 and found.verdict != UNDECIDED and found.p(found.verdict) >= 0.05:
                return replace(found, verdict=UNDECIDED, interval=interval, finding="", alike=True)
        return found

    def _decided(self, rule: Rule, sample: Sample, interval: tuple[float, float, float], told: dict) -> Read | None:
        """What the intervals of at least two seeds decide; ``None``: nothing."""
        verdict = placed(interval, (rule.low, rule.high))
        if verdict != UNDECIDED:
            return Read(rule, verdict, interval, **told)
        narrower = sample.interval(self._confidence(True))
        if rule.smallest is None or placed(narrower, rule.of_interest) != CONTRADICTED:
            return None
        return Read(rule, CONTRADICTED, narrower, **told, finding=self._finding(rule, narrower))

    def _confidence(self, one_sided: bool) -> float:
        level = self.levels.level(one_sided) if self.levels else 0.05
        return 1 - 2 * level if one_sided else 1 - level

    @staticmethod
    def _finding(rule: Rule, interval: tuple[float, float, float]) -> str:
        low, high = rule.irrelevance
        beyond = interval[2] < rule.low or interval[1] > rule.high
        of_nothing = (0 if rule.kind == "Contrast" else 1) in (rule.low, rule.high)
        if beyond and not of_nothing:
            return "rather below it" if rule.high == INFINITY else "rather above it"
        if placed(interval, (low, high)) == SUPPORTED:
            return f"it lies between {low:g} and {high:g}"
        if beyond:
            return "rather the opposite"
        return f"one above {high:g}" if rule.high == INFINITY else f"one below {low:g}"


def together(verdicts: Sequence[str]) -> str:
    """Over the rules of a condition, all of which a claim needs."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return next((each for each in (CONTRADICTED, UNTESTED) if each in verdicts), UNDECIDED)


def common(verdicts: Sequence[str]) -> str:
    """Over conditions."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "mixed" if {SUPPORTED, CONTRADICTED} <= set(verdicts) else UNDECIDED


def aspect_read(decisions: Sequence[Read]) -> tuple[str, float | None]:
    """The verdict of an aspect of a claim, and its p value; ``None`` where no seed had a part in it.

    Supported needs every rule: the largest p value. Contradicted needs a rule in every condition: the smallest there,
    times their number, and the largest of that. Premises must all be supported, and contradict nothing.
    """
    if not decisions:
        return UNTESTED, None
    failing = {each.verdict for each in decisions if each.rule.premise} - {SUPPORTED}
    if failing - {UNDECIDED}:  # There is nothing to explain, or an arm does not do what it is for.
        return UNTESTED, None
    ruling = [each for each in decisions if not each.rule.premise]
    groups: dict[str, list[Read]] = {}
    for each in ruling:
        groups.setdefault(each.rule.condition, []).append(each)
    verdict = UNDECIDED if failing else common([together([e.verdict for e in group]) for group in groups.values()])
    if verdict == UNTESTED or all(each.rule.counted for each in decisions):
        return verdict, None
    supported = min(1.0, max(each.p(SUPPORTED) for each in decisions))
    if verdict == SUPPORTED:
        return verdict, supported
    contradicted = max(len(group) * min(each.p(CONTRADICTED) for each in group) for group in groups.values())
    contradicted = max([contradicted, *(each.p(SUPPORTED) for each in decisions if each.rule.premise)])
    return verdict, min(1.0, supported, contradicted)


# -------------------------------------------------------------------------------------------------------- comparison


@dataclass(frozen=True)
class Reading:
    """What was read anew."""

    estimates: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    tests: int
    problems: list[str]


def read(folder: Path, told: dict[str, Any]) -> Reading:
    """Read the results of a folder anew."""
    runs, checks = read_runs(folder, told["semantics"]), read_checks(folder)
    if not runs and not checks:
        raise UnreadableError(f"{folder} has no runs and no checks that the declared experiments can use")
    boundaries = [Levels(tuple(b["looks"]), *(np.array(b[name]) for name in QUANTILES)) for b in told["boundaries"]]
    levels = {each.looks: each for each in boundaries}
    problems = [doubt for each in boundaries for doubt in each.doubts()]
    estimates, verdicts = [], []
    for one in told["experiments"]:
        reader = Reader(one, runs, checks, levels[tuple(one["looks"])] if one["looks"] else None)
        problems += reader.problems
        decisions = [reader.read(Rule.told(rule)) for rule in one["rules"]]
        for claim in one["claims"]:
            for aspect in ASPECTS:
                mine = [each for each in decisions if (each.rule.claim, each.rule.aspect) == (claim, aspect)]
                verdict, p = aspect_read(mine)
                names = {"experiment": one["name"], "claim": claim, "aspect": aspect}
                verdicts.append({**names, "verdict": verdict, "p": p, "proxy": one["proxy"], "begun": reader.begun})
                estimates += [{**names, **_estimate_row(each)} for each in mine if reader.begun]
    tested = [each for each in verdicts if each["p"] is not None]
    for each, adjusted in zip(tested, holm([each["p"] for each in tested]), strict=True):
        each["adjusted_p"] = adjusted
    return Reading(estimates, [each for each in verdicts if each.pop("begun")], len(tested), problems)


NAMES = ("experiment", "claim", "aspect", "condition")
QUANTILES = ("probabilities", "two_sided", "one_sided")


def _estimate_row(each: Read) -> dict[str, Any]:
    estimate, low, high = each.interval or ("", "", "")
    unit = each.rule.estimate.get("unit", "") if each.interval else ""
    one_sided = each.rule.equivalence or bool(each.finding)
    return {
        "condition": each.rule.condition,
        "verdict": each.verdict,
        "estimate": estimate,
        "low": low,
        "high": high,
        "confidence": "" if each.rule.counted or not each.interval else 0.9 if one_sided else 0.95,
        "unit": unit,
        "seeds_or_cases": each.n,
        "supported_above": each.rule.low,
        "supported_below": each.rule.high,
        "reason": each.finding or each.obstacle or each.alike,
    }


def differences(reading: Reading, folder: Path) -> Iterator[str]:
    """Every cell of the two tables that is not what was read anew, a line each."""
    yield from reading.problems
    for name, rows in (("estimates.csv", reading.estimates), ("verdicts.csv", reading.verdicts)):
        try:
            with (folder / name).open(encoding="utf-8", newline="") as file:
                written = list(csv.DictReader(file))
        except OSError as error:
            raise UnreadableError(f"{folder / name} cannot be read: {error.strerror}") from None
        if len(written) != len(rows):
            yield f"{name} has {len(written)} rows, read anew {len(rows)}"
        for line, (row, cells) in enumerate(zip(rows, written, strict=False), start=2):
            if names := [each for each in NAMES if each in row and cells.get(each) != row[each]]:
                yield f"{name}, line {line}: {names[0]} is {cells.get(names[0])!r}, read anew {row[names[0]]!r}"
                break  # The rows below are others, too.
            # A number that is zero but for rounding is zero on the scale of its interval.
            numbers = [row.get(column, "") for column in ("estimate", "low", "high")]
            scale = max((abs(x) for x in numbers if isinstance(x, float) and math.isfinite(x)), default=ROUNDING)
            for column, value in row.items():
                if not _equal(cells.get(column), value, ROUNDING * scale):
                    where = ", ".join(row[each] for each in NAMES if each in row)
                    yield f"{name}, line {line}, {where}: {column} is {cells.get(column)!r}, read anew {value!r}"


def _equal(cell: str | None, value: Any, slack: float) -> bool:
    if cell is None:
        return False
    if isinstance(value, bool):  # Whether there is a reason at all.
        return bool(cell) == value
    if value is None or value == "":
        return cell == ""
    if isinstance(value, str):
        return value == cell or (cell.startswith("no relevant effect") and value in cell)
    try:
        written = float(cell)
    except ValueError:
        return False
    if not (math.isfinite(written) and math.isfinite(value)):
        return written == value or (math.isnan(written) and math.isnan(value))
    return abs(written - value) <= TOLERANCE * max(abs(written), abs(value)) + slack


def _told(path: Path | None, folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """What the experiments declare: from a file, or else from the library in a process of its own."""
    try:
        if path:
            return json.loads(path.read_text(encoding="utf-8"))
        command = [sys.executable, str(Path(__file__).with_name("declared.py")), str(folder), *files]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode:
            raise UnreadableError((asked.stderr.strip().splitlines() or ["declared.py failed"])[-1])
        return json.loads(asked.stdout)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnreadableError(f"{path or 'what declared.py prints'} is no JSON") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; the exit code is 0 if all is equal, 1 if something differs, 2 if it cannot be read."""
    parser = argparse.ArgumentParser(
        description="Compute every estimate, interval, verdict and p value of a folder of results anew, without the "
        "library, and compare them with its estimates.csv and verdicts.csv. Exit code 1: something differs; 2: "
        "something cannot be read.",
        epilog="Example: python tests/independent/reading.py results/quick",
    )
    parser.add_argument("folder", type=Path, help="of results, for example results/quick")
    parser.add_argument("files", nargs="*", help="of experiments of your own that have results there")
    parser.add_argument("--declared", type=Path, help="a file that declared.py has written; default: it is asked")
    options = parser.parse_args(arguments)
    try:
        if not options.folder.is_dir():
            raise UnreadableError(f"there is no folder {options.folder}")
        told = _told(options.declared, options.folder, options.files)
        try:
            reading = read(options.folder, told)
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadableError(f"what is declared does not fit the results: {error!r}") from None
        found = list(differences(reading, options.folder))
    except UnreadableError as error:
        print(f"reading.py: {error}", file=sys.stderr)
        return 2
    for line in found:
        print(line)
    if found:
        print(f"{len(found)} differences in {options.folder}")
        return 1
    print(
        f"{options.folder}: {len(reading.estimates)} estimates and {len(reading.verdicts)} verdicts are equal to "
        f"{TOLERANCE:g}; {reading.tests} tests were corrected together"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
