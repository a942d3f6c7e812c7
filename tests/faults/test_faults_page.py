"""The page on faults names tests that exist, and all the tests that inject faults."""

from pathlib import Path

from pages import TESTS, defined_in, named, rows

ROWS = rows("faults.md")
INNER = {"test_full_while_a_run_is_stored", "test_full_while_runs_are_merged"}
"""Parts of what a suite does, which the page names instead."""


def test_every_row_names_tests_that_exist():
    assert len(ROWS) > 20
    assert [row for row in ROWS if not named(row)] == []
    places = [place.split("::") for row in ROWS for place in named(row)]
    assert [f"{file}::{test}" for file, test in places if test not in defined_in(TESTS / file)] == []


def test_every_test_of_this_folder_is_named():
    files = [file for file in Path(__file__).parent.glob("test_*.py") if file.name != Path(__file__).name]
    tests = {f"faults/{file.name}::{test}" for file in files for test in defined_in(file) if test not in INNER}
    assert tests - {place for row in ROWS for place in named(row)} == set()
