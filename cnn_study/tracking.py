"""The MLflow mirror of the stored results, for browsing; it can be thrown away and made again at any time.

An experiment of MLflow is an experiment at one profile. Its parent runs are executions: the intervals, the verdicts
and the figures. Their child runs are the trained runs, each with its curves. What is mirrored already is not logged
twice, and a mirror that was interrupted is replaced by a whole one.

MLflow takes seconds to import and is imported only when something has to be written.
"""

import datetime
import errno
import hashlib
import json
import logging
import math
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.errors import StudyError
from cnn_study.execution.plan import Request, Tuned
from cnn_study.experiment import Claim, Objective, Provenance, TimeToTrainError
from cnn_study.models import complexity
from cnn_study.results import RunRecord
from cnn_study.spec import Conv, Layer, ModelSpec, Normal, RunSpec, digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

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
METRICS_A_CALL = 1000  # Limits of MLflow.
PARAMS_A_CALL = 100
NOTE_LENGTH = 8000
ARTIFACTS = "mlartifacts"
CONNECT_SECONDS = 5.0
START_SECONDS = 120.0
STOP_SECONDS = 10.0

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""The environment MLflow is imported with, unless the user has set it otherwise."""

KNOWN: Mapping[Provenance, str] = {
    "primary": "read in the paper",
    "abstract": "read in its abstract",
    "secondary": "quoted by another source",
    "memory": "remembered, not checked since",
}


Progress = Callable[[int, int], None]


class TrackingError(StudyError):
    """The MLflow store cannot be reached, read or written."""


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
class _Execution:
    """The parent run, and what identifies it."""

    experiment: str
    note: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    children: Sequence[tuple[Request, RunRecord]]
    files: Sequence[Path]
    digest: str
    figures: str


@dataclass(frozen=True)
class _Mirrored:
    """A complete parent run that MLflow has."""

    run_id: str
    figures: str


def default_uri() -> str:
    """The MLflow store to use: ``$MLFLOW_TRACKING_URI``, or else a SQLite file in the current folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').resolve()}"


def is_mirrored(outcome: Outcome, profile: str, uri: str, artifacts: Path | None) -> bool:
    """Whether MLflow shows exactly this outcome, figures included. For SQLite, milliseconds without MLflow.

    Raises:
        TrackingError: A server does not answer.
    """
    execution = _execution(outcome, profile, artifacts)
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
    execution = _execution(outcome, profile, artifacts)
    found = _find(uri, execution)
    if found and _has_figures(found, execution):
        return MirrorReport(found.run_id, 0, len(execution.children))
    _check(uri)
    with _explained(uri), _alone(uri):
        client = _client(uri)
        experiment = _open_experiment(client, uri, execution)
        found = _find(uri, execution)
        if found:
            _log_figures(client, found.run_id, execution)
            return MirrorReport(found.run_id, 0, len(execution.children))
        _delete_interrupted(client, experiment, uri, execution)

        def log(run_id: str, request: Request, record: RunRecord) -> None:
            tags = {"mlflow.parentRunId": run_id, "profile": profile, **_origin(record.key in trained, revision)}
            _log_child(client, experiment, request, record, outcome.design.search.objective, tags)

        run_id = _log_execution(
            client, experiment, execution, {"profile": profile, "revision": revision}, log, progress
        )
        return MirrorReport(run_id, len(execution.children), 0)


# What the mirror shows, as pure functions of the outcome.


def _execution(outcome: Outcome, profile: str, artifacts: Path | None) -> _Execution:
    children = [child for tuned in outcome.tuned.values() for child in _children(tuned, outcome.stored)]
    shown = {
        "experiment": f"{PREFIX}{outcome.experiment.name} ({profile})",
        "note": _note(outcome, profile)[:NOTE_LENGTH],
        "params": _parent_params(outcome, profile),
        "metrics": _parent_metrics(outcome),
        "tags": {f"verdict.{verdict.claim.name}.{verdict.aspect}": verdict.verdict for verdict in outcome.verdicts},
    }
    runs = sorted([request.arm.name, request.role, record.key, record.weights] for request, record in children)
    files = sorted(artifacts.glob(f"{outcome.experiment.name}-*")) if artifacts else []
    hashes = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
    return _Execution(
        **shown,
        children=children,
        files=files,
        digest=digest(shown | {"runs": runs}),
        figures=digest(hashes) if hashes else "",
    )


def _children(tuned: Tuned, stored: Mapping[str, RunRecord]) -> Iterator[tuple[Request, RunRecord]]:
    runs = [("search", trial.spec) for trial in tuned.search.trials]
    runs += [("replicate", run) for run in tuned.replicates if run.key in stored]
    for role, run in runs:
        yield Request(tuned.arm, role, run), stored[run.key]


def _parent_params(outcome: Outcome, profile: str) -> dict[str, str]:
    design = outcome.design
    params = {
        "profile": profile,
        "seeds": ", ".join(map(str, design.seeds)),
        "search.rates": ", ".join(f"{rate:g}" for rate in design.search.rates),
        "search.objective": design.search.objective.text,
        "search.seed": str(design.search.seed),
    }
    if design.proxy:
        params["proxy"] = design.proxy
    return params | {f"learning_rate/{_slug(name)}": f"{t.search.rate:g}" for name, t in outcome.tuned.items()}


def _parent_metrics(outcome: Outcome) -> dict[str, float]:
    """Means and interval limits of every arm, ratios of every rule. A limit the data do not give is left out."""
    metrics: dict[str, float] = {}
    for name in outcome.tuned:
        for quantity, interval in _arm_intervals(outcome, name):
            metrics |= _limits(f"{quantity}.{_slug(name)}", "mean", interval)
    for decision in (decision for verdict in outcome.verdicts for decision in verdict.decisions):
        if decision.interval:
            what = decision.rule.estimate
            name = f"{_slug(what.numerator)}-over-{_slug(what.denominator)}"
            metrics |= _limits(f"ratio_of_{_time_name(what.threshold)}.{name}", "estimate", decision.interval)
    return metrics


def _arm_intervals(outcome: Outcome, arm: str) -> Iterator[tuple[str, Interval]]:
    records = outcome.replicates(arm)
    if not records:
        return
    objective = outcome.design.search.objective
    if isinstance(objective, TimeToTrainError):
        times = [time_to(record, objective.threshold) for record in records]
        interval = mean_interval([time.epochs for time in times])
        if any(time.censored for time in times):  # The mean is at least this.
            interval = Interval(interval.estimate, interval.low, math.inf, interval.n)
        yield _time_name(objective.threshold), interval
    for name in records[0].outcomes:
        if name.endswith("_error"):
            yield name, mean_interval([record.outcomes[name] for record in records])


def _limits(name: str, middle: str, interval: Interval) -> dict[str, float]:
    values = {middle: interval.estimate, "low": interval.low, "high": interval.high}
    return {f"{STATISTICS}{name}.{limit}": value for limit, value in values.items() if math.isfinite(value)}


def _time_name(threshold: float) -> str:
    return f"epochs_to_{100 * threshold:g}pct"


def _slug(name: str) -> str:
    # Neither commas nor spaces, so that names can be typed in the search box of MLflow.
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
        f"- Published: {number.quantity}, {number.about}: {number.text} ({number.source}; {KNOWN[number.provenance]})"
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


def _parent_tags(execution: _Execution) -> dict[str, str]:
    return {
        EXECUTION: execution.digest,
        COMPLETE: "false",
        "role": "execution",
        "mlflow.note.content": execution.note,
        "mlflow.source.name": "cnn-study",
        **execution.tags,
    }


def _origin(trained: bool, revision: str) -> dict[str, str]:
    return {"origin": "trained", "revision": revision} if trained else {"origin": "reused"}


def _child_tags(request: Request, record: RunRecord) -> dict[str, str]:
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


def _child_name(request: Request) -> str:
    run = request.run
    what = f"search rate {run.train.learning_rate:g}" if request.role == "search" else f"seed {run.seeds.init}"
    return f"{request.arm.label} ({request.arm.condition}) {what}"


def _child_params(request: Request) -> dict[str, str]:
    run, model = request.run, request.run.model
    fields = {
        "arm": request.arm.name,
        "condition": request.arm.condition,
        "role": request.role,
        "seed": run.seeds.init,
        "learning_rate": run.train.learning_rate,
        "activation": _listed(layer.activation for layer in model.layers[:-1]),
        "initialization": _listed(_initializer(layer) for layer in model.layers),
        "model.layers": _layers(model),
        "model.parameters": complexity.parameters(model),
        "model.macs": complexity.macs(model),
    }
    for part in ("data", "train", "seeds"):
        fields |= {f"{part}.{name}": value for name, value in getattr(run, part).model_dump().items()}
    return {name: str(value) for name, value in fields.items() if value is not None}


def _listed(values: Iterator[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _initializer(layer: Layer) -> str:
    weights = layer.initializer
    return f"normal {weights.stddev:g}" if isinstance(weights, Normal) else weights.rule


def _layers(model: ModelSpec) -> str:
    return " - ".join(
        f"{layer.kind} {layer.field}x{layer.field}x{layer.maps}" if isinstance(layer, Conv) else f"dense {layer.units}"
        for layer in model.layers
    )


def _child_metrics(record: RunRecord, objective: Objective) -> list[tuple[str, float, int, int]]:
    """Name, value, time stamp and step of every finite value. Between start and end an even pace is assumed."""
    start, end = _times(record)
    last = max((point.step for point in record.history), default=0)
    pace = (end - start) / max(last, 1)
    values = [
        (CURVES + point.metric, point.value, start + round(pace * point.step), point.step) for point in record.history
    ]
    values += [(name, x, end, last) for name, x in _summary(record, objective).items()]
    return [value for value in values if math.isfinite(value[1])]


def _summary(record: RunRecord, objective: Objective) -> dict[str, float]:
    """Single values of a run, since tables of MLflow show nothing of a curve but its last value."""
    summary: dict[str, float] = {"seconds": record.seconds}
    for metric in dict.fromkeys(point.metric for point in record.history):
        _, values = record.curve(metric)
        summary[f"final_{metric}"] = values[-1]
        summary[f"best_{metric}"] = min((x for x in values if math.isfinite(x)), default=math.nan)
    for name, value in record.outcomes.items():
        summary[f"final_{name}" if name.endswith("_error") else name] = value
    if isinstance(objective, TimeToTrainError):
        time = time_to(record, objective.threshold)
        summary[_time_name(objective.threshold)] = math.nan if time.censored else time.epochs
    return summary


def _times(record: RunRecord) -> tuple[int, int]:
    """Start and end, in milliseconds since 1970."""
    finished = datetime.datetime.fromisoformat(record.finished_at).timestamp() if record.finished_at else time.time()
    return round(1000 * (finished - record.seconds)), round(1000 * finished)


# How it is written.


def _client(uri: str) -> "MlflowClient":
    _quiet()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _quiet() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _log_execution(
    client: "MlflowClient",
    experiment: str,
    execution: _Execution,
    tags: Mapping[str, str],
    log_child: Callable[[str, Request, RunRecord], None],
    progress: Progress | None,
) -> str:
    """Log a parent run with its children; it counts as complete only when all is there."""
    tags = {**_parent_tags(execution), **tags}
    run_id = client.create_run(experiment, tags=tags, run_name=f"execution, {tags['profile']}").info.run_id
    for done, child in enumerate(execution.children, 1):
        log_child(run_id, *child)
        if progress:
            progress(done, len(execution.children))
    now = time.time_ns() // 1_000_000
    _log_batch(client, run_id, execution.params, [(name, x, now, 0) for name, x in execution.metrics.items()])
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
    objective: Objective,
    tags: Mapping[str, str],
) -> None:
    from mlflow.entities import DatasetInput

    start, end = _times(record)
    tags = {**_child_tags(request, record), **tags}
    run = client.create_run(experiment, start_time=start, tags=tags, run_name=_child_name(request))
    run_id = run.info.run_id
    _log_batch(client, run_id, _child_params(request), _child_metrics(record, objective))
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


def _log_figures(client: "MlflowClient", run_id: str, execution: _Execution) -> None:
    for file in execution.files:
        client.log_artifact(run_id, str(file), "figures")
    if execution.files:
        client.set_tag(run_id, FIGURES, execution.figures)


def _open_experiment(client: "MlflowClient", uri: str, execution: _Execution) -> str:
    """The experiment's id; it is made if need be, and taken out of the trash."""
    found = client.get_experiment_by_name(execution.experiment)
    if found is None:
        database = _database(uri)
        folder = database.parent / ARTIFACTS / _slug(execution.experiment) if database else None
        tags = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": execution.note}
        return client.create_experiment(execution.experiment, folder.as_uri() if folder else None, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _delete_interrupted(client: "MlflowClient", experiment: str, uri: str, execution: _Execution) -> None:
    """Delete what an interrupted mirror has left. On a server, only of this execution: another may be going on."""
    wanted = f"tags.`{COMPLETE}` = 'false'"
    if not _database(uri):
        wanted += f" and tags.`{EXECUTION}` = '{execution.digest}'"
    for parent in client.search_runs([experiment], wanted):
        children = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        for run in [*client.search_runs([experiment], children, max_results=50_000), parent]:
            client.delete_run(run.info.run_id)


# Whether it is there.


def _find(uri: str, execution: _Execution) -> _Mirrored | None:
    database = _database(uri)
    if database:
        return _find_in_file(database, execution.digest)
    _check(uri)
    with _explained(uri):
        client = _client(uri)
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


def _has_figures(found: _Mirrored, execution: _Execution) -> bool:
    return execution.figures in ("", found.figures)


# Where it is, and what can be wrong with it.


def _database(uri: str) -> Path | None:
    """The file of a SQLite store; ``None`` for a server."""
    prefix, file = "sqlite:///", uri.removeprefix("sqlite:///").split("?")[0]
    return Path(file).resolve() if uri.startswith(prefix) and file else None


def _check(uri: str) -> None:
    """Find out within seconds what MLflow would find out after minutes of trying."""
    database = _database(uri)
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
        with urllib.request.urlopen(_without_user(uri), timeout=CONNECT_SECONDS):  # noqa: S310 - http or https
            pass
    except urllib.error.HTTPError:
        pass  # It answers, be it that it wants to know who asks.
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLError):  # MLflow has switches of its own for certificates.
            raise


@contextmanager
def _explained(uri: str) -> Iterator[None]:
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
    if _database(uri):
        remedy = "check its folder or move the file away"
    else:
        remedy = "start or mend the server" if uri.startswith("http") else "correct its address"
    return TrackingError(
        f"the MLflow store {_without_password(uri)} does not work ({_without_password(first)[:200]}): "
        f"{remedy}, or give another with --tracking-uri, then mirror with `cnn-study sync`"
    )


def _without_password(uri: str) -> str:
    return re.sub(r"//([^/@:]*):[^/@]*@", r"//\1:***@", uri)


def _without_user(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Write to a SQLite store as the only one: MLflow does not guard the making of its tables."""
    database = _database(uri)
    lock = filelock.FileLock(f"{database}.lock", timeout=60) if database else nullcontext()
    try:
        with lock:
            yield
    except filelock.Timeout:
        raise TrackingError(
            f"another cnn-study mirrors to {uri}: wait for it, then mirror with `cnn-study sync`"
        ) from None


# The browser's side.


def serve(uri: str, port: int = 5000, host: str = "127.0.0.1") -> int:
    """Serve the MLflow UI until Ctrl-C or SIGTERM.

    Args:
        uri: The MLflow store. A server is not started again; its address is printed.
        port: To listen on.
        host: Address to listen on.

    Returns:
        The exit code of the command.

    Raises:
        TrackingError: The port is in use, or the server does not start.
    """
    if uri.startswith(("http://", "https://")):
        print(f"MLflow is there already: {_without_user(uri)}")
        return 0
    _check(uri)
    _check_port(host, port)
    with tempfile.TemporaryFile() as log, _server(uri, port, host, log) as server:
        try:
            address = f"http://{_reachable(host)}:{port}"
            _wait(server, address, log)
            print(f"MLflow: {address} (Ctrl-C ends it)", *_links(address), sep="\n", flush=True)
            server.wait()
        except KeyboardInterrupt:
            return 0
        raise TrackingError(f"the MLflow server has ended: {_last_line(log)}")


@contextmanager
def _server(uri: str, port: int, host: str, log) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    # In the environment, since everybody can read a command line and the address may hold a password.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **QUIET, **os.environ}
    environment["MLFLOW_BACKEND_STORE_URI"] = uri
    database = _database(uri)
    if database:
        environment["MLFLOW_ARTIFACTS_DESTINATION"] = (database.parent / ARTIFACTS).as_uri()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A session of its own, so that Ctrl-C reaches it once, from here, and nothing of it stays behind.
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    try:
        yield server
    finally:
        _stop(server)
        signal.signal(signal.SIGTERM, before)


def _stop(server: subprocess.Popen) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, how)
            server.wait(STOP_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue


def _check_port(host: str, port: int) -> None:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(address[0]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address[4])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise TrackingError(f"port {port} of {host} is in use: choose another with --port") from None
        raise TrackingError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose others with --host and --port"
        ) from None


def _reachable(host: str) -> str:
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def _wait(server: subprocess.Popen, address: str, log) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            _ask(f"{address}/health")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TrackingError(f"the MLflow server does not start: {_last_line(log)}")


def _links(address: str) -> list[str]:
    """A line an experiment with the address of its runs.

    The switch in the address matters: without it MLflow 3 shows a page for language models until told otherwise.
    """
    query = urllib.parse.urlencode({"max_results": 1000, "filter": f"name LIKE '{PREFIX}%'"})
    try:
        answer = json.loads(_ask(f"{address}/api/2.0/mlflow/experiments/search?{query}"))
    except OSError:
        return []
    return [
        f"  {found['name']}: {address}/#/experiments/{found['experiment_id']}?workflowType=machine_learning"
        for found in answer.get("experiments", [])
    ]


def _ask(address: str) -> bytes:
    # Past any proxy: it is this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=CONNECT_SECONDS) as answer:
        return answer.read()


def _last_line(log) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it says nothing"
