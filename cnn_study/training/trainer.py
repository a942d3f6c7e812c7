"""Trains one run: data in memory, compiled loops with no Python in the step, the same bits every time.

The loop is TensorFlow's; model and layers are Keras's. What a run can be given (images, learning rate, seeds) is not
compiled into it, so that runs that differ in these alone share one compiled program.
"""

import datetime
import hashlib
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

import cnn_study
from cnn_study.data.transforms import Split
from cnn_study.errors import InputError
from cnn_study.models.complexity import check_memory
from cnn_study.models.factory import build_model, initialize, rate_factors
from cnn_study.models.settings import fixed
from cnn_study.probes import final
from cnn_study.probes.training import PROBES, Series
from cnn_study.processes import memory
from cnn_study.results import Ended, Point, RunRecord
from cnn_study.spec import ProbeName, ProgramSpec, RunSpec, Seeds, one_line
from cnn_study.training.decay import decayed
from cnn_study.training.losses import loss
from cnn_study.training.optimizers import optimizer
from cnn_study.training.outcomes import at_best_validation, stuck

EVALUATION_BATCH = 100
"""Examples in one forward pass of an evaluation: as many as leave the maps of a convolution in a core's caches."""

OnPoint = Callable[[Point], None]


class Images(NamedTuple):
    """Labeled images in memory.

    Attributes:
        x: The images ``(examples, height, width, channels)``, uint8.
        y: Their class numbers ``(examples,)``, int32.
    """

    x: tf.Tensor
    y: tf.Tensor

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Images":
        """Copies of NumPy arrays."""
        return cls(tf.constant(x), tf.constant(y))

    def first(self, size: int | None) -> "Images":
        """The first ``size`` of them; ``None``: all."""
        return Images(self.x[:size], self.y[:size])


class Scaling(NamedTuple):
    """The scaling that turns stored images into inputs of the network.

    Attributes:
        mean: The mean image, ``(height, width, channels)``.
        factor: One divided by the deviation, a scalar.
    """

    mean: Any
    factor: Any

    @classmethod
    def of(cls, data: Split, dtype: str) -> "Scaling":
        """The scaling that the training examples give."""
        return cls(tf.constant(data.mean, dtype), tf.constant(1.0 / data.stddev, dtype))

    def apply(self, images):
        """What the network takes, from images ``(examples, height, width, channels)``, uint8."""
        return (tf.cast(images, self.mean.dtype) - self.mean) * self.factor


class Program:
    """A network with its optimizer and compiled loops.

    Images, seeds and learning rate are given to it: it is the same for all runs that differ in nothing else.

    Args:
        spec: The network and the training that are compiled.
        dtype: Type of the numbers in all computation. Runs are in single precision.

    Raises:
        InputError: There is no room for the network on this machine, or Keras does not use TensorFlow.
    """

    @fixed()
    def __init__(self, spec: ProgramSpec, dtype: str = "float32"):
        _check_backend()
        check_memory(spec.model, spec.train, memory())
        self.spec = spec
        self.batch_size = spec.train.batch_size
        self._dtype = dtype
        self._loss = loss(spec.train.loss)
        self.model = build_model(spec.model, dtype=dtype)
        factors = rate_factors(self.model, spec.model, spec.train.bias_rate)
        self.optimizer = optimizer(spec.train, self.model.trainable_variables, factors)
        images = tf.TensorSpec([None, *spec.model.input_shape], tf.uint8)
        labels = tf.TensorSpec([None], tf.int32)
        scaling = Scaling(tf.TensorSpec(spec.model.input_shape, dtype), tf.TensorSpec([], dtype))
        order, rate = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], dtype)
        self._steps = tf.function(self._take_steps, input_signature=[order, rate, images, labels, scaling])
        self._classes = tf.function(self._classify, input_signature=[images, scaling])
        self._probes: dict[ProbeName, Callable[..., dict[str, tf.Tensor]]] = {}

    def reset(self, data: Split, seeds: Seeds) -> None:
        """Forget everything an earlier run has left: other images, new weights and noise, no step taken.

        Raises:
            InputError: The images do not fit the network.
        """
        shape, wanted = data.x_train.shape[1:], self.spec.model.input_shape
        if shape != wanted:
            raise InputError(f"the network takes images of {wanted}, the data set has {shape}")
        self.train = Images.of(data.x_train, data.y_train)
        self.scaling = Scaling.of(data, self._dtype)
        initialize(self.model, self.spec.model, seeds.init, seeds.noise)
        self.optimizer.reset()

    def steps(self, order: np.ndarray, learning_rate: float) -> float:
        """Take one optimizer step for every full batch of the example numbers ``order``; return the mean loss."""
        rate = tf.constant(learning_rate, self._dtype)
        return float(self._steps(tf.constant(order, tf.int32), rate, *self.train, self.scaling))

    def classify(self, images: np.ndarray | tf.Tensor) -> np.ndarray:
        """The classes of images ``(examples, height, width, channels)``, uint8, in inference mode.

        -1 where the logits are no numbers.
        """
        return self._classes(images, self.scaling).numpy()

    def error(self, images: Images) -> float:
        """Fraction of images classified wrongly, in inference mode. Logits that are no numbers are wrong."""
        return int(np.count_nonzero(self.classify(images.x) != images.y.numpy())) / len(images.y)

    def measure(self, name: ProbeName, learning_rate: float) -> dict[str, np.ndarray]:
        """What a probe that measures during training finds on the first training images; it changes nothing."""
        if name not in self._probes:
            self._probes[name] = tf.function(partial(PROBES[name].measure, self.model))
        size = PROBES[name].examples
        images, labels = self.scaling.apply(self.train.x[:size]), self.train.y[:size]
        found = self._probes[name](images, labels, tf.constant(learning_rate, tf.float32))
        return {key: value.numpy() for key, value in found.items()}

    def trained(self, seeds: Seeds) -> final.Trained:
        """The network as it is now, for the probes that look at it in the end.

        Args:
            seeds: The seeds with which its run began.
        """

        def initial() -> keras.Model:
            model = build_model(self.spec.model, dtype=self._dtype)
            initialize(model, self.spec.model, seeds.init, seeds.noise)
            return model

        return final.Trained(self.model, lambda images: self.scaling.apply(images).numpy(), self.classify, initial)

    def weights_digest(self) -> str:
        """SHA-256 over all weights, in the order of the layers."""
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()

    def _take_steps(self, order, rate, x, y, scaling):
        variables = self.model.trainable_variables
        steps = tf.size(order) // self.batch_size
        total = tf.zeros([], rate.dtype)
        for step in tf.range(steps):
            index = order[step * self.batch_size : (step + 1) * self.batch_size]
            index.set_shape([self.batch_size])
            images, labels = tf.gather(x, index), tf.gather(y, index)
            with tf.GradientTape() as tape:
                logits = self.model(scaling.apply(images), training=True)
                mean = tf.reduce_mean(self._loss(labels, logits))
            gradients = decayed(tape.gradient(mean, variables), variables, self.spec.train.weight_decay)
            self.optimizer.apply(gradients, rate)
            total += mean
        return total / tf.cast(steps, rate.dtype)

    def _classify(self, images, scaling):
        size = tf.shape(images)[0]
        parts = -(-size // EVALUATION_BATCH)
        classes = tf.TensorArray(tf.int32, size=parts, infer_shape=False, element_shape=[None])
        for part in tf.range(parts):
            batch = images[part * EVALUATION_BATCH : (part + 1) * EVALUATION_BATCH]
            logits = self.model(scaling.apply(batch), training=False)
            finite = tf.reduce_all(tf.math.is_finite(logits), axis=-1)
            classes = classes.write(part, tf.where(finite, tf.argmax(logits, axis=-1, output_type=tf.int32), -1))
        return classes.concat()


def _check_backend() -> None:
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"training needs Keras's backend tensorflow, not {keras.backend.backend()}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )


@fixed()
def train(spec: RunSpec, data: Split, program: Program | None = None, on_point: OnPoint | None = None) -> RunRecord:
    """Train one run to its end.

    Args:
        spec: The run to train.
        data: Its images, from :func:`cnn_study.data.transforms.split` with ``spec.data``.
        program: A program that is compiled for ``spec.program``; it is reset first. ``None``: compile one.
        on_point: Called with every value as it is measured.

    Returns:
        The record of the run. A run whose loss is no longer a finite number has diverged: that is an outcome.

    Raises:
        InputError: The images do not fit the network, there are too few for a batch, or there is no room for them.
    """
    _check_sizes(spec, len(data.y_train))
    program = program or Program(spec.program)
    program.reset(data, spec.seeds)
    started = time.perf_counter()
    log = _Log(len(data.y_train) // spec.train.batch_size, on_point)
    validation = Images.of(data.x_validation, data.y_validation) if len(data.y_validation) else None
    probes = {name: Series(PROBES[name]) for name in spec.probes if name in PROBES}
    test = Images.of(data.x_test, data.y_test)
    ended, step = _fit(spec, program, validation, test, probes, log)
    outcomes = _outcomes(spec, program, test, validation, ended, step, log)
    for series in probes.values():
        outcomes |= series.outcomes()
    findings = final.measure(spec.probes, program.trained(spec.seeds), data)
    for metric, values in findings.curves.items():
        log.curve(metric, values, step)
    return RunRecord(
        spec=spec,
        ended=ended,
        outcomes=outcomes | findings.outcomes,
        history=tuple(log.points),
        weights=program.weights_digest(),
        environment=environment(),
        seconds=time.perf_counter() - started,
        finished_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


class _Log:
    """The measured values of a run, in the order of their measurement."""

    def __init__(self, steps_per_epoch: int, on_point: OnPoint | None):
        self.points: list[Point] = []
        self._steps_per_epoch = steps_per_epoch
        self._on_point = on_point

    def note(self, metric: str, step: int, value: float) -> float:
        self.points.append(Point(metric, step, self.epoch(step), value))
        if self._on_point:
            self._on_point(self.points[-1])
        return value

    def curve(self, metric: str, values: np.ndarray, step: int) -> None:
        """Note numbers of the finished run, with their places as their steps."""
        epoch = self.epoch(step)
        self.points += [Point(metric, place, epoch, float(value)) for place, value in enumerate(values)]

    def epoch(self, step: int) -> float:
        return step / self._steps_per_epoch

    def last(self, metric: str) -> Point | None:
        return next((point for point in reversed(self.points) if point.metric == metric), None)


def _fit(spec: RunSpec, program: Program, validation: Images | None, test: Images, probes, log) -> tuple[Ended, int]:
    size, batch, target = len(program.train.y), spec.train.batch_size, spec.train.target_train_error
    watched = program.train.first(spec.train.evaluation_size)
    held_out = validation.first(spec.train.evaluation_size) if validation is not None else None
    steps, evaluations = size // batch, spec.train.evaluations_per_epoch
    ends = [round(steps * (i + 1) / evaluations) for i in range(evaluations)]

    def evaluate(step: int) -> float:
        if spec.train.test_curve:
            log.note("test_error", step, program.error(test))
        return log.note("train_error", step, program.error(watched))

    def probe(step: int, epoch: int) -> None:
        for name, series in probes.items():
            for metric, value in series.add(program.measure(name, spec.train.rate(epoch))).items():
                log.note(metric, step, value)

    step = 0
    evaluate(step)
    probe(step, 0)
    for epoch in range(spec.train.epochs):
        order = np.random.default_rng((spec.seeds.order, epoch)).permutation(size)
        begin = 0
        for end in ends:
            step = epoch * steps + end
            taken = program.steps(order[begin * batch : end * batch], spec.train.rate(epoch))
            finite = np.isfinite(log.note("train_loss", step, taken))
            error = evaluate(step)
            if not finite or (target is not None and error <= target):
                probe(step, epoch)
                return "target" if finite else "diverged", step
            begin = end
        if held_out is not None:
            log.note("validation_error", step, program.error(held_out))
        probe(step, epoch)
    return "epochs", step


def _outcomes(
    spec: RunSpec, program: Program, test: Images, validation: Images | None, ended: Ended, step: int, log: _Log
) -> dict[str, float]:
    def error(metric: str, images: Images) -> float:
        """On all the images: that of the last evaluation, if it was of all of them and of these weights."""
        last, size = log.last(metric), spec.train.evaluation_size or len(images.y)
        if last and last.step == step and size >= len(images.y):
            return last.value
        return program.error(images)

    train_error = error("train_error", program.train)
    test_error = program.error(test)
    outcomes = {
        "epochs": log.epoch(step),
        "steps": float(step),
        "reached_target": float(ended == "target"),
        "train_error": train_error,
        "test_error": test_error,
        "generalization_gap": test_error - train_error,
        "stuck": float(stuck(train_error, program.train.y.numpy(), ended == "diverged")),
    }
    last = log.last("train_loss")
    if last and ended != "diverged":
        outcomes["train_loss"] = last.value
    if validation is not None:
        outcomes["validation_error"] = error("validation_error", validation)
    best = at_best_validation(log.points)
    if best is not None:
        outcomes["test_error_at_best_validation"] = best
    return outcomes


def _check_sizes(spec: RunSpec, size: int) -> None:
    try:
        spec.but(data=spec.data.but(train_size=size, displaced=0))  # The copies are among them.
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


def gpus() -> list:
    """The GPUs that this process sees, as TensorFlow describes them."""
    return tf.config.list_physical_devices("GPU")


def _processor() -> str:
    """What computes: the first GPU that this process sees, else the machine's processor."""
    for gpu in gpus():
        return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    except FileNotFoundError:
        return platform.processor() or "unknown"
