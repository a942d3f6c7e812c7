"""Where things stand in a figure: panels, a legend and notes that stay inside of it, axes with readable ticks."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from matplotlib.transforms import Bbox

from cnn_study.figures.style import PUBLISHED, Style

LOWEST = 1.5
"""Inches of a panel with its title and the name of its axis: in less, ticks and labels run into one another."""
SHAPES = {1: 0.45, 2: 0.38, 3: 0.28}
"""Height of a row of so many panels, in widths of the figure; of more panels, a little less than that of three."""
MOST_APART = 3
"""How many times as long as in another the curves of a panel may be for both to have a linear axis of time."""
BEYOND_LAST = 1.2
"""How many times as far as the longest curve a logarithmic axis of time runs: what stands at its end is seen whole."""
PLACES = 12
"""Decimals of the corners of panels, as shares of the figure: far below what is seen, far above the last bit."""
GAP = 0.3
"""Between the texts of neighboring ticks, in sizes of type."""
_WORD = re.compile(r"[\d.,]+ %\S*|\S+")
"""What no line break divides: a word, or a number with its percent sign."""
_DECIMALS = re.compile(r"(?P<whole>-?\d+)(\.(?P<decimals>\d+))?(?P<rest>| %)$")
"""A number at a tick."""


def panels(
    titles: Sequence[str], style: Style, columns: int = 3, *, share_x: bool = True, share_y: bool = True
) -> tuple[Figure, list[Axes]]:
    """A grid of panels over the whole width, one a title.

    Args:
        titles: What stands above each.
        style: Sizes.
        columns: How many may stand side by side.
        share_x: Whether all have the same horizontal axis.
        share_y: Whether all have the same vertical axis.
    """
    count = max(len(titles), 1)
    columns = min(columns, max(int(style.width / (0.2 * style.type_size)), 1))  # A column of less holds no title.
    across = 2 if count == 4 and columns == 3 else min(count, columns)
    if style.aspect:  # As many columns as it takes to stay below that height, as far as they hold their titles.
        columns = min(max(int(style.width / (0.2 * style.type_size)), 1), count)
        fitting = (n for n in range(across, columns + 1) if _rows_height(n, count, style) < 0.8 * style.aspect)
        across = next(fitting, max(across, columns))
    down = math.ceil(count / across)
    # A panel is as wide as what is left beside the numbers and the name of the vertical axis.
    room = min(0.85 * style.width, 0.93 * style.width - 5 * style.type_size / 72) / across
    lines = [wrapped(title, room, style.type_size, bold=True) for title in titles]
    tallest = [max(line.count("\n") for line in lines[row * across :][:across] or [""]) for row in range(down)]
    extra = 1.2 * style.type_size / 72 * sum(tallest)
    height = max(style.width * SHAPES.get(across, 0.24), LOWEST)
    figure, grid = plt.subplots(
        down, across, figsize=(style.width, height * down + extra), sharex=share_x, sharey=share_y, squeeze=False
    )
    axes = list(grid.flat)
    for ax, line in zip(axes, lines, strict=False):
        ax.set_title(line)
    for place, ax in enumerate(axes[count:], count):
        ax.remove()
        axes[place - across].tick_params(labelbottom=True)
    return figure, axes[:count]


def _rows_height(across: int, count: int, style: Style) -> float:
    """Height of all rows of so many panels, so many in a row, in widths of the figure."""
    return math.ceil(count / across) * max(SHAPES.get(across, 0.24), LOWEST / style.width)


def label_axes(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the axes: the horizontal one below every lowest panel, the vertical one beside those on the left."""
    figure = axes[0].get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    inches = figure.get_figwidth()
    rows, across = len({_cell(ax)[0] for ax in axes}), len({_cell(ax)[1] for ax in axes})
    size = _points("axes.labelsize")
    shared = axes[0].get_shared_y_axes().joined(axes[0], axes[-1])  # Else every panel has its own numbers beside it.
    for place, ax in enumerate(axes):
        if place + across >= len(axes):
            ax.set_xlabel(wrapped(x, (0.85 if shared else 0.6) * inches / across, size))
        if _cell(ax)[1] == 0:
            ax.set_ylabel(wrapped(y, 0.8 * figure.get_figheight() / rows, size))


def alike(spans: Sequence[float]) -> bool:
    """Whether curves of these lengths can be read on one linear axis."""
    known = [span for span in spans if span > 0]
    return not known or max(known) <= MOST_APART * min(known)


def time_axis(axes: Sequence[Axes], spans: Sequence[float], first: float, last: float = 0.0) -> str:
    """Give panels that share it a horizontal axis of time that begins at 0, on which every curve can be read.

    Args:
        axes: The panels.
        spans: How long the curves of each are.
        first: The first time after 0 at which anything was measured: where curves differ much in length, the axis is
            logarithmic from there on.
        last: What a logarithmic axis reaches at least, beside the curves.

    Returns:
        What is added to the name of the axis.
    """
    if alike(spans) or first <= 0:
        for ax in axes:
            ax.set_xlim(left=0)
            ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
        return ""
    last, shown = max(*spans, last), axes[0]
    shown.set_xscale("symlog", linthresh=first, linscale=0.4)
    shown.set_xlim(0, BEYOND_LAST * last)
    powers = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    ticks = [each * 10.0**power for power in powers for each in (1, 2, 5) if first <= each * 10.0**power <= last]
    shown.xaxis.set_major_locator(FixedLocator([0, *_apart(shown, ticks, first)]))
    shown.xaxis.set_major_formatter(lambda value, _: _number(value))
    shown.xaxis.set_minor_locator(NullLocator())
    return " (logarithmic)"


def _apart(ax: Axes, ticks: Sequence[float], first: float) -> list[float]:
    """Those of the ticks whose texts do not run into one another: whole powers of ten before the others."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    size = _points("xtick.labelsize")
    to_pixels = ax.get_xaxis_transform().transform
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda value: (not math.log10(value).is_integer(), value)):
        here, wide = float(to_pixels((tick, 0))[0]), text_width(_number(tick), size)
        others = {other: abs(here - float(to_pixels((other, 0))[0])) / figure.dpi for other in (0.0, *kept)}
        gap = GAP * size / 72
        if all(away > (wide + text_width(_number(other), size)) / 2 + gap for other, away in others.items()):
            kept.append(tick)
    return sorted(kept)


def _cell(ax: Axes) -> tuple[int, int]:
    spec = ax.get_subplotspec()
    assert spec is not None  # noqa: S101 - all panels stand on a grid
    return spec.rowspan.start, spec.colspan.start


def legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend above all panels, in as many columns as fit; the figure grows by its height."""
    # A panel may lack a label that was never tried there, so the handles come from all of them.
    handles = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    named = [set(ax.get_legend_handles_labels()[1]) for ax in axes]
    if len(handles) < 2 or all(labels <= {ax.get_title()} for ax, labels in zip(axes, named, strict=True)):
        return  # It would say what the titles say, or nothing.
    handles = dict(sorted(handles.items(), key=lambda item: ", published" in item[0]))
    room = 0.98 * figure.bbox.width
    for columns in range(len(handles), 0, -1):
        drawn = figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)
        box = drawn.get_window_extent()
        if box.width <= room or columns == 1:
            figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)
            return
        drawn.remove()


def note(figure: Figure, text: str, style: Style) -> None:
    """A note below everything, in as many lines as it needs; the figure grows by their height."""
    lines = wrapped(text, 0.97 * style.width, style.small)
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=style.small, color=PUBLISHED)
    figure.set_figheight(figure.get_figheight() + (lines.count("\n") + 1) * 1.2 * style.small / 72)


def grow(figure: Figure, axes: Iterable[Axes], inches: Sequence[float]) -> None:
    """Make a figure so high that its panels, one below the other, have their heights: for lines of text in them."""
    engine, axes = figure.get_layout_engine(), list(axes)
    if engine is None:
        return
    for _ in range(2):  # The rest of the figure may take its share of the first growth.
        engine.execute(figure)
        heights = [ax.get_window_extent().height / figure.dpi for ax in axes]
        lack = max(needed / height for needed, height in zip(inches, heights, strict=True))
        if lack > 1:
            figure.set_figheight(round(figure.get_figheight() + (lack - 1) * sum(heights), PLACES))


def settle(figure: Figure) -> None:
    """Lay everything out once and for all, instead of once for every format that is written.

    The solver's places differ in their last bit from one process to the next: rounded, they give the same bytes.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        for ax in figure.axes:
            ax.set_position(Bbox(ax.get_position(original=True).get_points().round(PLACES)))
    with unlaid():
        figure.set_layout_engine(None)


def unlaid() -> AbstractContextManager[None]:
    """Leave figures without an engine of layout as they are, also when they are written.

    With any engine, be it one that does nothing, each format is drawn a first time for its sake.
    """
    return mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False})


def wrapped(text: str, inches: float, size: float, *, bold: bool = False) -> str:
    """The text with line breaks, so that no line is wider than so many inches at a size in points."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.append("")
        for word in _WORD.findall(paragraph):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and text_width(longer, size, bold=bold) > inches:
                lines.append(word)
            else:
                lines[-1] = longer
    return "\n".join(lines)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text, in inches."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def level_axis(ax: Axes, levels: Sequence[float], *, logarithmic: bool, most: int = 12) -> None:
    """Put ticks of the horizontal axis at the levels that were tried, with as many numbers as can be read side by side.

    Args:
        ax: A panel; others that share its axis follow.
        levels: Where something was measured.
        logarithmic: Whether the axis is.
        most: With more levels than this there are a few ticks at round numbers.
    """
    if logarithmic:
        ax.set_xscale("log")
    if not levels or len(levels) > most:
        if levels and not logarithmic:
            whole = all(float(level).is_integer() for level in levels)
            ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=whole))
        return
    scale = math.log if logarithmic else float
    span = (scale(max(levels)) - scale(min(levels))) or 1.0
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    inches = 0.75 * ax.get_window_extent().width / figure.dpi
    size = _points("xtick.labelsize")
    kept: list[float] = []
    for level in sorted(levels):
        needed = 0.65 * sum(text_width(_number(each), size) for each in (level, *kept[-1:]))
        if not kept or inches * (scale(level) - scale(kept[-1])) / span > needed:
            kept.append(level)
    ax.xaxis.set_major_locator(FixedLocator(kept))
    ax.xaxis.set_major_formatter(lambda value, _: _number(value))
    ax.xaxis.set_minor_locator(FixedLocator([level for level in levels if level not in kept]))
    ax.xaxis.set_minor_formatter(NullFormatter())


def value_axis(
    ax: Axes,
    side: Literal["x", "y"],
    text: Callable[[float], str] | None,
    *,
    logarithmic: bool = False,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> None:
    """Number an axis that shows measured values.

    Args:
        ax: A panel; others that share its axis follow.
        side: Which of its axes.
        text: Gives the text of a value; ``None``: plain numbers.
        logarithmic: Whether the axis is to be so, with ticks at 1, 2 and 5.
        within: Limits beyond which the axis does not run; the lower one of a logarithmic axis is left alone.
    """
    axis, set_scale, limits, set_limits = (
        (ax.xaxis, ax.set_xscale, ax.get_xlim, ax.set_xlim)
        if side == "x"
        else (ax.yaxis, ax.set_yscale, ax.get_ylim, ax.set_ylim)
    )
    if logarithmic:
        set_scale("log")
    low, high = limits()
    if logarithmic and low > 0 and high / low < 300:
        few = high / low > 6 or (side == "x" and ax.get_window_extent().width < 30 * _pixels(ax, "xtick.labelsize"))
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1, 2, 3, 4, 5, 6, 8)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(lambda value, _: (text or _number)(value))
    elif text:
        axis.set_major_formatter(_Alike(lambda value, _: text(value)))
    if low < within[0] and not logarithmic:
        set_limits(within[0], None)
    if high > within[1]:
        set_limits(None, within[1])


class _Alike(FuncFormatter):
    """Gives the numbers at all ticks of an axis the same decimals."""

    def format_ticks(self, values: list[float]) -> list[str]:
        texts = super().format_ticks(values)
        found = [_DECIMALS.match(text) for text in texts]
        most = max((len(each["decimals"] or "") for each in found if each), default=0)
        if not most:
            return texts
        return [
            f"{each['whole']}.{(each['decimals'] or '').ljust(most, '0')}{each['rest']}" if each else text
            for each, text in zip(found, texts, strict=True)
        ]


def _number(value: float) -> str:
    return f"{value:,.6g}" if value >= 1 else f"{value:.3g}"


def _pixels(ax: Axes, setting: Literal["axes.labelsize", "xtick.labelsize"]) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    return _points(setting) * figure.dpi / 72


def _points(setting: Literal["axes.labelsize", "xtick.labelsize"]) -> float:
    return FontProperties(size=plt.rcParams[setting]).get_size_in_points()
