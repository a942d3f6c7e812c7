"""The figures of an experiment, and the kinds of figures there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment.arm import Arm
from cnn_study.experiment.place import Declared
from cnn_study.spec import ProbeName


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    Attributes:
        shows: The contents of the figure, in words.
        metric: The kind of the metric of its plots: an ``outcome`` of a run; a ``curve`` that is measured again and
            again; a curve for every ``layer``; a ``family`` of outcomes that differ in a number; the columns of a
            ``check``; empty: it takes none.
        usual: The metric of its plots that name none; empty: the first table of a check that fits, or none.
        options: Names of the other fields of a plot that it takes.
        probe: What must be measured on one of the arms it shows; empty: nothing beside the errors.
        timed: Whether a rule or the search must time a training error, whose threshold it shows.
        needs: Names of fields that a plot must have.
    """

    shows: str
    metric: Literal["outcome", "curve", "layer", "family", "check", ""] = ""
    options: tuple[str, ...] = ()
    probe: ProbeName | Literal[""] = ""
    timed: bool = False
    needs: tuple[str, ...] = ()
    usual: str = ""


KINDS: Mapping[str, FigureKind] = {
    "training_curves": FigureKind(
        "training error against epochs, a panel a condition", "", ("x", "y", "logarithmic", "arms")
    ),
    "history": FigureKind(
        "what is measured again and again against epochs",
        "curve",
        ("x", "y", "logarithmic", "arms"),
        usual="test_error",
    ),
    "race": FigureKind(
        "which arm is first at a training error: every seed and the median, as in Figure 1 of Krizhevsky et al. 2012",
        "",
        ("x", "y", "arms", "labels"),
        timed=True,
    ),
    "time_ratios": FigureKind("the ratio of times of every rule about times, a row each", "", ("x", "arms")),
    "rate_search": FigureKind("the score of every learning rate that was tried", "", ("x", "y", "arms")),
    "survival": FigureKind(
        "the share of seeds that have not reached the threshold yet", "", ("x", "y", "arms"), timed=True
    ),
    "outcomes": FigureKind(
        "an outcome of every arm, a row each", "outcome", ("x", "y", "logarithmic", "arms"), usual="test_error"
    ),
    "effects": FigureKind("the estimate of every rule over the range that supports the claim", "", ("arms", "claims")),
    "multiverse": FigureKind("the verdict of every claim under every condition"),
    "forest": FigureKind("a contrast over several conditions, condition by condition, and on the average"),
    "dose": FigureKind(
        "an outcome against the level of the arms", "outcome", ("x", "y", "logarithmic", "arms"), usual="test_error"
    ),
    "family": FigureKind(
        "outcomes NAME/NUMBER against the number", "family", ("x", "y", "logarithmic", "arms"), needs=("metric",)
    ),
    "layers": FigureKind(
        "values of every layer, at initialization and at the end",
        "layer",
        ("x", "y", "logarithmic", "arms"),
        needs=("metric",),
    ),
    "over_time": FigureKind(
        "values of every layer against epochs", "layer", ("x", "y", "logarithmic", "arms"), usual="test_error"
    ),
    "filters": FigureKind("kernels and feature maps of the first layer", "", ("arms",), probe="filters"),
    "patches": FigureKind(
        "parts of images that excite maps of the uppermost convolution most", "", ("arms",), probe="patches"
    ),
    "pooled_maps": FigureKind("what pooling makes of a map, and of that of a moved image", "", ("arms",), probe="maps"),
    "percentiles": FigureKind(
        "what a unit of the uppermost hidden layer takes: three percentiles against epochs",
        "",
        ("x", "y", "arms"),
        probe="percentiles",
    ),
    "histograms": FigureKind(
        "how the outputs of every layer are distributed, before and after training",
        "",
        ("x", "y", "arms"),
        probe="histograms",
    ),
    "wandering": FigureKind(
        "an image that is shifted step by step: its map, and what networks take it for",
        "",
        ("arms",),
        probe="wandering",
    ),
    "agreement": FigureKind("the share of cases of every exact check that agree"),
    "costs": FigureKind("parameters, connections and multiply-accumulates of layers", "check", ("x", "y")),
    "table": FigureKind("points for the rows of a check's table", "check", ("x", "y", "logarithmic"), needs=("x", "y")),
    "visibility": FigureKind(
        "how much of the input at each distance from the border is still seen", "check", usual="border_visibility"
    ),
}
"""Every kind of figure; :data:`cnn_study.figures.kinds.FIGURES` says how each is drawn."""

AXES = ("", "x", "y", "xy")


@dataclass(frozen=True)
class Plot(Declared):
    """A figure of an experiment.

    Attributes:
        kind: Name of the kind of figure, one of :data:`KINDS`.
        name: The name of its files, after the name of the experiment; empty: like its kind.
        metric: The outcome or the measured value that it shows; of a table of a check, ``CHECK:SERIES``: its name and
            the column that tells the lines apart. Empty: the usual one of its kind, which is filled in.
        x: Label of the horizontal axis; of a table, the name of the column that is shown on it.
        y: Label of the vertical axis; of a table, the name of the column that is shown on it.
        logarithmic: Axes with a logarithmic scale: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
        arms: Names of the arms shown; empty: all.
        labels: Labels of the arms shown, under all conditions; empty: all.
        claims: Names of the claims whose rules are shown; empty: all.

    Raises:
        InputError: There is no such kind of figure, it does not take one of the fields, or lacks one.
    """

    kind: str
    name: str = ""
    metric: str = ""
    x: str = ""
    y: str = ""
    logarithmic: Literal["", "x", "y", "xy"] = ""
    arms: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise unknown_name("figure", self.kind, KINDS)
        if self.logarithmic not in AXES:
            raise InputError(f"the figure {self.file}: logarithmic is one of {AXES}, got {self.logarithmic!r}")
        kind = KINDS[self.kind]
        taken = ("kind", "name", *(("metric",) if kind.metric else ()), *kind.options)
        for each in fields(self):
            given = each.compare and getattr(self, each.name) != each.default
            if given and each.name not in taken:
                raise InputError(f"the figure {self.kind} takes no {each.name}: it has {', '.join(taken[1:])}")
        for name in kind.needs:
            if not getattr(self, name):
                raise InputError(f"the figure {self.kind} needs {' and '.join(kind.needs)}: give it {name}")
        object.__setattr__(self, "metric", self.metric or kind.usual)

    @property
    def file(self) -> str:
        """Its name, or that of its kind."""
        return self.name or self.kind

    @property
    def takes_arms(self) -> bool:
        """Whether it shows arms, all or those it names; not one of exact checks or of conditions."""
        return "arms" in KINDS[self.kind].options

    def shows(self, arm: Arm) -> bool:
        """Whether it shows an arm."""
        return (not self.arms or arm.name in self.arms) and (not self.labels or arm.label in self.labels)

    def check(self, arms: Iterable[Arm], claims: Iterable[str] | None = None) -> None:
        """Refuse names and labels that none of these arms has, and claims that there are not.

        Args:
            arms: The arms of the design.
            claims: Names of the claims that are tested; ``None``: they are not looked at.

        Raises:
            InputError: The plot has such a name or label.
        """
        found = list(arms)
        checked = [
            ("arm", self.arms, [arm.name for arm in found]),
            ("label", self.labels, [arm.label for arm in found]),
            ("claim", self.claims if claims is not None else (), list(claims or ())),
        ]
        for what, wanted, known in checked:
            for name in wanted:
                if name not in known:
                    raise unknown_name(what, name, dict.fromkeys(known))
