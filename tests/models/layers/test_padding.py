import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.models.layers import ReflectionPadding2D
from cnn_study.spec import output_size, same_padding


def images(height, width, count=2, channels=2):
    return np.random.default_rng(0).standard_normal((count, height, width, channels)).astype("float32")


@pytest.mark.parametrize(("field", "stride"), [(1, 1), (2, 1), (3, 1), (5, 1), (3, 2), (4, 2), (2, 3), (4, 3)])
def test_equals_numpys_reflection_and_a_same_convolution_inside(field, stride):
    x = images(7, 6)
    amounts = [same_padding(size, field, stride) for size in (7, 6)]
    padded = np.asarray(ReflectionPadding2D(field, strides=stride)(x))
    np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), *amounts, (0, 0)), mode="reflect"))
    same = keras.layers.Conv2D(3, field, strides=stride, padding="same")
    valid = keras.layers.Conv2D(3, field, strides=stride, padding="valid")
    expected = np.asarray(same(x))
    valid.build(padded.shape)
    valid.set_weights(same.get_weights())
    found = np.asarray(valid(padded))
    assert found.shape == expected.shape
    # The positions whose field does not reach into the padding.
    inside = []
    for size, (before, _) in zip((7, 6), amounts, strict=True):
        starts = np.arange(-(-size // stride)) * stride - before
        inside.append((starts >= 0) & (starts + field <= size))
    mask = np.ix_(range(len(x)), *inside, range(3))
    np.testing.assert_allclose(found[mask], expected[mask], rtol=1e-5, atol=1e-5)
    assert expected[mask].size


@settings(deadline=None, max_examples=200)
@given(size=st.integers(1, 12), field=st.integers(1, 9), stride=st.integers(1, 4))
def test_the_spec_allows_what_can_be_mirrored_and_nothing_else(size, field, stride):
    """A mirror image has one pixel less than the image, on either side."""
    possible = max(same_padding(size, field, stride)) < size
    if possible:
        positions = output_size(size, field, stride, "reflect")
        padded = size + sum(same_padding(size, field, stride))
        assert positions == -(-size // stride) == output_size(padded, field, stride, "valid")
    else:
        with pytest.raises(ValueError, match="too small to be mirrored"):
            output_size(size, field, stride, "reflect")
