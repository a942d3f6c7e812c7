"""Writes many runs at once into the SQLite file of an MLflow store, a table at a time.

MLflow's client takes a transaction or more for each call, and five calls a run are the fewest that it can do with. For
3,080 runs it took 178 seconds of a processor, writing a table at a time 22, the import of MLflow included. By the clock
that was 17 minutes and 2, on two cores that were busy with other programs. It is measured by

    python -m benchmarks --rows clients

What is written is what the client would have written, by tables that are MLflow's own and may change: this is done
with the versions in :data:`TESTED` only. With others, and where others may write at the same time, the client has to be
taken.
"""

import importlib.metadata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_study.tracking.runs import ChildRun, Metric, dataset_of, write_files

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

Rows = list[dict[str, Any]]

_NAME = "mlflow.runName"

TESTED = ("3.16.0", "3.16.1", "3.17.0", "3.17.1", "3.17.2")
"""Versions of MLflow whose client was seen to write the same rows, by
``test_runs_written_a_table_at_a_time_are_those_of_the_client``."""


def is_tested() -> bool:
    """Whether the installed MLflow has the tables that :func:`write` knows."""
    return importlib.metadata.version("mlflow") in TESTED


def engine_of(uri: str) -> "Engine":
    """The database of a store, as MLflow opens it."""
    from mlflow.store.db.utils import create_sqlalchemy_engine_with_retry

    return create_sqlalchemy_engine_with_retry(uri)


def write(engine: "Engine", experiment: "Experiment", runs: Sequence[ChildRun]) -> None:
    """Write runs that are not there yet, with their artifacts, in one transaction.

    Args:
        engine: The database, with MLflow's tables.
        experiment: To which the runs belong.
        runs: The runs.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path
    from sqlalchemy.orm import Session

    named = {uuid.uuid4().hex: run for run in runs}
    for name, run in named.items():
        write_files(Path(local_file_uri_to_path(experiment.artifact_location), name, "artifacts"), run.files)
    with Session(engine) as session, session.begin():
        for table, rows in _tables(session, experiment, named):
            if rows:
                session.execute(table.__table__.insert(), rows)


def _tables(session: "Session", experiment: "Experiment", runs: Mapping[str, ChildRun]) -> Iterator[tuple[Any, Rows]]:
    """The tables with the rows to insert, those first that others refer to."""
    from mlflow.store.tracking.dbmodels import models

    yield models.SqlRun, [_run(experiment, name, run) for name, run in runs.items()]
    yield models.SqlTag, [row for name, run in runs.items() for row in _pairs(name, {_NAME: run.name, **run.tags})]
    yield models.SqlParam, [row for name, run in runs.items() for row in _pairs(name, run.params)]
    yield models.SqlMetric, [row for name, run in runs.items() for row in _metrics(name, run.metrics)]
    yield models.SqlLatestMetric, [row for name, run in runs.items() for row in _metrics(name, _latest(run.metrics))]
    datasets = {name: dataset_of(run.data) for name, run in runs.items() if run.data}
    ids, new = _datasets(session, int(experiment.experiment_id), list(datasets.values()))
    yield models.SqlDataset, new
    yield models.SqlInput, [_input(ids[data["name"], data["digest"]], name) for name, data in datasets.items()]


def _pairs(run: str, pairs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    return ({"key": key, "value": value, "run_uuid": run} for key, value in pairs.items())


def _run(experiment: "Experiment", name: str, run: ChildRun) -> dict[str, Any]:
    from mlflow.utils.uri import append_to_uri_path

    return {
        "run_uuid": name,
        "name": run.name,
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "unknown",
        "status": "FINISHED",
        "start_time": run.start,
        "end_time": run.end,
        "source_version": "",
        "lifecycle_stage": "active",
        "artifact_uri": append_to_uri_path(experiment.artifact_location, name, "artifacts"),
        "experiment_id": int(experiment.experiment_id),
    }


def _metrics(run: str, metrics: Sequence[Metric]) -> Rows:
    return [
        {"key": key, "value": value, "timestamp": when, "step": step, "is_nan": False, "run_uuid": run}
        for key, value, when, step in metrics
    ]


def _latest(metrics: Sequence[Metric]) -> list[Metric]:
    """The last value of every metric, as MLflow takes it: by step, time stamp and value."""
    found: dict[str, Metric] = {}
    for metric in sorted(metrics, key=lambda metric: (metric[3], metric[2], metric[1])):
        found[metric[0]] = metric
    return list(found.values())


def _datasets(
    session: "Session", experiment: int, wanted: Sequence[Mapping[str, str]]
) -> tuple[dict[tuple[str, str], str], Rows]:
    """The ids of data sets by name and digest, and those that the experiment does not have yet."""
    from mlflow.store.tracking.dbmodels.models import SqlDataset

    there = session.query(SqlDataset).filter(SqlDataset.experiment_id == experiment)
    ids = {(str(data.name), str(data.digest)): str(data.dataset_uuid) for data in there}
    new: Rows = []
    for data in wanted:
        if (data["name"], data["digest"]) not in ids:
            ids[data["name"], data["digest"]] = uuid.uuid4().hex
            row = {"dataset_uuid": ids[data["name"], data["digest"]], "experiment_id": experiment}
            row |= {"name": data["name"], "digest": data["digest"]}
            new.append(row | {"dataset_source_type": data["source_type"], "dataset_source": data["source"]})
    return ids, new


def _input(dataset: str, run: str) -> dict[str, Any]:
    return {
        "input_uuid": uuid.uuid4().hex,
        "source_type": "DATASET",
        "source_id": dataset,
        "destination_type": "RUN",
        "destination_id": run,
    }
