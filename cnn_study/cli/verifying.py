"""The command that trains stored runs again: ``verify``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from cnn_study import collection
from cnn_study.cli.app import console, errors
from cnn_study.cli.training import ensure, stoppable
from cnn_study.data.dataset import Dataset
from cnn_study.display import SuiteDisplay
from cnn_study.errors import InputError
from cnn_study.execution.environment import changes
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.verification import Candidate, RunComparison, candidates, sample, train_again
from cnn_study.places import cache_folder
from cnn_study.processes import cores
from cnn_study.results import RunRecord
from cnn_study.stored import designed, examples_in, known_data, run_command, stores_to_read, timed

COLORS = {"same bits": "green", "within the tolerance": "green", "differs": "red", "failed": "red"}


def verify(
    names: list[str] | None = None,
    size: int = 10,
    seed: int = 0,
    profile: str = "quick",
    results: Path | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
) -> None:
    """See :func:`cnn_study.cli.commands.verify`."""
    stored: dict[str, RunRecord] = {}
    found: list[Candidate] = []
    chosen, known = collection.load(names or ()), dict[str, Dataset]()
    for store, setting in stores_to_read(results, profile):
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        in_setting = designed(chosen, setting)
        known |= known_data(setting, (design for _, design in in_setting))
        stored |= timed(store, known)
        for experiment, design in in_setting:
            found += candidates(experiment.name, design, store.records())
    if not found:
        asked = ", ".join(names or ()) or "any experiment"
        command = run_command(profile, results, names or ())
        raise InputError(f"no run of {asked} is stored for the profile {profile!r}: train with `{command}` first")
    drawn = sample(found, size, seed)
    for name in sorted({each.run.data.name for each in drawn}):
        ensure(known[name], cache_dir)
    workers = min(jobs or cores(), len(drawn))
    display = SuiteDisplay(console, examples_in(known), workers, stored)
    with stoppable(), LocalEngine(workers, cache_dir or cache_folder()) as engine, display.live():
        compared = train_again(drawn, stored, engine, display)
    console.print(_table(compared))
    for line in _basis(compared, len({each.run.key for each in found}), seed):
        console.print(line, soft_wrap=True, highlight=False)
    bad = [each for each in compared if not each.agrees]
    for each in bad:
        what = f"{each.candidate.label}, key {each.candidate.run.key}, {each.verdict}: {'; '.join(each.problems)}"
        errors.print(f"cnn-study: {what}", soft_wrap=True, markup=False, highlight=False)
    if bad:
        raise typer.Exit(1)


def _table(compared: Sequence[RunComparison]) -> Table:
    table = Table("run", "experiment: arm", "stored", "again", "verdict", box=box.SIMPLE_HEAD)
    table.columns[1].overflow = "fold"
    for each in compared:
        verdict = Text(each.verdict, style=COLORS[each.verdict])
        run = each.candidate.run.key[:8]
        table.add_row(run, Text(each.candidate.label), _result(each.stored), _result(each.again), verdict)
    return table


def _result(record: RunRecord | None) -> str:
    """The beginning of the digest of the weights, and the test error."""
    if record is None:
        return ""
    return f"{record.weights[:8]}, test error {100 * record.outcomes['test_error']:.2f} %"


def _basis(compared: Sequence[RunComparison], runs: int, seed: int) -> list[str]:
    """What was compared, and how closely."""
    lines = [f"{len(compared)} of {runs} stored runs were trained again (seed {seed}); nothing was stored."]
    again = [each for each in compared if each.again]
    exact = sum(not each.elsewhere for each in again)
    if exact:
        lines.append(f"{exact} compared to the bit: processor, versions and switches are those of the records.")
    moved = Counter(changes(each.elsewhere) for each in again if each.elsewhere)
    for change, count in moved.items():
        lines.append(f"{count} compared within the tolerance, as bits differ where this does: {change}.")
    counts = Counter(each.verdict for each in compared)
    return [*lines, ", ".join(f"{count} {verdict}" for verdict, count in counts.items())]
