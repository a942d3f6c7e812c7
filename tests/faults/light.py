"""Stands in for the training of a worker: real processes do jobs that take milliseconds, so that many can be killed.

:mod:`in_place` makes workers take it. Every finished job is noted in a file before the suite hears of it. Records hold
no time of day: the same runs give the same bytes.
"""

import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext

from cnn_study.results import CheckRecord, Point, RunRecord
from cnn_study.spec import CheckSpec, RunSpec

JOURNAL = "CNN_STUDY_TEST_JOURNAL"
SECONDS = "CNN_STUDY_TEST_SECONDS"


def instead_of_training():
    """Let all workers that this process will start do the jobs that take milliseconds."""
    preload = ForkServerContext.set_forkserver_preload
    ForkServerContext.set_forkserver_preload = lambda self, names: preload(self, ["in_place"])


def serve(connection, cache_dir):
    """As the real one, without TensorFlow."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        connection.send(("ready", None))
        while True:
            kind, text = connection.recv()
            record = _checked(text) if kind == "check" else _trained(text, connection)
            with open(os.environ[JOURNAL], "a") as journal:
                journal.write(f"{record.key}\n")
            connection.send(("done", record))
    except (EOFError, OSError):
        return


def _trained(text, connection):
    spec = RunSpec.parse(text)
    rng = random.Random(spec.key)  # noqa: S311 - the same numbers for the same run
    points = tuple(Point("train_error", 10 * i, float(i), rng.random()) for i in range(spec.train.epochs + 1))
    for point in points:
        time.sleep(float(os.environ.get(SECONDS, "0.03")) / len(points))
        connection.send(("point", point))
    outcomes = {"epochs": points[-1].epoch, "steps": points[-1].step, "test_error": rng.random()}
    outcomes["validation_error"] = outcomes["train_error"] = points[-1].value
    return RunRecord(spec, "epochs", outcomes, points, f"{rng.getrandbits(256):064x}")


def _checked(text):
    return CheckRecord(CheckSpec.parse(text), {"cases": 1.0, "agreeing": 1.0}, ())
