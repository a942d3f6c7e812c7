"""An outcome as MLflow shows it, as a pure function of what is stored: an execution with its runs."""

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.estimates import time_to, too_early
from cnn_study.analysis.statistics import Interval, mean_interval, time_product
from cnn_study.execution.plan import Request
from cnn_study.experiment import Contrast, Design, Estimate, HalfGap, TimeRatio
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.spec import digest
from cnn_study.tracking.claims import claims_of
from cnn_study.tracking.notes import (
    PREFIX,
    View,
    compared,
    experiment_tags,
    note,
    slug,
    tags_of,
    thresholds,
    time_name,
    views,
)
from cnn_study.tracking.runs import ChildRun, rounded
from cnn_study.training.tuning import Tuned

LAYOUT = 5
"""Of what is shown. What was mirrored with another one is mirrored anew."""
EXECUTION = "cnn_study.execution"
"""Tag of a parent run: digest of all that it and its children show, except for the figures and the networks."""
COMPLETE = "cnn_study.complete"
"""Tag of a parent run: ``true`` when all of it has been logged."""
FIGURES = "cnn_study.figures"
"""Tag of a parent run: digest of its figures."""
MODELS = "cnn_study.models"
"""Tag of a parent run: digest of the keys of the runs whose trained networks its children hold."""

STATISTICS = "statistics/"
CHECKS = "exact_checks/"
NAME_LENGTH = 200  # MLflow takes 250, of which some are for prefixes and suffixes.


@dataclass(frozen=True)
class Execution:
    """What the mirror shows of an outcome: the parent run and its children.

    Attributes:
        experiment: Name of the experiment of MLflow.
        note: What it asks and what it has found, in Markdown, without links.
        views: Views of the runs by name.
        verdicts: Tags of the experiment: the verdicts on each claim.
        params: Of the parent run.
        metrics: Of the parent run.
        tags: Of the parent run: the verdicts.
        children: The trained runs with who asked for them.
        checks: The exact checks by name.
        thresholds: Training errors; how long each child takes to them is one of its metrics.
        claims: The claims that compare arms, and the names of these arms.
        files: The figures.
        networks: Files of trained networks by the keys of their runs.
        answers: The claims with their verdicts, as runs of an experiment of their own.
        digest: Of all that is shown, except for the figures and the networks.
        figures: Digest of the figures; empty if there are none.
        models: Digest of the keys of the trained networks; empty if there are none.
    """

    experiment: str
    note: str
    views: Mapping[str, View]
    verdicts: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    children: Sequence[tuple[Request, RunRecord]]
    checks: Mapping[str, CheckRecord]
    thresholds: Sequence[float]
    claims: Mapping[str, Collection[str]]
    files: Sequence[Path]
    networks: Mapping[str, Path]
    answers: Sequence[ChildRun]
    digest: str
    figures: str
    models: str

    @classmethod
    def of(cls, outcome: Outcome, profile: str, artifacts: Path | None, models: Path | None) -> "Execution":
        """What the mirror shows of an outcome.

        Args:
            outcome: What an experiment has found.
            profile: Name of the folder of results.
            artifacts: The folder of figures; those whose names begin with that of the experiment are shown.
            models: The folder of trained networks, each called by the key of its run.
        """
        children = [child for tuned in outcome.tuned.values() for child in _children(tuned, outcome.stored)]
        shown = {
            "experiment": f"{PREFIX}{outcome.experiment.name} ({profile})",
            "note": note(outcome, profile),
            "verdicts": experiment_tags(outcome),
            "params": _parent_params(outcome, profile),
            "metrics": _parent_metrics(outcome),
            "tags": {f"verdict.{verdict.claim.name}.{verdict.aspect}": verdict.verdict for verdict in outcome.verdicts},
        }
        shown_views = views(outcome)
        runs = sorted([request.arm.name, request.role, record.key, record.weights] for request, record in children)
        checks = sorted([name, record.key, check_artifact(record)] for name, record in outcome.checks.items())
        files = _figures(artifacts, outcome.experiment.name) if artifacts else []
        networks = {
            record.key: file for _, record in children if models and (file := network(models, record.key)).exists()
        }
        hashes = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
        whole = digest(shown | {"views": tags_of(shown_views), "layout": LAYOUT, "runs": runs, "checks": checks})
        return cls(
            **shown,
            views=shown_views,
            children=children,
            checks=outcome.checks,
            thresholds=thresholds(outcome.design),
            claims=compared(outcome.design),
            files=files,
            networks=networks,
            answers=claims_of(outcome, profile, whole),
            digest=whole,
            figures=digest(hashes) if hashes else "",
            models=digest(sorted(networks)) if networks else "",
        )


def _figures(folder: Path, experiment: str) -> list[Path]:
    """The files of figures, and nothing else that somebody has put beside them."""
    found = sorted(folder.glob(f"{experiment}-*"))
    return [file for file in found if file.suffix in (".csv", ".pdf", ".png", ".svg", ".txt") and file.is_file()]


def network(models: Path, key: str) -> Path:
    """The file of the trained network of a run, which need not exist."""
    return models / f"{key}.keras"


def _children(tuned: Tuned, stored: Mapping[str, RunRecord]) -> Iterator[tuple[Request, RunRecord]]:
    for run in tuned.search.runs:
        yield Request(tuned.arm, "search", run), stored[run.key]
    for run in tuned.replicates:
        if run.key in stored:
            yield Request(tuned.arm, "replicate", run), stored[run.key]


def _parent_params(outcome: Outcome, profile: str) -> dict[str, str]:
    design = outcome.design
    params = {"profile": profile}
    if design.arms:
        params["seeds"] = ", ".join(map(str, design.seeds))
    if design.looks:
        params["looks"] = ", ".join(map(str, design.looks))
    if design.search:
        params["search.rates"] = ", ".join(f"{rate:g}" for rate in design.search.rates)
        params["search.objective"] = design.search.objective.text
        params["search.seed"] = str(design.search.seed)
    if design.proxy:
        params["proxy"] = design.proxy
    params |= {f"check/{slug(check.check)}": check.key for check in design.checks}
    return params | {f"learning_rate/{slug(name)}": f"{t.search.rate:g}" for name, t in outcome.tuned.items()}


def _parent_metrics(outcome: Outcome) -> dict[str, float]:
    """Means and limits of every arm, estimates of every rule, counts of every check. What is infinite is left out."""
    metrics: dict[str, float] = {}
    for name in outcome.tuned:
        for quantity, interval in _arm_intervals(outcome, name):
            metrics |= _limits(f"{quantity}.{slug(name)}", "mean", interval)
    for decision in (decision for verdict in outcome.verdicts for decision in verdict.decisions):
        name = _estimate_name(decision.rule.estimate)
        if decision.interval and name:
            metrics |= _limits(name, "estimate", decision.interval)
    for name, record in outcome.checks.items():
        metrics |= {f"{CHECKS}{slug(name)}.{what}": x for what, x in record.outcomes.items() if math.isfinite(x)}
    return metrics


def _estimate_name(estimate: Estimate) -> str:
    """What the estimate of a rule is called; empty for a check, whose counts are shown by themselves."""
    match estimate:
        case TimeRatio(numerator, denominator, threshold):
            return f"ratio_of_{time_name(threshold)}.{slug(numerator)}-over-{slug(denominator)}"
        case HalfGap(slow, fast, remedied, threshold):
            return f"half_gap_of_{time_name(threshold)}.{slug(slow)}-to-{slug(fast)}-by-{slug(remedied)}"
        case Contrast(_, text, _):
            return f"contrast.{slug(text)[:NAME_LENGTH]}"
    return ""


def _arm_intervals(outcome: Outcome, arm: str) -> Iterator[tuple[str, Interval]]:
    records = outcome.replicates(arm)
    if not records:
        return
    for threshold in thresholds(outcome.design):
        times = [time_to(record, threshold) for record in records]
        if not too_early(times, threshold):  # As in the report: of times the geometric mean.
            yield time_name(threshold), time_product([1.0], [times])
    for name in records[0].outcomes:
        values = [record.outcomes.get(name, math.nan) for record in records]
        if (name.endswith("_error") or name in _contrasted(outcome.design)) and all(map(math.isfinite, values)):
            yield name, mean_interval(values)


def _contrasted(design: Design) -> set[str]:
    """The outcomes that rules are about."""
    return {term.metric for rule in design.rules if isinstance(rule.estimate, Contrast) for term in rule.estimate.terms}


def _limits(name: str, middle: str, interval: Interval) -> dict[str, float]:
    values = {middle: interval.estimate, "low": interval.low, "high": interval.high}
    return {f"{STATISTICS}{name}.{limit}": rounded(value) for limit, value in values.items() if math.isfinite(value)}


def check_artifact(record: CheckRecord) -> dict[str, Any]:
    """All of a check, as JSON can hold it: numbers that are none become words."""
    table = [{name: _plain(cell) for name, cell in row.items()} for row in record.table]
    outcomes = {name: _plain(value) for name, value in sorted(record.outcomes.items())}
    return {"check": record.spec.model_dump(), "outcomes": outcomes, "table": table}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def parent_tags(execution: Execution) -> dict[str, str]:
    """Tags of a parent run that is not complete yet."""
    return {
        EXECUTION: execution.digest,
        COMPLETE: "false",
        "role": "execution",
        "mlflow.source.name": "cnn-study",
        **execution.tags,
    }
