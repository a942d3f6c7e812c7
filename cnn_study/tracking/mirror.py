"""Writes an outcome to MLflow, unless it is there.

MLflow takes seconds to import and is imported only when something has to be written.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.analysis.decisions import Outcome
from cnn_study.tracking import bulk
from cnn_study.tracking.claims import CLAIM, NOTE, experiment_of_claims, tags_of_experiment
from cnn_study.tracking.execution import (
    COMPLETE,
    EXECUTION,
    FIGURES,
    MODELS,
    Execution,
    check_artifact,
    parent_tags,
    slug,
)
from cnn_study.tracking.moved import artifacts_of, follow
from cnn_study.tracking.notes import claim_tag, linked, tags_of
from cnn_study.tracking.runs import KEY, MODEL, ChildRun, Metric, dataset_of, origin, write_files
from cnn_study.tracking.store import alone, check_store, client_of, database_file, explained, reading

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

METRICS_A_CALL = 1000  # Limits of MLflow.
PARAMS_A_CALL = 100
RUNS_A_TRANSACTION = 100
MOST_CLAIMS = 1000

OnLogged = Callable[[int, int], None]


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
    """A complete parent run that MLflow has, the digests of what may have come later, and how many claims it has."""

    run_id: str
    figures: str
    models: str
    claims: int

    def holds(self, execution: Execution) -> bool:
        """Whether it has the figures and the trained networks of an execution, and each of its claims a run."""
        later = execution.figures in ("", self.figures) and execution.models in ("", self.models)
        return later and self.claims == len(execution.answers)


def is_mirrored(outcome: Outcome, profile: str, uri: str, artifacts: Path | None, models: Path | None = None) -> bool:
    """Whether MLflow shows exactly this outcome. For SQLite, milliseconds without MLflow.

    Raises:
        TrackingError: A server does not answer.
    """
    execution = Execution.of(outcome, profile, artifacts, models)
    found = _find(uri, profile, execution)
    return found is not None and found.holds(execution)


def mirror(
    outcome: Outcome,
    *,
    profile: str,
    uri: str,
    artifacts: Path | None,
    models: Path | None = None,
    trained: Collection[str],
    revision: str,
    progress: OnLogged | None = None,
) -> MirrorReport:
    """Log an outcome with all its runs, unless it is there.

    Args:
        outcome: What an experiment has found. Arms still without a learning rate are left out.
        profile: Name of the folder of results.
        uri: The MLflow store.
        artifacts: The folder of figures; those whose names begin with that of the experiment are logged.
        models: The folder of trained networks, each called by the key of its run. Those that are there are logged with
            their runs, also when they have come later.
        trained: Keys of the runs trained just now; the others are marked as reused.
        revision: Of the code. It is noted on the execution and on the runs trained with it.
        progress: Called with the child runs logged so far and their total.

    Raises:
        TrackingError: The store cannot be reached, read or written.
    """
    execution = Execution.of(outcome, profile, artifacts, models)
    follow(uri)
    found = _find(uri, profile, execution)
    if found and found.holds(execution):
        return MirrorReport(found.run_id, 0, len(execution.children))
    check_store(uri)
    with explained(uri), alone(uri, execution.experiment):
        client = client_of(uri)
        tags = {**tags_of(execution.views), **execution.verdicts}
        experiment = _open_experiment(client, uri, execution.experiment, tags)
        found = _find(uri, profile, execution)
        if found:
            _log_claims(client, uri, profile, execution)
            _log_later(client, experiment, found.run_id, execution)
            return MirrorReport(found.run_id, 0, len(execution.children))
        _delete_interrupted(client, experiment, uri, execution)
        tags = parent_tags(execution) | {"profile": profile, "revision": revision}
        run = client.create_run(experiment, tags=tags, run_name=f"execution, {profile}")
        children = _children(execution, run.info.run_id, profile, trained, revision)
        for done in _log_children(client, uri, experiment, list(children)):
            if progress:
                progress(done, len(execution.children))
        if not database_file(uri):
            _delete_doubles(client, experiment, run.info.run_id, execution)
        _log_claims(client, uri, profile, execution)
        _complete(client, experiment, run.info.run_id, execution)
        return MirrorReport(run.info.run_id, len(execution.children), 0)


def _children(
    execution: Execution, parent: str, profile: str, trained: Collection[str], revision: str
) -> Iterator[ChildRun]:
    for request, record in execution.children:
        tags = {"mlflow.parentRunId": parent, "profile": profile, **origin(record.key in trained, revision)}
        tags |= {claim_tag(claim): "true" for claim, arms in execution.claims.items() if request.arm.name in arms}
        yield ChildRun.of(request, record, execution.thresholds, tags)


def _log_children(client: "MlflowClient", uri: str, experiment: str, runs: Sequence[ChildRun]) -> Iterator[int]:
    """Log runs. Yields how many are there, as they get more."""
    if not database_file(uri) or not bulk.is_tested():
        for done, run in enumerate(runs, 1):
            _log_child(client, experiment, run)
            yield done
        return
    engine, whole = bulk.engine_of(uri), client.get_experiment(experiment)
    for begin in range(0, len(runs), RUNS_A_TRANSACTION):
        end = begin + RUNS_A_TRANSACTION
        bulk.write(engine, whole, runs[begin:end])
        yield min(end, len(runs))


def _log_child(client: "MlflowClient", experiment: str, run: ChildRun) -> None:
    from mlflow.entities import Dataset, DatasetInput

    run_id = client.create_run(experiment, start_time=run.start, tags=dict(run.tags), run_name=run.name).info.run_id
    _log_batch(client, run_id, run.params, run.metrics)
    if run.data:
        client.log_inputs(run_id, [DatasetInput(Dataset(**dataset_of(run.data)))])
    if run.files:
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), run.files)
            client.log_artifacts(run_id, folder)
    client.set_terminated(run_id, "FINISHED", run.end)


def _log_claims(client: "MlflowClient", uri: str, profile: str, execution: Execution) -> None:
    """Log the claims to the experiment that has those of all experiments, in the place of what it says of them."""
    experiment = _open_experiment(client, uri, experiment_of_claims(profile), tags_of_experiment())
    _delete_claims(client, experiment, execution, unfinished=False)
    for _ in _log_children(client, uri, experiment, execution.answers):
        pass
    if not database_file(uri):  # It may have made some twice.
        _delete_claims(client, experiment, execution, unfinished=True)


def _delete_claims(client: "MlflowClient", experiment: str, execution: Execution, *, unfinished: bool) -> None:
    """Delete the runs that are claims of an experiment: all, or those that were begun only."""
    names = {run.params["experiment"] for run in execution.answers}
    for name in names:
        wanted = f"params.experiment = '{name}'"
        for run in client.search_runs([experiment], wanted, max_results=MOST_CLAIMS):
            if not unfinished or run.info.status != "FINISHED":
                client.delete_run(run.info.run_id)


def _complete(client: "MlflowClient", experiment: str, run_id: str, execution: Execution) -> None:
    """Log the rest of a parent run when all its children are there; only now it counts as complete."""
    now = time.time_ns() // 1_000_000
    _log_batch(client, run_id, execution.params, [(name, x, now, 0) for name, x in execution.metrics.items()])
    for name, check in execution.checks.items():
        client.log_dict(run_id, check_artifact(check), f"checks/{slug(name)}.json")
    _log_later(client, experiment, run_id, execution)
    client.set_terminated(run_id, "FINISHED")
    client.set_tag(run_id, COMPLETE, "true")


def _log_later(client: "MlflowClient", experiment: str, run_id: str, execution: Execution) -> None:
    """Log what may come after the runs: the figures, the note that shows them, and the trained networks."""
    from mlflow.entities import RunTag

    for file in execution.files:
        client.log_artifact(run_id, str(file), "figures")
    if execution.networks:
        _log_models(client, experiment, run_id, execution.networks)
    note = linked(execution.note, execution.views, execution.files, experiment, run_id)
    client.set_experiment_tag(experiment, NOTE, note)
    tags = {NOTE: note, FIGURES: execution.figures, MODELS: execution.models}
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items() if value])


def _log_models(client: "MlflowClient", experiment: str, parent: str, networks: Mapping[str, Path]) -> None:
    for run in _children_of(client, experiment, parent):
        file = networks.get(run.data.tags[KEY])
        if file and MODEL not in run.data.tags:
            client.log_artifact(run.info.run_id, str(file), "model")
            client.set_tag(run.info.run_id, MODEL, f"model/{file.name}")


def _children_of(client: "MlflowClient", experiment: str, parent: str) -> Iterator["Run"]:
    token = None
    while True:
        found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'", page_token=token)
        yield from found
        token = found.token
        if not token:
            return


def _log_batch(client: "MlflowClient", run_id: str, params: Mapping[str, str], metrics: Sequence[Metric]) -> None:
    from mlflow.entities import Metric as Entity
    from mlflow.entities import Param

    named = [Param(*item) for item in params.items()]
    for i in range(0, len(named), PARAMS_A_CALL):
        client.log_batch(run_id, params=named[i : i + PARAMS_A_CALL])
    for i in range(0, len(metrics), METRICS_A_CALL):
        client.log_batch(run_id, [Entity(*metric) for metric in metrics[i : i + METRICS_A_CALL]])


def _open_experiment(client: "MlflowClient", uri: str, name: str, given: Mapping[str, str]) -> str:
    """The id of an experiment with these tags; it is made if need be, and taken out of the trash."""
    tags = {"mlflow.experimentKind": "custom_model_development", **given}
    found = client.get_experiment_by_name(name)
    if found is None:
        database = database_file(uri)
        return _create_experiment(client, name, artifacts_of(database, name) if database else None, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for key, value in tags.items():
        if found.tags.get(key) != value:
            client.set_experiment_tag(found.experiment_id, key, value)
    return found.experiment_id


def _create_experiment(client: "MlflowClient", name: str, artifacts: str | None, tags: dict[str, str]) -> str:
    """Make an experiment, be it that another has made it at the same moment."""
    from mlflow.exceptions import MlflowException

    try:
        return client.create_experiment(name, artifacts, tags)
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found.experiment_id


def _delete_interrupted(client: "MlflowClient", experiment: str, uri: str, execution: Execution) -> None:
    """Delete what an interrupted mirror has left. On a server, only of this execution: another may be going on."""
    wanted = f"tags.`{COMPLETE}` = 'false'"
    if not database_file(uri):
        wanted += f" and tags.`{EXECUTION}` = '{execution.digest}'"
    for parent in client.search_runs([experiment], wanted):
        for run in [*_children_of(client, experiment, parent.info.run_id), parent]:
            client.delete_run(run.info.run_id)


def _delete_doubles(client: "MlflowClient", experiment: str, run_id: str, execution: Execution) -> None:
    """Delete runs that a server has made twice: when its answer is lost, MLflow's client asks again."""
    wanted = f"tags.`{COMPLETE}` = 'false' and tags.`{EXECUTION}` = '{execution.digest}'"
    parents = [run for run in client.search_runs([experiment], wanted) if run.info.run_id != run_id]
    children = [run for run in _children_of(client, experiment, run_id) if run.info.status != "FINISHED"]
    for run in parents + children:
        client.delete_run(run.info.run_id)


def _find(uri: str, profile: str, execution: Execution) -> _Mirrored | None:
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
        if not runs:
            return None
        tags = runs[0].data.tags
        claims = client.get_experiment_by_name(experiment_of_claims(profile))
        wanted = f"tags.`{CLAIM}` = '{execution.digest}' and attributes.status = 'FINISHED'"
        found = client.search_runs([claims.experiment_id], wanted, max_results=MOST_CLAIMS) if claims else []
        return _Mirrored(runs[0].info.run_id, tags.get(FIGURES, ""), tags.get(MODELS, ""), len(found))


def _find_in_file(database: Path, execution: str) -> _Mirrored | None:
    query = """
        SELECT runs.run_uuid, figures.value, models.value, (
            SELECT count(*) FROM runs claims JOIN tags claim ON claim.run_uuid = claims.run_uuid
            WHERE claim.key = ? AND claim.value = ? AND claims.lifecycle_stage = 'active'
        ) FROM runs
        JOIN tags execution ON execution.run_uuid = runs.run_uuid AND execution.key = ? AND execution.value = ?
        JOIN tags complete ON complete.run_uuid = runs.run_uuid AND complete.key = ? AND complete.value = 'true'
        LEFT JOIN tags figures ON figures.run_uuid = runs.run_uuid AND figures.key = ?
        LEFT JOIN tags models ON models.run_uuid = runs.run_uuid AND models.key = ?
        WHERE runs.lifecycle_stage = 'active'
    """
    if not database.exists():
        return None
    try:
        with reading(database) as connection:
            wanted = (CLAIM, execution, EXECUTION, execution, COMPLETE, FIGURES, MODELS)
            row = connection.execute(query, wanted).fetchone()
    except sqlite3.Error:  # Damaged, or of another version: MLflow is going to say so.
        return None
    return _Mirrored(row[0], row[1] or "", row[2] or "", row[3]) if row else None
