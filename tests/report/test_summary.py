from dataclasses import replace
from pathlib import Path

import pytest
from committed import outcomes as committed
from conftest import with_silent_claims

from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.significance import UNCORRECTED
from cnn_study.cli.reading import at_scale
from cnn_study.errors import InputError
from cnn_study.experiment import Setting
from cnn_study.report.summary import WORDS, insert, magnitudes, markdown, marks, scale, topics

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
    assert cells[2:5] == [WORDS[verdict.verdict] for verdict in outcome.verdicts]
    first = outcome.verdicts[0].decisions[0]
    what = f"tanh against relu: {first.interval.text} times as long to 25 % training error, 3 seeds (plain)"
    assert cells[5] == f"{what}; so in 2 of 2 conditions"


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
        assert row[2] == "ratio, tanh / relu: 6"
        assert row[3] == decision.interval.text
        assert row[4:] == ["**yes**", WORDS[decision.verdict]]
    proxy = evaluate(made_up[0], replace(made_up[1], proxy="few images"), made_up[2])
    assert magnitudes([proxy]).count("\n") == 1


NUMBER = "ratio (Somebody, Else & Other 2012, Figure 1):<br>tanh / relu: 6 (counts as equal: 4 to 8)"


def test_a_claim_has_one_row_with_all_its_published_numbers_and_what_was_measured(made_up):
    outcome = evaluate(*made_up)
    (row,) = ([cell.strip() for cell in row.strip("|").split("|")] for row in scale([outcome]).splitlines()[2:])
    (judged,) = (verdict for verdict in outcome.verdicts if verdict.aspect == "magnitude")
    first, second = judged.decisions
    assert row[:2] == ["ReLU is <faster>.", NUMBER]
    assert row[2] == f"plain: {first.measured}<br>other: {second.measured}"
    assert [cell.rstrip("°") for cell in row[3:]] == [WORDS[verdict.verdict] for verdict in outcome.verdicts[:2]]
    proxy = evaluate(made_up[0], replace(made_up[1], proxy="few images"), made_up[2])
    assert scale([proxy]).count("\n") == 1


@pytest.mark.parametrize(
    ("file", "name", "table"),
    [
        ("README.md", "topics quick", topics),
        ("docs/reference/results.md", "claims quick", markdown),
        ("README.md", "scale full", scale),
        ("docs/reference/results.md", "magnitudes full", magnitudes),
        ("docs/reference/results.md", "claims full", markdown),
    ],
)
def test_tables_are_those_of_the_reference_results(file, name, table):
    profile = name.split()[1]
    outcomes = committed(profile)
    begin, end = marks(name)
    text = (ROOT / file).read_text(encoding="utf-8")
    more = {"at_scale": at_scale(outcomes, outcomes, Setting(profile), ROOT / "results")} if table is topics else {}
    made = table(outcomes, **more)
    assert f"{begin}\n{made}\n{end}" in text, "stale: make readme"
