import json

import numpy as np
import pytest
import tensorflow as tf
from test_trainer import spec, split

from cnn_study.errors import InputError
from cnn_study.execution.jobs import program_key
from cnn_study.models.architectures import lenet5_1998
from cnn_study.spec import RunSpec
from cnn_study.training.losses import RUBBISH, loss
from cnn_study.training.trainer import train

OUTPUTS = np.random.default_rng(0).normal(size=(6, 10)) * 3
LABELS = np.array([0, 9, 3, 3, 1, 7])


def own(outputs):
    """What the network gives for the class of each example."""
    return outputs[np.arange(len(LABELS)), LABELS]


EXPECTED = {
    "cross_entropy": lambda x: np.log(np.exp(x).sum(1)) - own(x),
    "mean_squared": lambda x: ((x - np.eye(10)[LABELS]) ** 2).sum(1) / 2,
    # Equation 9 of the paper, with penalties y = -x: that of the class, plus log(e^-j + the sum of all e^-y).
    "map": lambda x: -own(x) + np.log(np.exp(-RUBBISH) + np.exp(x).sum(1)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_loss_is_that_of_its_formula(name):
    found = loss(name)(tf.constant(LABELS, tf.int32), tf.constant(OUTPUTS))
    np.testing.assert_allclose(found, EXPECTED[name](OUTPUTS), rtol=1e-12)


def test_what_is_far_from_every_class_is_not_pushed_further():
    """What the constant is for: the gradient of outputs far below it vanishes, in cross-entropy it does not."""
    far = tf.constant(np.array([[-50.0, -51.0, -60.0]]))
    labels = tf.constant([0], tf.int32)
    pushes = {}
    for name in ("map", "cross_entropy"):
        with tf.GradientTape() as tape:
            tape.watch(far)
            value = loss(name)(labels, far)
        pushes[name] = np.abs(tape.gradient(value, far).numpy()[0, 1])
    assert pushes["map"] < 1e-20 < 0.1 < pushes["cross_entropy"]


@pytest.mark.parametrize("name", ["cross_entropy", "mean_squared"])
def test_two_classes_are_learned(name):
    assert train(spec(epochs=10, learning_rate=0.02, loss=name), split()).outcomes["train_error"] < 0.1


def test_what_is_minimized_is_compiled_in():
    assert program_key(spec(loss="mean_squared")) != program_key(spec())


def test_the_criterion_of_1998_is_for_radial_basis_units():
    with pytest.raises(InputError, match="the loss map is for a network that ends in radial basis units"):
        RunSpec.parse(spec().model_dump_json().replace('"cross_entropy"', '"map"'))
    assert spec(model=lenet5_1998(), loss="map").train.loss == "map"


@pytest.mark.parametrize("probe", ["gradients", "covariate_shift", "landscape"])
def test_a_probe_of_cross_entropy_is_not_for_another_loss(probe):
    run = spec(loss="mean_squared").model_dump(mode="json") | {"probes": [probe]}
    with pytest.raises(InputError, match=f"the probe {probe} is of cross-entropy, and the loss is mean_squared"):
        RunSpec.parse(json.dumps(run))
