"""Suites whose seeds are added at looks: what they ask for next depends on what is stored and on nothing else."""

import random
from dataclasses import replace

import pytest
from conftest import made_up_arm, made_up_design, made_up_experiment, made_up_record

from cnn_study.analysis.decisions import evaluate
from cnn_study.execution.events import Failed, Finished
from cnn_study.execution.plan import STATES, needed, plan
from cnn_study.execution.suite import carry_out
from cnn_study.experiment import Rule, gain
from cnn_study.results import Store

UNITS = ("relu", "tanh", "elu", "sigmoid")
LOOKS = (3, 4, 6, 9)


def design_of(*pairs, looks=LOOKS, limits=None):
    """Tuned arms, and a rule a pair of them: the second has the larger error."""
    arms = tuple(made_up_arm(f"{unit}, plain") for unit in UNITS)
    rules = tuple(
        Rule("faster", "direction", "plain", gain(f"{a}, plain", f"{b}, plain"), **(limits or {"low": 0}))
        for a, b in pairs
    )
    return replace(made_up_design(), arms=arms, rules=rules, seeds=tuple(range(1, looks[-1] + 1)), looks=looks)


def with_effects(effects, number=0):
    """Makes records whose errors differ between units by so many points, with a noise of one point."""

    def record(run):
        unit = run.model.layers[0].activation
        noise = random.Random(f"{number} {unit} {run.seeds.init}").gauss(0, 0.007)  # noqa: S311 - noise, no secret
        found = made_up_record(run)
        return replace(found, outcomes={**found.outcomes, "test_error": 0.3 + effects.get(unit, 0) / 100 + noise})

    return record


class Shuffled:
    """An engine whose jobs take no time and end in any order.

    Args:
        record: Makes the record of a run.
        seed: Of the order.
        limit: Jobs after which it is interrupted.
        fails: Says of a run whether it fails.
    """

    def __init__(self, record, seed=0, limit=10**9, fails=lambda run: False):
        self.queue, self.trained, self.record, self.limit, self.fails = [], [], record, limit, fails
        self.order = random.Random(seed)  # noqa: S311 - an order, no secret

    def submit(self, job, model=False, turn=0):
        self.queue.append(job)

    def events(self):
        while self.queue:
            if len(self.trained) >= self.limit:
                raise KeyboardInterrupt
            job = self.queue.pop(self.order.randrange(len(self.queue)))
            self.trained.append(job.key)
            yield Failed(job, "it cannot be done") if self.fails(job) else Finished(self.record(job))


def carried_out(designs, folder, record, confirm=False, **options):
    """The keys that were trained, also where it was interrupted, and the store."""
    store, engine = Store(folder), Shuffled(record, **options)
    try:
        with store.writing():
            carry_out(designs, store, engine, lambda event: None, confirm=confirm)
    except KeyboardInterrupt:
        pass
    return engine.trained, store.records()


def found(designs, stored):
    """What the rules of designs have come to, in all of its parts."""
    return [
        decision
        for design in designs
        for decision in evaluate(made_up_experiment(), design, stored).verdicts[0].decisions
    ]


PAIRS = (("relu", "tanh"), ("relu", "elu"), ("elu", "sigmoid"))


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("number", range(4))
def test_in_any_order_and_after_any_interruption_the_same_is_asked_for_and_decided(tmp_path, number, confirm):
    designs = [design_of(*PAIRS), design_of(PAIRS[1], looks=(3, 6, 8))]
    record = with_effects({"tanh": 3, "elu": 0.9, "sigmoid": 1.2}, number)
    once, stored = carried_out(designs, tmp_path / "once", record, confirm)
    assert len(once) == len(set(once))
    assert all(evaluate(made_up_experiment(), design, stored).complete for design in designs)
    for order in range(1, 4):
        again, other = carried_out(designs, tmp_path / f"order {order}", record, confirm, seed=order)
        assert sorted(again) == sorted(once)
        assert found(designs, other) == found(designs, stored)
    parts = []
    for _ in range(100):
        part, last = carried_out(designs, tmp_path / "parts", record, confirm, seed=number, limit=5)
        parts += part
        if not part:
            break
    assert sorted(parts) == sorted(once)
    assert found(designs, last) == found(designs, stored)


def seeds_of(design, stored):
    """How many replicates of every unit are stored."""
    runs = [run.spec for run in stored.values() if run.spec.seeds.init in design.seeds]
    return {unit: sum(run.model.layers[0].activation == unit for run in runs) for unit in UNITS}


def test_seeds_go_to_the_arms_of_open_rules_only(tmp_path):
    """ReLU against tanh is clear, ELU against sigmoid is not: these two get all seeds, and ReLU and tanh the fewest."""
    design = design_of(("relu", "tanh"), ("elu", "sigmoid"))
    _, stored = carried_out([design], tmp_path, with_effects({"tanh": 20}))
    assert seeds_of(design, stored) == {"relu": 3, "tanh": 3, "elu": 9, "sigmoid": 9}
    first, second = found([design], stored)
    assert (first.verdict, first.look.seeds) == ("supported", 3)
    assert (second.verdict, second.look.seeds, second.state) == ("inconclusive", 9, "closed")


def test_a_verdict_gets_more_seeds_until_it_is_confirmed_if_that_is_asked_for(tmp_path):
    design, record = design_of(("relu", "tanh"), ("relu", "elu")), with_effects({"tanh": 12, "elu": 300})
    _, before = carried_out([design], tmp_path, record)
    assert [(each.verdict, each.look.seeds, each.state) for each in found([design], before)] == [
        ("supported", 3, "decided"),
        ("supported", 3, "closed"),
    ]
    assert {row.reason for row in plan(design, before, {})} == {"complete"}
    rows = {row.name: row for row in plan(design, before, {}, confirm=True)}
    assert rows["relu, plain"].reason == rows["tanh, plain"].reason == "a verdict is to be confirmed: 4 seeds"
    assert rows["elu, plain"].reason == "complete"
    again, stored = carried_out([design], tmp_path, record, confirm=True)
    first, second = found([design], stored)
    assert (first.verdict, first.state) == ("supported", "closed")
    assert 3 < first.look.seeds < LOOKS[-1]
    assert len(again) == 2 * (first.look.seeds - 3)
    assert second == found([design], before)[1]
    assert carried_out([design], tmp_path, record, confirm=True)[0] == []


def test_a_plan_gives_the_reason_of_the_rule_that_asks_for_most(tmp_path):
    """The open rule waits for an arm whose rate is searched: it asks for the first look, the decided one for more."""
    design, record = design_of(("relu", "tanh")), with_effects({"tanh": 12})
    _, stored = carried_out([design], tmp_path, record)
    (decision,) = found([design], stored)
    assert decision.state == "decided"
    both = design_of(("relu", "tanh"), ("relu", "sigmoid"))
    searched = {key: run for key, run in stored.items() if run.spec.model.layers[0].activation != "sigmoid"}
    rows = {row.name: row.reason for row in plan(both, searched, {}, confirm=True)}
    assert (
        rows["relu, plain"] == rows["tanh, plain"] == f"a verdict is to be confirmed: {decision.look.following} seeds"
    )


@pytest.mark.parametrize("number", range(20, 40))
def test_a_verdict_that_the_seeds_of_another_design_reopen_is_decided_anew(tmp_path, number):
    """Whoever has asked for a replicate: a suite does not end before every rule that it concerns is judged by it."""
    designs = [design_of(("relu", "tanh")), design_of(("relu", "elu"), ("tanh", "sigmoid"))]
    record = with_effects({"tanh": 1.5, "elu": 0.9, "sigmoid": 2.2}, number)
    _, stored = carried_out(designs, tmp_path, record)
    assert all(evaluate(made_up_experiment(), design, stored).complete for design in designs)
    assert carried_out(designs, tmp_path, record)[0] == []


def test_seeds_of_one_of_the_arms_of_a_rule_change_no_decision(tmp_path):
    alone, shared = design_of(PAIRS[0]), design_of(("relu", "tanh"), ("relu", "elu"))
    record = with_effects({"tanh": 20})
    _, stored = carried_out([shared], tmp_path, record)
    assert seeds_of(shared, stored) == {"relu": 9, "tanh": 3, "elu": 9, "sigmoid": 3}
    _, fewer = carried_out([alone], tmp_path / "alone", record)
    assert found([shared], stored)[0] == found([alone], fewer)[0]


def test_a_further_rule_reuses_what_is_stored_and_asks_for_the_rest_only(tmp_path):
    record = with_effects({"tanh": 20})
    first, stored = carried_out([design_of(PAIRS[0])], tmp_path, record)
    again, more = carried_out([design_of(*PAIRS[:2])], tmp_path, record)
    assert seeds_of(design_of(), stored) == {"relu": 3, "tanh": 3, "elu": 3, "sigmoid": 3}
    assert seeds_of(design_of(), more) == {"relu": 9, "tanh": 3, "elu": 9, "sigmoid": 3}
    assert len(again) == 12
    assert set(again).isdisjoint(first)


def test_a_run_that_fails_leaves_open_what_needs_it_and_stops_no_other(tmp_path):
    design = design_of(("relu", "tanh"), ("elu", "sigmoid"))

    def fails(run):
        return run.model.layers[0].activation == "tanh" and run.seeds.init == 4

    trained, stored = carried_out([design], tmp_path, with_effects({}), fails=fails)
    assert len(trained) == len(set(trained))
    assert seeds_of(design, stored) == {"relu": 4, "tanh": 3, "elu": 9, "sigmoid": 9}
    first, second = found([design], stored)
    assert (first.state, first.look.seeds) == ("open", 3)
    assert second.state == "closed"
    assert [request.run.seeds.init for arm in design.arms for request in needed(arm, design, stored)] == [4]


def counts(row):
    return tuple(row.count(state) for state in STATES)


def test_a_plan_says_what_is_needed_now_and_what_at_most(tmp_path):
    design = design_of(("relu", "tanh"))
    # A search of one rate that comes first, two others, and nine replicates; arms without a rule have three.
    assert [counts(row) for row in plan(design, {}, {})] == [(0, 1, 5, 6)] * 2 + [(0, 1, 5, 0)] * 2
    record = with_effects({})
    _, stored = carried_out([design], tmp_path, record)
    few = {key: run for key, run in stored.items() if run.spec.seeds.init not in range(4, 10)}
    rows = list(plan(design, few, {}))
    assert [counts(row) for row in rows] == [(6, 1, 0, 5)] * 2 + [(6, 0, 0, 0)] * 2
    assert rows[0].reason == "a rule is open: 4 seeds"
    assert rows[2].reason == "complete"
    assert [counts(row) for row in plan(design, stored, {})] == [(12, 0, 0, 0)] * 2 + [(6, 0, 0, 0)] * 2


def test_a_plan_keeps_seeds_beyond_those_that_are_wanted():
    design = design_of(("relu", "tanh"))
    record = with_effects({"tanh": 20})
    stored = {}
    while runs := [request.run for arm in design.arms for request in needed(arm, design, stored)]:
        stored |= {run.key: record(run) for run in runs}
    extra = record(design.arms[0].run(0.01, 7))
    rows = list(plan(design, {**stored, extra.key: extra}, {}))
    assert counts(rows[0]) == (7, 0, 0, 0)
    assert {row.reason for row in rows} == {"complete"}
