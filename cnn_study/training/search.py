"""Chooses an arm's learning rate, as a pure function of the runs that are stored so far.

Asked again and again, :func:`next_step` says which runs are still needed and, in the end, which rate is best. As it
keeps no state of its own, an interrupted search goes on from the stored runs.

For a time to an error the search is *bounded*: the middle rate of the grid runs first, to its target; the others run
no longer than the best has needed, since one that has not arrived by then cannot be the fastest. The choice is that of
an exhaustive search; only the losers cost less.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnn_study.errors import InputError
from cnn_study.experiment import Arm, RateSearch
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec

Stored = Mapping[str, RunRecord]


@dataclass(frozen=True)
class Trial:
    """A learning rate that was tried.

    Attributes:
        rate: The learning rate.
        specs: The runs that tried it, one a seed of the search.
        score: ``(0, time or error)``, or ``(1, lowest training error in steps of 5 %)`` when the threshold was not
            reached, or ``(2, 0)`` if the run diverged or its error is no number: the smallest is the best. Over several
            seeds, the worst of these outcomes, and the mean of their numbers where all have the same.
    """

    rate: float
    specs: tuple[RunSpec, ...]
    score: tuple[int, float]


@dataclass(frozen=True)
class Needed:
    """Runs that must be stored before the search can go on.

    Attributes:
        runs: The runs that are missing.
        stored: Runs of the search that are stored already.
    """

    runs: tuple[RunSpec, ...]
    stored: tuple[RunSpec, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """The end of a search.

    Attributes:
        rate: The best learning rate.
        trials: The rates that were tried, ascending; none if the rate was given, or is that of another arm's search.
        inside: Whether rates were tried on both sides of the best. ``False``: the extensions were used up.
    """

    rate: float
    trials: tuple[Trial, ...]
    inside: bool

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        """The runs of all trials, by ascending rate."""
        return tuple(run for trial in self.trials for run in trial.specs)


def crossing(epochs: list[float], errors: list[float], threshold: float) -> float | None:
    """Epochs until a curve first falls to a threshold, interpolated linearly between evaluations.

    Args:
        epochs: Times of the evaluations, in epochs, ascending.
        errors: The error at each evaluation, between 0 and 1.
        threshold: The error to be reached, between 0 and 1.

    Returns:
        The time in epochs, or ``None`` if it never gets there.
    """
    for i, error in enumerate(errors):
        if error <= threshold:
            if i == 0 or not math.isfinite(errors[i - 1]):
                return epochs[i]
            share = (errors[i - 1] - threshold) / (errors[i - 1] - error)
            return epochs[i - 1] + share * (epochs[i] - epochs[i - 1])
    return None


def next_step(arm: Arm, search: RateSearch, stored: Stored) -> Needed | Chosen:
    """What the search needs next, or what it has chosen.

    Args:
        arm: The arm to tune.
        search: Grid, budget and objective.
        stored: Finished runs by key.

    Raises:
        InputError: The objective is an error on validation examples, and the arm has none.
    """
    if search.sought is None and not arm.validated:
        raise InputError(f"arm {arm.name} is tuned on its validation error: give its data a validation_size")
    middle = len(search.rates) // 2
    trials: dict[float, Trial] = {}

    def attempt(rates: list[float]) -> Needed | None:
        epochs = _bound(trials.values(), arm, search)
        tried = {rate: trial_runs(arm, search, rate, epochs) for rate in rates}
        asked = [run for runs in tried.values() for run in runs]
        missing = tuple(run for run in asked if run.key not in stored)
        if missing:
            found = [run for trial in trials.values() for run in trial.specs]
            return Needed(missing, (*found, *(run for run in asked if run.key in stored)))
        for rate, runs in tried.items():
            trials[rate] = Trial(rate, runs, _worst([_score(stored[run.key], search) for run in runs]))
        return None

    first = [] if search.sought is None else [search.rates[middle]]
    needed = attempt(first) or attempt([rate for rate in search.rates if rate not in first])
    for _ in range(search.extensions):
        if needed:
            return needed
        edge = _beyond(trials, search)
        if edge is None:
            break
        needed = attempt([edge])
    if needed:
        return needed
    best = _best(trials, search)
    ordered = tuple(trials[rate] for rate in sorted(trials))
    return Chosen(best, ordered, ordered[0].rate < best < ordered[-1].rate)


def _best(trials: Mapping[float, Trial], search: RateSearch) -> float:
    """The rate with the best score; of equal ones that nearest to the grid's middle, so that ties do not extend it."""
    middle = search.rates[len(search.rates) // 2]
    return min(trials, key=lambda rate: (trials[rate].score, abs(math.log(rate / middle)), rate))


def _beyond(trials: Mapping[float, Trial], search: RateSearch) -> float | None:
    """The rate to add when the best lies on an edge of the grid, or when all rates stay on one plateau.

    A plateau tells nothing about rates. It is left, if at all, by larger steps.
    """
    best = _best(trials, search)
    if best == max(trials) or _on_plateau(trials):
        return _rounded(max(trials) * search.factor)
    return _rounded(best / search.factor) if best == min(trials) else None


def _on_plateau(trials: Mapping[float, Trial]) -> bool:
    """Whether no rate arrived, and all stayed at the same error."""
    scores = {trial.score for trial in trials.values()}
    return len(scores) == 1 and min(scores)[0] == 1


def _rounded(rate: float) -> float:
    # Twelve digits, so that extending a grid does not leave the rate 0.020000000000000004 with a key of its own.
    return float(f"{rate:.12g}")


def _bound(trials, arm: Arm, search: RateSearch) -> int:
    times = [trial.score[1] for trial in trials if trial.score[0] == 0]
    if search.sought is None or not times:
        return arm.train.epochs
    # The score is a mean over seeds: a rate may be best although one of its seeds needs as long as all of another do.
    return min(arm.train.epochs, max(1, math.ceil(search.repeats * min(times))))


def trial_runs(arm: Arm, search: RateSearch, rate: float, epochs: int) -> tuple[RunSpec, ...]:
    """The runs with which a rate is tried, one a seed of the search, at most for so many epochs.

    Where a time is sought, they end when it is over. Else they end where the replicates do.

    Args:
        arm: The arm to tune.
        search: Seeds and objective of the search.
        rate: The learning rate to be tried.
        epochs: Passes over the training examples, at most.
    """
    runs = [arm.run(rate, seed) for seed in search.seeds]
    # The test set chooses nothing: a trial does not look at it more often than it must.
    changes: dict[str, Any] = {"epochs": epochs, "test_curve": False}
    if search.sought is not None:
        changes["target_train_error"] = search.sought
    kept = {"validation_size": arm.held_out} if arm.held_out else {}
    return tuple(run.but(data=run.data.but(**kept), train=run.train.but(**changes)) for run in runs)


def _worst(scores: Sequence[tuple[int, float]]) -> tuple[int, float]:
    kind = max(score[0] for score in scores)
    numbers = [score[1] for score in scores if score[0] == kind]
    return kind, math.fsum(numbers) / len(numbers)


def _score(record: RunRecord, search: RateSearch) -> tuple[int, float]:
    if record.ended == "diverged":
        return (2, 0.0)
    if search.sought is None:
        error = record.outcomes["validation_error"]
        return (0, error) if math.isfinite(error) else (2, 0.0)
    epochs, errors = record.curve("train_error")
    time = crossing(epochs, errors, search.sought)
    if time is not None:
        return (0, time)
    # Runs that never arrive differ by chance alone while they sit on a plateau: no reason to leave the grid.
    lowest = min((error for error in errors if math.isfinite(error)), default=1.0)
    return (1, round(lowest / 0.05) * 0.05)
