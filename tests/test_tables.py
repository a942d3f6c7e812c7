from conftest import with_silent_claims

from cnn_study import tables
from cnn_study.analysis.sensitivity import outlook
from cnn_study.analysis.significance import UNCORRECTED, corrected


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


def test_an_explanation_says_how_surely_what_would_change_it_and_what_the_bootstrap_is_worth(barely_supported):
    claim, family = barely_supported.experiment.claims[0], with_silent_claims(barely_supported, 9)
    text = "\n".join(tables.explanation(barely_supported, claim, family))
    test = corrected(family)["made_up", "faster", "direction"]
    assert f"p = {test.p:.2g}; with all 10 tests together {test.adjusted:.2g}: does not survive" in text
    assert "survives Holm's correction" in "\n".join(tables.explanation(barely_supported, claim))
    for decision in barely_supported.verdicts[0].decisions:
        assert f"    {outlook(decision)}\n" in text
    assert "(nominally 95 %; of 3 seeds it holds the truth in 7" in text
