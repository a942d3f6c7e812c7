"""What a page can be written with, as tables made from the code: figures, estimates, limits of rules, metrics."""

import inspect
from collections.abc import Iterator, Mapping

from cnn_study.experiment.arm import PROBES
from cnn_study.experiment.estimate import ESTIMATES
from cnn_study.experiment.metric import METRICS
from cnn_study.experiment.plot import KINDS
from cnn_study.experiment.rule import rule

Table = list[tuple[str, ...]]
"""A table: the heads of the columns, then the rows."""


def figures() -> Table:
    """The kinds of figures."""
    rows = [(name, kind.shows, kind.metric, kind.probe, ", ".join(kind.options)) for name, kind in KINDS.items()]
    return [("figure", "shows", "of which metric", "needs the probe", "options"), *rows]


def estimates() -> Table:
    """What rules can estimate."""
    return [("estimate", "what it is"), *ESTIMATES.items()]


def limits() -> Table:
    """How the range that supports a claim is written."""
    documented = inspect.getdoc(rule) or ""
    wanted = ("above", "below", "between", "equivalent")
    lines = (line.strip().partition(": ") for line in documented.splitlines())
    return [("limit", "the claim is"), *((f"{name}=…", text) for name, _, text in lines if name in wanted)]


def metrics() -> Table:
    """The numbers that rules can estimate and figures can show, by what measures them."""
    sources = ("", *PROBES)
    rows = sorted(METRICS, key=lambda metric: sources.index(metric.probe))
    return [
        ("metric", "meaning", "kind", "needs"),
        *((each.name + _suffix(each.kind), each.meaning, each.kind, _needs(each)) for each in rows),
    ]


def _suffix(kind: str) -> str:
    return {"family": "/NUMBER", "layer": "/LAYER"}.get(kind, "")


def _needs(metric) -> str:
    if metric.probe:
        return f"the probe {metric.probe}"
    needs = ("test_curve" if metric.test_curve else "", "a validation split" if metric.validation else "")
    return " and ".join(filter(None, needs))


def tables() -> Iterator[tuple[str, Table]]:
    """Every table with its title."""
    made: Mapping[str, Table] = {
        "Figures": figures(),
        "Estimates": estimates(),
        "Limits of rules": limits(),
        "Metrics": metrics(),
    }
    yield from made.items()
