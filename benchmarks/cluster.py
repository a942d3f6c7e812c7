"""What a Ray cluster costs: the scheduler's share of a run, and what a second worker adds.

    python -m benchmarks --rows cluster --json benchmarks/results/cluster.json

The cluster is a real one on this machine: a head without CPUs and two nodes with one each. The same is measured with
workers on this machine, as both share its cores: what these lose, no scheduler can gain.
"""

import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measuring import Measurement, at_least, interleaved, ratios
from cnn_study.data import cache, registry
from cnn_study.execution import engine, local
from cnn_study.execution.cluster import Do, RayEngine
from cnn_study.execution.events import Finished
from cnn_study.execution.local import LocalEngine
from cnn_study.models.architectures import four_layer_18pct
from cnn_study.results import Point
from cnn_study.spec import DataSpec, RunSpec, Seeds, TrainSpec

WORKERS = 2
STUBS = 10_000
RUNS, EPOCHS = 8, 5
POINTS = [Point("train_error", i, float(i), 0.5) for i in range(40)]
"""What a stub hands back: as many values as a run of 20 epochs measures."""

SCHEDULER = f"Scheduler: {STUBS:,} runs of 0 s on {WORKERS} workers, the start of workers included"
SCALING = "Weak scaling: twice the runs on two workers, which are warm, against one"
GOAL = at_least(0.9)
DIGITS = DataSpec(name="digits", content=registry.get("digits").digest, canvas=32, train_size=1000, validation_size=100)

Engine = Callable[[int], RayEngine | LocalEngine]


def run(seed: int, epochs: int, rate: float = 0.001) -> RunSpec:
    """A run of the 18 % network on digits, on canvases of the size of CIFAR-10's images."""
    model = four_layer_18pct("relu", input_shape=(32, 32, 1))
    train = TrainSpec(learning_rate=rate, momentum=0.9, batch_size=50, epochs=epochs)
    return RunSpec(data=DIGITS, model=model, train=train, seeds=Seeds.of(seed, model))


def stub() -> Do:
    """Work that takes no time."""
    return lambda kind, text, images, tell: ("done", POINTS)


def serve_stubs(connection: Connection, cache_dir: Path, given: Mapping[str, str]) -> None:
    """A worker on this machine whose work takes no time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection.send(("ready", None))
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        connection.send(("done", POINTS))


def scheduled(make: Engine) -> float:
    """Milliseconds that a run takes which does nothing."""
    jobs = [run(seed, 1 + seed % 100) for seed in range(STUBS)]
    with make(WORKERS) as started:
        begun = time.perf_counter()
        for job in jobs:
            started.submit(job)
        ended = sum(isinstance(event, Finished) for event in started.events())
        assert ended == STUBS  # noqa: S101
        return 1000 * (time.perf_counter() - begun) / STUBS


def trained(make: Engine, workers: int, runs: int, epochs: int) -> float:
    """Seconds that runs take, so many a worker, when all workers have compiled their program."""
    seeds = iter(range(10**6))
    with make(workers) as started:
        started.submit(run(next(seeds), 1))
        for event in started.events():
            if isinstance(event, Finished) and sum(worker.served > 0 for worker in started._workers) < workers:
                for _ in range(workers):
                    started.submit(run(next(seeds), 1))
        begun = time.perf_counter()
        for _ in range(workers * runs):
            started.submit(run(next(seeds), epochs))
        ended = sum(isinstance(event, Finished) for event in started.events())
        assert ended == workers * runs  # noqa: S101
        return time.perf_counter() - begun


@contextmanager
def patched(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Another value in a module while the body runs."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def nodes() -> Iterator[str]:
    """A cluster of a head and two nodes: its address."""
    from ray.cluster_utils import Cluster

    store: dict[str, Any] = {"object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **store})
    for _ in range(WORKERS):
        cluster.add_node(num_cpus=1, **store)
    try:
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def measure(repetitions: int, few: int, runs: int = RUNS, epochs: int = EPOCHS) -> Iterator[Measurement]:
    """All of it.

    Args:
        repetitions: How often scaling is measured.
        few: How often the scheduler's cost is.
        runs: A worker, in one measurement of scaling.
        epochs: Of such a run.
    """
    if not importlib.util.find_spec("ray"):
        install = f"not installed: {sys.executable} -m pip install --editable '.[ray]'"
        yield Measurement(SCALING, "Ray", "", missing=install)
        return
    # Workers are as nice as those on this machine.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with tempfile.TemporaryDirectory() as folder, nodes() as address:
        cache_dir = Path(folder)
        cache.ensure(DIGITS.name, cache_dir=cache_dir)

        def ray(jobs: int, **arguments) -> RayEngine:
            return RayEngine(address, cache_dir, jobs, **arguments)

        def here(jobs: int) -> LocalEngine:
            return LocalEngine(jobs, cache_dir)

        yield Measurement(SCHEDULER, "Ray", "ms", tuple(scheduled(partial(ray, work=stub)) for _ in range(few)))
        with patched(engine, "JOBS_A_WORKER", 2 * STUBS):
            values = tuple(scheduled(partial(ray, work=stub)) for _ in range(few))
        yield Measurement(SCHEDULER, "Ray, workers never replaced", "ms", values)
        with patched(local, "_serve", serve_stubs):
            values = tuple(scheduled(here) for _ in range(few))
        yield Measurement(SCHEDULER, "this machine", "ms", values)
        engines: dict[str, Engine] = {"Ray": ray, "this machine": here}
        numbers = (1, WORKERS)
        cases = {
            label(name, n): partial(trained, make, n, runs, epochs) for name, make in engines.items() for n in numbers
        }
        seconds = interleaved(cases, repetitions)
        for name in engines:
            for n in numbers:
                yield Measurement(SCALING, f"{label(name, n)}, {n * runs} runs", "s", seconds[label(name, n)])
            efficiency = ratios(*(seconds[label(name, n)] for n in numbers))
            yield Measurement(SCALING, f"{name}: efficiency", "", efficiency, GOAL if name == "Ray" else None)
        speed = ratios(*(seconds[label(name, WORKERS)] for name in ("this machine", "Ray")))
        yield Measurement(SCALING, "Ray with two workers, speed as a share of two on this machine", "", speed)


def label(name: str, workers: int) -> str:
    """What a row is called."""
    return f"{name}, {workers} worker{'s' if workers > 1 else ''}"
