"""The application, its two streams, and the options that several commands have."""

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cnn_study.errors import InputError, printable, shortened
from cnn_study.places import is_path
from cnn_study.profiles import PROFILES

app = typer.Typer(
    help="Tests the claims commonly made about convolutional networks, each as a tuned, replicated ablation.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
# Names and paths of the user's own are printed as they are: no brackets taken for markup, no :cat: for a picture.
console = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


class Notices(logging.Handler):
    """Shows what the library has to say, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        text = printable(record.getMessage())
        errors.print(f"cnn-study: {text}", style="yellow", soft_wrap=True, highlight=False)


def profiles(incomplete: str) -> list[tuple[str, str]]:
    """The profiles that begin so, for the shell."""
    return [(name, what) for name, what in PROFILES.items() if name.startswith(incomplete)]


def experiments(incomplete: str) -> list[str]:
    """The experiments of the project that begin so, for the shell."""
    from cnn_study import collection

    return [name for name in collection.names() if name.startswith(incomplete)]


def claim_names(incomplete: str) -> list[tuple[str, str]]:
    """The claims that begin so, with what they say, for the shell."""
    from cnn_study import collection

    found = (each for experiment in collection.load() for each in experiment.claims)
    return [(each.name, each.statement) for each in found if each.name.startswith(incomplete)]


Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Experiments, or files of your own such as my_ablation.py; all if none.",
        show_default=False,
        autocompletion=experiments,
    ),
]
_WHOLE = {
    "explain": "explains one claim of all experiments",
    "export": "exports all experiments",
    "ui": "shows all experiments",
}
"""What the commands do that take files beside."""


def _own_files(context: typer.Context, files: list[str] | None) -> list[str] | None:
    """The files, if they can be some.

    Raises:
        InputError: One of them is the name of something else.
    """
    for name in () if context.resilient_parsing else files or ():
        if not is_path(name):
            command = str(context.info_name)
            what = f"`cnn-study {command}` {_WHOLE[command]}, and takes files of your own beside"
            raise InputError(f"{shortened(name)} is no .py file: {what}")
    return files


FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files with experiments of your own, to be known too.", show_default=False, callback=_own_files
    ),
]
ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile", "-p", help="; ".join(f"**{k}**: {v}" for k, v in PROFILES.items()), autocompletion=profiles
    ),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="Folder of results, above those of the profiles. Default: your own, results/local; to read, the "
        "reference, results, if you have none.",
        show_default=False,
    ),
]
StandInOption = Annotated[
    str | None,
    typer.Option(
        "--stand-in",
        "--fallback",
        help="A data set to run on when the right one cannot be had; everything made from it is marked.",
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        help="A data set, or a folder of images CLASS/*.png, to run on in the place of every other; all is marked.",
        show_default=False,
    ),
]
SideOption = Annotated[
    int | None,
    typer.Option(help="Side of the square to which the images of a folder are resized.", show_default=False),
]
ConfirmOption = Annotated[
    bool,
    typer.Option(
        "--confirm",
        help="Add planned seeds to rules that are decided too, until the p value of each is below 0.0005: a hundredth "
        "of 5 %.",
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of the data sets. Default: $CNN_STUDY_CACHE or ~/.cache/cnn_study."),
]
UriOption = Annotated[
    str | None,
    typer.Option("--tracking-uri", help="MLflow store. Default: $MLFLOW_TRACKING_URI or sqlite:///mlflow.db here."),
]
