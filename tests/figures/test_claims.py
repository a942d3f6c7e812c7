"""The figure of all claims: a row each, with what was decided, and nothing that leaves the page."""

import csv
import math
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from committed import REFERENCE, outcomes
from test_geometry import faults

from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.significance import UNCORRECTED, holm
from cnn_study.experiment import ASPECTS
from cnn_study.figures.claims import WAITING, claims
from cnn_study.figures.draw import draw_overview
from cnn_study.figures.strips import strip
from cnn_study.figures.style import SIGNS, WIDTHS, sized, styled


@pytest.fixture(scope="module", params=["quick", pytest.param("full", marks=pytest.mark.slow)])
def stored(request):
    """What all experiments have found in a profile, and the rows of the file of its verdicts."""
    with (REFERENCE / request.param / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return outcomes(request.param), rows


def pages(outcomes, style="paper", width=None, survives=None):
    sizes = sized(style, width)
    with styled(sizes):
        found = holm(outcomes) if survives is None else survives
        drawn = [(page.figure, page.caption, page.data) for page in claims(outcomes, sizes, "quick", found)]
    plt.close("all")
    return drawn


def written(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_it_has_the_verdicts_that_are_stored(stored):
    family, rows = stored
    ((_, caption, data),) = pages(family)
    known = {(row["experiment"], row["claim"], row["aspect"]): row["verdict"] for row in rows}
    assert len(data) > 40
    for row in data.itertuples():
        for aspect in ASPECTS:
            assert getattr(row, aspect) == known[row.experiment, row.claim, aspect]
    assert "Holm" in caption


@pytest.mark.parametrize(("style", "width"), [("slides", None), *(("paper", width) for width in WIDTHS)])
def test_nothing_is_clipped_or_hidden_at_any_size(stored, style, width):
    family, _ = stored
    for figure, _, _ in pages(family, style, width):
        assert not list(faults(figure))


def test_slides_have_all_claims_on_pages_of_their_height(stored):
    family, _ = stored
    (whole,), slides = pages(family), pages(family, "slides")
    assert sum(len(data) for _, _, data in slides) == len(whole[2])
    for figure, _, _ in slides:
        width, height = figure.get_size_inches()
        assert height <= width * 9 / 16


def test_verdicts_have_signs_and_marks(made_up):
    outcome = evaluate(*made_up)
    ((figure, caption, _),) = pages([outcome], survives={})
    assert SIGNS["supported"] in written(figure)
    assert "Holm" not in caption
    ((figure, caption, data),) = pages([outcome], survives={("made_up", "faster", "direction"): False})
    assert SIGNS["supported"] + UNCORRECTED in written(figure)
    assert "Holm" in caption
    assert list(data.survives) == [False]


def test_a_verdict_that_waits_for_runs_says_so(made_up):
    outcome = evaluate(*made_up)
    direction = replace(outcome.verdicts[0], verdict="inconclusive")
    outcome = replace(outcome, verdicts=(direction, *outcome.verdicts[1:]))
    ((figure, _, _),) = pages([outcome])
    assert SIGNS["inconclusive"] in written(figure)
    first, second = direction.decisions
    direction = replace(direction, decisions=(first, replace(second, runs=(), interval=None, verdict="not tested")))
    outcome = replace(outcome, verdicts=(direction, *outcome.verdicts[1:]))
    ((figure, caption, _),) = pages([outcome])
    assert SIGNS["supported"] + WAITING in written(figure)
    assert "runs are missing" in caption


@pytest.mark.parametrize(
    ("premise", "proxy", "why"),
    [
        ("contradicted", "", "a premise of the cause fails"),
        ("not tested", "", "runs are missing"),
        ("", "a subset", "fewer images than published"),
        ("", "", "runs are missing"),
    ],
)
def test_what_is_not_judged_differs_from_what_is_not_asked_and_says_why(made_up, premise, proxy, why):
    outcome = evaluate(*made_up)
    direction, magnitude, cause = outcome.verdicts
    rules = [replace(each.rule, aspect="mechanism") for each in direction.decisions]
    rules[0] = replace(rules[0], premise=bool(premise))
    first, second = (replace(each, rule=rule) for each, rule in zip(direction.decisions, rules, strict=True))
    judged = replace(cause, verdict="supported", decisions=(first, second))
    unmet = replace(first, verdict=premise or first.verdict)
    silent = replace(judged, verdict="not tested", decisions=(unmet, second))
    design = replace(outcome.design, proxy=proxy)
    found = [replace(outcome, design=design, verdicts=(direction, magnitude, each)) for each in (judged, silent)]
    ((figure, caption, _),) = pages(found)
    assert written(figure).count(SIGNS["not tested"]) == 1
    assert f"not judged ({why})" in caption
    assert "empty" not in caption
    ((figure, caption, data),) = pages([found[0], outcome])
    assert SIGNS["not tested"] not in written(figure)
    assert "empty: not asked" in caption
    assert list(data.mechanism) == ["supported", "not tested"]


def test_several_estimates_are_told_as_a_range_of_those_with_the_same_limits(made_up):
    outcome = evaluate(*made_up)
    ((_, _, data),) = pages([outcome])
    low, high = (decision.interval.estimate for decision in outcome.verdicts[0].decisions)
    assert list(data.measured) == [f"{min(low, high):.2g} to {max(low, high):.2g} times"]
    first, second = outcome.verdicts[0].decisions
    other = replace(second, rule=replace(second.rule, low=7))
    verdicts = (replace(outcome.verdicts[0], decisions=(first, other)), *outcome.verdicts[1:])
    ((_, _, data),) = pages([replace(outcome, verdicts=verdicts)])
    assert list(data.measured) == [f"{first.interval.text} times"]


def test_a_strip_says_where_there_is_no_effect_and_what_has_no_end(made_up):
    direction = evaluate(*made_up).verdicts[0]
    drawn = strip(direction)
    assert drawn.supported[0] == drawn.nothing  # A ratio of 1.
    assert not any(bar.unbounded for bar in drawn.bars)
    first, second = direction.decisions
    bound = replace(first, interval=replace(first.interval, high=math.inf))
    drawn = strip(replace(direction, decisions=(bound, second)))
    assert [bar.unbounded for bar in drawn.bars] == [True, False]
    assert len(strip(direction, most=1).bars) == 1


def test_the_files_are_the_same_when_drawn_twice(made_up, tmp_path):
    outcome = evaluate(*made_up)
    for name in ("a", "b"):
        (drawn,) = draw_overview([outcome], tmp_path / name / "quick")
        assert drawn.path == tmp_path / name / "quick" / "figures" / "claims.png"
    files = sorted((tmp_path / "a" / "quick" / "figures").iterdir())
    assert [file.suffix for file in files] == [".csv", ".pdf", ".png", ".svg", ".txt"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / "quick" / "figures" / file.name).read_bytes()
