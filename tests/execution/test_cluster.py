"""The engine for clusters, on a real Ray cluster of two nodes on this machine."""

import os
import re
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import made_up_arm
from nodes import Nodes
from test_local import run

from cnn_study.data import cache
from cnn_study.errors import DataError, ExecutionError
from cnn_study.execution import cluster
from cnn_study.execution.cluster import Needs, RayEngine
from cnn_study.execution.events import Begun, Failed, Finished, Lost, Network, Progressed, Waiting
from cnn_study.execution.local import ENVIRONMENT, LocalEngine
from cnn_study.execution.queue import TRIES
from cnn_study.spec import CheckSpec

ray = pytest.importorskip("ray")

ARM = made_up_arm("relu")


def checks(number):
    return [CheckSpec(check=f"check {i}") for i in range(number)]


@pytest.fixture(scope="module")
def nodes():
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield from Nodes.running()


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    cache.ensure("digits", cache_dir=folder)
    return folder


def short():
    """Work that takes a moment and says where it was done."""

    def do(kind, text, images, tell):
        time.sleep(0.3)
        place = {"node": ray.get_runtime_context().get_node_id(), "process": os.getpid()}
        seen = {name: os.environ.get(name) for name in (*ENVIRONMENT, "TF_DETERMINISTIC_OPS")}
        return "done", place | {"environment": seen}

    return do


def deadly():
    def do(kind, text, images, tell):
        if "check 0" in text:
            os._exit(7)
        return "done", text

    return do


def unable():
    raise ImportError("there is no TensorFlow\nhere")


def done(engine, value, number):
    """Records of jobs, as many as it takes until a value of theirs has had so many values."""
    jobs = iter(checks(1000))
    for _ in range(4):
        engine.submit(next(jobs))
    records = []
    for event in engine.events():
        if isinstance(event, Finished):
            records.append(event.record)
            if len({value(record) for record in records}) < number:
                engine.submit(next(jobs))
    return records


def device(record):
    return record["environment"]["CUDA_VISIBLE_DEVICES"]


def test_bits_are_those_of_local_workers_and_progress_is_told_as_there(nodes, cache_dir):
    runs = [run(1), run(2), run(1, epochs=3)]
    foreign = run(data=runs[0].data.but(content="0" * 64))
    events = {}
    for name, engine in (
        ("local", LocalEngine(1, cache_dir)),
        ("ray", RayEngine(nodes.address, cache_dir, jobs=1)),
    ):
        with engine:
            engine.submit(run(4), model=True)
            for job in (*runs, foreign, CheckSpec(check="no such check")):
                engine.submit(job)
            events[name] = list(engine.events())

    def told(name):
        """All that happens, but for what differs between two runs of the same: when, and how long."""
        for event in events[name]:
            if isinstance(event, Finished):
                yield replace(event.record, seconds=0, finished_at="")
            elif not isinstance(event, Waiting):  # Told where actors take longer to start, as on a busy machine.
                yield event.key if isinstance(event, Network) else event

    assert list(told("ray")) == list(told("local"))
    assert {Begun, Progressed, Network, Finished, Failed} == {type(event) for event in events["ray"]}


def test_workers_have_their_environment_and_the_gpus_that_ray_gives(nodes, cache_dir):
    with RayEngine(nodes.address, cache_dir, work=short) as engine:
        on_cpus = done(engine, device, 1)
    assert all({**record["environment"], "TF_DETERMINISTIC_OPS": None} == record["environment"] for record in on_cpus)
    assert all(record["environment"].items() >= ENVIRONMENT.items() for record in on_cpus)
    with RayEngine(nodes.address, cache_dir, needs=Needs(0.5, 1), work=short) as engine:
        assert engine.jobs == 2
        on_gpus = done(engine, device, 2)
    assert {device(record) for record in on_gpus} == {"0", "1"}
    assert {record["environment"]["TF_DETERMINISTIC_OPS"] for record in on_gpus} == {"1"}
    assert len({record["node"] for record in on_gpus}) == 1


def test_a_killed_node_costs_only_its_job_which_is_tried_again(nodes, cache_dir):
    lost, finished, places = [], [], set()
    jobs, more = checks(8), iter(checks(1000)[8:])
    with RayEngine(nodes.address, cache_dir, work=short) as engine:
        assert engine.jobs == 2
        for job in jobs:
            engine.submit(job)
        for event in engine.events():
            if isinstance(event, Finished):
                finished.append(event.record)
                places.add(event.record["node"])
                if len(places) < 2:
                    jobs.append(next(more))
                    engine.submit(jobs[-1])
            elif isinstance(event, Lost):
                lost.append(event)
            elif isinstance(event, Begun) and len(places) == 2 and nodes.node is not None:
                nodes.kill()
    nodes.add()
    assert len(places) == 2
    assert [event.job in jobs for event in lost] == [True]
    assert re.fullmatch(r"its worker on \S+ is lost \((it does not answer|its (node|process) died)\)", lost[0].reason)
    assert len(finished) == len(jobs)


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_given_up_and_the_others_go_on(nodes, cache_dir):
    with RayEngine(nodes.address, cache_dir, work=deadly) as engine:
        for job in checks(3):
            engine.submit(job)
        events = list(engine.events())
    lost, failed, finished = ([e for e in events if isinstance(e, kind)] for kind in (Lost, Failed, Finished))
    assert [event.job.check for event in lost] == ["check 0"] * (TRIES - 1)
    assert [event.job.check for event in failed] == ["check 0"]
    assert f"is lost (its process died), {TRIES} times: if memory is short" in failed[0].reason
    assert len(finished) == 2


@pytest.mark.slow
def test_workers_that_do_not_start_end_the_suite_with_the_reason(nodes, cache_dir):
    with RayEngine(nodes.address, cache_dir, jobs=1, work=unable) as engine:
        engine.submit(checks(1)[0])
        with pytest.raises(ExecutionError, match=r"workers do not start .*ImportError: there is no TensorFlow\)"):
            list(engine.events())


@pytest.mark.slow
def test_without_room_the_suite_waits_then_ends_with_what_is_free(nodes, cache_dir, monkeypatch):
    monkeypatch.setattr(cluster, "NOTICE", 0.5)
    with RayEngine(nodes.address, cache_dir, needs=Needs(3), work=short, patience=2.5) as engine:
        engine.submit(checks(1)[0])
        events = engine.events()
        assert isinstance(next(events), Waiting)
        with pytest.raises(ExecutionError, match=r"no room for a run, which takes 3 CPUs; 2 of 2 CPUs are free: add"):
            next(events)


@pytest.mark.slow
def test_a_node_with_other_libraries_is_refused(nodes, cache_dir, monkeypatch):
    here = cluster.installed()
    monkeypatch.setattr(cluster, "installed", lambda: {**here, "keras": "4.0"})
    with RayEngine(nodes.address, cache_dir, jobs=1, work=short) as engine:
        engine.submit(checks(1)[0])
        with pytest.raises(ExecutionError, match=rf"keras {here['keras']} for 4\.0.*install the same"):
            list(engine.events())


def test_waiting_is_told_once():
    engine = RayEngine("auto", None)
    engine._ray = type("Ray", (), {"cluster_resources": lambda: {"CPU": 4.0}, "available_resources": dict})
    engine.submit(checks(1)[0])
    engine._seen, engine._told = time.monotonic() - cluster.NOTICE - 1, False
    told = [event for _ in range(3) for event in engine._look()]
    assert told == [
        Waiting(
            "the Ray cluster at auto has no room for a run, which takes 1 CPU; 0 of 4 CPUs are free: waiting for room"
        )
    ]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "127.0.0.1:port"])
def test_where_no_cluster_answers_one_line_says_so(cache_dir, address):
    started = time.monotonic()
    with (
        pytest.raises(ExecutionError, match=rf"^no Ray cluster can be had at {address} \(.*--address$"),
        RayEngine(address, cache_dir),
    ):
        pass
    assert time.monotonic() - started < 10


def test_without_ray_one_line_says_what_to_install(cache_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutionError, match=r"pip install 'cnn-study\[ray\]'"), RayEngine("auto", cache_dir):
        pass


def test_room_is_counted_node_by_node():
    nodes = [{"CPU": 4.0, "GPU": 1.0}, {"CPU": 3.0}, {"memory": 1.0}]
    assert Needs().fitting(nodes) == 7
    assert Needs(2).fitting(nodes) == 3
    assert Needs(0.1).fitting(nodes) == 70
    assert Needs(1, 1).fitting(nodes) == 1
    assert Needs(1, 0.25).fitting(nodes) == 4
    assert Needs(8).fitting(nodes) == 0
    assert str(Needs(2, 0.5)) == "2 CPUs and 0.5 GPUs"


def test_whatever_a_job_raises_is_told():
    def lost(*_):
        raise EOFError("the pipe of another library")

    actor = cluster._Actor(lambda: lost)
    actor.prepare()
    ((kind, reason),) = actor.begin("run", "{}", {})
    assert kind == "failed"
    assert reason.startswith("EOFError: the pipe of another library (test_cluster.py, line")


def test_images_that_came_damaged_are_refused(cache_dir):
    arrays = cache.load("digits", cache_dir=cache_dir)
    assert cluster._checked(arrays) is arrays
    damaged = np.array(arrays.x_test)
    damaged[3, 2, 1] ^= 1
    with pytest.raises(DataError, match=r"did not come to .* as it was: x_test: wrong hash"):
        cluster._checked(replace(arrays, x_test=damaged))
