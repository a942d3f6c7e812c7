import hashlib
import random
import re
from typing import get_args

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from cnn_study.models.architectures import dense_net, four_layer_13pct, four_layer_18pct, lenet5_1998, lenet5_usual
from cnn_study.models.complexity import costs, parameters
from cnn_study.models.factory import LEAKY_SLOPE, build_model, initialize
from cnn_study.spec import (
    GLOROT,
    GLOROT_UNIFORM,
    HE,
    STANDARD,
    Activation,
    Conv,
    Dense,
    FanUniform,
    GlobalAverage,
    ModelSpec,
    Normal,
    Pool,
    RadialBasis,
    Subsample,
    VarianceScaled,
    Zeros,
)

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
initializers = st.sampled_from(
    [Normal(stddev=0.1), HE, GLOROT, VarianceScaled(rule="lecun"), FanUniform(), STANDARD, GLOROT_UNIFORM, Zeros()]
)
norms = st.sampled_from(
    [{}] + [{"batch_norm": True, "norm_after_unit": after, "norm_noise": noise} for after in (0, 1) for noise in (0, 1)]
)
weighted = {
    "activation": units,
    "dropout": st.sampled_from([0, 0.5]),
    "initializer": initializers,
    "bias_stddev": st.sampled_from([0, 1]),
}


@st.composite
def convs(draw, channels):
    """A convolution of any kind on so many maps."""
    maps = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["plain", "local", "partial"]))
    row = st.lists(st.integers(0, channels - 1), min_size=1, unique=True)
    return Conv(
        maps=maps,
        field=draw(st.integers(1, 5)),
        stride=draw(st.integers(1, 3)),
        padding=draw(padding if kind == "local" else st.sampled_from(["same", "valid", "reflect"])),
        shared=kind != "local",
        table=draw(st.lists(row, min_size=maps, max_size=maps)) if kind == "partial" else None,
        pool=draw(st.none() | pools),
        **draw(norms),
        **{name: draw(values) for name, values in weighted.items()},
    )


@st.composite
def networks(draw):
    """Networks with up to two layers of maps that fit the image, of every kind of layer."""
    layers, channels = [], SHAPE[2]
    for _ in range(draw(st.integers(0, 2))):
        layer = draw(convs(channels) | st.builds(Subsample, size=st.integers(1, 2), activation=units))
        try:
            network(*layers, layer)
        except ValueError:
            if isinstance(layer, Subsample):
                layer = layer.but(size=1)
            else:
                layer = layer.but(padding="same", pool=layer.pool and layer.pool.but(padding="same"))
        layers.append(layer)
        channels = channels if isinstance(layer, Subsample) else layer.maps
    if draw(st.booleans()):
        layers.append(GlobalAverage())
    if draw(st.booleans()):
        options = {name: draw(values) for name, values in weighted.items()}
        layers.append(Dense(units=draw(st.integers(1, 5)), **draw(norms), **options))
    if draw(st.booleans()):
        return ModelSpec(input_shape=SHAPE, layers=(*layers, Dense(units=84), RadialBasis()))
    return network(*layers)


# --- what is built is what the spec says ---


@settings(deadline=None, max_examples=50)
@given(networks())
def test_sizes_and_parameters_are_those_of_the_spec(spec):
    model = build_model(spec)
    last = {int(re.search(r"\d+$", layer.name)[0]): layer for layer in model.layers[1:]}
    weighted = [layer.name for layer in model.layers if re.match("conv|local|dense|subsample|average|rbf", layer.name)]
    assert weighted == [row.name for row in costs(spec)]
    assert [last[number].output.shape[1:] for number in sorted(last)] == spec.shapes()
    counted = [0] * len(spec.layers)
    for layer in model.layers[1:]:
        number = int(re.search(r"\d+$", layer.name)[0])
        counted[number - 1] += sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
    assert counted == [row.parameters for row in costs(spec)]
    logits = model(images(2))
    assert logits.shape == (2, spec.classes)
    assert np.all(np.isfinite(logits))
    assert np.all(np.isfinite(model(images(2), training=True)))


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        (four_layer_18pct("relu"), 89_578),
        (four_layer_13pct("tanh"), 1_901_386),
        (four_layer_18pct("relu", batch_norm=True), 89_578 + 2 * (32 + 32 + 64)),
        (dense_net("sigmoid", hidden=(30,)), 23_860),
        (lenet5_1998(), 60_000),
        (lenet5_usual(), 61_706),
    ],
    ids=["18pct", "13pct", "18pct with batch norm", "dense", "LeNet-5", "usual LeNet-5"],
)
def test_named_networks_have_the_published_number_of_parameters(spec, count):
    model = build_model(spec)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == count == parameters(spec)
    assert model.output_shape == (None, 10)


MAX = Pool(reduce="max")
FIRST = MAX.but(before_unit=True)


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, "conv unit"),
        ({"batch_norm": True}, "conv norm unit"),
        ({"batch_norm": True, "norm_after_unit": True}, "conv unit norm"),
        ({"batch_norm": True, "norm_noise": True}, "conv norm noise unit"),
        ({"batch_norm": True, "norm_after_unit": True, "norm_noise": True}, "conv unit norm noise"),
        ({"batch_norm": True, "pool": MAX, "dropout": 0.5}, "conv norm unit pool dropout"),
        ({"batch_norm": True, "pool": FIRST, "dropout": 0.5}, "conv pool norm unit dropout"),
        ({"pool": FIRST}, "conv pool unit"),
        ({"padding": "reflect", "pool": MAX}, "reflect conv unit pool"),
        ({"activation": None, "dropout": 0.5}, "conv dropout"),
    ],
)
def test_order_of_the_parts_of_a_layer(options, order):
    model = build_model(network(Conv(maps=2, field=3, **options)))
    parts = [layer.name.removesuffix("1") for layer in model.layers if layer.name.endswith("1")]
    assert parts == order.split()
    assert model.layers[-1].name == "dense2"


def test_order_of_the_parts_of_a_dense_layer():
    model = build_model(network(Dense(units=2, batch_norm=True, norm_noise=True, dropout=0.1)))
    assert [layer.name for layer in model.layers] == [
        "image", "flatten1", "dense1", "norm1", "noise1", "unit1", "dropout1", "dense2"
    ]  # fmt: skip


def test_a_global_average_is_the_average_of_each_map():
    spec = ModelSpec(input_shape=SHAPE, layers=(GlobalAverage(),))
    np.testing.assert_allclose(build_model(spec)(images()), images().mean((1, 2)), rtol=1e-5, atol=1e-6)


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


NOISY = network(
    Conv(maps=4, field=3, batch_norm=True, norm_noise=True, dropout=0.5),
    Subsample(size=1),
    Dense(units=6, batch_norm=True, norm_noise=True, dropout=0.5),
    Dense(units=6, dropout=0.5),
)


def in_training(model, times=2):
    return [np.asarray(model(images(), training=True)) for _ in range(times)]


def test_initializing_a_used_network_starts_its_noise_again():
    model = build_model(NOISY, seed=1, noise_seed=2)
    first, second = in_training(model)
    assert np.any(first != second)
    spoil(model)
    initialize(model, NOISY, 1, 2)
    np.testing.assert_array_equal(in_training(model), [first, second])
    np.testing.assert_array_equal(in_training(build_model(NOISY, seed=1, noise_seed=2)), [first, second])
    assert np.unique(model.get_layer("subsample2").coefficient) == 1
    assert not np.any(model.get_layer("subsample2").bias)


def test_the_noise_seed_changes_the_noise_and_not_the_weights():
    one, two = build_model(NOISY, seed=1, noise_seed=2), build_model(NOISY, seed=1, noise_seed=3)
    assert_equal_weights(one, two)
    np.testing.assert_array_equal(one(images()), two(images()))
    assert np.any(in_training(one, 1)[0] != in_training(two, 1)[0])


def test_no_two_layers_share_a_stream_of_noise():
    model = build_model(NOISY, noise_seed=5)
    states = [
        tuple(np.asarray(layer.seed_generator.state)) for layer in model.layers if hasattr(layer, "seed_generator")
    ]
    assert len(states) == len(set(states)) == 5
    # Adding noise to a layer leaves its dropout as it was.
    plain = build_model(network(NOISY.layers[0].but(norm_noise=False)), noise_seed=5)
    state = plain.get_layer("dropout1").seed_generator.state
    np.testing.assert_array_equal(state, model.get_layer("dropout1").seed_generator.state)


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
        {"padding": "reflect"},
        {"dropout": 0.5},
        {"batch_norm": True, "norm_after_unit": True, "norm_noise": True},
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
GOLDEN = "48ff20b3b9b70cde9ba7d7bf4d2b40674781b2ec5f5fb605aa359c0ea8057f2c"
"""SHA-256 of the weights of :data:`DEEP` for seed 5, which stored runs depend on."""


def test_weights_are_those_that_stored_runs_began_with():
    digest = hashlib.sha256()
    for weight in build_model(DEEP, seed=5).get_weights():
        digest.update(weight.tobytes())
    assert digest.hexdigest() == GOLDEN


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


@pytest.mark.parametrize("name", FANS)
def test_evenly_spread_weights_lie_within_the_reach_divided_by_the_fan(name):
    model = build_model(network(LAYERS[name](FanUniform(reach=2.4)), input_shape=(10, 10, 8)), seed=1)
    kernel = np.asarray(model.get_layer(name).kernel, "float64")
    limit = 2.4 / FANS[name][0]
    assert 0.99 * limit < np.abs(kernel).max() <= limit * (1 + 1e-6)
    assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.03)
    assert abs(kernel.mean()) < 3 * kernel.std() / kernel.size**0.5


@pytest.mark.parametrize("rule", [*VARIANCES, "uniform"])
def test_with_a_table_every_connection_has_the_fan_of_its_own_maps(rule):
    table = ((0, 1, 2, 3), (0,), (0, 1))
    initializer = {"normal": Normal(stddev=0.03), "uniform": FanUniform()}.get(rule)
    conv = Conv(maps=3, field=40, table=table, initializer=initializer or VarianceScaled(rule=rule))
    kernel = np.asarray(build_model(network(conv, input_shape=(10, 10, 4))).get_layer("conv1").kernel, "float64")
    reached = {0: 3, 1: 2, 2: 1, 3: 1}
    pairs = [(below, row) for row in table for below in row]
    for place, (below, row) in enumerate(pairs):
        inputs, outputs = 1600 * len(row), 1600 * reached[below]
        variance = (2.4 / inputs) ** 2 / 3 if rule == "uniform" else VARIANCES[rule](inputs, outputs)
        assert kernel[:, :, place].std() == pytest.approx(variance**0.5, rel=3 / (2 * 1600) ** 0.5)


def test_double_precision_has_the_same_weights_and_logits_but_for_rounding():
    spec = network(
        *NOISY.layers[:2], Conv(maps=3, field=3, padding="reflect", shared=True), Conv(maps=2, field=2, shared=False)
    )
    single, double = build_model(spec, seed=3), build_model(spec, seed=3, dtype="float64")
    assert {weight.dtype for weight in double.weights} == {"float64"}
    assert {keras.backend.standardize_dtype(layer.output.dtype) for layer in double.layers} == {"float64"}
    for one, other in zip(single.get_weights(), double.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(single(images()), double(images(count=5).astype("float64")), rtol=1e-4, atol=1e-5)


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


def test_biases_have_a_stream_of_their_own_and_leave_the_weights_as_they_are():
    drawn = network(Dense(units=400, bias_stddev=0.5))
    plain, changed = build_model(network(Dense(units=400)), 3), build_model(drawn, 3)
    np.testing.assert_array_equal(plain.get_layer("dense1").kernel, changed.get_layer("dense1").kernel)
    assert not np.any(plain.get_layer("dense1").bias)
    bias, kernel = (np.asarray(part) for part in changed.get_layer("dense1").get_weights()[::-1])
    assert np.std(bias) == pytest.approx(0.5, rel=0.15)
    # NumPy takes the seed (3, 1) for (3, 1, 0): with that, the biases would repeat the first row of the weights.
    assert abs(np.corrcoef(bias, kernel[0])[0, 1]) < 0.2
    spoil(changed)
    initialize(changed, drawn, 3)
    np.testing.assert_array_equal(changed.get_layer("dense1").bias, bias)


def test_the_fan_out_of_a_convolution_counts_what_pooling_leaves():
    fan_out = VarianceScaled(rule="fan_out")
    for pool, outputs in ((None, 64 * 9), (Pool(reduce="max"), 64 * 9 / 4), (Pool(reduce="max", size=3), 64 * 9 / 4)):
        layer = Conv(maps=64, field=3, initializer=fan_out, pool=pool)
        kernel = build_model(network(layer, input_shape=(9, 8, 16))).get_layer("conv1").kernel
        assert np.std(kernel) == pytest.approx(outputs**-0.5, rel=0.03)
