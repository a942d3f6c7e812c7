"""The MLflow store: where it is, how it is opened, and what can be wrong with it."""

import hashlib
import logging
import os
import re
import sqlite3
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from cnn_study.errors import StudyError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ARTIFACTS = "mlartifacts"
"""Folder of figures and the like, beside a SQLite store."""

CONNECT_SECONDS = 5.0

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""The environment MLflow is imported with, unless the user has set it otherwise."""


class TrackingError(StudyError):
    """The MLflow store cannot be reached, read or written."""


def default_uri() -> str:
    """The MLflow store to use: ``$MLFLOW_TRACKING_URI``, or else a SQLite file in the current folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').resolve()}"


def client_of(uri: str) -> "MlflowClient":
    """MLflow's client of a store."""
    _quiet()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _quiet() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def database_file(uri: str) -> Path | None:
    """The file of a SQLite store; ``None`` for a server."""
    prefix, file = "sqlite:///", uri.removeprefix("sqlite:///").split("?")[0]
    return Path(file).resolve() if uri.startswith(prefix) and file else None


def check_store(uri: str) -> None:
    """Find out within seconds what MLflow would find out after minutes of trying."""
    database = database_file(uri)
    try:
        if database:
            _check_file(database)
        elif uri.startswith(("http://", "https://")):
            _check_server(uri)
    except (OSError, ValueError, sqlite3.Error) as error:
        raise _failure(uri, error) from None


def _check_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.rollback()


def _check_server(uri: str) -> None:
    try:
        with urllib.request.urlopen(without_user(uri), timeout=CONNECT_SECONDS):  # noqa: S310 - http or https
            pass
    except urllib.error.HTTPError:
        pass  # It answers, be it that it wants to know who asks.
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLError):  # MLflow has switches of its own for certificates.
            raise


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn the errors of MLflow and of what lies beneath it into one line."""
    _quiet()
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, CommandError, ImportError, OSError) as error:
        raise _failure(uri, error) from None


def _failure(uri: str, error: Exception) -> TrackingError:
    reason = getattr(error, "reason", None) or error
    first = (str(reason).strip().splitlines() or [type(error).__name__])[0]
    if database_file(uri):
        remedy = "check its folder or move the file away"
    else:
        remedy = "start or mend the server" if uri.startswith("http") else "correct its address"
    return TrackingError(
        f"the MLflow store {without_password(uri)} does not work ({without_password(first)[:200]}): "
        f"{remedy}, or give another with --tracking-uri, then mirror with `cnn-study sync`"
    )


def without_password(text: str) -> str:
    """A text in which passwords and tokens of addresses are stars; rather too much of an address than too little."""
    text = re.sub(
        r"(?<!/)//(?!/)(?:([^\s/@:]+):)?\S*@", lambda found: f"//{f'{found[1]}:' if found[1] else ''}***@", text
    )
    return re.sub(r"(?i)([?&;](?:password|passwd|pwd|token|secret|api_?key)=)[^&;\s]*", r"\1***", text)


def without_user(uri: str) -> str:
    """An address without user and password."""
    return re.sub(r"(?<!/)//(?!/)\S*@", "//", uri)


@contextmanager
def alone(uri: str, experiment: str) -> Iterator[None]:
    """Write to a SQLite store as the only one, as MLflow does not guard the making of its tables.

    To a server, many may write, but only one from this machine about an experiment: two would log all of it twice.
    """
    database = database_file(uri)
    if database:
        lock = filelock.FileLock(f"{database}.lock", timeout=60)
    else:
        name = hashlib.sha256(f"{without_user(uri)} {experiment}".encode()).hexdigest()[:16]
        lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"cnn_study-{os.getuid()}-{name}.lock", timeout=600)
    try:
        with lock:
            yield
    except filelock.Timeout:
        raise TrackingError(
            f"another cnn-study mirrors to {without_password(uri)}: wait for it, then mirror with `cnn-study sync`"
        ) from None
