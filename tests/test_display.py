import io
from dataclasses import replace

import pytest
from conftest import made_up_check, made_up_design, made_up_record
from rich.console import Console

from cnn_study.display import SuiteDisplay
from cnn_study.execution.events import Begun, Failed, Finished, Lost, Progressed, Waiting
from cnn_study.execution.forecast import ImageCounts
from cnn_study.execution.plan import CheckRequest, Request
from cnn_study.execution.suite import Queued
from cnn_study.results import Point
from cnn_study.spec import CheckSpec

ARM = made_up_design().arms[0]
RUN = ARM.run(0.01, 1)
CHECK = CheckSpec(check="sizes")


@pytest.fixture
def display():
    """A display that has queued a run and a check, and what it has printed."""
    printed = io.StringIO()
    shown = SuiteDisplay(Console(file=printed, width=120), lambda run: ImageCounts(100, 50), 2, {})
    shown(Queued(Request(ARM, "replicate", RUN)))
    shown(Queued(CheckRequest(CHECK)))
    return shown, printed


def live(display):
    """What a terminal would show."""
    console = Console(width=120)
    with console.capture() as captured:
        console.print(display._render())
    return captured.get()


def test_ends_are_told_by_the_names_of_arms_and_checks(display):
    shown, printed = display
    shown(Finished(made_up_record(RUN)))
    shown(Finished(made_up_check(CHECK, 8, 7)))
    first, second = printed.getvalue().splitlines()
    assert first.startswith("relu, plain (seed 1, rate 0.01): reached its target after 5 epochs, training error")
    assert second == "check sizes: 7 of 8 cases agree (0.5 s)"


def test_a_quiet_display_has_no_lines_for_finished_runs_but_tells_failures():
    printed = io.StringIO()
    shown = SuiteDisplay(Console(file=printed), lambda run: ImageCounts(100, 50), 2, {}, quiet=True)
    shown(Finished(made_up_record(RUN)))
    assert printed.getvalue() == ""
    shown(Failed(RUN, "ValueError: no"))
    assert "failed; ValueError: no" in printed.getvalue()


def test_what_workers_are_at_is_shown_until_it_ends(display):
    shown, _ = display
    shown(Begun(CHECK))
    shown(Begun(RUN))
    assert "check sizes\n" in live(shown).replace(" " * 3, "").replace(" \n", "\n")
    shown(Progressed(RUN, Point("train_error", 5, 0.5, 0.25)))
    assert "relu, plain (seed 1, rate 0.01): epoch 0.5 of 20, training error 25.0 %" in live(shown)
    assert "0/2" in live(shown)
    shown(Finished(made_up_record(RUN)))
    shown(Failed(CHECK, "ValueError: no"))
    assert "epoch" not in live(shown)
    assert "2/2" in live(shown)


def test_lost_and_failed_jobs_are_told(display):
    shown, printed = display
    shown(Waiting("the cluster has no free CPU"))
    shown(Begun(RUN))
    shown(Lost(RUN, "its worker ended with signal 9"))
    shown(Failed(CHECK, "ValueError: no"))
    assert printed.getvalue().splitlines() == [
        "the cluster has no free CPU",
        "relu, plain (seed 1, rate 0.01): its worker ended with signal 9; it is tried again",
        "check sizes: failed; ValueError: no",
    ]


def test_the_time_left_is_judged_by_finished_runs(display):
    """Three runs of 2,000 seconds each are left to two workers, at the pace of those that are finished."""
    shown, _ = display
    finished = [replace(made_up_record(ARM.run(0.01, seed), lambda _: 1000.0), seconds=2000.0) for seed in (7, 8, 9)]
    for record in finished:
        shown(Queued(Request(ARM, "replicate", record.spec)))
    for seed in (2, 3):
        shown(Queued(Request(ARM, "replicate", ARM.run(0.01, seed))))
    for record in finished[:2]:
        shown(Finished(record))
        assert "left" not in live(shown)
    shown(Finished(finished[2]))
    assert "at most 50 min left" in live(shown)
