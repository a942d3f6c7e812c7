"""What the report says of results at the scale of the publications, beside those of a smaller profile."""

from dataclasses import replace

import pytest
from conftest import complete, made_up_design, made_up_experiment

from cnn_study.analysis.decisions import evaluate
from cnn_study.cli.reading import at_scale
from cnn_study.experiment import Setting
from cnn_study.figures.draw import draw
from cnn_study.report.findings import Findings
from cnn_study.report.page import write_page
from cnn_study.results import Store

QUICK = Setting("quick")


@pytest.fixture
def small(made_up):
    return evaluate(*made_up)


@pytest.fixture
def whole():
    """The same experiment at the scale of the publications, where sizes are judged."""
    design = made_up_design(published=True)
    return evaluate(made_up_experiment(), design, complete(design))


def text(folder, small, scale):
    return " ".join(write_page([small], folder, QUICK, scale=scale).read_text().split())


def test_a_page_leads_with_the_results_at_scale(tmp_path, small, whole):
    draw(whole, tmp_path / "full")
    page = text(tmp_path / "quick", small, Findings((whole,), tmp_path / "full"))
    assert "On more images: 1 of 1 claim holds." in page
    assert "1 of 1 experiments have been run there so far" in page
    assert '<td data-label="holds in full"><span class="supported">supported</span>' in page
    magnitude = next(each for each in whole.verdicts if each.aspect == "magnitude")
    assert f'<strong>In full, magnitude.</strong> <span class="{magnitude.verdict}">' in page
    assert 'id="figure-full-made_up-training_curves"' in page
    assert 'href="../full/figures/made_up-training_curves.pdf"' in page
    assert (tmp_path / "quick" / "../full/figures/made_up-training_curves.pdf").is_file()


def test_without_such_results_a_page_says_nothing_of_them(tmp_path, small):
    assert "in full" not in text(tmp_path, small, Findings())


def test_what_is_not_finished_is_told_so_far(small, whole):
    claim = small.experiment.claims[0]
    assert Findings((whole,)).direction("made_up", claim) == ("supported", "")
    assert Findings((whole,)).direction("another", claim) is None
    first, second = whole.verdicts[0].decisions
    decisions = (first, replace(second, runs=(), interval=None, verdict="not tested"))
    open_one = replace(whole.verdicts[0], verdict="inconclusive", decisions=decisions)
    waiting = replace(whole, verdicts=(open_one, *whole.verdicts[1:]))
    assert Findings((waiting,)).direction("made_up", claim) == ("supported", ", so far")
    assert next(each.decisions for each in Findings((waiting,)).verdicts("made_up", claim)) == (first,)
    nothing = evaluate(whole.experiment, whole.design, {})
    assert Findings((nothing,)).direction("made_up", claim) is None
    assert Findings((nothing,)).judged("made_up") is None


def test_it_is_no_complaint_that_there_are_no_such_results(made_up, small, tmp_path, capsys):
    store = Store(tmp_path / "quick")
    for record in made_up[2].values():
        store.add(record)
    store.merge()
    assert at_scale([small], [small], QUICK, tmp_path) == Findings()
    assert capsys.readouterr().err == ""
