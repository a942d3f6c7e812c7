"""The files of a figure. To know whether they are there, nothing that draws is imported."""

from collections.abc import Mapping
from pathlib import Path

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Plot

# Nothing in a file may tell when it was written: the same results give the same bytes.
FORMATS: Mapping[str, dict] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}
FILES = (*FORMATS, "csv")
"""What can be written of a figure, beside its caption."""
DIGITS = "%.9g"
"""How a number is written in a CSV file: nine digits are all that a number of four bytes has."""


def missing(outcome: Outcome, folder: Path) -> bool:
    """Whether a file of a figure is not there."""
    return not all(map(there, (base(outcome, folder, plot, "paper") for plot in outcome.plots)))


def there(path: Path) -> bool:
    """Whether all files of a figure are there, as they are written if nothing else is asked for."""
    return all(path.with_suffix(f".{suffix}").exists() for suffix in (*FORMATS, "csv", "txt"))


def proxy_text(proxy: str) -> str:
    """The sentence at the end of the caption of a figure, and below it, where its results stand for others as a proxy.

    Args:
        proxy: That of the :class:`~cnn_study.experiment.Design`, not empty.
    """
    return f"A proxy: {proxy}."


OVERVIEW = "claims"
"""Name of the figure of all claims."""


def overview(folder: Path, style: str = "paper", width: float | None = None, page: int = 1) -> Path:
    """Where the figure of all claims is, with another suffix in the place of its own.

    Args:
        folder: Of the results.
        style: In which it is drawn.
        width: In inches, if it is not that of the style.
        page: Which of its pages; slides have several.
    """
    name = OVERVIEW if page == 1 else f"{OVERVIEW}-{page}"
    return folder / "figures" / f"{name}{_suffix(style, width)}.x"


def base(outcome: Outcome, folder: Path, plot: Plot, style: str, width: float | None = None) -> Path:
    """Where a figure is, with another suffix in the place of its own.

    Args:
        outcome: What the experiment has found.
        folder: Of the results.
        plot: The figure.
        style: In which it is drawn.
        width: In inches, if it is not that of the style.
    """
    return folder / "figures" / f"{outcome.experiment.name}-{plot.file}{_suffix(style, width)}.x"


def _suffix(style: str, width: float | None) -> str:
    return ("" if style == "paper" else f".{style}") + (f".{width:g}in" if width else "")
