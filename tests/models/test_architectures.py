import pytest

from cnn_study.models.architectures import (
    FAN_SCALED,
    RECTIFIERS,
    dense_net,
    deviations_13pct,
    deviations_18pct,
    four_layer_13pct,
    four_layer_18pct,
)
from cnn_study.models.complexity import costs, macs, parameters
from cnn_study.spec import GLOROT, HE, Conv, Normal

SMALL = {"input_shape": (8, 8, 1), "classes": 3}


def stddevs(model):
    return [layer.initializer.stddev for layer in model.layers]


# --- golden values, for 32x32x3 images and 10 classes ---


def test_the_18_percent_network():
    model = four_layer_18pct("relu")
    rows = costs(model)
    assert parameters(model) == 89_578
    assert macs(model) == 12_298_240
    assert [row.parameters for row in rows] == [2432, 25_632, 51_264, 10_250]
    assert [row.macs for row in rows] == [2_457_600, 6_553_600, 3_276_800, 10_240]
    assert [row.output_shape for row in rows] == [(16, 16, 32), (8, 8, 32), (4, 4, 64), (10,)]
    assert [row.receptive_field for row in rows] == [7, 19, 43, 32]
    assert [row.name for row in rows] == ["conv1", "conv2", "conv3", "dense4"]


def test_the_13_percent_network():
    model = four_layer_13pct("relu")
    rows = costs(model)
    assert parameters(model) == 1_901_386
    assert [row.parameters for row in rows] == [4864, 102_464, 1_181_696, 591_872, 20_490]
    assert [row.output_shape for row in rows] == [(16, 16, 64), (8, 8, 64), (8, 8, 32), (8, 8, 32), (10,)]
    assert [row.name for row in rows] == ["conv1", "conv2", "local3", "local4", "dense5"]
    assert macs(model) == 4_915_200 + 26_214_400 + 1_179_648 + 589_824 + 20_480


def test_the_dense_network_on_mnist():
    model = dense_net("sigmoid", hidden=(30,))
    assert parameters(model) == 23_860
    assert macs(model) == 784 * 30 + 30 * 10
    assert [row.output_shape for row in costs(model)] == [(30,), (10,)]


def test_a_dense_network_without_hidden_layers_is_a_softmax_regression():
    assert parameters(dense_net("relu", hidden=())) == 7850


# --- what the 2012 layer files say ---


def test_pooling_of_the_18_percent_network():
    first, second, third, _ = four_layer_18pct("relu").layers
    assert [layer.pool.reduce for layer in (first, second, third)] == ["max", "average", "average"]
    assert [layer.pool.before_unit for layer in (first, second, third)] == [True, False, False]
    assert {(layer.pool.size, layer.pool.stride, layer.pool.padding) for layer in (first, second, third)} == {
        (3, 2, "same")
    }


def test_the_13_percent_network_does_not_share_its_third_and_fourth_layer():
    layers = four_layer_13pct("relu").layers[:-1]
    assert [layer.shared for layer in layers] == [True, True, False, False]
    assert [layer.field for layer in layers] == [5, 5, 3, 3]
    assert [layer.pool and (layer.pool.reduce, layer.pool.size, layer.pool.stride) for layer in layers] == [
        ("max", 3, 2),
        ("max", 3, 2),
        None,
        None,
    ]


def test_fixed_deviations_are_scaled_in_the_first_layer_only():
    weights = deviations_18pct(64.0)
    assert weights.stddevs == pytest.approx((64e-4, 0.01, 0.01, 0.01))
    assert stddevs(four_layer_18pct("relu", initialization=weights)) == pytest.approx([64e-4, 0.01, 0.01, 0.01])
    assert deviations_18pct(1).stddevs == (1e-4, 0.01, 0.01, 0.01)
    assert deviations_13pct(1).stddevs == (1e-4, 0.01, 0.04, 0.04, 0.01)
    first, *others = deviations_13pct(50.0).stddevs
    assert first == pytest.approx(5e-3)
    assert others == [0.01, 0.04, 0.04, 0.01]


def test_fixed_deviations_do_not_depend_on_the_unit():
    weights = deviations_13pct(64.0)
    relu, tanh = (four_layer_13pct(unit, initialization=weights) for unit in ("relu", "tanh"))
    assert stddevs(relu) == stddevs(tanh)
    assert all(isinstance(layer.initializer, Normal) for layer in relu.layers)


@pytest.mark.parametrize("build", [four_layer_18pct, four_layer_13pct, lambda unit: dense_net(unit, hidden=(5, 4))])
@pytest.mark.parametrize("unit", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "scaled_tanh"])
def test_fan_scaled_weights_follow_the_unit(build, unit):
    *hidden, logits = build(unit).layers
    expected = GLOROT if unit in ("tanh", "sigmoid", "scaled_tanh") else HE
    assert {layer.initializer for layer in hidden} == {expected}
    assert logits.initializer == GLOROT
    assert (unit in RECTIFIERS) == (expected == HE)
    assert FAN_SCALED.of(0, unit) == expected


# --- every switch changes one thing ---

BUILDERS = [four_layer_18pct, four_layer_13pct, lambda unit, **options: dense_net(unit, hidden=(5, 4), **options)]


@pytest.mark.parametrize("build", BUILDERS)
def test_the_unit_changes_the_units_and_nothing_else(build):
    weights = deviations_13pct(1)
    relu, tanh = (build(unit, initialization=weights, **SMALL) for unit in ("relu", "tanh"))
    assert {layer.activation for layer in tanh.layers[:-1]} == {"tanh"}
    assert relu.but(layers=[*(layer.but(activation="tanh") for layer in relu.layers[:-1]), relu.layers[-1]]) == tanh


@pytest.mark.parametrize("build", BUILDERS)
def test_batch_normalization_is_before_every_unit_and_changes_nothing_else(build):
    plain, normed = (build("relu", batch_norm=switch, **SMALL) for switch in (False, True))
    assert [layer.batch_norm for layer in normed.layers] == [True] * (len(normed.layers) - 1) + [False]
    assert normed.but(layers=[layer.but(batch_norm=False) for layer in normed.layers]) == plain


@pytest.mark.parametrize("build", BUILDERS)
def test_image_size_and_classes(build):
    model = build("relu", **SMALL)
    assert model.input_shape == (8, 8, 1)
    assert model.classes == 3
    default = build("relu")
    hidden = [(layer.maps if isinstance(layer, Conv) else layer.units) for layer in default.layers[:-1]]
    assert hidden == [(layer.maps if isinstance(layer, Conv) else layer.units) for layer in model.layers[:-1]]
