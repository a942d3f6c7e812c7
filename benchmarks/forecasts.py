"""How well `plan` foretells the time of an experiment that it has not seen, from stored runs alone.

    python -m benchmarks.forecasts
    python -m benchmarks.forecasts --results results/local

For every experiment the pace is fitted to the runs of all others in the same results, and foretells what its own runs
have taken together, given how many epochs each took. What is off is the model of their cost, and what else the machines
did at other hours. The last line is what a suite would have said soon after its start: the pace of its first runs alone
foretells all others. `--results FOLDER` reads other results, such as those of a suite that had a machine for itself.
"""

import argparse
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnn_study import collection
from cnn_study.execution.forecast import Examples, Pace, done
from cnn_study.experiment import PROFILES, Setting
from cnn_study.places import REFERENCE
from cnn_study.results import RunRecord, Store
from cnn_study.stored import examples_in, known_data, outcomes_in

FIRST = 50
"""Runs after which a suite is asked how long it will take: a minute or two."""

CLOSE = 0.25
"""Of the measured time: how far a forecast should be from it at most."""


@dataclass(frozen=True)
class Forecast:
    """What was foretold of an experiment, and what it took.

    Attributes:
        profile: Whose runs.
        experiment: Name.
        runs: How many are its own.
        foretold: Hours of workers.
        measured: The same, as stored.
    """

    profile: str
    experiment: str
    runs: int
    foretold: float
    measured: float

    @property
    def off(self) -> float:
        """The difference, in shares of what it took."""
        return self.foretold / self.measured - 1


def forecasts(root: Path, profile: str) -> Iterator[Forecast]:
    """Of every experiment with runs of its own, and of all runs after the first of a suite.

    Args:
        root: Folder of the results of all profiles.
        profile: Which.
    """
    setting, experiments = Setting(profile), collection.load()
    store = Store(root / profile)
    examples, records = examples_in(known_data(setting)), store.records()
    taken: set[str] = set()
    for outcome in outcomes_in(store, experiments, setting):
        own = {key: run for key, run in outcome.runs.items() if key not in taken}
        taken |= own.keys()
        pace = Pace.fitted((run for key, run in records.items() if key not in own), examples)
        if own and pace:
            yield _compared(profile, outcome.experiment.name, own.values(), examples, pace)
    in_order = sorted(records.values(), key=lambda run: run.finished_at)
    pace = Pace.fitted(in_order[:FIRST], examples)
    if pace and len(in_order) > FIRST:
        yield _compared(profile, f"after {FIRST} runs", in_order[FIRST:], examples, pace)


def _compared(profile: str, name: str, runs: Collection[RunRecord], examples: Examples, pace: Pace) -> Forecast:
    foretold = sum(pace.seconds(work) for work in done(runs, examples))
    return Forecast(profile, name, len(runs), foretold / 3600, sum(run.seconds for run in runs) / 3600)


def main() -> None:
    """Print a table: an experiment a row, below it those of its profile together, and what the first runs foretell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=REFERENCE, help="folder of the results of all profiles")
    root = parser.parse_args().results
    for profile in PROFILES:
        *found, first = list(forecasts(root, profile)) or [None]
        if first is None:
            continue
        print(f"{profile:<24}{'runs':>6}{'foretold, h':>13}{'measured, h':>13}{'off':>8}")
        foretold, measured = (sum(getattr(each, name) for each in found) for name in ("foretold", "measured"))
        for each in (*found, Forecast(profile, "all", sum(each.runs for each in found), foretold, measured), first):
            print(f"{each.experiment:<24}{each.runs:>6}{each.foretold:>13.2f}{each.measured:>13.2f}{each.off:>8.0%}")
        close = sum(abs(each.off) <= CLOSE for each in found)
        print(f"{close} of {len(found)} within {CLOSE:.0%} of the measured time\n")


if __name__ == "__main__":
    main()
