"""What has to be done, and why: a pure function of the experiments and of what is stored.

A run is asked for by one or more arms. It is *reused* if it is stored, *needed* otherwise. Search runs depend on the
results of earlier ones, and so do replicates where seeds are added at looks: a plan is asked again whenever an arm has
all that it needed.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cnn_study.analysis import replication
from cnn_study.analysis.decisions import advanced
from cnn_study.execution.jobs import Job
from cnn_study.experiment import Arm, Design
from cnn_study.results import CheckRecord
from cnn_study.spec import CheckSpec, RunSpec
from cnn_study.training.search import Needed, Stored, trial_runs
from cnn_study.training.tuning import Tuned, search_of, searched, tune


@dataclass(frozen=True)
class Request:
    """A run that an arm asks for.

    Attributes:
        arm: The arm that asks for it.
        role: ``search`` or ``replicate``.
        run: The run that is asked for.
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
        search = "search, " if self.role == "search" else ""
        return f"{self.arm.name} ({search}seed {self.run.seeds.init}, rate {self.run.train.learning_rate:g})"


@dataclass(frozen=True)
class CheckRequest:
    """A check that a design asks for.

    Attributes:
        check: The check that is asked for.
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


class Agenda:
    """What a design asks for while its runs finish.

    It is a function of what is stored, and keeps only what no further run can change: learning rates that were chosen,
    and looks that have been judged. So every look is judged once, however many runs there are.

    Args:
        design: The experiment at the sizes of a profile.
        confirm: Whether verdicts are to be confirmed, by further seeds.
    """

    def __init__(self, design: Design, confirm: bool = False):
        self.design, self.confirm = design, confirm
        self.tuned: dict[str, Tuned] = {}
        self._searching: dict[str, Needed] = {}
        self._standings = [replication.beginning(rule, design) for rule in design.rules]

    def update(self, names: Collection[str], stored: Stored) -> None:
        """Take notice of runs of some arms.

        Args:
            names: Names of the arms.
            stored: Finished runs by key.
        """
        for name in names:
            if name not in self.tuned:
                self._search(self.design.arm(name), stored)
        for i, rule in enumerate(self.design.rules):
            if not set(names).isdisjoint(rule.estimate.arms):
                self._standings[i] = advanced(self._standings[i], rule, self.design, self.tuned, stored)

    def _search(self, arm: Arm, stored: Stored) -> None:
        step = tune(arm, self.design, stored)
        if isinstance(step, Tuned):
            self.tuned[arm.name] = step
            self._searching.pop(arm.name, None)
        else:
            self._searching[arm.name] = step

    def replicated(self, key: str) -> list[str]:
        """The arms that have a run among their replicates, whoever has asked for it, by name.

        Args:
            key: The key of the run.
        """
        return [name for name, tuned in self.tuned.items() if any(run.key == key for run in tuned.replicates)]

    def step(self, name: str) -> Tuned | Needed:
        """How far an arm has come, at the last update."""
        return self.tuned.get(name) or self._searching[name]

    @property
    def wanted(self) -> Mapping[str, int]:
        """Seeds that every arm needs now, by name."""
        return replication.wanted(self.design, zip(self.design.rules, self._standings, strict=True), self.confirm)

    def opened(self, name: str, seeds: int) -> bool:
        """Whether a rule that is open asks for so many seeds of an arm.

        Args:
            name: Name of the arm.
            seeds: Number of seeds.
        """
        about = (
            standing
            for rule, standing in zip(self.design.rules, self._standings, strict=True)
            if name in rule.estimate.arms
        )
        return any(each.state == "open" and each.wanted(self.design.sizes, self.confirm) == seeds for each in about)

    @property
    def most(self) -> Mapping[str, int]:
        """Seeds that every arm needs if every rule that asks for more goes on to the last look, by name."""
        return replication.most(self.design, zip(self.design.rules, self._standings, strict=True), self.confirm)

    def needed(self, stored: Stored) -> Iterator[Request]:
        """What must be trained before anything else can be asked for, arm by arm.

        Args:
            stored: Finished runs by key, at least those of the last update.
        """
        wanted = self.wanted
        for arm in self.design.arms:
            step = self.step(arm.name)
            role = "search" if isinstance(step, Needed) else "replicate"
            runs = step.runs if isinstance(step, Needed) else step.replicates[: wanted[arm.name]]
            yield from (Request(arm, role, run) for run in runs if run.key not in stored)


def agenda(design: Design, stored: Stored, confirm: bool = False) -> Agenda:
    """What a design asks for, given what is stored."""
    found = Agenda(design, confirm)
    found.update([arm.name for arm in design.arms], stored)
    return found


def needed(arm: Arm, design: Design, stored: Stored) -> list[Request]:
    """What this arm needs to have trained now; nothing when it is complete."""
    return [request for request in agenda(design, stored).needed(stored) if request.arm.name == arm.name]


def kept(agenda: Agenda, name: str, stored: Stored) -> list[Request]:
    """The replicates of an arm that are stored; none while its learning rate is being searched."""
    tuned = agenda.tuned.get(name)
    return [Request(tuned.arm, "replicate", record.spec) for record in tuned.records(stored)] if tuned else []


JobState = Literal["stored", "needed", "next", "later"]
"""``stored``; ``needed`` now; asked for ``next``, when searches have gone on, so that every rule comes to its next
look; or ``later``, if rules still ask for more then."""

STATES: tuple[JobState, ...] = get_args(JobState)
"""All states, the soonest first."""


@dataclass(frozen=True)
class Planned:
    """A run or a check of a plan.

    Attributes:
        identity: Equal for jobs that are done once, whoever asks for them.
        job: The run or check; at a rate from the middle of the grid where the best is not known yet.
        state: When it is asked for.
    """

    identity: Hashable
    job: Job
    state: JobState


def once(planned: Iterable[Planned]) -> list[Planned]:
    """Every job once, in the state of whoever asks for it first."""
    found: dict[Hashable, Planned] = {}
    for each in planned:
        known = found.setdefault(each.identity, each)
        if STATES.index(each.state) < STATES.index(known.state):
            found[each.identity] = each
    return list(found.values())


@dataclass(frozen=True)
class PlanRow:
    """One line of a plan: an arm or a check.

    Attributes:
        name: Name of the arm or check.
        planned: The jobs it asks for at most; for a search, without extensions of the grid.
        reason: Why anything is done, in words.
    """

    name: str
    planned: tuple[Planned, ...]
    reason: str

    def count(self, state: JobState) -> int:
        """How many of its jobs are in a state."""
        return sum(planned.state == state for planned in self.planned)


def plan(design: Design, stored: Stored, checks: Mapping[str, CheckRecord], confirm: bool = False) -> Iterator[PlanRow]:
    """The plan of an experiment, arm by arm, then check by check.

    Args:
        design: The experiment at the sizes of a profile.
        stored: Finished runs by key.
        checks: Finished checks by key.
        confirm: Whether verdicts are to be confirmed, by further seeds.
    """
    found = agenda(design, stored, confirm)
    wanted, most = found.wanted, found.most
    for arm in design.arms:
        step, name = found.step(arm.name), arm.name
        if isinstance(step, Needed):
            yield _searching(arm, design, step, wanted[name], most[name])
        else:
            why = "a rule is open" if found.opened(name, wanted[name]) else "a verdict is to be confirmed"
            yield _replicating(step, stored, wanted[name], most[name], design.sizes[0], why)
    for check in design.checks:
        done = check.key in checks
        planned = Planned(check.key, check, "stored" if done else "needed")
        yield PlanRow(f"check {check.check}", (planned,), "complete" if done else "nothing is stored")


def _searching(arm: Arm, design: Design, step: Needed, wanted: int, most: int) -> PlanRow:
    search = search_of(arm, design)
    asked = {run.train.learning_rate for run in (*step.stored, *step.runs)}
    tried = searched(arm, design)
    rest = [trial_runs(tried, search, rate, tried.train.epochs) for rate in search.rates if rate not in asked]
    middle = search.rates[len(search.rates) // 2]
    replicates = [arm.run(middle, seed, arm.probes) for seed in design.seeds[:most]]
    planned = (
        *(Planned(run.key, run, "stored") for run in step.stored),
        *(Planned(run.key, run, "needed") for run in step.runs),
        *(Planned(run.key, run, "next") for runs in rest for run in runs),
        *(Planned((search, run.key), run, "next") for run in replicates[:wanted]),
        *(Planned((search, run.key), run, "later") for run in replicates[wanted:]),
    )
    return PlanRow(arm.name, planned, "the learning rate is being searched" if step.stored else "nothing is stored")


def _replicating(tuned: Tuned, stored: Stored, wanted: int, most: int, first: int, why: str) -> PlanRow:
    now = (*tuned.search.runs, *tuned.replicates[:wanted])
    rest = tuned.replicates[wanted:]
    planned = (
        *(Planned(run.key, run, "stored" if run.key in stored else "needed") for run in now),
        *(Planned(run.key, run, "stored") for run in rest if run.key in stored),
        *(Planned(run.key, run, "later") for run in tuned.replicates[wanted:most] if run.key not in stored),
    )
    row = PlanRow(tuned.arm.name, planned, "complete")
    if not row.count("needed"):
        return row
    if wanted > first:
        return PlanRow(row.name, planned, f"{why}: {wanted} seeds")
    return PlanRow(row.name, planned, "replicates are missing" if row.count("stored") else "nothing is stored")
