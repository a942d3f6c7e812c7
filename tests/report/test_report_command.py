import pytest

from cnn_study import cli, collection
from cnn_study.cli.output import revision
from cnn_study.results import Store


@pytest.fixture
def stored(made_up, monkeypatch, tmp_path):
    """A folder of results with the made-up runs, which the command line finds."""
    experiment, _, records = made_up
    monkeypatch.setattr(collection, "load", lambda names=(): [experiment])
    store = Store(tmp_path / "quick")
    for record in records.values():
        store.add(record)
    return tmp_path


def report(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["report", *map(str, arguments)])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_a_report_is_a_page(capsys, stored):
    assert f"report: {stored / 'quick' / 'report.html'}" in report(capsys, "--results", stored)
    assert not (stored / "quick" / "latex").exists()
    assert (stored / "quick" / "verdicts.csv").read_text().splitlines()[1].startswith("made_up,faster,direction,")
    page = (stored / "quick" / "report.html").read_text()
    assert page.count("<img ") == 3
    assert revision() in page


def test_tables_for_a_paper_are_written_when_asked_for(capsys, stored):
    output = report(capsys, "--results", stored, "--latex")
    written = {path.name for path in (stored / "quick" / "latex").iterdir()}
    assert written == {"claims.tex", "made-up.tex", "numbers.tex", "references.bib"}
    assert output.count("latex: ") == len(written)
