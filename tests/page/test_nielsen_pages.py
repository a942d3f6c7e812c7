"""The pages after Nielsen's book train what it trained."""

from itertools import pairwise

import pytest

from cnn_study import collection
from cnn_study.experiment import Setting
from cnn_study.models.architectures import LADDER, nielsen_ladder

(PAGE,) = collection.load(["nielsen_ladder"])
FULL = PAGE.at(Setting("full"))
RUNGS = {
    "dense": ("shallow", 0.1, 0, 0, 60),
    "one convolution": ("conv", 0.1, 0, 0, 60),
    "two convolutions": ("two_conv", 0.1, 0, 0, 60),
    "rectified units": ("two_conv_relu", 0.03, 2e-5, 0, 60),
    "displaced copies": ("two_conv_relu", 0.03, 4e-6, 1, 30),
    "dropout and width": ("dropout", 0.03, 0, 1, 20),
}


def test_the_ladder_has_the_rungs_of_the_book():
    assert [arm.name for arm in FULL.arms] == list(RUNGS)
    assert {rung for rung, *_ in RUNGS.values()} <= set(LADDER)


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_is_trained_as_in_the_book(name):
    arm = FULL.arm(name)
    network, rate, decay, displaced, epochs = RUNGS[name]
    assert arm.model == nielsen_ladder(network)
    train, data = arm.train, arm.data
    assert (train.learning_rate, train.momentum, train.batch_size, train.epochs) == (rate, 0, 10, epochs)
    assert train.weight_decay == pytest.approx(decay)
    assert (data.validation_size, data.displaced, data.scaling) == (10_000, displaced, "unit")
    assert FULL.examples(data) == (250_000 if displaced else 50_000)
    assert train.test_curve
    assert not arm.tuned


def test_every_rung_is_compared_with_the_one_below_it():
    names = list(RUNGS)
    compared = [rule.estimate.arms for rule in FULL.rules if rule.aspect == "direction"]
    assert compared == list(pairwise(names))


def test_few_images_in_one_batch_have_an_epoch_a_step():
    (page,) = collection.load(["nielsen_depth"])
    design = page.at(Setting("full"))
    speed = [arm for arm in design.arms if arm.condition != "batches of 10"]
    assert [design.examples(arm.data) // arm.train.batch_size for arm in speed] == [1, 1, 1]
    assert [arm.train.weight_decay for arm in speed] == [5 / 1000] * 3
    assert [arm.train.weight_decay for arm in design.arms if arm not in speed] == [5 / 50_000] * 4
