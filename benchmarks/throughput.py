"""Images a second: this suite's workers against plain Keras and plain PyTorch, and against the machine's own limit.

Every row has processes of its own, which stay warm: all are made ready first, then they are measured in turn. Plain
Keras and plain PyTorch are one process with the threads it takes by itself, this suite one process a core with a single
thread. TensorFlow turns oneDNN on by default on processors with AVX-512 and leaves it off on others: plain Keras is
measured as it comes and with each setting. It also compiles with XLA by itself: one row is without.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.measuring import Goal, Measurement, at_least, interleaved, ratios
from benchmarks.processes import BATCH, PLAIN, Train, Trainers
from benchmarks.trainers import keras_fit, products, suite, torch_loop
from cnn_study.execution.local import ENVIRONMENT
from cnn_study.processes import cores

SECTIONS = {
    "conv": f"Training, the 18 % network of three convolutions, batches of {BATCH}",
    "dense": f"Training, a dense network of two hidden layers, batches of {BATCH}",
}
INSTALL = {"torch": "torch --index-url https://download.pytorch.org/whl/cpu", "jax": "jax"}
"""What to install for the rows of a package."""

PEAK_GOAL = {"conv": at_least(75)}
"""For this suite, in percent of what the machine does in matrix products."""

PYTORCH_GOAL = at_least(1.5)
"""For this suite, in images a second against the best row of plain PyTorch."""

PRODUCTS = "matrix products of the same size, one process a core"
FIT, TORCH = "Keras, model.fit", "PyTorch"
JAX = {**PLAIN, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Row:
    """What trains.

    Attributes:
        prepare: Builds the network and returns what trains it.
        arguments: Of ``prepare``, after the name of the network.
        variables: Of its environment.
        processes: How many train at once.
        needs: A package that may be absent.
    """

    prepare: Callable[..., Train]
    arguments: tuple = ()
    variables: Mapping[str, str] = field(default_factory=lambda: PLAIN)
    processes: int = 1
    needs: str = "tensorflow"

    @property
    def missing(self) -> str:
        """Why it cannot be measured, and what to do about it; empty if it can."""
        if importlib.util.find_spec(self.needs):
            return ""
        pip = "-m pip install" if importlib.util.find_spec("pip") else ""
        install = f"{sys.executable} {pip}" if pip else f"uv pip install --python {sys.executable}"
        return f"not installed: {install} {INSTALL[self.needs]}"


def rows(network: str, workers: int) -> dict[str, Row]:
    """Everything that trains a network, by name."""
    conv = network == "conv"
    layout = ", channels_last" if conv else ""
    found = {
        own(workers): Row(suite.prepare, (), ENVIRONMENT, workers),
        FIT: Row(keras_fit.prepare),
        f"{FIT}, oneDNN off": Row(keras_fit.prepare, (), {**PLAIN, "TF_ENABLE_ONEDNN_OPTS": "0"}),
        f"{FIT}, oneDNN on": Row(keras_fit.prepare, (), {**PLAIN, "TF_ENABLE_ONEDNN_OPTS": "1"}),
        f"{FIT}, without XLA": Row(keras_fit.prepare, (False,)),
        f"{FIT}, on JAX": Row(keras_fit.prepare, (), JAX, needs="jax"),
        f"{TORCH}, eager": Row(torch_loop.prepare, needs="torch"),
        f"{TORCH}, eager, channels_last": Row(torch_loop.prepare, (True,), needs="torch"),
        f"{TORCH}, torch.compile{layout}": Row(torch_loop.prepare, (conv, True), needs="torch"),
        several(workers): Row(torch_loop.prepare, (conv,), {**PLAIN, "OMP_NUM_THREADS": "1"}, workers, "torch"),
        PRODUCTS: Row(products.prepare, (), ENVIRONMENT, workers),
    }
    if not conv:
        del found[f"{TORCH}, eager, channels_last"]
    return found


def own(workers: int) -> str:
    """What this suite's row is called."""
    return f"this suite, {workers} {'worker' if workers == 1 else 'workers'}"


def several(workers: int) -> str:
    """What the row of PyTorch is called in which it is run as this suite runs its workers."""
    return f"{TORCH} as this suite runs: {workers} x 1 thread"


def measure(network: str, repetitions: int, seconds: float, workers: int | None = None) -> Iterator[Measurement]:
    """The rows of a network, then how this suite compares.

    Args:
        network: ``conv`` or ``dense``.
        repetitions: How often each row is measured.
        seconds: How long a measurement takes, about.
        workers: Processes of this suite; ``None``: one a core.
    """
    workers = workers or cores()
    wanted = rows(network, workers)
    speeds = _speeds(network, {name: row for name, row in wanted.items() if not row.missing}, repetitions, seconds)
    for name, row in wanted.items():
        found = speeds.get(name, ())
        shares = ratios(found, speeds[PRODUCTS]) if found else ()
        yield Measurement(SECTIONS[network], name, "images/s", found, shares=shares, missing=row.missing)
    yield from _compared(network, speeds, workers)


def _speeds(
    network: str, wanted: Mapping[str, Row], repetitions: int, seconds: float
) -> Mapping[str, tuple[float, ...]]:
    with ExitStack() as stack:
        trainers = {}
        for name, row in wanted.items():
            arguments = (network, *row.arguments)
            trainer = Trainers(
                row.prepare, arguments, variables=row.variables, processes=row.processes, seconds=seconds
            )
            trainers[name] = stack.enter_context(trainer)
        return interleaved({name: trainer.images_a_second for name, trainer in trainers.items()}, repetitions)


def _compared(network: str, speeds: Mapping[str, tuple[float, ...]], workers: int) -> Iterator[Measurement]:
    mine = speeds[own(workers)]

    def against(name: str, label: str, goal: Goal | None = None) -> Measurement:
        return Measurement(SECTIONS[network], f"this suite / {label}", "times", ratios(mine, speeds[name]), goal)

    yield against(FIT, "model.fit")
    limit = ratios(speeds[PRODUCTS], speeds[FIT])
    yield Measurement(SECTIONS[network], "matrix products / model.fit: the most that steps can gain", "times", limit)
    as_it_comes = {name: speeds[name] for name in speeds if name.startswith(TORCH) and name != several(workers)}
    if as_it_comes:
        best = max(as_it_comes, key=lambda name: sorted(as_it_comes[name])[len(as_it_comes[name]) // 2])
        yield against(best, "PyTorch's best", PYTORCH_GOAL)
        yield against(several(workers), "PyTorch as this suite runs")
    share = tuple(100 * ratio for ratio in ratios(mine, speeds[PRODUCTS]))
    yield Measurement(SECTIONS[network], "this suite, of the matrix products", "%", share, PEAK_GOAL.get(network))
