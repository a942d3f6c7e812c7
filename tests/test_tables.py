import math
from dataclasses import replace

import pytest
from conftest import made_up_design, with_silent_claims
from rich.console import Console

from cnn_study import tables
from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.sensitivity import outlook
from cnn_study.analysis.significance import UNCORRECTED, corrected
from cnn_study.execution.forecast import ImageCounts, Pace
from cnn_study.execution.plan import plan
from cnn_study.experiment import Contrast, Term
from cnn_study.report.answers import in_words

PACE = Pace((60, 0.1, 0.01, 1e-10, 1e-9, 1e-9), share=0.5)


def test_a_verdict_that_does_not_survive_the_correction_is_marked_and_the_mark_explained(barely_supported):
    assert 0.025 < corrected([barely_supported])["made_up", "faster", "direction"].p < 0.05
    family = with_silent_claims(barely_supported, 9)
    alone = "\n".join(line.plain for line in tables.verdicts([barely_supported]))
    assert UNCORRECTED not in alone
    lines = [line.plain for line in tables.verdicts([barely_supported], family)]
    (row,) = (line for line in lines if line.startswith("  faster"))
    assert row.split()[1] == f"supported{UNCORRECTED}"
    assert lines[-1].startswith(f"{UNCORRECTED} ")
    assert "all 10 tests together" in lines[-1]
    others = "\n".join(line.plain for line in tables.verdicts(family[1:], family))
    assert UNCORRECTED not in others


def test_an_answer_says_what_was_claimed_found_and_measured_before_anything_is_corrected(barely_supported):
    title, answer, *measured = (line.plain for line in tables.answers(barely_supported))
    experiment = barely_supported.experiment
    assert title == f"{experiment.name}: {experiment.title}"
    assert answer.split(maxsplit=1) == ["supported", experiment.claims[0].statement]
    decisions, design = barely_supported.verdicts[0].decisions, barely_supported.design
    several = len({each.rule.condition for each in decisions}) > 1
    texts = [in_words(each, design) + (f" ({each.rule.condition})" if several else "") for each in decisions]
    assert [line.strip() for line in measured] == texts


def test_estimates_of_a_claim_are_told_apart_by_what_is_asked_of_whom(barely_supported):
    rule, design = barely_supported.design.rules[0], barely_supported.design
    other = Contrast(
        (Term(1, "tanh, plain", "test_error"), Term(-1, "relu, plain", "test_error")), "the harm", "points"
    )
    rules = (
        rule,
        replace(rule, aspect="mechanism", premise=True),
        replace(rule, aspect="mechanism", estimate=other, low=0, high=math.inf),
    )
    outcome = evaluate(barely_supported.experiment, replace(design, rules=rules), barely_supported.stored)
    lines = [line.plain.strip() for line in tables.verdicts([outcome]) if line.plain.startswith("      ")]
    texts = [in_words(each, design) for verdict in outcome.verdicts for each in verdict.decisions]
    assert texts[0] == texts[1] != texts[2]
    assert lines == [f"direction and premise of the mechanism: {texts[0]}", f"mechanism: {texts[2]}"]


def test_an_explanation_says_how_surely_what_would_change_it_and_what_the_bootstrap_is_worth(barely_supported):
    claim, family = barely_supported.experiment.claims[0], with_silent_claims(barely_supported, 9)
    text = "\n".join(tables.explanation(barely_supported, claim, family))
    test = corrected(family)["made_up", "faster", "direction"]
    assert f"p = {test.p:.2g}; with all 10 tests together {test.adjusted:.2g}: does not survive" in text
    assert "survives Holm's correction" in "\n".join(tables.explanation(barely_supported, claim))
    for decision in barely_supported.verdicts[0].decisions:
        assert f"    {outlook(decision)}\n" in text
    assert "(nominally 95 %; of 3 seeds it holds the truth in 7" in text


def planned(name, **changes):
    return tables.ExperimentPlan(name, tuple(plan(replace(made_up_design(), **changes), {}, {})))


def printed(table, width=80):
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_no_cell_of_a_plan_is_cut_at_80_columns():
    """Many large runs, and an experiment of a long name, which goes over several lines."""
    plans = [planned("a_name_" * 5), planned("short")]
    for table in (tables.plan(plans, lambda _: ImageCounts(10**12, 10**6), PACE, 2), tables.arms(plans)):
        output = printed(table)
        assert "\N{HORIZONTAL ELLIPSIS}" not in output
        assert max(map(len, output.splitlines())) <= 80
    narrow = printed(tables.plan(plans, lambda _: ImageCounts(10**12, 10**6), PACE, 2)).replace("\n", "")
    for text in ("runs,", "10^12", "images", "least"):
        assert text in narrow
    assert all(len(line) <= 80 for line in (*tables.plan_notes(PACE), *tables.plan_notes(None), tables.ARM_NOTE))


def test_a_plan_says_the_least_and_the_most():
    design = made_up_design()
    looks = planned("looks", seeds=tuple(range(1, 9)), looks=(4, 6, 8))
    last = printed(tables.plan([looks], lambda _: ImageCounts(100, 100), PACE, 1)).splitlines()[-1].split()
    searched, arms = len(design.search.rates), 2  # Arms of two conditions differ in name only.
    assert last[:4] == ["all", "0", str(arms * (searched + 4)), str(arms * (searched + 8))]
    shares = [float(text) for text in last if text.replace(".", "").isdigit()][-2:]
    assert shares[0] < shares[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 min"),
        (20, "< 1 min"),
        (720, "12 min"),
        (3569, "59 min"),
        (3570, "1.0 h"),
        (12240, "3.4 h"),
        (35819, "9.9 h"),
        (35820, "10 h"),
        (4e6, "1,111 h"),
    ],
)
def test_a_time_is_said_in_minutes_or_hours(seconds, text):
    assert tables.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (3.3e-5, "< 0.001"), (0.0034, "0.0034"), (0.045, "0.045"), (3.14, "3.1"), (2, "2"), (5462, "5,462")],
)
def test_a_number_is_said_without_powers_of_ten(number, text):
    assert tables.short(number) == text
