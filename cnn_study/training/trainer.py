"""Trains one run: data in memory, compiled loops with no Python in the step, the same bits every time.

The loop is TensorFlow's; model, optimizer and layers are Keras's. What depends on a run only through numbers (learning
rate, seeds) is not compiled into it, so that runs that differ in these alone share one compiled program.
"""

import datetime
import hashlib
import os
import platform
import time
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

import cnn_study
from cnn_study.data.transforms import Split
from cnn_study.errors import InputError
from cnn_study.models.factory import build_model, initialize
from cnn_study.results import Ended, Point, RunRecord
from cnn_study.spec import ModelSpec, RunSpec, TrainSpec, one_line

EVALUATION_BATCH = 500
"""Examples in one forward pass of an evaluation: large enough to keep a core busy, small enough for its caches."""

OnPoint = Callable[[Point], None]


class Images(NamedTuple):
    """Labeled images in memory.

    Attributes:
        x: ``(examples, height, width, channels)``, uint8.
        y: ``(examples,)``, int32.
    """

    x: tf.Tensor
    y: tf.Tensor

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Images":
        """Copies of NumPy arrays."""
        return cls(tf.constant(x), tf.constant(y))


class Program:
    """A network with its optimizer and compiled loops, for one network, one data set and one batch size.

    Args:
        model: The network.
        train: Of it, everything but the learning rate, the length and the evaluation is used.
        data: The images.
    """

    def __init__(self, model: ModelSpec, train: TrainSpec, data: Split):
        if data.x_train.shape[1:] != model.input_shape:
            raise InputError(
                f"the network takes images of {model.input_shape}, the data set has {data.x_train.shape[1:]}"
            )
        self.spec = model
        self.batch_size = train.batch_size
        self.train = Images.of(data.x_train, data.y_train)
        self.mean = tf.constant(data.mean)
        self.scale = tf.constant(1.0 / data.stddev, tf.float32)
        self.model = build_model(model)
        self.optimizer = (
            keras.optimizers.SGD(1.0, momentum=train.momentum)
            if train.optimizer == "sgd"
            else keras.optimizers.Adam(1.0)
        )
        self.optimizer.build(self.model.trainable_variables)
        self._steps = tf.function(self._take_steps, input_signature=[tf.TensorSpec([None], tf.int32)])
        self._wrong = tf.function(
            self._count_wrong,
            input_signature=[
                tf.TensorSpec([None, *model.input_shape], tf.uint8),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    def reset(self, seed: int, learning_rate: float) -> None:
        """Forget everything an earlier run has left: new weights, an optimizer that has taken no step."""
        initialize(self.model, self.spec, seed)
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable))
        self.optimizer.learning_rate = learning_rate

    def steps(self, order: np.ndarray) -> float:
        """Take one optimizer step for every full batch of the example numbers ``order``; return the mean loss."""
        return float(self._steps(tf.constant(order, tf.int32)))

    def error(self, images: Images) -> float:
        """Fraction of images classified wrongly, in inference mode. Logits that are no numbers are wrong."""
        return int(self._wrong(images.x, images.y)) / len(images.y)

    def weights_digest(self) -> str:
        """SHA-256 over all weights, in the order of the layers."""
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()

    def _prepared(self, images):
        return (tf.cast(images, tf.float32) - self.mean) * self.scale

    def _take_steps(self, order):
        variables = self.model.trainable_variables
        steps = tf.size(order) // self.batch_size
        total = tf.constant(0.0)
        for step in tf.range(steps):
            index = order[step * self.batch_size : (step + 1) * self.batch_size]
            index.set_shape([self.batch_size])
            images, labels = tf.gather(self.train.x, index), tf.gather(self.train.y, index)
            with tf.GradientTape() as tape:
                logits = self.model(self._prepared(images), training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                loss = tf.reduce_mean(losses)
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            total += loss
        return total / tf.cast(steps, tf.float32)

    def _count_wrong(self, images, labels):
        wrong = tf.constant(0)
        size = tf.shape(images)[0]
        for start in tf.range(0, size, EVALUATION_BATCH):
            part = slice(start, tf.minimum(start + EVALUATION_BATCH, size))
            logits = self.model(self._prepared(images[part]), training=False)
            right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels[part])
            right &= tf.reduce_all(tf.math.is_finite(logits), axis=-1)
            wrong += tf.reduce_sum(tf.cast(~right, tf.int32))
        return wrong


def train(spec: RunSpec, data: Split, program: Program | None = None, on_point: OnPoint | None = None) -> RunRecord:
    """Train one run to its end.

    Args:
        spec: What to run.
        data: Its images, from :func:`cnn_study.data.transforms.split` with ``spec.data``.
        program: A program compiled for this network, data set and batch size; it is reset first. ``None``: compile one.
        on_point: Called with every value as it is measured.

    Returns:
        The record of the run. A run whose loss is no longer a finite number has diverged: that is an outcome.

    Raises:
        InputError: The images do not fit the network, or there are too few for a batch.
    """
    _check_sizes(spec, len(data.y_train))
    program = program or Program(spec.model, spec.train, data)
    program.reset(spec.seeds.init, spec.train.learning_rate)
    started = time.perf_counter()
    history: list[Point] = []

    def note(metric: str, step: int, value: float) -> float:
        history.append(Point(metric, step, step / (len(data.y_train) // spec.train.batch_size), value))
        if on_point:
            on_point(history[-1])
        return value

    size = spec.train.evaluation_size or len(data.y_train)
    watched = Images(program.train.x[:size], program.train.y[:size])
    validation = Images.of(data.x_validation, data.y_validation) if len(data.y_validation) else None
    ended, step = _fit(spec, program, watched, validation, note)
    outcomes = {
        "epochs": history[-1].epoch,
        "steps": float(step),
        "train_error": program.error(program.train),
        "test_error": program.error(Images.of(data.x_test, data.y_test)),
    }
    if validation is not None:
        outcomes["validation_error"] = program.error(validation)
    return RunRecord(
        spec=spec,
        ended=ended,
        outcomes=outcomes,
        history=tuple(history),
        weights=program.weights_digest(),
        environment=environment(),
        seconds=time.perf_counter() - started,
        finished_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _fit(spec: RunSpec, program: Program, watched: Images, validation: Images | None, note) -> tuple[Ended, int]:
    size, batch = len(program.train.y), spec.train.batch_size
    steps, evaluations, target = (
        size // batch,
        spec.train.evaluations_per_epoch,
        spec.train.target_train_error,
    )
    ends = [round(steps * (i + 1) / evaluations) for i in range(evaluations)]
    step = 0
    note("train_error", step, program.error(watched))
    for epoch in range(spec.train.epochs):
        order = np.random.default_rng((spec.seeds.order, epoch)).permutation(size)
        begin = 0
        for end in ends:
            step = epoch * steps + end
            loss = note("train_loss", step, program.steps(order[begin * batch : end * batch]))
            error = note("train_error", step, program.error(watched))
            if not np.isfinite(loss):
                return "diverged", step
            if target is not None and error <= target:
                return "target", step
            begin = end
        if validation is not None:
            note("validation_error", step, program.error(validation))
    return "epochs", step


def _check_sizes(spec: RunSpec, size: int) -> None:
    try:
        spec.but(data=spec.data.but(train_size=size))
    except ValidationError as error:
        raise InputError(f"the data set is too small for the run: {one_line(error)}") from None


def environment() -> dict[str, str]:
    """Versions and switches of this process that can change the bits of a run."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "cnn_study": cnn_study.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "default"),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    except FileNotFoundError:
        return platform.processor() or "unknown"
