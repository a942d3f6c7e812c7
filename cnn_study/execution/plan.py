"""What has to be done, and why: a pure function of the experiments and of what is stored.

A run is asked for by one or more arms. It is *reused* if it is stored, *needed* otherwise. Search runs depend on the
results of earlier ones, so a plan is asked again whenever a run has finished.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cnn_study.execution.jobs import Job
from cnn_study.experiment import Arm, Design, RateSearch
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.spec import CheckSpec, RunSpec
from cnn_study.training.search import Chosen, Needed, next_step, trial_run

Stored = Mapping[str, RunRecord]


@dataclass(frozen=True)
class Tuned:
    """An arm whose learning rate is known.

    Attributes:
        arm: The arm.
        search: How the rate was found; without trials if the arm has a rate of its own.
        replicates: Its runs at that rate, one a seed.
    """

    arm: Arm
    search: Chosen
    replicates: tuple[RunSpec, ...]

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        """All its runs: those of the search by ascending rate, then the replicates."""
        return (*(trial.spec for trial in self.search.trials), *self.replicates)

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
    role: Literal["search", "replicate"]
    run: RunSpec

    @property
    def job(self) -> RunSpec:
        """The run."""
        return self.run

    @property
    def label(self) -> str:
        """What the progress display calls it."""
        what = "search" if self.role == "search" else f"seed {self.run.seeds.init}"
        return f"{self.arm.name} {what}, rate {self.run.train.learning_rate:g}"


@dataclass(frozen=True)
class CheckRequest:
    """A check that a design asks for.

    Attributes:
        check: Which.
    """

    check: CheckSpec

    @property
    def job(self) -> CheckSpec:
        """The check."""
        return self.check

    @property
    def label(self) -> str:
        """What the progress display calls it."""
        return f"check {self.check.check}"


def tune(arm: Arm, design: Design, stored: Stored) -> Tuned | Needed:
    """The arm with its learning rate, or the search runs it still needs. Only replicates are probed."""
    step = next_step(arm, _search(design), stored) if arm.tuned else Chosen(arm.train.learning_rate, (), inside=True)
    if isinstance(step, Needed):
        return step
    return Tuned(arm, step, tuple(arm.run(step.rate, seed, arm.probes) for seed in design.seeds))


def needed(arm: Arm, design: Design, stored: Stored) -> list[Request]:
    """What this arm needs to have trained now; nothing when it is complete."""
    tuned = tune(arm, design, stored)
    if isinstance(tuned, Needed):
        return [Request(arm, "search", run) for run in tuned.runs]
    return [Request(arm, "replicate", run) for run in tuned.replicates if run.key not in stored]


def kept(arm: Arm, design: Design, stored: Stored) -> list[Request]:
    """The replicates of this arm that are stored; none while its learning rate is being searched."""
    tuned = tune(arm, design, stored)
    records = [] if isinstance(tuned, Needed) else tuned.records(stored)
    return [Request(arm, "replicate", record.spec) for record in records]


def _search(design: Design) -> RateSearch:
    assert design.search is not None  # noqa: S101 - a design with arms to be tuned has made sure
    return design.search


@dataclass(frozen=True)
class Planned:
    """A run or a check of a plan.

    Attributes:
        identity: Equal for jobs that are done once, whoever asks for them.
        job: The run or check; at a rate from the middle of the grid where the best is not known yet.
        state: ``stored``; ``needed`` now; or asked for ``later``, when the search has gone on.
    """

    identity: Hashable
    job: Job
    state: Literal["stored", "needed", "later"]


@dataclass(frozen=True)
class PlanRow:
    """One line of a plan: an arm or a check.

    Attributes:
        name: Of the arm or check.
        planned: What it asks for; for a search, without extensions of the grid.
        reason: Why anything is done.
    """

    name: str
    planned: tuple[Planned, ...]
    reason: str

    def count(self, state: str) -> int:
        """How many of its jobs are in a state."""
        return sum(planned.state == state for planned in self.planned)


def plan(design: Design, stored: Stored, checks: Mapping[str, CheckRecord]) -> Iterator[PlanRow]:
    """The plan of an experiment, arm by arm, then check by check.

    Args:
        design: The experiment at the sizes of a profile.
        stored: Finished runs by key.
        checks: Finished checks by key.
    """
    for arm in design.arms:
        step = tune(arm, design, stored)
        yield _searching(arm, design, step) if isinstance(step, Needed) else _replicating(step, stored)
    for check in design.checks:
        done = check.key in checks
        planned = Planned(check.key, check, "stored" if done else "needed")
        yield PlanRow(f"check {check.check}", (planned,), "complete" if done else "nothing is stored")


def _searching(arm: Arm, design: Design, step: Needed) -> PlanRow:
    search = _search(design)
    asked = {run.train.learning_rate for run in (*step.stored, *step.runs)}
    trials = [trial_run(arm, search, rate, arm.train.epochs) for rate in search.rates if rate not in asked]
    middle = search.rates[len(search.rates) // 2]
    replicates = [arm.run(middle, seed, arm.probes) for seed in design.seeds]
    planned = (
        *(Planned(run.key, run, "stored") for run in step.stored),
        *(Planned(run.key, run, "needed") for run in step.runs),
        *(Planned(run.key, run, "later") for run in trials),
        *(Planned((search, run.key), run, "later") for run in replicates),
    )
    return PlanRow(arm.name, planned, "the learning rate is being searched" if step.stored else "nothing is stored")


def _replicating(tuned: Tuned, stored: Stored) -> PlanRow:
    planned = tuple(Planned(run.key, run, "stored" if run.key in stored else "needed") for run in tuned.runs)
    row = PlanRow(tuned.arm.name, planned, "complete")
    if row.count("needed"):
        return PlanRow(row.name, planned, "replicates are missing" if row.count("stored") else "nothing is stored")
    return row
