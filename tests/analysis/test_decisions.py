import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import (
    complete,
    made_up_arm,
    made_up_check,
    made_up_design,
    made_up_experiment,
    made_up_gains,
    made_up_record,
    time_of,
)
from scipy import stats

from cnn_study.analysis.decisions import combine, conjunction, decide, evaluate, place
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.p_values import p_supported
from cnn_study.analysis.significance import claim_p
from cnn_study.analysis.statistics import (
    Interval,
    Time,
    mean_interval,
)
from cnn_study.errors import InputError
from cnn_study.experiment import Claim, Contrast, HalfGap, Plot, Rule, Term, TimeRatio
from cnn_study.training.tuning import tune


def verdicts(outcome):
    return {verdict.aspect: verdict.verdict for verdict in outcome.verdicts}


def test_a_threefold_advantage_has_the_direction_but_not_the_magnitude(made_up):
    outcome = evaluate(*made_up)
    assert verdicts(outcome) == {
        "direction": "supported",
        "magnitude": "contradicted",
        "mechanism": "not tested",
    }
    assert outcome.verdicts[0].decisions[0].interval.estimate == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize(
    ("slow", "direction", "magnitude"),
    [
        (0.5, "contradicted", "contradicted"),
        (5.0, "supported", "supported"),
        (9.0, "supported", "contradicted"),
    ],
)
def test_other_results_give_other_verdicts(slow, direction, magnitude):
    experiment, design = made_up_experiment(), made_up_design()
    # Epochs enough for the slowest, and seeds that differ between arms so that intervals have a width.
    stored = complete(design, lambda spec: 0.5 * time_of(spec, slow))
    got = verdicts(evaluate(experiment, design, stored))
    assert (got["direction"], got["magnitude"]) == (direction, magnitude)


def test_conditions_that_disagree_are_mixed():
    def time(spec):
        narrow = spec.model.layers[0].units == 4
        return time_of(spec, 3.0 if narrow else 0.5)

    experiment, design = made_up_experiment(), made_up_design()
    wide = tuple(arm if arm.condition == "plain" else _wider(arm) for arm in design.arms)
    design = type(design)(wide, design.search, design.seeds, design.rules, design.proxy)
    outcome = evaluate(experiment, design, complete(design, time))
    assert verdicts(outcome)["direction"] == "mixed"


def _wider(arm):
    hidden, logits = arm.model.layers
    model = arm.model.but(layers=(hidden.but(units=5), logits))
    return type(arm)(arm.name, arm.label, arm.condition, arm.data, model, arm.train)


def test_a_proxy_is_never_held_against_a_published_number(made_up):
    experiment, _, stored = made_up
    outcome = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    magnitude = outcome.verdicts[1]
    assert (magnitude.aspect, magnitude.verdict) == ("magnitude", "not tested")
    assert "a subset" in magnitude.reason
    assert magnitude.decisions[0].interval is not None
    assert verdicts(outcome)["direction"] == "supported"


def test_missing_runs_are_not_tested(made_up):
    experiment, design, stored = made_up
    kept = {key: record for key, record in stored.items() if record.spec.seeds.init != 3}
    outcome = evaluate(experiment, design, kept)
    assert not outcome.complete
    assert set(verdicts(outcome).values()) == {"not tested"}
    assert outcome.verdicts[0].reason == "runs are missing"


def test_a_verdict_names_its_runs(made_up):
    experiment, design, stored = made_up
    outcome = evaluate(experiment, design, stored)
    runs = outcome.verdicts[0].decisions[0].runs
    assert len(set(runs)) == 6
    assert all(key in stored for key in runs)


def test_an_arm_tuned_to_the_edge_decides_nothing():
    design = made_up_design()
    stored = complete(design, lambda spec: 4 / spec.train.learning_rate**0.1)
    outcome = evaluate(made_up_experiment(), design, stored)
    assert outcome.verdicts[0].verdict == "inconclusive"
    assert "edge" in outcome.verdicts[0].reason


def test_a_diverged_run_never_arrives(made_up):
    _, design, _ = made_up
    record = made_up_record(design.arms[0].run(0.01, 1), lambda spec: 100.0)
    diverged = type(record)(record.spec, "diverged", record.outcomes, record.history[:3], "w")
    assert time_to(diverged, 0.25) == Time(20.0, censored=True)
    assert time_to(record, 0.25) == Time(20, censored=True)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.1, 2, "supported"),
        (0.5, 0.9, "contradicted"),
        (0.9, 1.2, "inconclusive"),
        (1.5, math.inf, "supported"),
    ],
)
def test_place_above_a_limit(low, high, verdict):
    assert place(Interval(1.0, low, high, 3), 1, math.inf) == verdict


def test_place_in_a_range():
    assert place(Interval(5, 4.5, 6, 3), 4, 8) == "supported"
    assert place(Interval(9, 8.5, 9.5, 3), 4, 8) == "contradicted"
    assert place(Interval(6, 3, 9, 3), 4, 8) == "inconclusive"
    assert place(Interval(6, 5, math.inf, 3), 4, 8) == "inconclusive"
    assert place(Interval(6, 5, 7, 1), 4, 8) == "inconclusive"


def test_a_number_is_not_larger_than_itself():
    """Seeds that all give the same count have an interval without width."""
    same = mean_interval([0.0, 0.0, 0.0])
    assert place(same, 0, math.inf) == place(same, -math.inf, 0) == "inconclusive"
    assert place(same, -1, 1) == "supported"
    assert place(same, 0.1, math.inf) == "contradicted"


def test_combine():
    assert combine(["supported", "supported"]) == "supported"
    assert combine(["supported", "contradicted", "inconclusive"]) == "mixed"
    assert combine(["supported", "inconclusive"]) == "inconclusive"
    assert combine(["not tested"]) == "not tested"


def test_rule_sentences_say_the_limits(made_up):
    _, design, _ = made_up
    sentences = [rule.sentence for rule in design.rules]
    assert "above 1" in sentences[0]
    assert "25 % training error" in sentences[0]
    assert "within 4 to 8" in sentences[1]


# --- several rules ---


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "contradicted"], "contradicted"),
        (["not tested", "contradicted"], "contradicted"),
        (["supported", "not tested"], "not tested"),
        (["inconclusive", "not tested"], "not tested"),
        (["supported", "inconclusive"], "inconclusive"),
        (["inconclusive"], "inconclusive"),
    ],
)
def test_a_claim_needs_all_its_rules_under_a_condition(verdicts, expected):
    assert conjunction(verdicts) == conjunction(reversed(verdicts)) == expected


def test_rules_join_within_a_condition_before_conditions_are_compared(made_up):
    """Plain: one rule holds and one does not. Other: both hold. So the conditions disagree."""
    experiment, design, stored = made_up

    def rule(condition, low):
        return Rule("faster", "direction", condition, TimeRatio(f"tanh, {condition}", f"relu, {condition}", 0.25), low)

    rules = (rule("plain", 1), rule("plain", 10), rule("other", 1), rule("other", 2))
    for chosen, expected in ((rules, "mixed"), (rules[:2], "contradicted"), (rules[2:], "supported")):
        assert verdicts(evaluate(experiment, replace(design, rules=chosen), stored))["direction"] == expected


# --- half of a gap ---


@pytest.mark.parametrize(("remedied", "verdict"), [(3.2, "contradicted"), (1.5, "supported"), (None, "contradicted")])
def test_a_remedy_must_remove_half_of_the_gap(remedied, verdict):
    """ReLU is four times as fast as tanh, so that half of the way is twice; a remedy may also be of no use at all."""
    arms = [made_up_arm(unit) for unit in ("relu", "tanh", "elu")]
    rule = Rule("faster", "mechanism", "plain", HalfGap("tanh", "relu", "elu", 0.25), low=1)
    design = replace(made_up_design(), arms=tuple(arms), rules=(rule,))
    factors = {"relu": 1.0, "tanh": 4.0, "elu": remedied or 100.0}

    def time(spec):
        jitter = 1 + 0.01 * ((spec.seeds.init * (3 if spec.model.layers[0].activation == "elu" else 1)) % 7)
        away = abs(math.log2(spec.train.learning_rate / 0.01))
        return 4 * factors[spec.model.layers[0].activation] * jitter * (1 + away)

    outcome = evaluate(made_up_experiment(), design, complete(design, time))
    (decision,) = outcome.verdicts[2].decisions
    assert decision.verdict == verdict
    if remedied:
        assert decision.interval.estimate == pytest.approx(2 / remedied, rel=0.05)


GAIN = Contrast((Term(100, "tanh, plain", "test_error"), Term(-100, "relu, plain", "test_error")), "gain")


@pytest.mark.parametrize(
    ("premise", "rule", "verdict", "reason"),
    [
        ({"low": 0}, {"low": 1}, "supported", ""),
        ({"low": 0}, {"low": 20}, "contradicted", ""),
        ({"low": 20}, {"low": 1}, "not tested", "a premise does not hold: plain: 5.33"),
        ({"low": 20}, {"low": 20}, "not tested", "a premise does not hold: plain: 5.33"),
        ({"low": 5}, {"low": 1}, "inconclusive", "a premise is undecided: plain: 5.33"),
    ],
)
def test_nothing_is_said_of_a_cause_whose_premise_does_not_hold(premise, rule, verdict, reason):
    design = made_up_gains()
    rules = (
        Rule("faster", "mechanism", "plain", GAIN, premise=True, **premise),
        Rule("faster", "mechanism", "plain", GAIN, **rule),
    )
    design = replace(design, rules=rules)
    outcome = evaluate(made_up_experiment(), design, with_errors(design, CLEARLY_BETTER))
    found = outcome.verdicts[2]
    assert found.verdict == verdict
    assert found.reason.startswith(reason)
    assert [decision.rule for decision in found.decisions] == list(rules)
    # What a premise cannot be held against is no test of the cause.
    p = claim_p(found)
    assert (p is None) == (verdict == "not tested")
    if verdict in ("supported", "contradicted"):
        assert p < 0.05
    if p is not None:
        first = found.decisions[0]
        assert p >= p_supported(first.sample, first.rule)


def test_what_is_told_of_a_cause_before_all_has_run_rests_on_its_premise_too():
    rules = (
        Rule("faster", "mechanism", "plain", GAIN, low=5, premise=True),
        Rule("faster", "mechanism", "plain", GAIN, low=1),
    )
    design = replace(made_up_gains(), rules=rules)
    found = evaluate(made_up_experiment(), design, with_errors(design, CLEARLY_BETTER)).verdicts[2]
    undecided, holds = found.decisions
    elsewhere = replace(holds, rule=replace(holds.rule, condition="other"), runs=(), verdict="not tested")
    waiting = replace(found, decisions=(undecided, holds, elsewhere))
    assert waiting.waits
    assert waiting.so_far.verdict == "inconclusive"
    proved = replace(undecided, verdict="supported")
    assert replace(waiting, decisions=(proved, holds, elsewhere)).so_far.verdict == "supported"
    unknown = replace(proved, runs=(), rule=replace(proved.rule, condition="other"))
    assert replace(waiting, decisions=(unknown, holds)).so_far.verdict == "inconclusive"


def test_a_condition_that_was_run_and_gives_no_estimate_is_not_one_that_is_still_to_be_run():
    rules = (Rule("faster", "direction", "plain", GAIN, low=1),)
    design = replace(made_up_gains(), rules=rules)
    stored = with_errors(design, CLEARLY_BETTER)
    found = evaluate(made_up_experiment(), design, stored).verdicts[0]
    (holds,) = found.decisions
    lost = _runs_of(design, "tanh, plain")[1].key
    stored[lost] = replace(stored[lost], ended="diverged", outcomes={})
    (without,) = evaluate(made_up_experiment(), design, stored).verdicts[0].decisions
    assert (without.verdict, without.interval) == ("inconclusive", None)
    assert without.reason.endswith("seed 2 of tanh, plain diverged")
    elsewhere = replace(without, rule=replace(without.rule, condition="other"))
    both = replace(found, verdict="inconclusive", decisions=(holds, elsewhere))
    assert not both.waits
    assert both.so_far.verdict == "inconclusive"


def test_seeds_are_paired_by_their_number_not_by_their_place():
    design = made_up_gains(low=0)
    stored = with_errors(design, CLEARLY_BETTER)
    (second,) = [run for run in _runs_of(design, "tanh, plain") if run.seeds.init == 2]
    del stored[second.key]
    pairs = evaluate(made_up_experiment(), design, stored).by_seed(["relu, plain", "tanh, plain"])
    assert [[record.spec.seeds.init for record in pair] for pair in pairs] == [[1, 1], [3, 3]]


def _runs_of(design, arm):
    return tune(design.arm(arm), design, {}).replicates


def test_a_mechanism_needs_more_than_premises():
    alone = (Rule("faster", "mechanism", "plain", GAIN, low=0, premise=True),)
    with pytest.raises(InputError, match="the mechanism of faster has a premise and no rule"):
        replace(made_up_gains(), rules=alone)
    with pytest.raises(InputError, match="only mechanisms have them"):
        Rule("faster", "direction", "plain", GAIN, low=0, premise=True)


def test_a_run_that_starts_below_the_threshold_decides_nothing(made_up):
    experiment, design, stored = made_up
    rules = (Rule("faster", "direction", "plain", TimeRatio("tanh, plain", "relu, plain", 0.95), low=1),)
    outcome = evaluate(experiment, replace(design, rules=rules), stored)
    (decision,) = outcome.verdicts[0].decisions
    assert (decision.verdict, decision.interval) == ("inconclusive", None)
    assert decision.reason == "tanh, plain starts below 95 % training error"


# --- contrasts and equivalences ---

# Test errors of ReLU and tanh by seed.
CLEARLY_BETTER = {"relu": (0.10, 0.11, 0.12), "tanh": (0.15, 0.17, 0.17)}
NEARLY_EQUAL = {"relu": (0.10, 0.11, 0.12), "tanh": (0.101, 0.109, 0.12)}


def with_errors(design, errors, **outcomes):
    """Made-up runs with such test errors and other outcomes, the same under every condition."""
    stored = {}
    for key, record in complete(design).items():
        error = errors[record.spec.model.layers[0].activation][record.spec.seeds.init - 1]
        stored[key] = replace(record, outcomes={**record.outcomes, "test_error": error, **outcomes})
    return stored


@pytest.mark.parametrize(
    ("errors", "limits", "verdict"),
    [
        (CLEARLY_BETTER, {"low": 0}, "supported"),
        (CLEARLY_BETTER, {"low": 10}, "contradicted"),
        (CLEARLY_BETTER, {"low": 5}, "inconclusive"),
        (CLEARLY_BETTER, {"high": 0}, "contradicted"),
        (NEARLY_EQUAL, {"low": 0}, "inconclusive"),
        (NEARLY_EQUAL, {"low": -1, "high": 1, "equivalence": True}, "supported"),
        (CLEARLY_BETTER, {"low": -1, "high": 1, "equivalence": True}, "contradicted"),
        (CLEARLY_BETTER, {"low": -5, "high": 5, "equivalence": True}, "inconclusive"),
    ],
)
def test_gains_are_decided_by_their_interval(errors, limits, verdict):
    design = made_up_gains(**limits)
    outcome = evaluate(made_up_experiment(), design, with_errors(design, errors))
    found = [decide(rule, design, outcome.tuned, outcome.stored) for rule in design.rules[:2]]
    assert {decision.verdict for decision in found} == {verdict}
    differences = 100 * (np.array(errors["tanh"]) - errors["relu"])
    level = 0.9 if limits.get("equivalence") else 0.95
    low, high = stats.ttest_rel(errors["tanh"], errors["relu"]).confidence_interval(level)
    interval = found[0].interval
    assert interval.estimate == pytest.approx(differences.mean())
    assert (interval.low, interval.high) == pytest.approx((100 * low, 100 * high))
    assert interval.text.endswith("] points")
    assert found[0].bootstrap.low >= min(differences) - 1e-9


def test_a_contrast_may_name_many_arms_and_outcomes():
    """A difference of differences, as of the gain at the border and at the center."""
    design = made_up_gains()
    terms = (
        Term(1.0, "relu, plain", "near/0"),
        Term(-1.0, "relu, plain", "near/4"),
        Term(-1.0, "tanh, plain", "near/0"),
        Term(1.0, "tanh, plain", "near/4"),
    )
    rule = Rule("better", "direction", "plain", Contrast(terms, "the extra gain at the border", unit=""), low=0)
    stored = {}
    for key, record in complete(design).items():
        relu = record.spec.model.layers[0].activation == "relu"
        outcomes = {"near/0": 8.0 + record.spec.seeds.init if relu else 5.0, "near/4": 4.0 if relu else 3.0}
        stored[key] = replace(record, outcomes=outcomes)
    tuned = evaluate(made_up_experiment(), design, stored).tuned
    decision = decide(rule, design, tuned, stored)
    assert decision.interval == replace(mean_interval([3.0, 4.0, 5.0]), unit="")
    assert len(decision.runs) == 6


@pytest.mark.parametrize("lacking", ["none", "not a number"])
def test_a_missing_outcome_is_named_and_decides_nothing(lacking):
    design = made_up_gains(low=0)
    stored = with_errors(design, CLEARLY_BETTER)
    run = design.arms[1].run(0.01, 2, ("filters",))
    kept = {name: x for name, x in stored[run.key].outcomes.items() if name != "test_error" or lacking != "none"}
    kept |= {"test_error": math.nan} if lacking == "not a number" else {}
    stored[run.key] = replace(stored[run.key], outcomes=kept, ended="diverged")
    tuned = evaluate(made_up_experiment(), design, stored).tuned
    decision = decide(design.rules[0], design, tuned, stored)
    assert (decision.verdict, decision.interval) == ("inconclusive", None)
    assert decision.reason == "test_error is missing: seed 2 of tanh, plain diverged"


def test_the_error_of_a_diverged_run_counts_as_it_is_stored():
    design = made_up_gains(low=0)
    stored = {k: replace(r, ended="diverged") for k, r in with_errors(design, CLEARLY_BETTER).items()}
    tuned = evaluate(made_up_experiment(), design, stored).tuned
    assert decide(design.rules[0], design, tuned, stored).verdict == "supported"


# --- checks ---


@pytest.mark.parametrize(
    ("cases", "agreeing", "verdict"),
    [(8, 8, "supported"), (8, 7, "contradicted"), (10**6, 10**6 - 1, "contradicted"), (0, 0, "inconclusive")],
)
def test_a_check_holds_in_every_case_or_not(cases, agreeing, verdict):
    design = made_up_gains()
    record = made_up_check(design.checks[0], cases, agreeing)
    claim = Claim("exact", "Sizes follow a formula.")
    outcome = evaluate(replace(made_up_experiment(), claims=(claim,)), design, {}, {record.key: record})
    direction = outcome.verdicts[0]
    assert direction.verdict == verdict
    assert outcome.checks == {"sizes": record}
    assert direction.decisions[0].runs == (record.key,)
    assert direction.decisions[0].interval.n == cases


def test_an_experiment_is_complete_with_its_checks():
    design = made_up_gains()
    stored, record = complete(design), made_up_check(design.checks[0])
    assert evaluate(made_up_experiment(), design, stored, {record.key: record}).complete
    without = evaluate(made_up_experiment(), design, stored)
    assert not without.complete
    assert decide(design.rules[-1], design, without.tuned, stored).reason == "the check is missing"
    older = replace(record, spec=record.spec.but(version=2))
    assert not evaluate(made_up_experiment(), design, stored, {older.key: older}).complete


def test_figures_that_show_an_arm_that_has_been_run_can_be_drawn_before_the_others_have():
    design = made_up_design()
    relu, tanh = "relu, plain", "tanh, plain"
    plots = (Plot("race", "other", arms=(tanh,)), Plot("race", "both", arms=(relu, tanh)), "multiverse")
    experiment, stored = replace(made_up_experiment(), figures=plots), complete(design)
    some = {key: record for key, record in stored.items() if record.spec.model.layers[0].activation == "relu"}
    assert [plot.file for plot in evaluate(experiment, design, some).plots] == ["both"]
    assert evaluate(experiment, design, stored).plots == experiment.plots
    assert evaluate(experiment, design, {}).plots == ()


def test_a_proxy_does_not_matter_to_a_check():
    design = replace(made_up_gains(), proxy="a subset")
    rule = replace(design.rules[-1], published=True)
    assert decide(rule, design, {}, {}, {"sizes": made_up_check(design.checks[0])}).verdict == "supported"
