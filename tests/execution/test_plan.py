from conftest import complete, made_up_design, made_up_record

from cnn_study.execution.local import Finished
from cnn_study.execution.plan import needed, plan
from cnn_study.execution.suite import Queued, carry_out
from cnn_study.results import Store


class Instant:
    """An engine whose runs take no time: made-up records, one after another."""

    def __init__(self, limit=10**9):
        self.queue, self.trained, self.limit = [], [], limit

    def submit(self, run):
        self.queue.append(run)

    def events(self):
        while self.queue:
            if len(self.trained) >= self.limit:
                raise KeyboardInterrupt
            run = self.queue.pop()
            self.trained.append(run.key)
            yield Finished(made_up_record(run))


def test_everything_is_trained_once_and_then_nothing(tmp_path):
    design, store = made_up_design(), Store(tmp_path / "r")
    engine, seen = Instant(), []
    with store.writing():
        trained = carry_out([design], store, engine, seen.append)
    assert sorted(engine.trained) == sorted(trained) == sorted(store.records())
    assert set(trained) == set(complete(design))
    assert sum(isinstance(event, Queued) for event in seen) == len(trained)
    again = Instant()
    with store.writing():
        assert carry_out([design], store, again, seen.append) == set()
    assert again.trained == []


def test_a_run_of_two_experiments_is_trained_once(tmp_path):
    store, engine = Store(tmp_path / "r"), Instant()
    with store.writing():
        carry_out([made_up_design(), made_up_design("proxy")], store, engine, lambda _: None)
    assert len(engine.trained) == len(set(engine.trained))


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


def test_plan_of_nothing_stored():
    design = made_up_design()
    rows = list(plan(design, {}, lambda name: 1437))
    assert [(row.reused, row.needed, row.later) for row in rows] == [(0, 1, 5)] * 4
    assert {row.reason for row in rows} == {"nothing is stored"}
    assert {row.images for row in rows} == {6 * 20 * 100}


def test_plan_in_the_middle_of_a_search(made_up):
    _, design, stored = made_up
    some = {key: record for key, record in stored.items() if record.spec.train.learning_rate == 0.01}
    some = {key: record for key, record in some.items() if record.spec.seeds.init == design.search.seed}
    row = next(iter(plan(design, some, lambda name: 1437)))
    assert (row.reused, row.needed, row.later) == (1, 2, 3)
    assert "being searched" in row.reason


def test_plan_of_a_complete_experiment(made_up):
    _, design, stored = made_up
    rows = list(plan(design, stored, lambda name: 1437))
    assert {(row.reused, row.needed, row.later, row.images, row.reason) for row in rows} == {(6, 0, 0, 0, "complete")}


def test_plan_with_a_replicate_missing(made_up):
    _, design, stored = made_up
    kept = {key: record for key, record in stored.items() if record.spec.seeds.init != 2}
    rows = list(plan(design, kept, lambda name: 1437))
    assert {(row.reused, row.needed, row.reason) for row in rows} == {(5, 1, "replicates are missing")}
