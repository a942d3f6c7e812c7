"""kill -9 of workers and of whole suites at random times: nothing that was finished is lost or done twice."""

import random
import shutil
import time

import light
import psutil
import pytest
import short
from suites import bare, ended, journal, real, same_files, start, stored, unfinished

from cnn_study.errors import ExecutionError
from cnn_study.execution import local
from cnn_study.execution.queue import TRIES


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A suite that nobody disturbs: its folder, and how long it takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    ended(start(folder, bare(folder)))
    assert len(set(journal(folder))) == len(journal(folder)) == len(stored(folder)) > 25
    return folder, time.monotonic() - began


def kill_one(rng, folder, suite, seconds, whom):
    """Kill a suite, or a worker or what starts workers, at a random time.

    Returns what was stored when the suite had ended, and how many jobs workers had finished by then.
    """
    process = start(folder, suite(folder))
    deadline = time.monotonic() + rng.uniform(0, seconds)
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if whom == "suite":
        process.kill()
        process.communicate()
    else:
        for victim in rng.sample(family, min(1, len(family))):
            victim.kill()
        ended(process)
    assert not psutil.wait_procs(family, timeout=10)[1], "workers outlive the suite"
    return stored(folder), len(journal(folder))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="3 rounds"), pytest.param(50, id="50 rounds", marks=pytest.mark.slow)]
)
def test_kills_at_random_times_lose_nothing_and_train_nothing_twice(undisturbed, tmp_path, rounds):
    reference, seconds = undisturbed
    for seed in range(rounds):
        rng, folder = random.Random(seed), tmp_path / str(seed)  # noqa: S311 - a time, no secret
        whom = rng.choice(["suite", "worker"])
        kept, done = kill_one(rng, folder, bare, seconds, whom)
        print(f"round {seed}: kill -9 of a {whom}; {len(kept)} stored, {done} done")
        ended(start(folder, bare(folder)))
        assert not set(journal(folder)[done:]) & set(kept), "what was stored was done again"
        assert same_files(folder, reference)
        assert unfinished(folder) == []
        shutil.rmtree(folder)


def test_workers_in_the_middle_of_a_long_run_end_with_the_suite(tmp_path):
    process = start(tmp_path, bare(tmp_path), **{light.SECONDS: "3000"})
    family, deadline = [], time.monotonic() + 60
    while len(family) < 4 and time.monotonic() < deadline:  # Two workers, what starts them, and a tracker.
        time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert len(family) == 4
    assert not psutil.wait_procs(family, timeout=5)[1], "workers outlive the suite"


def test_workers_that_cannot_be_started_end_the_suite_in_one_line(monkeypatch, tmp_path):
    tried = []

    def no_fork_server(*_):
        tried.append(None)
        raise EOFError("unexpected EOF")

    monkeypatch.setattr(local, "_Worker", no_fork_server)
    with local.LocalEngine(2, tmp_path) as engine:
        engine.submit(short.design("smoke").checks[0])
        with pytest.raises(ExecutionError, match=r"^workers do not start \(.*unexpected EOF\): check the installation"):
            list(engine.events())
    assert len(tried) == TRIES


def numbers(folder):
    return {
        key: (r.outcomes, getattr(r, "weights", ""), getattr(r, "history", ())) for key, r in stored(folder).items()
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_in_real_training_end_with_the_same_bits(tmp_path):
    reference, began = tmp_path / "undisturbed", time.monotonic()
    ended(start(reference, real(reference)))
    seconds = time.monotonic() - began
    for seed in range(8):
        rng, folder = random.Random(seed), tmp_path / str(seed)  # noqa: S311 - a time, no secret
        whom = rng.choice(["suite", "worker"])
        kept, _ = kill_one(rng, folder, real, seconds, whom)
        print(f"round {seed}: kill -9 of a {whom}; {len(kept)} stored")
        ended(start(folder, real(folder)))
        after = stored(folder)
        assert {key: after[key].finished_at for key in kept} == {key: r.finished_at for key, r in kept.items()}
        assert numbers(folder) == numbers(reference)
        assert unfinished(folder) == []
