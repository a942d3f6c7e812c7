"""Starts suites in folders of their own, and says what they have stored."""

import os
import subprocess
import sys
from pathlib import Path

import light

from cnn_study.results import Store

HERE = Path(__file__).parent


def bare(folder):
    """The short design, carried out without the command line."""
    return [sys.executable, str(HERE / "bare_suite.py"), str(place(folder))]


def short(folder, cache="cache"):
    """``cnn-study run`` with the short design."""
    return [sys.executable, str(HERE / "short_suite.py"), "run", str(HERE / "short.py"), *_options(folder, cache)]


def real(folder):
    """``cnn-study run`` with an experiment that trains for seconds."""
    return [sys.executable, "-m", "cnn_study.cli", "run", "lenet5", *_options(folder, "cache")]


def _options(folder, cache):
    options = ["--profile", "smoke", "--jobs", "2", "--no-tracking", "--results", str(folder / "results")]
    return [*options, "--cache", str(folder / cache)] if cache else options


def start(folder, command, prepare=None, **environment):
    """Start a command; ``prepare`` is called in its process before, as to set limits."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    given = {"COLUMNS": "200", "PYTHONPATH": paths, light.JOURNAL: str(folder / "journal")}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **given, **environment},
        start_new_session=True,
        preexec_fn=prepare,
    )


def ended(process, code=0):
    """What a command has printed; it must end with this code and without a stack trace."""
    output, _ = process.communicate(timeout=250)
    assert process.returncode == code, output
    assert "Traceback" not in output, output
    return output


def complaint(process, code=1):
    """The one line with which a command ends."""
    output = ended(process, code)
    lines = [line for line in output.splitlines() if line.startswith("cnn-study: ")]
    assert len(lines) == 1, output
    return lines[0]


def place(folder):
    return folder / "results" / "smoke"


def stored(folder):
    """All records in the store, as they are."""
    store = Store(place(folder))
    return {**store.records(), **store.checks()}


def journal(folder):
    """Keys of the jobs that workers have finished, in order."""
    file = folder / "journal"
    return file.read_text().split() if file.exists() else []


def unfinished(folder):
    """Files that should not be there when a suite has ended."""
    found = [path for path in place(folder).rglob(".*") if path.name != ".lock"]
    return found + list(place(folder).glob("pending*"))


def same_files(folder, other):
    """Whether two stores are equal to the bit."""
    names = ("runs.parquet", "checks.parquet")
    return all((place(folder) / name).read_bytes() == (place(other) / name).read_bytes() for name in names)
