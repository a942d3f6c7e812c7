import base64
import io
import math
import re

import numpy as np
from conftest import made_up_design, time_of
from PIL import Image

from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.statistics import mean_interval
from cnn_study.experiment import Agreement, Claim, Design, Experiment, Rule
from cnn_study.figures.draw import draw
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.report.page import write_page
from cnn_study.results import CheckRecord
from cnn_study.spec import CheckSpec


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
    assert "6 replicates and checks: python 3" in page  # both conditions share their runs


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


def test_published_numbers_stand_beside_the_measured_ones(made_up, tmp_path):
    outcome = evaluate(*made_up)
    rows = {number.quantity: measured for number, measured in measured_beside(outcome, outcome.verdicts[0].claim)}
    ratios = [decision.interval.text for decision in outcome.verdicts[0].decisions]
    assert rows["ratio"] == [f"{c}: {text}" for c, text in zip(("plain", "other"), ratios, strict=True)]
    times = [math.log(time_of(record.spec)) for record in outcome.replicates("relu, plain")]
    expected = mean_interval(times)
    assert rows["epochs"][0].startswith(f"plain: {math.exp(expected.estimate):.3g} [{math.exp(expected.low):.3g}, ")


def test_arms_are_listed_with_their_costs_and_errors(made_up):
    outcome = evaluate(*made_up)
    row = arm_rows(outcome)[0]
    assert (row.name, row.condition, row.rate) == ("relu, plain", "plain", "0.01 (searched)")
    assert row.parameters == 64 * 4 + 4 + 4 * 10 + 10
    assert row.macs == 64 * 4 + 4 * 10
    assert (row.error, row.seconds, row.diverged) == ("50.00 [50.00, 50.00] %", "2.0", 0)


def test_a_design_of_checks_alone_has_a_page(tmp_path):
    check = CheckSpec(check="output_size")
    rule = Rule("formula", "direction", "all shapes", Agreement("output_size"))
    design = Design((), None, (), (rule,), "", (check,))
    claim = Claim("formula", "The size follows a formula.", (), {"magnitude": "exact", "mechanism": "none"})
    experiment = Experiment("sizes", "Sizes", (claim,), lambda profile, fallback: design, ("agreement",))
    record = CheckRecord(check, {"cases": 53_200.0, "agreeing": 53_199.0}, (), {"python": "3"}, 1.5, "2026")
    outcome = evaluate(experiment, design, {}, {check.key: record})
    draw(outcome, tmp_path)
    page = write_page([outcome], tmp_path, "quick").read_text()
    assert "53,199 of 53,200 cases" in page
    assert page.count('class="contradicted"') == 2
    assert "seeds an arm" not in page
    assert '<td class="number">53,199</td>' in page
    missing = write_page([evaluate(experiment, design, {})], tmp_path, "quick").read_text()
    assert "not made yet" in missing


def test_contents_lead_to_every_section(made_up, tmp_path):
    page = write_page([evaluate(*made_up)], tmp_path, "quick").read_text()
    targets = set(re.findall(r'href="#([^"]*)"', page))
    assert {"verdicts", "made_up", "made_up-faster", "environments"} <= targets
    assert targets <= set(re.findall(r'id="([^"]*)"', page))


def test_embedded_figures_are_smaller_and_look_the_same(made_up, tmp_path):
    image = draw(evaluate(*made_up), tmp_path)[0]
    page = write_page([evaluate(*made_up)], tmp_path, "quick").read_text()
    embedded = base64.b64decode(re.search(r'data:image/png;base64,([^"]*)"', page)[1])
    assert len(embedded) < 0.5 * image.stat().st_size
    before, after = (np.asarray(Image.open(source).convert("RGB"), float) for source in (image, io.BytesIO(embedded)))
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < 2
