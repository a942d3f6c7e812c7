"""Whatever a user has set in Keras, training has the same bits, and the settings stay as they are."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import get_args

import keras
import numpy as np
import pytest

from cnn_study import layer_api
from cnn_study.data.transforms import Split
from cnn_study.models import factory
from cnn_study.models.factory import build_model
from cnn_study.spec import (
    Conv,
    DataSpec,
    Dense,
    ModelSpec,
    Pool,
    ProbeName,
    RunSpec,
    Seeds,
    Subsample,
    TrainSpec,
)
from cnn_study.training.export import as_file
from cnn_study.training.trainer import Program, train

EVERY_LAYER = ModelSpec(
    input_shape=(8, 8, 3),
    layers=(
        Conv(maps=4, field=3, padding="reflect", batch_norm=True, norm_noise=True, pool=Pool(reduce="max")),
        Conv(maps=4, field=3, shared=False, activation="leaky_relu", dropout=0.2),
        Conv(maps=2, field=2, table=((0,), (1, 2)), activation="scaled_tanh", pool=Pool(reduce="average", stride=1)),
        Subsample(),
        Dense(units=6, activation="gelu", batch_norm=True, dropout=0.5),
        Dense(units=2, activation=None),
    ),
)
PROBES = tuple(name for name in get_args(ProbeName) if name != "border")
RUN = RunSpec(
    data=DataSpec(name="made-up", content="0" * 64),
    model=EVERY_LAYER,
    train=TrainSpec(learning_rate=0.05, momentum=0.9, batch_size=10, epochs=2),
    seeds=Seeds.of(3, EVERY_LAYER),
    probes=PROBES,
)


def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8, 3), dtype="uint8")
    labels = rng.integers(0, 2, 40).astype("int32")
    return Split(images, labels, images[:0], labels[:0], images, labels, images.mean(0, dtype="float32"), 70.0)


def trained():
    """What a run gives, to the bit: of all probes, of the layers one by one, and of the saved network."""
    data, program = split(), Program(RUN.program)
    record = train(RUN, data, program)
    steps = program.steps(np.arange(40), 0.01)
    network = build_model(EVERY_LAYER, seed=1, dtype="float64")
    activations = layer_api.forward(network, data.x_test[:3] / 255.0, training=True)
    return record.weights, record.history, record.outcomes, steps, {k: v.numpy() for k, v in activations.items()}


def loaded(path):
    return keras.saving.load_model(path, safe_mode=True)(split().x_test, training=False).numpy()


@contextmanager
def a_user_of_other_settings():
    config = keras.config
    before = config.image_data_format(), config.floatx(), config.epsilon(), config.dtype_policy()
    theirs = "channels_first", "float16", 0.5, keras.DTypePolicy("mixed_bfloat16")
    setters = config.set_image_data_format, config.set_floatx, config.set_epsilon, config.set_dtype_policy
    try:
        for setter, value in zip(setters, theirs, strict=True):
            setter(value)
        yield
        now = config.image_data_format(), config.floatx(), config.epsilon(), config.dtype_policy()
        assert now == theirs, "a user's settings are left as they are"
    finally:
        for setter, value in zip(setters, before, strict=True):
            setter(value)


@pytest.fixture(scope="module")
def plain():
    """What a run gives without a user's settings."""
    return trained()


def test_a_users_settings_change_no_bit(plain):
    with a_user_of_other_settings():
        theirs = trained()
    assert plain[:4] == theirs[:4]
    for name, activation in plain[4].items():
        np.testing.assert_array_equal(activation, theirs[4][name])


def test_networks_that_are_saved_and_loaded_with_other_settings_are_the_same(tmp_path):
    program = Program(RUN.program)
    program.reset(split(), RUN.seeds)
    (tmp_path / "plain.keras").write_bytes(as_file(program))
    plain = loaded(tmp_path / "plain.keras")
    with a_user_of_other_settings():
        (tmp_path / "theirs.keras").write_bytes(as_file(program))
        np.testing.assert_array_equal(loaded(tmp_path / "plain.keras"), plain)
        np.testing.assert_array_equal(loaded(tmp_path / "theirs.keras"), plain)
    np.testing.assert_array_equal(loaded(tmp_path / "theirs.keras"), plain)


def test_settings_come_back_after_an_error(monkeypatch):
    def no_room(*_):
        raise MemoryError

    monkeypatch.setattr(factory, "initialize", no_room)
    with a_user_of_other_settings(), pytest.raises(MemoryError):
        build_model(EVERY_LAYER)


def test_a_keras_json_of_another_project_changes_nothing(plain, tmp_path):
    settings = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.5}
    (tmp_path / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    del environment["KERAS_BACKEND"]
    code = "import cnn_study, runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", code, __file__]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["settings"] == ["tensorflow", "channels_first", "float16", 0.5]
    assert told["weights"] == plain[0]


if __name__ == "__main__":
    weights = train(RUN.but(probes=()), split()).weights  # Probes change none of them.
    config = keras.config
    now = keras.backend.backend(), config.image_data_format(), config.floatx(), config.epsilon()
    print(json.dumps({"weights": weights, "settings": now}))
