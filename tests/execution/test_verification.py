"""Which stored runs are trained again, and what counts as the same."""

import math
from dataclasses import replace

import pytest
from conftest import complete, made_up_design

from cnn_study.data import registry
from cnn_study.execution.environment import changes, differing
from cnn_study.execution.events import Failed, Finished
from cnn_study.execution.verification import candidates, compare, sample, tolerances, train_again
from cnn_study.results import Point

HERE = {"system": "Linux x86_64", "processor": "one", "tensorflow": "2.21.0", "keras": "3.15", "python": "3.11"}
DIGITS = registry.get("digits")


@pytest.fixture
def found():
    """Candidates of two experiments that share half of their runs, and the stored runs."""
    design = made_up_design()
    stored = {key: replace(record, environment=HERE) for key, record in complete(design).items()}
    part = replace(design, arms=design.arms[:1], rules=())
    return [*candidates("part", part, stored), *candidates("whole", design, stored)], stored


def test_all_stored_runs_may_be_drawn_each_once(found):
    several, stored = found
    drawn = sample(several, 10**6, 0)
    assert sorted(each.run.key for each in drawn) == sorted(stored)


def test_a_sample_is_of_all_experiments_in_turn_and_the_seed_decides(found):
    several, _ = found
    drawn = sample(several, 6, 1)
    assert [each.experiment for each in drawn].count("part") == 3
    assert drawn == sample(several, 9, 1)[:6]
    assert {each.run.key for each in drawn} != {each.run.key for each in sample(several, 6, 2)}


def test_runs_of_a_search_that_goes_on_are_candidates_too():
    design = made_up_design()
    stored = complete(design)
    search = {key: record for key, record in stored.items() if record.spec.seeds.init == design.search.seed}
    some = dict(list(search.items())[:2])
    assert {each.run.key for each in candidates("whole", design, some)} == set(some)


def one(found):
    several, stored = found
    candidate = next(each for each in several if each.request.role == "replicate")
    return candidate, stored[candidate.run.key]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda record: {}, ""),
        (lambda record: {"environment": HERE | {"python": "3.13"}}, ""),
        (lambda record: {"seconds": 99.0, "finished_at": "later"}, ""),
        (lambda record: {"weights": "other"}, "weights w, again other"),
        (lambda record: {"ended": "diverged"}, "ended by target, again by diverged"),
        (lambda record: {"outcomes": record.outcomes | {"test_error": 0.5 + 1e-12}}, "test_error 0.5, again 0.5"),
        (lambda record: {"outcomes": record.outcomes | {"more": 1.0}}, "more nan, again 1"),
        (lambda record: {"history": record.history[:-1]}, "a history of"),
        (
            lambda record: {"history": (*record.history[:-1], record.history[-1]._replace(value=0.0))},
            "history: train_error",
        ),
    ],
)
def test_in_the_same_environment_every_bit_counts(found, change, problem):
    candidate, record = one(found)
    comparison = compare(candidate, record, replace(record, **change(record)))
    assert comparison.agrees == (not problem)
    assert comparison.verdict == ("differs" if problem else "same bits")
    assert problem in "; ".join(comparison.problems)


def test_what_is_no_number_equals_itself(found):
    candidate, record = one(found)
    history = (*record.history, Point("train_loss", 1, 1.0, math.nan))
    record = replace(record, history=history, outcomes=record.outcomes | {"probe": math.nan})
    assert compare(candidate, record, record).agrees


def elsewhere(record, **outcomes):
    return replace(record, weights="other", environment=HERE | {"tensorflow": "3"}, outcomes=record.outcomes | outcomes)


def test_elsewhere_errors_may_differ_as_two_trainings_do(found):
    candidate, record = one(found)
    record = replace(record, outcomes=record.outcomes | {"test_error": 0.1})
    # Without a spread among seeds: three standard deviations of a difference of two binomial shares.
    images = DIGITS.arrays["x_test"].shape[0]
    limit = tolerances(candidate, record, elsewhere(record, test_error=0.1))["test_error"]
    assert limit == pytest.approx(3 * math.sqrt(2 * 0.1 * 0.9 / images), rel=0.02)
    near = compare(candidate, record, elsewhere(record, test_error=0.1 + 0.9 * limit))
    assert (near.verdict, near.elsewhere) == ("within the tolerance", {"tensorflow": ("2.21.0", "3")})
    far = compare(candidate, record, elsewhere(record, test_error=0.1 + 1.5 * limit))
    assert far.verdict == "differs"
    assert "test_error 0.1, again 0.2" in far.problems[0]


def test_the_tolerance_grows_with_the_spread_among_seeds(found):
    candidate, record = one(found)
    peers = tuple(
        replace(peer, outcomes={"test_error": error})
        for peer, error in zip(candidate.peers, (0.3, 0.5, 0.7), strict=True)
    )
    wide = tolerances(replace(candidate, peers=peers), record, record)
    assert wide["test_error"] > 3 * math.sqrt(2) * 0.2 > tolerances(candidate, record, record)["test_error"]


def test_an_error_of_zero_leaves_room(found):
    candidate, record = one(found)
    record = replace(record, outcomes=record.outcomes | {"test_error": 0.0})
    assert compare(candidate, record, elsewhere(record, test_error=0.005)).agrees


def test_a_divergence_elsewhere_is_a_difference(found):
    candidate, record = one(found)
    again = replace(elsewhere(record), ended="diverged")
    assert compare(candidate, record, again).problems == ("ended by target, again by diverged",)


def test_times_may_differ_by_one_evaluation_without_a_spread(found):
    candidate, record = one(found)
    alone = replace(candidate, peers=())
    epochs = record.outcomes["epochs"]
    assert compare(alone, record, elsewhere(record, epochs=epochs + 1)).agrees
    assert not compare(alone, record, elsewhere(record, epochs=epochs + 2)).agrees


def test_only_what_decides_about_bits_is_compared():
    other = HERE | {"keras": "4", "python": "3.13", "cnn_study": "9"}
    assert changes(differing(HERE, other)) == "keras 3.15 -> 4"
    assert differing({}, {"numpy": "2"}) == {"numpy": ("unknown", "2")}


class Again:
    """Trains everything as it is stored, but for one run that fails."""

    def __init__(self, stored, fails):
        self.stored, self.fails, self.queue = stored, fails, []

    def submit(self, job, model=False, turn=0):
        self.queue.append(job)

    def events(self):
        for job in reversed(self.queue):
            yield Failed(job, "no room") if job.key == self.fails else Finished(self.stored[job.key])


def test_a_training_that_fails_is_told_and_stops_no_other(found):
    several, stored = found
    drawn = sample(several, 4, 0)
    compared = train_again(drawn, stored, Again(stored, drawn[1].run.key), lambda _: None)
    assert [each.candidate for each in compared] == drawn
    assert [each.verdict for each in compared] == ["same bits", "failed", "same bits", "same bits"]
    assert compared[1].problems == ("no room",)
