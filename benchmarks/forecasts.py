"""How well `plan` foretells the time of an experiment that it has not seen, from stored runs alone.

    python -m benchmarks.forecasts

For every experiment the pace is fitted to the runs of all others in the same results, and foretells what its own runs
have taken together, given how many epochs each took. What is off is the model of their cost, which knows no probes, and
what else the machines did at other hours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cnn_study import collection
from cnn_study.execution.forecast import Examples, Pace, done
from cnn_study.experiment import Setting
from cnn_study.places import REFERENCE
from cnn_study.results import RunRecord, Store
from cnn_study.stored import examples_in, known_data, outcomes_in

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


def forecasts(profile: str) -> Iterator[Forecast]:
    """Of every experiment with runs of its own among the results that came with the project.

    Args:
        profile: Which.
    """
    setting, experiments = Setting(profile), collection.load()
    store = Store(REFERENCE / profile)
    examples, records = examples_in(known_data(setting)), store.records()
    taken: set[str] = set()
    for outcome in outcomes_in(store, experiments, setting):
        own = {key: run for key, run in outcome.runs.items() if key not in taken}
        taken |= own.keys()
        pace = Pace.fitted((run for key, run in records.items() if key not in own), examples)
        if own and pace:
            seconds = _foretold(own.values(), examples, pace), sum(run.seconds for run in own.values())
            yield Forecast(profile, outcome.experiment.name, len(own), *(each / 3600 for each in seconds))


def _foretold(runs: Iterable[RunRecord], examples: Examples, pace: Pace) -> float:
    return sum(pace.seconds(work) for work in done(runs, examples))


def main() -> None:
    """Print a table: an experiment a row, and below it those of its profile together."""
    for profile in ("quick", "full"):
        print(f"{profile:<24}{'runs':>6}{'foretold, h':>13}{'measured, h':>13}{'off':>8}")
        found = list(forecasts(profile))
        if not found:
            continue
        for each in found:
            print(f"{each.experiment:<24}{each.runs:>6}{each.foretold:>13.2f}{each.measured:>13.2f}{each.off:>8.0%}")
        sums = (sum(each.foretold for each in found), sum(each.measured for each in found))
        runs, off = sum(each.runs for each in found), sums[0] / sums[1] - 1
        print(f"{'all':<24}{runs:>6}{sums[0]:>13.2f}{sums[1]:>13.2f}{off:>8.0%}")
        close = sum(abs(each.off) <= CLOSE for each in found)
        print(f"{close} of {len(found)} within {CLOSE:.0%} of the measured time\n")


if __name__ == "__main__":
    main()
