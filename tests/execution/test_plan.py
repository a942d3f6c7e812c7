from dataclasses import replace

from conftest import complete, made_up_check, made_up_design, made_up_gains, made_up_record

from cnn_study.execution.events import Failed, Finished
from cnn_study.execution.jobs import program_key
from cnn_study.execution.plan import STATES, Planned, needed, once, plan
from cnn_study.execution.suite import DesignEnded, Queued, Report, carry_out
from cnn_study.results import Store
from cnn_study.spec import CheckSpec
from cnn_study.training.tuning import Tuned, tune


class Instant:
    """An engine whose jobs take no time: made-up records, one after another.

    Args:
        limit: Jobs after which it is interrupted.
        fails: Says of a job whether it fails.
    """

    def __init__(self, limit=10**9, fails=lambda job: False):
        self.queue, self.trained, self.limit, self.fails = [], [], limit, fails

    def submit(self, job, model=False, turn=0):
        self.queue.append(job)

    def events(self):
        while self.queue:
            if len(self.trained) >= self.limit:
                raise KeyboardInterrupt
            job = self.queue.pop()
            self.trained.append(job.key)
            if self.fails(job):
                yield Failed(job, "it cannot be done")
            else:
                yield Finished(made_up_check(job) if isinstance(job, CheckSpec) else made_up_record(job))


def test_everything_is_trained_once_and_then_nothing(tmp_path):
    design, store = made_up_design(), Store(tmp_path / "r")
    engine, seen = Instant(), []
    with store.writing():
        trained = carry_out([design], store, engine, seen.append).done
    assert sorted(engine.trained) == sorted(trained) == sorted(store.records())
    assert set(trained) == set(complete(design))
    assert sum(isinstance(event, Queued) for event in seen) == len(trained)
    again = Instant()
    with store.writing():
        assert carry_out([design], store, again, seen.append) == Report(frozenset())
    assert again.trained == []


def test_a_run_of_two_experiments_is_trained_once(tmp_path):
    store, engine = Store(tmp_path / "r"), Instant()
    with store.writing():
        carry_out([made_up_design(), made_up_design("proxy")], store, engine, lambda _: None)
    assert len(engine.trained) == len(set(engine.trained))


class InTurn(Instant):
    """One that does the jobs of earlier turns first."""

    def submit(self, job, model=False, turn=0):
        self.queue.append((turn, job))

    def events(self):
        while self.queue:
            turn, job = self.queue.pop(min(range(len(self.queue)), key=lambda i: self.queue[i][0]))
            self.trained.append(turn)
            yield Finished(made_up_check(job) if isinstance(job, CheckSpec) else made_up_record(job))


def test_an_experiment_ends_once_everything_it_asked_for_is_stored(tmp_path):
    first, second = made_up_gains(), made_up_design()
    store, engine, ended = Store(tmp_path / "r"), InTurn(), []

    def watch(event):
        if isinstance(event, DesignEnded):
            rows = plan(event.design, store.records(), store.checks())
            ended.append((event.design, {row.reason for row in rows}, len(engine.trained)))

    with store.writing():
        carry_out([first, second], store, engine, watch)
    assert [(design, reasons) for design, reasons, _ in ended] == [(first, {"complete"}), (second, {"complete"})]
    assert [count for *_, count in ended] == [engine.trained.count(0), len(engine.trained)]
    assert engine.trained == sorted(engine.trained)


def test_an_experiment_ends_although_a_job_fails_and_is_not_told_again_once_it_is_stored(tmp_path):
    design, store, seen = made_up_gains(), Store(tmp_path / "r"), []
    with store.writing():
        carry_out([design], store, Instant(fails=lambda job: isinstance(job, CheckSpec)), seen.append)
        assert [event.design for event in seen if isinstance(event, DesignEnded)] == [design]
        carry_out([design], store, Instant(), lambda _: None)
        seen.clear()
        carry_out([design], store, Instant(), seen.append)
    assert seen == []


def test_two_arms_that_are_the_same_share_runs_and_both_complete(tmp_path):
    # The conditions of the made-up design differ in name only, so half of the arms cost nothing.
    design, store, engine = made_up_design(), Store(tmp_path / "r"), Instant()
    with store.writing():
        carry_out([design], store, engine, lambda _: None)
    assert len(engine.trained) == 2 * (3 + 3)
    assert all(not needed(arm, design, store.records()) for arm in design.arms)


def test_an_interrupted_suite_goes_on_where_it_was(tmp_path):
    design, all_trained = made_up_design(), []
    for _ in range(20):
        store, engine = Store(tmp_path / "r"), Instant(limit=3)
        try:
            with store.writing():
                carry_out([design], store, engine, lambda _: None)
        except KeyboardInterrupt:
            all_trained += engine.trained
        else:
            all_trained += engine.trained
            break
    assert len(all_trained) == len(set(all_trained)) == len(complete(design))


def test_a_failing_job_stops_no_other_and_is_named(tmp_path):
    design, store = made_up_design(), Store(tmp_path / "r")
    engine = Instant(fails=lambda run: run.seeds.init == 2 and run.model.layers[0].activation == "tanh")
    with store.writing():
        report = carry_out([design], store, engine, lambda _: None)
    (failure,) = report.failures
    assert failure.request.label == "tanh, plain (seed 2, rate 0.01)"
    assert failure.reason == "it cannot be done"
    assert report.done == set(store.records()) == set(complete(design)) - {failure.request.job.key}
    assert len(engine.trained) == len(set(engine.trained))


def test_a_search_that_fails_leaves_its_arm_out_and_no_other(tmp_path):
    design, store = made_up_design(), Store(tmp_path / "r")
    engine = Instant(fails=lambda run: run.train.learning_rate == 0.02 and run.model.layers[0].activation == "tanh")
    with store.writing():
        report = carry_out([design], store, engine, lambda _: None)
    assert [failure.request.role for failure in report.failures] == ["search"]
    complete_arms = [arm.name for arm in design.arms if not needed(arm, design, store.records())]
    assert complete_arms == ["relu, plain", "relu, other"]


def test_checks_and_arms_without_a_search_are_done_once(tmp_path):
    design, store, engine = made_up_gains(), Store(tmp_path / "r"), Instant()
    with store.writing():
        report = carry_out([design, design], store, engine, lambda _: None)
        assert carry_out([design], store, Instant(), lambda _: None).done == set()
    assert list(store.checks()) == [design.checks[0].key]
    assert len(report.done) == len(engine.trained) == 2 * 3 + 1
    assert {record.spec.train.learning_rate for record in store.records().values()} == {0.01}


def test_an_arm_that_is_not_tuned_runs_at_its_own_rate():
    design = made_up_gains()
    tuned = tune(design.arms[0], design, {})
    assert isinstance(tuned, Tuned)
    assert (tuned.search.rate, tuned.search.trials, tuned.search.inside) == (0.01, (), True)
    assert [run.seeds.init for run in tuned.replicates] == [1, 2, 3]


def test_only_replicates_are_probed():
    design = made_up_design()
    arm = replace(design.arms[0], probes=("filters",))
    tuned = tune(arm, design, complete(replace(design, arms=(arm, *design.arms[1:]))))
    assert {run.probes for run in tuned.search.runs} == {()}
    assert {run.probes for run in tuned.replicates} == {("filters",)}


def test_plan_of_nothing_stored():
    rows = list(plan(made_up_design(), {}, {}))
    assert [counts(row) for row in rows] == [(0, 1, 5, 0)] * 4
    assert {row.reason for row in rows} == {"nothing is stored"}


def counts(row):
    return tuple(row.count(state) for state in STATES)


def test_a_job_that_several_ask_for_is_planned_once_in_the_soonest_state():
    job = made_up_design().arms[0].run(0.01, 1)
    for states in (("later", "next"), ("next", "later"), ("next", "later", "next")):
        assert once(Planned("one", job, state) for state in states) == [Planned("one", job, "next")]
    assert len(once(Planned(name, job, "next") for name in ("one", "other"))) == 2


def test_what_two_arms_share_is_planned_once():
    """Arms under the two conditions differ in name only; other probes make other replicates after the same search."""
    design = made_up_design()
    identities = [{planned.identity for planned in row.planned} for row in plan(design, {}, {})]
    assert identities[0] == identities[2] != identities[1] == identities[3]
    assert not identities[0] & identities[1]
    probed = replace(design, arms=tuple(replace(arm, probes=("filters",)) for arm in design.arms))
    others = {planned.identity for planned in next(iter(plan(probed, {}, {}))).planned}
    assert len(others & identities[0]) == 3


def test_the_planned_runs_are_those_that_are_trained():
    """At the rates that are known beforehand: where the best lies in the middle of the grid."""
    design = made_up_design()
    trained = complete(design)
    for row in plan(design, {}, {}):
        replicates = [planned.job for planned in row.planned if planned.job.seeds.init != design.search.seed]
        assert all(run.key in trained for run in replicates)
        rates = sorted(planned.job.train.learning_rate for planned in row.planned if planned.job not in replicates)
        assert rates == list(design.search.rates)


def test_plan_of_checks_and_arms_without_a_search():
    design = made_up_gains()
    *arms, check = plan(design, {}, {})
    assert [counts(row) for row in arms] == [(0, 3, 0, 0)] * 4
    assert (check.name, counts(check), check.reason) == ("check sizes", (0, 1, 0, 0), "nothing is stored")
    record = made_up_check(design.checks[0])
    *arms, check = plan(design, complete(design), {record.key: record})
    assert {(counts(row), row.reason) for row in (*arms, check)} == {
        ((3, 0, 0, 0), "complete"),
        ((1, 0, 0, 0), "complete"),
    }


def test_plan_in_the_middle_of_a_search(made_up):
    _, design, stored = made_up
    some = {key: record for key, record in stored.items() if record.spec.train.learning_rate == 0.01}
    some = {key: record for key, record in some.items() if record.spec.seeds.init == design.search.seed}
    row = next(iter(plan(design, some, {})))
    assert counts(row) == (1, 2, 3, 0)
    assert "being searched" in row.reason


def test_plan_of_a_complete_experiment(made_up):
    _, design, stored = made_up
    rows = list(plan(design, stored, {}))
    assert {(counts(row), row.reason) for row in rows} == {((6, 0, 0, 0), "complete")}


def test_plan_with_a_replicate_missing(made_up):
    _, design, stored = made_up
    kept = {key: record for key, record in stored.items() if record.spec.seeds.init != 2}
    rows = list(plan(design, kept, {}))
    assert {(counts(row), row.reason) for row in rows} == {((5, 1, 0, 0), "replicates are missing")}


def test_runs_that_share_a_program_differ_in_numbers_only():
    design = made_up_design()
    relu, tanh = design.arms[:2]
    run = relu.run(0.01, 1)
    images = run.but(data=run.data.but(train_size=50))
    for other in (relu.run(0.02, 7), run.but(train=run.train.but(epochs=3, target_train_error=None)), images):
        assert program_key(other) == program_key(run)
    momentum = run.but(train=run.train.but(momentum=0.5))
    jobs = [run, tanh.run(0.01, 1), momentum, CheckSpec(check="a"), CheckSpec(check="b")]
    assert len({program_key(job) for job in jobs}) == len(jobs)
