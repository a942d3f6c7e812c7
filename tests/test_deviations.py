"""No rule changes after its results were seen, unless ``results/DEVIATIONS.md`` says so."""

from dataclasses import replace

import pytest
from conftest import made_up_design, made_up_gains
from deviations import COMMAND, covering, judged, main, problems, read, rules_of, updated

from cnn_study.experiment import Contrast, Term

TEXT = """# What was changed
## 2026-03-01: the second
### pooling, made_up
- Seen: something.
## 2026-02-01: all experiments designed anew
### pooling
"""
OLDER = TEXT[TEXT.index("## 2026-02-01") :]
FIRST, SECOND = "2026-02-01: all experiments designed anew", "2026-03-01: the second"


def test_no_rule_has_changed_since_its_results():
    """A profile of which ``results/rules.json`` has nothing must have no results."""
    found = problems(judged(), read())
    assert not found, "\n".join(found)


def now_of(design):
    return {"quick": {"made_up": rules_of(design)}}


def kept_of(design):
    """What is kept when results are seen for the first time."""
    found, refused = updated(now_of(design), {}, OLDER)
    assert not refused
    return found


def test_results_without_kept_rules_are_told_and_rules_without_results_are_not():
    now = now_of(made_up_design())
    (line,) = problems(now, {})
    assert "results are in results/quick" in line
    assert COMMAND in line
    assert not problems({}, {})
    assert not problems(now, kept_of(made_up_design()))
    assert {each["entry"] for each in kept_of(made_up_design())["quick"]["made_up"].values()} == {FIRST}


CHANGES = {
    "limit": lambda rule: replace(rule, low=1 + 1e-9),
    "smallest": lambda rule: replace(rule, smallest=1.25),
    "published": lambda rule: replace(rule, published=True),
    "threshold": lambda rule: replace(rule, estimate=replace(rule.estimate, threshold=0.2)),
    "arms": lambda rule: replace(rule, estimate=replace(rule.estimate, denominator="tanh, other")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_rule_is_told_in_one_line_and_needs_a_new_entry(change):
    """Whatever decides it: its sentence alone would round the limit away."""
    design = made_up_design()
    kept = kept_of(design)
    now = now_of(replace(design, rules=(CHANGES[change](design.rules[0]), *design.rules[1:])))
    (line,) = problems(now, kept)
    assert line.startswith("made_up: faster, direction, plain: changed after its results in results/quick were seen")
    assert line.endswith(f"write an entry in results/DEVIATIONS.md and run `{COMMAND}`")
    for text in (OLDER, TEXT.replace("made_up", "other"), ""):
        same, (refused,) = updated(now, kept, text)
        assert same == kept
        assert "made_up: faster, direction, plain: changed" in refused
    found, refused = updated(now, kept, TEXT)
    assert not refused
    assert not problems(now, found)
    covered = {name: each["entry"] for name, each in found["quick"]["made_up"].items()}
    assert covered.pop("faster, direction, plain") == SECOND
    assert set(covered.values()) == {FIRST}


def test_one_entry_does_not_cover_a_second_change():
    design = made_up_design()
    changed = [replace(design, rules=(replace(design.rules[0], low=low), *design.rules[1:])) for low in (1.1, 1.2)]
    kept, _ = updated(now_of(changed[0]), kept_of(design), TEXT)
    _, (refused,) = updated(now_of(changed[1]), kept, TEXT)
    assert f'"{SECOND}", covers earlier rules' in refused


def test_rules_that_were_added_or_dropped_and_other_looks_need_an_entry_too():
    design = made_up_design()
    less = replace(design, rules=design.rules[1:])
    (dropped,) = problems(now_of(less), kept_of(design))
    (added,) = problems(now_of(design), kept_of(less))
    assert "faster, direction, plain: dropped after" in dropped
    assert "faster, direction, plain: added after" in added
    looks = replace(design, seeds=tuple(range(1, 7)), looks=(4, 6))
    assert len(problems(now_of(looks), kept_of(design))) == len(design.rules)
    for new, old in ((less, design), (design, less), (looks, design)):
        found, refused = updated(now_of(new), kept_of(old), TEXT)
        assert not refused
        assert not problems(now_of(new), found)
    assert len(problems({}, kept_of(design))) == len(design.rules)  # The experiment itself was dropped.


def test_the_terms_of_a_contrast_belong_to_its_rule():
    """Its text does not have them."""
    design = made_up_gains(low=0)
    terms = replace(design.rules[0].estimate, terms=(Term(1, "relu, plain", "test_error"),))
    assert isinstance(terms, Contrast)
    assert rules_of(design) != rules_of(replace(design, rules=(replace(design.rules[0], estimate=terms),)))


def test_rules_of_one_name_are_numbered():
    design = made_up_design()
    assert [*rules_of(replace(design, rules=(design.rules[0],) * 3))] == [
        "faster, direction, plain",
        "faster, direction, plain #2",
        "faster, direction, plain #3",
    ]


def test_an_entry_names_an_experiment_in_a_heading():
    assert covering("made_up", TEXT) == covering("pooling", TEXT) == SECOND
    assert covering("made", TEXT) == FIRST
    assert covering("made", "## 2026-01-01: something\nmade up\n") == ""


def test_the_command_writes_the_file_or_refuses_in_one_line(tmp_path, capsys):
    """Of a folder with results of one experiment that comes with the project."""
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "verdicts.csv").write_text("experiment,claim\npooling,a\npooling,b\n", encoding="utf-8")
    assert main(tmp_path) == 1
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "DEVIATIONS.md").write_text(OLDER, encoding="utf-8")
    assert main(tmp_path) == 0
    assert capsys.readouterr().out == "quick: rules of 1 experiments; no entry names none\n"
    kept = read(tmp_path)
    assert list(kept["quick"]) == ["pooling"]
    assert not problems(judged(tmp_path), kept)
    (tmp_path / "rules.json").write_text((tmp_path / "rules.json").read_text().replace('"digest": "', '"digest": "0'))
    before = (tmp_path / "rules.json").read_bytes()
    assert main(tmp_path) == 1
    assert capsys.readouterr().err.startswith("deviations.py: pooling: ")
    assert (tmp_path / "rules.json").read_bytes() == before
