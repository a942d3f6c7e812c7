"""An MLflow server with PostgreSQL: runs written while another suite runs; nothing lost, nothing doubled.

PostgreSQL is Debian's. The test makes a cluster of its own, which lives as long as the test.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from cnn_study import collection
from cnn_study.tracking.execution import COMPLETE
from cnn_study.tracking.runs import KEY
from cnn_study.tracking.store import client_of

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
USER = "postgres"
SUITE = ["lenet5", "layer_api"]
OTHERS = ["pooling", "zero_padding", "output_size", "dropout", "leave_one_out", "pooling", "zero_padding", "dropout"]
"""What eight further suites mirror at the same time; three of them what another one mirrors too."""
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "MLFLOW_DISABLE_TELEMETRY": "true"}


def known(user):
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not INSTALLED, reason="needs PostgreSQL: apt-get install postgresql"),
    pytest.mark.skipif(
        os.getuid() == 0 and not known(USER), reason=f"needs the user {USER}: root cannot run PostgreSQL"
    ),
]
pytest.importorskip("psycopg", reason="needs psycopg: make .venv/dev")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def database():
    """The address of an empty database of a cluster of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cnn_study-postgres-"))  # Not below pytest's, which only its user can enter.
    user = {}
    if os.getuid() == 0:
        account = known(USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def run(program, *arguments):
        command = [str(INSTALLED[-1] / program), *map(str, arguments)]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    port, data = free_port(), folder / "data"
    run("initdb", "--pgdata", data, "--username", "mlflow", "--auth", "trust", "--no-sync", "--locale", "C.UTF-8")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", folder / "log", "--options", options)
    try:
        run("createdb", "--host", "127.0.0.1", "--port", port, "--username", "mlflow", "runs")
        yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/runs"
    finally:
        run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    """The address of an MLflow server over the database."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "2"]
    command += ["--artifacts-destination", (folder / "artifacts").as_uri()]
    environment = {**ENVIRONMENT, "MLFLOW_BACKEND_STORE_URI": database, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address, process, log):
    end = time.monotonic() + 240
    while True:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310 - http
            return
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


def start(*arguments):
    command = [sys.executable, "-m", "cnn_study.cli", *arguments]
    return subprocess.Popen(
        command, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def sync(server, *names):
    return start("sync", *names, "--profile", "quick", "--results", str(ROOT / "results"), "--tracking-uri", server)


def finish(process):
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    return output


def counted(server):
    """What the server has of every experiment: its parent runs, its child runs by name, curves and artifacts."""
    client, found = client_of(server), {}
    for experiment in client.search_experiments(filter_string="name LIKE 'cnn_study/%'"):
        if experiment.name.startswith("cnn_study/claims ("):
            continue
        runs = list(client.search_runs([experiment.experiment_id], max_results=5000))
        parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        children = Counter(run.info.run_name for run in runs if "mlflow.parentRunId" in run.data.tags)
        assert {run.info.status for run in runs} == {"FINISHED"}
        found[experiment.name] = (len(parents), [run.data.tags[COMPLETE] for run in parents], children)
    return found


def test_suites_that_mirror_at_once_lose_and_double_nothing(server, tmp_path):
    results = tmp_path / "results"
    suite = start(
        *("run", *SUITE, "--profile", "smoke", "--fallback", "digits", "--jobs", "1"),
        *("--results", str(results), "--cache", str(tmp_path / "cache"), "--tracking-uri", server),
    )
    others = [sync(server, name) for name in OTHERS]
    outputs = [finish(other) for other in others]
    finish(suite)
    found = counted(server)
    assert found.keys() == {f"cnn_study/{name} (quick)" for name in OTHERS} | {
        f"cnn_study/{name} ({folder.name})" for name in SUITE for folder in results.iterdir()
    }
    for name, (parents, complete, children) in found.items():
        assert (parents, complete) == (1, ["true"]), name
        assert set(children.values()) <= {1}, name
    for name in set(OTHERS):
        (experiment,) = collection.load([name])
        said = [output for other, output in zip(OTHERS, outputs, strict=True) if other == name and "mirrored" in output]
        assert len(said) == 1, name  # By one of those that mirrored it.
        assert f"MLflow: {found[f'cnn_study/{name} (quick)'][2].total()} runs of {experiment.name}" in said[0]


def test_every_run_is_there_as_in_a_mirror_of_its_own(server, tmp_path):
    alone = f"sqlite:///{tmp_path / 'mlflow.db'}"
    finish(sync(alone, "zero_padding"))
    shown = [shown_runs(store, "cnn_study/zero_padding (quick)") for store in (server, alone)]
    assert len(shown[0]) > 20
    assert shown[0] == shown[1]


def shown_runs(store, name):
    client = client_of(store)
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], "tags.role != 'execution'", max_results=5000)
    return {
        (run.info.run_name, run.data.tags[KEY]): (
            run.data.params,
            run.data.metrics,
            [
                sorted((m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, metric))
                for metric in ("curves/train_error", "curves/train_loss")
            ],
            [file.path for file in client.list_artifacts(run.info.run_id)],
        )
        for run in runs
    }


def test_what_is_there_is_not_written_again(server):
    before = counted(server)
    for other in [sync(server, name) for name in sorted(set(OTHERS))]:
        assert "mirrored" not in finish(other)
    assert counted(server) == before
