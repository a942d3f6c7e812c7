"""Writes an outcome to MLflow, unless it is there.

MLflow takes seconds to import and is imported only when something has to be written.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.analysis.decisions import Outcome
from cnn_study.execution.plan import Request
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec
from cnn_study.tracking.content import (
    COMPLETE,
    EXECUTION,
    FIGURES,
    Execution,
    check_artifact,
    child_metrics,
    child_name,
    child_params,
    child_tags,
    origin,
    parent_tags,
    slug,
    span,
)
from cnn_study.tracking.store import ARTIFACTS, alone, check_store, client_of, database_file, explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS_A_CALL = 1000  # Limits of MLflow.
PARAMS_A_CALL = 100

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class MirrorReport:
    """What a mirror has done.

    Attributes:
        parent_run_id: The execution in MLflow.
        logged: Child runs that were logged.
        present: Child runs that were there already.
    """

    parent_run_id: str
    logged: int
    present: int


@dataclass(frozen=True)
class _Mirrored:
    """A complete parent run that MLflow has."""

    run_id: str
    figures: str


def is_mirrored(outcome: Outcome, profile: str, uri: str, artifacts: Path | None) -> bool:
    """Whether MLflow shows exactly this outcome, figures included. For SQLite, milliseconds without MLflow.

    Raises:
        TrackingError: A server does not answer.
    """
    execution = Execution.of(outcome, profile, artifacts)
    found = _find(uri, execution)
    return found is not None and _has_figures(found, execution)


def mirror(
    outcome: Outcome,
    *,
    profile: str,
    uri: str,
    artifacts: Path | None,
    trained: Collection[str],
    revision: str,
    progress: Progress | None = None,
) -> MirrorReport:
    """Log an outcome with all its runs, unless it is there.

    Args:
        outcome: What an experiment has found. Arms still without a learning rate are left out.
        profile: Name of the folder of results.
        uri: The MLflow store.
        artifacts: The folder of figures; those whose names begin with that of the experiment are logged.
        trained: Keys of the runs trained just now; the others are marked as reused.
        revision: Of the code. It is noted on the execution and on the runs trained with it.
        progress: Called with the child runs logged so far and their total.

    Raises:
        TrackingError: The store cannot be reached, read or written.
    """
    execution = Execution.of(outcome, profile, artifacts)
    found = _find(uri, execution)
    if found and _has_figures(found, execution):
        return MirrorReport(found.run_id, 0, len(execution.children))
    check_store(uri)
    with explained(uri), alone(uri):
        client = client_of(uri)
        experiment = _open_experiment(client, uri, execution)
        found = _find(uri, execution)
        if found:
            _log_figures(client, found.run_id, execution)
            return MirrorReport(found.run_id, 0, len(execution.children))
        _delete_interrupted(client, experiment, uri, execution)

        def log(run_id: str, request: Request, record: RunRecord) -> None:
            tags = {"mlflow.parentRunId": run_id, "profile": profile, **origin(record.key in trained, revision)}
            _log_child(client, experiment, request, record, execution.thresholds, tags)

        run_id = _log_execution(
            client, experiment, execution, {"profile": profile, "revision": revision}, log, progress
        )
        return MirrorReport(run_id, len(execution.children), 0)


def _log_execution(
    client: "MlflowClient",
    experiment: str,
    execution: Execution,
    tags: Mapping[str, str],
    log_child: Callable[[str, Request, RunRecord], None],
    progress: Progress | None,
) -> str:
    """Log a parent run with its children; it counts as complete only when all is there."""
    tags = {**parent_tags(execution), **tags}
    run_id = client.create_run(experiment, tags=tags, run_name=f"execution, {tags['profile']}").info.run_id
    for done, child in enumerate(execution.children, 1):
        log_child(run_id, *child)
        if progress:
            progress(done, len(execution.children))
    now = time.time_ns() // 1_000_000
    _log_batch(client, run_id, execution.params, [(name, x, now, 0) for name, x in execution.metrics.items()])
    for name, check in execution.checks.items():
        client.log_dict(run_id, check_artifact(check), f"checks/{slug(name)}.json")
    _log_figures(client, run_id, execution)
    client.set_terminated(run_id, "FINISHED")
    client.set_tag(run_id, COMPLETE, "true")
    client.set_experiment_tag(experiment, "mlflow.note.content", execution.note)
    return run_id


def _log_child(
    client: "MlflowClient",
    experiment: str,
    request: Request,
    record: RunRecord,
    thresholds: Sequence[float],
    tags: Mapping[str, str],
) -> None:
    from mlflow.entities import DatasetInput

    start, end = span(record)
    tags = {**child_tags(request, record), **tags}
    run = client.create_run(experiment, start_time=start, tags=tags, run_name=child_name(request))
    run_id = run.info.run_id
    _log_batch(client, run_id, child_params(request), child_metrics(record, thresholds))
    client.log_inputs(run_id, [DatasetInput(_dataset(record.spec))])
    client.log_dict(run_id, json.loads(record.spec.model_dump_json()), "spec.json")
    client.set_terminated(run_id, "FINISHED", end)


def _dataset(run: RunSpec):
    from mlflow.entities import Dataset

    source = json.dumps({"name": run.data.name, "sha256": run.data.content})
    return Dataset(name=run.data.name, digest=run.data.content[:36], source_type="cnn_study", source=source)


def _log_batch(
    client: "MlflowClient",
    run_id: str,
    params: Mapping[str, str],
    metrics: Sequence[tuple[str, float, int, int]],
) -> None:
    from mlflow.entities import Metric, Param

    named = [Param(*item) for item in params.items()]
    for i in range(0, len(named), PARAMS_A_CALL):
        client.log_batch(run_id, params=named[i : i + PARAMS_A_CALL])
    for i in range(0, len(metrics), METRICS_A_CALL):
        client.log_batch(run_id, [Metric(*metric) for metric in metrics[i : i + METRICS_A_CALL]])


def _log_figures(client: "MlflowClient", run_id: str, execution: Execution) -> None:
    for file in execution.files:
        client.log_artifact(run_id, str(file), "figures")
    if execution.files:
        client.set_tag(run_id, FIGURES, execution.figures)


def _open_experiment(client: "MlflowClient", uri: str, execution: Execution) -> str:
    """The experiment's id; it is made if need be, and taken out of the trash."""
    found = client.get_experiment_by_name(execution.experiment)
    if found is None:
        database = database_file(uri)
        folder = database.parent / ARTIFACTS / slug(execution.experiment) if database else None
        tags = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": execution.note}
        return client.create_experiment(execution.experiment, folder.as_uri() if folder else None, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _delete_interrupted(client: "MlflowClient", experiment: str, uri: str, execution: Execution) -> None:
    """Delete what an interrupted mirror has left. On a server, only of this execution: another may be going on."""
    wanted = f"tags.`{COMPLETE}` = 'false'"
    if not database_file(uri):
        wanted += f" and tags.`{EXECUTION}` = '{execution.digest}'"
    for parent in client.search_runs([experiment], wanted):
        children = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        for run in [*client.search_runs([experiment], children, max_results=50_000), parent]:
            client.delete_run(run.info.run_id)


def _find(uri: str, execution: Execution) -> _Mirrored | None:
    database = database_file(uri)
    if database:
        return _find_in_file(database, execution.digest)
    check_store(uri)
    with explained(uri):
        client = client_of(uri)
        experiment = client.get_experiment_by_name(execution.experiment)
        if experiment is None:
            return None
        wanted = f"tags.`{EXECUTION}` = '{execution.digest}' and tags.`{COMPLETE}` = 'true'"
        runs = client.search_runs([experiment.experiment_id], wanted, max_results=1)
        return _Mirrored(runs[0].info.run_id, runs[0].data.tags.get(FIGURES, "")) if runs else None


def _find_in_file(database: Path, execution: str) -> _Mirrored | None:
    query = """
        SELECT runs.run_uuid, figures.value FROM runs
        JOIN tags execution ON execution.run_uuid = runs.run_uuid AND execution.key = ? AND execution.value = ?
        JOIN tags complete ON complete.run_uuid = runs.run_uuid AND complete.key = ? AND complete.value = 'true'
        LEFT JOIN tags figures ON figures.run_uuid = runs.run_uuid AND figures.key = ?
        WHERE runs.lifecycle_stage = 'active'
    """
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute(query, (EXECUTION, execution, COMPLETE, FIGURES)).fetchone()
    except sqlite3.Error:  # Damaged, or of another version: MLflow is going to say so.
        return None
    return _Mirrored(row[0], row[1] or "") if row else None


def _has_figures(found: _Mirrored, execution: Execution) -> bool:
    return execution.figures in ("", found.figures)
