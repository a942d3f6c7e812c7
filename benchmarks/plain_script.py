"""A user's first attempt at the same experiment: one process, ``compile`` and ``fit``, one run after another.

    python -m benchmarks.plain_script 4

Networks, data, rates, batches, epochs and evaluations are those of the part that this suite trains; images are scaled
once, in memory. It prints how many runs, steps and evaluations there were.
"""

import sys
import time

import keras

from benchmarks.part import design, runs
from cnn_study.data import cache
from cnn_study.data.transforms import Split, split
from cnn_study.models.factory import build_model
from cnn_study.spec import RunSpec


class Evaluations(keras.callbacks.Callback):
    """Evaluates the training error several times an epoch, and notes when."""

    def __init__(self, x, y, every: int):
        super().__init__()
        self.x, self.y, self.every, self.errors, self.steps, self.times = x, y, every, [], 0, {}

    def on_train_begin(self, logs=None):
        """The error of the network as it is initialized."""
        self.evaluate()

    def on_train_batch_end(self, batch, logs=None):
        """The error after some of the steps."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.evaluate()

    def evaluate(self):
        """Measure once."""
        _, accuracy = self.model.evaluate(self.x, self.y, verbose=0)
        self.errors.append(1 - accuracy)
        self.times[self.steps] = time.perf_counter()


def train(run: RunSpec, data: Split) -> Evaluations:
    """One run."""
    keras.utils.set_random_seed(run.seeds.init)
    x, x_test = ((images.astype("float32") - data.mean) / data.stddev for images in (data.x_train, data.x_test))
    model = build_model(run.model)
    model.compile(
        keras.optimizers.SGD(run.train.learning_rate, momentum=run.train.momentum),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    batch, size = run.train.batch_size, run.train.evaluation_size
    steps = len(x) // batch
    evaluations = Evaluations(x[:size], data.y_train[:size], steps // run.train.evaluations_per_epoch)
    whole = slice(steps * batch)  # Whole batches, as the suite takes them.
    model.fit(x[whole], data.y_train[whole], batch, run.train.epochs, verbose=0, callbacks=[evaluations])
    model.evaluate(x, data.y_train, verbose=0)
    model.evaluate(x_test, data.y_test, verbose=0)
    return evaluations


def main(epochs: int, fallback: str | None = None) -> None:
    """Train the part, run by run."""
    part = runs(design(epochs, fallback))
    done = [train(run, split(cache.load(run.data.name), run.data)) for run in part]
    print(len(part), sum(each.steps for each in done), sum(len(each.errors) for each in done))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
