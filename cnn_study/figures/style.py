"""How figures look, in one place: sizes, type, and colors that color-blind readers and gray printers can tell apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import seaborn as sns


@dataclass(frozen=True)
class Style:
    """Sizes for one use.

    Attributes:
        width: Of a figure over the whole text width, in inches.
        type_size: Of labels, in points.
        line: Width of lines, in points.
    """

    width: float
    type_size: float
    line: float


STYLES: Mapping[str, Style] = {"paper": Style(6.75, 8, 1.2), "slides": Style(12, 15, 2.4)}

DASHES = ("", (4, 1.5), (1, 1), (3, 1, 1, 1), (5, 1, 1, 1, 1, 1), (2, 2), (6, 2), (1, 2))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PUBLISHED = "0.35"
"""Gray of everything that others have published."""


def look(labels: Sequence[str]) -> dict[str, dict]:
    """A color, a dash pattern and a marker for every label; the same label order gives the same look."""
    colors = sns.color_palette("colorblind", len(labels))
    return {
        label: {"color": color, "dashes": DASHES[i % len(DASHES)], "marker": MARKERS[i % len(MARKERS)]}
        for i, (label, color) in enumerate(zip(labels, colors, strict=True))
    }


@contextmanager
def styled(style: Style) -> Iterator[None]:
    """Draw with this style inside the body."""
    settings = {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.labelsize": style.type_size,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": style.type_size,
        "axes.titleweight": "bold",
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
        "font.size": style.type_size,
        "grid.color": "0.9",
        "legend.fontsize": style.type_size,
        "legend.frameon": False,
        "lines.linewidth": style.line,
        "lines.markersize": 3.5 * style.line,
        "pdf.fonttype": 42,
        "savefig.dpi": 200,
        "svg.fonttype": "path",
        "svg.hashsalt": "cnn_study",
        "xtick.labelsize": style.type_size,
        "ytick.labelsize": style.type_size,
    }
    with mpl.rc_context(settings):  # type: ignore[arg-type] - its stub knows only literal names
        yield
