import pytest

from cnn_study.data import registry
from cnn_study.data.setting import Setting, classes_of, shape_of

QUICK = Setting("mnist", 2000, 20, 5, 3, (0.01, 0.02, 0.04), 1000, 2000, evaluations=2, evaluation_size=500)


def test_a_setting_gives_the_images_it_names():
    data = QUICK.data()
    assert (data.name, data.train_size, data.validation_size, data.test_size) == ("mnist", 2000, 1000, 2000)
    assert data.content == registry.get("mnist").digest
    assert QUICK.data(train_size=500).train_size == 500


def test_a_fallback_never_has_to_give_more_than_it_has():
    data, digits = QUICK.data("digits"), registry.get("digits").arrays
    images = digits["x_train"].shape[0]
    assert data.validation_size == images // 5
    assert data.train_size == images - images // 5
    assert data.test_size == digits["x_test"].shape[0]


def test_a_setting_gives_the_training():
    train = QUICK.train(momentum=0.5)
    assert (train.batch_size, train.epochs, train.evaluations_per_epoch, train.evaluation_size) == (20, 5, 2, 500)
    assert train.learning_rate == 0.02
    assert train.momentum == 0.5
    assert QUICK.train().momentum == 0.9


def test_replicates_are_numbered_from_one():
    assert QUICK.replicates == (1, 2, 3)


@pytest.mark.parametrize(
    ("setting", "fallback", "text"),
    [
        (QUICK, None, "2,000 of the 60,000 training images of MNIST"),
        (QUICK, "digits", "the data set digits in the place of MNIST"),
        (Setting("mnist", None, 20, 5, 3, (0.01,)), None, ""),
        (Setting("digits", 200, 20, 5, 3, (0.01,), trial=True), None, "a trial run on a handful of images"),
    ],
)
def test_whatever_is_not_the_published_setting_says_so(setting, fallback, text):
    assert setting.proxy(fallback) == text


def test_shapes_are_those_after_the_geometry():
    assert shape_of(QUICK.data()) == (28, 28, 1)
    assert shape_of(QUICK.data(crop=4, side=10, canvas=30)) == (30, 30, 1)
    assert classes_of(QUICK.data()) == 10
