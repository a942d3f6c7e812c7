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
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import psutil
import tensorflow as tf
from pydantic import ValidationError

import cnn_study
from cnn_study.data.transforms import Split
from cnn_study.errors import InputError
from cnn_study.models.complexity import check_memory
from cnn_study.models.factory import build_model, initialize
from cnn_study.probes import final
from cnn_study.probes.training import PROBES, Series
from cnn_study.results import Ended, Point, RunRecord
from cnn_study.spec import ModelSpec, ProbeName, RunSpec, Seeds, TrainSpec, one_line
from cnn_study.training.decay import decayed
from cnn_study.training.outcomes import at_best_validation, stuck

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

    def first(self, size: int | None) -> "Images":
        """The first so many of them; ``None``: all."""
        return Images(self.x[:size], self.y[:size])


class Program:
    """A network with its optimizer and compiled loops, for one network, one data set and one batch size.

    Args:
        model: The network.
        train: Of it, everything but the learning rate, the length and the evaluation is used.
        data: The images.

    Raises:
        InputError: The images do not fit the network, or there is no room for the network on this machine.
    """

    def __init__(self, model: ModelSpec, train: TrainSpec, data: Split):
        if data.x_train.shape[1:] != model.input_shape:
            raise InputError(
                f"the network takes images of {model.input_shape}, the data set has {data.x_train.shape[1:]}"
            )
        check_memory(model, train, psutil.virtual_memory().total)
        self.spec = model
        self.batch_size = train.batch_size
        self.weight_decay = train.weight_decay
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
        self._classes = tf.function(
            self._classify, input_signature=[tf.TensorSpec([None, *model.input_shape], tf.uint8)]
        )
        self._probes: dict[ProbeName, Callable[..., dict[str, tf.Tensor]]] = {}

    def reset(self, seeds: Seeds, learning_rate: float) -> None:
        """Forget everything an earlier run has left: new weights and noise, an optimizer that has taken no step."""
        initialize(self.model, self.spec, seeds.init, seeds.noise)
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable))
        self.optimizer.learning_rate = learning_rate

    def steps(self, order: np.ndarray) -> float:
        """Take one optimizer step for every full batch of the example numbers ``order``; return the mean loss."""
        return float(self._steps(tf.constant(order, tf.int32)))

    def classify(self, images: np.ndarray | tf.Tensor) -> np.ndarray:
        """The classes of images ``(examples, height, width, channels)``, uint8, in inference mode.

        -1 where the logits are no numbers.
        """
        return self._classes(images).numpy()

    def error(self, images: Images) -> float:
        """Fraction of images classified wrongly, in inference mode. Logits that are no numbers are wrong."""
        return int(np.count_nonzero(self.classify(images.x) != images.y.numpy())) / len(images.y)

    def measure(self, name: ProbeName, learning_rate: float) -> dict[str, np.ndarray]:
        """What a probe that measures during training finds on the first training images; it changes nothing."""
        if name not in self._probes:
            self._probes[name] = tf.function(partial(PROBES[name].measure, self.model))
        size = PROBES[name].examples
        images, labels = self._prepared(self.train.x[:size]), self.train.y[:size]
        found = self._probes[name](images, labels, tf.constant(learning_rate, tf.float32))
        return {key: value.numpy() for key, value in found.items()}

    def trained(self) -> final.Trained:
        """The network as it is now, for the probes that look at it in the end."""
        return final.Trained(self.model, lambda images: self._prepared(images).numpy(), self.classify)

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
            gradients = decayed(tape.gradient(loss, variables), variables, self.weight_decay)
            self.optimizer.apply(gradients, variables)
            total += loss
        return total / tf.cast(steps, tf.float32)

    def _classify(self, images):
        size = tf.shape(images)[0]
        parts = -(-size // EVALUATION_BATCH)
        classes = tf.TensorArray(tf.int32, size=parts, infer_shape=False, element_shape=[None])
        for part in tf.range(parts):
            logits = self.model(
                self._prepared(images[part * EVALUATION_BATCH : (part + 1) * EVALUATION_BATCH]), training=False
            )
            finite = tf.reduce_all(tf.math.is_finite(logits), axis=-1)
            classes = classes.write(part, tf.where(finite, tf.argmax(logits, axis=-1, output_type=tf.int32), -1))
        return classes.concat()


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
        InputError: The images do not fit the network, there are too few for a batch, or there is no room for them.
    """
    _check_sizes(spec, len(data.y_train))
    program = program or Program(spec.model, spec.train, data)
    program.reset(spec.seeds, spec.train.learning_rate)
    started = time.perf_counter()
    log = _Log(len(data.y_train) // spec.train.batch_size, on_point)
    validation = Images.of(data.x_validation, data.y_validation) if len(data.y_validation) else None
    probes = {name: Series(PROBES[name]) for name in spec.probes if name in PROBES}
    test = Images.of(data.x_test, data.y_test)
    ended, step = _fit(spec, program, validation, test, probes, log)
    outcomes = _outcomes(spec, program, test, validation, ended, step, log)
    for series in probes.values():
        outcomes |= series.outcomes()
    findings = final.measure(spec.probes, program.trained(), data)
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
        """Numbers of the finished run, with their places as their steps."""
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
        program.optimizer.learning_rate = spec.train.rate(epoch)
        order = np.random.default_rng((spec.seeds.order, epoch)).permutation(size)
        begin = 0
        for end in ends:
            step = epoch * steps + end
            loss = log.note("train_loss", step, program.steps(order[begin * batch : end * batch]))
            error = evaluate(step)
            if not np.isfinite(loss) or (target is not None and error <= target):
                probe(step, epoch)
                return "target" if np.isfinite(loss) else "diverged", step
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
    loss = log.last("train_loss")
    if loss and ended != "diverged":
        outcomes["train_loss"] = loss.value
    if validation is not None:
        outcomes["validation_error"] = error("validation_error", validation)
    best = at_best_validation(log.points)
    if best is not None:
        outcomes["test_error_at_best_validation"] = best
    return outcomes


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
    """What computes: the first GPU that this process sees, else the machine's processor."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    except FileNotFoundError:
        return platform.processor() or "unknown"
