"""Learned first-layer kernels and the feature maps they give, as images."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Arm, Plot
from cnn_study.figures.layers import measured_layers
from cnn_study.figures.layout import wrapped
from cnn_study.figures.quantities import ONE_SEED_TEXT, arms, title
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import Style
from cnn_study.results import RunRecord

KINDS = {"filter": "kernels", "feature_map": "feature maps"}
SCALE = 8
"""Pixels of a sheet for one of a kernel, so that there can be gaps narrower than one."""
COLUMNS = ["condition", "label", "image", "row", "column", "channel", "value"]


def filters(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A row an arm: the kernels of the first layer and the feature maps of one image, of the first seed."""
    found = [(arm, outcome.replicates(arm.name)[:1]) for arm in arms(outcome, plot)]
    pictures = [
        (arm, {kind: _images(outcome, records[0], arm, kind) for kind in KINDS}) for arm, records in found if records
    ]
    pictures = [(arm, images) for arm, images in pictures if any(images.values())]
    shown = [arm for arm, _ in pictures]
    wide = style.aspect > 0
    sheets = [
        {kind: tiled(images[kind], side_by_side(len(images[kind]), wide=wide)) for kind in KINDS}
        for _, images in pictures
    ]
    # As high as the higher of the two at half of the width, and a title.
    heights = [max(sheet.shape[0] / sheet.shape[1] for sheet in line.values()) * 0.49 * style.width for line in sheets]
    heights = [height + 2.2 * style.type_size / 72 for height in heights] or [1.0]
    figure, axes = plt.subplots(
        len(heights), 2, figsize=(style.width, sum(heights)), squeeze=False, height_ratios=heights
    )
    rows = []
    for line, (arm, images), sheet in zip(axes, pictures, sheets, strict=False):
        for ax, (kind, text) in zip(line, KINDS.items(), strict=True):
            ax.imshow(sheet[kind], interpolation="nearest")
            ax.set_anchor("N")
            ax.set_title(wrapped(f"{title(arm, shown)}: {text}", 0.45 * style.width, style.type_size, bold=True))
            for name, image in images[kind].items():
                for (row, column, channel), value in np.ndenumerate(image):
                    rows.append((arm.condition, arm.label, f"{kind}/{name}", row, column, channel, value))
    for ax in axes.flat:
        ax.set_axis_off()
    caption = (
        "Left: the learned kernels of the first layer. Right: the feature maps that they give for one image, averaged "
        "over blocks of pixels where they are large. Each picture has a scale of its own: gray is zero where there are "
        "values of both signs, else dark is its least value. The first seed of every arm: examples, without an "
        "interval."
    )
    foot = ("Every picture on its own scale; gray: 0, where there are values of both signs.", ONE_SEED_TEXT)
    return Sketch(figure, caption, pd.DataFrame(rows, columns=COLUMNS), foot)


def _images(outcome: Outcome, record: RunRecord, arm: Arm, kind: str) -> Mapping[str, np.ndarray]:
    """Images of shape (height, width, channels) by their number; their values are stored with the place as the step."""
    images = {}
    for name in measured_layers(outcome, arm, kind):
        flat = stored(record, f"{kind}/{name}")
        images[name] = flat.reshape(_shape(record, kind, len(flat)))
    return images


def stored(record: RunRecord, metric: str) -> np.ndarray:
    """A list of numbers of a finished run, which are stored with their places as steps."""
    points = sorted((point.step, point.value) for point in record.history if point.metric == metric)
    return np.array([value for _, value in points])


def _shape(record: RunRecord, kind: str, size: int) -> tuple[int, int, int]:
    height, width = (int(record.outcomes[f"{kind}_{side}"]) for side in ("height", "width"))
    return height, width, size // (height * width)


def tiled(images: Mapping[str, np.ndarray], across: int) -> np.ndarray:
    """All images in one, (height, width, 3), with white between them.

    Args:
        images: Each ``(height, width, channels)``.
        across: How many stand side by side.
    """
    if not images:
        return np.ones((1, 2, 3))
    enlarged = np.ones((SCALE, SCALE, 1))
    tiles = [np.kron(_scaled(image), enlarged) for image in images.values()]
    height, width = (side + SCALE // 2 for side in tiles[0].shape[:2])
    sheet = np.ones((math.ceil(len(tiles) / across) * height, across * width, 3))
    for place, tile in enumerate(tiles):
        top, left = place // across * height, place % across * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def side_by_side(count: int, *, wide: bool = False) -> int:
    """How many pictures of so many stand side by side: more than below one another, in full rows where they can.

    Args:
        count: Of the pictures.
        wide: Whether the whole must not be high, as on a slide: then no row is shorter for the sake of full ones.
    """
    usual = math.ceil(math.sqrt(1.6 * count))
    least = usual if wide else math.sqrt(count)
    full = [n for n in range(count, 0, -1) if count % n == 0 and least <= n <= 1.5 * usual]
    return min(full, key=lambda n: abs(n - usual), default=usual)


def _scaled(image: np.ndarray) -> np.ndarray:
    """Between 0 and 1, in three channels: a signed kernel around gray, a feature map from its least value on."""
    if image.min() < 0:
        scaled = 0.5 + 0.5 * image / np.abs(image).max()
    else:
        scaled = (image - image.min()) / (np.ptp(image) or 1.0)
    return scaled if image.shape[2] == 3 else np.repeat(scaled.mean(axis=2, keepdims=True), 3, axis=2)
