"""What the probes that measure during training cost: the time of a run with each of them, against one without.

    python -m benchmarks.probes --repetitions 5

The run is the one of the quick profile: a small convolutional network on 2,000 images, measured before training and
after every epoch. Compiling is left out: runs share it. Images are random bytes: only time is measured, that of the
processor, since other work on the machine would blur that on the wall. Printed are medians over the repetitions, with
the smallest and largest value.
"""

import argparse
import os
import statistics
import time

from cnn_study.execution.local import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import numpy as np

from cnn_study.data.transforms import Split
from cnn_study.models.architectures import four_layer_18pct
from cnn_study.probes.training import PROBES
from cnn_study.spec import DataSpec, RunSpec, TrainSpec
from cnn_study.training.trainer import Program, train

IMAGES, TEST_IMAGES, EPOCHS = 2000, 1000, 5


def random_images() -> Split:
    """Images of the shape of CIFAR-10."""
    rng = np.random.default_rng(0)

    def some(count: int):
        images = rng.integers(0, 256, (count, 32, 32, 3), dtype="uint8")
        return images, rng.integers(0, 10, count, dtype="int32")

    images, labels = some(IMAGES)
    return Split(images, labels, *some(0), *some(TEST_IMAGES), images.mean(0).astype("float32"), 64.0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5, help="runs with each probe")
    repetitions = parser.parse_args().repetitions
    data = random_images()
    model = four_layer_18pct("relu", batch_norm=True)
    plain = RunSpec(
        data=DataSpec(name="random", content="0" * 64),
        model=model,
        train=TrainSpec(learning_rate=0.001, momentum=0.9, batch_size=128, epochs=EPOCHS),
    )
    runs = {"none": plain} | {name: plain.but(probes=(name,)) for name in PROBES}
    program = Program(plain.model, plain.train, data)
    for run in runs.values():
        train(run.but(train=run.train.but(epochs=1)), data, program)
    seconds = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            start = time.process_time()
            train(run, data, program)
            seconds[name].append(time.process_time() - start)
    print(f"{EPOCHS} epochs of {IMAGES:,} images, one thread; processor time, and what a probe adds to it:")
    print(f"{'none':16} {statistics.median(seconds['none']):6.2f} s")
    for name in PROBES:
        added = [100 * (own / other - 1) for own, other in zip(seconds[name], seconds["none"], strict=True)]
        print(f"{name:16} {statistics.median(added):+6.1f} %  ({min(added):+.1f} to {max(added):+.1f})")


if __name__ == "__main__":
    main()
