import functools

import numpy as np
import pytest

from cnn_study.models.architectures import LADDER, nielsen_conv_net, nielsen_dense_net, nielsen_ladder
from cnn_study.models.complexity import costs, parameters
from cnn_study.models.factory import build_model

# n_in and n_out as conv.py spells them out, from 5x5 fields on 28x28 images: 24, pooled 12, 8, pooled 4.
FIRST, SECOND, TOP = 20 * 25 + 20, 40 * 20 * 25 + 40, 40 * 4 * 4
COUNTS = {
    "shallow": 784 * 100 + 100 + 1010,
    "conv_only": FIRST + 20 * 12 * 12 * 10 + 10,
    "conv": FIRST + 20 * 12 * 12 * 100 + 100 + 1010,
    "two_conv": FIRST + SECOND + TOP * 100 + 100 + 1010,
    "two_conv_relu": FIRST + SECOND + TOP * 100 + 100 + 1010,
    "wide_300": FIRST + SECOND + TOP * 300 + 300 + 3010,
    "wide_1000": FIRST + SECOND + TOP * 1000 + 1000 + 10010,
    "two_dense_100": FIRST + SECOND + TOP * 100 + 100 + 100 * 101 + 1010,
    "two_dense_300": FIRST + SECOND + TOP * 300 + 300 + 300 * 301 + 3010,
    "two_dense_1000": FIRST + SECOND + TOP * 1000 + 1000 + 1000 * 1001 + 10010,
    "dropout": FIRST + SECOND + TOP * 1000 + 1000 + 1000 * 1001 + 10010,
}


def test_every_rung_has_the_parameters_that_conv_py_spells_out():
    assert {rung: parameters(nielsen_ladder(rung)) for rung in LADDER} == COUNTS


def test_the_shapes_are_those_of_conv_py():
    shapes = [row.output_shape for row in costs(nielsen_ladder("two_conv"))]
    assert shapes == [(12, 12, 20), (4, 4, 40), (100,), (10,)]


def test_dropout_acts_on_the_inputs_of_all_dense_layers_and_of_no_other():
    assert [layer.dropout for layer in nielsen_ladder("dropout").layers] == [0, 0.5, 0.5, 0.5, 0]
    assert [layer.dropout for layer in nielsen_conv_net(maps=(), dropout=0.5).layers] == [0.5, 0]


@functools.cache
def drawn_with(seed):
    """The initial values of every variable of a network that is built once for all that is asked about it."""
    model = build_model(nielsen_ladder("two_conv"), seed)
    return {variable.path: np.ravel(variable) for variable in model.trainable_variables}


def pooled(seeds, name, variable):
    """The initial values of one layer with many seeds, so that their deviation is known to a percent or two."""
    return np.concatenate([drawn_with(seed)[f"{name}/{variable}"] for seed in range(seeds)])


@pytest.mark.parametrize(
    ("name", "outputs"),
    # network3.py: filter_shape[0] * prod(filter_shape[2:]) / prod(poolsize), and n_out.
    [("conv1", 20 * 25 / 4), ("conv2", 40 * 25 / 4), ("dense3", 100)],
)
def test_weights_vary_by_one_over_the_outputs_of_network3(name, outputs):
    drawn = pooled(40 if name == "conv1" else 1, name, "kernel")
    assert np.std(drawn) == pytest.approx(outputs**-0.5, rel=0.03)
    assert abs(np.mean(drawn)) < 4 * outputs**-0.5 / len(drawn) ** 0.5


@pytest.mark.parametrize("name", ["conv1", "conv2", "dense3"])
def test_biases_are_standard_normal(name):
    drawn = pooled(40, name, "bias")
    assert np.std(drawn) == pytest.approx(1, rel=0.08)
    assert abs(np.mean(drawn)) < 4 / len(drawn) ** 0.5


def test_the_softmax_layer_starts_at_zero():
    softmax = build_model(nielsen_ladder("conv"), 5).layers[-1]
    assert not np.any(softmax.kernel)
    assert not np.any(softmax.bias)


def test_weights_of_network2_vary_by_one_over_the_inputs_and_all_biases_are_standard_normal():
    spec = nielsen_dense_net(hidden=(300, 300))
    assert parameters(spec) == 784 * 300 + 300 + 300 * 301 + 10 * 301
    *_, first, _, second, _, last = build_model(spec, 1).layers
    for layer, inputs in ((first, 784), (second, 300), (last, 300)):
        assert np.std(layer.kernel) == pytest.approx(inputs**-0.5, rel=0.03)
    assert np.std(np.concatenate([first.bias, second.bias])) == pytest.approx(1, rel=0.1)
    assert np.all(np.asarray(last.bias) != 0)
