"""How much work runs are, and how long it takes, judged by the runs that are stored."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from operator import add
from typing import NamedTuple

import numpy as np

from cnn_study.models import complexity
from cnn_study.results import RunRecord
from cnn_study.spec import ProbeName, ProgramSpec, RunSpec


class ImageCounts(NamedTuple):
    """How many images a run has.

    Attributes:
        train: Number of images it is trained on.
        test: Number of images it is tested on.
    """

    train: int
    test: int


Examples = Callable[[RunSpec], ImageCounts]
"""Gives the images of a run."""

BACKWARD = 3
"""Forward passes that a training step is worth: its own, and one for each of the two products on the way back."""

USUAL = (0.1, 0.05, 1e-4, 7e-12, 1e-9, 2.5e-9)
"""Seconds of every amount on one core of a server of 2025. Only their proportions count."""

TRUST = 20
"""Number of runs that the usual pace is worth: as if so many, for every amount, had taken time for it alone."""

MEASURED: Mapping[ProbeName, int] = {
    "gradients": 200 * BACKWARD,
    "saturation": 200,
    "landscape": 40 * 5 * BACKWARD,
    "percentiles": 200,
}
"""Forward passes of one image that a probe is worth which measures during training, every time; see the probes."""

LOOKED: Mapping[ProbeName, int] = {
    "equivariance": 5 * 100,
    "filters": 1,
    "maps": 2,
    "patches": 1000,
    "histograms": 2 * 500,
    "wandering": 17,
    "linear": 2 * 3000,
}
"""Forward passes of one image that a probe of the trained network is worth; some depend on the images, see the code."""

EQUATIONS = 1000
"""Number of equations of every system that a linear classifier of the probe ``linear`` solves."""

ROUNDS = 20
"""Number of times that the weights of a fit are computed anew."""

LIMIT = 20
"""A run counts as no slower than so many times what is expected of it: the machine has done something else."""


class _Costs(NamedTuple):
    macs: int
    values: int
    parameters: int


@lru_cache(maxsize=10_000)
def _costs(model) -> _Costs:
    """The costs of a :class:`~cnn_study.spec.ModelSpec`."""
    return _Costs(complexity.macs(model), complexity.values(model), complexity.parameters(model))


@dataclass(frozen=True)
class Work:
    """The amounts of work that runs are made of.

    Attributes:
        images: Training images shown, each as often as it is shown.
        macs: Multiply-accumulates of the forward passes of these images.
        runs: Number of runs.
        compiled: Layers of their programs: runs that differ in images, seeds and rates alone share one.
        steps: Number of optimizer steps.
        products: Multiply-accumulates of training, backward passes too, of evaluation and of probes.
        values: Numbers that layers give in all these passes: whatever is done number by number.
        updates: Parameters, as often as they are updated.
    """

    images: float = 0
    macs: float = 0
    runs: float = 0
    compiled: float = 0
    steps: float = 0
    products: float = 0
    values: float = 0
    updates: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(*map(add, astuple(self), astuple(other)))

    @property
    def amounts(self) -> tuple[float, ...]:
        """The amounts that take time."""
        return self.runs, self.compiled, self.steps, self.products, self.values, self.updates

    @classmethod
    def of(cls, run: RunSpec, sizes: ImageCounts, epochs: float | None = None, *, compiled: bool = True) -> "Work":
        """The work of a run.

        Args:
            run: The run whose work is estimated.
            sizes: How many images it has.
            epochs: How many of its epochs it takes; ``None``: all.
            compiled: Whether its program has to be compiled; not after another run that shares it.
        """
        taken = run.train.epochs if epochs is None else epochs
        costs = _costs(run.model)  # pyright: ignore[reportArgumentType] - frozen specs have a hash
        steps = taken * (sizes.train // run.train.batch_size)
        images = steps * run.train.batch_size
        passes = BACKWARD * images + _evaluated(run, sizes, taken) + _probed(run, sizes, taken)
        return cls(
            images=images,
            macs=images * costs.macs,
            runs=1,
            compiled=len(run.model.layers) if compiled else 0,
            steps=steps,
            products=passes * costs.macs + _solved(run, costs.values),
            values=passes * costs.values,
            updates=steps * costs.parameters,
        )


def _evaluated(run: RunSpec, sizes: ImageCounts, epochs: float) -> float:
    """Images that are looked at without training on them."""
    train, validation = run.train, run.data.validation_size
    times = 1 + epochs * train.evaluations_per_epoch
    watched = min(train.evaluation_size or sizes.train, sizes.train)
    held_out = min(train.evaluation_size or validation, validation)
    during = times * (watched + (sizes.test if train.test_curve else 0)) + epochs * held_out
    last = [sizes.test, sizes.train if watched < sizes.train else 0, validation if held_out < validation else 0]
    return during + sum(last)


def _probed(run: RunSpec, sizes: ImageCounts, epochs: float) -> float:
    """Forward passes of one image that the probes of a run are worth."""
    model, probes = run.model, run.probes
    each = sum(MEASURED.get(name, 0) for name in probes)
    if "covariate_shift" in probes:  # Every layer takes a step on its own, and all of them do.
        each += 40 * BACKWARD * (len(model.layers) + 2)
    passes = (epochs + 1) * each + sum(LOOKED.get(name, 0) for name in probes)
    side = min(model.input_shape[:2])
    if "translation" in probes:  # Four directions, by up to a quarter of the side.
        passes += min(sizes.test, 2000) * (1 + 4 * min(8, side // 4))
    if "border" in probes:  # Distances double up to the middle.
        passes += sizes.test * (1 + (side // 2).bit_length())
    return passes


def _solved(run: RunSpec, values: int) -> float:
    """Multiply-accumulates of single precision that the equations of linear classifiers are worth.

    A system has as many equations as images: their products with one another, and its eigenvectors, which take about
    ten times the cube of their number. All is in double precision, once for images as they are, once for shuffled ones.
    """
    if "linear" not in run.probes:
        return 0
    return 4.0 * EQUATIONS**2 * (values + 10 * EQUATIONS * (len(run.model.layers) + 1))


def work_of(runs: Iterable[RunSpec], examples: Examples, share: float = 1) -> Work:
    """The work of many runs: a program that several share is compiled once.

    Args:
        runs: The runs whose work is added up.
        examples: Gives the images of a run.
        share: Share of their epochs that runs with a target take, between 0 and 1.
    """
    runs = list(runs)
    total = np.zeros(len(astuple(Work())))
    for run, compiled in zip(runs, _compiling(runs), strict=True):
        taken = run.train.epochs * (1 if run.train.target_train_error is None else share)
        total += astuple(Work.of(run, examples(run), taken, compiled=compiled))
    return Work(*total.tolist())


def done(records: Iterable[RunRecord], examples: Examples) -> list[Work]:
    """The work that each of these runs was, with the epochs that it took: a program that several share counts once.

    Args:
        records: The records of finished runs.
        examples: Gives the images of a run.
    """
    records = list(records)
    first = _compiling(record.spec for record in records)
    return [
        Work.of(record.spec, examples(record.spec), record.outcomes["epochs"], compiled=compiled)
        for record, compiled in zip(records, first, strict=True)
    ]


def _compiling(runs: Iterable[RunSpec]) -> Iterator[bool]:
    """Whether each is the first of those that share a program."""
    known: set[ProgramSpec] = set()
    for run in runs:
        yield run.program not in known
        known.add(run.program)


@dataclass(frozen=True)
class Pace:
    """How long work takes one worker.

    Attributes:
        seconds_each: Seconds of every one of the amounts of a work.
        share: Share of the time to their last epoch that runs with a target have taken until they ended.
    """

    seconds_each: tuple[float, ...]
    share: float = 1

    def seconds(self, work: Work) -> float:
        """How long work takes."""
        return sum(each * amount for each, amount in zip(self.seconds_each, work.amounts, strict=True))

    @classmethod
    def fitted(cls, records: Iterable[RunRecord], examples: Examples) -> "Pace | None":
        """The pace that fits the seconds of finished runs best.

        Least squares with nothing below zero. The variance of a time is taken to be in proportion to it, so that short
        runs count as well as long ones. What few runs cannot tell apart is in the usual proportions. All together are
        expected to take as long as they did.

        Args:
            records: The records of finished runs, with their seconds.
            examples: Gives the images of a run.

        Returns:
            The pace; ``None`` if no run has taken any time.
        """
        timed = sorted((each for each in records if each.seconds > 0), key=lambda each: (each.finished_at, each.key))
        if not timed:
            return None
        works = done(timed, examples)
        seconds = np.array([record.seconds for record in timed])
        pace = _fitted(np.array([work.amounts for work in works], float), seconds)
        return cls(tuple(pace.tolist()), _share(timed, examples, cls(tuple(pace.tolist()))))


def _fitted(amounts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Seconds of every amount."""
    from scipy.optimize import nnls

    plain = amounts @ np.array(USUAL)
    capped = np.minimum(seconds, LIMIT * plain * np.median(seconds / plain))
    # In units of the usual pace: a step and a multiply-accumulate differ by orders of magnitude.
    usual = np.array(USUAL) * capped.sum() / plain.sum()
    count, mean = len(seconds), capped.mean()
    rows = np.vstack([amounts * usual, np.eye(len(usual)) * mean])
    times = np.append(seconds, np.full(len(usual), mean))
    trust = np.append(np.ones(count), np.full(len(usual), TRUST))
    pace = np.ones(len(usual))
    for _ in range(ROUNDS):
        expected = np.maximum(rows @ pace, 1e-6 * mean)
        weight = np.sqrt(trust / expected)
        pace, _ = nnls(rows * weight[:, np.newaxis], np.minimum(times, LIMIT * expected) * weight)
    expected = rows[:count] @ pace
    return pace * usual * (np.minimum(seconds, LIMIT * expected).sum() / expected.sum())


def _share(timed: Iterable[RunRecord], examples: Examples, pace: Pace) -> float:
    ended = [record for record in timed if record.spec.train.target_train_error is not None]
    taken = sum(pace.seconds(Work.of(each.spec, examples(each.spec), each.outcomes["epochs"])) for each in ended)
    return taken / sum(pace.seconds(Work.of(each.spec, examples(each.spec))) for each in ended) if taken else 1
