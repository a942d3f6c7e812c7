from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.data.transforms import place_at, split
from cnn_study.errors import InputError
from cnn_study.spec import DataSpec

PROPERTY = settings(deadline=None, max_examples=50)
NO_IMAGES = (0, 4, 4, 3)

# Training images of the classes of MNIST, divided by 20.
MNIST = [296, 337, 298, 307, 292, 271, 296, 313, 293, 297]


def labels(counts, seed=0):
    """Shuffled labels with so many examples of each class."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)).astype("uint8")


def arrays(counts=(50,) * 4, test_counts=(10,) * 4, shape=(4, 4, 3)):
    """Random images, each of which says in its first four bytes which it is."""
    rng = np.random.default_rng(1)
    y_train, y_test = labels(counts, 2), labels(test_counts, 3)
    x_train, x_test = (rng.integers(0, 256, (len(y), *shape)).astype("uint8") for y in (y_train, y_test))
    for x, first in ((x_train, 0), (x_test, 1_000_000)):
        numbers = np.arange(first, first + len(x), dtype="uint32")
        x.reshape(len(x), -1)[:, :4] = numbers.view("uint8").reshape(-1, 4)
    return SimpleNamespace(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def who(images):
    """The numbers of images made by ``arrays``."""
    first_bytes = images.reshape(len(images), np.prod(images.shape[1:]))[:, :4]
    return np.ascontiguousarray(first_bytes).view("uint32").ravel()


def spec(**options):
    return DataSpec(name="made-up", content="0" * 64, **options)


def counts_of(y, classes):
    return np.bincount(y, minlength=classes)


# --- subsets ---


def test_without_sizes_everything_is_there_once():
    data = arrays()
    whole = split(data, spec())
    assert sorted(who(whole.x_train)) == list(range(200))
    assert sorted(who(whole.x_test)) == list(range(1_000_000, 1_000_040))
    assert whole.x_validation.shape == NO_IMAGES
    assert whole.y_validation.shape == (0,)


def test_images_keep_their_labels_and_bytes():
    data = arrays()
    part = split(data, spec(train_size=70, validation_size=30, test_size=20))
    for x, y, all_x, all_y, first in (
        (part.x_train, part.y_train, data.x_train, data.y_train, 0),
        (part.x_validation, part.y_validation, data.x_train, data.y_train, 0),
        (part.x_test, part.y_test, data.x_test, data.y_test, 1_000_000),
    ):
        index = who(x) - first
        np.testing.assert_array_equal(y, all_y[index])
        np.testing.assert_array_equal(x, all_x[index])
        assert (x.dtype, y.dtype) == ("uint8", "int32")
        assert x.flags.c_contiguous


@PROPERTY
@given(validation=st.integers(0, 100), train=st.integers(1, 100), test=st.integers(1, 40), seed=st.integers(0, 2**40))
def test_equal_classes_stay_equal_and_no_example_is_in_two_parts(validation, train, test, seed):
    options = {"validation_size": validation, "train_size": train, "test_size": test, "subset_seed": seed}
    part = split(arrays(), spec(**options))
    for y, size in ((part.y_train, train), (part.y_validation, validation), (part.y_test, test)):
        counts = counts_of(y, 4)
        assert counts.sum() == size
        if y is not part.y_train:  # What validation leaves is no longer equal.
            assert counts.max() - counts.min() <= 1
    assert np.abs(counts_of(part.y_train, 4) - train / 4).max() < 2
    everybody = np.concatenate([who(part.x_train), who(part.x_validation)])
    assert len(set(everybody)) == train + validation


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [10, 100, 333, 1000])
def test_unequal_classes_keep_their_proportions(seed, size):
    data = arrays(MNIST, shape=(2, 2, 1))
    part = split(data, spec(train_size=size, validation_size=500, subset_seed=seed))
    for y, total in ((part.y_train, size), (part.y_validation, 500)):
        assert np.abs(counts_of(y, 10) - total * np.array(MNIST) / sum(MNIST)).max() <= 1.5
    assert part.y_train.size == size


def test_a_rare_class_is_not_lost():
    data = arrays((980, 20), (10, 10), shape=(2, 2, 1))
    for seed in range(10):
        part = split(data, spec(train_size=100, subset_seed=seed))
        assert abs(counts_of(part.y_train, 2)[1] - 2) <= 1


def test_training_examples_are_in_random_order():
    """An evaluation looks at the first of them: neither sorted by class nor in the order of the file."""
    part = split(arrays((200,) * 4), spec(train_size=400))
    assert np.abs(counts_of(part.y_train[:100], 4) - 25).max() < 16
    assert abs(np.corrcoef(who(part.x_train), np.arange(400))[0, 1]) < 0.2


@PROPERTY
@given(validation=st.integers(1, 100), seed=st.integers(0, 1000), sizes=st.lists(st.integers(1, 100), min_size=2))
def test_validation_is_the_same_whatever_the_training_size(validation, seed, sizes):
    data = arrays()
    parts = [split(data, spec(validation_size=validation, subset_seed=seed, train_size=size)) for size in sizes]
    parts.append(split(data, spec(validation_size=validation, subset_seed=seed, scaling="mean_subtracted")))
    for part in parts:
        np.testing.assert_array_equal(who(part.x_validation), who(parts[0].x_validation))


def test_the_test_images_are_the_same_whatever_the_other_sizes():
    parts = [split(arrays(), spec(test_size=20, train_size=t, validation_size=v)) for t, v in ((10, 0), (100, 50))]
    np.testing.assert_array_equal(who(parts[0].x_test), who(parts[1].x_test))


def test_subsets_follow_from_the_subset_seed_alone():
    options = {"train_size": 60, "validation_size": 40, "test_size": 20}
    one, again, other = (split(arrays(), spec(**options, subset_seed=seed)) for seed in (1, 1, 2))
    for name in ("x_train", "x_validation", "x_test"):
        np.testing.assert_array_equal(who(getattr(one, name)), who(getattr(again, name)))
        assert set(who(getattr(one, name))) != set(who(getattr(other, name)))


def test_golden_subset():
    """Stored results stand on these examples: they change only with SEMANTICS."""
    part = split(arrays(), spec(train_size=6, validation_size=4, test_size=4, subset_seed=7))
    assert who(part.x_train).tolist() == [23, 195, 11, 94, 95, 88]
    assert who(part.x_validation).tolist() == [0, 43, 151, 28]
    assert (who(part.x_test) - 1_000_000).tolist() == [32, 1, 27, 35]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"train_size": 201}, "train_size 201 is larger than the 200 examples there are"),
        ({"train_size": 151, "validation_size": 50}, "train_size 151 is larger than the 150"),
        ({"validation_size": 201}, "validation_size 201 is larger than the 200"),
        ({"test_size": 41}, "test_size 41 is larger than the 40"),
    ],
)
def test_more_than_there_are_is_refused(options, complaint):
    with pytest.raises(InputError, match=complaint):
        split(arrays(), spec(**options))


def test_as_many_as_there_are_is_fine():
    part = split(arrays(), spec(train_size=150, validation_size=50, test_size=40))
    assert (len(part.x_train), len(part.x_validation), len(part.x_test)) == (150, 50, 40)


# --- shapes and scaling ---


def test_gray_images_get_a_channel():
    data = arrays(shape=(28, 28))
    part = split(data, spec(validation_size=20, test_size=10))
    assert part.x_train.shape == (180, 28, 28, 1)
    assert part.x_validation.shape == (20, 28, 28, 1)
    assert part.x_test.shape == (10, 28, 28, 1)
    assert part.mean.shape == (28, 28, 1)
    np.testing.assert_array_equal(part.x_train[..., 0], data.x_train[who(part.x_train)])


def test_color_images_keep_their_channels():
    part = split(arrays(), spec())
    assert part.x_train.shape == (200, 4, 4, 3)
    assert part.mean.shape == (4, 4, 3)


def test_standardized_training_images_have_mean_0_and_deviation_1():
    part = split(arrays(), spec(train_size=120, validation_size=50))
    scaled = (part.x_train.astype("float64") - part.mean) / part.stddev
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    assert scaled.std() == pytest.approx(1, abs=1e-6)
    assert part.mean.dtype == "float32"


def test_scaling_is_computed_from_the_training_examples_of_the_run():
    data = arrays()
    part = split(data, spec(train_size=30, validation_size=50))
    x = data.x_train[who(part.x_train)].astype("float64")
    np.testing.assert_allclose(part.mean, x.mean(axis=0), rtol=1e-6)
    assert part.stddev == pytest.approx((x - x.mean(axis=0)).std(), rel=1e-6)


def test_scaling_of_many_images_is_that_of_all_at_once():
    """They are summed in blocks; the last one is not full."""
    data = arrays((3000, 3001, 5002), (1, 1, 1), shape=(2, 2))
    part = split(data, spec())
    x = data.x_train[..., None].astype("float64")
    np.testing.assert_allclose(part.mean, x.mean(axis=0), rtol=1e-6)
    assert part.stddev == pytest.approx((x - x.mean(axis=0)).std(), rel=1e-6)


def test_mean_subtracted_images_keep_their_units():
    standardized, subtracted = (split(arrays(), spec(scaling=name)) for name in ("standardized", "mean_subtracted"))
    assert subtracted.stddev == 1
    assert standardized.stddev > 10
    np.testing.assert_array_equal(subtracted.mean, standardized.mean)
    np.testing.assert_array_equal(subtracted.x_train, standardized.x_train)


def test_images_that_are_all_alike_are_not_divided_by_zero():
    data = arrays()
    data.x_train[:] = 7
    part = split(data, spec())
    assert part.stddev == 1
    assert np.all(part.mean == 7)


def test_unit_images_reach_from_0_to_1():
    part = split(arrays(), spec(scaling="unit"))
    scaled = (part.x_train.astype("float64") - part.mean) / part.stddev
    np.testing.assert_allclose(scaled, part.x_train / 255.0)
    assert (part.mean.shape, part.mean.dtype) == ((4, 4, 3), "float32")


def test_the_arrays_of_the_data_set_are_left_alone():
    data = arrays()
    for array in vars(data).values():
        array.setflags(write=False)
    before = data.x_train.copy()
    part = split(data, spec(validation_size=10))
    part.x_train[:] = 0
    np.testing.assert_array_equal(data.x_train, before)


# --- geometry ---


def lit(side, canvas=None):
    """One image of ones per example, of the given side."""
    return np.full((6, side, side, 1), 7, "uint8")


def test_a_crop_keeps_the_middle():
    data = arrays(shape=(8, 8, 3))
    cropped, whole = split(data, spec(crop=2)), split(data, spec())
    assert np.array_equal(cropped.x_train, whole.x_train[:, 2:6, 2:6])
    assert np.array_equal(cropped.x_test, whole.x_test[:, 2:6, 2:6])


@pytest.mark.parametrize("side", [2, 8])
def test_resized_images_have_the_side_and_keep_what_is_flat(side):
    data = arrays()
    data.x_train[:] = 9
    resized = split(data, spec(side=side)).x_train
    assert resized.shape == (200, side, side, 3)
    assert np.all(resized == 9)


def test_a_reduced_line_does_not_vanish():
    data = arrays(shape=(8, 8, 3))
    data.x_train[:] = 0
    data.x_train[:, 3] = 200
    reduced = split(data, spec(side=4)).x_train
    assert reduced.max(axis=(1, 2, 3)).min() > 50


def test_centered_images_lie_in_the_middle_of_a_black_canvas():
    data = arrays()
    placed = split(data, spec(canvas=10))
    assert np.array_equal(placed.x_train[:, 3:7, 3:7], split(data, spec()).x_train)
    assert placed.x_train.sum() == split(data, spec()).x_train.sum()
    assert placed.objects_test is None


def test_random_places_differ_are_repeated_and_lose_nothing():
    data, options = arrays(), {"canvas": 9, "placement": "random", "validation_size": 20}
    one, again, other = (split(data, spec(**options, subset_seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.x_train, again.x_train)
    assert not np.array_equal(one.x_train[:10], other.x_train[:10])
    plain = split(data, spec(validation_size=20))
    for name in ("x_train", "x_validation", "x_test"):
        assert np.array_equal(getattr(one, name).sum(axis=(1, 2)), getattr(plain, name).sum(axis=(1, 2)))
    assert np.array_equal(one.objects_test, plain.x_test)
    tops = {int(np.flatnonzero(image.any(axis=(1, 2)))[0]) for image in one.x_train}
    assert tops == set(range(6))


@pytest.mark.parametrize("distance", [0, 1, 3])
def test_a_placed_image_is_as_far_from_the_border_as_asked(distance):
    placed = place_at(lit(4), 10, distance, np.random.default_rng(0))
    for image in placed[..., 0] > 0:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert len(rows) == len(columns) == 4
        assert min(rows[0], columns[0], 9 - rows[-1], 9 - columns[-1]) == distance


def test_a_place_off_the_canvas_is_refused():
    with pytest.raises(InputError, match="cannot lie 4 from the border of a canvas of 10"):
        place_at(lit(4), 10, 4, np.random.default_rng(0))


@pytest.mark.parametrize("block", [1, 2, 4])
def test_blocks_change_places_the_same_way_in_every_image_and_keep_their_pixels(block):
    data = arrays(shape=(8, 8, 3))
    plain, moved = split(data, spec()), split(data, spec(block=block))

    def blocks(images):
        tiled = images.reshape(len(images), 8 // block, block, 8 // block, block, 3).transpose(0, 1, 3, 2, 4, 5)
        return tiled.reshape(len(images), -1, block, block, 3)

    order = [
        next(i for i, b in enumerate(blocks(plain.x_train[:1])[0]) if np.array_equal(a, b))
        for a in blocks(moved.x_train[:1])[0]
    ]
    assert order != sorted(order)
    for name in ("x_train", "x_test"):
        assert np.array_equal(blocks(getattr(moved, name)), blocks(getattr(plain, name))[:, order])


def test_other_seeds_give_other_permutations():
    data = arrays()
    one, other = (split(data, spec(block=1, block_seed=seed)).x_train for seed in (1, 2))
    assert not np.array_equal(one, other)


def displaced(images, pixels):
    """expand_mnist.py, plainly: roll, then blacken what came in on the other side."""
    copies = [images]
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        rolled = np.roll(images, step * pixels, axis)
        behind = slice(0, pixels) if step > 0 else slice(-pixels, None)
        rolled[(slice(None),) * axis + (behind,)] = 0
        copies.append(rolled)
    return np.concatenate(copies)


@pytest.mark.parametrize("pixels", [1, 2, 3])
@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 6)])
def test_displaced_copies_of_all_training_images_follow_them(pixels, shape):
    data, options = arrays(shape=shape), {"train_size": 60, "validation_size": 40, "test_size": 20}
    plain, more = split(data, spec(**options)), split(data, spec(**options, displaced=pixels))
    assert len(more.x_train) == 300
    np.testing.assert_array_equal(more.x_train, displaced(plain.x_train, pixels))
    np.testing.assert_array_equal(more.y_train, np.concatenate([plain.y_train] * 5))
    assert (more.x_train.dtype, more.y_train.dtype) == ("uint8", "int32")
    for name in ("x_validation", "y_validation", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(more, name), getattr(plain, name))


def test_the_scaling_is_that_of_the_displaced_copies_too():
    part = split(arrays(), spec(train_size=30, displaced=1))
    x = part.x_train.astype("float64")
    assert len(x) == 150
    np.testing.assert_allclose(part.mean, x.mean(axis=0), rtol=1e-6)
    assert part.stddev == pytest.approx((x - x.mean(axis=0)).std(), rel=1e-6)


def test_images_on_a_canvas_are_displaced_on_it_and_lose_nothing():
    part = split(arrays(), spec(train_size=30, canvas=6, displaced=1))
    sums = part.x_train.sum(axis=(1, 2, 3), dtype="int64").reshape(5, 30)
    assert np.all(sums == sums[0])
    first, down = part.x_train[0], part.x_train[30]
    assert np.array_equal(down[2:], first[1:-1])


def test_images_are_displaced_before_their_pixels_are_put_into_another_order():
    options = {"train_size": 30, "displaced": 1}
    ordered, permuted = split(arrays(), spec(**options)), split(arrays(), spec(**options, block=1))
    # Of every pixel of the ordered images, where the permutation puts it: read off all the images at once.
    before, after = (part.x_train.reshape(150, 16, 3).transpose(1, 0, 2) for part in (ordered, permuted))
    order = [next(i for i in range(16) if np.array_equal(before[i], pixel)) for pixel in after]
    assert sorted(order) == list(range(16)) != order


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 2}, "a crop of 2 leaves nothing of images of 4x4"),
        ({"displaced": 4}, "images of 4x4 pixels displaced by 4 show nothing"),
        ({"canvas": 3}, "do not fit on a canvas of 3"),
        ({"block": 3}, "blocks of 3 pixels do not tile images of 4x4"),
    ],
)
def test_impossible_geometry_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        split(arrays(), spec(**options))
