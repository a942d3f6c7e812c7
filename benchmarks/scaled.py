"""As many stored runs as one likes: those of real results, again under other seeds, and experiments that ask for them.

    python -m benchmarks.scaled 60 figures --results /tmp/scaled

runs a command of ``cnn-study`` with every experiment at so many seeds.
"""

import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cnn_study import collection
from cnn_study.experiment import Design, Experiment
from cnn_study.results import RunRecord, Store, parquet
from cnn_study.results.form import RUNS
from cnn_study.training.tuning import Tuned, tune


def widened(design: Design, seeds: int) -> Design:
    """A design with so many seeds, all of which every arm gets."""
    return replace(design, seeds=tuple(range(1, seeds + 1)), looks=())


def records(stored: Store, seeds: int, profile: str) -> Iterator[RunRecord]:
    """All runs that the experiments need with so many seeds; further seeds repeat those there are."""
    known = stored.records()
    for experiment in collection.load():
        design = experiment.at(profile)
        for arm in design.arms:
            tuned = tune(arm, design, known)
            if isinstance(tuned, Tuned):
                yield from (known[run.key] for run in tuned.search.runs)
                yield from _replicates(tuned, tuned.records(known), seeds)


def _replicates(tuned: Tuned, found: list[RunRecord], seeds: int) -> Iterator[RunRecord]:
    for seed in range(1, seeds + 1):
        run = tuned.arm.run(tuned.search.rate, seed, tuned.arm.probes)
        yield replace(found[(seed - 1) % len(found)], spec=run)


def write(reference: Path, folder: Path, seeds: int) -> int:
    """Fill a folder with the runs of so many seeds, and with the checks. Returns how many runs there are."""
    runs = {record.key: record for record in records(Store(reference), seeds, reference.name)}
    folder.mkdir(parents=True)
    # At once: kept one by one, each of thousands would be a file to begin with.
    parquet.write([runs[key] for key in sorted(runs)], Store(folder).file, RUNS)
    shutil.copy(reference / "checks.parquet", folder)
    return len(runs)


def seeds_for(reference: Path, runs: int) -> int:
    """The least number of seeds with which the experiments need at least so many runs."""
    few, more = (_count(reference, seeds) for seeds in (1, 2))
    return max(1, 1 + math.ceil((runs - few) / (more - few)))


def _count(reference: Path, seeds: int) -> int:
    return len({record.key for record in records(Store(reference), seeds, reference.name)})


def main(seeds: int, arguments: list[str]) -> None:
    """The command line, with other designs."""
    from cnn_study import cli

    original = Experiment.at

    def at(self: Experiment, profile: str, fallback: str | None = None) -> Design:
        return widened(original(self, profile, fallback), seeds)

    Experiment.at = at
    cli.main(arguments)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
