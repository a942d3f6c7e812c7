"""What the search for the learning rate has found: how good each arm is at each rate."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.path import Path

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Design, Plot, RateSearch
from cnn_study.figures.layout import label_axes, legend, level_axis, panels, value_axis
from cnn_study.figures.quantities import arms, conditions, labels, percent, styles_of
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SeriesStyle, Style
from cnn_study.training.search import Chosen, Trial

ARROW = Path(
    [(-0.3, 0), (0.3, 0), (0, 0), (0, 1), (-0.25, 0.6), (0, 1), (0.25, 0.6)],
    [Path.MOVETO, Path.LINETO, Path.MOVETO, Path.LINETO, Path.MOVETO, Path.LINETO, Path.LINETO],
)
"""A marker that stands on its value and points up: at least so much."""
RESULTS = ("reached", "not reached", "diverged")
LATE = " (where no rate arrived, by its training error); arrow: not reached within so many epochs"
"""What stands below the search for a time of runs that never got there."""


def rate_search(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition: the score of every rate that was tried, the chosen one ringed."""
    found = {name: tuned.search for name, tuned in outcome.tuned.items()}
    tuned = [arm for arm in arms(outcome, plot) if arm.tuned]
    shown = [arm for arm in tuned if arm.name not in found or found[arm.name].trials]
    titles = conditions(shown)
    figure, axes = panels(titles, style)
    styles = styles_of(outcome, labels(shown))
    search, by_time = outcome.design.search, outcome.design.sought is not None
    quantity = "epochs" if by_time else "validation_error"
    rows = []
    for arm in shown:
        if arm.name not in found:
            continue
        chosen = found[arm.name]
        _search(axes[titles.index(arm.condition)], chosen, styles[arm.label], arm.label)
        for trial in chosen.trials:
            result = RESULTS[trial.score[0]] if by_time or trial.score[0] else "measured"
            rows.append((arm.condition, arm.label, trial.rate, result, _drawn(trial), trial.rate == chosen.rate))
    level_axis(axes[0], sorted({row[2] for row in rows}), logarithmic=True)
    axes[0].set_ylim(bottom=0, top=1.1 * axes[0].get_ylim()[1])
    value_axis(axes[0], "y", None if by_time else percent)
    label_axes(axes, plot.x or "learning rate", plot.y or (search.objective.text if search else ""))
    legend(figure, axes)
    columns = ["condition", "label", "learning_rate", "result", quantity, "chosen"]
    shares = " Arms that share the rate of another one are left out." if len(shown) < len(tuned) else ""
    foot = f"{searched(search)} a rate. Ring: chosen{LATE if by_time else ''}; cross: diverged."
    return Sketch(figure, _caption(outcome.design) + shares, pd.DataFrame(rows, columns=columns), (foot,))


def _search(ax: Axes, chosen: Chosen, one: SeriesStyle, label: str) -> None:
    reached, late, diverged = ([trial for trial in chosen.trials if trial.score[0] == kind] for kind in range(3))
    ax.plot([t.rate for t in reached], [_drawn(t) for t in reached], label=label, marker=one.marker, **one.line)
    arrow = {"marker": ARROW, "markersize": 15, "markerfacecolor": "none", "linestyle": "none"}
    ax.plot([t.rate for t in late], [_drawn(t) for t in late], color=one.color, **arrow)
    # At the top of the panel, whatever its scale: a run that diverged has no number.
    ax.plot(
        [t.rate for t in diverged], [0.97] * len(diverged), "x", color=one.color, transform=ax.get_xaxis_transform()
    )
    rings = [_drawn(trial) for trial in (*reached, *late) if trial.rate == chosen.rate]
    ax.plot([chosen.rate] * len(rings), rings, "o", markersize=11, markerfacecolor="none", color=one.color)


def _drawn(trial: Trial) -> float:
    """Its score; for a run that has not arrived, how many epochs it was given."""
    return (trial.score[1], float(trial.specs[0].train.epochs), math.nan)[trial.score[0]]


def searched(search: RateSearch | None) -> str:
    """With how many seeds every rate was tried, for people."""
    return f"{search.repeats} seeds" if search and search.repeats > 1 else "One seed"


def _caption(design: Design) -> str:
    search = design.search
    if search is None:
        return "No learning rate was searched."
    late = (
        " Arrows: not reached within so many epochs, which the run was given (a rate is given no more than the best "
        "one has needed). Where none has arrived, the rate with the lowest training error is chosen; "
        "within 5 points, that nearest to the middle of the grid."
        if design.sought is not None
        else ""
    )
    return (
        f"Search for the learning rate with {searched(search).lower()}: {search.objective.text} at every rate tried. "
        f"Ring: the chosen rate.{late} Crosses at the top: diverged."
    )
