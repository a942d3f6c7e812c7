"""An arm with its learning rate: what the search has chosen, and the replicates at that rate."""

from dataclasses import dataclass, replace

from cnn_study.experiment import Arm, Design, RateSearch
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec
from cnn_study.training.search import Chosen, Needed, Stored, next_step


@dataclass(frozen=True)
class Tuned:
    """An arm whose learning rate is known.

    Attributes:
        arm: The arm, as the experiment declares it.
        search: How the rate was found; without trials if the arm has a rate of its own.
        replicates: Its runs at that rate, one a seed, in the order of the seeds: all that may ever be needed.
    """

    arm: Arm
    search: Chosen
    replicates: tuple[RunSpec, ...]

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        """All its runs: those of the search by ascending rate, then the replicates."""
        return (*self.search.runs, *self.replicates)

    def records(self, stored: Stored) -> list[RunRecord]:
        """The replicates that are stored, in the order of the seeds."""
        return [stored[run.key] for run in self.replicates if run.key in stored]

    def first(self, seeds: int, stored: Stored) -> list[RunRecord] | None:
        """The replicates of the first seeds; ``None`` if not all of them are stored."""
        runs = self.replicates[:seeds]
        return [stored[run.key] for run in runs] if all(run.key in stored for run in runs) else None


def tune(arm: Arm, design: Design, stored: Stored) -> Tuned | Needed:
    """The arm with its learning rate, or the search runs it still needs. Only replicates are probed.

    Args:
        arm: The arm to tune.
        design: The design it belongs to, with the search and the seeds of the replicates.
        stored: Finished runs by key.

    Raises:
        InputError: The search minimizes an error on validation examples, and the arm has none.
    """
    step = _rate(arm, design, stored)
    if isinstance(step, Needed):
        return step
    return Tuned(arm, step, tuple(arm.run(step.rate, seed, arm.probes) for seed in design.seeds))


def _rate(arm: Arm, design: Design, stored: Stored) -> Chosen | Needed:
    if not arm.tuned:
        return Chosen(arm.train.learning_rate, (), inside=True)
    step = next_step(searched(arm, design), search_of(arm, design), stored)
    return replace(step, trials=()) if arm.rate_of and isinstance(step, Chosen) else step


def searched(arm: Arm, design: Design) -> Arm:
    """The arm whose search gives an arm its rate: another one where they share it."""
    return design.arm(arm.rate_of) if arm.rate_of else arm


def search_of(arm: Arm, design: Design) -> RateSearch:
    """The search that gives a tuned arm its rate."""
    assert design.search is not None  # noqa: S101 - a design with arms to be tuned has made sure
    rates = searched(arm, design).rates
    return design.search.on(rates) if rates else design.search
