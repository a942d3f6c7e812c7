"""The MLflow UI over a store, for a browser."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from cnn_study.tracking.claims import CLAIMS
from cnn_study.tracking.moved import follow
from cnn_study.tracking.notes import PREFIX
from cnn_study.tracking.pages import short_address
from cnn_study.tracking.store import (
    ARTIFACTS,
    CONNECT_SECONDS,
    QUIET,
    TrackingError,
    check_store,
    database_file,
    failure,
    without_password,
    without_user,
)

START_SECONDS = 120.0
STOP_SECONDS = 10.0


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
        print(f"MLflow is there already: {without_user(uri)}")
        return 0
    check_store(uri)
    follow(uri)
    _check_port(host, port)
    with tempfile.TemporaryFile() as log, _server(uri, port, host, log) as server:
        try:
            address = f"http://{_reachable(host)}:{port}"
            _wait(server, address, uri, log)
            print(f"MLflow: {address} (Ctrl-C ends it)", *_links(address), sep="\n", flush=True)
            server.wait()
        except KeyboardInterrupt:
            return 0
        raise TrackingError(f"the MLflow server has ended: {_last_line(log)}")


@contextmanager
def _server(uri: str, port: int, host: str, log) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "cnn_study.tracking.pages", host, str(port)]
    # In the environment, since everybody can read a command line and the address may hold a password.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **QUIET, **os.environ}
    environment["MLFLOW_BACKEND_STORE_URI"] = uri
    database = database_file(uri)
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


def _wait(server: subprocess.Popen, address: str, uri: str, log) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            _ask(f"{address}/health")
        except OSError:
            time.sleep(0.2)
        else:
            return
    schema = next((line for line in _lines(log) if "out-of-date database schema" in line), None)
    if schema:
        raise failure(uri, RuntimeError(schema))
    raise TrackingError(f"the MLflow server does not start: {_last_line(log)}")


def _links(address: str) -> list[str]:
    """A line an experiment with its short address."""
    query = urllib.parse.urlencode({"max_results": 1000, "filter": f"name LIKE '{PREFIX}%'"})
    try:
        answer = json.loads(_ask(f"{address}/api/2.0/mlflow/experiments/search?{query}"))
    except OSError:
        return []
    names = sorted((found["name"] for found in answer.get("experiments", [])), key=_claims_first)
    return [f"  {name}: {address}{short_address(name)}" for name in names]


def _claims_first(name: str) -> tuple[bool, str]:
    return not name.startswith(f"{PREFIX}{CLAIMS} ("), name


def _ask(address: str) -> bytes:
    # Past any proxy: it is this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=CONNECT_SECONDS) as answer:
        return answer.read()


def _lines(log) -> list[str]:
    log.seek(0)
    return log.read().decode(errors="replace").strip().splitlines()


def _last_line(log) -> str:
    lines = _lines(log)
    return without_password(lines[-1].strip()) if lines else "it says nothing"
