"""Rules that are judged at planned looks."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from conftest import complete, made_up_experiment, made_up_gains, made_up_record

from cnn_study.analysis.decisions import decide, evaluate, place
from cnn_study.analysis.p_values import CONFIRMED, p_value
from cnn_study.analysis.replication import Standing, most, wanted
from cnn_study.analysis.sensitivity import look_text, outlook
from cnn_study.analysis.sequential import boundaries
from cnn_study.analysis.significance import claim_p
from cnn_study.analysis.statistics import Sample, mean_interval, sample_interval
from cnn_study.experiment import LOOKS, Rule, TimeRatio, gain
from cnn_study.training.tuning import tune

LOOKED_AT = (3, 4, 6)
SURE = (2.0, 2.01, 2.005, 1.99, 2.0, 2.01)
CLEAR = (2.0, 2.1, 2.05, 1.9, 2.0, 2.1)
UNCLEAR = (1.0, -1.2, 0.4, -0.3, 0.9, -0.6)


def design_of(looks=LOOKED_AT, **limits):
    design = made_up_gains(**(limits or {"low": 0}))
    return replace(design, seeds=tuple(range(1, looks[-1] + 1)), looks=looks)


def stored_with(design, gains):
    """Runs of the first seeds in which tanh has so many points more test error than ReLU."""
    stored = {}
    for arm in design.arms:
        for run, points in zip(tune(arm, design, {}).replicates, gains, strict=False):
            error = 0.1 + (points / 100 if arm.label == "tanh" else 0)
            stored[run.key] = replace(made_up_record(run), outcomes={"test_error": error})
    return stored


def decided(design, gains):
    stored = stored_with(design, gains)
    tuned = {arm.name: tune(arm, design, stored) for arm in design.arms}
    return decide(design.rules[0], design, tuned, stored)


def test_a_verdict_that_is_confirmed_is_changed_by_no_further_seed():
    design = design_of()
    first = decided(design, SURE[:3])
    assert (first.verdict, first.look.number, first.sample.n, first.state) == ("supported", 1, 3, "closed")
    assert look_text(first).startswith("confirmed at 3 seeds, look 1 of 3 (")
    against = (*SURE[:3], -50.0, -60.0, -70.0)
    for seeds in (4, 5, 6):
        assert decided(design, against[:seeds]) == first


def test_a_verdict_that_is_not_confirmed_is_that_of_the_last_look_whose_seeds_are_stored():
    design = design_of()
    first = decided(design, CLEAR[:3])
    assert (first.verdict, first.look.number, first.state) == ("supported", 1, "decided")
    assert look_text(first).startswith("decided at 3 seeds, look 1 of 3; `run --confirm` goes on to 4 seeds (")
    second = decided(design, CLEAR[:5])
    assert (second.verdict, second.look.number, second.state) == ("supported", 2, "closed")
    assert second.sample.values[:3] == first.sample.values
    against = decided(design, (*CLEAR[:3], -50.0))
    assert (against.verdict, against.look.number, against.state) == ("inconclusive", 2, "open")


@pytest.mark.parametrize("gains", [CLEAR, SURE, UNCLEAR, tuple(-gain for gain in CLEAR)], ids=str)
@pytest.mark.parametrize("limits", [{"low": 0}, {"low": -9, "high": 9, "equivalence": True}, {"low": 5, "smallest": 1}])
def test_a_verdict_is_confirmed_exactly_if_its_p_value_survives_a_hundred_tests(limits, gains):
    design = design_of(**limits)
    decision = decided(design, gains[:4])
    sure = decision.verdict in ("supported", "contradicted")
    p = p_value(decision.verdict, decision.sample, decision.rule, LOOKED_AT) if sure else 1.0
    assert pytest.approx(100 * CONFIRMED) == 0.05
    assert (decision.state == "closed") == (p < CONFIRMED)


@pytest.mark.parametrize("limits", [{"low": 0}, {"low": 3, "smallest": 1}, {"low": 1, "high": 3, "equivalence": True}])
def test_seeds_that_are_all_the_same_decide_when_so_many_would_not_agree_by_chance(limits):
    """Where the t test has no spread to go by, the sign test must decide as well: 1 / 2^9 is surely enough."""
    design = design_of((4, 9), **limits)
    few, many = (decided(design, (2.0,) * seeds) for seeds in (4, 9))
    assert (few.verdict, few.state) == ("inconclusive", "open")
    assert few.reason == "its 4 seeds all give the same number"
    assert few.interval.low == few.interval.high
    assert many.verdict == ("contradicted" if "smallest" in limits else "supported")
    assert p_value(many.verdict, many.sample, many.rule, many.looks) < 0.05
    assert outlook(few) == ""  # Without a spread nobody can say how many seeds are needed.
    fixed = replace(design, looks=(), seeds=design.seeds[:4])
    assert (decided(fixed, (2.0,) * 4).verdict, decided(fixed, (2.0,) * 4).state) == ("inconclusive", "closed")


def test_a_rule_that_is_open_is_judged_at_the_last_look_whose_seeds_are_all_stored():
    design = design_of()
    for seeds, number in ((3, 1), (4, 2), (5, 2)):
        decision = decided(design, UNCLEAR[:seeds])
        assert (decision.verdict, decision.look.number, decision.state) == ("inconclusive", number, "open")
        assert decision.sample.n == LOOKED_AT[number - 1]
        assert f"open at {decision.sample.n} seeds, look {number} of 3; {LOOKED_AT[number]} seeds" in look_text(
            decision
        )
    missing = decided(design, UNCLEAR[:2])
    assert (missing.verdict, missing.look, missing.reason, missing.state) == (
        "not tested",
        None,
        "runs are missing",
        "open",
    )


def test_the_interval_is_the_repeated_one():
    decision = decided(design_of(), UNCLEAR)
    level = boundaries(LOOKED_AT).confidence
    assert decision.interval == replace(mean_interval(decision.sample.values, level), unit="points")
    assert decision.confidence == level > 0.95
    equal = decided(design_of(low=-1, high=1, equivalence=True), UNCLEAR)
    assert 0.90 < equal.confidence == boundaries(LOOKED_AT).equivalence_confidence < level
    assert f"nominally {100 * level:.2f} % at each" in look_text(decision)
    assert decision.text == f"plain: {decision.interval.text}, 6 seeds"


def test_after_the_last_look_it_is_said_what_is_excluded():
    decision = decided(design_of(), UNCLEAR)
    assert (decision.verdict, decision.state) == ("inconclusive", "closed")
    assert (
        outlook(decision)
        == f"Undecided after 6 seeds: an effect above {decision.interval.high:.3g} points is excluded."
    )
    assert f"below {decision.interval.low:.3g} points is" in outlook(decided(design_of(high=0), UNCLEAR))
    both = outlook(decided(design_of(low=0, high=0.5), UNCLEAR))
    assert f"below {decision.interval.low:.3g} or above {decision.interval.high:.3g} points is" in both


LIMITS = [
    {"low": 0},
    {"high": 0.5},
    {"low": -1, "high": 1},
    {"low": -1, "high": 1, "equivalence": True},
    {"low": 0, "smallest": 0.8},
    {"high": 0, "smallest": 0.8},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("looks", [LOOKED_AT, LOOKS], ids=str)
def test_a_repeated_p_value_is_below_its_level_exactly_if_the_verdict_is_reached(limits, looks):
    """At every look. An equivalence is contradicted at twice the level, as without looks."""
    rng, reached = np.random.default_rng(5), set()
    rule = Rule("claim", "direction", "plain", gain("a", "b"), **limits)
    found = boundaries(looks)
    two_sided, one_sided = found.confidence, found.equivalence_confidence
    for mean, deviation, _ in itertools.product(np.linspace(-2, 2, 9), (0.1, 0.5, 1.2), range(4)):
        values = rng.normal(mean, deviation, looks[-1]).tolist()
        for n in looks:
            sample = Sample(tuple(values[:n]))
            interval = sample_interval(sample, one_sided if rule.equivalence else two_sided)
            verdict = place(interval, rule.low, rule.high)
            if verdict == "inconclusive" and rule.smallest:
                relevant = place(sample_interval(sample, one_sided), *rule.relevant)
                verdict = "contradicted" if relevant == "contradicted" else verdict
            reached.add(verdict)
            assert (p_value("supported", sample, rule, looks) < 0.05) == (verdict == "supported")
            if verdict != "supported" or rule.smallest is None:
                level = 0.10 if rule.equivalence else 0.05
                assert (p_value("contradicted", sample, rule, looks) < level) == (verdict == "contradicted")
    assert reached == {"supported", "contradicted", "inconclusive"}


def test_the_correction_for_many_claims_takes_the_repeated_p_value():
    design = design_of()
    stored = stored_with(design, (2.0, 2.5, 0.2, 1.9, 2.0, 2.1))
    verdict = evaluate(made_up_experiment(), replace(design, rules=design.rules[:1]), stored)
    (decision,) = [decide(design.rules[0], design, verdict.tuned, stored)]
    combined = replace(made_up_verdict(decision), decisions=(decision,))
    assert decision.look.number > 1
    assert claim_p(combined) == min(
        p_value(verdict, decision.sample, decision.rule, LOOKED_AT) for verdict in ("supported", "contradicted")
    )


def made_up_verdict(decision):
    experiment = made_up_experiment()
    outcome = evaluate(experiment, experiment.at("quick"), {})
    return replace(outcome.verdicts[0], verdict=decision.verdict)


# --- the smallest effect of interest ---


@pytest.mark.parametrize("sign", [1, -1])
def test_an_interval_on_the_other_side_is_told_as_the_opposite(sign):
    gains = tuple(sign * gain for gain in (-0.8, -3.2, 0.0, -2.2, 0.1, -1.2))
    design = design_of(**({"low": 0} if sign > 0 else {"high": 0}), smallest=1)
    decision = decided(replace(design, looks=()), gains)
    assert decision.verdict == "contradicted"
    assert decision.finding == "no relevant effect (rather the opposite)"


@pytest.mark.parametrize(("limits", "side"), [({"low": 2}, "above"), ({"high": 2}, "below")], ids=str)
def test_an_effect_on_the_other_side_of_a_limit_is_not_told_as_the_opposite(limits, side):
    sign = 1 if side == "above" else -1
    gains = tuple(2 + sign * gain for gain in (-0.8, -3.2, 0.0, -2.2, 0.1, -1.2))
    decision = decided(replace(design_of(**limits, smallest=1), looks=()), gains)
    other = "below" if side == "above" else "above"
    assert decision.finding == f"no relevant effect {side} 2 points (rather {other} it)"


@pytest.mark.parametrize("looks", [(), LOOKED_AT], ids=str)
@pytest.mark.parametrize(
    ("gains", "limits", "verdict", "finding"),
    [
        (
            (0.1, -0.1, 0.05, -0.08, 0.02, 0.0),
            {"low": 0},
            "contradicted",
            "no relevant effect (it lies between -1 and 1 points)",
        ),
        ((-0.6, -3.0, 0.2, -2.0, 0.3, -1.0), {"low": 0}, "contradicted", "one above 1 point is excluded"),
        ((0.6, 3.0, -0.2, 2.0, -0.3, 1.0), {"high": 0}, "contradicted", "one below -1 points is excluded"),
        ((0.5, 0.52, 0.51, 0.5, 0.49, 0.5), {"low": 0}, "supported", ""),
        ((-3.0, -3.1, -3.05, -3, -3, -3), {"low": 0}, "contradicted", ""),
        ((1.0, -1.2, 2.4, -0.3, 0.9, 1.6), {"low": 0}, "inconclusive", ""),
        # A limit that is not that of no effect at all: there is one, and it does not pass the limit by enough.
        (
            (2.1, 1.9, 2.05, 1.92, 2.02, 2.0),
            {"low": 2},
            "contradicted",
            "no relevant effect above 2 points (it lies between 1 and 3 points)",
        ),
    ],
    ids=str,
)
def test_an_effect_of_interest_that_is_excluded_contradicts(gains, limits, verdict, finding, looks):
    design = replace(design_of(**limits, smallest=1), looks=looks)
    decision = decided(design, gains)
    assert decision.verdict == verdict
    assert finding in decision.finding
    assert bool(finding) == bool(decision.finding)
    if finding:
        low, high = decision.rule.relevant
        assert decision.interval.high < low or decision.interval.low > high
        assert outlook(decision) == ""
        nominal = boundaries(looks).equivalence_confidence if looks else 0.90
        assert decision.confidence == nominal


def test_the_smallest_effect_of_a_ratio_is_a_factor():
    rule = Rule("claim", "direction", "plain", TimeRatio("a", "b", 0.25), low=1.5, smallest=1.2)
    assert rule.relevant == pytest.approx((1.8, np.inf))
    assert replace(rule, low=-np.inf, high=1.5).relevant == pytest.approx((-np.inf, 1.25))


def test_a_verdict_says_that_there_is_no_relevant_effect():
    design = design_of(low=0, smallest=1)
    design = replace(design, rules=tuple(replace(rule, claim="faster") for rule in design.rules[:2]))
    outcome = evaluate(made_up_experiment(), design, stored_with(design, (0.1, -0.1, 0.05)))
    assert outcome.verdicts[0].verdict == "contradicted"
    assert outcome.verdicts[0].reason == "no relevant effect (it lies between -1 and 1 points)"
    assert claim_p(outcome.verdicts[0]) < 0.05


# --- how many seeds are asked for ---


def outcome_of(design, gains):
    """With a rule for the made-up claim, so that its decisions are among the verdicts."""
    design = replace(design, rules=tuple(replace(rule, claim="faster") for rule in design.rules[:1]), checks=())
    return evaluate(made_up_experiment(), design, stored_with(design, gains))


@pytest.mark.parametrize(
    ("gains", "seeds", "complete"),
    [
        (CLEAR[:2], 3, False),
        (CLEAR[:3], 3, True),
        (UNCLEAR[:3], 4, False),
        (UNCLEAR[:4], 6, False),
        (UNCLEAR[:5], 6, False),
        (UNCLEAR, 6, True),
    ],
    ids=str,
)
def test_only_arms_of_open_rules_get_more_seeds(gains, seeds, complete):
    outcome = outcome_of(design_of(), gains)
    assert outcome.wanted == {"relu, plain": seeds, "tanh, plain": seeds, "relu, other": 3, "tanh, other": 3}
    assert outcome.complete == complete


def test_an_arm_gets_the_most_that_any_rule_about_it_wants():
    design = design_of()
    first, second, exact = design.rules
    shared = replace(second, estimate=gain("relu, other", "tanh, plain"))
    standings = [(first, Standing(1, "closed")), (shared, Standing(2, "open")), (exact, Standing(0, "closed"))]
    assert wanted(design, standings) == {"relu, plain": 3, "tanh, plain": 6, "relu, other": 6, "tanh, other": 3}
    standings[1] = (shared, Standing(1, "open"))
    assert set(wanted(design, standings).values()) == {3, 4}
    assert most(design, standings) == {"relu, plain": 3, "tanh, plain": 6, "relu, other": 6, "tanh, other": 3}


def test_an_arm_gets_more_seeds_to_confirm_a_verdict_only_if_that_is_asked_for():
    design = design_of()
    first, _, exact = design.rules
    standings = [(first, Standing(1, "decided")), (exact, Standing(0, "closed"))]
    assert set(wanted(design, standings).values()) == set(most(design, standings).values()) == {3}
    others = {"relu, other": 3, "tanh, other": 3}
    assert wanted(design, standings, confirm=True) == {"relu, plain": 4, "tanh, plain": 4, **others}
    assert most(design, standings, confirm=True) == {"relu, plain": 6, "tanh, plain": 6, **others}
    standings[0] = (first, Standing(1, "closed"))
    assert set(wanted(design, standings, confirm=True).values()) == {3}


def test_what_no_seed_can_mend_asks_for_no_more_than_the_first_look():
    unclear = stored_with(design_of(), UNCLEAR[:3])
    published = replace(
        design_of(), proxy="a subset", rules=tuple(replace(r, published=True) for r in design_of().rules[:2])
    )
    edge = design_of()
    diverged = {key: replace(record, outcomes={}, ended="diverged") for key, record in unclear.items()}
    for design, stored, inside, reason in (
        (published, unclear, True, "a proxy"),
        (edge, unclear, False, "edge of its grid"),
        (edge, diverged, True, "is missing"),
    ):
        tuned = {arm.name: tune(arm, design, stored) for arm in design.arms}
        tuned = {name: replace(each, search=replace(each.search, inside=inside)) for name, each in tuned.items()}
        decision = decide(design.rules[0], design, tuned, stored)
        assert (decision.look.number, decision.state) == (1, "closed")
        assert reason in decision.reason


def test_an_arm_that_never_arrives_is_not_trained_beyond_what_its_rule_needs():
    """Where numerator and denominator are censored, no number of seeds decides anything."""
    design = design_of()
    rule = Rule("faster", "direction", "plain", TimeRatio("tanh, plain", "relu, plain", 0.25), low=1)
    design = replace(design, rules=(rule,), checks=())
    stored = complete(design, lambda spec: 1000.0)
    tuned = {arm.name: tune(arm, design, stored) for arm in design.arms}
    decision = decide(rule, design, tuned, stored)
    assert (decision.verdict, decision.look.seeds, decision.state) == ("inconclusive", 3, "closed")
    assert "No number of seeds decides it" in outlook(decision)


def test_without_looks_every_arm_gets_all_seeds_and_nothing_is_said_of_looks():
    design = replace(design_of(), looks=())
    outcome = outcome_of(design, UNCLEAR)
    assert set(outcome.wanted.values()) == {6}
    decision = decided(design, UNCLEAR)
    assert (decision.look, decision.state, look_text(decision)) == (None, "closed", "")
    assert decision.text == f"plain: {decision.interval.text}"
    assert decision.confidence == 0.95
