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


def missing(outcome: Outcome, folder: Path) -> bool:
    """Whether a file of a figure is not there."""
    return not all(
        base(outcome, folder, plot, "paper").with_suffix(f".{suffix}").exists()
        for plot in outcome.plots
        for suffix in (*FORMATS, "csv", "txt")
    )


def base(outcome: Outcome, folder: Path, plot: Plot, style: str, width: float | None = None) -> Path:
    """Where a figure is, with another suffix in the place of its own.

    Args:
        outcome: What the experiment has found.
        folder: Of the results.
        plot: The figure.
        style: In which it is drawn.
        width: In inches, if it is not that of the style.
    """
    suffix = ("" if style == "paper" else f".{style}") + (f".{width:g}in" if width else "")
    return folder / "figures" / f"{outcome.experiment.name}-{plot.file}{suffix}.x"
