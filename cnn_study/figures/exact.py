"""What the exact checks have found: the share of cases that agree, and the rows of their tables."""

import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from cnn_study.analysis.decisions import Outcome
from cnn_study.checks.table import CHECKS, Check
from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment import Plot, Published
from cnn_study.figures.layout import label_axes, legend, level_axis, panels, value_axis
from cnn_study.figures.quantities import is_fraction, percent, published, sources, spelled
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import VERDICTS, SeriesStyle, Style, series_styles
from cnn_study.results import CheckRecord

NAMES = {"parameters": "parameters", "connections": "connections", "macs": "multiply-\naccumulates"}
"""Columns of the bar chart of costs, in words; those that a table lacks are left out."""
AXES = {
    "distance": "distance from the border (pixels)",
    "shift": "shift of the image (pixels)",
    "influence": "paths to the output, relative to the center",
    "error": "difference, relative to the activation",
}
"""Columns of tables on an axis, in words with their unit; others are named as they are."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "padding": {
        "same": "zero padding (same)",
        "valid": "no padding (valid)",
        "reflect": "reflected border (reflect)",
    },
    "kind": {"conv": "convolution", "local": "locally connected", "dense": "dense layer"},
}
"""Values in tables of checks that are written as they are called in code, in words, by their column."""
PANELS: Mapping[str, tuple[str, str]] = {"depth": ("{} layer", "{} layers")}
"""What stands above the panel of a value of a column, for one and for several; of others, their name and the value."""
COMPUTED = "Counted or computed exactly: no seeds, no interval."
LARGEST, SMALLEST = 1.7, 0.8
"""Sizes of the markers of the first and the last line: where they share a place, all are seen."""

Row = Mapping[str, str | int | float | bool]


def agreement(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A bar for every exact check of the design: the share of its cases in which network and formula agree."""
    del plot  # All checks are shown.
    names = [check.check for check in outcome.design.checks]
    unit = max(style.width / 6.75, style.type_size / 8)  # Of a narrow figure, type is as large as of a wide one.
    figure, ax = plt.subplots(figsize=(style.width, (0.74 + 0.3 * len(names)) * unit))
    rows = []
    for place, name in enumerate(names):
        record = outcome.checks.get(name)
        cases, agreeing = (int(record.outcomes[key]) if record else 0 for key in ("cases", "agreeing"))
        share = agreeing / cases if cases else 0.0
        one = VERDICTS["supported" if cases and agreeing == cases else "contradicted"]
        ax.barh(place, share, height=0.5, color=one.color, alpha=0.35, edgecolor=one.color)
        text = f"{agreeing:,} of {cases:,} cases agree" if cases else "not made yet"
        ax.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center")
        rows.append((name, cases, agreeing, share))
    ax.set_yticks(range(len(names)), [spelled(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.grid(visible=False, axis="y")
    value_axis(ax, "x", percent)
    ax.set_xlabel("cases that agree")
    caption = (
        "Exact checks: the share of cases in which what was built agrees with the formula. Every case of the grid is "
        "looked at once; there is no sampling, so there is no interval."
    )
    data = pd.DataFrame(rows, columns=["check", "cases", "agreeing", "share"])
    return Sketch(figure, caption, data, (COMPUTED,))


def costs(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """Points on a logarithmic axis: parameters, connections and multiply-accumulates of every kind of layer.

    The check is that of ``plot.metric``, written ``CHECK`` or ``CHECK:PANEL``, or else the first whose table has the
    columns. ``PANEL`` is a column with a panel for every value; without it, the first row of every kind is shown.
    """
    record, (panel, *_) = _table(outcome, plot, parts=1, needed=("kind", "parameters"))
    columns = [column for column in NAMES if column in record.table[0]]
    groups = _groups(record.table, panel)
    figure, axes = panels(list(groups), style, columns=2)
    kinds = list(dict.fromkeys(str(row["kind"]) for row in record.table))
    known = series_styles(list(dict.fromkeys([*WORDS["kind"], *kinds])))
    styles = {kind: known[kind] for kind in kinds}
    shown = []
    numbers: list[Published] = []
    for ax, rows in zip(axes, groups.values(), strict=True):
        for kind in kinds:
            first = next((row for row in rows if row["kind"] == kind), None)
            if first is not None:
                shown.append(first)
                numbers += _points(ax, outcome, first, columns, kinds.index(kind), styles, style)
        ax.set_yscale("log")
        ax.set_xlim(-0.5, len(columns) - 0.5)
        ax.set_xticks(range(len(columns)), [NAMES[column] for column in columns])
        ax.grid(visible=False, axis="x")
        ax.margins(y=0.12)
    label_axes(axes, plot.x, plot.y or "number (logarithmic)")
    legend(figure, axes)
    caption = (
        f"Costs by kind of layer, counted in the built network (check {record.spec.check}), on a logarithmic axis. "
        "Counts are exact and have no interval."
    )
    if numbers:
        caption += f" Open markers: published ({sources(numbers)})."
    return Sketch(figure, caption, pd.DataFrame(shown), (COMPUTED,))


def _points(
    ax: Axes,
    outcome: Outcome,
    row: Row,
    columns: Sequence[str],
    number: int,
    styles: Mapping[str, SeriesStyle],
    style: Style,
) -> list[Published]:
    """The points of one kind of layer, a column each, with what was published about it."""
    kind, width = str(row["kind"]), 0.75 / len(styles)
    places = [place + (number - (len(styles) - 1) / 2) * width for place in range(len(columns))]
    heights = [float(row[column]) for column in columns]
    look = {"marker": styles[kind].marker, "color": styles[kind].color, "linestyle": "none"}
    ax.plot(places, heights, label=_value("kind", kind), markersize=1.4 * 3.5 * style.line, **look)
    for place, height in zip(places, heights, strict=True):
        above = {"xytext": (0, 0.7 * style.type_size), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        ax.annotate(_short(height), (place, height), fontsize=style.small, **above)
    found = []
    for place, column in zip(places, columns, strict=True):
        for one in published(outcome, kind, column, counted=True):
            label = f"{_value('kind', kind)}, published: {column} {_grouped(one)}"
            size = 0.7 * 3.5 * style.line  # Inside of the point, which lies at the same place.
            ax.plot(place, one.value, linestyle="none", markersize=size, zorder=5, label=label, **styles[kind].hollow)
            found.append(one)
    return found


def table(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A point for every row of a check's table, light lines between those of a series.

    ``plot.x`` and ``plot.y`` name the columns of the axes; ``plot.metric`` is ``CHECK``, ``CHECK:SERIES`` or
    ``CHECK:SERIES:PANEL``. ``SERIES`` is the column with a line for every value, ``PANEL`` that with a panel for every
    value; if it is left out and rows share a place on a line, it is the first column that tells them apart.
    """
    record, (series, panel) = _table(outcome, plot, parts=2, needed=(plot.x, plot.y))
    groups = _groups(record.table, panel or _free_column(record.table, plot, series))
    figure, axes = panels(list(groups), style)
    lines = list(dict.fromkeys(_line(row, series, plot) for row in record.table))
    styles = series_styles(lines)
    shrinking = (LARGEST - SMALLEST) / max(len(lines) - 1, 1)
    for ax, rows in zip(axes, groups.values(), strict=True):
        for rank, line in enumerate(lines):
            points = sorted(
                (float(row[plot.x]), float(row[plot.y])) for row in rows if _line(row, series, plot) == line
            )
            if points:
                one, size = styles[line], (LARGEST - rank * shrinking) * 3.5 * style.line
                places, values = zip(*points, strict=True)
                ax.plot(places, values, linewidth=0.6, alpha=0.4, **one.line)  # Only leads the eye.
                ax.plot(
                    places, values, label=line, marker=one.marker, markersize=size, color=one.color, linestyle="none"
                )
    level_axis(axes[0], sorted({float(row[plot.x]) for row in record.table}), logarithmic="x" in plot.logarithmic)
    share = is_fraction(plot.y) and max(float(row[plot.y]) for row in record.table) <= 1
    value_axis(axes[0], "y", percent if share else None, logarithmic="y" in plot.logarithmic)
    label_axes(axes, _axis(plot.x), _axis(plot.y))
    if series:
        legend(figure, axes)
    foot = _foot(record)
    caption = (
        f"{plot.y.replace('_', ' ').capitalize()} against {plot.x.replace('_', ' ')}"
        f"{f', by {series}' if series else ''}, from the check {record.spec.check.replace('_', ' ')}. {foot}"
    )
    if plot.y == "influence":
        caption += (
            " Paths: the ways from a pixel of the input through all layers to the output, as a share of those from a "
            "pixel in the center. A pixel with fewer paths has less say."
        )
    return Sketch(figure, caption, pd.DataFrame(list(record.table)), (foot,))


def _foot(record: CheckRecord) -> str:
    """What stands below a table of a check: that its numbers are exact, or of how many random draws they are."""
    check = CHECKS.get(record.spec.check, Check(""))
    draws = min(check.draws, 1) if record.spec.sample else check.draws
    if not draws:
        return COMPUTED
    mean = f"Mean of {draws} random draws" if draws > 1 else "One random draw"
    return f"{mean} of weights and images, without an interval. {check.note}".strip()


def _axis(column: str) -> str:
    return AXES.get(column, column.replace("_", " "))


def _line(row: Row, series: str, plot: Plot) -> str:
    return _value(series, row[series]) if series else plot.y


def _value(column: str, value: object) -> str:
    """A value of a column in words; of a kind of pooling ``3/2``, what the two numbers are."""
    text = WORDS.get(column, {}).get(str(value), str(value))
    return re.sub(r" (\d+)/(\d+)$", r" (side \1, stride \2)", text)


def _grouped(number: Published) -> str:
    return number.text.replace(f"{number.value:g}", f"{number.value:,.6g}")


def visibility(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """How much of the input at each distance from the border is still seen: a line a padding, a panel a depth."""
    return table(outcome, Plot("table", plot.name, f"{plot.metric}:padding:depth", "distance", "influence"), style)


def _table(outcome: Outcome, plot: Plot, parts: int, needed: Sequence[str]) -> tuple[CheckRecord, tuple[str, ...]]:
    """The check that a plot means, and the columns it names behind it, empty where it names none.

    Raises:
        InputError: There is no such check or column.
    """
    name, *columns = plot.metric.split(":")
    if not name:
        name = _first(outcome.checks, needed)
    if name not in outcome.checks:
        raise unknown_name("check", name, outcome.checks)
    record = outcome.checks[name]
    known = {column for row in record.table for column in row}
    for column in (*needed, *columns):
        if column not in known:
            raise unknown_name(f"column of the check {name}", column, known)
    return record, (*columns, *[""] * parts)[:parts]


def _short(count: float) -> str:
    """A count with three digits, for example ``4.82M``; small ones in full."""
    if count < 10_000:
        return f"{count:,.0f}"
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count / 1e3:.3g}k"


def _above(panel: str, value: object) -> str:
    """What stands above a panel."""
    one, several = PANELS.get(panel, (f"{panel.replace('_', ' ')}: {{}}",) * 2)
    return (one if value == 1 else several).format(value)


def _first(checks: Mapping[str, CheckRecord], needed: Sequence[str]) -> str:
    for name, record in checks.items():
        if record.table and set(needed) <= set(record.table[0]):
            return name
    raise InputError(f"no check of the experiment has a table with the columns {', '.join(needed)}: name one as metric")


def _free_column(rows: Sequence[Row], plot: Plot, series: str) -> str:
    """The first column that tells rows apart which have the same place on the same line; empty if there are none."""
    used = [plot.x, *([series] if series else [])]

    def distinct(columns: Sequence[str]) -> bool:
        return len({tuple(row[column] for column in columns) for row in rows}) == len(rows)

    if distinct(used):
        return ""
    others = [
        column for column, value in rows[0].items() if column not in (*used, plot.y) and not isinstance(value, float)
    ]
    return next((column for column in others if distinct([*used, column])), "")


def _groups(rows: Sequence[Row], panel: str) -> dict[str, list[Row]]:
    """The rows by what stands above their panel."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_above(panel, row[panel]) if panel else "", []).append(row)
    return groups
