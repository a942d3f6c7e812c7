"""The page on other people's machines names tests that exist, and all the tests of this folder."""

from pathlib import Path

from pages import defined_in, named, rows

HERE = Path(__file__).parent
NAMED = {place for row in rows("machines.md") for place in named(row)}


def test_every_named_test_exists():
    assert len(NAMED) > 40
    places = [place.split("::") for place in NAMED]
    assert [f"{file}::{test}" for file, test in places if test not in defined_in(HERE / file)] == []


def test_every_test_is_named():
    files = [file for file in HERE.glob("test_*.py") if file.name != Path(__file__).name]
    assert {f"{file.name}::{test}" for file in files for test in defined_in(file)} - NAMED == set()
