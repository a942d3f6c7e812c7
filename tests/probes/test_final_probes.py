"""The probes of a trained network, with classifiers and networks whose answers are known."""

import keras
import numpy as np
import pytest

from cnn_study.models.factory import build_model
from cnn_study.probes import border, equivariance, filters, histograms, linear, maps, patches, translation, wandering
from cnn_study.spec import Conv, Dense, ModelSpec, Pool, Subsample

LOGITS = Dense(units=3, activation=None)


def net(*layers, shape=(12, 12, 2)):
    return build_model(ModelSpec(input_shape=shape, layers=(*layers, LOGITS)), seed=1)


def images(examples=6, shape=(12, 12, 2), seed=0):
    return np.random.default_rng(seed).standard_normal((examples, *shape)).astype("float32")


# --- translation ---


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (-3, 0), (0, 1), (0, -2), (1, -1)])
def test_a_shift_moves_every_pixel_and_fills_with_black(down, right):
    x = np.random.default_rng(0).integers(1, 255, (2, 6, 5, 1), dtype="uint8")
    shifted = translation.shift(x, down, right)
    for row in range(6):
        for column in range(5):
            inside = 0 <= row - down < 6 and 0 <= column - right < 5
            expected = x[:, row - down, column - right] if inside else 0
            np.testing.assert_array_equal(shifted[:, row, column], expected)


def points(at, side=16):
    """Images with one white pixel."""
    x = np.zeros((len(at), side, side, 1), "uint8")
    for number, (row, column) in enumerate(at):
        x[number, row, column] = 255
    return x


def test_accuracy_falls_at_the_distance_at_which_the_classifier_stops_seeing():
    """A classifier that sees the pixels within 2 of the middle, and a point in the middle."""
    x, labels = points([(8, 8)] * 5), np.ones(5, "int32")
    found = translation.measure(lambda x: (x[:, 6:11, 6:11].max((1, 2, 3)) > 0).astype("int32"), x, labels)
    assert [found[f"shifted_accuracy/{d}"] for d in range(5)] == [1, 1, 1, 0, 0]
    assert [found[f"shift_consistency/{d}"] for d in range(5)] == [1, 1, 1, 0, 0]
    assert found["shift_drop/4"] == 1
    assert "shifted_accuracy/5" not in found


def test_consistency_is_agreement_with_the_unshifted_answer_not_with_the_label():
    x, labels = points([(8, 8)] * 4), np.array([0, 0, 0, 1])
    found = translation.measure(lambda x: np.zeros(len(x), "int32"), x, labels)
    assert found["shifted_accuracy/3"] == 0.75
    assert found["shift_consistency/3"] == 1
    assert found["shift_drop/4"] == 0


def test_small_images_are_shifted_less_and_large_ones_by_8_pixels():
    small = translation.measure(lambda x: np.zeros(len(x)), points([(1, 1)], side=8), np.zeros(1))
    assert {name for name in small if "/" in name} == {
        f"{kind}/{d}" for kind in ("shifted_accuracy", "shift_consistency") for d in range(3)
    } | {"shift_drop/2"}
    large = translation.measure(lambda x: np.zeros(len(x)), points([(1, 1)], side=40), np.zeros(1))
    assert "shifted_accuracy/8" in large
    assert "shifted_accuracy/9" not in large


# --- border ---


def test_objects_are_placed_at_every_distance_from_the_border():
    """A classifier that says how far from the border the object lies."""

    def distance(x):
        answers = []
        for image in x[..., 0]:
            rows, columns = np.nonzero(image)
            answers.append(min(rows.min(), columns.min(), *(19 - np.array([rows.max(), columns.max()]))))
        return np.array(answers)

    objects = np.full((30, 4, 4, 1), 200, "uint8")
    for d in (0, 1, 2, 4, 8):
        found = border.measure(distance, objects, np.full(30, d), canvas=20)
        accuracies = {k: v for k, v in found.items() if k.startswith("accuracy_at_distance/")}
        assert accuracies == {f"accuracy_at_distance/{other}": float(other == d) for other in (0, 1, 2, 4, 8)}
        assert found["accuracy_at_border"] == float(d == 0)
        assert found["accuracy_at_center"] == float(d == 8)


# --- equivariance ---


@pytest.mark.parametrize("padding", ["same", "valid", "reflect"])
def test_shared_weights_at_stride_1_are_equivariant_but_for_the_border(padding):
    found = equivariance.measure(net(Conv(maps=4, field=5, padding=padding)), images())
    assert found["equivariance_error_interior"] < 1e-6
    assert (found["equivariance_error_whole"] > 0.05) == (padding != "valid")


def test_without_shared_weights_and_with_a_stride_maps_do_not_shift():
    local = equivariance.measure(net(Conv(maps=4, field=3, shared=False)), images())
    strided = equivariance.measure(net(Conv(maps=4, field=3, stride=2)), images())
    assert local["equivariance_error_interior"] > 0.5
    assert strided["equivariance_error_interior"] > 0.1


def test_a_linear_ramp_shifts_exactly_under_a_stride():
    """Interpolation between places is exact where maps are linear in the place."""
    rows = np.arange(12, dtype="float32")
    ramp = np.broadcast_to(rows[:, None, None] + 3 * rows[None, :, None], (12, 12, 2))[None]
    found = equivariance.measure(net(Conv(maps=4, field=3, stride=2)), np.ascontiguousarray(ramp))
    assert found["equivariance_error_interior"] < 1e-5


def test_further_layers_are_measured_and_dense_networks_have_no_maps():
    layers = (
        Conv(maps=3, field=3, activation="tanh", pool=Pool(reduce="max")),
        Conv(maps=3, field=3, activation="tanh"),
        Subsample(size=2),
    )
    found = equivariance.measure(net(*layers), images())
    assert set(found) == {
        "equivariance_error_interior",
        "equivariance_error_whole",
        "equivariance_error/conv2",
        "equivariance_error/subsample3",
    }
    assert found["equivariance_error/conv2"] > found["equivariance_error_interior"]
    assert equivariance.measure(net(Dense(units=4)), images()) == {}


# --- filters ---


def test_kernels_and_feature_maps_can_be_put_together_again():
    model = net(Conv(maps=20, field=5, activation="relu"))
    image = images()[0]
    found = filters.measure(model, image)
    shape = tuple(int(found.outcomes[f"filter_{side}"]) for side in ("height", "width", "channels"))
    kernel = model.get_layer("conv1").kernel.numpy()
    for number in range(16):
        np.testing.assert_array_equal(found.curves[f"filter/{number}"].reshape(shape), kernel[..., number])
    assert "filter/16" not in found.curves
    maps = model.get_layer("unit1")(model.get_layer("conv1")(image[None])).numpy()[0]
    side = int(found.outcomes["feature_map_height"])
    assert side == found.outcomes["feature_map_width"] == 6
    reduced = found.curves["feature_map/3"].reshape(side, side)
    np.testing.assert_allclose(reduced[2, 1], maps[4:6, 2:4, 3].mean(), rtol=1e-5)


def test_kernels_without_shared_weights_are_those_of_the_middle_and_dense_ones_as_large_as_the_image():
    local = net(Conv(maps=2, field=3, shared=False))
    kernel = local.get_layer("local1").kernel.numpy()[6 * 12 + 6]
    np.testing.assert_array_equal(filters.measure(local, images()[0]).curves["filter/1"], kernel[:, 1])
    dense = net(Dense(units=4))
    found = filters.measure(dense, images()[0])
    np.testing.assert_array_equal(found.curves["filter/2"], dense.get_layer("dense1").kernel.numpy()[:, 2])
    assert found.outcomes == {"filter_height": 12, "filter_width": 12, "filter_channels": 2}
    assert not any(name.startswith("feature_map/") for name in found.curves)


@pytest.mark.parametrize(("maps", "field", "side"), [(64, 11, 40), (16, 5, 32), (1, 3, 60)])
def test_few_numbers_are_kept(maps, field, side):
    model = net(Conv(maps=maps, field=field), shape=(side, side, 3))
    found = filters.measure(model, images(1, (side, side, 3))[0])
    assert sum(map(len, found.curves.values())) <= 2 * filters.NUMBERS


# --- linear ---


def brute_force(known, labels, asked, penalty):
    """Ridge regression with an intercept, image by image, and its squared error on images that were left out."""

    def solve(x, y):
        mean, level = x.mean(0), y.mean(0)
        gram = (x - mean).T @ (x - mean) + penalty * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, (x - mean).T @ (y - level))
        return lambda new: (new - mean) @ weights + level

    targets = (labels[:, None] == np.unique(labels)).astype(float)
    left_out = []
    for i in range(len(known)):
        rest = np.arange(len(known)) != i
        centered = known[rest] - known.mean(0)  # The penalty's scale is that of all images.
        left_out.append(solve(centered, targets[rest])(known[i] - known.mean(0)) - targets[i])
    return np.square(left_out).mean(), np.unique(labels)[solve(known, targets)(asked).argmax(1)]


def test_the_linear_classifier_is_ridge_regression_with_the_penalty_that_leaves_the_least_error_out():
    generator = np.random.default_rng(3)
    centers = generator.standard_normal((3, 6))
    labels = np.array([2, 5, 7])[np.arange(30) % 3]
    known, asked = (centers[np.arange(n) % 3] + 1.5 * generator.standard_normal((n, 6)) for n in (30, 60))
    scale = np.square(known - known.mean(0)).sum() / len(known)
    tried = [brute_force(known, labels, asked, penalty * scale) for penalty in linear.PENALTIES]
    _, expected = min(tried, key=lambda each: each[0])
    assert any((classes != expected).any() for _, classes in tried)  # The penalty matters here.
    np.testing.assert_array_equal(linear.ridge(known, labels, asked), expected)


def test_shuffled_tiles_are_elsewhere_and_whole():
    x = np.arange(2 * 12 * 12 * 2).reshape(2, 12, 12, 2)
    moved = linear.shuffled(x)
    np.testing.assert_array_equal(np.sort(moved.ravel()), x.ravel())
    tiles = [x[:, r : r + 3, c : c + 3] for r in range(0, 12, 3) for c in range(0, 12, 3)]
    for place, (r, c) in enumerate((r, c) for r in range(0, 12, 3) for c in range(0, 12, 3)):
        found = moved[:, r : r + 3, c : c + 3]
        (source,) = [number for number, tile in enumerate(tiles) if (tile == found).all()]
        assert source != place
    assert linear.shuffled(x[:, :7, :7]) is None
    assert linear.shuffled(x[:, :6, :6]) is not None  # 3 x 3 tiles, as 4 do not divide it.


def test_a_probe_of_pixels_and_of_single_tiles_does_not_mind_their_order_and_one_of_the_whole_image_does():
    """Images of two bars: the class is whether they lie in the same row, which no line tells from the pixels."""
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 2, (400, 2))
    x = np.zeros((400, 8, 8, 1), "uint8")
    for image, (left, right) in zip(x, rows, strict=True):
        image[4 * left + 1, 1:3] = image[4 * right + 1, 5:7] = 200
    y = (rows[:, 0] == rows[:, 1]).astype("int32")
    model = net(Conv(maps=3, field=1, activation="relu"), Dense(units=16, activation="relu"), shape=(8, 8, 1))
    dense = model.get_layer("dense2")
    kernel = np.zeros((8, 8, 3, 16), "float32")
    model.get_layer("conv1").kernel.assign(np.ones((1, 1, 1, 3), "float32"))
    for unit, (left, right) in enumerate(np.ndindex(2, 2)):
        kernel[4 * left + 1, 1, :, unit] = kernel[4 * right + 1, 5, :, unit] = 1  # Both bars are there: above 1.
    dense.kernel.assign(kernel.reshape(-1, 16))
    dense.bias.assign(np.full(16, -3.5, "float32"))
    found = linear.measure(model, lambda images: images / np.float32(200), (x[:200], y[:200]), (x[200:], y[200:]))
    assert found["linear_probe_error/2"] == 0
    assert found["shuffled_probe_error/2"] > 0.3
    for depth in (0, 1):
        assert found[f"linear_probe_error/{depth}"] > 0.2
        assert found[f"shuffled_probe_error/{depth}"] == pytest.approx(found[f"linear_probe_error/{depth}"], abs=0.02)
    assert set(found) == {f"{kind}_probe_error/{depth}" for kind in ("linear", "shuffled") for depth in range(3)}


# --- patches ---


def test_patches_are_what_the_most_excited_units_see():
    """The unit's answer for the patch alone is that for the image, wherever the patch does not hang over the border."""
    layers = (
        Conv(maps=3, field=3, activation="relu", padding="valid", pool=Pool(reduce="max")),
        Conv(maps=6, field=3, activation="relu", padding="valid"),
        Dense(units=4),
    )
    x = np.random.default_rng(1).integers(0, 255, (20, 16, 16, 2), dtype="uint8")
    model = net(*layers, shape=(16, 16, 2))
    found = patches.measure(model, lambda images: images.astype("float32") / 255, x)
    assert found.outcomes == {"patch_side": 8, "patch_channels": 2}
    assert len(found.curves) == patches.MAPS
    maps = keras.Model(model.inputs, model.get_layer("unit2").output)
    whole = maps([x.astype("float32") / 255]).numpy()
    alone = keras.Sequential([keras.Input((8, 8, 2)), *(model.get_layer(n) for n in PATCH_LAYERS)])
    for name, curve in found.curves.items():
        number = int(name.split("/")[1])
        parts = curve.reshape(patches.PATCHES, 8, 8, 2)
        answers = alone(parts.astype("float32") / 255).numpy()[:, 0, 0, number]
        best = np.sort(whole[..., number].max(axis=(1, 2)))[::-1][: patches.PATCHES]
        np.testing.assert_allclose(answers, best, rtol=1e-5)


PATCH_LAYERS = ("conv1", "unit1", "pool1", "conv2", "unit2")


def test_a_patch_that_hangs_over_the_border_is_black_there():
    x = np.ones((2, 6, 6, 1), "uint8")
    x[0, 0, 0], x[1, 0, 0] = 100, 50
    same, valid = [[0, 0, 0], [0, 100, 1], [0, 1, 1]], [[100, 1, 1], [1, 1, 1], [1, 1, 1]]
    for padding, expected in (("same", same), ("valid", valid)):
        model = net(Conv(maps=1, field=3, padding=padding, activation="relu"), Dense(units=4), shape=(6, 6, 1))
        middle = 4 if padding == "same" else 0
        model.get_layer("conv1").kernel.assign(np.eye(9, dtype="float32")[middle].reshape(3, 3, 1, 1))
        found = patches.measure(model, lambda images: images.astype("float32"), x).curves
        np.testing.assert_array_equal(found["patch/0"].reshape(-1, 3, 3)[0], expected)


def test_networks_without_maps_have_no_patches():
    x = np.zeros((2, 12, 12, 2), "uint8")
    for model in (net(Dense(units=4)), net(Conv(maps=2, field=3, shared=False))):
        assert patches.measure(model, lambda images: images.astype("float32"), x) == ({}, {})


# --- maps ---


def test_the_maps_of_an_image_and_of_the_moved_one_are_kept_whole():
    model = net(Conv(maps=3, field=3, activation="relu"), Dense(units=4))
    image = np.random.default_rng(0).integers(0, 255, (12, 12, 2), dtype="uint8")
    found = maps.measure(model, lambda images: images.astype("float32"), image)
    np.testing.assert_array_equal(found["seen_image/0"], image.ravel())
    moved = found["seen_image/1"].reshape(12, 12, 2)
    np.testing.assert_array_equal(moved[:, 1:], image[:, :-1])
    assert not moved[:, 0].any()
    every = model.get_layer("unit1")(model.get_layer("conv1")(image[None].astype("float32"))).numpy()[0]
    chosen = every.std(axis=(0, 1)).argmax()
    np.testing.assert_allclose(found["seen_map/0"], every[..., chosen].ravel(), rtol=1e-5)
    before, after = (found[f"seen_map/{moved}"].reshape(12, 12) for moved in (0, 1))
    np.testing.assert_allclose(after[1:-1, 2:-1], before[1:-1, 1:-2], rtol=1e-4)
    assert maps.measure(net(Dense(units=4)), lambda images: images.astype("float32"), image) == {}


# --- histograms ---


def bytes_as_floats(images):
    return images.astype("float32") / 255


def test_outputs_are_counted_layer_by_layer_before_and_after():
    x = np.random.default_rng(0).integers(0, 255, (40, 12, 12, 2), dtype="uint8")
    layers = Conv(maps=3, field=3, activation="tanh", pool=Pool(reduce="max")), Dense(units=5, activation="tanh")
    initial, trained = (build_model(ModelSpec(input_shape=(12, 12, 2), layers=(*layers, LOGITS)), n) for n in (1, 2))
    found = histograms.measure(initial, trained, bytes_as_floats, x)
    assert found.outcomes == {"output_low": -1, "output_high": 1}
    assert set(found.curves) == {f"outputs_{time}/{depth}" for time in ("start", "end") for depth in (1, 2)}
    for time, model in (("start", initial), ("end", trained)):
        for depth, name in enumerate(("unit1", "unit2"), 1):
            values = keras.Model(model.inputs, model.get_layer(name).output)([bytes_as_floats(x)]).numpy()
            expected = np.histogram(values, histograms.BINS, (-1, 1))[0] / values.size
            np.testing.assert_allclose(found.curves[f"outputs_{time}/{depth}"], expected, atol=2 / values.size)


def test_the_bins_of_units_without_bounds_reach_from_the_least_to_the_greatest_output():
    x = np.random.default_rng(0).integers(0, 255, (10, 12, 12, 2), dtype="uint8")
    model = net(Dense(units=4, activation="relu"), Dense(units=4, activation="relu"))
    found = histograms.measure(model, model, bytes_as_floats, x)
    assert found.outcomes["output_low"] == 0 < found.outcomes["output_high"]
    for curve in found.curves.values():
        assert curve.sum() == pytest.approx(1)


# --- wandering ---


def test_a_network_of_averages_follows_the_object_and_one_that_looks_at_a_place_does_not():
    """A point: a dense network that knows its class only where it is, and maps that move along."""
    image = points([(8, 8)], side=17)[0]
    dense = net(shape=(17, 17, 1))
    kernel = np.zeros((17, 17, 3), "float32")
    kernel[8, 8, 1] = 9
    dense.get_layer("dense1").kernel.assign(kernel.reshape(-1, 3))
    found = wandering.measure(dense, bytes_as_floats, image, 1)
    expected = np.full(wandering.PLACES, 1 / 3)
    expected[wandering.FARTHEST] = np.exp(9) / (np.exp(9) + 2)
    np.testing.assert_allclose(found["wandering_probability/own"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["wandering_probability/other"], (1 - expected) / 2, rtol=1e-4)
    assert [found[f"wandering_image/{place}"].argmax() % 17 for place in wandering.SHOWN] == [0, 8, 16]
    assert not any(name.startswith("wandering_map") for name in found)

    convolutional = net(Conv(maps=2, field=1, activation="relu"), shape=(17, 17, 1))
    convolutional.get_layer("conv1").kernel.assign(np.array([1, -1], "float32").reshape(1, 1, 1, 2))
    maps_of = wandering.measure(convolutional, bytes_as_floats, image, 0)
    for place, column in zip(wandering.SHOWN, (0, 8, 16), strict=True):
        seen = maps_of[f"wandering_map/{place}"].reshape(17, 17)
        assert seen[8, column] == seen.sum() == 1
