"""What an experiment is: claims, arms, checks, seeds, decision rules and figures, all as data.

Nothing here trains or plots. A module of ``experiments/`` declares one :class:`Experiment`; the plan turns it into
runs, the analysis applies its rules to the stored results, and the figures it names are drawn from them.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cnn_study.errors import InputError, unknown_name
from cnn_study.spec import CheckSpec, DataSpec, ModelSpec, ProbeName, RunSpec, Seeds, TrainSpec

Provenance = Literal["primary", "abstract", "secondary", "memory"]
"""How surely a published number is known: read in the paper or a full copy of it; read in its abstract; quoted by
another source; remembered and not checked since."""
PROVENANCES: Mapping[Provenance, str] = {
    "primary": "read in the paper",
    "abstract": "read in its abstract",
    "secondary": "quoted by another source",
    "memory": "remembered, not checked since",
}
"""The same in words for people."""


Aspect = Literal["direction", "magnitude", "mechanism"]
Verdict = Literal["supported", "contradicted", "mixed", "inconclusive", "not tested"]

PROFILES: Mapping[str, str] = {
    "smoke": "the embedded digits, minutes: shows that everything works, decides nothing",
    "quick": "subsets of the real images, about half an hour on two cores: directions only",
    "full": "the scale of the papers, days: the only profile compared with published numbers",
}


LOOKS = (4, 6, 9, 13, 20)
"""Numbers of seeds at which replication may end: a factor of about one and a half from each to the next. Their
boundaries are stored; those of others are calibrated when they are needed."""

FEWEST_AT_A_LOOK = 3
"""Seeds, below which a standard deviation says too little to end anything."""


@dataclass(frozen=True)
class Published:
    """A number somebody published.

    Attributes:
        quantity: What was measured, with its unit.
        value: The number.
        source: Where it stands: authors, year, figure or table.
        provenance: How surely it is known.
        about: Label of the arm it is about, or of the two that it compares, ``A / B``.
        dataset: Name of the data set it is for, if it must not stand beside what was measured on another.
    """

    quantity: str
    value: float
    source: str
    provenance: Provenance
    about: str
    dataset: str | None = None

    def fits(self, datasets: Collection[str]) -> bool:
        """Whether it may stand beside what was measured on these data sets."""
        return self.dataset is None or self.dataset in datasets

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
        level: Where the arm stands on a numeric axis of a figure, for example its field size.
        tuned: Whether the learning rate is searched. ``False``: it is part of what is studied, and that of ``train``
            is used.
        probes: What is measured on the replicates beside their errors.
    """

    name: str
    label: str
    condition: str
    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    level: float | None = None
    tuned: bool = True
    probes: tuple[ProbeName, ...] = ()

    def run(self, learning_rate: float, seed: int, probes: tuple[ProbeName, ...] = ()) -> RunSpec:
        """The run of this arm with a learning rate, a seed and probes."""
        train = self.train.but(learning_rate=learning_rate)
        seeds = Seeds.of(seed, self.model)
        return RunSpec(data=self.data, model=self.model, train=train, seeds=seeds, probes=probes)


def _check_threshold(threshold: float) -> None:
    if not 0 <= threshold < 1:
        raise InputError(f"a threshold is a fraction of wrong answers, from 0 to below 1: got {threshold}")


@dataclass(frozen=True)
class TimeToTrainError:
    """Epochs until the training error first reaches a threshold: smaller is better, never reaching it is censored.

    Attributes:
        threshold: Training error, between 0 and 1.
    """

    threshold: float

    def __post_init__(self) -> None:
        _check_threshold(self.threshold)

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
        if not all(0 < rate < math.inf for rate in self.rates):
            raise InputError(f"rates must be positive numbers: got {self.rates}")
        steps = [b / a for a, b in zip(self.rates, self.rates[1:], strict=False)]
        if min(steps) <= 1 or max(steps) / min(steps) > 1.001:
            raise InputError(f"rates must ascend by a constant factor: got {self.rates}")
        if self.seed < 0 or self.extensions < 0:
            raise InputError(f"seed and extensions must not be negative: got {self.seed} and {self.extensions}")

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

    def __post_init__(self) -> None:
        _check_threshold(self.threshold)

    @property
    def exponents(self) -> tuple[tuple[str, float], ...]:
        """The powers of the arms' times whose product is estimated."""
        return ((self.numerator, 1.0), (self.denominator, -1.0))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it needs."""
        return (self.numerator, self.denominator)

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return (
            f"the ratio of the times of {self.numerator} and {self.denominator} to "
            f"{100 * self.threshold:g} % training error"
        )


@dataclass(frozen=True)
class HalfGap:
    """Whether a remedy removes more than half of the gap between a slow arm and a fast one.

    With T the time to a training error, it is the geometric mean over seeds of sqrt(T_slow T_fast) / T_remedied: above
    1 if the remedied arm is nearer to the fast one than to the slow one, on a logarithmic scale. Unlike the share of
    the gap itself, log(T_slow / T_remedied) / log(T_slow / T_fast), it has no denominator that may be near to zero.

    Attributes:
        slow: Name of the arm with the trouble.
        fast: Name of the arm without it.
        remedied: Name of the arm from which the stated cause was taken away.
        threshold: Training error, between 0 and 1.
    """

    slow: str
    fast: str
    remedied: str
    threshold: float

    def __post_init__(self) -> None:
        _check_threshold(self.threshold)

    @property
    def exponents(self) -> tuple[tuple[str, float], ...]:
        """The powers of the arms' times whose product is estimated."""
        return ((self.slow, 0.5), (self.fast, 0.5), (self.remedied, -1.0))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it needs."""
        return (self.slow, self.fast, self.remedied)

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return (
            f"the time to {100 * self.threshold:g} % training error half-way between {self.slow} and {self.fast}, "
            f"divided by that of {self.remedied}"
        )


@dataclass(frozen=True)
class Term:
    """An outcome of an arm with its coefficient in a contrast.

    Attributes:
        coefficient: What the outcome is multiplied by.
        arm: Name of the arm.
        metric: Name of the outcome, for example ``test_error``.
    """

    coefficient: float
    arm: str
    metric: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.coefficient):
            raise InputError(f"the coefficient of {self.metric} of {self.arm} must be a number: got {self.coefficient}")


@dataclass(frozen=True)
class Contrast:
    """Mean, over seeds, of a weighted sum of outcomes of one or more arms.

    Attributes:
        terms: The outcomes with their coefficients.
        text: What is estimated, in words that begin in lower case and name the arms.
        unit: Of the estimate, for example ``points``.
    """

    terms: tuple[Term, ...]
    text: str
    unit: str = "points"

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError(f"the contrast {self.text!r} needs at least one term")

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it needs."""
        return tuple(dict.fromkeys(term.arm for term in self.terms))


def gain(better: str, worse: str, metric: str = "test_error") -> Contrast:
    """By how many points an error falls from one arm to another: 100 (error of ``worse`` - error of ``better``)."""
    terms = (Term(100.0, worse, metric), Term(-100.0, better, metric))
    return Contrast(terms, f"the gain in {metric.replace('_', ' ')} from {worse} to {better}")


@dataclass(frozen=True)
class Agreement:
    """The share of the cases of an exact check in which what was built agrees with the formula.

    Attributes:
        check: Name of the check.
    """

    check: str

    @property
    def arms(self) -> tuple[str, ...]:
        """It needs no arm."""
        return ()

    @property
    def text(self) -> str:
        """What is estimated, in words."""
        return f"the share of cases of the check {self.check} that agree"


Estimate = TimeRatio | HalfGap | Contrast | Agreement


@dataclass(frozen=True)
class Rule:
    """Decides one aspect of a claim under one condition: where does the interval of an estimate lie?

    Inside of the limits: supported. Outside of them: contradicted. Across or on a limit: inconclusive. Rules of
    the same claim, aspect and condition must all support it; one that contradicts it is enough.

    Attributes:
        claim: Name of the claim.
        aspect: Which of its verdicts.
        condition: Under which the compared arms were run.
        estimate: What is estimated.
        low: Lower limit of the range that supports the claim.
        high: Upper limit of that range.
        published: Whether the range comes from a published number, so that a proxy must not be held against it.
        equivalence: Whether the claim is that there is no difference beyond the range. It is then decided by two
            one-sided tests at 5 %, which is to say by a 90 % interval (Schuirmann 1987).
        smallest: The smallest effect of interest, in the unit of the estimate; for ratios a factor above 1. Only for
            rules with one limit: they are contradicted as soon as an effect that lies so far beyond the limit is
            excluded, by a one-sided test at 5 %. ``None``: none is named.
    """

    claim: str
    aspect: Aspect
    condition: str
    estimate: Estimate
    low: float = float("-inf")
    high: float = float("inf")
    published: bool = False
    equivalence: bool = False
    smallest: float | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(f"the rule for {self.claim} needs a range: {self.low} is not below {self.high}")
        if self.equivalence and not (abs(self.low) < float("inf") and abs(self.high) < float("inf")):
            raise InputError(f"the rule for {self.claim} tests an equivalence: give it both limits")
        if self.smallest is not None:
            self._check_smallest(self.smallest)

    def _check_smallest(self, smallest: float) -> None:
        if isinstance(self.estimate, Agreement) or math.isinf(self.low) == math.isinf(self.high):
            raise InputError(f"the rule for {self.claim} has a smallest effect of interest: give it one limit")
        least = 0 if isinstance(self.estimate, Contrast) else 1
        if not least < smallest < math.inf:
            raise InputError(
                f"the smallest effect of interest of the rule for {self.claim} must be above {least}: got {smallest:g}"
            )

    @property
    def relevant(self) -> tuple[float, float]:
        """The limits that an effect of interest lies within: those of the rule, moved by the smallest one."""
        if self.smallest is None:
            return self.low, self.high
        if isinstance(self.estimate, Contrast):
            return self.low + self.smallest, self.high - self.smallest
        return self.low * self.smallest, self.high / self.smallest

    @property
    def sentence(self) -> str:
        """The rule in words."""
        if isinstance(self.estimate, Agreement):
            return f"Supported if {self.estimate.text} is 1, contradicted if it is less."
        unit = f" {self.estimate.unit}" if isinstance(self.estimate, Contrast) and self.estimate.unit else ""
        what = f"the {'90 % ' if self.equivalence else ''}interval of {self.estimate.text}"
        low, high = self.relevant
        if self.high == float("inf"):
            below = "it lies below" if self.smallest is None else f"its 90 % interval lies below {low:g}{unit}"
            return f"Supported if {what} lies above {self.low:g}{unit}, contradicted if {below}."
        if self.low == float("-inf"):
            above = "it lies above" if self.smallest is None else f"its 90 % interval lies above {high:g}{unit}"
            return f"Supported if {what} lies below {self.high:g}{unit}, contradicted if {above}."
        return f"Supported if {what} lies within {self.low:g} to {self.high:g}{unit}, contradicted if it lies outside."


@dataclass(frozen=True)
class Plot:
    """A figure of an experiment.

    Attributes:
        kind: Name of the function that draws it, see :mod:`cnn_study.figures.draw`.
        name: What its files are called, after the name of the experiment; empty: like its kind.
        metric: The outcome or the measured value that it shows; of a table of a check, ``CHECK:SERIES``: its name and
            the column that tells the lines apart.
        x: Label of the horizontal axis; of a table, the name of the column that is shown on it.
        y: Label of the vertical axis; of a table, the name of the column that is shown on it.
        logarithmic: Axes with a logarithmic scale: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
        arms: Names of the arms shown; empty: all.
    """

    kind: str
    name: str = ""
    metric: str = "test_error"
    x: str = ""
    y: str = ""
    logarithmic: Literal["", "x", "y", "xy"] = ""
    arms: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Its name, or that of its kind."""
        return self.name or self.kind


@dataclass(frozen=True)
class Design:
    """An experiment at the sizes of one profile.

    Attributes:
        arms: The settings compared.
        search: How each arm's learning rate is chosen; ``None`` if there is no arm to be tuned.
        seeds: Of the replicates: the unit of replication.
        rules: What decides the claims.
        proxy: Why the results stand for the published ones only as a proxy; empty if they do not.
        checks: Exact comparisons to be made once.
        looks: Numbers of seeds at which rules are judged, ascending, the last all seeds: arms get more seeds only while
            a rule about them is undecided. Empty: every arm gets all seeds.
    """

    arms: tuple[Arm, ...]
    search: RateSearch | None
    seeds: tuple[int, ...]
    rules: tuple[Rule, ...]
    proxy: str = ""
    checks: tuple[CheckSpec, ...] = ()
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if not names and not self.checks:
            raise InputError("an experiment needs at least one arm or check")
        if self.search is None and any(arm.tuned for arm in self.arms):
            raise InputError("arms that are tuned need a search for the learning rate")
        if len(set(names)) < len(names):
            raise InputError(f"arms must have different names: {names}")
        if names and not self.seeds:
            raise InputError("arms need at least one seed for their replicates")
        if any(seed < 0 for seed in self.seeds):
            raise InputError(f"seeds must not be negative: {self.seeds}")
        if len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"the replicates must have different seeds: {self.seeds}")
        if self.search is not None and self.search.seed in self.seeds:
            raise InputError(f"the search seed {self.search.seed} must not be one of the replicates' seeds")
        checks = [check.check for check in self.checks]
        for rule in self.rules:
            for name in rule.estimate.arms:
                if name not in names:
                    raise unknown_name("arm", name, names)
            if isinstance(rule.estimate, Agreement) and rule.estimate.check not in checks:
                raise unknown_name("check", rule.estimate.check, checks)
        if self.looks:
            self._check_looks()

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


@dataclass(frozen=True)
class Experiment:
    """A group of claims and the design that tests them.

    Attributes:
        name: Its identifier: the name of its module.
        title: For people.
        claims: What is tested.
        design: Gives the design for a profile and a data set name that replaces the experiment's own (or ``None``).
        figures: The figures drawn from its results; a name stands for a plot of that kind.
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    design: Callable[[str, str | None], Design]
    figures: tuple[Plot | str, ...]

    @property
    def plots(self) -> tuple[Plot, ...]:
        """The figures, each as a plot."""
        return tuple(Plot(figure) if isinstance(figure, str) else figure for figure in self.figures)

    def at(self, profile: str, fallback: str | None = None) -> Design:
        """The design for a profile.

        Args:
            profile: One of :data:`PROFILES`.
            fallback: A data set that takes the place of the experiment's own.

        Raises:
            InputError: There is no such profile, or a rule is about a claim that the experiment does not make.
        """
        if profile not in PROFILES:
            raise unknown_name("profile", profile, PROFILES)
        design = self.design(profile, fallback)
        claims = [claim.name for claim in self.claims]
        for rule in design.rules:
            if rule.claim not in claims:
                raise unknown_name("claim", rule.claim, claims)
        return design
