import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import complete, made_up_check, made_up_design, made_up_experiment, made_up_gains, time_of
from scipy import stats

from cnn_study.analysis.decisions import ClaimVerdict, Decision, evaluate, place
from cnn_study.analysis.estimates import confidence
from cnn_study.analysis.p_values import p_contradicted, p_supported
from cnn_study.analysis.significance import claim_p, corrected, holm, holm_adjusted
from cnn_study.analysis.statistics import Sample, Time, mean_interval, time_product, time_sample
from cnn_study.experiment import Agreement, Claim, HalfGap, Rule, TimeRatio, gain

CONTRAST, RATIO = gain("a", "b"), TimeRatio("a", "b", 0.25)
CLAIM = Claim("claim", "Something is so.")


def rule(estimate=CONTRAST, condition="plain", **limits):
    return Rule(CLAIM.name, "direction", condition, estimate, **limits)


LIMITS = [
    {"low": 0},
    {"high": 0},
    {"low": 0.5},
    {"low": -1, "high": 1},
    {"low": -1, "high": 1, "equivalence": True},
    {"low": 0, "high": 0.1, "equivalence": True},
]


# --- p values of rules ---


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("n", [2, 3, 6])
def test_a_p_value_is_below_its_level_exactly_if_the_verdict_is_reached(limits, n):
    rng = np.random.default_rng(n)
    one, reached = rule(**limits), set()
    for mean, deviation in itertools.product(np.linspace(-3, 3, 13), (0.05, 0.3, 1)):
        values = tuple(rng.normal(mean, deviation, n).tolist())
        verdict = place(mean_interval(values, confidence(one)), one.low, one.high)
        assert (p_supported(Sample(values), one) < 0.05) == (verdict == "supported")
        level = 0.10 if one.equivalence else 0.05
        assert (p_contradicted(Sample(values), one) < level) == (verdict == "contradicted")
        reached.add(verdict)
    assert {"contradicted", "inconclusive"} <= reached


@pytest.mark.parametrize("limits", [{"low": 1}, {"high": 1}, {"low": 0.8, "high": 2}], ids=str)
def test_the_p_value_of_times_agrees_with_the_verdict_whatever_is_censored(limits):
    rng = np.random.default_rng(4)
    one, reached = rule(RATIO, **limits), set()
    for _ in range(400):
        center, end = rng.uniform(-1.5, 1.5), rng.choice([3.0, 6.0, 100.0])
        arms = [
            [Time(min(t, end), bool(t > end)) for t in np.exp(rng.normal(1 + c, 0.1, 4)).tolist()] for c in (center, 0)
        ]
        sample, interval = time_sample((1, -1), arms), time_product((1, -1), arms)
        verdict = place(interval, one.low, one.high)
        assert (p_supported(sample, one) < 0.05) == (verdict == "supported")
        assert (p_contradicted(sample, one) < 0.05) == (verdict == "contradicted")
        reached.add((verdict, sample.bounded_below and sample.bounded_above))
    assert {"supported", "contradicted"} <= {verdict for verdict, whole in reached if whole}
    assert {"supported", "contradicted"} & {verdict for verdict, whole in reached if not whole}


def test_p_values_are_those_of_an_independent_implementation():
    values = (0.4, 1.1, 0.7, 0.2)
    two_sided = stats.ttest_1samp(values, 0).pvalue
    assert p_supported(Sample(values), rule(low=0)) == pytest.approx(two_sided)
    assert p_contradicted(Sample(values), rule(high=0)) == pytest.approx(two_sided)
    above = stats.ttest_1samp(values, -1, alternative="greater").pvalue
    below = stats.ttest_1samp(values, 1, alternative="less").pvalue
    assert p_supported(Sample(values), rule(low=-1, high=1, equivalence=True)) == pytest.approx(max(above, below))
    assert p_supported(Sample(values), rule(low=-1, high=1)) == pytest.approx(2 * max(above, below))
    logs = Sample(tuple(math.log(2 + value) for value in values), "time")
    expected = stats.ttest_1samp(logs.values, math.log(2)).pvalue
    assert p_supported(logs, rule(RATIO, low=2)) == pytest.approx(expected)


def test_a_bound_that_censoring_takes_away_cannot_be_tested():
    above = Sample((1.0, 1.1, 1.2), "time", bounded_below=False)
    assert p_supported(above, rule(RATIO, low=1)) == 1
    assert p_supported(replace(above, bounded_below=True, bounded_above=False), rule(RATIO, low=1)) < 0.05
    assert p_contradicted(above, rule(RATIO, low=10)) < 0.05


def test_seeds_that_are_all_the_same_and_single_seeds():
    """The sum of three times 0.1, divided by 3, is larger than 0.1."""
    same = (0.1, 0.1, 0.1)
    assert (mean_interval(same).low, mean_interval(same).high) == (0.1, 0.1)
    assert p_supported(Sample(same), rule(low=0.1)) == 1
    assert p_supported(Sample(same), rule(low=0)) == 2 * 0.5**3  # The sign test's.
    assert p_contradicted(Sample(same), rule(high=0)) == 2 * 0.5**3
    assert p_supported(Sample((5.0,)), rule(low=0)) == 1


# --- p values of claims ---


def verdict(kind, *decisions):
    return ClaimVerdict("made_up", CLAIM, "direction", kind, "", decisions)


def decided(condition, values, kind="supported", reason="", **limits):
    return Decision(rule(condition=condition, **(limits or {"low": 0})), kind, None, None, reason, (), Sample(values))


def test_a_claim_has_the_largest_p_value_of_what_must_all_hold():
    first, second = (1.0, 1.1, 1.2), (1.0, 2.0, 3.0)
    ps = [p_supported(Sample(values), rule(low=0)) for values in (first, second)]
    assert ps[0] < ps[1]
    for conditions in (("plain", "plain"), ("plain", "other")):
        decisions = [decided(c, values) for c, values in zip(conditions, (first, second), strict=True)]
        assert claim_p(verdict("supported", *decisions)) == pytest.approx(ps[1])


def test_one_rule_of_several_contradicts_at_the_price_of_their_number():
    against, neither = (-1.0, -1.1, -1.2), (-1.0, 0.1, 1.0)
    p = p_contradicted(Sample(against), rule(low=0))
    both = [decided("plain", against), decided("plain", neither)]
    assert claim_p(verdict("contradicted", *both)) == pytest.approx(2 * p)
    elsewhere = [decided("plain", against), decided("other", (-3.0, -2.0, -1.0))]
    largest = p_contradicted(Sample((-3.0, -2.0, -1.0)), rule(low=0))
    assert claim_p(verdict("contradicted", *elsewhere)) == pytest.approx(largest)


def test_what_could_not_be_decided_has_no_small_p_value():
    clear = (1.0, 1.1, 1.2)
    edge = decided("other", clear, "inconclusive", "the best learning rate lies on the edge of its grid")
    assert claim_p(verdict("inconclusive", decided("plain", clear), edge)) == 1
    mixed = verdict("mixed", decided("plain", clear), decided("other", (-1.0, -1.1, -1.2)))
    assert claim_p(mixed) > 0.9
    assert claim_p(verdict("not tested")) is None
    exact = Decision(rule(Agreement("sizes")), "supported", None, None, "", ())
    assert claim_p(verdict("supported", exact)) is None
    assert claim_p(verdict("supported", exact, decided("plain", clear))) < 0.05


# --- Holm's correction ---


def test_adjusted_p_values_are_those_of_an_independent_implementation():
    """By statsmodels 0.15.0: statsmodels.stats.multitest.multipletests(P, method="holm")[1]."""
    p = [0.0421, 0.001, 0.03, 0.0074, 0.5, 0.0074, 0.012]
    assert holm_adjusted(p) == pytest.approx([0.09, 0.007, 0.09, 0.0444, 0.5, 0.0444, 0.048])
    assert holm_adjusted([]) == []
    assert holm_adjusted([0.7, 0.9]) == [1.0, 1.0]


def test_claims_of_one_name_in_two_experiments_are_two_tests(made_up):
    """Else the second would take the place of the first, and all others would be corrected for one test less."""
    outcome = evaluate(*made_up)
    twin = replace(outcome, verdicts=tuple(replace(each, experiment="twin") for each in outcome.verdicts))
    assert len(corrected([outcome, twin])) == 2 * len(corrected([outcome]))


def test_more_tests_leave_fewer_verdicts(made_up):
    """A verdict at p = 0.03 stands alone, and falls among many that show nothing."""
    outcome = evaluate(*made_up)

    def among(others):
        near = tuple(Claim(f"other {i}", "Something is so.") for i in range(others))
        extra = [
            ClaimVerdict("made_up", claim, "direction", "inconclusive", "", (decided("plain", (-1.0, 0.1, 1.0)),))
            for claim in near
        ]
        values = (0.55, 1.0, 1.0)
        assert 0.025 < p_supported(Sample(values), rule(low=0)) < 0.05
        mine = verdict("supported", decided("plain", values))
        return replace(outcome, verdicts=(mine, *extra))

    assert holm([among(0)]) == {("made_up", "claim", "direction"): True}
    assert holm([among(5)]) == {("made_up", "claim", "direction"): False}
    found = corrected([among(5)])["made_up", "claim", "direction"]
    assert found.tests == 6
    assert found.adjusted == pytest.approx(6 * found.p)


def test_the_family_is_all_that_seeds_have_tested(made_up):
    experiment, design, stored = made_up
    outcome = evaluate(experiment, design, stored)
    assert holm([outcome]) == {("made_up", "faster", "direction"): True, ("made_up", "faster", "magnitude"): True}
    assert set(corrected([outcome])) == set(holm([outcome]))
    check = made_up_check(made_up_gains().checks[0])
    exact = replace(experiment, claims=(Claim("exact", "Sizes follow a formula."),))
    assert corrected([evaluate(exact, made_up_gains(), {}, {check.key: check})]) == {}
    proxied = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    assert set(corrected([proxied])) == {("made_up", "faster", "direction")}


def test_the_sample_of_a_decision_gives_its_interval():
    """Whatever the estimate, the p value rests on the numbers of which the interval was formed."""
    ratio = TimeRatio("tanh, plain", "relu, plain", 0.25)
    half = HalfGap("tanh, plain", "relu, plain", "relu, other", 0.25)
    rules = tuple(Rule("faster", "direction", "plain", each, low=1) for each in (ratio, half))
    design = replace(made_up_design(), rules=rules)
    stored = complete(design, lambda spec: time_of(spec) * (1 + 0.1 * (spec.seeds.init == 2)))
    for decision in evaluate(made_up_experiment(), design, stored).verdicts[0].decisions:
        logs = mean_interval(decision.sample.values)
        interval = decision.interval
        expected = [math.exp(x) for x in (logs.estimate, logs.low, logs.high)]
        assert [interval.estimate, interval.low, interval.high] == pytest.approx(expected)


@pytest.mark.parametrize("repetitions", [400, pytest.param(5_000, marks=pytest.mark.slow)], ids=["short", "long"])
def test_no_verdict_of_many_is_false_in_more_than_one_of_twenty_experiments(repetitions):
    """Eight claims without an effect: uncorrected, some verdict would be false in a third of the experiments."""
    rng = np.random.default_rng(8)
    one = rule(low=0)
    alone = together = 0
    for _ in range(repetitions):
        samples = [Sample(tuple(row)) for row in rng.normal(0, 1, (8, 4)).tolist()]
        ps = [min(p_supported(sample, one), p_contradicted(sample, one)) for sample in samples]
        alone += min(ps) < 0.05
        together += min(holm_adjusted(ps)) < 0.05
    assert alone / repetitions > 0.25
    assert together / repetitions < 0.05 + 3 * math.sqrt(0.05 * 0.95 / repetitions)
