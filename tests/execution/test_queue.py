"""Which job comes next, and how often one is tried."""

import time

import pytest
from conftest import made_up_arm

from cnn_study.errors import ExecutionError
from cnn_study.execution.events import Failed, Lost
from cnn_study.execution.queue import TRIES, Queue, Starts
from cnn_study.spec import CheckSpec

ONE, OTHER, THIRD = (made_up_arm(unit) for unit in ("relu", "tanh", "sigmoid"))


def queued(*jobs):
    queue = Queue()
    for job in jobs:
        queue.put(job)
    return queue


def taken(queue, mine="", others=()):
    """Everything that a worker takes, one after another, while others stay with their programs."""
    jobs = []
    while queue:
        mine, job = queue.take(mine, others)
        jobs.append(job)
    return jobs


def test_a_worker_stays_with_the_program_it_has_compiled():
    jobs = [arm.run(0.01, seed) for seed in range(3) for arm in (ONE, OTHER)]
    assert taken(queued(*jobs)) == jobs[::2] + jobs[1::2]


def test_a_worker_begins_with_what_no_other_has_compiled():
    jobs = [arm.run(0.01, seed) for arm in (ONE, OTHER, THIRD) for seed in range(2)]
    first, job = queued(*jobs).take("", ())
    assert job == jobs[0]
    assert taken(queued(*jobs), "", {first}) == [*jobs[2:], *jobs[:2]]


def test_earlier_turns_come_first_whatever_a_worker_has_compiled():
    queue = Queue()
    for turn, arm in ((2, ONE), (1, OTHER), (1, THIRD), (2, THIRD)):
        queue.put(arm.run(0.01, turn), turn)
    mine, _ = queue.take("", ())
    assert taken(queue, mine) == [THIRD.run(0.01, 1), THIRD.run(0.01, 2), ONE.run(0.01, 2)]


def test_a_lost_job_keeps_its_turn():
    queue = Queue()
    queue.put(ONE.run(0.01, 1), 5)
    program, job = queue.take("", ())
    queue.put(OTHER.run(0.01, 1), 3)
    queue.lost(job, "it died", "feed it")
    assert taken(queue, program) == [OTHER.run(0.01, 1), job]


def test_a_lost_job_comes_next_and_is_given_up_in_the_end():
    job, check = ONE.run(0.01, 1), CheckSpec(check="sizes")
    queue = queued(check, job, OTHER.run(0.01, 1))
    for left in range(TRIES - 1, -1, -1):
        size = len(queue)
        told = queue.lost(job, "it died", "feed it")
        assert told == (Lost(job, "it died") if left else Failed(job, f"it died, {TRIES} times: feed it"))
        assert len(queue) == size + bool(left)
        if left:
            assert queue.take("", ())[1] == job


def test_ten_thousand_programs_take_no_longer_each():
    def seconds(number):
        queue = queued(*(CheckSpec(check=f"check {i}") for i in range(number)))
        started = time.perf_counter()
        assert len(taken(queue, others=range(4))) == number
        return (time.perf_counter() - started) / number

    assert seconds(10_000) < 10 * max(seconds(1_000), 1e-6)


def test_workers_that_end_before_they_are_ready_are_counted_in_a_row():
    starts = Starts()
    for _ in range(TRIES):
        for _ in range(TRIES - 1):
            starts.failed("exit code 1")
        starts.succeeded()
    for _ in range(TRIES - 1):
        starts.failed("exit code 1")
    with pytest.raises(ExecutionError, match=r"workers do not start \(exit code 1\)"):
        starts.failed("exit code 1")
