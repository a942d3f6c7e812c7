import random
import re
from typing import get_args

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from cnn_study.models.architectures import dense_net, four_layer_13pct, four_layer_18pct
from cnn_study.models.complexity import costs, parameters
from cnn_study.models.factory import LEAKY_SLOPE, build_model, initialize
from cnn_study.spec import GLOROT, HE, Activation, Conv, Dense, ModelSpec, Normal, Pool, VarianceScaled

SHAPE = (9, 8, 2)

FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "scaled_tanh": lambda x: 1.7159 * np.tanh(2 * x / 3),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * (1 + special.erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def network(*layers, input_shape=SHAPE, classes=3):
    return ModelSpec(input_shape=input_shape, layers=(*layers, Dense(units=classes, activation=None)))


def images(count=5, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype("float32")


def outputs(model, name, x):
    """What one layer of a network gives."""
    return np.asarray(keras.Model(model.input, model.get_layer(name).output)(x))


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def spoil(model):
    """Change every weight, as training would."""
    model.set_weights([weight + 1 for weight in model.get_weights()])


padding = st.sampled_from(["same", "valid"])
pools = st.builds(
    Pool,
    reduce=st.sampled_from(["max", "average"]),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=padding,
    before_unit=st.booleans(),
)
units = st.none() | st.sampled_from(get_args(Activation))
initializers = st.sampled_from([Normal(stddev=0.1), HE, GLOROT, VarianceScaled(rule="lecun")])
convs = st.builds(
    Conv,
    maps=st.integers(1, 4),
    field=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=padding,
    shared=st.booleans(),
    activation=units,
    pool=st.none() | pools,
    batch_norm=st.booleans(),
    initializer=initializers,
)
denses = st.builds(Dense, units=st.integers(1, 5), activation=units, batch_norm=st.booleans(), initializer=initializers)


@st.composite
def networks(draw):
    """Networks of up to two convolutions that fit the image."""
    layers = []
    for _ in range(draw(st.integers(0, 2))):
        layer = draw(convs)
        try:
            network(*layers, layer)
        except ValueError:
            layer = layer.but(padding="same", pool=layer.pool and layer.pool.but(padding="same"))
        layers.append(layer)
    return network(*layers, *draw(st.lists(denses, max_size=1)))


# --- what is built is what the spec says ---


@settings(deadline=None, max_examples=50)
@given(networks())
def test_sizes_and_parameters_are_those_of_the_spec(spec):
    model = build_model(spec)
    last = {int(re.search(r"\d+$", layer.name)[0]): layer for layer in model.layers[1:]}
    assert [last[number].output.shape[1:] for number in sorted(last)] == spec.shapes()
    counted = [0] * len(spec.layers)
    for layer in model.layers[1:]:
        number = int(re.search(r"\d+$", layer.name)[0])
        counted[number - 1] += sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
    assert counted == [row.parameters for row in costs(spec)]
    logits = model(images(2))
    assert logits.shape == (2, 3)
    assert np.all(np.isfinite(logits))


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        (four_layer_18pct("relu"), 89_578),
        (four_layer_13pct("tanh"), 1_901_386),
        (four_layer_18pct("relu", batch_norm=True), 89_578 + 2 * (32 + 32 + 64)),
        (dense_net("sigmoid", hidden=(30,)), 23_860),
    ],
    ids=["18pct", "13pct", "18pct with batch norm", "dense"],
)
def test_named_networks_have_the_published_number_of_parameters(spec, count):
    model = build_model(spec)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == count == parameters(spec)
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize(
    ("pool", "batch_norm", "order"),
    [
        (None, False, "conv unit"),
        (None, True, "conv norm unit"),
        (Pool(reduce="max"), True, "conv norm unit pool"),
        (Pool(reduce="max", before_unit=True), True, "conv pool norm unit"),
        (Pool(reduce="average", before_unit=True), False, "conv pool unit"),
    ],
)
def test_order_of_the_parts_of_a_layer(pool, batch_norm, order):
    model = build_model(network(Conv(maps=2, field=3, pool=pool, batch_norm=batch_norm)))
    parts = [layer.name.removesuffix("1") for layer in model.layers if layer.name.endswith("1")]
    assert parts == order.split()
    assert model.layers[-1].name == "dense2"


def test_outputs_are_logits():
    """Neither squashed nor normalized: just the matrix product."""
    model = build_model(network(Dense(units=4, activation="tanh")), seed=1)
    model.get_layer("dense2").bias.assign([1.0, -50.0, 300.0])
    hidden = outputs(model, "unit1", images())
    expected = hidden @ np.asarray(model.get_layer("dense2").kernel) + [1, -50, 300]
    np.testing.assert_allclose(model(images()), expected, rtol=1e-5)


@pytest.mark.parametrize("unit", get_args(Activation))
def test_units_are_their_formulas(unit):
    model = build_model(network(Dense(units=200, activation=unit)), seed=1)
    x = 10 * images()
    before = outputs(model, "dense1", x).astype("float64")
    assert before.min() < -5
    assert before.max() > 5
    np.testing.assert_allclose(outputs(model, "unit1", x), FORMULAS[unit](before), rtol=2e-5, atol=2e-6)


def test_every_unit_has_a_formula_here_and_the_leaky_slope_is_the_published_one():
    assert set(FORMULAS) == set(get_args(Activation))
    assert LEAKY_SLOPE == 0.01


# --- pooling ---


def pooled(reduce, x, size, stride, before_unit=False):
    """A pooling layer by itself: after a linear convolution that changes nothing."""
    pool = Pool(reduce=reduce, size=size, stride=stride, before_unit=before_unit)
    model = build_model(network(Conv(maps=1, field=1, activation=None, pool=pool), input_shape=x.shape[1:]))
    model.get_layer("conv1").kernel.assign(np.ones((1, 1, 1, 1)))
    return outputs(model, "pool1", x)


@pytest.mark.parametrize(("reduce", "plain"), [("max", np.max), ("average", np.mean)])
@pytest.mark.parametrize(("side", "size", "stride"), [(8, 3, 2), (7, 3, 2), (8, 2, 2), (7, 2, 2), (8, 3, 3)])
def test_pooling_at_the_border_leaves_the_padding_out(reduce, plain, side, size, stride):
    # All negative, far from zero: padding that counted would show in either.
    x = images(2, (side, side, 1)) - 10
    positions = -(-side // stride)
    before = max((positions - 1) * stride + size - side, 0) // 2
    expected = np.empty((2, positions, positions, 1))
    for i, j in np.ndindex(positions, positions):
        rows, columns = (slice(max(k * stride - before, 0), k * stride - before + size) for k in (i, j))
        expected[:, i, j] = plain(x[:, rows, columns], axis=(1, 2))
    np.testing.assert_allclose(pooled(reduce, x, size, stride), expected, rtol=1e-5)


@pytest.mark.parametrize("unit", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("size", [2, 3])
def test_a_maximum_may_be_taken_before_or_after_a_monotone_unit(unit, size):
    def logits(before_unit):
        pool = Pool(reduce="max", size=size, before_unit=before_unit)
        conv = Conv(maps=4, field=3, activation=unit, pool=pool)
        return np.asarray(build_model(network(conv), seed=2)(images()))

    np.testing.assert_allclose(logits(True), logits(False), rtol=1e-5, atol=1e-6)


def test_an_average_may_not():
    """The two orders are two networks: the switch does something."""

    def logits(before_unit):
        pool = Pool(reduce="average", size=3, before_unit=before_unit)
        return np.asarray(build_model(network(Conv(maps=4, field=3, pool=pool)), seed=2)(images()))

    assert np.abs(logits(True) - logits(False)).max() > 0.01


# --- initial weights ---

DEEP = network(
    Conv(maps=4, field=3, batch_norm=True, pool=Pool(reduce="max", size=3)),
    Conv(maps=3, field=2, shared=False, initializer=HE),
    Dense(units=6, batch_norm=True, initializer=Normal(stddev=0.3)),
)


def test_the_same_seed_gives_the_same_weights_whatever_happened_before():
    first = build_model(DEEP, seed=5)
    build_model(network(Conv(maps=7, field=2)), seed=99)
    keras.utils.set_random_seed(1234)
    np.random.default_rng(7).random(10)
    random.seed(3)
    assert_equal_weights(first, build_model(DEEP, seed=5))


def test_another_seed_gives_other_weights_in_every_layer():
    one, two = build_model(DEEP, seed=5), build_model(DEEP, seed=6)
    for name in ("conv1", "local2", "dense3", "dense4"):
        assert not np.any(np.asarray(one.get_layer(name).kernel) == np.asarray(two.get_layer(name).kernel))
        assert not np.any(one.get_layer(name).bias)


def test_no_two_layers_or_seeds_share_a_stream():
    """Layers of one shape differ, and layer 1 of seed 2 is not layer 2 of seed 1."""
    spec = network(Dense(units=18), Dense(units=18), input_shape=(3, 3, 2))
    kernels = [np.asarray(build_model(spec, s).get_layer(f"dense{n}").kernel) for s in (1, 2) for n in (1, 2)]
    for i, one in enumerate(kernels):
        for other in kernels[:i]:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.3


def test_initializing_a_used_network_makes_it_new():
    model = build_model(DEEP, seed=1)
    spoil(model)
    norm = model.get_layer("norm1")
    assert np.asarray(norm.moving_mean).all()
    initialize(model, DEEP, seed=8)
    assert_equal_weights(model, build_model(DEEP, seed=8))
    for name in ("norm1", "norm3"):
        norm = model.get_layer(name)
        values = [np.unique(w) for w in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)]
        assert np.concatenate(values).tolist() == [1, 0, 0, 1]


def test_adding_a_layer_leaves_the_weights_below_it():
    shallow, deep = network(*DEEP.layers[:2]), DEEP
    for name in ("conv1", "local2"):
        ours, theirs = (build_model(spec, seed=4).get_layer(name).kernel for spec in (shallow, deep))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "tanh"},
        {"activation": None},
        {"batch_norm": True},
        {"pool": Pool(reduce="average")},
        {"pool": Pool(reduce="max", before_unit=True)},
    ],
)
def test_a_switch_of_one_layer_leaves_all_other_weights(change):
    conv = Conv(maps=4, field=3)
    below = Dense(units=6, initializer=HE)
    plain, switched = (build_model(network(layer, below), seed=4) for layer in (conv, conv.but(**change)))
    for name in ("conv1", "dense3"):
        np.testing.assert_array_equal(plain.get_layer(name).kernel, switched.get_layer(name).kernel)


def test_the_rule_changes_the_scale_of_the_weights_and_nothing_else():
    he, fixed = (
        np.asarray(build_model(network(Dense(units=6, initializer=rule)), seed=4).get_layer("dense1").kernel)
        for rule in (HE, Normal(stddev=0.5))
    )
    np.testing.assert_allclose(he / fixed, (2 / 144) ** 0.5 / 0.5, rtol=1e-5)


# Inputs to one output and outputs that one input reaches: a 5x5 field on 8 maps, 40 maps; 3x3 on 8, 32 maps; 800 to 50.
FANS = {
    "conv1": (25 * 8, 25 * 40),
    "local1": (9 * 8, 9 * 32),
    "dense1": (800, 50),
}
LAYERS = {
    "conv1": lambda rule: Conv(maps=40, field=5, initializer=rule),
    "local1": lambda rule: Conv(maps=32, field=3, shared=False, initializer=rule),
    "dense1": lambda rule: Dense(units=50, initializer=rule),
}
VARIANCES = {
    "he": lambda inputs, outputs: 2 / inputs,
    "glorot": lambda inputs, outputs: 2 / (inputs + outputs),
    "lecun": lambda inputs, outputs: 1 / inputs,
    "normal": lambda inputs, outputs: 0.03**2,
}


@pytest.mark.parametrize("name", FANS)
@pytest.mark.parametrize("rule", VARIANCES)
def test_spread_of_the_weights(name, rule):
    initializer = Normal(stddev=0.03) if rule == "normal" else VarianceScaled(rule=rule)
    model = build_model(network(LAYERS[name](initializer), input_shape=(10, 10, 8)), seed=1)
    kernel = np.asarray(model.get_layer(name).kernel, "float64")
    assert kernel.size >= 8000
    expected = VARIANCES[rule](*FANS[name]) ** 0.5
    # Three standard errors of a standard deviation, a mean and a kurtosis.
    assert kernel.std() == pytest.approx(expected, rel=3 / (2 * kernel.size) ** 0.5)
    assert abs(kernel.mean()) < 3 * expected / kernel.size**0.5
    assert np.mean((kernel / expected) ** 4) == pytest.approx(3, abs=3 * (96 / kernel.size) ** 0.5)


def test_weights_and_logits_are_single_precision():
    model = build_model(DEEP)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.backend.standardize_dtype(model(images()).dtype) == "float32"


def test_a_saved_network_gives_the_same_logits(tmp_path):
    spec = network(
        Conv(maps=4, field=3, shared=False, activation="scaled_tanh"),
        Conv(maps=2, field=3, activation="leaky_relu", batch_norm=True),
    )
    model = build_model(spec, seed=3)
    spoil(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images()), model(images()))
