"""What the mirror shows, as pure functions of an outcome."""

import datetime
import hashlib
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.execution.plan import Request, Tuned
from cnn_study.experiment import (
    PROVENANCES,
    Claim,
    Contrast,
    Design,
    Estimate,
    HalfGap,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.models import complexity
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.spec import Conv, Dense, FanUniform, Layer, ModelSpec, Normal, Subsample, digest

PREFIX = "cnn_study/"
"""What the names of all experiments begin with, as others may use the same store."""
EXECUTION = "cnn_study.execution"
"""Tag of a parent run: digest of all that it and its children show, except for the figures."""
COMPLETE = "cnn_study.complete"
"""Tag of a parent run: ``true`` when all of it has been logged."""
FIGURES = "cnn_study.figures"
"""Tag of a parent run: digest of its figures."""
KEY = "cnn_study.key"
"""Tag of a child run: the key under which the run is stored."""

# What comes before a stroke gives metrics a section of their own in MLflow's charts. Sections are shown by alphabet,
# then what has none; the curves are to be seen first.
CURVES = "curves/"
STATISTICS = "statistics/"
CHECKS = "checks/"
NOTE_LENGTH = 8000  # A limit of MLflow.
NAME_LENGTH = 200  # MLflow takes 250, of which some are for prefixes and suffixes.


@dataclass(frozen=True)
class Execution:
    """What the mirror shows of an outcome: the parent run and its children.

    Attributes:
        experiment: Name of the experiment of MLflow.
        note: What it asks and what it has found, in Markdown.
        params: Of the parent run.
        metrics: Of the parent run.
        tags: Of the parent run: the verdicts.
        children: The trained runs with who asked for them.
        checks: The exact checks by name.
        thresholds: Training errors; how long each child takes to them is one of its metrics.
        files: The figures.
        digest: Of all that is shown, except for the figures.
        figures: Digest of the figures; empty if there are none.
    """

    experiment: str
    note: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    children: Sequence[tuple[Request, RunRecord]]
    checks: Mapping[str, CheckRecord]
    thresholds: Sequence[float]
    files: Sequence[Path]
    digest: str
    figures: str

    @classmethod
    def of(cls, outcome: Outcome, profile: str, artifacts: Path | None) -> "Execution":
        """What the mirror shows of an outcome.

        Args:
            outcome: What an experiment has found.
            profile: Name of the folder of results.
            artifacts: The folder of figures; those whose names begin with that of the experiment are shown.
        """
        children = [child for tuned in outcome.tuned.values() for child in _children(tuned, outcome.stored)]
        shown = {
            "experiment": f"{PREFIX}{outcome.experiment.name} ({profile})",
            "note": _note(outcome, profile)[:NOTE_LENGTH],
            "params": _parent_params(outcome, profile),
            "metrics": _parent_metrics(outcome),
            "tags": {f"verdict.{verdict.claim.name}.{verdict.aspect}": verdict.verdict for verdict in outcome.verdicts},
        }
        runs = sorted([request.arm.name, request.role, record.key, record.weights] for request, record in children)
        checks = sorted([name, record.key, check_artifact(record)] for name, record in outcome.checks.items())
        files = sorted(artifacts.glob(f"{outcome.experiment.name}-*")) if artifacts else []
        hashes = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
        return cls(
            **shown,
            children=children,
            checks=outcome.checks,
            thresholds=_thresholds(outcome.design),
            files=files,
            digest=digest(shown | {"runs": runs} | ({"checks": checks} if checks else {})),
            figures=digest(hashes) if hashes else "",
        )


def _children(tuned: Tuned, stored: Mapping[str, RunRecord]) -> Iterator[tuple[Request, RunRecord]]:
    for trial in tuned.search.trials:
        yield Request(tuned.arm, "search", trial.spec), stored[trial.spec.key]
    for run in tuned.replicates:
        if run.key in stored:
            yield Request(tuned.arm, "replicate", run), stored[run.key]


def _thresholds(design: Design) -> list[float]:
    """The training errors to which a time is searched or estimated, from large to small."""
    found = [rule.estimate.threshold for rule in design.rules if isinstance(rule.estimate, TimeRatio | HalfGap)]
    if design.search and isinstance(design.search.objective, TimeToTrainError):
        found.append(design.search.objective.threshold)
    return sorted(set(found), reverse=True)


def _parent_params(outcome: Outcome, profile: str) -> dict[str, str]:
    design = outcome.design
    params = {"profile": profile}
    if design.arms:
        params["seeds"] = ", ".join(map(str, design.seeds))
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
            return f"ratio_of_{_time_name(threshold)}.{slug(numerator)}-over-{slug(denominator)}"
        case HalfGap(slow, fast, remedied, threshold):
            return f"half_gap_of_{_time_name(threshold)}.{slug(slow)}-to-{slug(fast)}-by-{slug(remedied)}"
        case Contrast(_, text, _):
            return f"contrast.{slug(text)[:NAME_LENGTH]}"
    return ""


def _arm_intervals(outcome: Outcome, arm: str) -> Iterator[tuple[str, Interval]]:
    records = outcome.replicates(arm)
    if not records:
        return
    for threshold in _thresholds(outcome.design):
        times = [time_to(record, threshold) for record in records]
        interval = mean_interval([time.epochs for time in times])
        if any(time.censored for time in times):  # The mean is at least this.
            interval = replace(interval, high=math.inf)
        yield _time_name(threshold), interval
    for name in records[0].outcomes:
        values = [record.outcomes.get(name, math.nan) for record in records]
        if (name.endswith("_error") or name in _contrasted(outcome.design)) and all(map(math.isfinite, values)):
            yield name, mean_interval(values)


def _contrasted(design: Design) -> set[str]:
    """The outcomes that rules are about."""
    return {term.metric for rule in design.rules if isinstance(rule.estimate, Contrast) for term in rule.estimate.terms}


def _limits(name: str, middle: str, interval: Interval) -> dict[str, float]:
    values = {middle: interval.estimate, "low": interval.low, "high": interval.high}
    return {f"{STATISTICS}{name}.{limit}": value for limit, value in values.items() if math.isfinite(value)}


def _time_name(threshold: float) -> str:
    return f"epochs_to_{100 * threshold:g}pct"


def slug(name: str) -> str:
    """A name with neither commas nor spaces, so that it can be typed in the search box of MLflow."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-")


def _note(outcome: Outcome, profile: str) -> str:
    """What the experiment asks and what it has found, in Markdown."""
    lines = [f"# {outcome.experiment.title}", f"Profile: {profile}."]
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
        f"- {decision.rule.condition}: {decision.interval.text if decision.interval else 'no estimate'}. "
        f"{decision.rule.sentence} Verdict: {decision.verdict}."
        for decision in verdict.decisions
    ]
    return "\n".join(lines)


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
        "mlflow.note.content": execution.note,
        "mlflow.source.name": "cnn-study",
        **execution.tags,
    }


def origin(trained: bool, revision: str) -> dict[str, str]:
    """Tags that say where a run comes from: trained just now, with a revision of the code, or stored before."""
    return {"origin": "trained", "revision": revision} if trained else {"origin": "reused"}


def child_tags(request: Request, record: RunRecord) -> dict[str, str]:
    """Tags of a child run."""
    tags = {
        KEY: record.key,
        "arm": request.arm.name,
        "condition": request.arm.condition,
        "seed": str(record.spec.seeds.init),
        "role": request.role,
        "ended": record.ended,
        "mlflow.source.name": "cnn-study",
    }
    if record.ended == "diverged":
        tags["diverged"] = "true"
    return tags | {f"environment.{name}": value for name, value in record.environment.items()}


def child_name(request: Request) -> str:
    """Name of a child run: the arm, and its rate or seed."""
    run = request.run
    what = f"search rate {run.train.learning_rate:g}" if request.role == "search" else f"seed {run.seeds.init}"
    return f"{request.arm.label} ({request.arm.condition}) {what}"


def child_params(request: Request) -> dict[str, str]:
    """Parameters of a child run: what was run."""
    run, model = request.run, request.run.model
    fields = {
        "arm": request.arm.name,
        "condition": request.arm.condition,
        "role": request.role,
        "seed": run.seeds.init,
        "learning_rate": run.train.learning_rate,
        "activation": _listed(_units(model)),
        "initialization": _listed(_initialization(model)),
        "probes": ", ".join(run.probes) or None,
        "model.layers": _layers(model),
        "model.parameters": complexity.parameters(model),
        "model.macs": complexity.macs(model),
    }
    for part in ("data", "train", "seeds"):
        fields |= {f"{part}.{name}": value for name, value in getattr(run, part).model_dump().items()}
    return {name: str(value) for name, value in fields.items() if value is not None}


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _units(model: ModelSpec) -> Iterator[str | None]:
    for layer in model.layers[:-1]:
        if isinstance(layer, Conv | Dense | Subsample):
            yield layer.activation


def _initialization(model: ModelSpec) -> Iterator[str]:
    for layer in model.layers:
        if isinstance(layer, Conv | Dense):
            weights = layer.initializer
            if isinstance(weights, Normal):
                yield f"normal {weights.stddev:g}"
            else:
                yield f"fan uniform {weights.reach:g}" if isinstance(weights, FanUniform) else weights.rule


def _layers(model: ModelSpec) -> str:
    return " - ".join(map(_layer, model.layers))


def _layer(layer: Layer) -> str:
    match layer:
        case Conv():
            return f"{'conv' if layer.shared else 'local'} {layer.field}x{layer.field}x{layer.maps}"
        case Dense():
            return f"dense {layer.units}"
        case Subsample():
            return f"subsample {layer.size}x{layer.size}"
    return layer.kind.replace("_", " ")


def child_metrics(record: RunRecord, thresholds: Sequence[float]) -> list[tuple[str, float, int, int]]:
    """Metrics of a child run: name, value, time stamp and step of every finite value.

    Between start and end an even pace is assumed.
    """
    start, end = span(record)
    last = max((point.step for point in record.history), default=0)
    pace = (end - start) / max(last, 1)
    values = [
        (CURVES + point.metric, point.value, start + round(pace * point.step), point.step) for point in record.history
    ]
    values += [(name, x, end, last) for name, x in _summary(record, thresholds).items()]
    return [value for value in values if math.isfinite(value[1])]


def _summary(record: RunRecord, thresholds: Sequence[float]) -> dict[str, float]:
    """What is shown in MLflow's tables, which know nothing of a curve but its last value."""
    summary: dict[str, float] = {"seconds": record.seconds}
    for metric in dict.fromkeys(point.metric for point in record.history):
        if metric.endswith(("_error", "_loss")):
            _, values = record.curve(metric)
            summary[f"final_{metric}"] = values[-1]
            summary[f"best_{metric}"] = min((x for x in values if math.isfinite(x)), default=math.nan)
    for name, value in record.outcomes.items():
        summary[f"final_{name}" if name.endswith("_error") else name] = value
    for threshold in thresholds:
        time = time_to(record, threshold)
        summary[_time_name(threshold)] = math.nan if time.censored else time.epochs
    return summary


def span(record: RunRecord) -> tuple[int, int]:
    """Start and end of a run, in milliseconds since 1970."""
    finished = datetime.datetime.fromisoformat(record.finished_at).timestamp() if record.finished_at else time.time()
    return round(1000 * (finished - record.seconds)), round(1000 * finished)
