"""What the function of a kind of figure gives; :mod:`cnn_study.figures.drawing` makes a drawing of it."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sketch:
    """A figure before anything stands below it, and what there is to say of it.

    Attributes:
        figure: Its panels and legends.
        caption: What it shows.
        data: The numbers in it.
        foot: The sentences that are to stand below it: what is drawn and of how many seeds, then what else must be
            known to read it.
    """

    figure: Figure
    caption: str
    data: pd.DataFrame
    foot: tuple[str, ...] = ()
