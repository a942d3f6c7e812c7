"""What an experiment of MLflow says about itself, in Markdown, and the views its links lead to.

The addresses are those of MLflow's pages, below the address of its server.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.experiment import ASPECTS, PROVENANCES, Claim, Design

PREFIX = "cnn_study/"
"""What the names of all experiments begin with, as others may use the same store."""

NOTE_LENGTH = 8000  # A limit of MLflow.

VIEW = "mlflow.sharedViewState."
"""Tags of an experiment that hold views of MLflow's page of runs; the rest of the name is the key in an address."""
TABLE = "table"
"""The key of the view of the trained runs in a table, the best first."""
ERRORS = "errors"
"""The key of the view of the errors at the end, a bar an arm."""
RATES = "rates"
"""The key of the view of the search for learning rates; with several, what the keys begin with."""
ALL_ARMS = "all-arms"
"""The key of the view of the curves of all arms."""
IN = "in-"
"""What the keys of views of the curves of a condition begin with."""
_NEWEST = 1_767_225_600_000  # Any time will do, in milliseconds since 1970.

MOST_RUNS = 100
"""Runs that MLflow loads for a page of charts; it does not say so when there are more."""
MOST_ARMS = 20
"""Arms that a page of charts shows."""

# The kind of work matters: without it MLflow 3 shows pages for language models until told otherwise.
_TRAINING = {"workflowType": "machine_learning"}
EXPERIMENTS = f"#/experiments?{urlencode(_TRAINING)}"
"""The address of the list of experiments."""

_REPLICATES = "tags.role = 'replicate'"


def slug(name: str) -> str:
    """A name with neither commas nor spaces, so that it can be typed in the search box of MLflow."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-")


def time_name(threshold: float) -> str:
    """What the time to a training error is called."""
    return f"epochs_to_{100 * threshold:g}pct"


def thresholds(design: Design) -> list[float]:
    """The training errors to which a time is searched or estimated, from large to small."""
    return sorted(design.thresholds, reverse=True)


def note(outcome: Outcome, profile: str) -> str:
    """What the experiment asks and what it has found. MLflow lists it by the first line: its title and its verdicts."""
    lines = [f"{outcome.experiment.title}. {_counted(outcome)}", f"Profile: {profile}."]
    if outcome.design.proxy:
        lines.append(f"A proxy: {outcome.design.proxy}.")
    for claim in outcome.experiment.claims:
        lines += [f"## {claim.name}", claim.statement, _published(claim)]
        lines += [_verdict(verdict) for verdict in outcome.verdicts if verdict.claim == claim]
    return "\n\n".join(line for line in lines if line)


def _counted(outcome: Outcome) -> str:
    """How many claims have each verdict, by their first aspect."""
    verdicts = Counter(verdict.verdict for verdict in outcome.verdicts if verdict.aspect == ASPECTS[0])
    return f"{', '.join(f'{number} {verdict}' for verdict, number in verdicts.most_common())}."


def _published(claim: Claim) -> str:
    return "\n".join(
        f"- Published: {number.quantity}, {number.about}: {number.text} "
        f"({number.source}; {PROVENANCES[number.provenance]})"
        for number in claim.published
    )


def _verdict(verdict: ClaimVerdict) -> str:
    lines = [f"**{verdict.aspect}: {verdict.verdict}**" + (f" ({verdict.reason})" if verdict.reason else "")]
    lines += [
        f"- {decision.text}. {decision.rule.sentence} Verdict: {decision.verdict}." for decision in verdict.decisions
    ]
    return "\n".join(lines)


def compared(design: Design) -> dict[str, set[str]]:
    """The claims that compare arms, and the names of these arms."""
    arms: dict[str, set[str]] = {}
    for rule in design.rules:
        arms.setdefault(rule.claim, set()).update(rule.estimate.arms)
    return {claim: names for claim, names in arms.items() if names}


def claim_tag(claim: str) -> str:
    """Tag of the child runs a claim is about."""
    return f"claim.{claim}"


def experiment_tags(outcome: Outcome) -> dict[str, str]:
    """The verdicts on each claim, for the column *Tags* of MLflow's list of experiments."""
    said: dict[str, list[str]] = {}
    for verdict in outcome.verdicts:
        said.setdefault(verdict.claim.name, []).append(f"{verdict.aspect} {verdict.verdict}")
    return {claim: ", ".join(verdicts) for claim, verdicts in said.items()}


@dataclass(frozen=True)
class View:
    """A view of MLflow's page of runs.

    Attributes:
        title: What its menu *Views* calls it.
        state: What the page shows.
        table: Whether it is a table; else charts.
    """

    title: str
    state: Mapping[str, Any]
    table: bool = False

    def tag(self, number: int) -> str:
        """The value of the tag that holds it.

        The state is in it twice, as later versions of MLflow read it, and as those before them.

        Args:
            number: Its place in the menu, which begins with what is newest.
        """
        when = _NEWEST - number
        envelope = {"name": self.title, "createdAt": when, "updatedAt": when, "state": json.dumps(self.state)}
        return json.dumps({**envelope, **self.state})


def tags_of(views: Mapping[str, View]) -> dict[str, str]:
    """The tags of an experiment that hold its views."""
    return {VIEW + name: view.tag(number) for number, (name, view) in enumerate(views.items())}


def views(outcome: Outcome) -> dict[str, View]:
    """Views of MLflow's page of runs, by key: a table, and charts with no more runs and arms than MLflow shows.

    The errors and the curves are those of all arms, of the arms of each condition where there are several, and of those
    that each claim compares: a mean with its range for each arm. The search for learning rates is shown run by run.
    """
    if not outcome.tuned:
        return {}
    conditions = _conditions(outcome)
    found = {TABLE: View("Trained runs, the best first", _table(outcome.design, len(conditions) > 1), True)}
    if _fits(outcome, outcome.tuned):
        found[ERRORS] = View("Errors at the end", _bars(_REPLICATES))
        found[ALL_ARMS] = View("Curves of all arms", _curves(_REPLICATES))
    for claim, arms in compared(outcome.design).items():
        if _fits(outcome, arms):
            wanted = f"{_REPLICATES} and tags.`{claim_tag(claim)}` = 'true'"
            found[claim] = View(f"Claim: {claim.replace('-', ' ')}", _curves(wanted))
    found |= _searches(outcome)
    for condition, arms in conditions.items() if len(conditions) > 1 else ():
        if _fits(outcome, arms):
            wanted = f"{_REPLICATES} and {_within(condition)}"
            found[f"{IN}{slug(condition)[:80]}"] = View(f"Curves: {condition}", _curves(wanted, "short_arm"))
    return found


def _conditions(outcome: Outcome) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, tuned in outcome.tuned.items():
        found.setdefault(tuned.arm.condition, []).append(name)
    return found


def _fits(outcome: Outcome, arms: Collection[str]) -> bool:
    return len(arms) <= MOST_ARMS and sum(len(outcome.replicates(arm)) for arm in arms) <= MOST_RUNS


def _within(condition: str) -> str:
    mark = '"' if "'" in condition else "'"
    return f"params.condition = {mark}{condition}{mark}"


def _table(design: Design, with_condition: bool) -> dict[str, Any]:
    """What has room on a screen: MLflow shows metrics before parameters, each by alphabet."""
    names = ("short_arm", "condition") if with_condition else ("arm", "seed")
    columns = [f"params.`{name}`" for name in (*names, "learning_rate")] + ["metrics.`final_test_error`"]
    times = [time_name(threshold) for threshold in thresholds(design)]
    columns += [f"metrics.`{name}`" for name in times or ["final_train_error"]]
    order = {"orderByKey": "metrics.`final_test_error`", "orderByAsc": True}
    return {"searchFilter": _REPLICATES, **order, "selectedColumns": columns}


def _searches(outcome: Outcome) -> dict[str, View]:
    """The search of all arms, or of each condition if that is more than MLflow shows."""
    runs = {name: len(tuned.search.runs) for name, tuned in outcome.tuned.items()}
    title, wanted = "Learning rates tried", "tags.role = 'search'"
    if sum(runs.values()) <= MOST_RUNS:
        return {RATES: View(title, _rates(outcome.design, wanted))} if any(runs.values()) else {}
    return {
        f"{RATES}-{slug(condition)[:80]}": View(
            f"{title}: {condition}", _rates(outcome.design, f"{wanted} and {_within(condition)}")
        )
        for condition, arms in _conditions(outcome).items()
        if any(runs[arm] for arm in arms)
    }


def _rates(design: Design, wanted: str) -> dict[str, Any]:
    sought = "final_validation_error" if design.sought is None else time_name(design.sought)
    axes = {"xaxis": {"key": "learning_rate", "type": "PARAM"}, "yaxis": {"key": sought, "type": "METRIC"}}
    chart = _chart("SCATTER", f"{sought} by learning rate", **axes)
    columns = ["params.`arm`", "params.`learning_rate`", f"metrics.`{sought}`"]
    return {
        **_page(wanted, "Search for learning rates", [chart], 1),
        "selectedColumns": columns,
        "runsHiddenMode": "SHOW_ALL",
    }


def _bars(wanted: str) -> dict[str, Any]:
    names = ("final_test_error", "final_train_error")
    charts = [_chart("BAR", name, metricKey=name) for name in names]
    return _grouped("arm") | _page(wanted, "Errors at the end", charts, 2)


def _curves(wanted: str, by: str = "arm") -> dict[str, Any]:
    return {"searchFilter": wanted, **_grouped(by)}


def _grouped(by: str) -> dict[str, Any]:
    grouped = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": by}]}
    order = {"orderByKey": "params.`arm`", "orderByAsc": True}
    return {"groupBy": grouped, **order, "runsHiddenMode": f"FIRST_{MOST_ARMS}_RUNS"}


def _page(wanted: str, title: str, charts: Sequence[Mapping[str, Any]], columns: int) -> dict[str, Any]:
    """A page whose first section has these charts; MLflow adds sections with all the others."""
    section = {"uuid": "first", "name": title, "display": True, "isReordered": False, "deleted": False}
    return {
        "searchFilter": wanted,
        "orderByKey": "params.`arm`",
        "orderByAsc": True,
        "compareRunCharts": [{**chart, "metricSectionId": "first"} for chart in charts],
        "compareRunSections": [{**section, "isGenerated": False, "columns": columns, "cardHeight": 420}],
        "isAccordionReordered": True,
    }


def _chart(kind: str, title: str, **more: Any) -> dict[str, Any]:
    chart = {"type": kind, "uuid": slug(title), "displayName": title, "runsCountToCompare": MOST_RUNS}
    return {**chart, "deleted": False, "isGenerated": False, **more}


def page_of_runs(experiment: str, view: str | None = None, *, table: bool = False) -> str:
    """The address of the runs of an experiment, or of a view of them, which is a table or charts."""
    mode = "TABLE" if table else "CHART"
    query = _TRAINING | ({"compareRunsMode": mode, "viewStateShareKey": view} if view else {})
    return f"#/experiments/{experiment}/runs?{urlencode(query)}"


def linked(text: str, views: Mapping[str, View], figures: Sequence[Path], experiment: str, run: str) -> str:
    """A note with links to figures and views after its first line, and the figures at its end.

    Args:
        text: The note.
        views: Views of the runs by key.
        figures: Files of figures; the bitmaps among them are shown.
        experiment: Id of the experiment.
        run: Id of the parent run, which has the figures.
    """
    bitmaps = [file.name for file in figures if file.suffix == ".png"]
    images = [f"![{name}]({_artifact(run, f'figures/{name}')})" for name in bitmaps]
    links = {"statistics": f"#/experiments/{experiment}/runs/{run}?{urlencode(_TRAINING)}"}
    if bitmaps:
        links["figures"] = (
            f"#/experiments/{experiment}/runs/{run}/artifacts/figures/{bitmaps[0]}?{urlencode(_TRAINING)}"
        )
    links |= {view.title: page_of_runs(experiment, name, table=view.table) for name, view in views.items()}
    title, _, rest = text.partition("\n\n")
    line = " · ".join(f"[{name}]({address})" for name, address in links.items())
    tail = "\n\n".join(["", "## Figures", *images]) if images else ""
    return f"{title}\n\n{line}\n\n{rest}"[: NOTE_LENGTH - len(tail)] + tail


def _artifact(run: str, path: str) -> str:
    return f"get-artifact?{urlencode({'run_uuid': run, 'path': path}, quote_via=quote)}"
