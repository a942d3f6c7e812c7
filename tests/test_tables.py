from dataclasses import replace

import pytest
from conftest import complete, made_up_design, made_up_experiment

from cnn_study import tables
from cnn_study.analysis.decisions import ClaimVerdict, evaluate
from cnn_study.analysis.sensitivity import outlook
from cnn_study.analysis.significance import corrected
from cnn_study.experiment import Claim


@pytest.fixture
def outcome():
    """A claim that is supported with a p value just below 5 %: the ratio of times varies much between seeds."""

    def time(spec):
        tanh = spec.model.layers[0].activation == "tanh"
        factor = {1: 1.45, 2: 2.0, 3: 2.0}.get(spec.seeds.init, 2.0) if tanh else 1.0
        return 4.0 * factor * (1 + abs(spec.train.learning_rate - 0.01) * 100)

    design = made_up_design(proxy="a subset")
    return evaluate(made_up_experiment(), design, complete(design, time))


def family(outcome, others):
    """The outcome, and another experiment with so many claims that nothing is known of."""
    claims = tuple(Claim(f"other {i}", "Something is so.") for i in range(others))
    silent = [replace(decision, reason="no number") for decision in outcome.verdicts[0].decisions]
    verdicts = tuple(ClaimVerdict(claim, "direction", "inconclusive", "", tuple(silent)) for claim in claims)
    return [outcome, replace(outcome, experiment=replace(outcome.experiment, claims=()), verdicts=verdicts)]


def test_a_verdict_that_does_not_survive_the_correction_is_marked_and_the_mark_explained(outcome):
    assert 0.025 < corrected([outcome])["faster", "direction"].p < 0.05
    alone = "\n".join(line.plain for line in tables.verdicts([outcome]))
    assert tables.UNCORRECTED not in alone
    lines = [line.plain for line in tables.verdicts([outcome], family(outcome, 9))]
    (row,) = (line for line in lines if line.startswith("  faster"))
    assert row.split()[1] == f"supported{tables.UNCORRECTED}"
    assert lines[-1].startswith(f"{tables.UNCORRECTED} ")
    assert "all 10 tests together" in lines[-1]
    others = "\n".join(line.plain for line in tables.verdicts(family(outcome, 9)[1:], family(outcome, 9)))
    assert tables.UNCORRECTED not in others


def test_an_explanation_says_how_surely_what_would_change_it_and_what_the_bootstrap_is_worth(outcome):
    claim = outcome.experiment.claims[0]
    text = "\n".join(tables.explanation(outcome, claim, family(outcome, 9)))
    test = corrected(family(outcome, 9))["faster", "direction"]
    assert f"p = {test.p:.2g}; with all 10 tests together {test.adjusted:.2g}: does not survive" in text
    assert "survives Holm's correction" in "\n".join(tables.explanation(outcome, claim))
    for decision in outcome.verdicts[0].decisions:
        assert f"    {outlook(decision)}\n" in text
    assert "(nominally 95 %; of 3 seeds it holds the truth in 7" in text
