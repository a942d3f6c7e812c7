"""The page on faults names tests that exist, and all the tests that inject faults."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "faults.md"


def test_every_named_test_exists():
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^def {test}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"


def test_every_row_names_a_test():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    rows = [row for row in rows if not re.match(r"\| fault |\|---", row)]
    assert len(rows) > 20
    assert [row for row in rows if "::test_" not in row.rsplit("|", 2)[1]] == []


def test_every_test_of_this_folder_is_named():
    page = PAGE.read_text(encoding="utf-8")
    inner = {"test_full_while_a_run_is_stored", "test_full_while_runs_are_merged"}  # Parts of what a suite does.
    for file in Path(__file__).parent.glob("test_*.py"):
        for test in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert file.name == Path(__file__).name or test in inner or f"{file.name}::{test}`" in page, test
