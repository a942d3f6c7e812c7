"""Training throughput of the 18 % network: this suite's workers against plain ``model.fit``, in turn, in one run.

    python -m benchmarks.throughput --repetitions 5

Every row is measured in processes of its own, all rows once in every repetition, so that a machine that gets slower
does so for all of them. Printed are medians with the smallest and largest value, and the ratio to plain Keras within
each repetition. Images are random bytes: only time is measured. TensorFlow turns oneDNN on by default on processors
with AVX-512 and leaves it off on others; plain Keras is measured with the default of this machine and with each
setting.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping

from cnn_study.execution.local import ENVIRONMENT
from cnn_study.models.architectures import four_layer_18pct

IMAGES = 12_800
BATCH = 128


def random_images():
    """Images and labels of the shape of CIFAR-10."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (IMAGES, 32, 32, 3), dtype="uint8")
    return x, rng.integers(0, 10, IMAGES, dtype="int32")


def plain_fit(pipe) -> None:
    """A user's first attempt: layers in a row, ``compile``, ``fit``."""
    import keras

    x, y = random_images()
    x = x.astype("float32") / 255
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.AveragePooling2D(3, 2, padding="same"),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.AveragePooling2D(3, 2, padding="same"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.001, momentum=0.9), loss, metrics=["accuracy"])
    assert model.count_params() == 89_578  # noqa: S101
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    pipe.send("ready")
    pipe.recv()
    started = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0)
    pipe.send(2 * IMAGES / (time.perf_counter() - started))


def suite_worker(pipe) -> None:
    """One of this suite's workers."""
    import numpy as np

    from cnn_study.data.transforms import Split
    from cnn_study.spec import TrainSpec
    from cnn_study.training.trainer import Program

    x, y = random_images()
    mean = x.mean(0).astype("float32")
    split = Split(x, y, x[:0], y[:0], x[:1], y[:1], mean, 64.0)
    program = Program(four_layer_18pct("relu"), TrainSpec(learning_rate=1, momentum=0.9, epochs=1), split)
    program.reset(0, 0.001)
    order = np.arange(IMAGES)
    program.steps(order)
    pipe.send("ready")
    pipe.recv()
    started = time.perf_counter()
    for _ in range(2):
        program.steps(order)
    pipe.send(2 * IMAGES / (time.perf_counter() - started))


def matrix_product(pipe) -> None:
    """The most multiply-accumulates a second that this machine reaches, as images of the network a second."""
    import tensorflow as tf

    from cnn_study.models.complexity import costs

    rows = costs(four_layer_18pct("relu"))
    # Backward: once more for the weights, and once more for the inputs of every layer but the first.
    needed = 3 * sum(row.macs for row in rows) - rows[0].macs
    size, times = 2048, 16
    a = tf.random.normal((size, size))
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(a, a)))
    product()
    pipe.send("ready")
    pipe.recv()
    started = time.perf_counter()
    for _ in range(times):
        product().numpy()
    pipe.send(times * size**3 / (time.perf_counter() - started) / needed)


def measure(target: Callable, environment: Mapping[str, str | None], processes: int) -> float:
    """Images a second of some processes at once: all make ready, then all run."""
    saved = dict(os.environ)
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in environment.items() if value is not None})
    context = multiprocessing.get_context("spawn")
    pipes, workers = [], []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        workers.append(context.Process(target=target, args=(theirs,)))
        workers[-1].start()
        pipes.append(ours)
    os.environ.clear()
    os.environ.update(saved)
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:
        pipe.send("go")
    speed = sum(pipe.recv() for pipe in pipes)
    for worker in workers:
        worker.join()
    return speed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", help="file to write all measured values to")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    rows = {
        "plain model.fit, TensorFlow's defaults": (plain_fit, quiet, 1),
        "plain model.fit, oneDNN off": (plain_fit, {**quiet, "TF_ENABLE_ONEDNN_OPTS": "0"}, 1),
        "plain model.fit, oneDNN on": (plain_fit, {**quiet, "TF_ENABLE_ONEDNN_OPTS": "1"}, 1),
        f"this suite, {cores} workers": (suite_worker, ENVIRONMENT, cores),
        f"matrix product, {cores} processes": (matrix_product, ENVIRONMENT, cores),
    }
    values: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(options.repetitions):
        for name, row in rows.items():
            values[name].append(measure(*row))
    print(f"{platform.processor() or platform.machine()}, {cores} cores, {options.repetitions} repetitions, images/s")
    baseline = next(iter(values.values()))
    print(f"{'':42}{'median':>8}{'min':>8}{'max':>8}{'ratio to the first row':>26}")
    for name, speeds in values.items():
        ratio = statistics.median(a / b for a, b in zip(speeds, baseline, strict=True))
        print(f"{name:42}{statistics.median(speeds):8.0f}{min(speeds):8.0f}{max(speeds):8.0f}{ratio:26.2f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": platform.platform(), "cores": cores, "images_per_second": values}, file, indent=1)


if __name__ == "__main__":
    main()
