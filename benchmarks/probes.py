"""What the probes that measure during training cost: the time of a run with each of them, against one without.

The run is like one of the quick profile: a small convolutional network on 2,000 images, measured before training and
after every epoch. Compiling is left out: runs share it. Time is that of the processor, since other work on the machine
would blur that on the wall.
"""

import time
from collections.abc import Iterator

from benchmarks.measuring import Measurement, at_most, interleaved
from benchmarks.networks import random_split
from benchmarks.processes import call
from cnn_study.models.architectures import four_layer_18pct
from cnn_study.spec import DataSpec, RunSpec, TrainSpec

SECTION = "Probes during training, added to a run without"
GOAL = at_most(10)
IMAGES, TEST_IMAGES = 2000, 1000
EPOCHS = 5
"""Of a run: six measurements."""


def added(repetitions: int) -> Iterator[Measurement]:
    """The processor time that each probe adds, in percent."""
    seconds = call(seconds_with, repetitions)
    without = seconds.pop("none")
    for name, found in seconds.items():
        more = tuple(100 * (own / other - 1) for own, other in zip(found, without, strict=True))
        yield Measurement(SECTION, name.replace("_", " "), "%", more, GOAL)


def seconds_with(repetitions: int, images: int = IMAGES) -> dict[str, tuple[float, ...]]:
    """Processor time of a run without probes (``none``) and of one with each, in this process."""
    from cnn_study.probes.training import PROBES
    from cnn_study.training.trainer import Program, train

    data = random_split(images, TEST_IMAGES)
    plain = RunSpec(
        data=DataSpec(name="random", content="0" * 64),
        model=four_layer_18pct("relu", batch_norm=True),
        train=TrainSpec(learning_rate=0.001, momentum=0.9, batch_size=128, epochs=EPOCHS),
    )
    program = Program(plain.program)

    def seconds(run: RunSpec) -> float:
        started = time.process_time()
        train(run, data, program)
        return time.process_time() - started

    runs = {"none": plain} | {name: plain.but(probes=(name,)) for name in PROBES}
    for run in runs.values():
        seconds(run.but(train=run.train.but(epochs=1)))
    return interleaved({name: lambda run=run: seconds(run) for name, run in runs.items()}, repetitions)
