"""A contact sheet: the first images of every class, a row each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cnn_study.figures.fonts import tell_lacking
from cnn_study.figures.style import STYLES, styled

TILE = 0.5
"""Side of an image on the sheet, in inches."""
GAP = 0.1
"""Between images, of their side."""


def contact_sheet(images: Mapping[str, Sequence[np.ndarray]], path: Path) -> None:
    """Write a PNG with a row a class.

    Args:
        images: By class, ``(side, side, 3)``, uint8.
        path: The file.
    """
    tell_lacking("".join(images))
    across = max(map(len, images.values()), default=0) or 1
    with styled(STYLES["paper"], "".join(images)):
        figure = Figure(figsize=(TILE * across * (1 + GAP) + 2, TILE * len(images) * (1 + GAP) + 0.2))
        ax = figure.subplots()
        for row, members in enumerate(images.values()):
            for place, image in enumerate(members):
                left, top = place * (1 + GAP), row * (1 + GAP)
                ax.imshow(image, extent=(left, left + 1, top + 1, top), interpolation="nearest")
        ax.set(xlim=(0, across * (1 + GAP)), ylim=(len(images) * (1 + GAP), 0), aspect="equal", xticks=[])
        ax.set_yticks([row * (1 + GAP) + 0.5 for row in range(len(images))], list(images))
        ax.tick_params(length=0)
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
        figure.savefig(path, format="png", metadata={"Software": None})
