"""What has to be trained, and why: a pure function of the experiments and of what is stored.

A run is asked for by one or more arms. It is *reused* if it is stored, *needed* otherwise. Search runs depend on the
results of earlier ones, so a plan is asked again whenever a run has finished.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cnn_study.experiment import Arm, Design
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec
from cnn_study.training.search import Chosen, Needed, next_step

Stored = Mapping[str, RunRecord]


@dataclass(frozen=True)
class Tuned:
    """An arm whose learning rate is chosen.

    Attributes:
        arm: The arm.
        search: How the rate was found.
        replicates: Its runs at that rate, one a seed.
    """

    arm: Arm
    search: Chosen
    replicates: tuple[RunSpec, ...]

    def records(self, stored: Stored) -> list[RunRecord]:
        """The replicates that are stored, in the order of the seeds."""
        return [stored[run.key] for run in self.replicates if run.key in stored]


@dataclass(frozen=True)
class Request:
    """A run that an arm asks for.

    Attributes:
        arm: Who asks.
        role: ``search`` or ``replicate``.
        run: For what.
    """

    arm: Arm
    role: str
    run: RunSpec

    @property
    def label(self) -> str:
        """What the progress display calls it."""
        what = "search" if self.role == "search" else f"seed {self.run.seeds.init}"
        return f"{self.arm.name} {what}, rate {self.run.train.learning_rate:g}"


def tune(arm: Arm, design: Design, stored: Stored) -> Tuned | Needed:
    """The tuned arm, or the search runs it still needs."""
    step = next_step(arm, design.search, stored)
    if isinstance(step, Needed):
        return step
    return Tuned(arm, step, tuple(arm.run(step.rate, seed) for seed in design.seeds))


def needed(arm: Arm, design: Design, stored: Stored) -> list[Request]:
    """What this arm needs to have trained now; nothing when it is complete."""
    tuned = tune(arm, design, stored)
    if isinstance(tuned, Needed):
        return [Request(arm, "search", run) for run in tuned.runs]
    return [Request(arm, "replicate", run) for run in tuned.replicates if run.key not in stored]


@dataclass(frozen=True)
class PlanRow:
    """One line of a plan.

    Attributes:
        arm: Name of the arm.
        reused: Stored runs it uses.
        needed: Runs it needs now.
        later: Upper limit of the runs it may need after those.
        images: Upper limit of the training images of ``needed`` and ``later`` runs together.
        reason: Why anything is trained.
    """

    arm: str
    reused: int
    needed: int
    later: int
    images: int
    reason: str


def plan(design: Design, stored: Stored, dataset_size: Callable[[str], int]) -> Iterator[PlanRow]:
    """The plan of an experiment, arm by arm.

    Args:
        design: The experiment at the sizes of a profile.
        stored: Finished runs by key.
        dataset_size: Gives the training examples of a data set, for arms that use all of them.
    """
    for arm in design.arms:
        requests = needed(arm, design, stored)
        tuned = tune(arm, design, stored)
        size = arm.data.train_size or dataset_size(arm.data.name) - arm.data.validation_size
        later = 0
        if isinstance(tuned, Tuned):
            used = [trial.spec for trial in tuned.search.trials] + list(tuned.replicates)
            reason = "replicates are missing" if requests else "complete"
        else:
            used = _stored_trials(arm, design, stored)
            later = len(design.search.rates) - len(used) - len(requests) + len(design.seeds)
            reason = "the learning rate is being searched" if used else "nothing is stored"
        reused = sum(run.key in stored for run in used)
        images = (len(requests) + later) * arm.train.epochs * size
        yield PlanRow(arm.name, reused, len(requests), later, images, reason)


def _stored_trials(arm: Arm, design: Design, stored: Stored) -> list[RunSpec]:
    search = [record.spec for record in stored.values() if record.spec.seeds.init == design.search.seed]
    return [run for run in search if run.model == arm.model and run.data == arm.data]
