import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_study.errors import InputError
from cnn_study.models.architectures import dense_net, one_hidden_net, pooling_net
from cnn_study.models.complexity import macs, parameters
from cnn_study.models.matching import match


def dense(units):
    return dense_net("relu", hidden=(units,), input_shape=(8, 8, 1))


@given(target=st.integers(1, 20_000))
def test_no_width_is_nearer(target):
    model = match(dense, target, tolerance=1e9)
    units = model.layers[0].units
    distances = [abs(parameters(dense(width)) - target) for width in range(max(units - 2, 1), units + 3)]
    assert abs(parameters(model) - target) == min(distances)


@given(width=st.integers(1, 300))
def test_finds_a_width_that_fits_exactly(width):
    assert match(dense, parameters(dense(width)), tolerance=0) == dense(width)


def test_matches_the_families_that_are_compared():
    shape = {"input_shape": (28, 28, 1)}
    local = one_hidden_net("local", maps=8, field=5, stride=2, pool=2, **shape)
    conv = match(lambda maps: one_hidden_net("conv", maps=maps, field=5, stride=2, pool=2, **shape), parameters(local))
    assert parameters(conv) == pytest.approx(parameters(local), rel=0.01)
    target = macs(pooling_net("max"))
    cheap = match(lambda maps: pooling_net("none", maps=(maps, 2 * maps)), target, "macs", tolerance=0.1)
    assert macs(cheap) == pytest.approx(target, rel=0.1)
    assert cheap.layers[0].maps < 32


def test_says_what_the_nearest_is_when_none_is_near():
    nearest = parameters(dense(1))
    with pytest.raises(InputError, match=rf"no width has 3 parameters to 1 %: the nearest is 1 with {nearest}"):
        match(dense, 3)
    with pytest.raises(InputError, match="nearest is 13 with"):
        match(dense, parameters(dense(13)) + 30, tolerance=0.001)


def test_refuses_a_family_that_does_not_grow():
    with pytest.raises(InputError, match="do not grow with the width"):
        match(lambda width: dense(3), 10_000)
