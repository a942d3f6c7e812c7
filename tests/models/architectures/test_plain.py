import pytest

from cnn_study.errors import InputError
from cnn_study.models.architectures import (
    averaged_net,
    change_hidden,
    deep_conv_net,
    dense_net,
    full_network,
    initialized,
    one_hidden_net,
    padding_net,
)
from cnn_study.models.complexity import costs, parameters
from cnn_study.spec import GLOROT, HE, LECUN, Dense, GlobalAverage

DIGITS = {"input_shape": (8, 8, 1)}


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_all_convolutions_of_a_deep_net_but_the_first_are_equal(depth):
    model = deep_conv_net("tanh", depth=depth, maps=6, **DIGITS)
    *convs, average, logits = model.layers
    assert len(convs) == depth
    assert {layer.but(stride=1) for layer in convs} == {convs[-1].but(stride=1)}
    assert [layer.stride for layer in convs] == [2] + [1] * (depth - 1)
    assert set(model.shapes()[:depth]) == {(4, 4, 6)}
    assert isinstance(average, GlobalAverage)
    assert logits.initializer == GLOROT
    assert {layer.initializer for layer in convs} == {GLOROT}


def test_hidden_layers_of_one_geometry():
    options = {"maps": 6, "field": 5, "padding": "valid", "input_shape": (32, 32, 1)}
    conv, local = (one_hidden_net(kind, **options) for kind in ("conv", "local"))
    dense = one_hidden_net("dense", units=4704, input_shape=(32, 32, 1))
    counts = [costs(model)[0].parameters for model in (conv, local, dense)]
    assert counts == [156, 122_304, 4_821_600]
    assert [costs(model)[0].macs for model in (conv, local, dense)] == [117_600, 117_600, 4_816_896]
    # Nothing but the sharing differs between the first two, and the layer above is the same for all.
    assert local.but(layers=(local.layers[0].but(shared=True), local.layers[1])) == conv
    assert len({costs(model)[1].parameters for model in (conv, local, dense)}) == 1


def test_pooling_of_one_hidden_layer_does_not_overlap():
    model = one_hidden_net("conv", maps=2, field=3, pool=4, input_shape=(28, 28, 1))
    assert model.shapes()[0] == (7, 7, 2)
    assert one_hidden_net("conv", maps=2, field=3, **DIGITS).layers[0].pool is None


def test_what_is_averaged_is_a_quarter_of_the_image():
    model = averaged_net(maps=(2, 4, 6), field=5, input_shape=(36, 36, 1), classes=7)
    assert model.shapes() == [(18, 18, 2), (9, 9, 4), (9, 9, 6), (6,), (7,)]
    # The readout has a weight a map and class, whatever the size of the image.
    assert parameters(model) == parameters(model.but(input_shape=(20, 20, 1)))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("dense", {}),
        ("dense", {"units": 3, "maps": 3}),
        ("dense", {"units": 3, "field": 3}),
        ("dense", {"units": 3, "pool": 2}),
        ("conv", {"maps": 3}),
        ("local", {"field": 3}),
        ("conv", {"maps": 3, "field": 3, "units": 3}),
    ],
)
def test_options_of_another_kind_of_hidden_layer_are_refused(kind, options):
    with pytest.raises(InputError, match=f"a {kind} hidden layer has"):
        one_hidden_net(kind, **options)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1)])
def test_padding_changes_the_size_and_not_the_parameters(shape):
    nets = {
        padding: padding_net(padding, depth=3, maps=4, input_shape=shape) for padding in ("same", "valid", "reflect")
    }
    assert len({parameters(model) for model in nets.values()}) == 1
    side = shape[0]
    assert [s[0] for s in nets["valid"].shapes()[:3]] == [side - 2, side - 4, side - 6]
    for padding in ("same", "reflect"):
        assert [s[0] for s in nets[padding].shapes()[:3]] == [side] * 3
    convs = [layer for model in nets.values() for layer in model.layers[:3]]
    assert len({layer.but(padding="same") for layer in convs}) == 1


def test_a_change_reaches_the_hidden_layers_and_no_other():
    plain = dense_net("sigmoid", hidden=(5, 4), **DIGITS)
    noisy = change_hidden(plain, batch_norm=True, norm_noise=True)
    assert noisy == dense_net("sigmoid", hidden=(5, 4), batch_norm=True, **DIGITS).but(
        layers=[*(layer.but(batch_norm=True, norm_noise=True) for layer in plain.layers[:2]), plain.layers[2]]
    )
    assert noisy.stochastic
    assert not plain.stochastic
    full = full_network("dropout", **DIGITS)
    dropped = change_hidden(full, (Dense,), dropout=0.3)
    assert [layer.dropout for layer in dropped.layers] == [0, 0, 0.3, 0]


def test_one_rule_for_all_weights():
    model = initialized(deep_conv_net("relu", depth=2, maps=3, **DIGITS), LECUN)
    assert [layer.initializer for layer in model.layers if not isinstance(layer, GlobalAverage)] == [LECUN] * 3
    assert initialized(model, HE) != model
