"""A figure of an experiment, drawn and laid out, as it is going to be written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome, from_to
from cnn_study.analysis.significance import Key
from cnn_study.experiment import Arm, Plot
from cnn_study.experiment.metric import named
from cnn_study.experiment.plot import KINDS
from cnn_study.experiment.strict import READABLE
from cnn_study.figures.files import proxy_text
from cnn_study.figures.kinds import FIGURES
from cnn_study.figures.layout import note, settle
from cnn_study.figures.quantities import arms
from cnn_study.figures.style import PUBLISHED, Style, sized, styled

ROOM = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
"""How many times as wide as its style a figure may become that would be too high for it: of slides."""


@dataclass(frozen=True)
class Drawing:
    """A figure, what it says in words, and the numbers in it.

    Attributes:
        figure: As it is written.
        caption: What it shows.
        data: The numbers.
        room: How many times as wide as its style it is, so that it is not too high: it is shown as much smaller.
    """

    figure: Figure
    caption: str
    data: pd.DataFrame
    room: float = 1.0


def drawing(
    outcome: Outcome,
    plot: Plot | str,
    style: str = "paper",
    *,
    width: float | None = None,
    survives: Mapping[Key, bool] = MappingProxyType({}),
) -> Drawing:
    """One figure of an experiment, not yet written.

    Args:
        outcome: What the experiment has found.
        plot: Which figure; a string stands for a plot of that kind.
        style: ``paper`` or ``slides``.
        width: Of the figure, in inches; ``None``: that of the style.
        survives: Which verdicts survive the correction for all tests, as
            :func:`~cnn_study.analysis.significance.holm` finds them; the others get a mark.

    Raises:
        InputError: There is no such style, arm, check or column, or the width is none of a paper.
    """
    plot = Plot(plot) if isinstance(plot, str) else plot
    sizes = sized(style, width)
    with without_screen(), styled(sizes, text_of(outcome)):
        *narrower, widest = ROOM if sizes.aspect else ROOM[:1]
        for room in narrower:
            drawn = _drawing(outcome, plot, replace(sizes, width=room * sizes.width), survives)
            inches = drawn.figure.get_size_inches()
            if inches[1] <= sizes.aspect * inches[0]:
                return replace(drawn, room=room)
            plt.close(drawn.figure)
        drawn = _drawing(outcome, plot, replace(sizes, width=widest * sizes.width), survives)
    return replace(drawn, room=widest)


def _drawing(outcome: Outcome, plot: Plot, sizes: Style, survives: Mapping[Key, bool]) -> Drawing:
    kind = FIGURES[plot.kind]
    sketch = kind.sketch(outcome, plot, sizes, **({"survives": survives} if kind.judged else {}))
    figure, images = sketch.figure, "" if kind.exact else _images(outcome, plot)
    if sketch.data.empty:
        figure.text(0.5, 0.5, "not measured", ha="center", color=PUBLISHED)
    lacking = _lacking(outcome, plot)
    note(figure, _joined(*sketch.foot, lacking, images), sizes)
    settle(figure)
    return Drawing(figure, _joined(sketch.caption, lacking, images), sketch.data)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _lacking(outcome: Outcome, plot: Plot) -> str:
    """Which arms would be in a figure if they had been run; empty if none is missing."""
    shown = {arm.name for arm in arms(outcome, plot)}
    lacking = [arm.name for arm in outcome.design.arms if plot.takes_arms and plot.shows(arm) and arm.name not in shown]
    return f"Not run yet: {'; '.join(lacking)}." if lacking else ""


def _images(outcome: Outcome, plot: Plot) -> str:
    """Of which images the numbers in a figure are: of a part that stands for all, or on how many it was trained."""
    return proxy_text(outcome.design.proxy) if outcome.design.proxy else _trained(outcome, plot)


def _trained(outcome: Outcome, plot: Plot) -> str:
    """On which images the arms of a figure were trained, and on how many of each kind; empty where there are none."""
    sizes: dict[str, set[int]] = {}
    for arm in _drawn(outcome, plot):
        sizes.setdefault(outcome.design.dataset(arm.data).title, set()).add(outcome.design.examples(arm.data))
    if not sizes:
        return ""
    (first, counts), *others = sizes.items()
    if all(each == counts for _, each in others):
        return f"Trained on {from_to(counts)} images of {' and '.join(sizes)}."
    more = "".join(f" and {from_to(each)} of {title}" for title, each in others)
    return f"Trained on {from_to(counts)} images of {first}{more}."


def _drawn(outcome: Outcome, plot: Plot) -> list[Arm]:
    """The arms of which a figure has something to draw: those that its rules compare, or that have what it shows."""
    shown, kind = arms(outcome, plot), KINDS[plot.kind]
    if kind.probe:
        return [arm for arm in shown if kind.probe in arm.probes]
    if kind.metric:
        metrics = list(named(plot.metric, READABLE[kind.metric]))
        return [arm for arm in shown if not metrics or any(metric.of(arm) for metric in metrics)]
    if "claims" in kind.options:
        rules = [rule for rule in outcome.design.rules if not plot.claims or rule.claim in plot.claims]
        compared = {name for rule in rules for name in rule.estimate.arms}
        return [arm for arm in shown if arm.name in compared]
    return shown


@contextmanager
def without_screen() -> Iterator[None]:
    """Draw into files, and leave matplotlib as it was: a notebook goes on to show its own figures."""
    before = mpl.get_backend(auto_select=False)
    mpl.use("Agg")
    try:
        yield
    finally:
        if before:
            mpl.use(before)


def text_of(outcome: Outcome) -> str:
    """All that may be written in the figures of an experiment."""
    return repr((outcome.design, outcome.experiment.title, outcome.experiment.claims, outcome.experiment.plots))
