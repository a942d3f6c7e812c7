import numpy as np
import pytest

from cnn_study.models.architectures import glorot_net
from cnn_study.models.complexity import parameters
from cnn_study.models.factory import build_model


def test_the_parameters_of_five_layers_of_a_thousand():
    spec = glorot_net("tanh")
    assert [shape for (shape,) in spec.shapes()] == [1000] * 5 + [10]
    assert parameters(spec) == 784 * 1000 + 1000 + 4 * 1000 * 1001 + 10 * 1001


@pytest.mark.parametrize("inputs", [300, 784])
def test_standard_weights_are_even_within_one_over_the_root_of_the_inputs(inputs):
    shape = (28, 28, 1) if inputs == 784 else (10, 10, 3)
    kernel = np.asarray(
        build_model(glorot_net("tanh", units=200, depth=1, input_shape=shape)).get_layer("dense1").kernel
    )
    assert_even(kernel, inputs**-0.5)


def test_normalized_weights_are_even_within_the_root_of_six_over_both_fans():
    model = build_model(glorot_net("tanh", "normalized", units=200, depth=2))
    assert_even(np.asarray(model.get_layer("dense1").kernel), (6 / (784 + 200)) ** 0.5)
    assert_even(np.asarray(model.get_layer("dense2").kernel), (6 / 400) ** 0.5)


def assert_even(drawn, limit):
    """All inside of the limits, close to both, and as many in each tenth of the way."""
    assert np.abs(drawn).max() <= limit
    assert np.abs(drawn).max() > 0.999 * limit
    counts, _ = np.histogram(drawn, 10, (-limit, limit))
    np.testing.assert_allclose(counts / drawn.size, 0.1, atol=5 * (0.09 / drawn.size) ** 0.5)
