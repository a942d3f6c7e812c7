"""What several commands leave: verdicts on the screen, figures, the mirror in MLflow."""

import math
import os
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress, TaskID
from rich.text import Text

from cnn_study import tables
from cnn_study.analysis.decisions import Outcome
from cnn_study.cli.app import console, errors
from cnn_study.experiment import Experiment, Setting
from cnn_study.processes import cores
from cnn_study.results import Store
from cnn_study.stored import evaluated, reference_of


def tell(lines: Iterable[Text]) -> None:
    """Print lines: on a terminal, what has no room goes on below the text, by whole words; elsewhere nothing is cut."""
    for line in lines:
        indent = len(line.plain) - len(line.plain.lstrip())
        room = console.width - indent
        if console.is_terminal and len(line.plain) > console.width and room >= tables.NARROW:
            first, *rest = line[indent:].wrap(console, room - 2)
            line = Text("\n").join([line[:indent] + first, *(Text(" " * (indent + 2)) + each for each in rest)])
        console.print(line, soft_wrap=True)


def show_verdicts(outcomes: Sequence[Outcome], family: Sequence[Outcome]) -> None:
    """Print every claim with its verdicts, then what they are a proxy for."""
    tell(tables.verdicts(outcomes, family))
    proxies: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.design.proxy:
            proxies.setdefault(outcome.design.proxy, []).append(outcome.experiment.name)
    for proxy, names in proxies.items():
        console.print(f"A proxy: {proxy} ({', '.join(names)}).", soft_wrap=True, highlight=False)


def keep_verdicts(family: Sequence[Outcome], folder: Path) -> None:
    """Write the verdicts and the estimates behind them beside the results, as CSV."""
    from cnn_study.report.verdicts import write_verdicts

    for path in write_verdicts(family, folder):
        console.print(f"verdicts: {path}", soft_wrap=True, highlight=False)


def compare_with_reference(outcomes: list[Outcome], store: Store, setting: Setting) -> None:
    """Say how own results compare with those that came with the project."""
    reference = reference_of(setting)
    if reference.folder == store.folder or not (reference.records() or reference.checks()):
        return
    for outcome in outcomes:
        published = evaluated(outcome.experiment, outcome.design, reference)
        if not (published.runs or published.checks):
            continue  # Not run there, or an experiment of the user's own.
        pairs = list(zip(outcome.verdicts, published.verdicts, strict=True))
        same = sum(mine.verdict == theirs.verdict for mine, theirs in pairs)
        parts = [f"{same} of {len(pairs)} verdicts as in the reference ({reference.folder})"]
        parts += _equal(_runs(outcome), _runs(published), "runs equal to the bit")
        parts += _equal(_counts(outcome), _counts(published), "checks with the same counts")
        console.print(f"{outcome.experiment.name}: {'; '.join(parts)}", soft_wrap=True, highlight=False)


def _runs(outcome: Outcome) -> dict[str, object]:
    """The weights of all runs of an experiment, those of the search too, by key."""
    return {key: record.weights for key, record in outcome.runs.items()}


def _counts(outcome: Outcome) -> dict[str, object]:
    return {record.key: dict(record.outcomes) for record in outcome.checks.values()}


def _equal(mine: Mapping[str, object], theirs: Mapping[str, object], what: str) -> list[str]:
    """How many of the common values are equal, in words; nothing if there is none."""
    common = mine.keys() & theirs.keys()
    return [f"{sum(mine[key] == theirs[key] for key in common)} of {len(common)} common {what}"] if common else []


def draw(outcomes: Sequence[Outcome], folder: Path, *, again: bool, overview: bool = False, **form: Any) -> int:
    """Draw the figures with a bar on the terminal; unless ``again``, only those not there.

    Of experiments that lack runs, those are drawn that show arms which have been run.

    Args:
        outcomes: What experiments have found.
        folder: Of the results.
        again: Whether to draw those that are there too.
        overview: Whether to draw that of all claims too; unless ``again``, if anything is drawn or it is not there.
        form: Arguments of :func:`cnn_study.figures.draw.draw_all`: style, width, formats, family.

    Returns:
        How many could not be drawn; each has been told in one line.
    """
    from cnn_study.figures import files

    wanted, undrawn = [], 0
    for outcome in outcomes:
        plots, every = len(outcome.plots), len(outcome.experiment.plots)
        if plots < every:
            what = f"{plots} of {every}" if plots else "no"
            errors.print(f"{outcome.experiment.name}: runs are missing, {what} figures", style="yellow", soft_wrap=True)
        if plots and (again or files.missing(outcome, folder)):
            wanted.append(outcome)
    overview = overview and (again or bool(wanted) or not files.there(files.overview(folder)))
    if not wanted and not overview:
        return 0
    from cnn_study.figures.draw import draw_all, draw_overview  # It takes a second.

    form = {"family": outcomes, **form}

    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("figures", total=sum(len(outcome.plots) for outcome in wanted))
        for drawn in draw_all(wanted, folder, processes=cores(), **form):
            bar.advance(task, len(drawn))
            for figure in drawn:
                if figure.problem:
                    undrawn += 1
                    what = f"cnn-study: the figure {figure.path.stem} cannot be drawn: {figure.problem}"
                    errors.print(what, soft_wrap=True, markup=False, highlight=False)
                else:
                    console.print(f"figure: {figure.path}", soft_wrap=True, highlight=False)
    for figure in draw_overview(form["family"], folder, **form) if overview else ():
        console.print(f"figure: {figure.path}", soft_wrap=True, highlight=False)
    return undrawn


def mirror(
    outcomes: Sequence[Outcome], folder: Path, uri: str | None, trained: Collection[str], patience: float = math.inf
) -> None:
    """Log complete outcomes to MLflow, those that are not there, with a bar on the terminal.

    Raises:
        TrackingError: The store does not work, or it takes more seconds than there is patience for.
    """
    from cnn_study import tracking

    end = time.monotonic() + patience

    def show(task: TaskID, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done < total and time.monotonic() > end:
            raise tracking.TrackingError(
                f"the MLflow store takes more than {patience:g} s: mirror the rest with `cnn-study sync`"
            )

    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        for outcome in (outcome for outcome in outcomes if outcome.complete):
            task = bar.add_task(f"MLflow: {outcome.experiment.name}", total=None)
            report = tracking.mirror(
                outcome,
                profile=folder.name,
                uri=uri or tracking.default_uri(),
                artifacts=folder / "figures",
                models=folder / "models",
                trained=trained,
                revision=revision(),
                progress=partial(show, task),
            )
            bar.remove_task(task)
            if report.logged:
                what = f"{report.logged} runs of {outcome.experiment.name}"
                console.print(f"MLflow: {what} mirrored; browse: cnn-study ui", highlight=False)


def revision() -> str:
    """The git revision, with a plus if files differ from it; ``unknown`` outside of a checkout.

    An environment may lie in a repository of the user's own, and hooks have variables that name theirs: only the
    repository that has this file at its place in the project is asked.
    """
    here = Path(__file__)
    name = here.relative_to(here.parents[2]).as_posix()
    try:
        if _git("ls-files", "--full-name", "--", here.name) != name:
            return "unknown"
        return _git("describe", "--always", "--dirty=+", "--abbrev=12")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def last_changes(experiments: Iterable[Experiment]) -> Mapping[str, datetime]:
    """When the page of each experiment was last changed, by name, without those of which git knows no such time.

    These are pages that are not committed as they are, and all if there is no git, or not the whole history. What git
    knows of the project's own pages in a repository that is not the project's says nothing.
    """
    project, ours = Path(__file__).resolve().parents[2], revision() != "unknown"
    found: dict[str, datetime] = {}
    for experiment in experiments:
        page = Path(experiment.place.rpartition(", line ")[0]).resolve()
        if page.is_relative_to(project) and not ours:
            continue
        try:
            known = _git("rev-parse", "--is-shallow-repository", at=page.parent) == "false"
            if known and not _git("status", "--porcelain", "--", page.name, at=page.parent):
                written = _git("log", "-1", "--format=%aI", "--", page.name, at=page.parent)
                found[experiment.name] = datetime.fromisoformat(written)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
    return found


def _git(*arguments: str, at: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    answer = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
        cwd=at or Path(__file__).parent,
        env=environment,
    )
    return answer.stdout.strip()
