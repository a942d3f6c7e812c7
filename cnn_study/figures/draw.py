"""Draws the figures an experiment names and writes them as PDF, SVG and PNG, with their data as CSV."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cnn_study.analysis.decisions import Outcome, from_to
from cnn_study.analysis.significance import Key, holm
from cnn_study.errors import ExecutionError, StoreError, StudyError
from cnn_study.experiment import Arm, Plot
from cnn_study.experiment.metric import PERCENTILES, named
from cnn_study.experiment.plot import KINDS
from cnn_study.experiment.strict import READABLE
from cnn_study.figures import (
    claims,
    curves,
    distributions,
    effects,
    exact,
    filters,
    forest,
    layers,
    levels,
    multiverse,
    outcomes,
    pictures,
    race,
    rates,
    ratios,
    survival,
)
from cnn_study.figures.files import DIGITS, FILES, FORMATS, base, overview
from cnn_study.figures.fonts import tell_lacking
from cnn_study.figures.layout import note, settle, unlaid
from cnn_study.figures.quantities import (
    LEFT_OUT_TEXT,
    SCALES_TEXT,
    STRAY_TEXT,
    TIMES_TEXT,
    UNCORRECTED_TEXT,
    arms,
    looked,
)
from cnn_study.figures.saving import save
from cnn_study.figures.style import PUBLISHED, Style, sized, styled
from cnn_study.files import replace_file
from cnn_study.processes import end_with_parent, startable


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


Draw = Callable[..., tuple[Figure, str, pd.DataFrame]]
FIGURES: Mapping[str, Draw] = {
    "training_curves": curves.training_curves,
    "history": curves.history,
    "race": race.race,
    "time_ratios": ratios.time_ratios,
    "rate_search": rates.rate_search,
    "outcomes": outcomes.outcomes,
    "effects": effects.effects,
    "multiverse": multiverse.multiverse,
    "forest": forest.forest,
    "survival": survival.survival,
    "dose": levels.dose,
    "family": levels.family,
    "layers": layers.layers,
    "over_time": layers.over_time,
    "filters": filters.filters,
    "patches": pictures.patches,
    "pooled_maps": pictures.pooled_maps,
    "percentiles": distributions.percentiles,
    "histograms": distributions.histograms,
    "wandering": pictures.wandering,
    "agreement": exact.agreement,
    "costs": exact.costs,
    "table": exact.table,
    "visibility": exact.visibility,
}
"""Every kind of figure and what draws it; the docstrings say how each reads the fields of its plot."""

JUDGED = ("effects", "multiverse", "forest")
"""Kinds that show verdicts: they take ``survives`` too."""
EXACT = ("agreement", "costs", "table", "visibility")
"""Kinds that show exact checks, which need no images."""
BAND = "Line and band: {mean} and 95 % t interval, {seeds} seeds"
BARS = "Bars: 95 % t interval of the {mean}, {seeds} seeds{dots}"
AGREED = "The {seeds} seeds of every point agree: there is no interval to draw"
DOTS = "; dots: seeds, where few or far apart"
RANGE = "Shaded: supports the claim. Bars: 95 % t interval (equivalence: 90 %){looked}, {seeds} seeds."
ONE_SEED = "Networks of one seed: examples, without an interval."
LATE = " (where no rate arrived, by its training error); arrow: not reached within so many epochs"
"""What the foot of the search for a time says of runs that never got there."""

FEET: Mapping[str, str] = {
    "training_curves": BAND + "; thin: every seed.",
    "race": "Thin: every seed to its end; bold: median over seeds. Brackets: 95 % t interval{looked}.",
    "history": BAND + "; thin: every seed.",
    "over_time": BAND + ".",
    "layers": "Bars, bands: 95 % t interval of the {mean}, {seeds} seeds.",
    "dose": "{bars}.",
    "family": "{bars}.",
    "outcomes": "Bars: 95 % t interval of the {mean}, {seeds} seeds; dots: seeds.",
    "effects": RANGE,
    "time_ratios": "Colored: 95 % t interval{looked}, which decides; gray: bootstrap interval. Arrow: at least so "
    "much.",
    "multiverse": multiverse.SIGNS_TEXT + ". Brackets: 95 % t interval{looked}, {seeds} seeds.",
    "forest": "Bars: 95 % t interval, {seeds} seeds; gray: one condition, colored: the average, which decides.",
    "survival": "Band: pointwise 95 % interval, {seeds} seeds; ticks: seeds that ended above the threshold.",
    "rate_search": "{searched} a rate. Ring: chosen{late}; cross: diverged.",
    "percentiles": f"Line: median over images; band: {PERCENTILES[0]}th to {PERCENTILES[2]}th percentile. {ONE_SEED}",
    "histograms": f"Dark: near the input, light: near the output. {ONE_SEED}",
    "filters": f"Every picture on its own scale; gray: 0, where there are values of both signs. {ONE_SEED}",
    "patches": f"Black at the side of a patch: beyond the border of the image. {ONE_SEED}",
    "pooled_maps": f"Percent: size of the difference, relative to the picture as it is. {ONE_SEED}",
    "wandering": "One image. Bold: the first seed, as in the pictures; thin: three others.",
    "agreement": "{exact}",
    "costs": "{exact}",
    "table": "{exact}",
    "visibility": "{exact}",
}
"""What stands below a figure of a kind: what is drawn, and of how many seeds."""


ROOM = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
"""How many times as wide as its style a figure may become that would be too high for it: of slides."""


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
    with _without_screen(), styled(sizes, _text(outcome)):
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
    more = {"survives": survives} if plot.kind in JUDGED else {}
    figure, caption, data = FIGURES[plot.kind](outcome, plot, sizes, **more)
    if data.empty:
        figure.text(0.5, 0.5, "not measured", ha="center", color=PUBLISHED)
    mean = "geometric mean" if ("x" if plot.kind == "outcomes" else "y") in plot.logarithmic else "mean"
    dotted = any(line.get_marker() == "." for ax in figure.axes for line in ax.lines)
    terms = {
        "seeds": _seeds(outcome, plot, data),
        "looked": looked(outcome),
        "mean": mean,
        "searched": rates.searched(outcome.design.search),
        "late": LATE if outcome.design.sought is not None else "",
        "dots": DOTS if dotted else "",
        "exact": exact.foot(outcome, plot) if plot.kind in EXACT else "",
    }
    if plot.kind in ("dose", "family"):
        terms["bars"] = (AGREED if levels.agreed(data) else BARS).format(**terms)
    foot = [FEET.get(plot.kind, "").format(**terms)]
    told = (
        STRAY_TEXT,
        LEFT_OUT_TEXT,
        SCALES_TEXT,
        TIMES_TEXT,
        effects.DOTTED_TEXT,
        effects.MADE_BY_TEXT,
        UNCORRECTED_TEXT,
    )
    foot += [text for text in told if text in caption]
    if outcome.design.proxy and plot.kind not in EXACT:
        proxy = f"A proxy: {outcome.design.proxy}."
        caption += f" {proxy}"
        if "ublished" in caption:
            caption += " Published numbers are for all images: not comparable in size."
        foot.append(proxy)
    elif plot.kind not in EXACT and (trained := _trained(outcome, plot)):
        caption += f" {trained}"
        foot.append(trained)
    text = " ".join(filter(None, foot))
    if text:
        note(figure, text, sizes)
    settle(figure)
    return Drawing(figure, caption, data)


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


def _seeds(outcome: Outcome, plot: Plot, data: pd.DataFrame) -> str:
    """How many seeds a figure shows, for people: as its data tell, or else those of its arms."""
    numbers = data["seeds"].dropna() if "seeds" in data else []
    if not len(numbers):
        return outcome.seeds_of(arm.name for arm in arms(outcome, plot))
    return from_to([int(number) for number in numbers])


@contextmanager
def _without_screen() -> Iterator[None]:
    """Draw into files, and leave matplotlib as it was: a notebook goes on to show its own figures."""
    before = mpl.get_backend(auto_select=False)
    mpl.use("Agg")
    try:
        yield
    finally:
        if before:
            mpl.use(before)


def _text(outcome: Outcome) -> str:
    """All that may be written in the figures of an experiment."""
    return repr((outcome.design, outcome.experiment.title, outcome.experiment.claims, outcome.experiment.plots))


@dataclass(frozen=True)
class Drawn:
    """What has become of a figure.

    Attributes:
        path: Its PNG file.
        problem: Why it could not be drawn; empty if it is there.
    """

    path: Path
    problem: str = ""


def draw(
    outcome: Outcome,
    folder: Path,
    style: str = "paper",
    *,
    width: float | None = None,
    formats: Sequence[str] = FILES,
    survives: Mapping[Key, bool] = MappingProxyType({}),
) -> list[Drawn]:
    """Draw all figures of an experiment that its runs are there for. One that cannot be drawn does not stop the others.

    Args:
        outcome: What it has found.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``. Slides get a name of their own.
        width: In inches, one of :data:`~cnn_study.figures.style.WIDTHS`, which the names of the files tell.
        formats: Which of :data:`~cnn_study.figures.files.FILES` to write; the caption is always written.
        survives: Which verdicts survive the correction for all tests; the others get a mark.

    Raises:
        StoreError: A file cannot be written.
    """
    found = []
    for plot in outcome.plots:
        path = base(outcome, folder, plot, style, width).with_suffix(_shown(formats))
        try:
            drawn = drawing(outcome, plot, style, width=width, survives=survives)
            _write(drawn, path, styled(sized(style, width), _text(outcome)), formats)
            found.append(Drawn(path))
        except StoreError:
            raise
        except Exception as error:
            plt.close("all")
            found.append(Drawn(path, _reason(error)))
    return found


def draw_overview(
    outcomes: Sequence[Outcome],
    folder: Path,
    style: str = "paper",
    *,
    width: float | None = None,
    formats: Sequence[str] = FILES,
    family: Sequence[Outcome] = (),
) -> list[Drawn]:
    """Draw all claims at a glance; for slides in as many figures as it takes.

    Args:
        outcomes: What the experiments have found.
        folder: See :func:`draw`.
        style: See :func:`draw`.
        width: See :func:`draw`.
        formats: See :func:`draw`.
        family: See :func:`draw_all`.

    Raises:
        StoreError: A file cannot be written.
    """
    sizes, text, drawn = sized(style, width), "".join(map(_text, outcomes)), []
    survives = holm(family or outcomes)
    with _without_screen():
        with styled(sizes, text):
            pages = list(claims.claims(outcomes, sizes, folder.name, survives))
        for number, page in enumerate(pages, 1):
            path = overview(folder, style, width, number).with_suffix(_shown(formats))
            _write(Drawing(*page), path, styled(sizes, text), formats)
            drawn.append(Drawn(path))
    return drawn


def _shown(formats: Sequence[str]) -> str:
    """The suffix of the file of a figure that is told."""
    return f".{formats[0]}" if formats != FILES else ".png"


def _write(drawn: Drawing, path: Path, style: AbstractContextManager[None], formats: Sequence[str]) -> None:
    """The files of a figure: in some formats, with its caption."""
    with style, unlaid():
        dots = mpl.rcParams["savefig.dpi"] / drawn.room
        for suffix in (suffix for suffix in formats if suffix in FORMATS):
            replace_file(path.with_suffix(f".{suffix}"), partial(save, drawn.figure, suffix=suffix, dots=dots))
    plt.close(drawn.figure)
    if "csv" in formats:
        replace_file(
            path.with_suffix(".csv"),
            lambda file: drawn.data.to_csv(file, index=False, lineterminator="\n", float_format=DIGITS),
        )
    replace_file(path.with_suffix(".txt"), lambda file: file.write_text(drawn.caption + "\n", encoding="utf-8"))


def _reason(error: Exception) -> str:
    """What went wrong, in one line; with its place in the code if it is no error that a user can mend."""
    message = (str(error).strip().splitlines() or ["without a message"])[0]
    if isinstance(error, StudyError):
        return message
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {message} ({Path(place.filename).name}, line {place.lineno})"


def draw_all(
    outcomes: Sequence[Outcome],
    folder: Path,
    style: str = "paper",
    processes: int = 1,
    *,
    width: float | None = None,
    formats: Sequence[str] = FILES,
    family: Sequence[Outcome] = (),
) -> Iterator[list[Drawn]]:
    """Draw all figures of several experiments, so many experiments at a time. The files are the same, however many.

    Args:
        outcomes: What they have found.
        folder: Of the results; the files go to ``figures`` in it.
        style: ``paper`` or ``slides``.
        processes: How many draw.
        width: See :func:`draw`.
        formats: See :func:`draw`.
        family: What all experiments have found, for whose tests together verdicts are corrected; empty: these.

    Returns:
        What has become of the figures of every experiment, in their order.

    Raises:
        ExecutionError: A process was killed.
    """
    processes = min(processes, len(outcomes))
    one = partial(draw, folder=folder, style=style, width=width, formats=formats, survives=holm(family or outcomes))
    tell_lacking("".join(map(_text, outcomes)))
    if processes < 2:
        yield from (one(outcome) for outcome in outcomes)
        return
    # Fresh processes: in a copy of this one, threads of other libraries could have left locks that nobody opens.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        with startable():
            waiting = [pool.submit(one, _for_others(outcome)) for outcome in outcomes]
        for future in waiting:
            yield future.result()
    except BrokenProcessPool:
        raise ExecutionError(
            "a process that draws figures was killed: memory may be short; draw again with `cnn-study figures`"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches these processes too: end without a word.
    end_with_parent()


def _for_others(outcome: Outcome) -> Outcome:
    """What other processes need of it: no runs of other experiments."""
    return replace(outcome, stored=outcome.runs)
