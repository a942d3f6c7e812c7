"""The suite as its users run it: real processes, real training on the embedded digits, real interruptions.

LeNet-5's experiment stands for all of them: it has tuned arms, probes, an exact check and figures, and takes seconds.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from cnn_study import cli, collection
from cnn_study.results import Store

EXPERIMENT = collection.load(["lenet5"])[0]
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "MLFLOW_DISABLE_TELEMETRY": "true"}


def command(folder, *arguments):
    return [
        sys.executable,
        "-m",
        "cnn_study.cli",
        *arguments,
        "--profile",
        "smoke",
        "--results",
        str(folder / "results"),
    ]


def start(folder, *arguments):
    folder.mkdir(parents=True, exist_ok=True)
    run = command(folder, "run", EXPERIMENT.name, "--jobs", "2", "--cache", str(folder / "cache"), *arguments)
    return subprocess.Popen(
        run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, start_new_session=True
    )


def ask(folder, verb, *arguments):
    return subprocess.run(
        command(folder, verb, *(arguments or [EXPERIMENT.name])),
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )


def stored(folder):
    """Weights and finishing time of every stored run."""
    records = Store(folder / "results" / "smoke").records()
    return {key: (record.weights, record.finished_at, record.seconds) for key, record in records.items()}


def weights(folder):
    return {key: value[0] for key, value in stored(folder).items()}


def wait_for_runs(process, folder, number):
    pending = folder / "results" / "smoke" / "pending"
    deadline = time.monotonic() + 120
    while len(list(pending.glob("*.parquet"))) < number:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stopped(folder, stop):
    """Stop a suite in the middle: what it has stored, and what it printed."""
    process = start(folder, "--no-tracking")
    wait_for_runs(process, folder, 4)
    time.sleep(0.2)  # As a user stops it, and not in the moment in which a file appears.
    workers = psutil.Process(process.pid).children(recursive=True)
    if stop == signal.SIGINT:
        os.killpg(process.pid, stop)  # as Ctrl-C does
    else:
        process.send_signal(stop)
    output, _ = process.communicate(timeout=60)
    kept = stored(folder)
    assert len(kept) >= 4
    if stop == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, output
        assert f"{len(kept)} finished runs are stored" in output
        assert "Traceback" not in output
    assert not psutil.wait_procs(workers, timeout=20)[1], "workers outlive the suite"
    return kept, output


def carried_on(folder, *arguments):
    """Let a suite come to its end: what it prints."""
    process = start(folder, *arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A suite that Ctrl-C has ended in the middle: its folder, what it has stored, and what it printed."""
    folder = tmp_path_factory.mktemp("interrupted folder ü")
    return folder, *stopped(folder, signal.SIGINT)


@pytest.fixture(scope="module")
def finished(interrupted):
    """The same suite at its end: its folder and what it printed."""
    folder, *_ = interrupted
    return folder, carried_on(folder, "--tracking-uri", f"sqlite:///{folder}/mlflow.db")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Weights of all runs of a suite that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    carried_on(folder, "--no-tracking")
    return weights(folder)


def test_it_ends_with_verdicts_and_figures(interrupted, finished):
    folder, output = finished
    assert "lenet5-error" in output
    assert "check lenet5_counts: 14 of 14 cases agree" in interrupted[2] + output
    assert "A proxy" in output
    assert "port.cc" not in output  # TensorFlow's greetings
    drawn = {path.name for path in (folder / "results" / "smoke" / "figures").glob("*.png")}
    assert drawn == {"claims.png", *(f"{EXPERIMENT.name}-{plot.file}.png" for plot in EXPERIMENT.plots)}
    assert not list((folder / "results" / "smoke").glob("pending*"))
    assert len(Store(folder / "results" / "smoke").checks()) == 1


def test_its_runs_are_in_mlflow(finished):
    folder, _ = finished
    with sqlite3.connect(folder / "mlflow.db") as db:
        (children,) = db.execute("select count(*) from tags where key = 'mlflow.parentRunId'").fetchone()
    assert children >= len(stored(folder))


def test_a_second_time_trains_nothing_and_takes_seconds(finished):
    folder, _ = finished
    before, started = stored(folder), time.monotonic()
    process = start(folder, "--tracking-uri", f"sqlite:///{folder}/mlflow.db")
    output, _ = process.communicate()
    assert time.monotonic() - started < 15
    assert process.returncode == 0
    assert "search, rate" not in output
    assert "0 runs and checks in 0 min" in output
    assert stored(folder) == before


def test_stopped_in_the_middle_it_goes_on_from_there(interrupted, finished):
    folder, kept, _ = interrupted
    after = stored(folder)
    assert len(after) > len(kept)
    assert {key: after[key] for key in kept} == kept, "a stored run was lost or trained again"
    assert finished[1].count(": ended after ") == len(after) - len(kept)


# What SIGTERM and SIGKILL do is shown on a suite of short jobs in tests/faults too.
@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_in_the_middle_it_ends_with_the_bits_of_one_that_was_not(undisturbed, tmp_path, stop):
    kept, _ = stopped(tmp_path, stop)
    carried_on(tmp_path, "--no-tracking")
    after = stored(tmp_path)
    assert {key: after[key] for key in kept} == kept, "a stored run was lost or trained again"
    assert weights(tmp_path) == undisturbed


# As on a suite of short jobs in tests/faults.
@pytest.mark.slow
def test_killed_workers_cost_no_finished_run(undisturbed, tmp_path):
    rng, process = random.Random(0), start(tmp_path, "--no-tracking")  # noqa: S311 - which worker dies is no secret
    for number in (2, 8):
        wait_for_runs(process, tmp_path, number)
        workers = [
            child for child in psutil.Process(process.pid).children(recursive=True) if child.cpu_times().user > 1
        ]
        rng.choice(workers).kill()
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert weights(tmp_path) == undisturbed


def test_two_suites_on_one_store_do_not_mix(finished):
    folder, _ = finished
    with Store(folder / "results" / "smoke").writing():
        process = start(folder, "--no-tracking")
        output, _ = process.communicate()
    assert process.returncode == 1
    assert output.strip().splitlines()[-1].startswith("cnn-study: another cnn-study writes to")


def test_the_stored_runs_can_be_asked_about(finished, capsys, monkeypatch):
    for printer in (cli.console, cli.errors):
        monkeypatch.setattr(printer, "width", 200, raising=False)
    folder, _ = finished
    before = stored(folder)
    figure = folder / "results" / "smoke" / "figures" / f"{EXPERIMENT.name}-{EXPERIMENT.plots[0].file}.svg"
    drawn = figure.read_bytes()
    figure.unlink()
    for verb, argument, expected in (
        ("claims", EXPERIMENT.name, "14 of 14 cases"),
        ("explain", "lenet5-has-60000-parameters", "direction: supported"),
        ("plan", EXPERIMENT.name, "complete"),
        ("figures", EXPERIMENT.name, figure.with_suffix(".png").name),
        ("report", EXPERIMENT.name, "report.html"),
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main([verb, argument, "--profile", "smoke", "--results", str(folder / "results")])
        answer = capsys.readouterr()
        assert caught.value.code == 0, answer.err
        assert expected in answer.out, answer.out
    assert figure.read_bytes() == drawn
    assert stored(folder) == before


def test_figures_are_drawn_where_there_is_no_tensorflow(finished, tmp_path):
    folder, _ = finished
    for name in ("tensorflow", "keras"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('not here')")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(
        command(folder, "figures", EXPERIMENT.name, "--format", "png"),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("figure: ") == len(EXPERIMENT.plots)


# As with images of one's own in test_own.py, and with records that were falsified in the next test.
@pytest.mark.slow
def test_stored_runs_come_out_again(finished):
    folder, _ = finished
    before = {path: path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file()}
    answer = ask(folder, "verify", EXPERIMENT.name, "--sample", "3", "--cache", str(folder / "cache"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"3 of {len(stored(folder))} stored runs were trained again" in answer.stdout
    assert "3 compared to the bit" in answer.stdout
    assert answer.stdout.strip().splitlines()[-1] == "3 same bits"
    assert before == {path: path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file()}


def test_records_that_were_falsified_are_found(finished, tmp_path):
    search = EXPERIMENT.at("smoke").search
    records = Store(finished[0] / "results" / "smoke").records().values()
    trials = [record for record in records if record.spec.seeds.init == search.seed]
    # Those at the rates of the grid are known to belong to a search, whatever else is stored.
    true, weights, outcome = [record for record in trials if record.spec.train.learning_rate in search.rates][:3]
    false = Store(tmp_path / "results" / "smoke")
    for record in (
        true,
        replace(weights, weights="0" * 64),
        replace(outcome, outcomes={**outcome.outcomes, "test_error": 0.0}),
    ):
        false.add(record)
    before = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()}
    answer = ask(tmp_path, "verify", EXPERIMENT.name, "--sample", "9", "--cache", str(finished[0] / "cache"))
    assert before == {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()}
    assert answer.returncode == 1
    assert "3 of 3 stored runs were trained again" in answer.stdout
    assert "3 compared to the bit" in answer.stdout
    assert {"1 same bits", "2 differs"} <= set(answer.stdout.strip().splitlines()[-1].split(", "))
    told = answer.stderr.strip().splitlines()
    assert len(told) == 2
    assert any(
        f"key {weights.key}, differs: weights 000000000000, again {weights.weights[:12]}" in line for line in told
    )
    assert any(f"key {outcome.key}, differs: test_error 0, again" in line for line in told)


def test_a_damaged_store_is_named_with_the_remedy(finished, tmp_path):
    source = finished[0] / "results" / "smoke" / "runs.parquet"
    damaged = tmp_path / "results" / "smoke" / "runs.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(source.read_bytes()[:-100])
    answer = ask(tmp_path, "claims")
    assert answer.returncode == 2
    assert str(damaged) in answer.stderr
    assert "remove it" in answer.stderr
    assert "Traceback" not in answer.stderr
