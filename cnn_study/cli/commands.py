"""The commands: their arguments, options and words of help.

What they do is in other modules, which are loaded when a command is called: to show help takes no time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from cnn_study.cli.app import (
    CacheOption,
    ConfirmOption,
    DataOption,
    FilesArgument,
    Names,
    ProfileOption,
    ResultsOption,
    SideOption,
    StandInOption,
    UriOption,
    app,
    claim_names,
    experiments,
)
from cnn_study.places import is_path


class _Getting(TyperGroup):
    """Takes what is no name of a command for the arguments of ``get``: ``cnn-study data mnist``."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # The shell asks what can come next: the commands.
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["get", *args]
        return super().parse_args(ctx, args)


images_app = typer.Typer(
    cls=_Getting,
    help="Fetch data sets into the cache, or check a folder of images.",
    epilog="Examples: `cnn-study data mnist` · `cnn-study data check my_images --side 32`",
    rich_markup_mode="markdown",
)
app.add_typer(images_app, name="data")


def _tell(
    question: list[object], names: list[str] | None, results: Path | None, answer: Callable[[], None], kept: bool = True
) -> None:
    """Print an answer of the project's own experiments, the one that was kept if nothing has changed since."""
    from cnn_study.cli import remembered

    if kept and not any(map(is_path, names or ())):  # A file of the user's own may rest on anything.
        remembered.tell(question, results, answer)
    else:
        answer()


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

    def answer() -> None:
        from cnn_study.cli import reading

        reading.claims(names, profile, results, into)

    _tell(["claims", names, profile], names, results, answer, kept=into is None)


@app.command(epilog="Example: `cnn-study explain relu-beats-tanh`")
def explain(
    claim: Annotated[str, typer.Argument(help="Name of a claim, as `claims` lists them.", autocompletion=claim_names)],
    files: FilesArgument = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
) -> None:
    """Say what a claim is, what was published, the rules, what was measured, and the runs all of it rests on."""

    def answer() -> None:
        from cnn_study.cli import reading

        reading.explain(claim, files, profile, results)

    _tell(["explain", claim, profile], files, results, answer)


@app.command("vocabulary", epilog="Example: `cnn-study vocabulary`")
def words() -> None:
    """List what a page can be written with: figures, estimates, limits of rules, metrics and their probes."""
    from cnn_study.cli import reading

    reading.words()


@app.command(epilog="Examples: `cnn-study figures` · `cnn-study figures activations --width 3.25 --format pdf`")
def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Experiments, or files of your own such as my_ablation.py; `claims`: the figure of all; all if none.",
            show_default=False,
            autocompletion=experiments,
        ),
    ] = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    style: Annotated[str, typer.Option(help="paper: width of a text column; slides: large type.")] = "paper",
    width: Annotated[
        float | None,
        typer.Option(help="Inches: 3.25, 5.5 or 6.75 (one column, one and a half, two). Default: that of the style."),
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="pdf, svg, png or csv; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Draw every figure again from the stored results, without training and without TensorFlow.

    Beside each figure stands its caption, a text file.
    """
    from cnn_study.cli import reading

    reading.figures(names, profile, results, style, width, formats)


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
    from cnn_study.cli import reading

    reading.report(names, profile, results, latex)


@app.command(epilog="Examples: `cnn-study export` · `cnn-study export --profile full --to tables`")
def export(
    files: FilesArgument = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="An empty folder, or that of an export, which is replaced. Default: cnn_study-PROFILE here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the stored results as CSV files, with a codebook and a data card in Croissant.

    Runs, curves, probes, estimates and verdicts have a file each; README.md says what their columns are, with units.
    """
    from cnn_study.cli import reading

    reading.export(files, profile, results, to)


@app.command(epilog="Examples: `cnn-study sync` · `cnn-study sync --tracking-uri http://127.0.0.1:5000`")
def sync(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    tracking_uri: UriOption = None,
) -> None:
    """Mirror the stored runs to MLflow. What is there already is left alone."""
    from cnn_study.cli import reading

    reading.sync(names, profile, results, tracking_uri)


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
    from cnn_study.cli import reading

    reading.ui(files, profile, results, tracking_uri, port, host)


@app.command(
    epilog="Examples: `cnn-study run` · `cnn-study run activations --profile smoke` · `cnn-study run pooling --confirm`"
)
def run(
    names: Names = None,
    profile: ProfileOption = "quick",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Worker processes. Default: one a core, or as many as the cluster has room for.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Where runs are trained: **local**, on this machine; **ray**, on a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="The Ray cluster: **auto**, the one this machine is a node of; HOST:PORT; ray://HOST. Default: auto.",
            show_default=False,
        ),
    ] = None,
    cpus_per_run: Annotated[
        float | None,
        typer.Option(min=0.1, help="CPUs of a Ray cluster kept for a run. Default: 1.", show_default=False),
    ] = None,
    gpus_per_run: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="GPUs a run is given; 0.25: four runs share one. Default: none.",
            show_default=False,
        ),
    ] = None,
    results: ResultsOption = None,
    stand_in: StandInOption = None,
    data: DataOption = None,
    side: SideOption = None,
    cache_dir: CacheOption = None,
    tracking_uri: UriOption = None,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Leave MLflow alone.")] = False,
    save_models: Annotated[
        bool, typer.Option("--save-models", help="Keep the trained networks of the replicates, as models/KEY.keras.")
    ] = False,
    confirm: ConfirmOption = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No line for a finished run: only what experiments have found.")
    ] = False,
) -> None:
    """Train what is not stored yet, print the verdicts, draw the figures. An interrupted suite goes on where it was."""
    from cnn_study.cli import training

    training.run(
        names,
        profile,
        jobs=jobs,
        engine=engine,
        address=address,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
        results=results,
        stand_in=stand_in,
        data=data,
        side=side,
        cache_dir=cache_dir,
        tracking_uri=tracking_uri,
        no_tracking=no_tracking,
        save_models=save_models,
        confirm=confirm,
        quiet=quiet,
    )


@app.command(epilog="Examples: `cnn-study plan --profile full` · `cnn-study plan activations`, arm by arm")
def plan(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    stand_in: StandInOption = None,
    data: DataOption = None,
    side: SideOption = None,
    confirm: ConfirmOption = False,
) -> None:
    """Say what `run` would train, why, and how long that takes, at least and at most, without training."""
    from cnn_study.processes import cores

    def answer() -> None:
        from cnn_study.cli import training

        training.plan(names, profile, results, stand_in, data, side, confirm)

    # Of how many workers there are depends how long it takes.
    question = ["plan", names, profile, stand_in, cores(), confirm]
    _tell(question, names, results, answer, kept=data is None and side is None)


@images_app.command("get", epilog="Examples: `cnn-study data` · `cnn-study data cifar10 mnist`: `get` need not be said")
def data(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Data sets, or folders of images CLASS/*.png; all if none is named.", show_default=False),
    ] = None,
    side: SideOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """Fetch data sets into the cache and check their hashes."""
    from cnn_study.cli import training

    training.data(names, side, cache_dir)


@images_app.command(epilog="Example: `cnn-study data check my_images --side 32`")
def check(
    folder: Annotated[Path, typer.Argument(help="A folder of images, CLASS/*.png.", show_default=False)],
    side: SideOption = None,
    sheet: Annotated[
        Path | None, typer.Option(help="The contact sheet. Default: NAME-sheet.png here.", show_default=False)
    ] = None,
) -> None:
    """Show what will be seen of a folder of images: classes, counts, sizes, duplicates, what is left out, a sheet."""
    from cnn_study.cli import images

    images.check(folder, side, sheet)


@app.command(epilog="Examples: `cnn-study verify` · `cnn-study verify pooling --sample 3 --results results`")
def verify(
    names: Names = None,
    size: Annotated[
        int, typer.Option("--sample", "-n", min=1, help="How many runs to train again, from every experiment in turn.")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice: the same seed draws the same runs.")] = 0,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    cache_dir: CacheOption = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Worker processes. Default: one a core.", show_default=False),
    ] = None,
) -> None:
    """Train a sample of the stored runs again and compare: equal bits where processor and versions are the same."""
    from cnn_study.cli import verifying

    verifying.verify(names, size, seed, profile, results, cache_dir, jobs)
