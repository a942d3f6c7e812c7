"""What stands in the tables of results: every column with its meaning and its unit, and every metric."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cnn_study.experiment.metric import METRICS, named

ColumnKind = Literal["text", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its head.
        meaning: What is in it.
        kind: ``text``, ``integer`` or ``number``.
        unit: Of its numbers; ``1`` of pure numbers, such as fractions; empty for text, and where the row says it.
    """

    name: str
    meaning: str
    kind: ColumnKind = "text"
    unit: str = ""


EXPERIMENT = Column("experiment", "name of the experiment, that of its page")
CLAIM = Column("claim", "name of the claim")
ASPECT = Column("aspect", "what is asked of the claim: its direction, magnitude or mechanism")
KEY = Column("key", "sixteen hexadecimal digits that identify all that the run was: its identity in every table")
VERDICT = Column("verdict", "supported, contradicted, mixed, inconclusive or not tested")
METRIC = Column("metric", "what was measured, one of the metrics; behind a slash stands its layer or number")
VALUE = Column("value", "the number, in the unit of its metric; nan or inf after a divergence", "number")

TABLES: Mapping[str, tuple[Column, ...]] = {
    "runs": (
        EXPERIMENT,
        Column("arm", "name of the arm, one of the things an experiment compares"),
        Column("label", "what figures call the arm under its condition"),
        Column("condition", "under which the arm is compared"),
        Column("role", "search: a run of the search for the learning rate; replicate: one of those that are compared"),
        Column("seed", "of the initial weights", "integer"),
        Column("learning_rate", "of the optimizer", "number", "1"),
        KEY,
        Column("ended", "target: at its training error; epochs: after its epochs; diverged"),
        Column("seconds", "wall time of the run: training, evaluations and probes", "number", "s"),
    ),
    "curves": (
        KEY,
        METRIC,
        Column("step", "how much training came before", "integer", "optimizer steps"),
        Column("epoch", "the same in passes over the training images", "number", "epochs"),
        VALUE,
    ),
    "probes": (
        KEY,
        Column("probe", "what measured it"),
        METRIC,
        Column(
            "step",
            "training before; of pictures, the place of the value in them; missing for a number of the whole run",
            "integer",
            "optimizer steps",
        ),
        Column(
            "epoch",
            "passes over the training images before; missing for a number of the whole run",
            "number",
            "epochs",
        ),
        VALUE,
    ),
    "estimates": (
        EXPERIMENT,
        CLAIM,
        ASPECT,
        Column("condition", "under which the rule holds the claim against the results"),
        VERDICT,
        Column("estimate", "what was estimated, in `unit`; missing if it could not be", "number"),
        Column("low", "lower end of its interval, in `unit`; missing if there is none", "number"),
        Column("high", "upper end of its interval, in `unit`; missing if there is none", "number"),
        Column(
            "confidence",
            "how often such an interval holds the truth, over all looks together; missing for exact checks",
            "number",
            "1",
        ),
        Column(
            "unit", "of estimate, low and high: points are percentage points; missing for ratios and other pure numbers"
        ),
        Column("seeds_or_cases", "how many seeds the estimate rests on, or cases of an exact check", "integer", "1"),
        Column("supported_above", "the rule supports the claim if the interval lies above, in `unit`", "number"),
        Column("supported_below", "and below, in `unit`; inf and -inf are no limits", "number"),
        Column("what", "what was estimated, in words"),
        Column("reason", "why the verdict is not tested or inconclusive, or what was found"),
    ),
    "verdicts": (
        EXPERIMENT,
        CLAIM,
        ASPECT,
        VERDICT,
        Column("p", "p value of the test; missing if the verdict rests on no seeds", "number", "1"),
        Column("adjusted_p", "p value after Holm's correction for all tests of the profile", "number", "1"),
        Column("reason", "why there is no other verdict"),
        Column("proxy", "what the experiment stands for if it is not the thing itself, such as a subset of the images"),
    ),
}
"""The columns of every table. Those of ``runs`` are followed by its outcomes, a column a metric."""

ROWS: Mapping[str, str] = {
    "runs": "A row a run that an arm asks for; a run that several arms ask for has a row for each.",
    "curves": "A row a value that training measures by itself.",
    "probes": "A row a value that a probe has measured, along the way or of the whole run.",
    "estimates": "A row a rule: what was estimated, with its interval and its verdict.",
    "verdicts": "A row an aspect of a claim.",
}
"""What a row of a table is."""


def unit_of(metric: str) -> str:
    """The unit of a metric, ``1`` for a pure number and for a name that is none.

    Args:
        metric: Its name, such as ``epochs`` or ``shift_drop/4``.
    """
    return next((each.unit for each in named(metric)), "1")


def probe_of(metric: str) -> str:
    """The probe that measures a metric; empty for what every run measures by itself, and for names that are none.

    Args:
        metric: Its name, such as ``saturated/dense1``.
    """
    return next((each.probe for each in named(metric)), "")


def outcome_column(name: str) -> Column:
    """The column of an outcome in the table of runs.

    Args:
        name: Such as ``test_error`` or ``shift_drop/4``.
    """
    found = next(named(name, ("outcome", "family")), None)
    _, _, member = name.partition("/")
    meaning = f"{found.meaning}{f': {member}' if member else ''}" if found else "an outcome of the run"
    return Column(name, meaning, "number", unit_of(name))


def metric_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """A row a metric: name, kind, meaning, unit, probe; the heads first."""
    yield "metric", "kind", "meaning", "unit", "probe"
    for each in METRICS:
        yield each.name, each.kind, each.meaning, each.unit, each.probe
