"""The command line in a process and an environment of its own, as on another machine; and folders of images."""

import io
import itertools
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from cnn_study import cli

PROJECT = Path(__file__).parents[2]
QUICK = PROJECT / "results" / "quick"
FAULTS = PROJECT / "tests" / "faults"

WITHOUT_TRAINING = FAULTS / "short_suite.py"
"""A program like ``cnn-study`` whose workers train nothing, as those of the tests of faults; see :func:`paths`."""

_numbers = itertools.count()


def paths(*folders):
    """Variables for a program whose workers train nothing, with the library from these folders."""
    return {"PYTHONPATH": os.pathsep.join(map(str, (*folders, FAULTS))), "CNN_STUDY_TEST_JOURNAL": os.devnull}


def study(folder, *arguments, where=PROJECT, before=(), program=("-m", "cnn_study.cli"), text=None, code=0, **given):
    """Run ``cnn-study``, which must end with this code and without a stack trace.

    Args:
        folder: For its home and its cache.
        arguments: Of the command.
        where: The working folder.
        before: What the command is run by, such as ``taskset``.
        program: What Python runs.
        text: The standard input.
        code: The exit code that is expected.
        given: Variables of the environment; ``None`` takes one away.
    """
    own = {"HOME": folder / "home", "CNN_STUDY_CACHE": folder / "cache", "COLUMNS": "200", "PYTHONPATH": PROJECT}
    (folder / "home").mkdir(exist_ok=True)
    environment = {name: str(x) for name, x in {**os.environ, **own, **given}.items() if x is not None}
    command = [*before, sys.executable, *program, *map(str, arguments)]
    done = subprocess.run(command, cwd=where, env=environment, input=text, capture_output=True, timeout=250)
    done.stdout, done.stderr = (stream.decode(errors="surrogateescape") for stream in (done.stdout, done.stderr))
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def complaint(folder, *arguments, code=2, **options):
    """The one line with which a command ends."""
    return _only_line(study(folder, *arguments, code=code, **options).stderr)


def study_here(*arguments, where=PROJECT, code=0):
    """Run ``cnn-study`` in this process, where nothing of another environment matters: what it prints, and its errors.

    MLflow keeps its connections by address in a process: each call needs a store with a full path of its own.
    """
    out, err = io.StringIO(), io.StringIO()
    wide = (mock.patch.object(printer, "_width", 200) for printer in (cli.console, cli.errors))
    with chdir(where), redirect_stdout(out), redirect_stderr(err), next(wide), next(wide):
        try:
            cli.main([*map(str, arguments)])
        except SystemExit as end:
            ended = end.code or 0
        else:
            ended = 0
    assert ended == code, out.getvalue() + err.getvalue()
    return out.getvalue(), err.getvalue()


def complaint_here(*arguments, where=PROJECT, code=2):
    """The one line with which a command ends in this process."""
    return _only_line(study_here(*arguments, where=where, code=code)[1])


def _only_line(text):
    lines = text.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("cnn-study: ")
    return lines[0]


def drawn(folder, number=6, side=8, names="{}.png"):
    """A folder of gray images, every one another."""
    folder.mkdir(parents=True, exist_ok=True)
    for count in range(number):
        pixels = np.random.default_rng(next(_numbers)).integers(0, 256, (side, side), "uint8")
        Image.fromarray(pixels).save(folder / names.format(count))
    return folder
