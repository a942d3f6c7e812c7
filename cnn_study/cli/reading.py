"""Commands that read stored results: ``claims``, ``explain``, ``figures``, ``report``, ``sync``, ``ui``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from cnn_study import collection, tables, tracking
from cnn_study.cli.app import FilesArgument, Names, ProfileOption, ResultsOption, UriOption, app, console
from cnn_study.cli.output import draw, keep_verdicts, last_changes, mirror, revision, show_verdicts
from cnn_study.cli.stores import read, shown
from cnn_study.errors import unknown_name
from cnn_study.experiment import Experiment


@app.command(epilog="Examples: `cnn-study claims` · `cnn-study claims --results results --into README.md`")
def claims(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="A Markdown file to put the table of claims or topics into, between its marks.", show_default=False
        ),
    ] = None,
) -> None:
    """List every claim with its verdicts."""
    from cnn_study.report.summary import insert, markdown, topics

    for _, _, family in read(collection.family(names or ()), profile, results):
        outcomes = shown(names, family)
        show_verdicts(outcomes, family)
        if into:
            insert(into, {"claims": markdown(outcomes, family), "topics": topics(outcomes, family)})
            console.print(f"table: {into}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: `cnn-study explain relu-beats-tanh`")
def explain(
    claim: Annotated[str, typer.Argument(help="Name of a claim, as `claims` lists them.")],
    files: FilesArgument = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
) -> None:
    """Say what a claim is, what was published, the rules, what was measured, and the runs all of it rests on."""
    known_experiments = collection.family(files or ())
    known = {each.name: (each, experiment) for experiment in known_experiments for each in experiment.claims}
    if claim not in known:
        raise unknown_name("claim", claim, known)
    found, experiment = known[claim]
    for _, _, family in read(known_experiments, profile, results):
        for outcome in (outcome for outcome in family if outcome.experiment.name == experiment.name):
            for line in tables.explanation(outcome, found, family):
                console.print(line, soft_wrap=True, highlight=False, markup=False)


@app.command("vocabulary", epilog="Example: `cnn-study vocabulary`")
def words() -> None:
    """List what a page can be written with: figures, estimates, limits of rules, metrics and their probes."""
    from cnn_study.page import vocabulary

    for title, (head, *rows) in vocabulary.tables():
        table = Table(*head, title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)


@app.command(epilog="Examples: `cnn-study figures` · `cnn-study figures activations --style slides`")
def figures(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    style: Annotated[str, typer.Option(help="paper: width of a text column; slides: large type.")] = "paper",
) -> None:
    """Draw every figure again from the stored results, without training and without TensorFlow."""
    from cnn_study.figures.style import STYLES

    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    undrawn = 0
    for _, folder, outcomes in read(collection.load(names or ()), profile, results):
        undrawn += draw(outcomes, folder, again=True, style=style)
    if undrawn:
        raise typer.Exit(1)


@app.command(epilog="Examples: `cnn-study report --profile quick` · `cnn-study report --latex`")
def report(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Also write tables, numbers and references for a paper.")
    ] = False,
) -> None:
    """Write one self-contained HTML page with claims, verdicts, figures and how they came about."""
    from cnn_study.report.latex import write_latex
    from cnn_study.report.page import write_page

    for setting, folder, family in read(collection.family(names or ()), profile, results):
        outcomes = shown(names, family)
        draw(outcomes, folder, again=False)
        keep_verdicts(family, folder)
        changed = last_changes(outcome.experiment for outcome in outcomes)
        page = write_page(outcomes, folder, setting, revision(), family, changed)
        console.print(f"report: {page}", soft_wrap=True)
        for path in write_latex(outcomes, folder, family) if latex else ():
            console.print(f"latex: {path}", soft_wrap=True, highlight=False)


@app.command(epilog="Examples: `cnn-study sync` · `cnn-study sync --tracking-uri http://127.0.0.1:5000`")
def sync(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    tracking_uri: UriOption = None,
) -> None:
    """Mirror the stored runs to MLflow. What is there already is left alone."""
    _mirror(collection.load(names or ()), profile, results, tracking_uri)


@app.command(epilog="Example: `cnn-study ui --port 5001`")
def ui(
    files: FilesArgument = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    tracking_uri: UriOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the MLflow UI with the stored runs. Ctrl-C ends it."""
    _mirror(collection.family(files or ()), profile, results, tracking_uri)
    raise typer.Exit(tracking.serve(tracking_uri or tracking.default_uri(), port, host))


def _mirror(chosen: Sequence[Experiment], profile: str, results: Path | None, uri: str | None) -> None:
    """Draw the figures that are not there, and mirror what is not there to MLflow."""
    for _, folder, outcomes in read(chosen, profile, results):
        draw(outcomes, folder, again=False)
        mirror(outcomes, folder, uri, set())
