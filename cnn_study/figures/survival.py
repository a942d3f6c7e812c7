"""How many seeds have not reached a training error yet, with those that never did (Kaplan & Meier 1958)."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.statistics import CONFIDENCE, Time
from cnn_study.experiment import Plot
from cnn_study.figures.layout import label_axes, legend, panels, time_axis, value_axis
from cnn_study.figures.quantities import arms, conditions, labels, percent, seeds_text, styles_of, timed_threshold
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import SeriesStyle, Style

COLUMNS = ["condition", "label", "threshold", "epoch", "share", "low", "high", "at_risk", "arrived", "censored"]


@dataclass(frozen=True)
class Survival:
    """The estimated share of seeds that have not arrived, a step function that changes at the times.

    Attributes:
        epochs: Ascending: 0 and every time at which a seed arrived or was censored.
        share: From each on.
        low: Lower limit of the share; no number where the formula gives none.
        high: Upper limit.
        at_risk: Seeds that had neither arrived nor been censored just before.
        arrived: Seeds that arrive then.
        censored: Seeds that end then without having arrived.
    """

    epochs: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray
    arrived: np.ndarray
    censored: np.ndarray


def kaplan_meier(times: Sequence[Time]) -> Survival:
    """The product-limit estimate: the product, over times so far, of 1 - arrived / at risk (Kaplan & Meier 1958).

    Its limits are pointwise, from Greenwood's variance of log(-log(share)), so that they lie between 0 and 1. They
    exist only where some seeds have arrived and some have not.

    Args:
        times: One a seed, at least one, all after the start.
    """
    arrived = [time.epochs for time in times if not time.censored]
    censored = [time.epochs for time in times if time.censored]
    curve = stats.ecdf(stats.CensoredData(arrived, right=censored)).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        low, high = curve.confidence_interval(CONFIDENCE, method="log-log")
    epochs, share = np.concatenate([[0.0], curve.quantiles]), np.concatenate([[1.0], curve.probabilities])
    unknown = [math.nan]
    every = np.array([time.epochs for time in times])
    return Survival(
        epochs,
        share,
        np.concatenate([unknown, low.probabilities]),
        np.concatenate([unknown, high.probabilities]),
        at_risk=np.sum(every[:, None] >= epochs, axis=0),
        arrived=np.sum(np.array(arrived)[:, None] == epochs, axis=0),
        censored=np.sum(np.array(censored)[:, None] == epochs, axis=0),
    )


def survival(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition, a line an arm: the share of seeds above the threshold of the objective or of the rules."""
    shown = arms(outcome, plot)
    threshold = timed_threshold(outcome, plot)
    titles = conditions(shown)
    figure, axes = panels(titles, style)
    styles = styles_of(outcome, labels(shown))
    rows, spans = [], dict.fromkeys(titles, 0.0)
    for arm in shown:
        found = [time_to(record, threshold) for record in outcome.replicates(arm.name)]
        times = [time for time in found if time.epochs > 0]  # An arm that starts below the threshold has no time.
        if not times:
            continue
        curve = kaplan_meier(times)
        _draw(axes[titles.index(arm.condition)], curve, styles[arm.label], arm.label)
        columns = (curve.epochs, curve.share, curve.low, curve.high, curve.at_risk, curve.arrived, curve.censored)
        rows += [(arm.condition, arm.label, threshold, *row) for row in zip(*columns, strict=True)]
        spans[arm.condition] = max(spans[arm.condition], *curve.epochs)
    more = time_axis(axes, list(spans.values()), min((row[3] for row in rows if row[3] > 0), default=0.0))
    axes[0].set_ylim(0, 1.04)
    value_axis(axes[0], "y", percent)
    label_axes(axes, f"{plot.x or 'epochs'}{more}", plot.y or f"seeds above {percent(threshold)} training error")
    legend(figure, axes)
    caption = (
        f"Share of the {outcome.seeds_of(arm.name for arm in shown)} seeds whose training error has not yet fallen to "
        f"{percent(threshold)}, against epochs: the estimate of Kaplan and Meier, with its pointwise "
        f"{percent(CONFIDENCE)} interval (band; Greenwood's variance, on log(-log)), which is wide for so few seeds. "
        "A tick: a seed that ended without having reached it."
    )
    data = pd.DataFrame(rows, columns=COLUMNS)
    seeds = seeds_text(outcome, plot, data)
    foot = f"Band: pointwise 95 % interval, {seeds} seeds; ticks: seeds that ended above the threshold."
    return Sketch(figure, caption, data, (foot,))


def _draw(ax: Axes, curve: Survival, one: SeriesStyle, label: str) -> None:
    # Steps as corners: a step whose end has no band keeps its own.
    epochs = np.repeat(curve.epochs, 2)[1:]
    share, low, high = (np.repeat(each, 2)[:-1] for each in (curve.share, curve.low, curve.high))
    ax.plot(epochs, share, label=label, **one.line)
    ax.fill_between(epochs, low, high, color=one.color, alpha=0.15, linewidth=0)
    ended = curve.censored > 0
    size = 1.5 * plt.rcParams["lines.markersize"]
    ax.plot(curve.epochs[ended], curve.share[ended], linestyle="none", marker="|", markersize=size, color=one.color)
