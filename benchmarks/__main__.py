"""The benchmarks: one table of what this suite's speed rests on, beside plain Keras and PyTorch, in one run."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from benchmarks import cluster, experiment, measuring, probes, run_costs, steps, store_costs, throughput, whole
from benchmarks.measuring import Measurement, Report
from benchmarks.table import show
from cnn_study.errors import InputError, StudyError, unknown_name

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
console, errors = Console(), Console(stderr=True)
REFERENCE = Path("results/quick")
FAILED = "Could not be measured"
MOST = 3
"""Repetitions of what takes long, however many are asked for."""


@dataclass(frozen=True)
class Settings:
    """How thoroughly to measure, and who hears of it.

    Attributes:
        repetitions: Of what is quick.
        seconds: Of one measurement of training.
        results: Stored runs that costs rest on.
        tell: Called with what is being done.
    """

    repetitions: int
    seconds: float
    results: Path
    tell: Callable[[str], None] = lambda text: None

    @property
    def few(self) -> int:
        """Repetitions of what takes long."""
        return min(self.repetitions, MOST)


Measure = Callable[[Settings], Iterator[Measurement]]
ROWS: Mapping[str, Mapping[str, Measure]] = {
    "a": {
        "conv": lambda s: throughput.measure("conv", s.repetitions, s.seconds),
        "dense": lambda s: throughput.measure("dense", s.repetitions, s.seconds),
    },
    "b": {
        "experiment": lambda s: experiment.against_a_script(s.few),
        "search": lambda s: experiment.saved(s.results),
    },
    "c": {
        "steps": lambda s: steps.measure(s.few),
        "fixed": lambda s: run_costs.fixed(s.few),
        "probes": lambda s: probes.added(s.repetitions),
        "tracking": lambda s: store_costs.tracking(s.results, s.few),
        "again": lambda s: store_costs.again(s.results, s.few),
        "figures": lambda s: store_costs.figures(s.results, s.few),
        "memory": lambda s: run_costs.memory(),
    },
    "long": {
        "whole": lambda s: whole.measure(s.tell),
        "cluster": lambda s: cluster.measure(s.repetitions, s.few),
        "clients": lambda s: store_costs.clients(s.results),
    },
}
"""Groups of rows, and what can be measured in each.

``a`` is training, ``b`` a part of an experiment, ``c`` all other costs; ``long`` takes an hour more, for an experiment
that is trained as a whole, for clusters, and for thousands of runs through MLflow's client.
"""


NAMES = "; ".join(f"**{group}**: {', '.join(names)}" for group, names in ROWS.items())


@app.command(
    epilog="Examples: `python -m benchmarks` · `python -m benchmarks --rows a` · "
    "`python -m benchmarks --rows conv,probes --repetitions 7` · "
    "`python -m benchmarks --rows long --json build/long.json`"
)
def main(
    rows: Annotated[str, typer.Option(help=NAMES)] = "a,b,c",
    repetitions: Annotated[int, typer.Option(min=1, help="Of every row, in turn; of what takes long at most 3.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of one measurement of training.")] = 2.0,
    results: Annotated[Path, typer.Option(help="Stored runs that b and c rest on.")] = REFERENCE,
    json: Annotated[Path | None, typer.Option(help="File to keep all values in.", show_default=False)] = None,
    show_json: Annotated[
        Path | None, typer.Option("--show", help="Measure nothing: show what such a file holds.", show_default=False)
    ] = None,
) -> None:
    """Measure how fast this suite is, beside plain Keras and PyTorch, and print one table. Leave the machine alone."""
    if show_json and not show_json.is_file():
        raise InputError(f"there is no file {show_json}: measure with --json {show_json}")
    if show_json:
        show(Report.read(show_json), console)
        return
    if not (results / "runs.parquet").is_file():
        raise InputError(f"no stored runs in {results}: give another folder with --results")
    report = measured(wanted(rows), Settings(repetitions, seconds, results), json)
    show(report, console)
    if json:
        console.print(f"values: {json}", soft_wrap=True, highlight=False)
    if any(row.section == FAILED for row in report.measurements):
        raise typer.Exit(1)


def wanted(rows: str) -> dict[str, Measure]:
    """What to measure, by name.

    Args:
        rows: Groups or names, with commas between them.

    Raises:
        InputError: There are none of such a name.
    """
    known = {name: measure for group in ROWS.values() for name, measure in group.items()}
    chosen: dict[str, Measure] = {}
    for name in filter(None, (part.strip() for part in rows.split(","))):
        if name not in ROWS and name not in known:
            raise unknown_name("row", name, [*ROWS, *known])
        chosen |= ROWS.get(name) or {name: known[name]}
    return chosen


def measured(chosen: Mapping[str, Measure], settings: Settings, file: Path | None = None) -> Report:
    """Measure, one after another, and say so. What fails is a row that says why; it does not stop the others.

    Args:
        chosen: What to measure, by name.
        settings: How thoroughly.
        file: Where to keep the values, whenever there are more of them.
    """
    report = Report(measuring.machine(), measuring.versions(), ())
    for number, (name, measure) in enumerate(chosen.items(), 1):
        begun = time.monotonic()
        with errors.status(f"measuring {name}") as status:
            tell = partial(_tell, status, name)
            for row in _measured(name, measure, replace(settings, tell=tell)):
                report = report.and_row(row)
                if file:
                    report.write(file)
        errors.print(f"{number} of {len(chosen)}: {name}, {time.monotonic() - begun:.0f} s", highlight=False)
    return report


def _measured(name: str, measure: Measure, settings: Settings) -> Iterator[Measurement]:
    try:
        yield from measure(settings)
    except StudyError as error:
        yield Measurement(FAILED, name, "", missing=str(error))


def _tell(status: Status, name: str, text: str) -> None:
    status.update(f"measuring {name}: {text}")


if __name__ == "__main__":
    try:
        app(prog_name="python -m benchmarks")
    except StudyError as error:
        errors.print(f"benchmarks: {error}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(error.exit_code)
