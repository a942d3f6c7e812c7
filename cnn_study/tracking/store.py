"""The MLflow store: where it is, how it is opened, and what can be wrong with it."""

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import re
import shlex
import sqlite3
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from cnn_study.errors import StudyError, described

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
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    path = Path("mlflow.db").resolve()
    # What means something in an address is kept out of it: nothing can stand for a question mark, for one.
    return f"sqlite:///{path}" if re.fullmatch(r"[\w/.+ ~-]+", str(path)) else "sqlite:///mlflow.db"


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


def reading(database: Path) -> closing[sqlite3.Connection]:
    """A connection that cannot write, closed at the end of the context.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    return closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True))


def check_store(uri: str) -> None:
    """Find out within seconds what MLflow would find out after minutes of trying, or never.

    Raises:
        TrackingError: The store cannot be reached, read or written, or is none.
    """
    if uri.startswith("sqlite:"):
        _check_address(uri)
    database = database_file(uri)
    try:
        if database:
            _check_file(database)
        elif uri.startswith(("http://", "https://")):
            _check_server(uri)
    except (OSError, ValueError, sqlite3.Error) as error:
        raise failure(uri, error) from None


def _check_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.rollback()
    if not tables and "'" in os.getcwd():  # It would end in the SQL that MLflow makes its tables with.
        raise TrackingError(
            f"MLflow makes no store in a folder with an apostrophe ({os.getcwd()}): change to another one and "
            "give --tracking-uri sqlite:///FILE"
        )
    if tables and not tables & {"experiments", "runs"}:
        names = ", ".join(sorted(tables - {"alembic_version"})[:3])
        raise TrackingError(
            f"{database} is the SQLite file of another program, with tables such as {names}: "
            "give another with --tracking-uri"
        )


def _check_address(uri: str) -> None:
    path, _, options = uri.removeprefix("sqlite:///").partition("?")
    if "/" in options:
        raise TrackingError(
            f"{uri} would be taken for the file {path}, as a question mark ends a path: "
            "change to its folder and give --tracking-uri sqlite:///FILE"
        )
    if path in ("sqlite:", "sqlite://", "", ":memory:") or path.startswith("file:"):
        raise TrackingError(f"{uri} names no file: give its path, such as --tracking-uri sqlite:///mlflow.db")


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
    """Turn the errors of MLflow and of what lies beneath it, which are of any kind, into one line."""
    _import_mlflow()
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise failure(uri, error) from None


def _import_mlflow() -> None:
    _quiet()
    try:
        import mlflow  # noqa: F401 - it is here that it fails, if it does

        # What goes wrong is raised too; its log would add a stack trace.
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    except Exception as error:
        remedy = "mend its installation; `cnn-study run --no-tracking` does without"
        raise TrackingError(f"MLflow cannot be imported ({described(error)}): {remedy}") from None


def failure(uri: str, error: Exception) -> TrackingError:
    """What is wrong with a store, and what to do, in one line."""
    if found := re.search(r"out-of-date database schema \(found version (\w+)", str(error)):
        return _other_schema(uri, found[1])
    reason = getattr(error, "reason", None) or error
    first = (str(reason).strip().splitlines() or [type(error).__name__])[0]
    if database_file(uri):
        remedy = "check its folder or move the file away"
    elif uri.startswith("http"):
        remedy = "start or mend the server"
    elif uri.startswith("file:") or "://" not in uri:
        remedy = "MLflow keeps runs in databases now: give one, such as --tracking-uri sqlite:///mlflow.db"
    else:
        remedy = "correct its address"
    return TrackingError(
        f"the MLflow store {without_password(uri)} does not work ({without_password(first)[:200]}): "
        f"{remedy}, or give another with --tracking-uri, then mirror with `cnn-study sync`"
    )


def _other_schema(uri: str, found: str) -> TrackingError:
    """A database that another version of MLflow has made. It is older if the installed one knows its tables."""
    version = importlib.metadata.version("mlflow")
    (package,) = importlib.util.find_spec("mlflow").submodule_search_locations  # type: ignore[union-attr, misc]
    known = any(Path(package, "store", "db_migrations", "versions").glob(f"{found}_*.py")) or found == "None"
    store = without_password(uri)
    if known:
        command = shlex.join([sys.executable, "-m", "mlflow", "db", "upgrade", store])
        what = f"is of an older MLflow than the installed {version}: make a copy of it, then `{command}`"
    else:
        what = f"is of a newer MLflow than the installed {version}: keep it, and install that MLflow"
    return TrackingError(f"the MLflow store {store} {what}; or give another with --tracking-uri")


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
