"""An experiment at the sizes of one setting: arms, search, seeds, rules, checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnn_study.data.dataset import Dataset
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment.arm import Arm
from cnn_study.experiment.estimate import Agreement, HalfGap, TimeRatio
from cnn_study.experiment.rule import Rule
from cnn_study.experiment.search import RateSearch
from cnn_study.spec import CheckSpec, DataSpec

LOOKS = (4, 6, 9, 13, 20)
"""Numbers of seeds at which replication may end: a factor of about one and a half from each to the next. Their
boundaries are stored; those of others are calibrated when they are needed."""

FEWEST_AT_A_LOOK = 3
"""Smallest number of seeds at a look: with fewer, a standard deviation says too little to end anything."""


@dataclass(frozen=True)
class Design:
    """An experiment at the sizes of one setting.

    Attributes:
        arms: The arms that are compared.
        search: How each arm's learning rate is chosen; ``None`` if there is no arm to be tuned.
        seeds: The seeds of the replicates: the unit of replication.
        rules: The rules that decide the claims.
        proxy: Why the results stand for the published ones only as a proxy; empty if they do not.
        checks: Exact comparisons to be made once.
        looks: Numbers of seeds at which rules are judged, ascending, the last all seeds: arms get more seeds only while
            a rule about them is undecided or to be confirmed. Empty: every arm gets all seeds.
        own: Data sets that the arms use and that did not come with the suite, by name.
    """

    arms: tuple[Arm, ...]
    search: RateSearch | None
    seeds: tuple[int, ...]
    rules: tuple[Rule, ...]
    proxy: str = ""
    checks: tuple[CheckSpec, ...] = ()
    looks: tuple[int, ...] = ()
    own: Mapping[str, Dataset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_arms()
        self._check_seeds()
        for arm in self.arms:
            self._check_rates(arm)
        for rule in self.rules:
            self._check_rule(rule)
        if self.looks:
            self._check_looks()

    def _check_arms(self) -> None:
        names = self._names
        if not names and not self.checks:
            raise InputError("an experiment needs at least one arm or check")
        if self.search is None and any(arm.tuned for arm in self.arms):
            raise InputError("arms that are tuned need a search for the learning rate")
        if len(set(names)) < len(names):
            raise InputError(f"arms must have different names: {names}")

    def _check_seeds(self) -> None:
        if self.arms and not self.seeds:
            raise InputError("arms need at least one seed for their replicates")
        if any(seed < 0 for seed in self.seeds):
            raise InputError(f"seeds must not be negative: {self.seeds}")
        if len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"the replicates must have different seeds: {self.seeds}")
        for seed in self.search.seeds if self.search else ():
            if seed in self.seeds:
                raise InputError(f"the search seed {seed} must not be one of the replicates' seeds")

    def _check_rates(self, arm: Arm) -> None:
        """Refuse an arm whose rates are no grid, or that shares the rate of an arm without a search of its own."""
        if self.search and arm.rates:
            try:
                self.search.on(arm.rates)
            except InputError as error:
                raise arm.refused(error) from None
        if arm.rate_of and arm.rate_of not in self._names:
            raise arm.refused(unknown_name("arm", arm.rate_of, self._names))
        if arm.rate_of and (self.arm(arm.rate_of).rate_of or not self.arm(arm.rate_of).tuned):
            raise arm.refused(InputError(f"the arm {arm.rate_of!r} has no search of its own to share its rate"))

    def _check_rule(self, rule: Rule) -> None:
        """Refuse a rule about an arm or a check that there is not, and a premise of nothing."""
        names, checks = self._names, [check.check for check in self.checks]
        for name in rule.estimate.arms:
            if name not in names:
                raise rule.refused(unknown_name("arm", name, names))
        beside = [each for each in self.rules if (each.claim, each.aspect) == (rule.claim, rule.aspect)]
        if all(each.premise for each in beside):
            raise rule.refused(
                InputError(f"the mechanism of {rule.claim} has a premise and no rule: say what would decide it")
            )
        if isinstance(rule.estimate, Agreement) and rule.estimate.check not in checks:
            raise rule.refused(unknown_name("check", rule.estimate.check, checks))

    def _check_looks(self) -> None:
        if len(self.looks) == 1:
            raise InputError(f"one look, at {self.looks[0]} seeds, is a fixed number of seeds: leave looks out")
        if self.looks[0] < FEWEST_AT_A_LOOK:
            raise InputError(f"the first look needs at least {FEWEST_AT_A_LOOK} seeds: got looks {self.looks}")
        if any(a >= b for a, b in zip(self.looks, self.looks[1:], strict=False)):
            raise InputError(f"looks must be ascending numbers of seeds: got {self.looks}")
        if self.looks[-1] != len(self.seeds):
            raise InputError(f"the last look must have all {len(self.seeds)} seeds: got looks {self.looks}")

    @property
    def _names(self) -> list[str]:
        return [arm.name for arm in self.arms]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of seeds at which rules are judged: the looks, or all seeds at once."""
        return self.looks or (len(self.seeds),)

    def arm(self, name: str) -> Arm:
        """The arm of a name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, in the order of the arms."""
        return tuple(dict.fromkeys(arm.condition for arm in self.arms))

    @property
    def threshold(self) -> float | None:
        """The training error that is timed by the search, else by the first rule that times one; ``None``: by none."""
        return next(iter(self.thresholds), None)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The training errors that are timed, each once: that of the search, then those of the rules in their order."""
        timed = [rule.estimate.threshold for rule in self.rules if isinstance(rule.estimate, TimeRatio | HalfGap)]
        return tuple(dict.fromkeys(timed if self.sought is None else [self.sought, *timed]))

    @property
    def sought(self) -> float | None:
        """The training error that is timed by the search; ``None``: there is no search, or it times none."""
        return self.search.sought if self.search else None

    def dataset(self, data: DataSpec) -> Dataset:
        """The data set of an arm's images.

        Raises:
            InputError: There is no data set of that name.
        """
        known = {**DATASETS, **self.own}
        if data.name not in known:
            raise unknown_name("data set", data.name, known)
        return known[data.name]

    def examples(self, data: DataSpec) -> int:
        """Training examples of an epoch on an arm's images, displaced copies too."""
        return data.examples(self.dataset(data).arrays["x_train"].shape[0])
