"""What a worker keeps between runs, in this process."""

from functools import partial

import pytest
from tensorflow.python.framework import ops

from cnn_study.data import cache, registry
from cnn_study.execution.worker import KEPT, Warm
from cnn_study.models.architectures import dense_net
from cnn_study.spec import DataSpec, RunSpec, Seeds, TrainSpec
from cnn_study.training.trainer import train

DIGITS = DataSpec(name="digits", content=registry.get("digits").digest, train_size=40, test_size=20)


def run(units):
    model = dense_net("tanh", hidden=(units,), input_shape=(8, 8, 1))
    settings = TrainSpec(learning_rate=0.05, batch_size=20, epochs=1)
    return RunSpec(data=DIGITS, model=model, train=settings, seeds=Seeds.of(1, model))


@pytest.fixture
def warm(tmp_path):
    cache.ensure("digits", cache_dir=tmp_path)
    return Warm(partial(cache.load, cache_dir=tmp_path, offline=True))


def trained(warm, units):
    return train(run(units), warm.split(DIGITS), warm.program(run(units))).weights


def registered():
    return sum(name.startswith("CustomGradient-") for name in ops.gradient_registry.list())


def test_dropped_programs_leave_nothing_in_tensorflow_and_kept_ones_go_on(warm):
    before = registered()
    first = [trained(warm, units) for units in range(1, KEPT + 1)]
    assert registered() > before, "if Keras registers nothing any more, nothing has to be released"
    trained(warm, KEPT + 1)
    assert registered() <= 1 + before
    assert [trained(warm, units) for units in range(KEPT, 1, -1)] == first[:0:-1]
    assert trained(warm, 1) == first[0]
