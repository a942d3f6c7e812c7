"""The MLflow server is down, slow, or dies in the middle: the runs stay stored, and a later mirror has no doubles."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from test_tracking import EXPERIMENT, Mirror, design, evaluate, mirrored, stored_runs
from unreliable import Unreliable

from cnn_study import tracking
from cnn_study.cli.output import mirror
from cnn_study.tracking import store
from cnn_study.tracking.execution import COMPLETE


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An MLflow server, and the unreliable way to it."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *options],
        env={**os.environ, **store.QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    way = Unreliable(port)
    try:
        deadline = time.monotonic() + 120
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield way
    finally:
        way.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def outcome():
    return evaluate(EXPERIMENT, design(), stored_runs())


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(store, "CONNECT_SECONDS", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")


def complaint(outcome, server, profile):
    with pytest.raises(tracking.TrackingError) as raised:
        mirrored(outcome, server.address, None, profile=profile)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert server.address in message
    assert message.endswith("or give another with --tracking-uri, then mirror with `cnn-study sync`")


def assert_whole(outcome, server, profile):
    """A later mirror makes everything right: one execution with each run once."""
    server.begin(lambda *_: "pass")
    mirrored(outcome, server.address, None, profile=profile)
    assert mirrored(outcome, server.address, None, profile=profile).logged == 0
    mirror = Mirror(server.address)
    parents = [run for run in mirror.parents if run.data.tags["profile"] == profile]
    children = [run for run in mirror.children if run.data.tags["profile"] == profile]
    assert [run.data.tags[COMPLETE] for run in parents] == ["true"]
    assert len(children) == len({run.data.tags["cnn_study.key"] for run in children}) == 10
    assert {run.info.status for run in children} == {"FINISHED"}


@pytest.mark.parametrize(
    "last", [0, 25, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 40, 70))]
)
def test_a_server_that_dies_in_the_middle(outcome, server, last):
    server.begin(lambda number, path: "pass" if number <= last else "refuse")
    complaint(outcome, server, f"dies {last}")
    assert_whole(outcome, server, f"dies {last}")


@pytest.mark.parametrize(
    "what", ["runs/create", *(pytest.param(part, marks=pytest.mark.slow) for part in ("log-batch", ""))]
)
def test_a_server_whose_answers_get_lost(outcome, server, what):
    """It has done what it was asked for, is asked again, and does it twice."""
    server.begin(lambda number, path: "lose the answer" if number % 3 == 0 and what in path else "pass")
    try:
        mirrored(outcome, server.address, None, profile=f"lost {what}")
    except tracking.TrackingError as error:
        assert "cnn-study sync" in str(error)  # noqa: PT017 - either way is right
    assert_whole(outcome, server, f"lost {what}")


def test_a_server_that_hangs_is_left_in_time(outcome, server):
    server.begin(lambda number, path: "pass" if number <= 12 else "hang")
    began = time.monotonic()
    complaint(outcome, server, "hangs")
    assert time.monotonic() - began < 15
    assert_whole(outcome, server, "hangs")


@pytest.mark.parametrize("first", [6, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 12))])
def test_something_else_that_answers(outcome, server, first):
    server.begin(lambda number, path: "pass" if number < first else "answer nonsense")
    complaint(outcome, server, f"nonsense {first}")
    assert_whole(outcome, server, f"nonsense {first}")


@pytest.mark.parametrize("patience", [0.3, pytest.param(math.inf, marks=pytest.mark.slow)])
def test_a_slow_server_does_not_hold_a_finished_suite_up(outcome, server, patience, tmp_path):
    """It is given up after a while; `sync` has all the time it needs."""
    folder = tmp_path / f"slow {patience}"
    server.begin(lambda *_: "pass", delay=0.02)
    if patience == math.inf:
        mirror([outcome], folder, server.address, (), patience)
    else:
        with pytest.raises(tracking.TrackingError, match=r"more than 0.3 s: mirror the rest with `cnn-study sync`"):
            mirror([outcome], folder, server.address, (), patience)
        assert server.requests < 70
    assert_whole(outcome, server, folder.name)
