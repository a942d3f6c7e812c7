import math

import numpy as np
import pytest
from conftest import complete, made_up_design, made_up_experiment, made_up_record, time_of

from cnn_study.analysis.decisions import combine, conjunction, evaluate, place
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.statistics import (
    EQUIVALENCE_CONFIDENCE,
    Interval,
    Time,
    mean_interval,
    time_product,
)


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


def test_combine():
    assert combine(["supported", "supported"]) == "supported"
    assert combine(["supported", "contradicted", "inconclusive"]) == "mixed"
    assert combine(["supported", "inconclusive"]) == "inconclusive"
    assert combine(["not tested"]) == "not tested"


@pytest.mark.parametrize("n", [3, 6])
def test_rarely_supported_without_an_effect(n):
    """Equal arms: the direction rule says `supported` in at most 5 % of simulated experiments."""
    rng = np.random.default_rng(n)
    supported = 0
    for _ in range(4000):
        a, b = ([Time(t, False) for t in np.exp(rng.normal(2, 0.2, n))] for _ in range(2))
        supported += place(time_product((1, -1), (a, b)), 1, math.inf) == "supported"
    assert supported / 4000 <= 0.05


def test_rule_sentences_say_the_limits(made_up):
    _, design, _ = made_up
    sentences = [rule.sentence for rule in design.rules]
    assert "above 1" in sentences[0]
    assert "25 % training error" in sentences[0]
    assert "within 4 to 8" in sentences[1]
