from typing import get_args

import pytest

from cnn_study.models.architectures import Ingredient, Pooling, full_network, pooling_net
from cnn_study.models.complexity import costs, macs, parameters
from cnn_study.spec import HE, Conv, GlobalAverage, Pool

DIGITS = {"input_shape": (8, 8, 1)}


@pytest.mark.parametrize("kind", get_args(Pooling))
@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (7, 9, 2)])
def test_every_kind_but_none_halves_the_sides_twice(kind, shape):
    model = pooling_net(kind, maps=(4, 6), input_shape=shape)
    *_, maps, average, logits = model.shapes()
    expected = shape[:2] if kind == "none" else [-(-side // 4) for side in shape[:2]]
    assert maps == (*expected, 6)
    assert (average, logits) == ((6,), (10,))
    assert isinstance(model.layers[-2], GlobalAverage)


def test_kinds_differ_in_how_they_halve_and_in_nothing_else():
    nets = {kind: pooling_net(kind, maps=(4, 6), **DIGITS) for kind in get_args(Pooling)}
    pools = {kind: {layer.pool for layer in net.layers if isinstance(layer, Conv)} for kind, net in nets.items()}
    assert pools["max"] == {Pool(reduce="max", size=2)}
    assert pools["max_overlapping"] == {Pool(reduce="max", size=3)}
    assert pools["average"] == {Pool(reduce="average", size=2)}
    assert pools["average_overlapping"] == {Pool(reduce="average", size=3)}
    assert pools["strided"] == pools["all_conv"] == pools["none"] == {None}
    for kind in set(nets) - {"all_conv"}:
        plain = [layer.but(pool=None, stride=1) if isinstance(layer, Conv) else layer for layer in nets[kind].layers]
        assert nets[kind].but(layers=plain) == nets["none"]
        assert parameters(nets[kind]) == parameters(nets["none"])
    assert [layer.stride for layer in nets["strided"].layers[:2]] == [2, 2]
    extra = nets["all_conv"].layers[1:4:2]
    assert [(layer.maps, layer.field, layer.stride, layer.activation) for layer in extra] == [
        (4, 3, 2, "relu"),
        (6, 3, 2, "relu"),
    ]
    rest = [layer for layer in nets["all_conv"].layers if layer not in extra]
    assert nets["all_conv"].but(layers=rest) == nets["none"]


def test_what_halving_saves():
    by_kind = {kind: macs(pooling_net(kind)) for kind in get_args(Pooling)}
    assert by_kind["max"] == by_kind["average"] == 32 * 32 * 75 * 32 + 16 * 16 * 800 * 64 + 640
    assert by_kind["strided"] == 16 * 16 * 75 * 32 + 8 * 8 * 800 * 64 + 640
    assert by_kind["none"] > by_kind["all_conv"] > by_kind["max"] > by_kind["strided"]


def test_dense_layers_can_read_the_maps_instead_of_their_averages():
    averaged = pooling_net("max", maps=(4, 6), **DIGITS)
    read = pooling_net("max", maps=(4, 6), hidden=(5, 3), **DIGITS)
    assert read.layers[:2] == averaged.layers[:2]
    assert read.shapes() == [(4, 4, 4), (2, 2, 6), (5,), (3,), (10,)]
    assert [layer.activation for layer in read.layers[2:]] == ["relu", "relu", None]


# What each removal may change, as fields of convolutions and of the dense layer.
CHANGES = {
    "relu": ({"activation": "tanh"}, {"activation": "tanh"}),
    "pooling": ({"pool": None, "stride": 2}, {}),
    "dropout": ({}, {"dropout": 0.0}),
    "batch_norm": ({"batch_norm": False}, {"batch_norm": False}),
    "sharing": ({"shared": False}, {}),
}


@pytest.mark.parametrize("without", get_args(Ingredient))
def test_taking_an_ingredient_out_changes_that_one_and_nothing_else(without):
    of_conv, of_dense = CHANGES[without]
    first, second, dense, logits = full_network(**DIGITS).layers
    expected = [first.but(**of_conv), second.but(**of_conv), dense.but(**of_dense), logits]
    assert list(full_network(without, **DIGITS).layers) == expected
    assert full_network(without, **DIGITS) != full_network(**DIGITS)


def test_the_full_network_has_all_ingredients():
    first, second, dense, logits = full_network().layers
    for layer in (first, second, dense):
        assert (layer.activation, layer.batch_norm, layer.initializer) == ("relu", True, HE)
    assert first.pool == second.pool == Pool(reduce="max")
    assert first.shared
    assert dense.dropout == 0.5
    assert logits.activation is None
    assert [row.name for row in costs(full_network("sharing"))] == ["local1", "local2", "dense3", "dense4"]
