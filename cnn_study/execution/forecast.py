"""How much work runs are, and how long it takes, judged by the runs that are stored."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from cnn_study.models import complexity
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec

Examples = Callable[[RunSpec], int]
"""Gives the training examples of a run."""


@dataclass(frozen=True)
class Work:
    """What training is made of, evaluations left out.

    Attributes:
        runs: Number of runs.
        images: Training images shown, each as often as it is shown.
        steps: Optimizer steps.
        macs: Multiply-accumulates of the forward passes of these images; the backward passes take about twice as many.
    """

    runs: int = 0
    images: float = 0
    steps: float = 0
    macs: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.runs + other.runs,
            self.images + other.images,
            self.steps + other.steps,
            self.macs + other.macs,
        )

    @classmethod
    def of(cls, run: RunSpec, examples: int, epochs: float | None = None) -> "Work":
        """The work of a run.

        Args:
            run: The run.
            examples: Its training examples.
            epochs: How many of its epochs it takes; ``None``: all.
        """
        images = (run.train.epochs if epochs is None else epochs) * examples
        return cls(1, images, images / run.train.batch_size, images * complexity.macs(run.model))


@dataclass(frozen=True)
class Pace:
    """How long work takes one worker: so much a run, a step and a multiply-accumulate.

    Attributes:
        run: Seconds a run, for compiling and evaluating.
        step: Seconds a step.
        mac: Seconds a multiply-accumulate.
    """

    run: float
    step: float
    mac: float

    def seconds(self, work: Work) -> float:
        """How long work takes."""
        return self.run * work.runs + self.step * work.steps + self.mac * work.macs

    @classmethod
    def fitted(cls, records: Iterable[RunRecord], examples: Examples) -> "Pace | None":
        """The pace that fits the seconds of finished runs best.

        Its proportions are those of the smallest sum of squared relative errors with none below zero, so that short
        runs count as much as long ones; its scale is such that all runs together take as long as they did.

        Args:
            records: The runs.
            examples: Gives the training examples of a run.

        Returns:
            The pace; ``None`` if no run has taken any time.
        """
        timed = [record for record in records if record.seconds > 0]
        if not timed:
            return None
        works = [Work.of(record.spec, examples(record.spec), record.outcomes["epochs"]) for record in timed]
        seconds = np.array([record.seconds for record in timed])
        amounts = np.array([[work.runs, work.steps, work.macs] for work in works], float)
        relative = amounts / seconds[:, np.newaxis]
        unit = relative.max(axis=0)  # A step and a multiply-accumulate differ by orders of magnitude.
        unit[unit == 0] = 1
        proportions, _ = optimize.nnls(relative / unit, np.ones(len(timed)))
        pace = proportions / unit
        return cls(*(float(value) for value in pace * (seconds.sum() / (amounts @ pace).sum())))
