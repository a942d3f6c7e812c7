"""Real workers, real training, on the embedded digits."""

import os
import signal

import pytest

from cnn_study.data import cache, registry
from cnn_study.data.transforms import split
from cnn_study.errors import ExecutionError
from cnn_study.execution import local
from cnn_study.execution.events import Begun, Failed, Finished, Lost, Progressed
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.queue import TRIES
from cnn_study.models.architectures import dense_net, four_layer_18pct
from cnn_study.spec import CheckSpec, DataSpec, RunSpec, Seeds, TrainSpec

DIGITS = DataSpec(name="digits", content=registry.get("digits").digest, train_size=200, validation_size=100)


def run(seed=1, epochs=2, model=None, rate=0.05, data=DIGITS):
    model = model or dense_net("tanh", hidden=(8,), input_shape=(8, 8, 1))
    train = TrainSpec(learning_rate=rate, momentum=0.9, batch_size=20, epochs=epochs, evaluations_per_epoch=2)
    return RunSpec(data=data, model=model, train=train, seeds=Seeds.of(seed, model))


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    cache.ensure("digits", cache_dir=folder)
    return folder


def finished(engine):
    return {event.record.key: event.record for event in engine.events() if isinstance(event, Finished)}


def test_bits_do_not_depend_on_where_and_after_what_a_run_is_trained(cache_dir):
    convnet = four_layer_18pct("relu", input_shape=(8, 8, 1))
    runs = [
        run(1),
        run(2),
        run(1, model=convnet),
        run(2, model=convnet),
        run(3),
        run(3, rate=0.01, model=convnet),
    ]
    with LocalEngine(1, cache_dir) as engine:
        for spec in runs:
            engine.submit(spec)
        warm = finished(engine)
    fresh = {}
    for spec in (runs[3], runs[1]):
        with LocalEngine(1, cache_dir) as engine:
            engine.submit(spec)
            fresh |= finished(engine)
    with LocalEngine(2, cache_dir) as engine:
        for spec in reversed(runs):
            engine.submit(spec)
        beside = finished(engine)
    from cnn_study.training.trainer import train

    here = train(runs[3], split(cache.load("digits", cache_dir=cache_dir), DIGITS))
    assert len({record.weights for record in warm.values()}) == len(runs)
    assert {key: record.weights for key, record in beside.items()} == {k: r.weights for k, r in warm.items()}
    for key, record in [*fresh.items(), (here.key, here)]:
        assert record.weights == warm[key].weights
        assert record.history == warm[key].history
        assert record.outcomes == warm[key].outcomes


def test_workers_do_not_compile_the_same_program_while_there_is_another(cache_dir):
    other = dense_net("relu", hidden=(8,), input_shape=(8, 8, 1))
    first, second, third = run(1), run(2), run(1, model=other)
    with LocalEngine(2, cache_dir) as engine:
        for spec in (first, second, third):
            engine.submit(spec)
        begun = [event.job for event in engine.events() if isinstance(event, Begun)]
    assert begun == [first, third, second]


def test_a_killed_worker_costs_only_its_run_which_is_tried_again(cache_dir):
    runs = [run(seed, epochs=40) for seed in range(4)]
    killed, lost, done = False, [], []
    with LocalEngine(2, cache_dir) as engine:
        for spec in runs:
            engine.submit(spec)
        for event in engine.events():
            if isinstance(event, Progressed) and not killed:
                worker = next(worker for worker in engine._workers if worker.job == event.run)
                os.kill(worker.process.pid, signal.SIGKILL)
                killed = True
            elif isinstance(event, Lost):
                lost.append(event)
            elif isinstance(event, Finished):
                done.append(event.record.key)
    assert len(lost) == 1
    assert "signal 9" in lost[0].reason
    assert sorted(done) == sorted(spec.key for spec in runs)


def test_a_run_that_kills_every_worker_is_given_up_and_the_others_go_on(cache_dir):
    spec, other = run(epochs=400), run(2)
    lost, failed, done = [], [], []
    with LocalEngine(1, cache_dir) as engine:
        engine.submit(spec)
        engine.submit(other)
        for event in engine.events():
            if isinstance(event, Progressed) and event.run == spec and event.point.step == 0:
                os.kill(engine._workers[0].process.pid, signal.SIGKILL)
            for kind, seen in ((Lost, lost), (Failed, failed), (Finished, done)):
                if isinstance(event, kind):
                    seen.append(event)
    assert [event.job for event in lost] == [spec] * (TRIES - 1)
    assert [event.job for event in failed] == [spec]
    assert f"signal 9, {TRIES} times" in failed[0].reason
    assert "--jobs" in failed[0].reason
    assert [event.record.key for event in done] == [other.key]


def test_a_run_that_fails_is_told_in_one_line_and_the_others_go_on(cache_dir):
    foreign = run(data=DIGITS.but(content="0" * 64))
    # It passes every check of the spec, but there is no room for 10^9 units.
    broken = run(model=dense_net("tanh", hidden=(10**9,), input_shape=(8, 8, 1)))
    check = CheckSpec(check="no such check")
    with LocalEngine(1, cache_dir) as engine:
        for job in (foreign, broken, check, run(2)):
            engine.submit(job)
        events = list(engine.events())
        assert len({worker.process.pid for worker in engine._workers}) == 1
    failed = {event.job.key: event.reason for event in events if isinstance(event, Failed)}
    assert set(failed) == {foreign.key, broken.key, check.key}
    assert "digits is not the one" in failed[foreign.key]
    assert "the network needs at least 980 GB of memory" in failed[broken.key]
    assert "no such check" in failed[check.key]
    assert all(len(reason.splitlines()) == 1 for reason in failed.values())
    assert [event.record.key for event in events if isinstance(event, Finished)] == [run(2).key]


def test_workers_that_do_not_start_end_the_suite(cache_dir, monkeypatch):
    monkeypatch.setattr(local, "_serve", no_tensorflow)
    with LocalEngine(1, cache_dir) as engine:
        engine.submit(run())
        with pytest.raises(ExecutionError, match=r"workers do not start .*TensorFlow"):
            list(engine.events())


def no_tensorflow(*_):
    os._exit(1)


def test_workers_end_with_the_engine(cache_dir):
    with LocalEngine(2, cache_dir) as engine:
        engine.submit(run())
        finished(engine)
        processes = [worker.process for worker in engine._workers]
        assert all(process.is_alive() for process in processes)
    assert not any(process.is_alive() for process in processes)


def test_the_environment_is_as_it_was_when_the_engine_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    before = dict(os.environ)
    with LocalEngine(1, tmp_path):
        assert "XLA_FLAGS" not in os.environ
        assert os.environ["OMP_NUM_THREADS"] == os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    assert dict(os.environ) == before


def test_records_say_how_they_were_made(cache_dir):
    with LocalEngine(1, cache_dir) as engine:
        engine.submit(run())
        (record,) = finished(engine).values()
    assert record.environment["threads"] == "1"
    assert record.environment["onednn"] == "1"
    assert record.seconds > 0
    assert record.finished_at.endswith("+00:00")
