"""What a step is made of: its fused update against that of Keras's optimizers, and an evaluation against a step."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.measuring import Measurement, interleaved, ratios
from benchmarks.networks import random_split
from benchmarks.processes import call
from cnn_study.models.architectures import dense_net, four_layer_18pct
from cnn_study.spec import ModelSpec, ProgramSpec, Seeds, TrainSpec

UPDATES = "A step with the update of Keras's optimizer / a step with the fused one, by processor time"
EVALUATIONS = "An image in an evaluation / an image in a step, by processor time"
RATE, IMAGES = 0.001, 2560
NETWORKS: Mapping[str, tuple[ModelSpec, int, int]] = {
    "dense 5 x 1000, batches of 10": (dense_net("relu", hidden=(1000,) * 5, input_shape=(32, 32, 3)), 10, 200),
    "dense 2 x 512, batches of 128": (dense_net("relu", hidden=(512, 512), input_shape=(32, 32, 3)), 128, 6400),
    "dense 3 x 100, batches of 20": (dense_net("relu", hidden=(100,) * 3, input_shape=(28, 28, 1)), 20, 20_000),
    "18 %, batches of 128": (four_layer_18pct("relu"), 128, 1280),
}
"""Networks with the size of a batch and the images of a measurement."""
OPTIMIZERS: Mapping[str, dict[str, Any]] = {
    "momentum": {"momentum": 0.9},
    "plain": {},
    "Adam": {"optimizer": "adam"},
}


def measure(repetitions: int) -> Iterator[Measurement]:
    """Both ratios, for every network; that of the updates for every optimizer."""
    found = {network: call(times_as_long, network, repetitions) for network in NETWORKS}
    for network, (updates, _) in found.items():
        for name, values in updates.items():
            yield Measurement(UPDATES, f"{network}, {name}", "times", values)
    for network, (_, evaluations) in found.items():
        yield Measurement(EVALUATIONS, network, "times", evaluations)


def times_as_long(network: str, repetitions: int) -> tuple[dict[str, tuple[float, ...]], tuple[float, ...]]:
    """The ratios of updates by the name of the optimizer, and that of evaluations, one a repetition."""
    import numpy as np

    from cnn_study.training.trainer import Program

    model, batch, images = NETWORKS[network]
    data = random_split(IMAGES, 1, model.input_shape)
    order = np.resize(np.arange(IMAGES), images)

    def prepared(train: TrainSpec, of_keras: bool) -> Program:
        program = Program(ProgramSpec(model=model, train=train))
        if of_keras:
            program.optimizer = _OfKeras(train, program.model.trainable_variables)
        program.reset(data, Seeds())
        program.steps(order[: 2 * batch], RATE)
        return program

    updates = {}
    for name, options in OPTIMIZERS.items():
        train = TrainSpec(learning_rate=RATE, batch_size=batch, epochs=1, **options)
        fused, of_keras = prepared(train, False), prepared(train, True)
        actions = {"fused": lambda p=fused: p.steps(order, RATE), "Keras": lambda p=of_keras: p.steps(order, RATE)}
        seconds = interleaved({label: _timed(action) for label, action in actions.items()}, repetitions)
        updates[name] = ratios(seconds["Keras"], seconds["fused"])
    program = prepared(TrainSpec(learning_rate=RATE, momentum=0.9, batch_size=batch, epochs=1), False)
    shown = np.resize(data.x_train, (images, *model.input_shape))
    program.classify(shown)
    actions = {"step": lambda: program.steps(order, RATE), "evaluation": lambda: program.classify(shown)}
    seconds = interleaved({label: _timed(action) for label, action in actions.items()}, repetitions)
    return updates, ratios(seconds["evaluation"], seconds["step"])


def _timed(action: Callable[[], Any]) -> Callable[[], float]:
    def seconds() -> float:
        started = time.process_time()
        action()
        return time.process_time() - started

    return seconds


class _OfKeras:
    """Keras's optimizer in the place of a program's own, before anything is compiled."""

    def __init__(self, train: TrainSpec, variables: list):
        import keras

        sgd = keras.optimizers.SGD(RATE, momentum=train.momentum)
        self._optimizer = sgd if train.optimizer == "sgd" else keras.optimizers.Adam(RATE)
        self._optimizer.build(variables)
        self._variables = variables

    def reset(self) -> None:
        """What it remembers takes no time."""

    def apply(self, gradients, rate) -> None:
        """Take one step; the rate is known from the beginning."""
        del rate
        self._optimizer.apply(gradients, self._variables)
