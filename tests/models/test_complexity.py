import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.models.complexity import costs, macs, parameters
from cnn_study.spec import Conv, Dense, GlobalAverage, ModelSpec, Pool, RadialBasis, Subsample

PROPERTY = settings(deadline=None, max_examples=50)


def network(*layers, input_shape=(8, 8, 1), classes=10):
    return ModelSpec(input_shape=input_shape, layers=(*layers, Dense(units=classes, activation=None)))


def first(layer, input_shape):
    return costs(network(layer, input_shape=input_shape))[0]


def starts(size, field, stride, padding):
    """First pixel of every position along a side; negative: in the padding (of TensorFlow's ``same``)."""
    if padding == "valid":
        return list(range(0, size - field + 1, stride))
    count = math.ceil(size / stride)
    before = max((count - 1) * stride + field - size, 0) // 2
    return [i * stride - before for i in range(count)]


convs = st.builds(
    Conv,
    maps=st.integers(1, 4),
    field=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
    shared=st.booleans(),
    batch_norm=st.booleans(),
)
pools = st.builds(
    Pool,
    reduce=st.sampled_from(["max", "average"]),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
)
sides = st.integers(4, 12)


# --- one layer, by hand ---


def test_a_dense_layer_has_a_weight_for_every_pair():
    """A map of 32x32 pixels connected fully to 6 maps of 28x28 units: what LeNet-5's first layer saves."""
    (row, _) = costs(network(Dense(units=4704), input_shape=(32, 32, 1)))
    assert row.macs == 4_816_896
    assert row.parameters == 4_821_600
    assert row.connections == 4_821_600


def test_the_same_outputs_by_convolution():
    row = first(Conv(maps=6, field=5, padding="valid"), (32, 32, 1))
    assert row.output_shape == (28, 28, 6)
    assert row.parameters == 156
    assert row.connections == 122_304
    assert row.macs == 117_600


def test_the_same_outputs_without_sharing():
    row = first(Conv(maps=6, field=5, padding="valid", shared=False), (32, 32, 1))
    assert row.output_shape == (28, 28, 6)
    assert row.parameters == row.connections == 122_304
    assert row.macs == 117_600


def test_batch_normalization_adds_a_scale_and_a_shift_a_map_and_no_products():
    conv, dense = Conv(maps=6, field=5), Dense(units=7)
    plain = costs(network(conv, dense))
    normed = costs(network(conv.but(batch_norm=True), dense.but(batch_norm=True)))
    assert [n.parameters - p.parameters for n, p in zip(normed, plain, strict=True)] == [12, 14, 0]
    assert [n.macs for n in normed] == [p.macs for p in plain]
    assert [n.connections for n in normed] == [p.connections for p in plain]


def test_a_table_counts_only_its_connections():
    table = ((0, 1), (2,), (0, 1, 2))
    row = first(Conv(maps=3, field=3, padding="valid", table=table), (8, 8, 3))
    assert row.parameters == 9 * 6 + 3
    assert row.connections == 36 * (9 * 6 + 3)
    assert row.macs == 36 * 9 * 6
    full = Conv(maps=3, field=3, padding="valid")
    everything = full.but(table=((0, 1, 2),) * 3)
    assert first(everything, (8, 8, 3)) == first(full, (8, 8, 3))


def test_mirrored_padding_costs_as_much_as_zeros():
    conv = Conv(maps=3, field=5, stride=2)
    assert first(conv.but(padding="reflect"), (9, 8, 2)) == first(conv, (9, 8, 2))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_subsampling_has_two_numbers_a_map(size):
    row = first(Subsample(size=size), (8, 8, 3))
    outputs = (8 // size) ** 2 * 3
    assert (row.name, row.parameters, row.macs) == ("subsample1", 6, outputs)
    assert row.connections == outputs * (size * size + 1)
    assert row.receptive_field == size


def test_a_global_average_costs_nothing_and_sees_everything():
    rows = costs(network(Conv(maps=5, field=3, padding="valid"), GlobalAverage()))
    row = rows[1]
    assert (row.name, row.output_shape) == ("average2", (5,))
    assert (row.parameters, row.connections, row.macs) == (0, 0, 0)
    assert row.receptive_field == 8
    assert rows[2].parameters == 60


def test_radial_basis_functions_have_nothing_to_train():
    model = ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=84), RadialBasis()))
    row = costs(model)[1]
    assert (row.name, row.parameters, row.connections, row.macs) == ("rbf2", 0, 840, 840)


def test_noise_and_dropout_cost_nothing():
    conv, dense = Conv(maps=6, field=5, batch_norm=True), Dense(units=7, batch_norm=True)
    noisy = {"norm_noise": True, "norm_after_unit": True, "dropout": 0.5}
    assert costs(network(conv, dense)) == costs(network(conv.but(**noisy), dense.but(**noisy)))


def test_a_dense_layer_sees_the_whole_input():
    assert [row.receptive_field for row in costs(network(Dense(units=3), input_shape=(9, 12, 1)))] == [12, 12]


def test_totals_are_sums_over_the_layers():
    model = network(Conv(maps=3, field=3), Conv(maps=2, field=3, shared=False), Dense(units=5))
    rows = costs(model)
    assert [row.name for row in rows] == ["conv1", "local2", "dense3", "dense4"]
    assert parameters(model) == sum(row.parameters for row in rows)
    assert macs(model) == sum(row.macs for row in rows)
    assert len({row.parameters for row in rows}) == 4


# --- against plain counting ---


@PROPERTY
@given(layer=convs, height=sides, width=sides, channels=st.integers(1, 3))
def test_convolutions_are_counted_as_by_walking_over_them(layer, height, width, channels):
    positions = 0
    for _ in starts(height, layer.field, layer.stride, layer.padding):
        for _ in starts(width, layer.field, layer.stride, layer.padding):
            positions += 1
    weights = layer.field * layer.field * channels * layer.maps
    row = first(layer, (height, width, channels))
    assert math.prod(row.output_shape) == positions * layer.maps
    assert row.macs == positions * weights
    assert row.connections == positions * (weights + layer.maps)
    sets = 1 if layer.shared else positions
    assert row.parameters == sets * (weights + layer.maps) + 2 * layer.maps * layer.batch_norm


@PROPERTY
@given(layer=convs, pool=pools, height=sides, width=sides)
def test_pooling_costs_nothing_and_shrinks_the_output(layer, pool, height, width):
    layer = layer.but(padding="same", stride=1)
    shape = (height, width, 2)
    plain, pooled = first(layer, shape), first(layer.but(pool=pool), shape)
    assert (pooled.parameters, pooled.macs, pooled.connections) == (plain.parameters, plain.macs, plain.connections)
    rows, columns = (len(starts(side, pool.size, pool.stride, pool.padding)) for side in (height, width))
    assert pooled.output_shape == (rows, columns, layer.maps)


@PROPERTY
@given(st.lists(st.tuples(convs, st.none() | pools), min_size=1, max_size=3))
def test_receptive_field_is_what_one_output_looks_back_on(layers):
    layers = [layer.but(padding="valid", pool=pool and pool.but(padding="valid")) for layer, pool in layers]
    rows = costs(network(*layers, input_shape=(1000, 1000, 1)))
    for depth in range(1, len(layers) + 1):
        steps = []
        for layer in layers[:depth]:
            steps.append((layer.field, layer.stride))
            steps += [(layer.pool.size, layer.pool.stride)] if layer.pool else []
        low, high = 5, 5  # the sixth output, and the first and last of what it sees, one layer down at a time
        for field, stride in reversed(steps):
            low, high = low * stride, high * stride + field - 1
        assert rows[depth - 1].receptive_field == high - low + 1


@pytest.mark.parametrize("shared", [True, False])
def test_a_field_as_large_as_the_image_is_a_dense_layer(shared):
    conv = first(Conv(maps=7, field=6, padding="valid", shared=shared), (6, 6, 3))
    dense = costs(network(Dense(units=7), input_shape=(6, 6, 3)))[0]
    assert (conv.parameters, conv.macs, conv.connections) == (dense.parameters, dense.macs, dense.connections)
    assert conv.receptive_field == dense.receptive_field == 6
