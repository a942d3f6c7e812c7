"""Names beside lines, in place of a legend: each where it covers the least."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from cnn_study.figures.layout import text_width

STEP = 3
"""Pixels between the points of a line that must not be covered."""
GAP = 4
"""Points between a line and its name."""
AWAY = 1000
"""What it costs to cover another name, against one for every point of a line."""
MISTAKEN = 10
"""What it costs to stand nearer to another line."""

Sides = tuple[Literal["left", "right"], Literal["bottom", "top"]]


@dataclass(frozen=True)
class Name:
    """What is written beside a line.

    Attributes:
        text: Its name.
        color: Of the text.
        x: Where the line runs, in the units of the axes.
        y: The same.
    """

    text: str
    color: object
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class _Place:
    """A place for a text: it is tied to a point of a line."""

    anchor: tuple[float, float]
    sides: Sides
    box: Bbox


def name_lines(ax: Axes, names: Sequence[Name], size: float) -> None:
    """Write the names of lines beside them.

    All lines must be drawn, the limits set, and the layout made: what is covered is counted in pixels.

    Args:
        ax: A panel.
        names: Of its lines.
        size: Of the text, in points.
    """
    points = np.concatenate([np.empty((0, 2)), *_drawn(ax)])
    curves = [_dense(ax.transData.transform(np.column_stack([each.x, each.y]))) for each in names]
    taken: list[Bbox] = [text.get_window_extent() for text in ax.texts]
    for number, each in enumerate(names):
        found = _beside(ax, curves[number], each.text, size)
        others = [curve for other, curve in enumerate(curves) if other != number and len(curve)]
        place = _best(found, points, taken, ax.bbox, curves[number], others)
        if place is not None:
            taken.append(place.box)
            _write(ax, place, each.text, each.color, size)


def _drawn(ax: Axes) -> Iterator[np.ndarray]:
    """Points of everything that is drawn as a line or a marker, in pixels."""
    for line in ax.lines:
        yield _dense(line.get_transform().transform(np.asarray(line.get_xydata(), float)))


def _dense(corners: np.ndarray) -> np.ndarray:
    """Points on a line, a few pixels from each to the next."""
    corners = corners[np.isfinite(corners).all(axis=1)]
    pieces = [corners[:1]]
    for start, end in itertools.pairwise(corners):
        count = max(int(np.hypot(*(end - start)) / STEP), 1)
        pieces.append(start + (end - start) * np.linspace(0, 1, count + 1)[1:, None])
    return np.concatenate(pieces)


def _extent(ax: Axes, text: str, size: float) -> tuple[float, float]:
    """Width and height of a text, in pixels."""
    lines = text.split("\n")
    dpi = _dpi(ax)
    return max(text_width(line, size) for line in lines) * dpi, 1.25 * size / 72 * dpi * len(lines)


def _dpi(ax: Axes) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 - an axes of a drawn figure has one
    return figure.dpi


def _beside(ax: Axes, curve: np.ndarray, text: str, size: float) -> Iterator[_Place]:
    """Places beside a line: from its middle on towards both ends, on every side."""
    inside = curve[[bool(ax.bbox.contains(*point)) for point in curve]]
    middle, extent = len(inside) / 2, _extent(ax, text, size)
    sides: tuple[Sides, ...] = (("left", "bottom"), ("right", "top"), ("right", "bottom"), ("left", "top"))
    for number in sorted(range(len(inside)), key=lambda place: abs(place - middle)):
        x, y = ax.transData.inverted().transform(inside[number])
        for side in sides:
            yield _placed(ax, inside[number], (float(x), float(y)), side, extent)


def _placed(
    ax: Axes,
    point: np.ndarray,
    anchor: tuple[float, float],
    sides: Sides,
    extent: tuple[float, float],
) -> _Place:
    gap = GAP / 72 * _dpi(ax)
    across, up = sides
    left = point[0] + gap if across == "left" else point[0] - gap - extent[0]
    bottom = point[1] + gap if up == "bottom" else point[1] - gap - extent[1]
    return _Place(anchor, sides, Bbox.from_bounds(left, bottom, *extent))


def _best(
    places: Iterator[_Place],
    points: np.ndarray,
    taken: Sequence[Bbox],
    room: Bbox,
    own: np.ndarray,
    others: Sequence[np.ndarray],
) -> _Place | None:
    """The first of the places inside the panel that cost the least."""
    best, least = None, float("inf")
    for place in places:
        box = place.box
        if box.x0 < room.x0 or box.x1 > room.x1 or box.y0 < room.y0 or box.y1 > room.y1:
            continue
        cost = AWAY * sum(box.overlaps(each) for each in taken) + _inside(points, box)
        if any(_distance(other, box) < 1.5 * _distance(own, box) for other in others):
            cost += MISTAKEN
        if cost < least:
            best, least = place, cost
    return best


def _inside(points: np.ndarray, box: Bbox) -> int:
    right_of, left_of = points[:, 0] > box.x0 - 1, points[:, 0] < box.x1 + 1
    return int(np.sum(right_of & left_of & (points[:, 1] > box.y0 - 1) & (points[:, 1] < box.y1 + 1)))


def _distance(points: np.ndarray, box: Bbox) -> float:
    across = np.maximum(np.maximum(box.x0 - points[:, 0], points[:, 0] - box.x1), 0)
    up = np.maximum(np.maximum(box.y0 - points[:, 1], points[:, 1] - box.y1), 0)
    return float(np.hypot(across, up).min())


def _write(ax: Axes, place: _Place, text: str, color: object, size: float) -> None:
    across, up = place.sides
    ax.annotate(
        text,
        place.anchor,
        (GAP if across == "left" else -GAP, GAP if up == "bottom" else -GAP),
        xycoords="data",
        textcoords="offset points",
        ha=across,
        va=up,
        multialignment=across,
        color=color,
        fontsize=size,
        annotation_clip=False,
    )
