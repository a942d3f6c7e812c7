from dataclasses import replace
from pathlib import Path

import pytest
from committed import outcomes as committed
from conftest import complete, made_up_design, time_of, with_silent_claims

from cnn_study import collection
from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.significance import UNCORRECTED
from cnn_study.cli.reading import at_scale
from cnn_study.errors import InputError
from cnn_study.experiment import Published, Setting
from cnn_study.report.findings import Findings
from cnn_study.report.summary import WORDS, insert, magnitudes, markdown, marks, table, topics

ROOT = Path(__file__).parents[2]
BEGIN, END = marks("claims")


def test_a_row_has_the_verdicts_of_its_claim(made_up):
    experiment, design, stored = made_up
    outcome = evaluate(experiment, design, stored)
    (row,) = markdown([outcome]).splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["made_up", "ReLU is <faster>."]
    assert [cell.strip("*") for cell in cells[2:5]] == [verdict.verdict for verdict in outcome.verdicts]
    assert outcome.verdicts[0].decisions[0].interval.text in cells[5]


def test_a_verdict_that_does_not_survive_the_correction_is_marked(barely_supported):
    assert f"| **supported**{UNCORRECTED} |" in markdown([barely_supported], with_silent_claims(barely_supported, 9))
    assert UNCORRECTED not in markdown([barely_supported])


def test_a_table_replaces_what_stands_between_the_marks(tmp_path):
    file = tmp_path / "file.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(file, {"claims": "| new |", "topics": "| other |"})
    assert file.read_text() == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"
    insert(file, {"claims": "| new |", "topics": "| other |"})
    assert file.read_text() == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_file_without_marks_is_refused(tmp_path, text):
    file = tmp_path / "file.md"
    file.write_text(text)
    with pytest.raises(InputError, match="between them goes the table"):
        insert(file, {"claims": "| new |", "topics": "| other |"})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        insert(tmp_path / "none.md", {"claims": "| new |"})


def test_a_topic_has_the_answers_of_its_first_claim_about_trained_networks(made_up):
    outcome = evaluate(*made_up)
    (row,) = topics([outcome]).splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["[made up](experiments/made_up.py)", "ReLU is <faster>."]
    holds, size, reason = (WORDS[verdict.verdict] for verdict in outcome.verdicts)
    first = outcome.verdicts[0].decisions[0]
    what = f"tanh against relu: {first.interval.text} times as long to 25 % training error, 3 seeds"
    assert cells[2:] == [holds, f"{what}; so in 2 of 2 conditions", f"{size}<br>smaller than published: 6; and 1 more"]
    assert size == "**no**"
    assert reason == "-", "a column of dashes is left out"


def test_topics_lead_with_what_was_found_at_the_scale_of_the_publications(made_up):
    small = evaluate(made_up[0], replace(made_up[1], proxy="few images"), made_up[2])
    design = made_up_design(published=True)
    whole = evaluate(made_up[0], design, complete(design, lambda spec: time_of(spec, slow=4.0)))
    nothing = evaluate(whole.experiment, whole.design, {})

    def cells(found):
        head, _, row = topics([small], at_scale=Findings((found,))).splitlines()
        names, values = ([cell.strip() for cell in line.strip("|").split("|")] for line in (head, row))
        return dict(zip(names, values, strict=True))

    large, missing = cells(whole), cells(nothing)
    assert large["holds"] == large["holds in `quick`"] == missing["holds in `quick`"] == "**yes**"
    assert missing["holds"] == "not run yet"
    assert whole.verdicts[0].decisions[0].interval.text in large["measured"]
    assert small.verdicts[0].decisions[0].interval.text in missing["measured"]
    assert missing["measured"].startswith("on small subsets: ")
    assert "published: 6" in large["size as published"]
    assert "size as published" not in missing


def test_of_two_rules_about_one_estimate_the_number_of_most_seeds_is_shown(made_up):
    outcome = evaluate(*made_up)
    size = next(each for each in outcome.verdicts if each.aspect == "magnitude")
    first = replace(size.decisions[0].interval, estimate=7.5, low=7, high=8, n=5)
    more = replace(size, decisions=(replace(size.decisions[0], interval=first), *size.decisions[1:]))
    verdicts = tuple(more if each is size else each for each in outcome.verdicts)
    assert f"tanh against relu: {first.text} times as long" in topics([replace(outcome, verdicts=verdicts)])


def test_every_size_that_is_judged_stands_beside_numbers_about_its_own_arms():
    for experiment in collection.load():
        design = experiment.at("full")
        claims = {claim.name: claim for claim in experiment.claims}
        for rule in design.rules:
            if rule.published:
                about = {label for each in claims[rule.claim].published for label in each.labels}
                assert {design.arm(name).label for name in rule.estimate.arms} <= about, (experiment.name, rule)


def test_numbers_about_each_of_two_arms_stand_beside_their_difference(made_up):
    experiment, design, stored = made_up
    numbers = tuple(
        Published("error", value, "Else 2010", "primary", about) for about, value in (("tanh", 9), ("relu", 7))
    )
    claim = replace(experiment.claims[0], published=numbers)
    outcome = evaluate(replace(experiment, claims=(claim,)), design, stored)
    assert "published: tanh 9; relu 7; and 1 more" in topics([outcome])
    assert "| error, tanh: 9; error, relu: 7 |" in magnitudes([outcome])


def test_a_size_that_came_out_otherwise_elsewhere_is_told(made_up):
    outcome = evaluate(*made_up)
    size = next(each for each in outcome.verdicts if each.aspect == "magnitude")
    first, second = size.decisions
    longer = replace(second, verdict="supported")
    for others, text in (
        ((longer,), f"; other: **yes**, {second.measured}"),
        ((longer, first), "; and 2 more (1 **no**, 1 **yes**)"),
    ):
        mixed = replace(size, verdict="contradicted", decisions=(first, *others))
        verdicts = tuple(mixed if each is size else each for each in outcome.verdicts)
        assert f"published: 6{text}" in topics([replace(outcome, verdicts=verdicts)])


def test_a_reason_whose_premise_does_not_hold_is_not_judged(made_up):
    outcome = evaluate(*made_up)
    first = outcome.verdicts[0].decisions[0]
    premise = replace(first, rule=replace(first.rule, aspect="mechanism", premise=True), verdict="contradicted")
    unmet = [replace(each, verdict="not tested", decisions=(premise,)) for each in outcome.verdicts[2:]]
    topic = topics([replace(outcome, verdicts=(*outcome.verdicts[:2], *unmet))])
    assert "| not judged: a premise of it fails |" in topic
    assert "premise" not in topics([outcome])


def test_a_bar_in_a_cell_does_not_end_it():
    assert table(["kind"], [["`int | None`"]]) == "| kind |\n|---|\n| `int \\| None` |"


def test_each_table_goes_between_its_own_marks(tmp_path):
    file = tmp_path / "file.md"
    places = ("claims", "topics", "claims quick", "topics full")
    text = "\n".join("{}\n{{}}\n{}".format(*marks(place)) for place in places)
    file.write_text(text.format("old", "old", "old", "old"))
    insert(file, {"claims": "| a |", "topics": "| b |"}, "quick")
    assert file.read_text() == text.format("| a |", "| b |", "| a |", "old")
    insert(file, {"claims": "| c |", "topics": "| d |"}, "full")
    assert file.read_text() == text.format("| c |", "| d |", "| a |", "| d |")


def test_a_magnitude_stands_beside_the_published_number_and_the_direction(made_up):
    outcome = evaluate(*made_up)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in magnitudes([outcome]).splitlines()[2:]]
    decisions = [each for verdict in outcome.verdicts if verdict.aspect == "magnitude" for each in verdict.decisions]
    assert [row[1] for row in rows] == [each.rule.condition for each in decisions] == ["plain", "other"]
    for row, decision in zip(rows, decisions, strict=True):
        told = f"tanh against relu: {decision.interval.text} times as long to 25 % training error, 3 seeds"
        assert row[2:5] == ["ratio, tanh / relu: 6", "4 to 8", told]
        assert row[5:7] == ["**yes**", "**no** (smaller)"]
        assert decision.interval.high < decision.rule.low
        assert row[7] == "Somebody, Else & Other 2012, Figure 1"
    proxy = evaluate(made_up[0], replace(made_up[1], proxy="few images"), made_up[2])
    assert magnitudes([proxy]).count("\n") == 1


@pytest.mark.parametrize(
    ("file", "name", "write"),
    [
        ("README.md", "topics quick", topics),
        ("docs/reference/results.md", "claims quick", markdown),
        ("docs/reference/results.md", "magnitudes full", magnitudes),
        ("docs/reference/results.md", "claims full", markdown),
    ],
)
def test_tables_are_those_of_the_reference_results(file, name, write):
    profile = name.split()[1]
    outcomes = committed(profile)
    begin, end = marks(name)
    text = (ROOT / file).read_text(encoding="utf-8")
    more = {"at_scale": at_scale(outcomes, outcomes, Setting(profile), ROOT / "results")} if write is topics else {}
    made = write(outcomes, **more)
    assert f"{begin}\n{made}\n{end}" in text, "stale: make readme"
