"""The part of an experiment that ``benchmarks.plain_script`` trains too, as this suite trains it.

    python -m benchmarks.suite_script 4

Workers are started, runs are stored. It prints how many runs, steps and evaluations there were.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.part import design
from cnn_study.errors import ExecutionError
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.suite import carry_out
from cnn_study.experiment import Design
from cnn_study.places import cache_folder
from cnn_study.processes import cores
from cnn_study.results import Store
from cnn_study.training.search import Stored


def trained(part: Design, cache_dir: Path) -> Stored:
    """Train a design on all cores and store it, in a folder that is removed. Returns its runs by key.

    Raises:
        ExecutionError: A run has failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with store.writing(), LocalEngine(cores(), cache_dir) as engine:
            report = carry_out([part], store, engine, lambda event: None)
        store.merge()
        if report.failures:
            raise ExecutionError(report.failures[0].reason)
        return store.records()


def main(epochs: int, fallback: str | None = None) -> None:
    """Train the part on all cores and store it."""
    records = trained(design(epochs, fallback), cache_folder()).values()
    evaluations = sum(len(record.curve("train_error")[0]) for record in records)
    print(len(records), round(sum(record.outcomes["steps"] for record in records)), evaluations)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), *sys.argv[2:])
    except ExecutionError as error:
        sys.exit(str(error))
