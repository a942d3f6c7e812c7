"""Folders of images as people have them: taken as one would expect, or refused with the layout that is wanted."""

import os
import shutil
import unicodedata

import numpy as np
import pytest
from elsewhere import complaint_here, drawn, study, study_here
from PIL import Image

from cnn_study import places
from cnn_study.data import cache, folder
from cnn_study.data.folder import images
from cnn_study.data.layout import PARTS, layout_of, part_of
from cnn_study.errors import InputError


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    """No data set known, no memory, a cache of its own."""
    monkeypatch.setenv(places.CACHE_PATH, str(tmp_path / "cache"))
    folder._arrays.cache_clear()


def loaded(path):
    folder._arrays.cache_clear()
    return cache.load(images(path))


def seen(arrays):
    return {x.tobytes() for x in arrays}


def pixels(*places):
    return {np.asarray(Image.open(path)).tobytes() for place in places for path in place.rglob("*.png")}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("TRAIN_SET", "train"),
        ("training_set", "train"),
        ("seg_train", "train"),
        ("train-images", "train"),
        ("01 train", "train"),
        ("Entraînement", "train"),
        ("训练集", "train"),
        ("valid", "validation"),
        ("val2017", "validation"),
        ("Validação", "validation"),
        ("検証用データ", "validation"),
        ("Testing", "test"),
        ("test1", "test"),
        ("testset", "test"),
        ("テスト", "test"),
        ("cat", None),
        ("trains", None),
        ("contest", None),
        ("set", None),
        ("2017", None),
        ("データ", None),
    ],
)
def test_parts_are_known_by_their_usual_names(name, part):
    assert part_of(name) == part_of(unicodedata.normalize("NFD", name)) == part


def test_no_name_is_that_of_two_parts():
    assert all(part_of(name) == part for part, names in PARTS.items() for name in names)


@pytest.mark.parametrize(("train", "test"), [("train", "val"), ("Training", "Testing"), ("seg_train", "seg_test")])
def test_two_parts_are_for_training_and_testing_whatever_they_are_called(tmp_path, train, test):
    for part, number in ((train, 6), (test, 2)):
        for name in ("cat", "dog"):
            drawn(tmp_path / "set" / part / name, number)
    arrays = loaded(tmp_path / "set")
    assert seen(arrays.x_train) == pixels(tmp_path / "set" / train)
    assert seen(arrays.x_test) == pixels(tmp_path / "set" / test)


def test_of_three_parts_only_that_for_testing_is_not_trained_on(tmp_path):
    for part, number in (("train", 6), ("valid", 3), ("test", 2)):
        for name in ("cat", "dog"):
            drawn(tmp_path / "set" / part / name, number)
    arrays = loaded(tmp_path / "set")
    assert seen(arrays.x_train) == pixels(tmp_path / "set" / "train", tmp_path / "set" / "valid")
    assert seen(arrays.x_test) == pixels(tmp_path / "set" / "test")


def test_a_part_for_training_alone_is_divided_like_any_other_folder(tmp_path):
    for name in ("cat", "dog"):
        drawn(tmp_path / "set" / "train" / name, 10)
    shutil.copytree(tmp_path / "set" / "train", tmp_path / "plain")
    assert images(tmp_path / "set").digest == images(tmp_path / "plain").digest


def test_classes_may_be_called_like_parts_beside_others(tmp_path):
    for name in ("train", "bus", "car"):
        drawn(tmp_path / "set" / name)
    assert layout_of(tmp_path / "set").classes == ("bus", "car", "train")


def test_letters_stored_in_two_ways_are_one_class_and_its_place_is_the_same(tmp_path):
    digests = []
    for form in ("NFC", "NFD"):
        for part in ("train", "test"):
            for number, name in enumerate(("été", "fz", "zoo")):
                other = "NFC" if part == "test" else form
                place = tmp_path / form / "set" / part / unicodedata.normalize(other, name)
                place.mkdir(parents=True)
                for count in range(6):
                    Image.new("L", (8, 8), 10 * count + number + 3 * (part == "test")).save(place / f"{count}.png")
        dataset = images(tmp_path / form / "set")
        assert dataset.classes == ("fz", "zoo", "été")
        digests.append(dataset.digest)
    assert digests[0] == digests[1]


def test_names_that_are_no_utf_8_are_taken_like_any_other(tmp_path):
    place = drawn(tmp_path / "set" / "a")
    os.rename(place / "0.png", os.fsencode(place) + b"/caf\xe9.png")
    drawn(tmp_path / "set" / "b")
    os.rename(tmp_path / "set" / "b", os.fsencode(tmp_path / "set") + b"/\xe9t\xe9")
    os.rename(tmp_path / "set", os.fsencode(tmp_path) + b"/s\xe9t")
    printed = study(tmp_path, "data", os.fsdecode(os.fsencode(tmp_path) + b"/s\xe9t")).stdout
    assert "2 classes: \\xe9t\\xe9, a" in printed


def test_equal_images_of_a_class_are_in_one_part(tmp_path):
    for name in "ab":
        place = drawn(tmp_path / "set" / name, 5)
        for path in list(place.iterdir()):
            shutil.copy(path, place / f"copy of {path.name}")
    arrays = loaded(tmp_path / "set")
    assert not seen(arrays.x_train) & seen(arrays.x_test)
    assert [len(arrays.y_train), len(arrays.y_test)] == [16, 4]


def test_one_image_again_and_again_is_no_class(tmp_path):
    drawn(tmp_path / "set" / "a")
    place = drawn(tmp_path / "set" / "b", 1)
    for count in range(5):
        shutil.copy(place / "0.png", place / f"copy {count}.png")
    with pytest.raises(InputError, match=r"b holds the same image 6 times: it needs different ones"):
        images(tmp_path / "set")


def test_test_images_that_are_trained_on_are_counted_every_time(tmp_path, caplog):
    for name in "ab":
        drawn(tmp_path / "set" / "train" / name)
        shutil.copytree(tmp_path / "set" / "train" / name, tmp_path / "set" / "test" / name)
        drawn(tmp_path / "set" / "test" / name, 2, names="other {}.png")
    for _ in range(2):
        images(tmp_path / "set")
    assert caplog.messages == ["set: 12 of 16 test images are training images too"] * 2


def kaggle(root):
    for part, names in (("train", "cat.{}.jpg"), ("test1", "{}.jpg")):
        drawn(root / part, names=names)


def unlabeled(root):
    for name in "ab":
        drawn(root / "train" / name)
    drawn(root / "test")


def wrapped(root):
    for name in "ab":
        drawn(root / "PetImages" / name)


def wrapped_parts(root):
    for name in "ab":
        drawn(root / "seg_train" / "seg_train" / name)


def only_for_testing(root):
    for name in "ab":
        drawn(root / "test" / name)


def doubled(root):
    for part in ("train", "training", "test"):
        drawn(root / part / "a")


def beside(root):
    for part in ("train", "extra"):
        drawn(root / part / "a")


def capitals(root):
    for name in ("train/Cat", "train/dog", "test/cat", "test/dog"):
        drawn(root / name)


def both_spellings(root):
    for form in ("NFC", "NFD"):
        drawn(root / unicodedata.normalize(form, "é"))


def dead_image(root):
    for name in "ab":
        drawn(root / name)
    (root / "b" / "z.png").symlink_to("/nowhere/z.png")


def dead_class(root):
    dead_image(root)
    (root / "b" / "z.png").unlink()
    (root / "c").symlink_to("/nowhere/c")


def flat(root):
    drawn(root)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            kaggle,
            "train is a part, and its images, such as cat.0.jpg, are in no folder of a class: sort them; ",
        ),
        (unlabeled, "move it away, or name {root}/train, of which a fifth is then for testing"),
        (wrapped, "{root} holds nothing but a folder: name that one, {root}/PetImages"),
        (wrapped_parts, "{root}/seg_train holds nothing but a folder: name that one, {root}/seg_train/seg_train"),
        (
            only_for_testing,
            "{root} holds test, but no folder for training: call it train; wanted is set/CLASS/*.png",
        ),
        (doubled, "{root} holds train and training, which are both for train: name one folder so"),
        (beside, "{root}/extra lies beside train, which holds classes: move it away, or name {root}/train"),
        (capitals, "{root}: train and test must spell classes alike, capitals too: Cat, cat"),
        (both_spellings, "{root} holds two folders called é, stored in different letters: join them"),
        (dead_image, "b/z.png cannot be read as an image (a link that leads nowhere): replace it or move it away"),
        (dead_class, "{root}/c is a link that leads nowhere: move it"),
        (
            flat,
            "lies outside of the folder of a class: move it; wanted is set/CLASS/*.png, or set/train/CLASS/*.png",
        ),
    ],
)
def test_what_is_no_layout_is_refused_with_the_one_that_is_wanted(tmp_path, make, expected):
    make(tmp_path / "set")
    with pytest.raises(InputError) as caught:
        images(tmp_path / "set")
    assert expected.format(root=tmp_path / "set") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    for name in "ab":
        drawn(tmp_path / "set" / name)
    before = images(tmp_path / "set").digest
    for place in ("__MACOSX", "a/@eaDir", ".ipynb_checkpoints"):
        drawn(tmp_path / "set" / place)
    for file in ("a/Thumbs.db", "b/ehthumbs.db", "a/Icon\r", "a/._0.png", "desktop.ini"):
        (tmp_path / "set" / file).write_text("x")
    assert images(tmp_path / "set").digest == before


def test_a_check_shows_what_will_be_seen(tmp_path):
    for name in ("cat", "[dog]"):
        drawn(tmp_path / "set" / name, 10)
    shutil.copy(tmp_path / "set" / "cat" / "0.png", tmp_path / "set" / "cat" / "same.png")
    shutil.copy(tmp_path / "set" / "cat" / "1.png", tmp_path / "set" / "[dog]" / "same.png")
    (tmp_path / "set" / "Thumbs.db").write_text("x")
    printed, _ = study_here("data", "check", tmp_path / "set", where=tmp_path)
    assert [line.split() for line in printed.splitlines() if "11" in line][:2] == [["[dog]", "11"], ["cat", "11"]]
    assert "sizes: 8x8 (22)\n" in printed
    assert "equal images of a class: cat/0.png = cat/same.png\n" in printed
    assert "equal images of several classes or parts: [dog]/same.png = cat/1.png\n" in printed
    assert "left out: Thumbs.db\n" in printed
    assert "data set set-8: " in printed
    with Image.open(tmp_path / "set-sheet.png") as sheet:
        assert sheet.width > sheet.height > 100


def test_a_check_names_all_that_cannot_be_read(tmp_path):
    for name in "ab":
        (drawn(tmp_path / "set" / name) / "3.png").write_bytes(b"no image")
    _, told = study_here("data", "check", tmp_path / "set", where=tmp_path, code=2)
    assert [line.split(" cannot be read")[0] for line in told.splitlines()] == [
        f"cnn-study: {tmp_path}/set/{name}/3.png" for name in "ab"
    ]


def test_a_check_of_images_of_many_sizes_asks_for_a_side(tmp_path):
    for side, name in ((8, "a"), (9, "b")):
        drawn(tmp_path / "set" / name, side=side)
    line = complaint_here("data", "check", tmp_path / "set", where=tmp_path)
    assert "say to which side they are to be resized, such as 32 (--side 32)" in line


def test_a_check_writes_nothing_into_the_folder(tmp_path):
    for name in "ab":
        drawn(tmp_path / "set" / name)
    line = complaint_here("data", "check", ".", where=tmp_path / "set")
    assert line == "cnn-study: set-sheet.png would lie among the images: give --sheet a path outside of ."


def test_a_home_that_nobody_has_is_told(tmp_path):
    assert "nobody knows the home folder" in complaint_here("data", "~nobody_at_all/images")
