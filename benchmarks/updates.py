"""The optimizer's part of a step: this suite's fused updates against Keras's optimizers, in the same compiled loop."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.measuring import Measurement, interleaved, ratios
from benchmarks.networks import random_split
from benchmarks.processes import call
from cnn_study.models.architectures import dense_net, four_layer_18pct
from cnn_study.spec import ModelSpec, ProgramSpec, Seeds, TrainSpec

SECTION = "A step with Keras's update / with a fused one, by processor time"
RATE, IMAGES = 0.001, 2560
NETWORKS: Mapping[str, tuple[ModelSpec, int, int]] = {
    "dense 5 x 1000, batches of 10": (dense_net("relu", hidden=(1000,) * 5, input_shape=(32, 32, 3)), 10, 20),
    "dense 2 x 512, batches of 128": (dense_net("relu", hidden=(512, 512), input_shape=(32, 32, 3)), 128, 50),
    "dense 3 x 100, batches of 20": (dense_net("relu", hidden=(100,) * 3, input_shape=(28, 28, 1)), 20, 1000),
    "18 %, batches of 128": (four_layer_18pct("relu"), 128, 10),
}
"""Networks with the size of a batch and the steps of a measurement."""
OPTIMIZERS: Mapping[str, dict[str, Any]] = {
    "momentum": {"momentum": 0.9},
    "plain": {},
    "Adam": {"optimizer": "adam"},
}


def measure(repetitions: int) -> Iterator[Measurement]:
    """How many times as long a step takes with Keras's optimizer, for every network and optimizer."""
    for network in NETWORKS:
        for name in OPTIMIZERS:
            yield Measurement(SECTION, f"{network}, {name}", "times", call(times_as_long, network, name, repetitions))


def times_as_long(network: str, name: str, repetitions: int) -> tuple[float, ...]:
    """The ratio of the two, one a repetition, in this process."""
    import numpy as np

    from cnn_study.training.trainer import Program

    model, batch, steps = NETWORKS[network]
    train = TrainSpec(learning_rate=RATE, batch_size=batch, epochs=1, **OPTIMIZERS[name])
    data = random_split(IMAGES, 1, model.input_shape)
    order = np.resize(np.arange(IMAGES), steps * batch)
    programs = {label: Program(ProgramSpec(model=model, train=train)) for label in ("fused", "Keras")}
    programs["Keras"].optimizer = _OfKeras(train, programs["Keras"].model.trainable_variables)
    for program in programs.values():
        program.reset(data, Seeds())
        program.steps(order[: 2 * batch], RATE)

    def seconds(program: Program) -> float:
        started = time.process_time()
        program.steps(order, RATE)
        return time.process_time() - started

    found = interleaved({label: lambda p=program: seconds(p) for label, program in programs.items()}, repetitions)
    return ratios(found["Keras"], found["fused"])


class _OfKeras:
    """Keras's optimizer in the place of a program's own, before anything is compiled."""

    def __init__(self, train: TrainSpec, variables: list):
        import keras

        sgd = keras.optimizers.SGD(RATE, momentum=train.momentum)
        self._optimizer = sgd if train.optimizer == "sgd" else keras.optimizers.Adam(RATE)
        self._optimizer.build(variables)

    def reset(self) -> None:
        """What it remembers takes no time."""

    def apply(self, gradients, rate) -> None:
        """Take one step; the rate is known from the beginning."""
        del rate
        self._optimizer.apply(gradients)
