"""A SQLite store that has come to lie elsewhere: MLflow keeps absolute paths of artifacts."""

import sqlite3
from contextlib import closing
from pathlib import Path

from cnn_study.tracking.notes import PREFIX, slug
from cnn_study.tracking.store import ARTIFACTS, database_file, failure


def artifacts_of(database: Path, experiment: str) -> str:
    """The address of the artifacts of an experiment of MLflow, beside the database."""
    return (database.parent / ARTIFACTS / slug(experiment)).as_uri()


def follow(uri: str) -> None:
    """Let the experiments of this project have their artifacts beside their SQLite file, wherever it lies now.

    Whether it was moved or copied: nothing is read from or written to where it was.

    Args:
        uri: The MLflow store. Nothing is done about one that is no file, or no store.

    Raises:
        TrackingError: It cannot be written.
    """
    database = database_file(uri)
    if not database or not database.exists():
        return
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            for identity, name, before in _experiments(connection):
                now = artifacts_of(database, name)
                if before != now and before.startswith("file:") and before.endswith(f"/{ARTIFACTS}/{slug(name)}"):
                    _move(connection, identity, before, now)
    except sqlite3.Error as error:
        raise failure(uri, error) from None


def _experiments(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
        return []
    query = "SELECT experiment_id, name, artifact_location FROM experiments WHERE name LIKE ?"
    return connection.execute(query, (f"{PREFIX}%",)).fetchall()


def _move(connection: sqlite3.Connection, experiment: int, before: str, now: str) -> None:
    runs = """
        UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)
        WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?
    """
    connection.execute(runs, (now, len(before) + 1, experiment, len(before), before))
    connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (now, experiment))
