"""Training error against epochs, after Figure 1 of Krizhevsky, Sutskever & Hinton 2012."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.statistics import mean_interval
from cnn_study.experiment import Published, TimeToTrainError
from cnn_study.figures.style import Style, look


def training_curves(outcome: Outcome, style: Style) -> tuple[Figure, str, pd.DataFrame]:
    """A panel a condition: mean training error over seeds with its interval, every seed as a thin line."""
    conditions = outcome.design.conditions
    figure, axes = plt.subplots(
        1, len(conditions), figsize=(style.width, 0.5 * style.width), sharex=True, sharey=True, squeeze=False
    )
    looks = look(list(dict.fromkeys(arm.label for arm in outcome.design.arms)))
    tables = [_panel(ax, outcome, condition, looks) for ax, condition in zip(axes[0], conditions, strict=True)]
    objective = outcome.design.search.objective
    if isinstance(objective, TimeToTrainError):
        for ax in axes[0]:
            _published(ax, outcome, objective, looks)
    axes[0, 0].set_ylabel("training error")
    axes[0, 0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes[0, 0].set_ylim(0, 1)
    axes[0, 0].set_xlim(left=0)
    for ax in axes[0]:
        ax.set_xlabel("epochs")
    # The first panel may lack a label that was never tried there, so the handles come from all of them.
    handles = {label: handle for ax in axes[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    seeds = len(outcome.design.seeds)
    sources = "; ".join(dict.fromkeys(number.source for number in crossings(outcome)))
    caption = (
        "Training error in inference mode against epochs, each unit at its own best learning rate: "
        f"mean of {seeds} seeds while all of them run, with its 95 % t interval (band), and every seed (thin lines)."
    )
    if sources:
        caption += f" Open markers: where the published curves cross the line ({sources}; all images, other rates)."
    return figure, caption, pd.concat(tables)


def _panel(ax: Axes, outcome: Outcome, condition: str, looks: dict[str, dict]) -> pd.DataFrame:
    rows = []
    for arm in outcome.design.arms:
        records = outcome.replicates(arm.name)
        if arm.condition != condition or not records:
            continue
        curves = [dict(zip(*record.curve("train_error"), strict=True)) for record in records]
        color, dashes = looks[arm.label]["color"], looks[arm.label]["dashes"]
        for curve in curves:
            ax.plot(list(curve), list(curve.values()), color=color, linewidth=0.4, alpha=0.6)
        epochs = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
        intervals = [mean_interval([curve[epoch] for curve in curves]) for epoch in epochs]
        means = [interval.estimate for interval in intervals]
        lows, highs = [interval.low for interval in intervals], [interval.high for interval in intervals]
        (line,) = ax.plot(epochs, means, color=color, label=arm.label)
        if dashes:
            line.set_dashes(dashes)
        if len(records) > 1:
            ax.fill_between(epochs, lows, highs, color=color, alpha=0.2, linewidth=0)
        rate = outcome.tuned[arm.name].search.rate
        rows += [
            (
                arm.condition,
                arm.label,
                rate,
                epoch,
                interval.estimate,
                interval.low,
                interval.high,
                interval.n,
            )
            for epoch, interval in zip(epochs, intervals, strict=True)
        ]
    ax.set_title(condition)
    columns = ["condition", "unit", "learning_rate", "epoch", "mean_train_error", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def _published(ax: Axes, outcome: Outcome, objective: TimeToTrainError, looks: dict[str, dict]) -> None:
    """The threshold, and where the published curves cross it."""
    ax.axhline(objective.threshold, color="0.2", linewidth=0.8, linestyle=":")
    # Beside the axis, where no curve can hide it.
    ax.annotate(
        f"{100 * objective.threshold:g} %",
        (1.01, objective.threshold),
        xycoords=("axes fraction", "data"),
        va="center",
        color="0.2",
    )
    for number in crossings(outcome):
        ax.plot(
            number.value,
            objective.threshold,
            marker=looks[number.about]["marker"],
            markerfacecolor="white",
            markeredgecolor=looks[number.about]["color"],
            linestyle="none",
            zorder=5,
            clip_on=False,
            label=f"{number.about}, published: {number.text}",
        )


def crossings(outcome: Outcome) -> list[Published]:
    """The published numbers that are times of a single arm."""
    labels = {arm.label for arm in outcome.design.arms}
    return [number for claim in outcome.experiment.claims for number in claim.published if number.about in labels]
