"""Commands that read stored results: ``claims``, ``explain``, ``export``, ``figures``, ``report``, ``sync``, ``ui``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import cnn_study
from cnn_study import collection, tables
from cnn_study.analysis.decisions import Outcome
from cnn_study.cli.app import console, errors
from cnn_study.cli.output import draw, keep_verdicts, last_changes, mirror, revision, show_verdicts
from cnn_study.cli.stores import read, shown
from cnn_study.errors import InputError, StudyError, shortened, unknown_name
from cnn_study.experiment import Experiment, Setting
from cnn_study.places import is_path, roots
from cnn_study.profiles import SCALE
from cnn_study.stored import outcomes_in, stores_there, stores_to_read

if TYPE_CHECKING:  # It takes long to import, and only one command needs it.
    from cnn_study.report.findings import Findings


def claims(
    names: list[str] | None = None, profile: str = "quick", results: Path | None = None, into: Path | None = None
) -> None:
    """See :func:`cnn_study.cli.commands.claims`."""
    from cnn_study.report.summary import insert, magnitudes, markdown, topics

    found = list(read(collection.family(names or ()), profile, results))
    for setting, _, family in found:
        outcomes = shown(names, family)
        show_verdicts(outcomes, family)
        if into and (setting.images is None or len(found) == 1):  # Two would write between the same marks.
            tables = {
                "claims": markdown(outcomes, family),
                "topics": topics(outcomes, family, at_scale(outcomes, family, setting, results)),
                "magnitudes": magnitudes(outcomes, family),
            }
            insert(into, tables, profile)
            console.print(f"table: {into}", soft_wrap=True, highlight=False)


def explain(
    claim: str,
    files: list[str] | None = None,
    profile: str = "quick",
    results: Path | None = None,
) -> None:
    """See :func:`cnn_study.cli.commands.explain`."""
    known_experiments = collection.family(files or ())
    known = {each.name: (each, experiment) for experiment in known_experiments for each in experiment.claims}
    if claim not in known:
        raise unknown_name("claim", claim, known)
    found, experiment = known[claim]
    for _, _, family in read(known_experiments, profile, results):
        for outcome in (outcome for outcome in family if outcome.experiment.name == experiment.name):
            for line in tables.explanation(outcome, found, family):
                console.print(line, soft_wrap=True, highlight=False, markup=False)


def words() -> None:
    """See :func:`cnn_study.cli.commands.words`."""
    from cnn_study.page import vocabulary

    for title, table in vocabulary.tables():
        for line in tables.definitions(title, table, console.width):
            console.print(line, soft_wrap=True)
        console.print()


def figures(
    names: list[str] | None = None,
    profile: str = "quick",
    results: Path | None = None,
    style: str = "paper",
    width: float | None = None,
    formats: list[str] | None = None,
) -> None:
    """See :func:`cnn_study.cli.commands.figures`."""
    from cnn_study.figures.files import FILES, OVERVIEW
    from cnn_study.figures.style import sized

    sized(style, width)
    for each in formats or ():
        if each not in FILES:
            raise unknown_name("format", each, FILES)
    chosen = [name for name in names or () if name != OVERVIEW]
    known = collection.family(chosen)
    _refuse_figures(chosen, known)
    undrawn, overview = 0, not names or OVERVIEW in names
    for _, folder, family in read(known, profile, results):
        form = {"style": style, "width": width, "formats": tuple(dict.fromkeys(formats or FILES))}
        outcomes = shown(chosen, family) if chosen or not names else []
        undrawn += draw(outcomes, folder, again=True, overview=overview, family=family, **form)
    if undrawn:
        raise typer.Exit(1)


def _refuse_figures(names: Sequence[str], known: Sequence[Experiment]) -> None:
    """Refuse the name of a figure, with or without that of its experiment, where experiments are named.

    Raises:
        InputError: It is one.
    """
    experiments = {each.name for each in known}
    for name in names:
        if is_path(name) or name in experiments:
            continue
        asked = Path(name).stem
        plots = [(each.name, plot) for each in known for plot in each.plots]
        owners = [owner for owner, plot in plots if asked in (plot.file, plot.kind, f"{owner}-{plot.file}")]
        if owners := list(dict.fromkeys(owners)):
            of = owners[0] if len(owners) == 1 else f"{len(owners)} experiments, one of them {owners[0]}"
            how = f"name the experiment, as in `cnn-study figures {owners[0]}`"
            raise InputError(f"{shortened(name)} is a figure of {of}: {how}")


def report(
    names: list[str] | None = None, profile: str = "quick", results: Path | None = None, latex: bool = False
) -> None:
    """See :func:`cnn_study.cli.commands.report`."""
    from cnn_study.report.latex import write_latex
    from cnn_study.report.page import write_page

    for setting, folder, family in read(collection.family(names or ()), profile, results):
        outcomes = shown(names, family)
        draw(outcomes, folder, again=False, overview=not names, family=family)
        keep_verdicts(family, folder)
        changed = last_changes(outcome.experiment for outcome in outcomes)
        found = at_scale(outcomes, family, setting, results)
        page = write_page(outcomes, folder, setting, revision(), family, changed, found)
        console.print(f"report: {page}", soft_wrap=True)
        for path in write_latex(outcomes, folder, family) if latex else ():
            console.print(f"latex: {path}", soft_wrap=True, highlight=False)


def at_scale(
    outcomes: Sequence[Outcome], family: Sequence[Outcome], setting: Setting, results: Path | None
) -> "Findings":
    """What experiments have found in ``full``, where that is stored, to stand beside ``quick``; of others, nothing.

    Args:
        outcomes: What is shown of the smaller profile.
        family: All experiments whose tests are corrected for together.
        setting: Where the results that are shown were made.
        results: Folder of the results; ``None``: as other commands find them.
    """
    from cnn_study.report.findings import Findings

    if setting != Setting("quick"):
        return Findings()
    try:
        stores = [store for store, found in stores_there(results, SCALE) if found.images is None]
        if not stores:
            return Findings()
        whole = outcomes_in(stores[0], [each.experiment for each in family], Setting(SCALE))
    except StudyError as error:
        errors.print(f"cnn-study: the results of {SCALE} are left out: {error}", style="yellow", soft_wrap=True)
        return Findings()
    names = {each.experiment.name for each in outcomes}
    return Findings(tuple(each for each in whole if each.experiment.name in names), stores[0].folder, tuple(whole))


def export(
    files: list[str] | None = None, profile: str = "quick", results: Path | None = None, to: Path | None = None
) -> None:
    """See :func:`cnn_study.cli.commands.export`."""
    from cnn_study.export import export

    known = collection.family(files or ())
    found = stores_to_read(results, profile)
    for store, setting in found:
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        folder = (to or Path(f"cnn_study-{profile}")) / ("" if len(found) == 1 else store.folder.name)
        for path in export(store, outcomes_in(store, known, setting), folder):
            console.print(f"export: {path}", soft_wrap=True, highlight=False)


def sync(
    names: list[str] | None = None, profile: str = "quick", results: Path | None = None, tracking_uri: str | None = None
) -> None:
    """See :func:`cnn_study.cli.commands.sync`."""
    _mirror(collection.family(names or ()), names, profile, results, tracking_uri)


def ui(
    files: list[str] | None = None,
    profile: str = "quick",
    results: Path | None = None,
    tracking_uri: str | None = None,
    port: int = 5000,
    host: str = "127.0.0.1",
) -> None:
    """See :func:`cnn_study.cli.commands.ui`."""
    from cnn_study import tracking

    uri = tracking.default_uri() if tracking_uri is None else tracking_uri
    before = _sources(profile, results)
    if files or not tracking.is_made_from(uri, profile, before):
        _mirror(collection.family(files or ()), None, profile, results, uri)
        if not files and _sources(profile, results) == before:
            tracking.note_sources(uri, profile, before)
    raise typer.Exit(tracking.serve(uri, port, host))


def _sources(profile: str, results: Path | None) -> str:
    """A digest of what is mirrored to MLflow if no files are named."""
    from cnn_study import tracking

    stores = [folder for root in roots(results) for folder in (root / profile, *sorted(root.glob(f"{profile}-*")))]
    return tracking.sources([Path(cnn_study.__file__).parent, *collection.folders(), *stores], profile)


def _mirror(
    known: Sequence[Experiment], names: Sequence[str] | None, profile: str, results: Path | None, uri: str | None
) -> None:
    """Draw the figures that are not there, and mirror what is not there to MLflow; of all that is known if no names."""
    for _, folder, family in read(known, profile, results):
        outcomes = shown(names, family) if names else family
        draw(outcomes, folder, again=False, family=family)
        mirror(outcomes, folder, uri, set())
