import re

from conftest import made_up_design

from cnn_study.analysis.decisions import evaluate
from cnn_study.figures.draw import draw
from cnn_study.report.page import write_page


def test_the_page_shows_verdicts_figures_numbers_and_sources(made_up, tmp_path):
    outcome = evaluate(*made_up)
    draw(outcome, tmp_path)
    page = write_page([outcome], tmp_path, "quick").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert all(re.search(r'alt="[^"]{40,}"', image) for image in re.findall(r"<img [^>]*>", page))
    assert outcome.verdicts[0].decisions[0].interval.text in page
    assert "approximately 6" in page
    assert "remembered, not checked since" in page
    assert page.count('class="supported"') == 3  # the claim's direction, and its decision under both conditions
    assert "cnn-study run made_up --profile quick" in page
    assert "12 replicates" not in page
    assert "6 replicates: python 3" in page  # both conditions share their runs


def test_strings_are_escaped_and_nothing_is_loaded(made_up, tmp_path):
    page = write_page([evaluate(*made_up)], tmp_path, "quick").read_text()
    assert "ReLU is &lt;faster&gt;." in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_a_proxy_is_marked(made_up, tmp_path):
    experiment, _, stored = made_up
    outcome = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    page = write_page([outcome], tmp_path, "quick").read_text()
    assert "A proxy: a subset" in page
    assert "(a proxy: a subset)" in page


def test_missing_runs_are_said(made_up, tmp_path):
    experiment, design, _ = made_up
    page = write_page([evaluate(experiment, design, {})], tmp_path, "quick").read_text()
    assert "runs are missing" in page
