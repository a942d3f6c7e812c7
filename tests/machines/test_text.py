"""Text on its way out: encodings that lack a character, the user's words that look like markup, ends of lines."""

import csv
import io
import logging
import shutil

import pytest
from elsewhere import QUICK, study, study_here
from rich.console import Console

from cnn_study import display, spec
from cnn_study.cli.app import Notices
from cnn_study.execution.events import Lost
from cnn_study.report.summary import insert, marks

BEGIN, END = marks("claims")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.slow),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_stream_that_cannot_say_a_character_gets_another_in_its_place(tmp_path, variables):
    table = study(tmp_path, "claims", "--profile", "quick", "--results", QUICK.parent, **variables).stdout
    told = {words[0]: words[1] for line in table.splitlines() if len(words := line.split()) > 1}
    with (QUICK / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["aspect"] == "direction" and row["adjusted_p"]]
    decided = [row for row in found if row["verdict"] in ("supported", "contradicted")]
    marked = {row["claim"]: f"{row['verdict']}?" for row in decided if float(row["adjusted_p"]) >= 0.05}
    assert marked, "no verdict has the mark that is to be replaced"
    assert marked.items() <= told.items()


def test_paths_in_brackets_are_printed_as_they_are(tmp_path):
    root = tmp_path / "[thesis] :cat: cnn"
    shutil.copytree(QUICK, root / "quick", ignore=shutil.ignore_patterns("figures", "runs.parquet"))
    printed, _ = study_here("claims", "layer_api", "--profile", "quick", "--results", root)
    assert f"results: {root}/quick\n" in printed


def test_notices_of_the_library_are_a_line_each_with_brackets_as_they_are(capsys):
    Notices().handle(logging.makeLogRecord({"msg": "%s: a\nb", "args": ("[thesis] :cat: [/]",)}))
    assert capsys.readouterr().err == "cnn-study: [thesis] :cat: [/]: a\\nb\n"


def test_brackets_in_the_names_of_arms_are_printed_as_they_are():
    printed = io.StringIO()
    shown = display.SuiteDisplay(Console(file=printed, width=200), lambda run: 1, 1, {})
    check = spec.CheckSpec(check="sizes")
    shown(Lost(check, "its worker [/bold] ended"))
    assert printed.getvalue() == f"{check.key}: its worker [/bold] ended; it is tried again\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_what_stands_between_the_marks_is_rewritten(tmp_path, end, mark):
    def text(table):
        return (mark + end.join(["# Grüße", "", BEGIN, *table, END, "a\rb", "last"])).encode()

    file = tmp_path / "r.md"
    file.write_bytes(text(["old"]))
    insert(file, {"claims": "| a |\n| b |"})
    assert file.read_bytes() == text(["| a |", "| b |"])


def test_a_link_to_the_file_stays_a_link(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text(f"{BEGIN}\n{END}\n")
    (tmp_path / "README.md").symlink_to("docs/README.md")
    insert(tmp_path / "README.md", {"claims": "| a |"})
    assert (tmp_path / "README.md").is_symlink()
    assert (tmp_path / "docs" / "README.md").read_text() == f"{BEGIN}\n| a |\n{END}\n"
