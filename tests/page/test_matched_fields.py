"""Arms that are to differ in how they downsample, and not in what they see."""

import pytest

from cnn_study import collection
from cnn_study.experiment import Setting
from cnn_study.spec import Conv

PROFILES = ("smoke", "quick", "full")


def sees(layers):
    """Side of what an output sees and distance of two outputs, in pixels: by stepping through the layers."""
    reach, distance = 1, 1
    for layer in layers:
        steps = [(layer.field, layer.stride)] + ([(layer.pool.size, layer.pool.stride)] if layer.pool else [])
        for size, stride in steps:
            reach, distance = reach + (size - 1) * distance, distance * stride
    return reach, distance


def seen(name, profile):
    """What the maps of every arm of an experiment see before dense layers, and their shape."""
    (experiment,) = collection.load([name])
    found = {}
    for arm in experiment.design(Setting(profile=profile)).arms:
        convs = [layer for layer in arm.model.layers if isinstance(layer, Conv)]
        found[arm.name] = (sees(convs), arm.model.shapes()[len(convs) - 1])
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_a_stride_is_made_up_for_by_pooling(profile):
    found = seen("output_size", profile)
    assert len(found) == 3
    ((reach, distance), _), *others = found.values()
    assert (reach, distance) == (8 + 2 * 4, 4)
    assert set(others) == {found["stride 1"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_stands_for_pooling_sees_as_much(profile):
    found = seen("pooling", profile)
    assert found["strided"] == found["max"] == found["average"]
    assert found["all_conv"] == found["max_overlapping"]
    assert found["max"][0] == (10, 4)
    assert found["all_conv"][0] == (13, 4)
