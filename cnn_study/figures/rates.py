"""What the search for the learning rate has found: how fast each arm is at each rate."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome
from cnn_study.figures.style import Style, look


def rate_search(outcome: Outcome, style: Style) -> tuple[Figure, str, pd.DataFrame]:
    """A panel a condition: the score of every rate that was tried, the chosen one ringed."""
    conditions = outcome.design.conditions
    figure, axes = plt.subplots(
        1, len(conditions), figsize=(style.width, 0.42 * style.width), sharex=True, sharey=True, squeeze=False
    )
    looks = look(list(dict.fromkeys(arm.label for arm in outcome.design.arms)))
    rows = []
    for arm in outcome.design.arms:
        if arm.name not in outcome.tuned:
            continue
        ax = axes[0, conditions.index(arm.condition)]
        search, style_of = outcome.tuned[arm.name].search, looks[arm.label]
        reached = [trial for trial in search.trials if trial.score[0] == 0]
        late = [trial for trial in search.trials if trial.score[0] == 1]
        diverged = [trial for trial in search.trials if trial.score[0] == 2]
        color, marker = style_of["color"], style_of["marker"]
        (line,) = ax.plot(
            [t.rate for t in reached],
            [t.score[1] for t in reached],
            color=color,
            marker=marker,
            label=arm.label,
        )
        if style_of["dashes"]:
            line.set_dashes(style_of["dashes"])
        ax.plot([t.rate for t in late], [t.spec.train.epochs for t in late], "2", color=color, markersize=9)
        ax.plot([t.rate for t in diverged], [0.5] * len(diverged), "x", color=color)
        chosen = [trial.score[1] for trial in reached if trial.rate == search.rate]
        ax.plot([search.rate] * len(chosen), chosen, "o", markersize=11, markerfacecolor="none", color=color)
        for trial in search.trials:
            kind = ("reached", "not reached", "diverged")[trial.score[0]]
            epochs = trial.score[1] if kind == "reached" else trial.spec.train.epochs
            rows.append((arm.condition, arm.label, trial.rate, kind, epochs, trial.rate == search.rate))
    for ax, condition in zip(axes[0], conditions, strict=True):
        ax.set_xscale("log", base=10)
        ax.set_title(condition)
        ax.set_xlabel("learning rate")
        ax.set_ylim(bottom=0)
    axes[0, 0].set_ylabel(outcome.design.search.objective.text)
    handles = {label: handle for ax in axes[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4)
    caption = (
        f"Search for the learning rate with one seed: {outcome.design.search.objective.text} at every rate tried. "
        "Ring: the chosen rate. Three-pointed marks: not reached within the epochs the run was given (a rate is given "
        "no more than the best one has needed). Crosses on the axis: diverged."
    )
    columns = ["condition", "unit", "learning_rate", "result", "epochs", "chosen"]
    return figure, caption, pd.DataFrame(rows, columns=columns)
