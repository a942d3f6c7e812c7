"""The parts of the site that are made from the code when it is built: results, commands, measured speed.

Nothing here imports TensorFlow.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import gallery
import simulated
import typer

from benchmarks.measuring import Measurement, Report
from benchmarks.table import cells
from cnn_study import collection
from cnn_study.cli import app
from cnn_study.data.dataset import Dataset
from cnn_study.execution.forecast import work_of
from cnn_study.execution.plan import plan
from cnn_study.experiment import Setting
from cnn_study.figures.files import OVERVIEW
from cnn_study.page import vocabulary
from cnn_study.places import REFERENCE
from cnn_study.profiles import SCALE
from cnn_study.report.summary import table
from cnn_study.spec import RunSpec
from cnn_study.stored import examples_in, known_data, pace_of

LAUNCH = (5e-4, 2e-3)
"""Seconds that the kernels of a step of a small network take to start on a GPU: assumed, a low and a high value."""

BENCHMARKS = Path(__file__).parents[1] / "benchmarks" / "results"
"""Stored outcomes of the benchmarks."""


def commands() -> str:
    """A section a command: what it does, its arguments, its options, examples."""
    return "\n\n".join("\n\n".join(_command(*each)) for each in _commands(typer.main.get_command(app)))


def _commands(group, before: str = "") -> Iterator[tuple[str, Any]]:
    """The commands of a group, those of the groups in it too, with their names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _command(name: str, command) -> Iterator[str]:
    yield f"## {name}"
    yield command.help
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    usage = [f"[{each.name.upper()}]..." if each.nargs < 0 else each.name.upper() for each in arguments]
    yield f"```sh\n{' '.join(['cnn-study', name, '[OPTIONS]', *usage])}\n```"
    yield table(("argument or option", "meaning", "default"), (_parameter(each) for each in command.params))
    yield command.epilog


def _parameter(parameter) -> tuple[str, str, str]:
    name = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
    default = parameter.default if parameter.show_default else None
    return f"`{name}`", parameter.help or "", "" if default in (None, False) else f"`{default}`"


def speed(name: str) -> str:
    """A stored outcome of the benchmarks: the machine, then a table a section."""
    report = Report.read(BENCHMARKS / f"{name}.json")
    facts = [f"{name} {value}" for part in (report.machine, report.versions) for name, value in part.items()]
    sections = groupby(report.measurements, key=lambda row: row.section)
    tables = (f"**{section}**\n\n{_measured(list(rows))}" for section, rows in sections)
    return "\n\n".join([f"Measured on: {'; '.join(facts)}.", *tables])


def _measured(rows: list[Measurement]) -> str:
    head = ("", "median", "interval (repetitions)", "unit", "of the peak", "goal")
    shown = [head, *map(cells, rows)]
    columns = [column for column in zip(*shown, strict=True) if any(column[1:])]
    found, *others = zip(*columns, strict=True)
    return table(found, others)


def cluster() -> str:
    """What the full profile takes, at the pace of the reference results: by the number of workers."""
    runs, known = _full()
    examples = examples_in(known)
    pace, _ = pace_of(Path(__file__).parents[1] / REFERENCE, Setting(gallery.PROFILE), known)
    assert pace  # noqa: S101 - the reference results are part of the project
    longest = max(pace.seconds(work_of([run], examples)) for run in runs) / 3600
    hours = pace.seconds(work_of(runs, examples)) / 3600
    shown = table(
        ("workers", "days"), ((f"{n:,}", f"{max(hours / n, 2 * longest) / 24:,.2g}") for n in (2, 16, 64, 256, 1024))
    )
    return (
        f"At most {len(runs):,} runs take {hours:,.0f} hours of one worker at the pace of "
        f"`{REFERENCE / gallery.PROFILE}`, the longest of them {longest:,.1f} hours. A search comes before "
        f"its replicates, so no number of workers "
        f"takes less than twice that.\n\n{shown}"
    )


def gpu() -> str:
    """What the full profile would take on one GPU, at several speeds of products and steps: assumed, not measured."""
    runs, known = _full()
    work = work_of(runs, examples_in(known))
    rates = {f"{rate} x 10^12": work.products / (rate * 1e12) for rate in (0.5, 2, 8)}
    hours = ((name, *(f"{(busy + work.steps * s / 4) / 3600:,.0f}" for s in LAUNCH)) for name, busy in rates.items())
    head = ("multiply-accumulates a second", *(f"hours, {1e3 * each:g} ms a step" for each in LAUNCH))
    return (
        f"At most {len(runs):,} runs are {work.steps / 1e6:,.0f} million optimizer steps and "
        f"{work.products / 1e15:,.1f} x 10^15 multiply-accumulates, backward passes and evaluation included. The table "
        "adds the time of the products, at the rate that a card reaches in networks like these, and that of starting "
        "the kernels of every step, with four runs at a time. **Rates and times are assumed**: yours will differ.\n\n"
        + table(head, hours)
    )


def _full() -> tuple[list[RunSpec], Mapping[str, Dataset]]:
    """The runs of the full profile at most, and the data sets that they know."""
    designs = [experiment.at("full") for experiment in collection.load()]
    rows = [row for design in designs for row in plan(design, {}, {})]
    jobs = {planned.identity: planned.job for row in rows for planned in row.planned}
    return [job for job in jobs.values() if isinstance(job, RunSpec)], known_data(Setting("full"), designs)


def words() -> str:
    """What a page can be written with, a table a kind."""
    return "\n\n".join(f"### {title}\n\n{table(rows[0], rows[1:])}" for title, rows in vocabulary.tables())


def rows(found: Sequence[tuple[str, ...]]) -> str:
    """A table of rows, the heads of its columns first."""
    return table(found[0], found[1:])


PAGES: Mapping[str, Callable[[], str]] = {
    "<!-- generated: headline -->": gallery.headline,
    "<!-- generated: hours -->": gallery.hours,
    "<!-- generated: gallery -->": gallery.cards,
    "<!-- generated: all claims -->": partial(gallery.figure, OVERVIEW),
    "<!-- generated: all claims at scale -->": partial(gallery.figure, OVERVIEW, SCALE),
    "<!-- generated: commands -->": commands,
    "<!-- generated: tutorial curves -->": partial(gallery.figure, "activations-training_curves"),
    "<!-- generated: tutorial effects -->": partial(gallery.figure, "feature_maps-effects"),
    "<!-- generated: vocabulary -->": words,
    "<!-- generated: cluster -->": cluster,
    "<!-- generated: gpu -->": gpu,
    "<!-- generated: boundaries -->": lambda: rows(simulated.boundary_rows()),
    "<!-- generated: power -->": lambda: rows(simulated.power_rows()),
    "<!-- generated: confirmed -->": lambda: rows(simulated.confirmed_rows()),
    "<!-- generated: saved -->": lambda: rows(simulated.saved_rows(gallery.outcomes())),
    "<!-- generated: symmetric -->": lambda: rows(simulated.error_rows(symmetric=True)),
    "<!-- generated: not symmetric -->": lambda: rows(simulated.error_rows(symmetric=False)),
    "<!-- generated: halves -->": lambda: rows(simulated.halves_rows()),
    "<!-- generated: skewed -->": lambda: rows(simulated.skewed_rows()),
    "<!-- generated: speed -->": partial(speed, "reference"),
    "<!-- generated: whole -->": partial(speed, "whole"),
    "<!-- generated: speed again -->": partial(speed, "again"),
    "<!-- generated: cluster speed -->": partial(speed, "cluster"),
}
"""What takes the place of a mark in a page."""
