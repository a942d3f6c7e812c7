"""Draws the figures an experiment names and writes them as PDF, SVG and PNG, with their data as CSV."""

import multiprocessing
import signal
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt

from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.significance import Key, holm
from cnn_study.errors import ExecutionError, StoreError, StudyError
from cnn_study.figures import claims
from cnn_study.figures.drawing import Drawing, drawing, text_of, without_screen
from cnn_study.figures.files import DIGITS, FILES, FORMATS, base, overview
from cnn_study.figures.fonts import tell_lacking
from cnn_study.figures.layout import unlaid
from cnn_study.figures.saving import save
from cnn_study.figures.style import sized, styled
from cnn_study.files import replace_file
from cnn_study.processes import end_with_parent, startable


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
            _write(drawn, path, styled(sized(style, width), text_of(outcome)), formats)
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
    sizes, text, drawn = sized(style, width), "".join(map(text_of, outcomes)), []
    survives = holm(family or outcomes)
    with without_screen():
        with styled(sizes, text):
            pages = list(claims.claims(outcomes, sizes, folder.name, survives))
        for number, page in enumerate(pages, 1):
            path = overview(folder, style, width, number).with_suffix(_shown(formats))
            _write(Drawing(page.figure, page.caption, page.data), path, styled(sizes, text), formats)
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
    tell_lacking("".join(map(text_of, outcomes)))
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
