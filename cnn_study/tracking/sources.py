"""What a mirror was made from: while nothing of it has changed, results need not be read to know that all is there."""

import hashlib
import importlib.metadata
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cnn_study.tracking.claims import experiment_of_claims
from cnn_study.tracking.notes import PREFIX
from cnn_study.tracking.store import client_of, database_file, explained, reading

SOURCES = "cnn_study.sources"
"""Tag of the experiment of claims: digest of what all was made from, and how many runs there were then."""

LIBRARIES = ("mlflow", "numpy", "pyarrow", "scipy")
"""Those with which results are read, judged and mirrored."""


def sources(folders: Iterable[Path], profile: str) -> str:
    """A digest of the files of this program and of the results of a profile, and of the libraries.

    Files count with their paths, sizes and times, as their contents would take as long to read as the results.

    Args:
        folders: Files of programs, and folders of programs or results; those that are not there count too.
        profile: The profile.
    """
    found = hashlib.sha256(f"{sys.version} {profile}".encode())
    for library in LIBRARIES:
        found.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for folder in folders:
        found.update(f"{folder.resolve()}\n".encode())
        for path in _files(folder):
            with suppress(FileNotFoundError):  # A suite that is running has merged it meanwhile.
                state = path.stat()
                found.update(f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    paths = (path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts)
    return (path for path in paths if path.is_file())


def is_made_from(uri: str, profile: str, digest: str) -> bool:
    """Whether the runs of a SQLite store were made from these sources, and are as many as then.

    Args:
        uri: The MLflow store. Of a server, nothing is known.
        profile: The profile.
        digest: Of the sources.
    """
    database = database_file(uri)
    if not database or not database.exists():
        return False
    query = """
        SELECT value FROM experiment_tags JOIN experiments USING (experiment_id)
        WHERE name = ? AND key = ? AND lifecycle_stage = 'active'
    """
    try:
        with reading(database) as connection:
            row = connection.execute(query, (experiment_of_claims(profile), SOURCES)).fetchone()
            return row == (f"{digest} {_runs(connection)}",)
    except sqlite3.Error:  # Damaged, or of another version: MLflow is going to say so.
        return False


def note_sources(uri: str, profile: str, digest: str) -> None:
    """Note in a SQLite store what its runs were made from.

    Args:
        uri: The MLflow store. To a server, nothing is written.
        profile: The profile.
        digest: Of the sources.

    Raises:
        TrackingError: The store cannot be written.
    """
    database = database_file(uri)
    if not database:
        return
    with explained(uri):
        client = client_of(uri)
        claims = client.get_experiment_by_name(experiment_of_claims(profile))
        if claims:
            with reading(database) as connection:
                runs = _runs(connection)
            client.set_experiment_tag(claims.experiment_id, SOURCES, f"{digest} {runs}")


def _runs(connection: sqlite3.Connection) -> int:
    """How many runs of this project are there, without those in the trash."""
    query = """
        SELECT count(*) FROM runs JOIN experiments USING (experiment_id)
        WHERE experiments.name LIKE ? AND runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
    """
    return connection.execute(query, (f"{PREFIX}%",)).fetchone()[0]
