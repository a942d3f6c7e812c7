"""What a run costs beside its training, in a warm worker: compiling, resetting, and memory that it leaves behind."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping

from benchmarks.measuring import Measurement, at_most
from benchmarks.networks import random_split
from benchmarks.processes import call
from cnn_study.models.architectures import dense_net, four_layer_13pct, four_layer_18pct
from cnn_study.spec import DataSpec, ModelSpec, RunSpec, Seeds, TrainSpec

FIXED = "Fixed cost of a run in a warm worker: runs of a single step"
MEMORY = "Memory of a worker that is not replaced"
FIXED_GOAL = at_most(0.5)
GROWTH_GOAL = at_most(5)
ARM_RUNS = 7
"""Runs of an arm in the experiment ``activations`` at the profile ``quick``: they share one compiled program."""

BATCH = 16
MODELS: Mapping[str, ModelSpec] = {
    "18 %": four_layer_18pct("relu"),
    "18 %, normalized": four_layer_18pct("relu", batch_norm=True),
    "13 %": four_layer_13pct("relu"),
    "dense, 5 hidden": dense_net("relu", hidden=(100,) * 5, input_shape=(32, 32, 3)),
}
MANY = 200
"""Runs after which the memory of a worker is judged."""

EARLY = 20
"""Runs after which its growth begins to count."""


def fixed(repetitions: int) -> Iterator[Measurement]:
    """Seconds of the first run of a network, which compiles its program, of later ones, and of an arm's mean run."""
    found = call(seconds_of_runs, repetitions)
    for name, arms in found.items():
        firsts = tuple(arm[0] for arm in arms)
        others = tuple(statistics.median(arm[1:]) for arm in arms)
        yield Measurement(FIXED, f"{name}: first run, compiled", "s", firsts)
        yield Measurement(FIXED, f"{name}: later runs", "s", others, FIXED_GOAL)
        means = tuple(statistics.fmean(arm) for arm in arms)
        yield Measurement(FIXED, f"{name}: mean of the {ARM_RUNS} runs of an arm", "s", means, FIXED_GOAL)


def seconds_of_runs(repetitions: int, runs: int = ARM_RUNS) -> dict[str, list[list[float]]]:
    """Seconds of the runs of an arm, for every network and repetition, in a process that has compiled others before."""
    from cnn_study.training.trainer import Program, train

    data = [random_split(BATCH + seed, BATCH) for seed in range(runs)]  # Every replicate has images of its own.

    def arm(model: ModelSpec) -> list[float]:
        times, program = [], None
        for seed in range(runs):
            run = _run(model, seed)
            started = time.perf_counter()
            program = program or Program(run.program)
            train(run, data[seed], program)
            times.append(time.perf_counter() - started)
        return times

    arm(dense_net("relu", hidden=(10,), input_shape=(32, 32, 3)))
    found: dict[str, list[list[float]]] = {name: [] for name in MODELS}
    for _ in range(repetitions):
        for name, model in MODELS.items():
            found[name].append(arm(model))
    return found


def memory(many: int = MANY, early: int = EARLY) -> Iterator[Measurement]:
    """What a worker holds after some runs, and by how much it has grown."""
    held = call(megabytes_after, (early, many))
    yield Measurement(MEMORY, f"after {early} runs", "MB", (held[early],))
    yield Measurement(MEMORY, f"after {many} runs, {-(-many // ARM_RUNS)} programs", "MB", (held[many],))
    growth = 100 * (held[many] / held[early] - 1)
    yield Measurement(MEMORY, f"growth from run {early} to run {many}", "%", (growth,), GROWTH_GOAL)


def megabytes_after(counts: tuple[int, ...]) -> dict[int, float]:
    """Resident memory of this process after so many runs, arm by arm, as a worker keeps programs and lets them go."""
    import psutil

    from cnn_study.execution.worker import Warm
    from cnn_study.training.trainer import train

    class Made(Warm):
        def split(self, spec: DataSpec):
            return data

    networks = [dense_net("relu", hidden=(32,) * depth, input_shape=(8, 8, 1)) for depth in range(1, 6)]
    networks += [four_layer_18pct(unit, input_shape=(8, 8, 1)) for unit in ("relu", "tanh", "sigmoid", "elu", "gelu")]
    data, warm, held = random_split(100, 100, networks[0].input_shape), Made(None), {}  # type: ignore[arg-type]
    for number in range(max(counts)):
        run = _run(networks[number // ARM_RUNS % len(networks)], number)
        train(run, data, warm.program(run))
        if number + 1 in counts:
            held[number + 1] = psutil.Process(os.getpid()).memory_info().rss / 1e6
    return held


def _run(model: ModelSpec, seed: int) -> RunSpec:
    train = TrainSpec(learning_rate=0.001, momentum=0.9, batch_size=BATCH, epochs=1)
    return RunSpec(
        data=DataSpec(name="random", content="0" * 64), model=model, train=train, seeds=Seeds.of(seed, model)
    )
