"""How the learning rate of every arm is chosen."""

import math
from dataclasses import dataclass, replace

from cnn_study.errors import InputError
from cnn_study.experiment.estimate import check_threshold


@dataclass(frozen=True)
class TimeToTrainError:
    """Epochs until the training error first reaches a threshold: smaller is better, never reaching it is censored.

    Attributes:
        threshold: Training error, between 0 and 1.
    """

    threshold: float

    def __post_init__(self) -> None:
        check_threshold(self.threshold)

    @property
    def text(self) -> str:
        """The quantity in words."""
        return f"epochs to {100 * self.threshold:g} % training error"


@dataclass(frozen=True)
class LowestValidationError:
    """Error on the validation split after the last epoch, between 0 and 1: smaller is better."""

    @property
    def text(self) -> str:
        """The quantity in words."""
        return "validation error after the last epoch"


Objective = TimeToTrainError | LowestValidationError


@dataclass(frozen=True)
class RateSearch:
    """How the learning rate of every arm is chosen: the same grid and the same budget for each.

    Attributes:
        objective: The number that the best rate minimizes. The test set is never looked at.
        rates: The grid to begin with, ascending by a constant factor.
        seed: The seed of the first of the search runs. The replicates use other seeds.
        repeats: Number of seeds that every rate is tried with; the worst of them counts, so that a rate at which some
            fail to train is not taken for a good one.
        extensions: Largest number of rates that are added when the best lies on the edge of the grid.
    """

    objective: Objective
    rates: tuple[float, ...]
    seed: int = 1000
    extensions: int = 6
    repeats: int = 1

    def __post_init__(self) -> None:
        if len(self.rates) < 3:
            raise InputError(f"a rate search needs at least 3 rates, so that one can be inside: got {self.rates}")
        if not all(0 < rate < math.inf for rate in self.rates):
            raise InputError(f"rates must be positive numbers: got {self.rates}")
        steps = [b / a for a, b in zip(self.rates, self.rates[1:], strict=False)]
        if min(steps) <= 1 or max(steps) / min(steps) > 1.001:
            raise InputError(f"rates must ascend by a constant factor: got {self.rates}")
        if self.seed < 0 or self.extensions < 0:
            raise InputError(f"seed and extensions must not be negative: got {self.seed} and {self.extensions}")
        if self.repeats < 1:
            raise InputError(f"every rate must be tried with at least one seed: got {self.repeats}")

    @property
    def sought(self) -> float | None:
        """The training error that is timed; ``None``: the best rate is that of the lowest validation error."""
        return self.objective.threshold if isinstance(self.objective, TimeToTrainError) else None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that every rate is tried with."""
        return tuple(range(self.seed, self.seed + self.repeats))

    def on(self, rates: tuple[float, ...]) -> "RateSearch":
        """This search, begun on another grid.

        Raises:
            InputError: The rates are no grid.
        """
        return replace(self, rates=rates)

    @property
    def factor(self) -> float:
        """Ratio of neighboring rates."""
        return self.rates[1] / self.rates[0]
