import itertools

import numpy as np

from cnn_study.models.layers import RadialBasis
from cnn_study.models.layers.radial_basis import BITMAPS


def test_pictures_are_84_pixels_of_ink_or_paper():
    assert BITMAPS.shape == (10, 84)
    assert set(np.unique(BITMAPS)) == {-1, 1}


def test_pictures_can_be_told_apart():
    """The two that are most alike differ in several pixels, as the paper wants of a distributed code."""
    distances = [np.count_nonzero(BITMAPS[a] != BITMAPS[b]) for a, b in itertools.combinations(range(10), 2)]
    assert min(distances) >= 5


def test_is_minus_the_squared_distance_to_each_picture():
    x = np.random.default_rng(0).standard_normal((5, 84)).astype("float32")
    expected = -((x[:, None] - BITMAPS) ** 2).sum(-1)
    np.testing.assert_allclose(RadialBasis()(x), expected, rtol=1e-5)


def test_a_picture_is_nearest_to_itself():
    logits = np.asarray(RadialBasis()(BITMAPS))
    np.testing.assert_array_equal(logits.argmax(1), range(10))
    np.testing.assert_array_equal(np.diag(logits), 0)
