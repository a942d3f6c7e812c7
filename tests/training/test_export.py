"""Saved networks load in safe mode and give, to the bit, what the trained ones give."""

import subprocess
import sys
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnn_study.data.transforms import Split
from cnn_study.models.architectures import lenet5_1998
from cnn_study.spec import Conv, Dense, GlobalAverage, Layer, ModelSpec, Pool, ProgramSpec, Seeds, Subsample, TrainSpec
from cnn_study.training.export import as_file
from cnn_study.training.trainer import Program

OUT = Dense(units=3, activation=None)


def split(shape):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *shape), dtype="uint8")
    labels = rng.integers(0, 3, 30).astype("int32")
    mean = images.mean(axis=0, dtype="float32")
    return Split(images, labels, images[:0], labels[:0], images, labels, mean, float((images - mean).std()))


def trained(model):
    """A program that has taken a few steps, and its images."""
    data = split(model.input_shape)
    train = TrainSpec(learning_rate=0.01, momentum=0.9, batch_size=10, epochs=1)
    program = Program(ProgramSpec(model=model, train=train))
    program.reset(data, Seeds.of(1, model))
    program.steps(np.arange(30), 0.01)
    return program, data.x_test


def network(*layers, shape=(8, 8, 2)):
    return ModelSpec(input_shape=shape, layers=(*layers, OUT))


CONVOLUTIONS = {
    "pooled": Conv(maps=4, field=3, pool=Pool(reduce="max")),
    "average pooled before the unit": Conv(maps=4, field=3, pool=Pool(reduce="average", before_unit=True)),
    "reflected": Conv(maps=4, field=3, padding="reflect"),
    "local": Conv(maps=4, field=3, shared=False),
    "table": Conv(maps=3, field=3, padding="valid", table=((0,), (1,), (0, 1))),
    "normalized": Conv(maps=4, field=3, batch_norm=True),
    "noisy": Conv(maps=4, field=3, batch_norm=True, norm_noise=True, norm_after_unit=True),
    "dropout": Conv(maps=4, field=3, dropout=0.5),
}
UNITS = ("relu", "tanh", "sigmoid", "scaled_tanh", "leaky_relu", "elu", "gelu", "silu")
NETWORKS = {
    **{name: network(layer) for name, layer in CONVOLUTIONS.items()},
    "every unit": network(*(Dense(units=5, activation=unit) for unit in UNITS)),
    "subsample": network(Subsample(activation="scaled_tanh")),
    "global average": ModelSpec(input_shape=(8, 8, 2), layers=(Conv(maps=3, field=3), GlobalAverage())),
    "dense": network(Dense(units=5, activation="relu", batch_norm=True, norm_noise=True, dropout=0.2)),
    "LeNet-5": lenet5_1998(),
}


def test_every_kind_of_layer_is_among_the_networks():
    kinds, _ = get_args(Layer)
    assert {type(layer) for model in NETWORKS.values() for layer in model.layers} == set(get_args(kinds))


OF_KERAS = ("pooled", "average pooled before the unit", "normalized", "dropout", "global average")
"""Networks of layers that Keras itself saves and loads; where time is short, "dense" and "noisy" stand for them."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in OF_KERAS else []) for name in NETWORKS]
)
def test_a_loaded_network_gives_the_bits_of_the_trained_one(name, tmp_path):
    program, images = trained(NETWORKS[name])
    before = program.weights_digest()
    path = tmp_path / "model.keras"
    path.write_bytes(as_file(program))
    assert program.weights_digest() == before
    loaded = keras.saving.load_model(path, safe_mode=True)
    logits = loaded(images, training=False).numpy()
    prepared = program.scaling.apply(tf.constant(images))
    assert np.ptp(logits) > 0
    np.testing.assert_array_equal(logits, program.model(prepared, training=False).numpy())
    np.testing.assert_array_equal(loaded.predict(images, verbose=0).argmax(-1), program.classify(images))


def test_saving_does_not_change_what_is_trained_next():
    model = NETWORKS["dense"]
    program, _ = trained(model)
    digests = []
    for saving in (False, True):
        program.reset(split(model.input_shape), Seeds.of(1, model))
        program.steps(np.arange(30), 0.01)
        if saving:
            as_file(program)
        program.steps(np.arange(30), 0.01)
        digests.append(program.weights_digest())
    assert digests[0] == digests[1]


def test_a_process_that_knows_nothing_of_the_suite_needs_one_import(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(as_file(trained(NETWORKS["subsample"])[0]))
    code = (
        "import sys, keras, cnn_study.models.layers; model = keras.saving.load_model(sys.argv[1], safe_mode=True); "
        "print(model.input_shape, model.output_shape)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert answer.stdout.strip() == "(None, 8, 8, 2) (None, 3)", answer.stderr
