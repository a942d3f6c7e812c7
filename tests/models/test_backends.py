"""Every layer trains on every backend of Keras that is installed, from the same weights to nearly the same logits."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cnn_study.models.architectures import lenet5_1998
from cnn_study.spec import Conv, Dense, GlobalAverage, ModelSpec, Pool

MODULES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
NETWORKS = {
    "lenet5": lenet5_1998(),
    "everything else": ModelSpec(
        input_shape=(9, 9, 2),
        layers=(
            Conv(maps=4, field=3, stride=2, padding="reflect", batch_norm=True, norm_noise=True, dropout=0.2),
            Conv(maps=4, field=3, shared=False, activation="leaky_relu", pool=Pool(reduce="average", size=3)),
            Conv(maps=3, field=2, table=((0,), (1, 2), (3,)), activation="scaled_tanh"),
            GlobalAverage(),
            Dense(units=5, activation="elu", batch_norm=True, norm_after_unit=True, norm_noise=True, dropout=0.5),
            Dense(units=10, activation=None),
        ),
    ),
}
LOGITS = {"lenet5": [-83.99691, -83.99979], "everything else": [0.036571, 0.047206]}
"""Of class 0 for two images, before training."""
LOSSES = [2.46583, 2.37728]
"""Of LeNet-5 in two epochs. The other network draws noise, which every backend does in its own way."""


def train(name):
    """Build, train, save and load one network; return what the test looks at."""
    import keras

    from cnn_study.models.factory import build_model

    spec = NETWORKS[name]
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((32, *spec.input_shape)).astype("float32"), rng.integers(0, 10, 32)
    model = build_model(spec, seed=3, noise_seed=4)
    before, weights = model.predict(x[:2], verbose=0), model.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False).history["loss"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path, safe_mode=True)
    return {
        "backend": keras.backend.backend(),
        "logits": before[:, 0].tolist(),
        "loss": history,
        "moved": [bool((new != old).any()) for new, old in zip(model.get_weights(), weights, strict=True)],
        "loaded": bool((loaded.predict(x, verbose=0) == model.predict(x, verbose=0)).all()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("backend", MODULES)
def test_every_layer_trains(backend, name):
    if importlib.util.find_spec(MODULES[backend]) is None:
        pytest.skip(f"{backend} is not installed: to test it, install it beside Keras")
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, __file__, name], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["backend"] == backend
    assert found["logits"] == pytest.approx(LOGITS[name], rel=0, abs=2e-5)
    assert np.all(np.isfinite(found["loss"]))
    assert name != "lenet5" or found["loss"] == pytest.approx(LOSSES, rel=0, abs=1e-4)
    assert all(found["moved"])
    assert found["loaded"]


if __name__ == "__main__":
    print(json.dumps(train(sys.argv[1])))
