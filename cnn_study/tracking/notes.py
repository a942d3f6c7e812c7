"""What an experiment of MLflow says about itself, in Markdown, and the views its links lead to.

The addresses are those of MLflow's pages, below the address of its server.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.experiment import PROVENANCES, Claim, Design

NOTE_LENGTH = 8000  # A limit of MLflow.

VIEW = "mlflow.sharedViewState."
"""Tags of an experiment that hold views of MLflow's page of runs; the rest of the name is the key in an address."""
ALL_ARMS = "all-arms"
"""The key of the view of the curves of all arms."""


# The kind of work matters: without it MLflow 3 shows pages for language models until told otherwise.
_TRAINING = {"workflowType": "machine_learning"}
EXPERIMENTS = f"#/experiments?{urlencode(_TRAINING)}"
"""The address of the list of experiments."""


def note(outcome: Outcome, profile: str) -> str:
    """What the experiment asks and what it has found. The first line, which MLflow lists it by, is its title."""
    lines = [outcome.experiment.title, f"Profile: {profile}."]
    if outcome.design.proxy:
        lines.append(f"A proxy: {outcome.design.proxy}.")
    for claim in outcome.experiment.claims:
        lines += [f"## {claim.name}", claim.statement, _published(claim)]
        lines += [_verdict(verdict) for verdict in outcome.verdicts if verdict.claim == claim]
    return "\n\n".join(line for line in lines if line)


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


def views(design: Design) -> dict[str, str]:
    """Views of the curves, a mean with its range for each arm: of all arms, and of those that a claim compares."""
    if not design.arms:
        return {}
    replicates = "tags.role = 'replicate'"
    filters = {ALL_ARMS: replicates}
    filters |= {claim: f"{replicates} and tags.`{claim_tag(claim)}` = 'true'" for claim in compared(design)}
    grouped = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "arm"}]}
    shown = {"groupBy": grouped, "orderByKey": "params.`arm`", "orderByAsc": True, "runsHiddenMode": "FIRST_20_RUNS"}
    return {name: json.dumps({"searchFilter": wanted, **shown}) for name, wanted in filters.items()}


def page_of_runs(experiment: str, view: str | None = None) -> str:
    """The address of the runs of an experiment, or of a view of their curves."""
    query = _TRAINING | ({"compareRunsMode": "CHART", "viewStateShareKey": view} if view else {})
    return f"#/experiments/{experiment}/runs?{urlencode(query)}"


def linked(text: str, views: Mapping[str, str], figures: Sequence[Path], experiment: str, run: str) -> str:
    """A note with links to figures and curves in its first line, and the figures at its end.

    Args:
        text: The note.
        views: Views of the curves by name.
        figures: Files of figures; the bitmaps among them are shown.
        experiment: Id of the experiment.
        run: Id of the parent run, which has the figures.
    """
    bitmaps = [file.name for file in figures if file.suffix == ".png"]
    images = [f"![{name}]({_artifact(run, f'figures/{name}')})" for name in bitmaps]
    links = [f"[{name.replace('-', ' ')}]({page_of_runs(experiment, name)})" for name in views]
    if bitmaps:
        page = f"#/experiments/{experiment}/runs/{run}/artifacts/figures/{bitmaps[0]}?{urlencode(_TRAINING)}"
        links.insert(0, f"[figures]({page})")
    title, _, rest = text.partition("\n\n")
    head = f"{title}: {' · '.join(links)}" if links else title
    tail = "\n\n".join(["", "## Figures", *images]) if images else ""
    return f"{head}\n\n{rest}"[: NOTE_LENGTH - len(tail)] + tail


def _artifact(run: str, path: str) -> str:
    return f"get-artifact?{urlencode({'run_uuid': run, 'path': path}, quote_via=quote)}"
