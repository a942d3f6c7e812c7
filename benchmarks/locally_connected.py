"""Time and memory of a locally connected layer, forward and backward: four ways to compute it, in turn, in one run.

    python -m benchmarks.locally_connected --repetitions 5

Every measurement has a process of its own, with one thread as in this suite's workers; every way is measured once in
every repetition, so that a machine that gets slower does so for all of them. A step is the outputs and the gradients by
kernel, bias and input for a batch of 128 random images. Memory is what the process's peak gains after the layer and its
images are there: the intermediate results, and the gradients themselves. All ways are checked to give the same numbers.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time

from cnn_study.execution.local import ENVIRONMENT

BATCH = 128
SECONDS = 2.0
"""How long a way is repeated; the time of a step is the median."""
GEOMETRIES = {
    "28x28x1, 8 maps of 5x5": ((28, 28, 1), 8, 5),
    "32x32x3, 16 maps of 3x3": ((32, 32, 3), 16, 3),
    "8x8x64, 32 maps of 3x3": ((8, 8, 64), 32, 3),
}
WAYS = {
    "rows": "gather pixels as rows (the layer)",
    "patches": "ops.image.extract_patches",
    "slices": "a slice for every place in the field",
    "loop": "a dense product for every position",
}


def layer_of(way: str, maps: int, field: int):
    """The layer of the suite, or one that differs in how it is computed."""
    from keras import ops

    from cnn_study.models.layers import LocallyConnected2D
    from cnn_study.models.layers.padding import same_padding

    class Patches(LocallyConnected2D):
        def call(self, inputs):
            patches = ops.image.extract_patches(inputs, self.kernel_size, self.strides, padding=self.padding)
            shape = patches.shape[1:3]
            patches = ops.transpose(ops.reshape(patches, (-1, *self.kernel.shape[:2])), (1, 0, 2))
            outputs = ops.transpose(ops.matmul(patches, self.kernel), (1, 0, 2))
            return ops.reshape(outputs, (-1, *shape, self.filters)) + self.bias

    def padded(layer, inputs):
        sides = (same_padding(size, layer.kernel_size, layer.strides) for size in inputs.shape[1:3])
        return ops.pad(inputs, ((0, 0), *sides, (0, 0)))

    class Slices(LocallyConnected2D):
        def call(self, inputs):
            _, height, width, _ = self.compute_output_shape(inputs.shape)
            pixels = ops.transpose(padded(self, inputs), (1, 2, 3, 0))
            places = [
                pixels[i : i + height, j : j + width] for i in range(self.kernel_size) for j in range(self.kernel_size)
            ]
            patches = ops.reshape(ops.stack(places, axis=2), (*self.kernel.shape[:2], -1))
            outputs = ops.matmul(ops.transpose(self.kernel, (0, 2, 1)), patches)
            return ops.reshape(ops.transpose(outputs, (2, 0, 1)), (-1, height, width, self.filters)) + self.bias

    class Loop(LocallyConnected2D):
        def call(self, inputs):
            _, height, width, _ = self.compute_output_shape(inputs.shape)
            images, size = padded(self, inputs), self.kernel_size
            outputs = [
                ops.matmul(
                    ops.reshape(images[:, i : i + size, j : j + size], (-1, self.kernel.shape[1])),
                    self.kernel[i * width + j],
                )
                for i in range(height)
                for j in range(width)
            ]
            return ops.reshape(ops.stack(outputs, axis=1), (-1, height, width, self.filters)) + self.bias

    kind = {"rows": LocallyConnected2D, "patches": Patches, "slices": Slices, "loop": Loop}[way]
    return kind(maps, field, padding="same")


def measure(way: str, shape: tuple[int, int, int], maps: int, field: int, pipe) -> None:
    """Send the seconds of a step, the MB that the steps took, and a number that all ways must agree on."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    images = tf.constant(rng.standard_normal((BATCH, *shape)), tf.float32)
    layer = layer_of(way, maps, field)
    layer.build(images.shape)
    layer.kernel.assign(rng.standard_normal(layer.kernel.shape))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.square(layer(images)))
        gradients = tape.gradient(loss, [layer.kernel.value, layer.bias.value, images])
        return tf.add_n([tf.reduce_sum(tf.abs(gradient)) for gradient in gradients])

    graph = step.get_concrete_function()
    before = peak()
    result = float(graph())
    times: list[float] = []
    while sum(times) < SECONDS:
        started = time.perf_counter()
        graph().numpy()
        times.append(time.perf_counter() - started)
    pipe.send((statistics.median(times), peak() - before, result))


def peak() -> float:
    """The most memory this process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", help="file to write all measured values to")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    context = multiprocessing.get_context("spawn")
    values: dict[str, dict[str, list]] = {name: {way: [] for way in WAYS} for name in GEOMETRIES}
    for _ in range(options.repetitions):
        for name, geometry in GEOMETRIES.items():
            for way in WAYS:
                ours, theirs = context.Pipe()
                process = context.Process(target=measure, args=(way, *geometry, theirs))
                process.start()
                values[name][way].append(ours.recv())
                process.join()
    print(f"{platform.processor() or platform.machine()}, one thread, {options.repetitions} repetitions")
    for name, ways in values.items():
        print(f"{name:42}{'ms a step':>10}{'min':>8}{'max':>8}{'ratio to the layer':>20}{'MB':>8}")
        for way, rows in ways.items():
            seconds, megabytes, results = zip(*rows, strict=True)
            baseline = [row[0] for row in ways["rows"]]
            ratio = statistics.median(a / b for a, b in zip(seconds, baseline, strict=True))
            agrees = abs(results[0] / ways["rows"][0][2] - 1) < 1e-4
            median, low, high = (1000 * f(seconds) for f in (statistics.median, min, max))
            print(
                f"  {WAYS[way]:40}{median:10.2f}{low:8.2f}{high:8.2f}{ratio:20.2f}{statistics.median(megabytes):8.0f}"
                f"{'' if agrees else '  gives other numbers!'}"
            )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": platform.platform(), "seconds_megabytes_result": values}, file, indent=1)


if __name__ == "__main__":
    main()
