import dataclasses
import subprocess
import sys

import pytest

from cnn_study.data import registry
from cnn_study.data.dataset import ARRAYS
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError

HEAVY = ("numpy", "keras", "tensorflow", "sklearn", "PIL", "pandas")


def test_importing_the_facts_loads_no_array_library():
    code = f"import sys, cnn_study.data.registry; sys.exit(' '.join({HEAVY!r} & sys.modules.keys()))"
    code = code.replace(repr(HEAVY), repr(set(HEAVY)))
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.stderr.strip() == ""


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_shapes_agree_with_each_other(dataset):
    assert tuple(dataset.arrays) == ARRAYS
    for part in ("train", "test"):
        images, labels = dataset.arrays[f"x_{part}"], dataset.arrays[f"y_{part}"]
        assert images.shape[:1] == labels.shape
        assert images.shape[1:] in (dataset.image_shape, dataset.image_shape[:2])
        assert images.shape[1:] == dataset.image_shape or dataset.image_shape[2] == 1
        assert images.dtype == labels.dtype == "uint8"
    assert len(set(dataset.classes)) == 10


def test_sizes_in_bytes():
    assert DATASETS["cifar10"].size == 60_000 * (32 * 32 * 3 + 1)
    assert DATASETS["digits"].size == 1797 * (64 + 1)


def test_digest_does_not_depend_on_the_order_of_declaration():
    dataset = DATASETS["mnist"]
    backwards = dataclasses.replace(dataset, arrays=dict(reversed(dataset.arrays.items())))
    assert list(backwards.arrays) != list(dataset.arrays)
    assert backwards.digest == dataset.digest


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"dtype": "int8"}, {"shape": (1, 2)}], ids=str)
def test_digest_changes_with_any_fact_about_an_array(array, change):
    dataset = DATASETS["mnist"]
    arrays = {**dataset.arrays, array: dataclasses.replace(dataset.arrays[array], **change)}
    assert dataclasses.replace(dataset, arrays=arrays).digest != dataset.digest


def test_digest_does_not_change_with_words_or_sources():
    dataset = DATASETS["mnist"]
    assert dataclasses.replace(dataset, name="m", title="M", sources=()).digest == dataset.digest


def test_digests_tell_the_data_sets_apart():
    assert len({dataset.digest for dataset in DATASETS.values()}) == len(DATASETS)


def test_the_digest_of_the_digits_is_that_of_stored_runs():
    # Run keys contain it: it must not change unless the images do.
    assert DATASETS["digits"].digest == "1334c39083babfca1c3b55a8a12ada86440789d7848c07195de3805c3b7e215e"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown data set 'cifar-10'; did you mean 'cifar10'\?"):
        registry.get("cifar-10")
