"""Who is first at a training error: arms in the form of Figure 1 of Krizhevsky, Sutskever & Hinton 2012."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.estimates import confidence, time_to
from cnn_study.analysis.statistics import Interval, sample_interval
from cnn_study.experiment import Arm, Plot, Published, TimeRatio
from cnn_study.figures.direct import Name, name_lines
from cnn_study.figures.layout import label_axes, panels, wrapped
from cnn_study.figures.quantities import (
    arms,
    comparable,
    conditions,
    labels,
    looked,
    percent,
    published,
    sources,
    timed_threshold,
)
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import PUBLISHED, SeriesStyle, Style, series_styles
from cnn_study.models.complexity import parameters
from cnn_study.results import RunRecord
from cnn_study.spec import Conv, Dense, ModelSpec
from cnn_study.training.search import crossing

LONGEST = 40.0
"""Epochs at which the axis ends at the latest, as in 2012."""
HIGHEST = 0.75
"""Training error at which the axis ends, as in 2012, unless an arm stays above it."""
STEPS = 0.25
"""Training error from one tick to the next."""
ENDS = {"reached": "o", "not reached": "|", "diverged": "x"}
"""Markers of the ends of runs."""
DRAWN = ("solid", "dashed", "dotted")
"""The lines of the first arms, in words."""
SIZES = {"reached": 2.5, "not reached": 5, "diverged": 4}
"""Their sizes, in widths of a line."""
BORROWED = "the borrowed "
"""Stands before a rate that was not searched for the network that has it."""
COLUMNS = ["condition", "label", "series", "learning_rate", "epoch", "train_error", "end"]


@dataclass(frozen=True)
class Entry:
    """An arm that runs.

    Attributes:
        arm: Which.
        records: Its runs, one a seed.
        epochs: When the training error was evaluated.
        median: Of all seeds, then.
    """

    arm: Arm
    records: Sequence[RunRecord]
    epochs: Sequence[float]
    median: Sequence[float]

    @property
    def seeds(self) -> str:
        """How many there are, in words."""
        return f"{len(self.records)} seed{'s' if len(self.records) > 1 else ''}"

    @property
    def rate(self) -> float:
        """Its learning rate."""
        return self.records[0].spec.train.learning_rate


def race(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel a condition: every seed as a thin line that ends where its run ends, the median of an arm in bold."""
    shown = arms(outcome, plot)
    threshold = timed_threshold(outcome, plot)
    titles = conditions(shown)
    figure, axes = panels(titles, style)
    styles = series_styles(labels(shown))
    entries = {title: _entries(outcome, [arm for arm in shown if arm.condition == title]) for title in titles}
    found = {title: _ratios(outcome, entries[title], threshold) for title in titles}
    marks = {title: _published(outcome, title, entries[title]) for title in titles}
    rows = [
        row
        for title, ax in zip(titles, axes, strict=True)
        for row in _draw(ax, entries[title], styles, threshold, style)
    ]
    _limits(axes, entries, marks)
    label_axes(axes, plot.x or "epochs", plot.y or "training error")
    _line(axes, threshold)
    for title, ax in zip(titles, axes, strict=True):
        _mark_ends(ax, entries[title], styles, threshold, style)
    _tell(figure, axes, [found[title] for title in titles], threshold, style)
    engine = figure.get_layout_engine()
    if engine is not None:  # Where names have room is only known once the panels have their sizes.
        engine.execute(figure)
    for title, ax in zip(titles, axes, strict=True):
        _mark(ax, marks[title], styles, threshold, style, named=len(titles) == 1)
        names = [
            Name(f"{each.arm.label} ({each.seeds})", styles[each.arm.label].color, each.epochs, each.median)
            for each in entries[title]
        ]
        name_lines(ax, names, style.small if len(titles) > 1 else style.type_size)
    caption = _caption(outcome, entries, found, marks, threshold)
    foot = f"Thin: every seed to its end; bold: median over seeds. Brackets: 95 % t interval{looked(outcome)}."
    if len(titles) > 1 and any(marks.values()):
        foot += " Open markers: published."
    lent = [title for title in titles if any(each.arm.rate_of for each in entries[title])]
    foot += f" Rates are those of another condition: {'; '.join(lent)}." if lent else ""
    return Sketch(figure, caption, pd.DataFrame(rows, columns=COLUMNS), (foot,))


def _entries(outcome: Outcome, shown: Sequence[Arm]) -> list[Entry]:
    found = [(arm, outcome.replicates(arm.name)) for arm in shown]
    return [Entry(arm, records, *median_curve(records)) for arm, records in found if records]


def median_curve(records: Sequence[RunRecord]) -> tuple[list[float], list[float]]:
    """The median training error at every evaluation, to the first at which it is not above the runs' target.

    A run that has ended keeps its last error: at or below the target, which the median is above. One that has diverged
    has every answer wrong from there on.

    Args:
        records: One a seed.
    """
    curves = [record.curve("train_error") for record in records]
    epochs = sorted({epoch for curve in curves for epoch in curve[0]})
    known = [
        np.interp(epochs, times, [error if math.isfinite(error) else 1.0 for error in errors])
        for times, errors in curves
        if times
    ]
    median = np.median(known, axis=0).tolist() if known else []
    targets = [record.spec.train.target_train_error for record in records]
    target = min((each for each in targets if each is not None), default=-math.inf)
    end = next((place + 1 for place, error in enumerate(median) if error <= target), len(median))
    return epochs[:end], median[:end]


def _draw(
    ax: Axes, entries: Sequence[Entry], styles: Mapping[str, SeriesStyle], threshold: float, style: Style
) -> list[tuple]:
    rows = []
    for each in entries:
        one, about = styles[each.arm.label], (each.arm.condition, each.arm.label)
        for record in each.records:
            epochs, errors = record.curve("train_error")
            ax.plot(epochs, errors, linewidth=0.4 * style.line, alpha=0.5, color=one.color)
            end = _end(record, threshold)
            series = f"seed {record.spec.seeds.init}"
            rows += [(*about, series, each.rate, *point, end) for point in zip(epochs, errors, strict=True)]
        ax.plot(each.epochs, each.median, zorder=3, **one.line)
        rows += [(*about, "median", each.rate, *point, "") for point in zip(each.epochs, each.median, strict=True)]
    return rows


def _mark_ends(
    ax: Axes, entries: Sequence[Entry], styles: Mapping[str, SeriesStyle], threshold: float, style: Style
) -> None:
    """A marker where every run ends, as far as that lies in the panel."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for each in entries:
        for record in each.records:
            points = [point for point in zip(*record.curve("train_error"), strict=True) if math.isfinite(point[1])]
            epoch, error = points[-1] if points else (math.nan, math.nan)
            if left <= epoch <= right and low <= error <= high:
                end = _end(record, threshold)
                color = styles[each.arm.label].color
                size = SIZES[end] * style.line
                ax.plot(epoch, error, ENDS[end], color=color, alpha=0.7, markersize=size, clip_on=False)


def _end(record: RunRecord, threshold: float) -> str:
    """How a run ended, one of the ends."""
    if not time_to(record, threshold).censored:
        return "reached"
    return "diverged" if record.ended == "diverged" else "not reached"


def _longest(entries: Mapping[str, Sequence[Entry]]) -> float:
    """Epochs of the longest run."""
    records = [record for group in entries.values() for each in group for record in each.records]
    return max((epochs[-1] for epochs, _ in (record.curve("train_error") for record in records) if epochs), default=0.0)


def _limits(
    axes: Sequence[Axes], entries: Mapping[str, Sequence[Entry]], marks: Mapping[str, Sequence[Published]]
) -> None:
    """Those of 2012, but no longer than the longest run if no published number is shown, and up to 1 for slow arms."""
    longest = min(_longest(entries), LONGEST)
    axes[0].set_xlim(0, LONGEST if any(marks.values()) or not longest else longest)
    axes[0].xaxis.set_major_locator(MaxNLocator(8 if len(axes) == 1 else 4, integer=True, steps=[1, 2, 5, 10]))
    high = (
        1.0
        if any(min(each.median, default=0) > HIGHEST - STEPS / 2 for group in entries.values() for each in group)
        else HIGHEST
    )
    axes[0].set_ylim(0, high)
    axes[0].set_yticks(np.arange(0, high + STEPS / 2, STEPS))
    axes[0].yaxis.set_major_formatter(lambda value, _: percent(value))


def _line(axes: Sequence[Axes], threshold: float) -> None:
    for ax in axes:
        ax.axhline(threshold, color="0.2", linewidth=0.6)
        # Beside the axis, where no curve can hide it.
        place = (1.01 if len(axes) == 1 else 1.03, threshold)
        ax.annotate(percent(threshold), place, xycoords=("axes fraction", "data"), va="center", color="0.2")


def _tell(
    figure: Figure, axes: Sequence[Axes], found: Sequence[Mapping[str, Interval]], threshold: float, style: Style
) -> None:
    """The ratios of times, between title and panel; the figure grows by what stands above the panels."""
    spec = axes[0].get_subplotspec()
    rows, columns = spec.get_gridspec().get_geometry() if spec else (1, 1)
    room, gap = 0.85 * style.width / columns, "\n" if columns > 1 else " "
    above = 0.0
    for ax, ratios in zip(axes, found, strict=True):
        texts = [f"epochs to {percent(threshold)}, {pair}:{gap}{_ratio_text(each)}" for pair, each in ratios.items()]
        lines = "\n".join(wrapped(text, room, style.small) for text in texts)
        height = 1.3 * style.small * (lines.count("\n") + 1) if lines else 0.0
        ax.set_title(ax.get_title(), pad=height + 0.8 * style.type_size)
        above = max(above, height + 1.3 * style.type_size * ax.get_title().count("\n"))
        ax.annotate(
            lines,
            (0.5, 1),
            (0, 0.5 * style.type_size),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=style.small,
            color="0.2",
        )
    figure.set_figheight(figure.get_figheight() + rows * above / 72)


def _ratio_text(interval: Interval) -> str:
    return "unknown: neither arrived in every seed" if interval.text == "unknown" else interval.text


def _published(outcome: Outcome, condition: str, entries: Sequence[Entry]) -> list[Published]:
    """Where published curves cross the line, under the conditions that rules hold against published numbers.

    An epoch of fewer images has fewer steps: such a number has no place on its axis.
    """
    if outcome.design.proxy or not comparable(outcome, condition):
        return []
    numbers = [number for each in entries for number in published(outcome, each.arm.label, "epochs")]
    return [number for number in numbers if number.value <= LONGEST]


def _mark(
    ax: Axes,
    numbers: Sequence[Published],
    styles: Mapping[str, SeriesStyle],
    threshold: float,
    style: Style,
    *,
    named: bool,
) -> None:
    """The published crossings; in a panel that is wide enough with their names, below the line."""
    for number in numbers:
        ax.plot(
            number.value,
            threshold,
            linestyle="none",
            zorder=5,
            markersize=4 * style.line,
            **styles[number.about].hollow,
        )
        if named:
            ax.annotate(
                f"{number.about}, published:\n{number.text}",
                (number.value, threshold),
                (0, -0.8 * style.type_size),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=style.small,
                color=PUBLISHED,
            )


def _ratios(outcome: Outcome, entries: Sequence[Entry], threshold: float) -> dict[str, Interval]:
    """The ratios of times of arms in a panel that rules are about, by the pair of labels."""
    called = {each.arm.name: each.arm.label for each in entries}
    found: dict[str, Interval] = {}
    for decision in (decision for verdict in outcome.verdicts for decision in verdict.decisions):
        estimate = decision.rule.estimate
        if isinstance(estimate, TimeRatio) and estimate.threshold == threshold and called.keys() >= set(estimate.arms):
            interval, pair = _interval(decision), " / ".join(called[name] for name in estimate.arms)
            # A rule that is decided early keeps its seeds; one that has gone on has those of all curves.
            if interval and (pair not in found or interval.n > found[pair].n):
                found[pair] = interval
    return found


def _interval(decision: Decision) -> Interval | None:
    """The interval of the estimate, whatever the rule asks: several rules about one ratio may use different ones."""
    if decision.sample is None or decision.rule.equivalence:
        return decision.interval
    return sample_interval(decision.sample, confidence(decision.rule, decision.looks))


def _caption(
    outcome: Outcome,
    entries: Mapping[str, Sequence[Entry]],
    ratios: Mapping[str, Mapping[str, Interval]],
    marks: Mapping[str, Sequence[Published]],
    threshold: float,
) -> str:
    line = percent(threshold)
    called = dict.fromkeys(each.arm.label for group in entries.values() for each in group)
    drawn = zip(called, itertools.chain(DRAWN, itertools.repeat("broken")), strict=False)
    shown = " and ".join(f"{label} ({word})" for label, word in drawn)
    text = [
        f"Training error in inference mode{_watched(entries)} against epochs, for {shown}, each at its own best "
        f"learning rate{_borrowed(entries)}. Thin: every seed, to the end of its run: at or below {line} (dot), above "
        "it when its epochs were over (tick), or diverged (cross). Bold: the median over seeds; one that has ended "
        "keeps its last error."
    ]
    longest = _longest(entries)
    if longest > LONGEST:
        text.append(f"Runs go on for up to {longest:g} epochs, beyond the axis.")
    for condition, group in entries.items():
        if not group:
            continue
        text.append(_about(outcome, condition, group, threshold))
        for pair, interval in ratios[condition].items():
            text.append(f"Epochs to {line}, {pair}: {_ratio_text(interval)}.")
    pairs = dict.fromkeys(pair for found in ratios.values() for pair in found)
    if pairs:
        text.append(f"Ratios: geometric mean over seeds with its 95 % t interval{looked(outcome)}.")
        if outcome.design.looks:
            text.append("Where rules about one ratio took different numbers of seeds, that of the most seeds is shown.")
    numbers = [number for pair in pairs for number in published(outcome, pair, "ratio")]
    if numbers:
        texts = "; ".join(f"{number.text} for {number.about}" for number in numbers)
        text.append(f"Published ratio: {texts} ({sources(numbers)}).")
    crossings = list(dict.fromkeys(number for group in marks.values() for number in group))
    if crossings:
        texts = " and ".join(f"{number.text} for {number.about}" for number in crossings)
        text.append(f"Open markers: epochs at which the published curves cross: {texts} ({sources(crossings)}).")
    return " ".join(text)


def _watched(entries: Mapping[str, Sequence[Entry]]) -> str:
    """Of how many images, where these are not all."""
    sizes = {
        record.spec.train.evaluation_size for group in entries.values() for each in group for record in each.records
    }
    watched = [f"{size:,}" for size in sorted(size for size in sizes if size)]
    return f", of the first {' or '.join(watched)} training images," if watched else ""


def _borrowed(entries: Mapping[str, Sequence[Entry]]) -> str:
    """That some have the rate of another condition, where it was searched."""
    lent = any(each.arm.rate_of for group in entries.values() for each in group)
    return f", or, where it says {BORROWED.strip()}, at that of the same unit under another condition" if lent else ""


def _about(outcome: Outcome, condition: str, group: Sequence[Entry], threshold: float) -> str:
    """Network, images, seeds, rates, and where the bold lines cross."""
    arm = group[0].arm
    size, dataset = outcome.design.examples(arm.data), outcome.design.dataset(arm.data).title
    runs = "; ".join(
        f"{each.arm.label} at {BORROWED if each.arm.rate_of else ''}rate {each.rate:g} ({each.seeds}; median "
        f"{_crossing(each, threshold)})"
        for each in group
    )
    network = (
        f"{condition[:1].upper()}{condition[1:]} ({network_text(arm.model)}; {size:,} training images of {dataset})"
    )
    return f"{network}: {runs}."


def _crossing(entry: Entry, threshold: float) -> str:
    time = crossing(list(entry.epochs), list(entry.median), threshold)
    if time is None:
        return f"above {percent(threshold)} for all {entry.epochs[-1]:g} epochs"
    return f"at {percent(threshold)} after {time:.3g} epochs"


def network_text(model: ModelSpec) -> str:
    """How many layers with weights it has, of which kinds, and how many parameters."""
    kinds = {
        "convolutional": sum(isinstance(layer, Conv) and layer.shared for layer in model.layers),
        "locally connected": sum(isinstance(layer, Conv) and not layer.shared for layer in model.layers),
        "dense": sum(isinstance(layer, Dense) for layer in model.layers),
    }
    counted = [f"{count} {kind}" for kind, count in kinds.items() if count]
    listed = " and ".join([", ".join(counted[:-1]), counted[-1]] if len(counted) > 1 else counted)
    plural = "s" if sum(kinds.values()) > 1 else ""
    return f"{listed} layer{plural}, {parameters(model):,} parameters"
