"""The page on other people's machines names tests that exist, and all the tests of this folder."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "explanation" / "machines.md").read_text(encoding="utf-8")


def defined_in(file):
    """The tests of a file, but those that are expected to fail."""
    text = re.sub(r"@pytest\.mark\.xfail.*\ndef test_", "", file.read_text(encoding="utf-8"))
    return re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)


def test_every_named_test_exists():
    named = re.findall(r"`(\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 40
    assert [f"{file}::{test}" for file, test in named if test not in defined_in(HERE / file)] == []


def test_every_test_is_named():
    files = [file for file in HERE.glob("test_*.py") if file.name != Path(__file__).name]
    names = [f"{file.name}::{test}`" for file in files for test in defined_in(file)]
    assert [name for name in names if name not in PAGE] == []
