"""Pictures of what a trained network sees: patches that excite its maps, and what pooling makes of a map."""

import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Arm, Plot
from cnn_study.figures.filters import COLUMNS, stored, tiled
from cnn_study.figures.layout import legend, wrapped
from cnn_study.figures.quantities import ONE_SEED_TEXT, arms, labels, percent, styles_of, title
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import Style
from cnn_study.results import RunRecord

SEEDS = 4
"""Of which the answers are drawn: those that every arm has."""

Pixels = list[tuple[str, str, str, int, int, int, float]]
"""Rows of the table of a figure."""


def _max(blocks: np.ndarray) -> np.ndarray:
    return blocks.max(axis=(1, 3))


def _average(blocks: np.ndarray) -> np.ndarray:
    return blocks.mean(axis=(1, 3))


def _first(blocks: np.ndarray) -> np.ndarray:
    return blocks[:, 0, :, 0]


REDUCED: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "maximum of 2x2": _max,
    "average of 2x2": _average,
    "every second value": _first,
}
"""What makes a map of half the sides, from its blocks ``(rows, 2, columns, 2)``."""


def patches(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A row an arm, a panel a map: the parts of images that excite the map most, in the network of the first seed."""
    found = []
    for arm in arms(outcome, plot):
        record = _first_seed(outcome, arm)
        names = _maps(record) if record else []
        if record and names:
            side = int(record.outcomes["patch_side"])
            shape = (-1, side, side, int(record.outcomes["patch_channels"]))
            found.append((arm, {name: stored(record, f"patch/{name}").reshape(shape) for name in names}))
    shown = [arm for arm, _ in found]
    across = max((len(maps) for _, maps in found), default=1)
    figure, grid = _grid(len(found), 1, across, style, 1.15)
    rows: Pixels = []
    for (line,), (arm, maps) in zip(grid, found, strict=False):
        for ax, (name, images) in zip(line, maps.items(), strict=False):
            ax.imshow(tiled({str(rank): image / 255 for rank, image in enumerate(images)}, 2), interpolation="nearest")
            text = f"{title(arm, shown)}: map {int(name) + 1}" if ax is line[0] else f"map {int(name) + 1}"
            ax.set_title(wrapped(text, 0.9 * _panel_width(line, style), style.type_size, bold=True))
            for rank, image in enumerate(images):
                rows += _pixels(arm, f"map {name}, patch {rank}", image)
    caption = (
        "Parts of test images that excite feature maps of the uppermost convolution most, each of another image; a "
        "part is what one unit sees. The first maps of the first seed of every arm: examples, without an interval."
    )
    foot = ("Black at the side of a patch: beyond the border of the image.", ONE_SEED_TEXT)
    return Sketch(figure, caption, pd.DataFrame(rows, columns=COLUMNS), foot)


def pooled_maps(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """Three rows an arm: an image and a map with its reductions, the same of the moved image, and the difference."""
    found = [
        (arm, record) for arm in arms(outcome, plot) if (record := _first_seed(outcome, arm)) and _has_maps(record)
    ]
    shown = [arm for arm, _ in found]
    figure, grid = _grid(len(found), 3, 2 + len(REDUCED), style, 1.12)
    rows: Pixels = []
    for lines, (arm, record) in zip(grid, found, strict=False):
        side = math.isqrt(len(record.curve("seen_map/0")[1]))
        pictures = [_seen(record, moved, side) for moved in (0, 1)]
        for line, moved, name in zip(lines, (0, 1), ("as it is", "moved by a pixel"), strict=False):
            for ax, (what, picture) in zip(line, pictures[moved].items(), strict=True):
                _show(ax, picture, pictures[0][what])
                rows += _pixels(arm, f"{what}, {name}", picture)
                if not moved:
                    ax.set_title(wrapped(what, 0.9 * _panel_width(line, style), style.type_size, bold=True))
            what = f"{title(arm, shown)},\n{name}" if not moved else name
            line[0].set_ylabel(wrapped(what, 0.75 * _panel_width(line, style), style.small), fontsize=style.small)
        for ax, what in zip(lines[2], pictures[0], strict=True):
            change = np.abs(pictures[1][what] - pictures[0][what])
            _show(ax, change, pictures[0][what])
            size = float(np.linalg.norm(pictures[0][what]))
            ax.set_xlabel(f"{100 * float(np.linalg.norm(change)) / size:.0f} %" if size else "no signal")
        lines[2][0].set_ylabel("difference", fontsize=style.small)
    caption = (
        "A test image, the map of the first layer that varies most over it, before pooling, and what three reductions "
        "make of this map; below, the same of the image moved to the right by a pixel, and the size of the difference "
        "with its norm in percent of that of the picture above. The first seed of every arm: examples, without an "
        "interval."
    )
    foot = ("Percent: size of the difference, relative to the picture as it is.", ONE_SEED_TEXT)
    return Sketch(figure, caption, pd.DataFrame(rows, columns=COLUMNS), foot)


def wandering(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """An image at three places and the map of each network that has one; below, what networks take it for."""
    found = [(arm, record) for arm in arms(outcome, plot) if (record := _first_seed(outcome, arm)) and _wanders(record)]
    shown = [arm for arm, _ in found]
    places = _places(found[0][1]) if found else {}
    mapped = [each for each in found if stored(each[1], f"wandering_map/{next(iter(places))}").size]
    lines = 1 + len(mapped) if found else 1
    across = max(len(places), 1)
    unit = max(0.62 * style.width / across, 0.95)
    beside = style.aspect > 0  # On slides, below one another they would be too high.
    if beside:
        unit = min(unit, 0.42 * style.width / across)
        figure = plt.figure(figsize=(style.width, unit * lines))
        grid = figure.add_gridspec(lines, across + 1, width_ratios=[1.0] * across + [1.1 * across])
    else:
        heights = [1.0] * lines + [1.6]
        figure = plt.figure(figsize=(style.width, unit * sum(heights)))
        grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
    rows: list[tuple] = []
    sheets = [("wandering_image", *each) for each in found[:1]] + [("wandering_map", *each) for each in mapped]
    for line, (name, arm, record) in enumerate(sheets):
        pictures = {place: _square(stored(record, f"{name}/{place}"), record, name) for place in places}
        what = "the image" if name == "wandering_image" else f"map: {title(arm, shown)}"
        for column, (place, picture) in enumerate(pictures.items()):
            ax = figure.add_subplot(grid[line, column], xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            _show(ax, picture, np.stack(list(pictures.values())))
            if line == 0:
                room = unit if beside else style.width / across
                ax.set_title(wrapped(places[place], 0.9 * room, style.type_size, bold=True))
            if column == 0:
                ax.set_ylabel(wrapped(what, (0.9 if style.narrow else 0.75) * unit, style.small), fontsize=style.small)
            rows += [(arm.label, f"{name}, {places[place]}", row, *cell) for row, *cell in _cells(picture)]
    ax = figure.add_subplot(grid[:, across] if beside else grid[lines, :])
    styles = styles_of(outcome, labels(shown))
    for arm in shown:
        for rank, record in enumerate(outcome.replicates(arm.name)[:SEEDS]):
            curve = stored(record, "wandering_probability/own")
            shifts = np.arange(len(curve)) - len(curve) // 2
            thin = {"linewidth": 0.4, "alpha": 0.6, "color": styles[arm.label].color}
            bold = {**styles[arm.label].line, "label": title(arm, shown)}
            ax.plot(shifts, curve, **(thin if rank else bold))
            rows += [
                (arm.label, f"probability, seed {record.spec.seeds.init}", 0, int(at), float(value))
                for at, value in zip(shifts, curve, strict=True)
            ]
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(lambda value, _: percent(value))
    ax.set_xlabel("shift to the right (pixels)")
    ax.set_ylabel("probability of the true class")
    legend(figure, [ax])
    caption = (
        "A test image that is shifted from the left to the right, the map of the first layer that varies most over it, "
        "and the probability that networks give to its true class, against the shift: the first seed (bold) and "
        "three others (thin). One image: an example, without an interval."
    )
    data = pd.DataFrame(rows, columns=["label", "what", "row", "column", "value"])
    foot = "One image. Bold: the first seed, as in the pictures; thin: three others."
    return Sketch(figure, caption, data, (foot,))


def _wanders(record: RunRecord) -> bool:
    return any(point.metric == "wandering_probability/own" for point in record.history)


def _places(record: RunRecord) -> Mapping[int, str]:
    """Where the image is shown, counted from the left-most place, and in words: in the middle it is as it is."""
    names = {point.metric for point in record.history if point.metric.startswith("wandering_image/")}
    middle = len(stored(record, "wandering_probability/own")) // 2
    places = sorted(int(name.removeprefix("wandering_image/")) for name in names)
    return {place: _moved(place - middle) for place in places}


def _moved(shift: int) -> str:
    return f"{abs(shift)} pixels {'left' if shift < 0 else 'right'}" if shift else "as it is"


def _square(flat: np.ndarray, record: RunRecord, name: str) -> np.ndarray:
    """A stored picture, ``(height, width, channels)``; bytes of an image between 0 and 1."""
    channels = record.spec.model.input_shape[-1] if name == "wandering_image" else 1
    side = math.isqrt(flat.size // channels)
    picture = flat.reshape(side, side, channels)
    return picture / 255 if name == "wandering_image" else picture


def _cells(picture: np.ndarray) -> list[tuple[int, int, float]]:
    """Row, column and value of the first channel."""
    return [(row, column, float(value)) for (row, column), value in np.ndenumerate(picture[..., 0])]


def _grid(blocks: int, down: int, across: int, style: Style, height: float) -> tuple[Figure, list[list[list[Axes]]]]:
    """Panels without scales, of so many times their width in height, in blocks: below one another, on slides beside.

    Args:
        blocks: How many blocks.
        down: Rows of a block.
        across: Columns of a block.
        style: Sizes.
        height: Of a panel, in its widths.

    Returns:
        The figure, and for every block its rows of panels.
    """
    blocks = max(blocks, 1)
    beside = blocks if style.aspect and blocks * down * height / across > 0.9 * style.aspect else 1
    lines, columns = down * blocks // beside, across * beside
    size = (style.width, lines * height * style.width / columns)
    figure, grid = plt.subplots(lines, columns, figsize=size, squeeze=False)
    for ax in grid.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    if beside > 1:
        return figure, [[list(line[n * across :][:across]) for line in grid] for n in range(blocks)]
    return figure, [[list(line) for line in grid[n * down :][:down]] for n in range(blocks)]


def _panel_width(line: Sequence[Axes], style: Style) -> float:
    """Of a panel in a row of a block, in inches."""
    spec = line[0].get_subplotspec()
    return style.width / (spec.get_gridspec().ncols if spec else len(line))


def _first_seed(outcome: Outcome, arm: Arm) -> RunRecord | None:
    return next(iter(outcome.replicates(arm.name)), None)


def _maps(record: RunRecord) -> list[str]:
    """The numbers of the maps whose patches a run has, ascending."""
    found = {point.metric.removeprefix("patch/") for point in record.history if point.metric.startswith("patch/")}
    return sorted(found, key=int)


def _has_maps(record: RunRecord) -> bool:
    return any(point.metric == "seen_map/0" for point in record.history)


def _seen(record: RunRecord, moved: int, side: int) -> Mapping[str, np.ndarray]:
    """The image, the map and its reductions, each ``(height, width, channels)``."""
    seen = stored(record, f"seen_map/{moved}").reshape(side, side)
    even = side - side % 2
    blocks = seen[:even, :even].reshape(even // 2, 2, even // 2, 2)
    reduced = {name: reduce(blocks)[..., None] for name, reduce in REDUCED.items()}
    return {
        "image": stored(record, f"seen_image/{moved}").reshape(side, side, -1) / 255,
        "feature map": seen[..., None],
        **reduced,
    }


def _show(ax: Axes, picture: np.ndarray, scale: np.ndarray) -> None:
    """Draw a picture on the gray or color scale of another."""
    low, high = min(0.0, float(scale.min())), float(scale.max()) or 1.0
    shown = np.clip((picture - low) / (high - low), 0, 1)
    ax.imshow(shown if shown.shape[2] == 3 else np.repeat(shown[..., :1], 3, axis=2), interpolation="nearest")


def _pixels(arm: Arm, name: str, picture: np.ndarray) -> Pixels:
    return [
        (arm.condition, arm.label, name, row, column, channel, float(value))
        for (row, column, channel), value in np.ndenumerate(picture)
    ]
