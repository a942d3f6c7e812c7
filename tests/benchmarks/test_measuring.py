"""What the benchmarks make of their values: intervals, goals, tables, and a file that holds all of it."""

import io
import statistics
import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks.measuring import Measurement, Report, at_least, at_most, coverage, interleaved, interval, ratios
from benchmarks.table import cells, lines, show
from cnn_study.errors import ExecutionError, InputError


def row(*values, **fields):
    return Measurement(**{"section": "s", "name": "n", "unit": "s", "values": values, **fields})


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 1), (5, 1), (6, 1), (6, 2), (9, 2)])
def test_coverage_is_that_of_all_ways_in_which_values_lie_about_the_median(n, k):
    outcomes = [sum(signs) for signs in product((0, 1), repeat=n)]  # How many values lie below the median.
    held = sum(k <= below <= n - k for below in outcomes)
    assert coverage(n, k) == pytest.approx(held / 2**n if n > 1 else 0)


def test_the_interval_is_the_range_of_few_values_and_narrower_with_many():
    assert interval([3, 1, 2]) == (1, 3)
    assert interval([float(i) for i in range(6)]) == (0, 5)
    low, high = interval([float(i) for i in range(20)])
    assert (low, high) == (5, 14)
    assert coverage(20, 6) >= 0.95 > coverage(20, 7)


def test_actions_are_interleaved_forward_and_backward():
    done = []
    actions = {name: lambda name=name: done.append(name) or len(done) for name in "ab"}
    assert interleaved(actions, 3) == {"a": (1, 4, 5), "b": (2, 3, 6)}
    assert "".join(done) == "abbaab"


def test_a_goal_is_judged_by_the_median():
    assert row(1, 2, 9, goal=at_least(2)).met is True
    assert row(1, 2, 9, goal=at_most(1.9)).met is False
    assert row(1.0).met is None
    assert row(goal=at_least(1), missing="not installed: pip install x").met is None


def test_ratios_are_those_within_a_repetition():
    assert ratios((2, 9), (1, 3)) == (2, 3)
    with pytest.raises(ValueError, match="zip"):
        ratios((1,), (1, 2))


def test_a_report_is_read_as_it_was_written(tmp_path):
    rows = (row(1.5, 2.5, goal=at_least(2), shares=(0.5, 0.7)), row(missing="not there"))
    report = Report({"cores": "2"}, {"python": "3"}, rows)
    report.write(tmp_path / "folder" / "x.json")
    assert Report.read(tmp_path / "folder" / "x.json") == report


def test_the_table_shows_medians_intervals_shares_goals_and_what_is_missing():
    values = (1200.0, 1400.0, 1300.0)
    found = cells(row(*values, unit="images/s", shares=(0.6, 0.8, 0.7), goal=at_least(1250)))
    assert found == (
        "n",
        f"{statistics.median(values):,.0f}",
        "1,200 to 1,400 (3)",
        "images/s",
        "70 %",
        ">= 1,250: reached",
    )
    missing = row(name="PyTorch", missing="not installed: pip install torch")
    report = Report({"cores": "2"}, {"python": "3"}, (row(*values), missing, replace(missing, section="t")))
    text = [line.plain for line in lines(report)]
    assert text[:2] == ["cores 2", "python 3"]
    assert sum(line.strip() == "not installed: pip install torch" for line in text) == 2
    assert text.index("\ns") < text.index("\nt")
    assert text[-1].endswith("holds the median in 75 % of all cases.")
    console = Console(width=80, record=True, file=io.StringIO())
    show(report, console)
    assert "1,200 to 1,400 (3)" in console.export_text()


# --- the command line ---


def test_rows_are_chosen_by_group_or_name():
    everything = [name for group, names in program.ROWS.items() if group != "long" for name in names]
    assert list(program.wanted("a,b,c")) == everything
    assert list(program.wanted("long")) == ["whole", "cluster", "clients"]
    assert list(program.wanted("probes, a")) == ["probes", "conv", "dense"]
    with pytest.raises(InputError, match="unknown row 'prboes'; did you mean 'probes'"):
        program.wanted("prboes")


def test_what_fails_stops_nothing_else_and_is_said(tmp_path):
    def fail(settings):
        yield row(2.0)
        assert [each.values for each in Report.read(tmp_path / "x.json").measurements] == [(2.0,)]
        raise ExecutionError("it is broken")

    settings = program.Settings(1, 1.0, tmp_path)
    found = program.measured({"bad": fail, "good": lambda s: iter([row(1.0)])}, settings, tmp_path / "x.json")
    assert [(each.name, each.missing) for each in found.measurements] == [("n", ""), ("bad", "it is broken"), ("n", "")]
    assert Report.read(tmp_path / "x.json") == found


def ask(*arguments):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("content", ["[1]", "{}", "no JSON", '{"measurements": [1]}'])
def test_another_file_is_told(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match="was not written by `python -m benchmarks --json`"):
        Report.read(tmp_path / "x.json")


def test_the_program_shows_what_a_file_holds_and_says_what_is_wrong_in_a_line(tmp_path):
    Report({"cores": "2"}, {"python": "3"}, (row(1.0),)).write(tmp_path / "x.json")
    shown = ask("--show", str(tmp_path / "x.json"))
    assert shown.returncode == 0
    assert "cores 2" in shown.stdout
    wrong = ask("--rows", "nothing")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("benchmarks: unknown row 'nothing'")
    assert wrong.stderr.count("\n") == 1
