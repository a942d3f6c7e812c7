"""What a worker keeps between runs, in this process."""

from functools import partial
from typing import get_args

import pytest
from tensorflow.python.framework import ops

from cnn_study.data import cache, registry
from cnn_study.execution.worker import KEPT, Warm
from cnn_study.models.architectures import dense_net
from cnn_study.spec import Activation, Conv, DataSpec, Dense, ModelSpec, RunSpec, Seeds, TrainSpec
from cnn_study.training.trainer import train

DIGITS = DataSpec(name="digits", content=registry.get("digits").digest, train_size=40, test_size=20)


def run(model, data=DIGITS, seed=1, **options):
    options = {"learning_rate": 0.05, "batch_size": 20, "epochs": 1} | options
    return RunSpec(data=data, model=model, train=TrainSpec(**options), seeds=Seeds.of(seed, model))


def dense(units):
    return dense_net("tanh", hidden=(units,), input_shape=(8, 8, 1))


@pytest.fixture
def warm(tmp_path):
    cache.ensure("digits", cache_dir=tmp_path)
    return Warm(partial(cache.load, cache_dir=tmp_path, offline=True))


def trained(warm, run):
    return train(run, warm.split(run.data), warm.program(run)).weights


def test_dropped_programs_come_back_with_the_same_bits_and_kept_ones_go_on(warm):
    runs = [run(dense(units)) for units in range(1, KEPT + 2)]
    first = [trained(warm, each) for each in runs]
    assert [trained(warm, each) for each in reversed(runs)] == first[::-1]


def test_replicates_on_subsets_of_their_own_share_a_program_and_have_the_bits_of_a_fresh_process(warm):
    runs = [run(dense(3), DIGITS.but(subset_seed=seed), seed) for seed in (1, 2)]
    runs.append(run(dense(3), DIGITS.but(train_size=60), 1, learning_rate=0.1, epochs=2))
    assert len({id(warm.program(each)) for each in runs}) == 1
    shared = [trained(warm, each) for each in runs]
    assert shared == [train(each, warm.split(each.data)).weights for each in runs]
    assert len(set(shared)) == len(runs)


@pytest.mark.parametrize("unit", get_args(Activation))
def test_nothing_is_registered_in_tensorflow_that_keeps_a_dropped_program(warm, unit):
    """A custom gradient would be, once in every graph, and with it the graph."""
    hidden = (Conv(maps=2, field=3, activation=unit, batch_norm=True, norm_noise=True, dropout=0.1),)
    model = ModelSpec(input_shape=(8, 8, 1), layers=(*hidden, Dense(units=10, activation=None)))
    before = set(ops.gradient_registry.list())
    trained(warm, run(model, momentum=0.9))
    assert set(ops.gradient_registry.list()) == before
