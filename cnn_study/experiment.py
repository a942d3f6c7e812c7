"""What an experiment is: claims, arms, seeds, decision rules and figures, all as data.

Nothing here trains or plots. A module of ``experiments/`` declares one :class:`Experiment`; the plan turns it into
runs, the analysis applies its rules to the stored results, and the figures it names are drawn from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cnn_study.errors import InputError, unknown_name
from cnn_study.spec import DataSpec, ModelSpec, RunSpec, Seeds, TrainSpec

Provenance = Literal["primary", "abstract", "secondary", "memory"]
"""How surely a published number is known: read in the paper or a full copy of it; read in its abstract; quoted by
another source; remembered and not checked since."""

Aspect = Literal["direction", "magnitude", "mechanism"]
Verdict = Literal["supported", "contradicted", "mixed", "inconclusive", "not tested"]

PROFILES: Mapping[str, str] = {
    "smoke": "the embedded digits, about a minute: shows that everything works, decides nothing",
    "quick": "subsets of the real images, at most 20 minutes on two cores: directions only",
    "full": "the scale of the papers, hours: the only profile compared with published numbers",
}


@dataclass(frozen=True)
class Published:
    """A number somebody published.

    Attributes:
        quantity: What was measured, with its unit.
        value: The number.
        source: Where it stands: authors, year, figure or table.
        provenance: How surely it is known.
        about: Label of the arm it is about, or of the two that it compares, ``A / B``.
    """

    quantity: str
    value: float
    source: str
    provenance: Provenance
    about: str

    @property
    def text(self) -> str:
        """The number as it may be shown: with "approximately" before one that is only remembered."""
        return f"{'approximately ' if self.provenance == 'memory' else ''}{self.value:g}"


@dataclass(frozen=True)
class Claim:
    """A claim, or a part of one that gets its own verdicts.

    Attributes:
        name: Its identifier, for example ``relu-beats-tanh``.
        statement: The claim in one sentence.
        published: The numbers it rests on.
        untested: For each aspect that no rule decides: why.
    """

    name: str
    statement: str
    published: tuple[Published, ...] = ()
    untested: Mapping[Aspect, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One setting of the things under study, to be tuned and replicated.

    Attributes:
        name: Unique in the experiment.
        label: What figures call it.
        condition: The background under which arms are compared, for example an initialization.
        data: The images.
        model: The network.
        train: The training, with any learning rate: the search replaces it.
    """

    name: str
    label: str
    condition: str
    data: DataSpec
    model: ModelSpec
    train: TrainSpec

    def run(self, learning_rate: float, seed: int) -> RunSpec:
        """The run of this arm with a learning rate and a seed."""
        train = self.train.but(learning_rate=learning_rate)
        return RunSpec(data=self.data, model=self.model, train=train, seeds=Seeds.all(seed))


@dataclass(frozen=True)
class TimeToTrainError:
    """Epochs until the training error first reaches a threshold: smaller is better, never reaching it is censored.

    Attributes:
        threshold: Training error, between 0 and 1.
    """

    threshold: float

    @property
    def text(self) -> str:
        """The quantity in words."""
        return f"epochs to {100 * self.threshold:g} % training error"


@dataclass(frozen=True)
class ValidationError:
    """Error on the validation split after the last epoch, between 0 and 1: smaller is better."""

    @property
    def text(self) -> str:
        """The quantity in words."""
        return "validation error after the last epoch"


Objective = TimeToTrainError | ValidationError


@dataclass(frozen=True)
class RateSearch:
    """How the learning rate of every arm is chosen: the same grid and the same budget for each.

    Attributes:
        objective: What the best rate minimizes. The test set is never looked at.
        rates: The grid to begin with, ascending by a constant factor.
        seed: Of the search runs. The replicates use other seeds.
        extensions: How many rates may be added when the best lies on the edge of the grid.
    """

    objective: Objective
    rates: tuple[float, ...]
    seed: int = 1000
    extensions: int = 6

    def __post_init__(self) -> None:
        if len(self.rates) < 3:
            raise InputError(f"a rate search needs at least 3 rates, so that one can be inside: got {self.rates}")
        if not min(self.rates) > 0:
            raise InputError(f"rates must be positive: got {self.rates}")
        steps = [b / a for a, b in zip(self.rates, self.rates[1:], strict=False)]
        if min(steps) <= 1 or max(steps) / min(steps) > 1.001:
            raise InputError(f"rates must ascend by a constant factor: got {self.rates}")

    @property
    def factor(self) -> float:
        """Ratio of neighboring rates."""
        return self.rates[1] / self.rates[0]


@dataclass(frozen=True)
class TimeRatio:
    """Geometric mean, over seeds, of the ratio of two arms' times to a training error.

    Attributes:
        numerator: Name of the arm whose time stands above.
        denominator: Name of the arm whose time stands below.
        threshold: Training error, between 0 and 1.
    """

    numerator: str
    denominator: str
    threshold: float


@dataclass(frozen=True)
class Rule:
    """Decides one aspect of a claim under one condition: where does the interval of an estimate lie?

    Inside ``[low, high]``: supported. Outside of it altogether: contradicted. Across a limit: inconclusive.

    Attributes:
        claim: Name of the claim.
        aspect: Which of its verdicts.
        condition: Under which the compared arms were run.
        estimate: What is estimated.
        low: Lower limit of the range that supports the claim.
        high: Upper limit of that range.
        published: Whether the range comes from a published number, so that a proxy must not be held against it.
    """

    claim: str
    aspect: Aspect
    condition: str
    estimate: TimeRatio
    low: float = 0.0
    high: float = float("inf")
    published: bool = False

    @property
    def sentence(self) -> str:
        """The rule in words."""
        what = f"the ratio of the times of {self.estimate.numerator} and {self.estimate.denominator} to " + (
            f"{100 * self.estimate.threshold:g} % training error"
        )
        if self.high == float("inf"):
            return f"Supported if the interval of {what} lies above {self.low:g}, contradicted if it lies below."
        return (
            f"Supported if the interval of {what} lies within {self.low:g} to {self.high:g}, "
            "contradicted if it lies outside."
        )


@dataclass(frozen=True)
class Design:
    """An experiment at the sizes of one profile.

    Attributes:
        arms: The settings compared.
        search: How each arm's learning rate is chosen.
        seeds: Of the replicates: the unit of replication.
        rules: What decides the claims.
        proxy: Why the results stand for the published ones only as a proxy; empty if they do not.
    """

    arms: tuple[Arm, ...]
    search: RateSearch
    seeds: tuple[int, ...]
    rules: tuple[Rule, ...]
    proxy: str = ""

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if not names:
            raise InputError("an experiment needs at least one arm")
        if len(set(names)) < len(names):
            raise InputError(f"arms must have different names: {names}")
        if len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"the replicates must have different seeds: {self.seeds}")
        if self.search.seed in self.seeds:
            raise InputError(f"the search seed {self.search.seed} must not be one of the replicates' seeds")
        for rule in self.rules:
            for name in (rule.estimate.numerator, rule.estimate.denominator):
                if name not in names:
                    raise unknown_name("arm", name, names)

    def arm(self, name: str) -> Arm:
        """The arm of a name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, in the order of the arms."""
        return tuple(dict.fromkeys(arm.condition for arm in self.arms))


@dataclass(frozen=True)
class Experiment:
    """A group of claims and the design that tests them.

    Attributes:
        name: Its identifier: the name of its module.
        title: For people.
        claims: What is tested.
        design: Gives the design for a profile and a data set name that replaces the experiment's own (or ``None``).
        figures: Names of the figures drawn from its results.
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    design: Callable[[str, str | None], Design]
    figures: tuple[str, ...]

    def at(self, profile: str, fallback: str | None = None) -> Design:
        """The design for a profile.

        Args:
            profile: One of :data:`PROFILES`.
            fallback: A data set that takes the place of the experiment's own.

        Raises:
            InputError: There is no such profile.
        """
        if profile not in PROFILES:
            raise unknown_name("profile", profile, PROFILES)
        return self.design(profile, fallback)
