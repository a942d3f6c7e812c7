"""Whether every layer that the factory can build computes forward, and backward from the gradient above it."""

import inspect
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api as layers
from cnn_study.checks.networks import built
from cnn_study.checks.tally import CheckFindings, Row, Tally
from cnn_study.spec import (
    RADIAL_BASIS_INPUTS,
    Activation,
    Conv,
    Dense,
    GlobalAverage,
    Layer,
    ModelSpec,
    Pool,
    RadialBasis,
    Subsample,
)

SAME = 1e-10
"""Largest relative error between two ways of differentiating exactly, in double precision."""
CLOSE = 1e-4
"""Largest relative error against finite differences."""
INPUT_SHAPE = (5, 4, 2)
"""Shape of the images: sides of both parities, and more than one channel."""
BATCH = 3
LOGITS = Dense(units=2, activation=None)
TABLE = ((0,), (1, 0), (1,))
UNITS = (*get_args(Activation), None)
ERRORS = ("chain_error", "layer_error", "network_error")
"""Columns of the table: the largest relative error of each comparison."""


@dataclass(frozen=True)
class Configuration:
    """A layer with its switches, in a network of its own.

    Attributes:
        name: Its name in the table.
        layers: The layers of the network, from the input up.
        training: Whether batch normalization uses the statistics of the batch, and dropout drops.
        input_shape: Shape of the images, ``(height, width, channels)``.
    """

    name: str
    layers: tuple[Layer, ...]
    training: bool = False
    input_shape: tuple[int, int, int] = INPUT_SHAPE

    @property
    def spec(self) -> ModelSpec:
        """The network as a specification."""
        return ModelSpec(input_shape=self.input_shape, layers=self.layers)


def configurations() -> list[Configuration]:
    """Every layer with every value of every switch; switches that act on one another in all their combinations."""
    return [*_geometries(), *_units(), *_pools(), *_disturbed(), *_ends()]


def layer_api(grid: Iterable[Configuration] | None = None, seed: int = 0) -> CheckFindings:
    """Differentiate networks with every layer in four ways that must agree, in double precision.

    From the top down, each layer computes the gradients of its parameters and of its input from nothing but its input
    and the gradient handed down to it (:func:`cnn_study.layer_api.backward`). A case is one of these gradients in one
    configuration. It agrees if it equals that of one gradient tape over the whole network, to a relative error of
    1e-10; if the layer's own gradient at random inputs equals finite differences of every number, to 1e-4 (made once
    for layers with the same options); and, for parameters and the image, if the whole network changes along a random
    direction as the gradient says, to 1e-4. A further case of every configuration is that forward gives the shapes of
    the specification.

    Args:
        grid: The configurations that are checked; ``None``: all of :func:`configurations`.
        seed: The seed of weights, images, gradients handed down, and directions.

    Returns:
        Outcomes: also the number of ``configurations`` and the largest errors, ``chain_error``, ``layer_error`` and
        ``network_error``. Table: a row for every ``configuration``: ``training``, ``gradients``, the same three errors,
        ``agrees``.
    """
    tally, table, known = Tally(), [], {}
    for configuration in configurations() if grid is None else grid:
        rng = np.random.default_rng(seed)
        spec, training = configuration.spec, configuration.training
        model = built(spec, seed)
        _stir(model, rng)
        x = _normal(rng, (BATCH, *spec.input_shape))
        upstream = _normal(rng, (BATCH, spec.classes))
        composed = layers.backward(model, x, upstream, training=training)
        chain = _chain_errors(composed, layers.autodiff(model, x, upstream, training=training))
        own = _layer_errors(model, x, rng, training, known)
        network = _network_errors(model, x, upstream, composed, rng, training)
        agree = [chain[place] < SAME and own[place] < CLOSE and network.get(place, 0) < CLOSE for place in chain]
        agrees = tally.add([_shapes(model, x, training) == spec.shapes(), *agree])
        row: Row = {"configuration": configuration.name, "training": training, "gradients": len(chain)}
        errors = [max(of_place.values()) for of_place in (chain, own, network)]
        table.append(row | dict(zip(ERRORS, errors, strict=True)) | {"agrees": agrees})
    largest = {name: max(row[name] for row in table) for name in ERRORS}
    return tally.outcomes(configurations=len(table), **largest), table


Place = tuple[str, str]
"""The name of a Keras layer, and that of one of its variables or ``input``."""


def _chain_errors(composed: dict[str, layers.Gradients], whole: dict[str, layers.Gradients]) -> dict[Place, float]:
    errors = {}
    for name, gradients in composed.items():
        for variable, gradient in _all(gradients):
            errors[name, variable] = layers.relative_error(gradient, dict(_all(whole[name]))[variable])
    return errors


def _layer_errors(
    model: keras.Model, x: tf.Tensor, rng: np.random.Generator, training: bool, known: dict
) -> dict[Place, float]:
    """Errors of every layer's gradients against finite differences, at a random input."""
    errors = {}
    activations = layers.forward(model, x, training=training)
    inputs = [x, *activations.values()]
    for layer, below, above in zip(layers.chain(model), inputs, activations.values(), strict=False):
        options = {key: value for key, value in layer.get_config().items() if key != "name"}
        disturbed = training and "training" in inspect.signature(layer.call).parameters
        layer_kind = (type(layer).__name__, repr(options), disturbed)
        if layer_kind not in known:
            point, upstream = _normal(rng, below.shape), _normal(rng, above.shape)
            exact = layers.differentiate(layer, point, upstream, training=training)
            with _without_warnings():
                approximate = dict(_all(layers.finite_differences(layer, point, upstream, training=training)))
            known[layer_kind] = {
                variable: layers.relative_error(gradient, approximate[variable]) for variable, gradient in _all(exact)
            }
        errors |= {(layer.name, variable): error for variable, error in known[layer_kind].items()}
    return errors


def _network_errors(
    model: keras.Model,
    x: tf.Tensor,
    upstream: tf.Tensor,
    composed: dict[str, layers.Gradients],
    rng: np.random.Generator,
    training: bool,
) -> dict[Place, float]:
    """Errors of the gradients of the parameters and of the image against changes of the network along directions."""
    chain = layers.chain(model)
    places = [(layer.name, variable) for layer in chain for variable in layers.names(layer)]
    gradients = [composed[name].parameters[variable] for name, variable in places]
    points = [*(value for layer in chain for value in layers.values(layer)), x]

    def change(place: int, direction: tf.Tensor) -> float:
        values = []
        for sign in (1, -1):
            moved = list(points)
            moved[place] = points[place] + sign * layers.STEP * direction
            output = layers.call(model, moved[-1], parameters=moved[:-1], training=training)
            values.append(float(tf.reduce_sum(upstream * output)))
        return (values[0] - values[1]) / (2 * layers.STEP)

    errors = {}
    everything = zip([*places, (chain[0].name, "input")], [*gradients, composed[chain[0].name].input], strict=True)
    for number, (place, gradient) in enumerate(everything):
        direction = _normal(rng, gradient.shape)
        difference = abs(change(number, direction) - float(tf.reduce_sum(gradient * direction)))
        errors[place] = difference / max(float(tf.norm(gradient)), layers.ZERO)
    return errors


def _shapes(model: keras.Model, x: tf.Tensor, training: bool) -> list[tuple[int, ...]]:
    """Shape of the output of every layer of the specification, going forward."""
    last = {}
    for name, output in layers.forward(model, x, training=training).items():
        last[int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))] = tuple(output.shape[1:])
    return [last[number] for number in sorted(last)]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Finite differences trace a function for every layer; TensorFlow takes so many functions for a mistake."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _all(gradients: layers.Gradients) -> list[tuple[str, tf.Tensor]]:
    return [*gradients.parameters.items(), ("input", gradients.input)]


def _stir(model: keras.Model, rng: np.random.Generator) -> None:
    """Move all weights off their initial values: zeros and ones would hide what is left out."""
    for variable in model.trainable_variables:
        variable.assign_add(0.3 * rng.standard_normal(variable.shape))


def _normal(rng: np.random.Generator, shape) -> tf.Tensor:
    return tf.constant(rng.standard_normal(tuple(shape)))


def _geometries() -> Iterator[Configuration]:
    """Convolution, locally connected, and with a connection table: fields, strides and paddings."""
    weights = {"conv": {}, "local": {"shared": False}, "table": {"table": TABLE}}
    grid = itertools.product(weights.items(), (2, 3), (1, 2), ("same", "valid", "reflect"))
    for (kind, options), field, stride, padding in grid:
        if kind == "local" and padding == "reflect":
            continue  # Not a specification.
        layer = Conv(maps=3, field=field, stride=stride, padding=padding, activation="tanh", **options)
        yield Configuration(f"{kind} {field}x{field}, stride {stride}, {padding}", (layer, LOGITS))


def _units() -> Iterator[Configuration]:
    """Every unit behind every layer that has one."""
    for unit in UNITS:
        name = unit or "linear"
        yield Configuration(f"conv, {name}", (Conv(maps=3, field=3, activation=unit), LOGITS))
        yield Configuration(f"local, {name}", (Conv(maps=3, field=3, shared=False, activation=unit), LOGITS))
        yield Configuration(f"dense, {name}", (Dense(units=3, activation=unit), LOGITS))
        yield Configuration(f"subsample, {name}", (Subsample(activation=unit), LOGITS), input_shape=(4, 4, 2))


def _pools() -> Iterator[Configuration]:
    """Every pooling: maximum and average, apart and overlapping, hanging over the border or not, before and after."""
    grid = itertools.product(("max", "average"), ((2, 2), (3, 2), (3, 1)), ("same", "valid"), (False, True))
    for reduce, (size, stride), padding, before in grid:
        pool = Pool(reduce=reduce, size=size, stride=stride, padding=padding, before_unit=before)
        name = f"{reduce} pooling {size}/{stride}, {padding}, {'before' if before else 'after'} the unit"
        yield Configuration(name, (Conv(maps=3, field=2, activation="elu", pool=pool), LOGITS))


def _disturbed() -> Iterator[Configuration]:
    """Batch normalization, its noise and dropout, in all combinations, with and without the statistics of the batch."""
    norms = {
        "": {},
        ", norm": {"batch_norm": True},
        ", norm after the unit": {"batch_norm": True, "norm_after_unit": True},
        ", noisy norm": {"batch_norm": True, "norm_noise": True},
        ", noisy norm after the unit": {"batch_norm": True, "norm_after_unit": True, "norm_noise": True},
    }
    for (norm, options), dropout, training in itertools.product(norms.items(), (0.0, 0.4), (False, True)):
        if not options and not dropout:
            continue  # Nothing is disturbed.
        name = norm + (", dropout" if dropout else "") + (", training" if training else "")
        options = options | {"dropout": dropout, "activation": "tanh"}
        yield Configuration(f"conv{name}", (Conv(maps=3, field=3, **options), LOGITS), training)
        yield Configuration(f"local{name}", (Conv(maps=3, field=3, shared=False, **options), LOGITS), training)
        yield Configuration(f"dense{name}", (Dense(units=3, **options), LOGITS), training)


def _ends() -> Iterator[Configuration]:
    """What gives the logits, and a deep network with a bit of everything."""
    conv = Conv(maps=3, field=3, activation="tanh")
    yield Configuration("global average over maps", (conv, GlobalAverage()))
    yield Configuration("global average, dense", (conv, GlobalAverage(), LOGITS))
    yield Configuration("radial basis functions", (Dense(units=RADIAL_BASIS_INPUTS, activation="tanh"), RadialBasis()))
    yield Configuration("logits from the image", (LOGITS,))
    deep = (
        Conv(maps=3, field=3, padding="reflect", batch_norm=True, pool=Pool(reduce="max")),
        Conv(maps=3, field=2, shared=False, activation="silu", dropout=0.2),
        Dense(units=4, activation="gelu", batch_norm=True, norm_noise=True),
        Dense(units=4, activation="sigmoid"),
        LOGITS,
    )
    for training in (False, True):
        yield Configuration(f"five layers{', training' if training else ''}", deep, training)


SAMPLES = {"layer_api": {"grid": configurations()[::12]}}
"""The part of the grid that a sample of a check looks at."""
