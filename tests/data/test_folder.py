"""A folder of images becomes a data set that is known by what it holds; what cannot be one is told in one line."""

import shutil

import numpy as np
import pytest
from PIL import Image

from cnn_study import places
from cnn_study.data import cache, folder
from cnn_study.data.dataset import ARRAYS
from cnn_study.data.folder import images
from cnn_study.errors import DataError, InputError


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    """No memory, a cache of its own."""
    monkeypatch.setenv(places.CACHE_PATH, str(tmp_path / "cache"))
    folder._arrays.cache_clear()


def write(place, number=5, size=(8, 8), mode="L", seed=0, suffix=".png"):
    rng = np.random.default_rng(seed)
    place.mkdir(parents=True, exist_ok=True)
    for count in range(number):
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype="uint8")
        Image.fromarray(pixels).convert(mode).save(place / f"{count}{suffix}")
    return place


@pytest.fixture
def shapes(tmp_path):
    """Two classes of ten gray images of 8x8 pixels."""
    root = tmp_path / "my shapes"
    for seed, name in enumerate(("circle", "square")):
        write(root / name, 10, seed=seed)
    return root


def again(path, side=None):
    """The data set as another process finds it."""
    folder._arrays.cache_clear()
    return images(path, side)


def pixels(paths):
    return {np.asarray(Image.open(path)).tobytes() for path in paths}


def test_the_images_are_in_the_arrays_every_fifth_of_a_class_for_testing(shapes):
    dataset = images(shapes)
    assert (dataset.name, dataset.classes, dataset.image_shape) == ("my_shapes-8", ("circle", "square"), (8, 8, 1))
    arrays = cache.load(dataset)
    assert [arrays.x_train.shape, arrays.x_test.shape] == [(16, 8, 8), (4, 8, 8)]
    for label, name in enumerate(dataset.classes):
        parts = [{x.tobytes() for x in arrays.x_train[arrays.y_train == label]}]
        parts += [{x.tobytes() for x in arrays.x_test[arrays.y_test == label]}]
        assert [len(part) for part in parts] == [8, 2]
        assert parts[0] | parts[1] == pixels((shapes / name).iterdir())


def test_folders_for_training_and_testing_are_taken_as_they_are(tmp_path):
    for part, number in (("train", 6), ("test", 2)):
        for seed, name in enumerate(("a", "b")):
            write(tmp_path / "mine" / part / name, number, seed=seed)
    dataset = images(tmp_path / "mine")
    arrays = cache.load(dataset)
    assert (len(arrays.y_train), arrays.y_test.tolist()) == (12, [0, 0, 1, 1])
    assert {x.tobytes() for x in arrays.x_test[:2]} == pixels((tmp_path / "mine" / "test" / "a").iterdir())


def test_other_names_of_files_and_places_leave_the_content_as_it_is(shapes, tmp_path):
    digest = images(shapes).digest
    for number, path in enumerate(sorted((shapes / "circle").iterdir(), reverse=True)):
        path.rename(path.with_name(f"renamed {number}.PNG"))
    assert again(shapes).digest == digest
    moved = shutil.copytree(shapes, tmp_path / "elsewhere" / "my shapes")
    assert again(moved).digest == digest


def test_changed_images_are_another_data_set_and_are_cached_anew(shapes):
    before = images(shapes)
    cache.ensure(before)
    write(shapes / "circle", 1, seed=99)
    after = again(shapes)
    assert after.digest != before.digest
    assert after.name == before.name
    arrays = cache.load(after)
    (changed,) = pixels([shapes / "circle" / "0.png"])
    assert changed in {x.tobytes() for x in (*arrays.x_train, *arrays.x_test)}


def test_what_images_amount_to_is_remembered_while_the_files_are_the_same(shapes, monkeypatch):
    digest = images(shapes).digest
    monkeypatch.setattr(folder, "square", lambda *_: pytest.fail("decoded again"))
    assert again(shapes).digest == digest
    (shapes / "circle" / "0.png").touch()
    with pytest.raises(pytest.fail.Exception, match="decoded again"):
        again(shapes)


def test_a_worker_finds_them_in_the_cache_by_name(shapes):
    dataset = images(shapes)
    cache.ensure(dataset)
    arrays = cache.load(dataset.name, offline=True)
    assert arrays.dataset.digest == dataset.digest
    assert {name: getattr(arrays, name).shape for name in ARRAYS} == {
        name: info.shape for name, info in dataset.arrays.items()
    }


def test_images_that_are_gone_from_the_cache_and_the_disk_are_told(shapes):
    dataset = images(shapes)
    shutil.rmtree(shapes)
    with pytest.raises(DataError, match="there is no such folder any more") as caught:
        cache.ensure(dataset)
    assert "--data FOLDER" in str(caught.value)


def test_images_of_any_size_and_mode_become_squares_in_common(tmp_path):
    root = tmp_path / "mixed"
    for seed, (size, mode, suffix) in enumerate(
        [((30, 20), "L", ".png"), ((20, 40), "RGB", ".jpg"), ((16, 16), "P", ".png"), ((9, 9), "1", ".png")]
    ):
        write(root / f"class {seed}", 5, size, mode, seed, suffix)
    dataset = images(root, side=16)
    assert dataset.image_shape == (16, 16, 3)
    arrays = cache.load(dataset)
    gray = arrays.x_train[arrays.y_train == 0]
    assert (gray[..., 0] == gray[..., 2]).all()
    assert np.ptp(arrays.x_train[arrays.y_train == 1], axis=-1).max() > 0


def test_the_square_in_the_middle_is_taken(tmp_path):
    image = np.zeros((4, 10), "uint8")
    image[:, 3:7] = 200
    for name in ("a", "b"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for count in range(5):
            Image.fromarray(image + np.uint8(count)).save(tmp_path / "mine" / name / f"{count}.png")
    arrays = cache.load(images(tmp_path / "mine", side=4))
    assert arrays.x_train.min() >= 200


def test_opaque_images_with_transparency_are_taken_and_others_named(shapes):
    path = shapes / "circle" / "0.png"
    opaque = Image.open(path).convert("RGBA")
    opaque.save(path)
    assert images(shapes).image_shape == (8, 8, 3)
    opaque.putalpha(100)
    opaque.save(path)
    with pytest.raises(InputError, match=r"0\.png can be seen through: put it on a background"):
        again(shapes)


def keep_one_class(root):
    shutil.rmtree(root / "square")


def remove_some(root):
    for name in "456789":
        (root / "square" / f"{name}.png").unlink()


def damage(root):
    path = root / "square" / "3.png"
    path.write_bytes(path.read_bytes()[:60])


def lie(root):
    (root / "square" / "3.png").write_text("no image")


def enlarge_one(root):
    write(root / "square", 1, (9, 12))


def stretch(root):
    for name in ("circle", "square"):
        write(root / name, 10, (9, 12))


def deepen(root):
    Image.fromarray(np.full((8, 8), 4000, "uint16")).save(root / "circle" / "0.png")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (keep_one_class, "has 1 classes (circle): it needs a folder for each of 2 to 256"),
        (remove_some, "square holds 4 images: a class needs at least 5 there"),
        (damage, "3.png cannot be read as an image ("),
        (lie, "3.png cannot be read as an image ("),
        (enlarge_one, "are of 8x8 to 9x12 pixels, not all of one square of up to 256: say to which side"),
        (stretch, "are of 9x12 pixels, not all of one square"),
        (deepen, "0.png has more than 8 bits a channel: convert it"),
        (lambda root: (root / "read me.txt").write_text("x"), "read me.txt lies outside of the folder of a class"),
        (lambda root: (root / "circle" / "a.gif").write_text("x"), "a.gif is no .png, .jpg, .jpeg file"),
        (lambda root: (root / "circle" / "more").mkdir(), "more is no .png, .jpg, .jpeg file"),
    ],
)
def test_what_is_no_data_set_is_told_with_its_place(shapes, change, expected):
    change(shapes)
    with pytest.raises(InputError) as caught:
        images(shapes)
    assert expected in str(caught.value)
    assert str(shapes) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_test_images_must_be_of_the_classes_that_are_trained(tmp_path):
    for place in ("train/a", "train/b", "test/a"):
        write(tmp_path / "mine" / place)
    with pytest.raises(InputError, match="the same classes: b is in one only"):
        images(tmp_path / "mine")


def test_no_folder_and_an_absurd_side_are_told(shapes):
    with pytest.raises(InputError, match="there is no folder no/such"):
        images("no/such")
    for side in (0, 10**6):
        with pytest.raises(InputError, match=f"a side of 1 to 256 pixels: got {side}"):
            images(shapes, side)


def test_hidden_files_and_those_of_file_managers_are_passed_over(shapes):
    digest = images(shapes).digest
    (shapes / "circle" / "Thumbs.db").write_text("x")
    (shapes / ".DS_Store").write_text("x")
    assert again(shapes).digest == digest


def test_two_folders_of_one_name_are_not_mixed_up(shapes, tmp_path):
    other = shutil.copytree(shapes, tmp_path / "other" / "my shapes")
    write(other / "circle", 1, seed=99)
    ours, theirs = images(shapes), images(other)
    assert ours.name == theirs.name
    assert ours.digest != theirs.digest
    for dataset in (ours, theirs, ours):
        assert cache.load(dataset).dataset.digest == dataset.digest


def test_a_memory_that_cannot_be_written_is_done_without(shapes, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    assert images(shapes).digest == again(shapes).digest
