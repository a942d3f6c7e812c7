"""How figures look, in one place: sizes, type, and colors that color-blind readers and gray printers can tell apart."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import seaborn as sns

from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment import Verdict
from cnn_study.figures.fonts import families


@dataclass(frozen=True)
class Style:
    """Sizes for one use.

    Attributes:
        width: Of a figure over the whole text width, in inches.
        type_size: Of labels, in points.
        line: Width of lines, in points.
        aspect: Height in widths that a figure may have; 0: any.
    """

    width: float
    type_size: float
    line: float
    aspect: float = 0.0

    @property
    def narrow(self) -> bool:
        """Whether there is no room for words beside what they are about: a column of a paper."""
        return self.width < 0.5 * self.type_size

    @property
    def small(self) -> float:
        """Size of notes and of long labels, in points."""
        return 0.85 * self.type_size


STYLES: Mapping[str, Style] = {"paper": Style(6.75, 8, 1.2), "slides": Style(12, 15, 2.4, aspect=9 / 16)}
WIDTHS = (3.25, 5.5, 6.75)
"""Inches of one column of a paper, of one and a half, and of two."""


def sized(style: str, width: float | None = None) -> Style:
    """A style by its name, for a figure of so many inches.

    Raises:
        InputError: There is no such style or width.
    """
    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    if width is None:
        return STYLES[style]
    if width not in WIDTHS:
        known = ", ".join(f"{each:g}" for each in WIDTHS)
        raise InputError(f"a figure is {known} inches wide (one column, one and a half, two), got {width:g}")
    return replace(STYLES[style], width=width)


DASHES = ("", (4, 1.5), (1, 1), (3, 1, 1, 1), (5, 1, 1, 1, 1, 1), (2, 2), (6, 2), (1, 2))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PUBLISHED = "0.35"
"""Gray of everything that others have published."""


@dataclass(frozen=True)
class SeriesStyle:
    """How one series looks, so that it is known by its color, its dashes and its markers, each alone.

    Attributes:
        color: Of its lines and markers.
        dashes: Lengths of dashes and gaps, in line widths; empty for a line without gaps.
        marker: Its marker, in matplotlib's letters.
    """

    color: Any
    dashes: tuple[float, ...] | str
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Arguments of a line without markers."""
        return {"color": self.color, "linestyle": (0, self.dashes) if self.dashes else "-"}

    @property
    def hollow(self) -> dict[str, Any]:
        """Arguments of a marker for a number that others have published."""
        return {"marker": self.marker, "markerfacecolor": "white", "markeredgecolor": self.color}


def series_styles(labels: Sequence[str]) -> dict[str, SeriesStyle]:
    """A style for every label; the same order of labels gives the same styles.

    Dashes and markers go round with different steps, so that 56 labels differ without their colors.
    """
    colors = sns.color_palette("colorblind", len(labels))
    return {
        label: SeriesStyle(color, DASHES[i % len(DASHES)], MARKERS[(i + i // len(DASHES)) % len(MARKERS)])
        for i, (label, color) in enumerate(zip(labels, colors, strict=True))
    }


def depth_styles(layers: Sequence[str]) -> dict[str, SeriesStyle]:
    """A style for every layer: colors from dark, near the input, to light, near the output."""
    colors = sns.color_palette("viridis", len(layers))
    return {
        layer: SeriesStyle(color, DASHES[i % len(DASHES)], MARKERS[i % len(MARKERS)])
        for i, (layer, color) in enumerate(zip(layers, colors, strict=True))
    }


VERDICTS: Mapping[Verdict, SeriesStyle] = {
    "supported": SeriesStyle("#00704b", "", "o"),
    "contradicted": SeriesStyle("#c04a00", "", "X"),
    "mixed": SeriesStyle("#8a5a00", "", "D"),
    "inconclusive": SeriesStyle("0.35", "", "s"),
    "not tested": SeriesStyle("0.45", "", "v"),
}
"""Styles of what was decided."""
SIGNS: Mapping[Verdict, str] = {
    "supported": "\N{CHECK MARK}",
    "contradicted": "\N{BALLOT X}",
    "mixed": "\N{PLUS-MINUS SIGN}",
    "inconclusive": "?",
    "not tested": "\N{EN DASH}",
}
"""Of verdicts, where there is no room for words or no color."""


@contextmanager
def styled(style: Style, text: str = "") -> Iterator[None]:
    """Draw with this style inside the body, whatever the settings of matplotlib are outside of it.

    Args:
        style: Sizes.
        text: What may be written in the figure: its letters decide which fonts are needed.
    """
    settings = {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.labelsize": style.type_size,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": style.type_size,
        "axes.titleweight": "bold",
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.w_pad": 0.08,  # Labels of ticks reach a little farther than is made room for.
        "font.family": families(text),
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
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # Files called matplotlibrc lie in many places.
        mpl.rcParams.update(settings)  # type: ignore[call-overload] - its stub knows only literal names
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")  # Told once, by the text.
        yield
