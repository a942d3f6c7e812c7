import base64
import csv
import io
import itertools
import math
import re
import urllib.parse
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from importlib import resources
from xml.etree import ElementTree

import numpy as np
from conftest import made_up_design, time_of, with_silent_claims, worded_outcome
from PIL import Image

from cnn_study.analysis.coverage import measured_coverage
from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.significance import UNCORRECTED, corrected, holm
from cnn_study.analysis.statistics import mean_interval
from cnn_study.data.registry import DATASETS
from cnn_study.experiment import Agreement, Claim, Design, Experiment, Published, Rule, Setting
from cnn_study.figures.draw import draw
from cnn_study.report.answers import headline, labeled
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.report.page import write_page
from cnn_study.report.pictures import drawing, raster, small, without_proxy
from cnn_study.report.verdicts import write_verdicts
from cnn_study.results import CheckRecord, Point
from cnn_study.spec import CheckSpec

QUICK = Setting("quick")
SCRIPT = resources.files("cnn_study.report") / "templates" / "page.js"


def test_the_page_shows_verdicts_figures_numbers_and_sources(made_up, tmp_path):
    outcome = evaluate(*made_up)
    draw(outcome, tmp_path)
    page = write_page([outcome], tmp_path, QUICK).read_text()
    assert page.count("<img ") == 3
    assert all(re.search(r'alt="[^"]{40,}"', image) for image in re.findall(r"<img [^>]*>", page))
    assert outcome.verdicts[0].decisions[0].interval.text in page
    assert "approximately 6" in page
    assert "remembered, not checked since" in page
    assert page.count('class="verdict supported"') == 3  # the claim's direction, and its decision under both conditions
    assert "cnn-study run made_up --profile quick" in page
    assert "6 of the search and 6 replicates" in page  # both conditions share their runs
    assert re.search(r'<td class="number">12</td><td>\s*python 3</td>', page)


def test_the_page_says_whether_rules_are_older_than_results_where_that_is_known(made_up, tmp_path):
    """The made-up runs were finished on 2026-01-02, at 03:04:05 UTC."""
    outcome = evaluate(*made_up)

    def said(**changed):
        whole = {name: datetime.fromisoformat(when) for name, when in changed.items()}
        page = write_page([outcome], tmp_path, QUICK, changed=whole).read_text()
        return re.findall(r"<dt>Rules</dt><dd>([^<]*)</dd>", page)

    (older,) = said(made_up="2026-01-02T04:04:04+01:00")
    assert older.startswith("older than these runs: last changed on 2026-01-02 03:04 UTC, before")
    (younger,) = said(made_up="2026-01-02T03:04:06+00:00")
    assert "a rule may be younger than some of these runs" in younger
    assert not said()
    assert not said(other="2026-01-01T00:00:00+00:00")


def test_strings_are_escaped_and_nothing_is_loaded(made_up, tmp_path):
    page = write_page([evaluate(*made_up)], tmp_path, QUICK).read_text()
    assert "ReLU is &lt;faster&gt;." in page
    assert not re.search(r'src="(?!data:)', page)
    assert all(link.startswith(("#", "data:")) for link in re.findall(r'href="([^"]*)"', page))


def test_a_verdict_that_does_not_survive_the_correction_is_marked_and_explained(barely_supported, tmp_path):
    row = r'</a></th>\s*<td class="verdict supported" data-label="direction">supported{}</td>'
    legend = f"{UNCORRECTED} does not survive the correction for all 10 tests together"
    family = with_silent_claims(barely_supported, 9)
    page = write_page([barely_supported], tmp_path, QUICK, family=family).read_text()
    assert re.search(row.format(UNCORRECTED), page)
    assert legend in page
    adjusted = corrected(family)["made_up", "faster", "direction"].adjusted
    assert f"supported{UNCORRECTED}, adjusted p {adjusted:.2g}</small>" in page
    alone = write_page([barely_supported], tmp_path, QUICK).read_text()
    assert re.search(row.format(""), alone)
    assert "does not survive" not in alone


def test_the_page_says_how_often_intervals_hold_the_truth(made_up, tmp_path):
    page = " ".join(write_page([evaluate(*made_up)], tmp_path, QUICK).read_text().split())
    held = [measured_coverage(method, 3, data) for data in ("normal", "skewed") for method in ("t", "bootstrap")]
    cells = " ".join(f'<td class="number">{share:.0%}</td>' for share in held)
    assert f'<tr><th scope="row" class="number">3</th> {cells} </tr>' in page


def test_a_proxy_is_marked(made_up, tmp_path):
    experiment, _, stored = made_up
    outcome = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    page = write_page([outcome], tmp_path, QUICK).read_text()
    assert "A proxy: a subset" in page
    assert "<small>a proxy: a subset</small>" in page


def test_missing_runs_are_said(made_up, tmp_path):
    experiment, design, _ = made_up
    page = write_page([evaluate(experiment, design, {})], tmp_path, QUICK).read_text()
    assert "runs are missing" in page


def test_published_numbers_stand_beside_the_measured_ones(made_up, tmp_path):
    outcome = evaluate(*made_up)
    rows = {number.quantity: measured for number, measured in measured_beside(outcome, outcome.verdicts[0].claim)}
    ratios = [decision.interval.text for decision in outcome.verdicts[0].decisions]
    assert rows["ratio"] == [f"{c}: {text}" for c, text in zip(("plain", "other"), ratios, strict=True)]
    times = [math.log(time_of(record.spec)) for record in outcome.replicates("relu, plain")]
    expected = mean_interval(times)
    assert rows["epochs"][0].startswith(f"plain: {math.exp(expected.estimate):.3g} [{math.exp(expected.low):.3g}, ")


def test_a_run_that_starts_below_the_threshold_has_no_time_to_stand_beside_a_published_one(made_up):
    experiment, design, stored = made_up
    stored = dict(stored)
    for run in evaluate(*made_up).replicates("relu, plain"):
        stored[run.key] = replace(run, history=(Point("train_error", 0, 0.0, 0.01),))
    outcome = evaluate(experiment, design, stored)
    rows = {number.quantity: measured for number, measured in measured_beside(outcome, outcome.verdicts[0].claim)}
    assert rows["epochs"][0] == "plain: starts below 25 % training error"


def test_a_published_number_stands_beside_the_outcome_that_it_is_of(made_up):
    experiment, design, stored = made_up
    design = replace(design, arms=tuple(replace(arm, label="dense") for arm in design.arms))
    better = {
        key: replace(record, outcomes={**record.outcomes, "test_error": 0.2, "test_error_at_best_validation": 0.1})
        for key, record in stored.items()
    }
    best = Published("test error at best validation on MNIST (%)", 9, "a book", "primary", about="dense")
    last = replace(best, quantity="test error on MNIST (%)")
    outcome = evaluate(experiment, design, better)
    claim = replace(outcome.verdicts[0].claim, published=(best, last))
    (_, (first, *_)), (_, (second, *_)) = measured_beside(outcome, claim)
    assert "10.00 [10.00, 10.00] %" in first
    assert "20.00 [20.00, 20.00] %" in second


def test_where_two_rules_compare_the_same_the_number_of_most_seeds_stands_beside_the_published_one(made_up):
    outcome = evaluate(*made_up)
    size = next(each for each in outcome.verdicts if each.aspect == "magnitude")
    more = replace(size.decisions[0].interval, estimate=7.5, low=7, high=8, n=5)
    longer = replace(size, decisions=(replace(size.decisions[0], interval=more), *size.decisions[1:]))
    outcome = replace(outcome, verdicts=tuple(longer if each is size else each for each in outcome.verdicts))
    rows = {number.quantity: measured for number, measured in measured_beside(outcome, size.claim)}
    assert rows["ratio"] == [f"plain: {more.text}", f"other: {size.decisions[1].interval.text}"]


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
    experiment = Experiment("sizes", "Sizes", (claim,), lambda setting: design, ("agreement",))
    record = CheckRecord(check, {"cases": 53_200.0, "agreeing": 53_199.0}, (), {"python": "3"}, 1.5, "2026")
    outcome = evaluate(experiment, design, {}, {check.key: record})
    draw(outcome, tmp_path)
    page = write_page([outcome], tmp_path, QUICK).read_text()
    assert "53,199 of 53,200 cases" in page
    assert page.count('class="verdict contradicted"') == 2
    assert "<dt>Seeds</dt>" not in page
    assert '<td class="number">53,199</td>' in page
    missing = write_page([evaluate(experiment, design, {})], tmp_path, QUICK).read_text()
    assert "not made yet" in missing


def test_contents_lead_to_every_section(made_up, tmp_path):
    page = write_page([evaluate(*made_up)], tmp_path, QUICK).read_text()
    targets = set(re.findall(r'href="#([^"]*)"', page))
    assert {"verdicts", "made_up", "made_up-faster", "run", "references"} <= targets
    places = re.findall(r'id="([^"]*)"', page)
    assert targets <= set(places)
    assert len(set(places)) == len(places)


def test_embedded_figures_are_smaller_and_look_the_same(made_up, tmp_path):
    image, whole = draw(evaluate(*made_up), tmp_path)[0].path, io.BytesIO()
    with Image.open(image) as opened:
        opened.convert("RGB").save(whole, "png")
        embedded = base64.b64decode(raster(opened).removeprefix("data:image/webp;base64,"))
    assert len(embedded) < image.stat().st_size
    assert len(embedded) < 0.5 * len(whole.getvalue())
    before, after = (np.asarray(Image.open(source).convert("RGB"), float) for source in (image, io.BytesIO(embedded)))
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < 2


def test_a_smaller_drawing_has_the_same_paths(made_up, tmp_path):
    drawn = draw(evaluate(*made_up), tmp_path)[0].path.with_suffix(".svg").read_text()
    less = small(drawn)
    before, after = (list(ElementTree.fromstring(text).iter()) for text in (drawn, less))  # noqa: S314 - drawn here
    shapes = [
        [len(re.findall("[A-Za-z]", one.get("d", ""))) for one in found if one.get("d")] for found in (before, after)
    ]
    assert shapes[0] == shapes[1]
    used = set(re.findall(r'(?:href="|url\()#([^")]*)', less))
    assert used == set(re.findall(r' id="([^"]*)"', less))
    assert len(less) < 0.95 * len(drawn)


def test_captions_leave_the_scale_to_the_head_of_the_page():
    caption = "An error of every arm. A proxy: a subset."
    assert without_proxy(caption, "a subset") == "An error of every arm."
    assert without_proxy(caption, "") == caption


def test_the_head_counts_verdicts_and_gives_the_day_of_the_last_run(made_up, tmp_path):
    page = write_page([evaluate(*made_up)], tmp_path, QUICK).read_text()
    assert '<p class="headline">1 of 1 claim holds.</p>' in page
    assert '<time datetime="2026-01-02">2026-01-02</time>' in page


def test_the_headline_says_how_many_may_hold_by_chance(barely_supported):
    assert headline([barely_supported]) == "1 of 1 claim holds."
    family = with_silent_claims(barely_supported, 9)
    assert headline([barely_supported], holm(family)) == "1 of 1 claim holds, 1 of them perhaps by chance (°)."


def test_an_arm_is_called_by_its_label(made_up, tmp_path):
    outcome = evaluate(*made_up)
    sentences = [
        labeled(decision.rule.sentence, decision, outcome.design) for decision in outcome.verdicts[0].decisions
    ]
    for decision, sentence in zip(outcome.verdicts[0].decisions, sentences, strict=True):
        for name in decision.rule.estimate.arms:
            assert name in decision.rule.sentence
            assert name not in sentence
            assert outcome.design.arm(name).label in sentence


def test_links_to_files_lead_to_files(made_up, tmp_path):
    outcome = evaluate(*made_up)
    draw(outcome, tmp_path)
    write_verdicts([outcome], tmp_path)
    page = Elements(write_page([outcome], tmp_path, QUICK).read_text())
    links = [link["href"] for link in page.all("a") if not link["href"].startswith(("#", "data:"))]
    assert {"verdicts.csv", "estimates.csv"} < set(links)
    rows = list(csv.DictReader((tmp_path / "verdicts.csv").read_text().splitlines()))
    directions = [row["verdict"] for row in rows if row["aspect"] == "direction"]
    assert headline([outcome]).startswith(f"{directions.count('supported')} of {len(directions)} claim")
    assert {link.rsplit(".")[-1] for link in links} >= {"pdf", "svg", "png"}
    assert all((tmp_path / urllib.parse.unquote(link)).is_file() for link in links)


HOSTILE = """<script>alert("1")</script> & '{{ 7 * 7 }}' \\ %"""


def hostile_outcome():
    """An outcome in which every string that is free is hostile."""
    outcome = worded_outcome(*[HOSTILE] * 8, name=HOSTILE)
    stored = {key: replace(record, environment={HOSTILE: HOSTILE}) for key, record in outcome.stored.items()}
    return replace(outcome, stored=stored)


class Elements(HTMLParser):
    """The elements of a page, each with its attributes, and the text around them."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_hostile_strings_stay_text(tmp_path):
    text = write_page([hostile_outcome()], tmp_path, QUICK, HOSTILE).read_text()
    page = Elements(text)
    assert len(page.all("script")) == 1
    assert text.count(SCRIPT.read_text()) == 1  # as it stands in the package, with nothing put in
    assert page.text.count(HOSTILE) > 20
    known = {"aria-label", "aria-labelledby", "charset", "class", "colspan", "content", "href", "id", "lang", "name"}
    assert {name for _, attributes in page.found for name in attributes} <= known | {
        *("rel", "role", "rowspan", "scope", "tabindex", "type", "size", "value", "selected", "hidden"),
        *("aria-live", "datetime", "download", "width", "height", "viewbox", "x", "y", "d", "cx", "cy", "r"),
        *("data-topic", "data-direction", "data-magnitude", "data-mechanism", "data-label", "data-copy"),
    }
    places = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    assert all(re.fullmatch(r"[\w.-]+", place) for place in places)
    assert {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")} <= places


def test_the_page_can_be_read_by_machines(made_up, tmp_path):
    outcome = evaluate(*made_up)
    draw(outcome, tmp_path)
    page = Elements(write_page([outcome], tmp_path, QUICK).read_text())
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(len(page.all(landmark)) == 1 for landmark in ("header", "nav", "main"))
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in heading for heading in page.all("th"))
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))


def test_runs_are_counted_once_and_shared_ones_named(made_up, tmp_path):
    experiment, design, stored = made_up
    other = replace(experiment, name="other", title="Another")
    outcomes = [evaluate(experiment, design, stored), evaluate(other, design, stored)]
    page = " ".join(write_page(outcomes, tmp_path, QUICK, "abc123").read_text().split())
    assert page.count("12 of them are shared with other experiments of this page and were trained once") == 2
    assert page.count("<dt>Run time</dt><dd>24 s,") == 2
    assert "12, each counted once, in 24 s" in page
    assert "git revision <code>abc123</code>" in page
    assert "digits: 100 training and all test images" in page.replace("Digits", "digits")
    assert f"<code>{'0' * 64}</code>" in page


def test_missing_replicates_are_counted(made_up, tmp_path):
    experiment, design, stored = made_up
    outcome = evaluate(experiment, design, stored)
    lost = outcome.tuned["relu, plain"].replicates[0].key
    kept = {key: record for key, record in stored.items() if key != lost}
    page = write_page([evaluate(experiment, design, kept)], tmp_path, QUICK).read_text()
    assert "2 replicates are missing" in page  # one run that both conditions ask for


def test_the_page_says_which_intervals_decide(made_up, tmp_path):
    page = " ".join(write_page([evaluate(*made_up)], tmp_path, QUICK).read_text().split())
    assert "nominal 95% interval of Student's t" in page
    assert "90% interval" in page
    assert "9,999 resamples" in page
    assert "decides nothing" in page


def test_sources_lead_to_their_reference(made_up, tmp_path):
    experiment, design, stored = made_up
    published = (
        Published("ratio", 6, "Krizhevsky, Sutskever & Hinton 2012, Figure 1", "primary", about="tanh / relu"),
    )
    claim = replace(experiment.claims[0], published=published)
    page = write_page([evaluate(replace(experiment, claims=(claim,)), design, stored)], tmp_path, QUICK).read_text()
    assert page.count('"#reference-krizhevsky2012imagenet"') == 1
    assert (
        '<li id="reference-krizhevsky2012imagenet">Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton (2012)' in page
    )
    assert '<li id="reference-alpaydin1998optdigits">' in page


def test_the_command_names_the_data_set_that_took_the_place_of_another(made_up, tmp_path):
    (tmp_path / "quick-digits").mkdir()
    page = write_page([evaluate(*made_up)], tmp_path / "quick-digits", Setting("quick", DATASETS["digits"])).read_text()
    assert ">cnn-study run made_up --profile quick --data digits</code>" in page


def test_a_drawing_with_entities_of_its_own_is_not_shown(tmp_path):
    """Ten levels of ten would be ten thousand million letters."""
    levels = "".join(f'<!ENTITY e{n} "{10 * f"&e{n - 1};"}">' for n in range(1, 11))
    file = tmp_path / "figure.svg"
    file.write_text(f'<!DOCTYPE svg [<!ENTITY e0 "a">{levels}]><svg><text>&e10;</text></svg>', encoding="utf-8")
    assert drawing(file) == ""
    file.write_text('<!DOCTYPE svg [<!ENTITY e0 "a">]><svg><text>&e0;</text></svg>', encoding="utf-8")
    assert drawing(file) == ""
    file.write_text("<!DOCTYPE svg><svg><text>a</text></svg>", encoding="utf-8")
    assert urllib.parse.unquote(drawing(file)) == "data:image/svg+xml,<svg><text>a</text></svg>"
    assert drawing(tmp_path / "none.svg") == ""
