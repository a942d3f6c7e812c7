import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import made_up_arm
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_study.errors import InputError
from cnn_study.experiment import LowestValidationError, RateSearch, TimeToTrainError
from cnn_study.results import Point, RunRecord
from cnn_study.training.search import Chosen, Needed, crossing, next_step

PROPERTY = settings(deadline=None, max_examples=50)

GRID = (0.0025, 0.005, 0.01, 0.02, 0.04)
EPOCHS = 20
ARM = made_up_arm("relu")
VALIDATED = replace(ARM, data=ARM.data.but(validation_size=50))
START, THRESHOLD = 0.9, 0.25
assert ARM.train.epochs == EPOCHS

NAN, INF = float("nan"), float("inf")

# How training at a rate goes, made up: ("reaches", epochs to 25 %), ("stays", training error) or ("diverges", epoch).


def outcome(spec, course):
    """The record of a run at a rate where training takes the given course, evaluated twice an epoch."""
    kind, number = course
    history, ended = [Point("train_error", 0, 0.0, START)], "epochs"
    for half in range(1, 2 * spec.train.epochs + 1):
        epoch = half / 2
        if kind == "diverges" and epoch >= number:
            history += [Point("train_loss", 5 * half, epoch, NAN), Point("train_error", 5 * half, epoch, 1.0)]
            ended = "diverged"
            break
        error = (
            START - (START - THRESHOLD) * epoch / number if kind == "reaches" else number if kind == "stays" else 0.8
        )
        history.append(Point("train_error", 5 * half, epoch, max(error, 0.0)))
        target = spec.train.target_train_error
        if target is not None and error <= target:
            ended = "target"
            break
    return RunRecord(spec, ended, {"validation_error": number / 100}, tuple(history), "w")


class World:
    """Trains by looking the course up, and counts.

    Args:
        course: Gives the course of training at a rate.
    """

    def __init__(self, course):
        self.course, self.stored, self.asked = course, {}, []

    def train(self, step):
        for run in step.runs:
            assert run.key not in self.stored
            self.stored[run.key] = outcome(run, self.course(run.train.learning_rate))
        self.asked.append(step.runs)

    def search(self, search, arm=ARM):
        """Answer until a rate is chosen."""
        for _ in range(100):
            step = next_step(arm, search, self.stored)
            if isinstance(step, Chosen):
                return step
            self.train(step)
        raise AssertionError("the search does not end")


def on_grid(courses, factor=2.0, middle=0.01):
    """Courses by place in an endless grid around its middle; the last at either end goes on for ever."""
    half = len(courses) // 2

    def course(rate):
        place = round(math.log(rate / middle, factor)) + half
        return courses[min(max(place, 0), len(courses) - 1)]

    return course


def search_for(extensions=6, grid=GRID, objective=TimeToTrainError(THRESHOLD)):  # noqa: B008 - immutable
    return RateSearch(objective, grid, extensions=extensions)


def full_score(course):
    """The score of a rate when nothing bounds its run."""
    kind, number = course
    if kind == "reaches" and number <= EPOCHS:
        return (0, number)
    if kind == "diverges" and number <= EPOCHS:
        return (2, 0)
    # On a plateau, errors are told apart in steps of 5 %.
    lowest = {"reaches": START - (START - THRESHOLD) * EPOCHS / number, "stays": number, "diverges": 0.8}[kind]
    return (1, round(lowest / 0.05))


def exhaustive(course, extensions):
    """Rate, tried rates and whether it is inside: every run to its end."""
    tried = list(GRID)
    for left in range(extensions, -1, -1):
        best = min(tried, key=lambda rate: (full_score(course(rate)), abs(math.log(rate / 0.01)), rate))
        edges = {min(tried): min(tried) / 2, max(tried): max(tried) * 2}
        scores = {full_score(course(rate)) for rate in tried}
        plateau = len(scores) == 1 and scores.pop()[0] == 1
        if left == 0 or not (plateau or best in edges):
            return best, sorted(tried), best not in edges
        tried.append(edges[max(tried) if plateau else best])
    raise AssertionError


def test_a_rate_may_be_best_although_one_of_its_seeds_takes_long():
    """With times of 4.5 and 4.5 epochs in the middle, a rate with 2 and 6 is better on the average."""
    search = RateSearch(TimeToTrainError(THRESHOLD), GRID[1:4], repeats=2)
    stored, step = {}, next_step(ARM, search, {})
    while not isinstance(step, Chosen):
        for run in step.runs:
            quick = run.seeds.init == search.seeds[0]
            times = {0.01: (4.5, 4.5), 0.02: (2.0, 6.0)}.get(run.train.learning_rate, (19.0, 19.0))
            stored[run.key] = outcome(run, ("reaches", times[0 if quick else 1]))
        step = next_step(ARM, search, stored)
    assert step.rate == 0.02


def worlds(times):
    """Any courses at 17 neighboring rates."""
    courses = st.one_of(
        st.tuples(st.just("reaches"), times),
        st.tuples(st.just("reaches"), times),
        st.tuples(st.just("stays"), st.sampled_from([0.3, 0.31, 0.5, 0.9])),
        st.tuples(st.just("diverges"), st.integers(1, 25).map(float)),
    )
    return st.lists(courses, min_size=17, max_size=17).map(on_grid)


# Coarse times, so that ties, hits of an evaluation and of the end of an epoch happen; or odd ones, so that they do not.
# All long enough for a record to show them, which falls to no less than 0 in half an epoch.
COARSE = st.integers(12, 8 * 25).map(lambda n: n / 8)
ODD = st.integers(12, 8 * 25).map(lambda n: (2 * n + 1) / 16)


@st.composite
def unimodal(draw):
    """A best rate, from which time grows to both sides, faster or slower; above some rate training diverges."""
    best = 0.01 * 2 ** draw(st.floats(-5, 5))
    fastest = draw(st.floats(1.5, 15))
    below, above = draw(st.floats(0.2, 3)), draw(st.floats(0.2, 3))
    diverges = best * 2 ** draw(st.floats(0.5, 4))

    def course(rate):
        if rate > diverges:
            return ("diverges", 2.0)
        away = math.log2(rate / best)
        return ("reaches", fastest * (1 + (below if away < 0 else above) * abs(away)))

    return course


# --- the choice ---


@settings(deadline=None, max_examples=200)
@given(course=worlds(COARSE), extensions=st.integers(0, 6))
def test_the_choice_is_that_of_an_exhaustive_search(course, extensions):
    chosen = World(course).search(search_for(extensions))
    assert (chosen.rate, [trial.rate for trial in chosen.trials], chosen.inside) == exhaustive(course, extensions)


@settings(deadline=None, max_examples=100)
@given(unimodal())
def test_the_best_of_a_curve_with_one_valley_is_found_wherever_it_lies(course):
    assume(any(full_score(course(rate))[0] == 0 for rate in GRID))  # Or else a search may stay on a plateau.
    chosen = World(course).search(search_for(extensions=20))
    fastest = min(full_score(course(0.01 * 2.0**k)) for k in range(-25, 26))
    assert full_score(course(chosen.rate)) == pytest.approx(fastest)
    assert chosen.inside


@PROPERTY
@given(worlds(ODD))
def test_no_run_is_longer_than_the_best_has_needed(course):
    world = World(course)
    world.search(search_for())
    best = INF
    for runs in world.asked:
        allowed = EPOCHS if best == INF else min(EPOCHS, max(1, math.ceil(best)))
        assert {run.train.epochs for run in runs} == {allowed}
        reached = [full_score(course(run.train.learning_rate)) for run in runs]
        best = min([best, *(number for kind, number in reached if kind == 0)])


def test_the_middle_runs_first_and_bounds_the_others():
    world = World(on_grid([("reaches", 9.0), ("reaches", 6.0), ("reaches", 4.25), ("reaches", 3.5), ("reaches", 8.0)]))
    chosen = world.search(search_for())
    assert [[(run.train.learning_rate, run.train.epochs) for run in runs] for runs in world.asked] == [
        [(0.01, 20)],
        [(0.0025, 5), (0.005, 5), (0.02, 5), (0.04, 5)],
    ]
    assert chosen.rate == 0.02
    assert [trial.score[0] for trial in chosen.trials] == [1, 1, 0, 0, 1]
    assert [trial.score[1] for trial in chosen.trials if trial.score[0] == 0] == pytest.approx([4.25, 3.5])
    # 20 epochs at most for the middle, which stops at its target, and 5 for each of the others.
    spent = sum(record.history[-1].epoch for record in world.stored.values())
    assert spent == 4.5 + 3.5 + 3 * 5


def test_search_runs_differ_from_the_arm_in_rate_seed_length_and_target_only():
    (run,) = next_step(ARM, search_for(), {}).runs
    assert run == ARM.run(0.01, 1000).but(train=ARM.train.but(learning_rate=0.01, target_train_error=THRESHOLD))
    assert run.seeds.init == 1000
    assert ARM.train.target_train_error != THRESHOLD


@pytest.mark.parametrize(
    ("direction", "added"),
    [(1, [0.08, 0.16, 0.32]), (-1, [0.00125, 0.000625, 0.0003125])],
    ids=["above", "below"],
)
def test_the_grid_is_extended_past_either_edge(direction, added):
    """The best lies two steps outside; one more shows that it is inside."""
    courses = [("reaches", 3.0 + abs(place - 4 * direction)) for place in range(-8, 9)]
    world = World(on_grid(courses))
    chosen = world.search(search_for(extensions=3))
    assert chosen.rate == added[1]
    assert chosen.inside
    assert [run.train.learning_rate for runs in world.asked[2:] for run in runs] == added
    assert [trial.rate for trial in chosen.trials] == sorted([*GRID, *added])


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("extensions", [0, 1, 3])
def test_a_best_on_the_edge_is_reported_when_the_extensions_are_used_up(direction, extensions):
    courses = [("reaches", 12.0 - direction * place) for place in range(-8, 9)]
    chosen = World(on_grid(courses)).search(search_for(extensions))
    assert chosen.rate == 0.01 * 2.0 ** (direction * (2 + extensions))
    assert not chosen.inside
    assert len(chosen.trials) == 5 + extensions


def test_added_rates_have_no_digits_from_rounding():
    """0.9 * (0.3 / 0.1) is 2.6999999999999997: another key than that of 2.7."""
    courses = on_grid(
        [("reaches", 9.0), ("reaches", 8.0), ("reaches", 7.0), ("reaches", 6.0), ("reaches", 6.5)], 3.0, 0.3
    )
    chosen = World(courses).search(search_for(grid=(0.1, 0.3, 0.9)))
    assert [trial.rate for trial in chosen.trials] == [0.1, 0.3, 0.9, 2.7]


def test_of_equal_rates_the_one_nearest_to_the_middle_is_chosen():
    chosen = World(lambda rate: ("reaches", 5.0)).search(search_for())
    assert chosen.rate == 0.01
    assert len(chosen.trials) == 5
    sides = World(on_grid([("reaches", t) for t in (4.0, 6.0, 7.0, 4.0, 8.0)])).search(search_for())
    assert sides.rate == 0.02


# --- arms that do not arrive ---


def test_an_arm_that_diverges_at_every_rate_comes_to_an_end():
    world = World(lambda rate: ("diverges", 1.0))
    chosen = world.search(search_for())
    assert chosen.rate == 0.01
    assert {trial.score for trial in chosen.trials} == {(2, 0.0)}
    assert len(world.stored) == len(GRID)


def test_a_rate_that_diverges_is_worse_than_one_that_stays():
    chosen = World(on_grid([("stays", 0.9)] * 2 + [("diverges", 3.0)] * 3)).search(search_for(extensions=0))
    assert chosen.rate == 0.005


def test_an_arm_that_never_arrives_takes_the_rate_with_the_lowest_error():
    errors = (0.9, 0.7, 0.5, 0.4, 0.6)
    world = World(on_grid([("stays", error) for error in errors]))
    chosen = world.search(search_for())
    assert chosen.rate == 0.02
    assert [trial.score[1] for trial in chosen.trials] == pytest.approx(errors)
    assert {run.train.epochs for runs in world.asked for run in runs} == {EPOCHS}


PLATEAU = [("stays", error) for error in (0.9, 0.895, 0.9, 0.89, 0.88)]


def test_from_a_plateau_larger_rates_are_tried_until_one_learns():
    chosen = World(on_grid([*PLATEAU, ("reaches", 6.0), ("diverges", 2.0)], middle=0.02)).search(search_for())
    assert (chosen.rate, chosen.inside) == (0.08, True)
    assert [trial.rate for trial in chosen.trials] == [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16]


def test_from_a_plateau_the_grid_grows_until_training_diverges():
    chosen = World(on_grid([*PLATEAU, ("diverges", 2.0), ("diverges", 1.0)], middle=0.02)).search(search_for())
    assert (chosen.rate, chosen.inside) == (0.01, True)
    assert [trial.rate for trial in chosen.trials] == [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08]


def test_a_plateau_without_an_end_leaves_the_middle_of_the_grid():
    chosen = World(on_grid(PLATEAU)).search(search_for(extensions=3))
    assert (chosen.rate, chosen.inside) == (0.01, True)
    assert len(chosen.trials) == 8


def test_an_arm_that_starts_below_the_threshold_has_nothing_to_wait_for():
    objective = TimeToTrainError(0.95)
    world = World(lambda rate: ("reaches", 5.0))
    chosen = world.search(search_for(objective=objective))
    assert {trial.score for trial in chosen.trials} == {(0, 0.0)}
    assert {run.train.epochs for run in world.asked[1]} == {1}


# --- another objective ---


def test_validation_error_is_compared_at_full_length():
    world = World(on_grid([("stays", error) for error in (0.5, 0.3, 0.4, 0.6, 0.7)]))
    chosen = world.search(search_for(objective=LowestValidationError()), VALIDATED)
    assert len(world.asked) == 1
    # Trials end where the replicates do: what is compared is what they would be.
    assert {run.train for run in world.asked[0]} == {VALIDATED.train.but(learning_rate=rate) for rate in GRID}
    assert [trial.score for trial in chosen.trials] == [(0, error / 100) for error in (0.5, 0.3, 0.4, 0.6, 0.7)]
    assert chosen.rate == 0.005


def test_validation_error_of_a_diverged_run_does_not_count():
    # Its number is the lowest, and at the edge; but it is that of a run that diverged.
    world = World(on_grid([("stays", 4.0), ("stays", 3.0), ("stays", 5.0), ("stays", 6.0), ("diverges", 1.0)]))
    chosen = world.search(search_for(objective=LowestValidationError()), VALIDATED)
    assert chosen.rate == 0.005
    assert chosen.trials[-1].score == (2, 0.0)


@pytest.mark.parametrize("number", [NAN, INF])
def test_a_validation_error_that_is_no_number_is_as_bad_as_a_divergence(number):
    world = World(on_grid([("stays", x) for x in (number, 3.0, number, 6.0, number)]))
    chosen = world.search(search_for(objective=LowestValidationError()), VALIDATED)
    assert chosen.rate == 0.005
    assert [trial.score[0] for trial in chosen.trials] == [2, 0, 2, 0, 2]


def test_a_search_on_validation_errors_where_all_diverge_comes_to_an_end():
    world = World(lambda rate: ("diverges", 1.0))
    chosen = world.search(search_for(objective=LowestValidationError()), VALIDATED)
    assert (chosen.rate, len(world.stored)) == (0.01, len(GRID))


def test_a_search_on_validation_errors_needs_validation_examples():
    with pytest.raises(InputError, match="arm relu is tuned on its validation error: give its data a validation_size"):
        next_step(ARM, search_for(objective=LowestValidationError()), {})


def test_images_held_out_for_the_search_are_trained_on_afterwards():
    arm = replace(ARM, held_out=50)
    world = World(lambda rate: ("stays", 100 * abs(math.log10(rate / 0.01))))
    chosen = world.search(search_for(objective=LowestValidationError()), arm)
    assert chosen.rate == 0.01
    assert {run.data.validation_size for runs in world.asked for run in runs} == {50}
    assert arm.run(chosen.rate, 7).data.validation_size == 0


def test_search_runs_are_not_probed():
    probed = replace(ARM, probes=("filters",))
    world = World(lambda rate: ("reaches", 5.0))
    assert world.search(search_for(), probed) == World(lambda rate: ("reaches", 5.0)).search(search_for())
    assert {run.probes for runs in world.asked for run in runs} == {()}


# --- a pure function of what is stored ---


@PROPERTY
@given(worlds(COARSE))
def test_the_same_stored_runs_give_the_same_answer(course):
    world, search = World(course), search_for(extensions=2)
    while True:
        before = copy.copy(world.stored)
        step = next_step(ARM, search, world.stored)
        backwards = dict(reversed(world.stored.items()))
        assert step == next_step(ARM, search, world.stored) == next_step(ARM, search, backwards)
        assert world.stored == before
        if isinstance(step, Chosen):
            break
        world.train(step)


@PROPERTY
@given(course=worlds(COARSE), data=st.data())
def test_an_interrupted_search_goes_on_to_the_same_end(course, data):
    search, world = search_for(extensions=3), World(course)
    chosen = world.search(search)
    lost = data.draw(st.sets(st.sampled_from(sorted(world.stored))))
    again = World(course)
    again.stored = {key: record for key, record in world.stored.items() if key not in lost}
    assert again.search(search) == chosen
    assert again.stored == world.stored
    assert {run.key for runs in again.asked for run in runs} == lost


def test_runs_of_others_do_not_matter():
    course, search = on_grid([("reaches", float(5 + abs(place))) for place in range(-3, 4)]), search_for()
    chosen = World(course).search(search)
    world = World(course)
    foreign = made_up_arm("tanh")
    for seed, rate, epochs in ((1000, 0.01, 3), (1, 0.01, 20), (1000, 0.02, 20)):
        for arm in (ARM, foreign):
            run = arm.run(rate, seed)
            run = run.but(train=run.train.but(epochs=epochs))
            world.stored[run.key] = outcome(run, ("reaches", 0.5))
    assert world.search(search) == chosen


def test_only_what_is_missing_is_asked_for():
    world, search = World(lambda rate: ("reaches", 5.0)), search_for()
    world.train(next_step(ARM, search, world.stored))
    middle, step = tuple(record.spec for record in world.stored.values()), next_step(ARM, search, world.stored)
    assert step.stored == middle
    world.train(Needed(step.runs[1:3]))
    rest = next_step(ARM, search, world.stored)
    assert rest == Needed((step.runs[0], step.runs[3]), (*middle, *step.runs[1:3]))


# --- crossing ---


@pytest.mark.parametrize(
    ("epochs", "errors", "expected"),
    [
        ([0, 1, 2], [0.9, 0.5, 0.25], 2),  # met exactly
        ([0, 1, 2], [0.9, 0.25, 0.1], 1),
        ([0, 1, 2], [0.9, 0.35, 0.15], 1.5),  # half way
        ([0, 0.5, 2], [0.9, 0.30, 0.10], 0.875),  # a quarter of an uneven step
        ([0, 1], [0.25, 0.1], 0),  # at the first point
        ([1, 2], [0.1, 0.05], 1),
        ([0, 1, 2, 3], [0.9, 0.2, 0.9, 0.2], (0.9 - 0.25) / 0.7),  # the first of several
        ([0, 1, 2], [0.9, 0.5, 0.26], None),
        ([], [], None),
        ([0, 1, 2], [0.9, NAN, 0.2], 2),  # nothing to interpolate from
        ([0, 1, 2], [0.9, INF, 0.2], 2),
        ([0, 1], [NAN, NAN], None),
    ],
)
def test_crossing(epochs, errors, expected):
    result = crossing(epochs, errors, 0.25)
    assert result is None if expected is None else result == pytest.approx(expected)


@PROPERTY
@given(st.lists(st.integers(0, 100).map(lambda n: n / 100), min_size=1, max_size=12), st.integers(1, 99))
def test_crossing_is_the_first_point_of_the_line_below_the_threshold(errors, percent):
    threshold, epochs = percent / 100, list(range(len(errors)))
    fine = np.linspace(0, len(errors) - 1, 1000 * (len(errors) - 1) + 1)
    below = fine[np.interp(fine, epochs, errors) <= threshold + 1e-12]
    result = crossing(epochs, errors, threshold)
    if not len(below):
        assert result is None
    else:
        assert result == pytest.approx(below[0], abs=1.001e-3)
        assert np.interp(result, epochs, errors) == pytest.approx(min(threshold, errors[0]))
