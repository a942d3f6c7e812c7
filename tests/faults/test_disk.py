"""The disk is full while results, the cache, or MLflow's database are written: a small limit on the size of files.

A limit on files needs no rights and fails at the same place every time. The slow form fills a real file system.
"""

import os
import resource
import subprocess
from contextlib import contextmanager

import pytest
from suites import bare, complaint, ended, journal, place, same_files, short, start, stored, unfinished
from test_results import by_key, filled, read, record
from test_tracking import EXPERIMENT, Mirror, design, evaluate, mirrored, stored_runs

from cnn_study import tracking
from cnn_study.data import cache
from cnn_study.errors import DataError, StoreError
from cnn_study.tracking.store import client_of


@contextmanager
def full_at(size):
    """No file of this process may be larger."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    ended(start(folder, bare(folder)))
    return folder


def test_full_while_a_run_is_stored(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    with full_at(1000), pytest.raises(StoreError) as raised:
        store.add(record(3))
    message = f"cannot write {store.pending / record(3).key}.parquet: File too large; make room or give --results"
    assert str(raised.value).startswith(message)
    assert read(tmp_path) == by_key(record(1), record(2))
    store.add(record(3))
    store.merge()
    assert read(tmp_path) == by_key(record(1), record(2), record(3))


def test_full_while_runs_are_merged(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    with (
        full_at(store.file.stat().st_size - 100),
        pytest.raises(StoreError, match=r"runs.parquet: File too large; make"),
    ):
        store.merge()
    assert not list(tmp_path.glob(".runs*"))
    assert read(tmp_path) == by_key(record(1), record(2))
    store.merge()
    assert read(tmp_path) == by_key(record(1), record(2))


def test_full_while_data_are_cached(tmp_path):
    with full_at(10_000), pytest.raises(DataError) as raised:
        cache.ensure("digits", cache_dir=tmp_path)
    message = str(raised.value)
    assert message.startswith(f"cannot write to the cache folder {tmp_path / 'digits'}: ")
    assert message.endswith("make room, or set CNN_STUDY_CACHE to another folder")
    assert len(message.splitlines()) == 1
    assert [path.name for path in (tmp_path / "digits").iterdir()] == [".lock"]
    cache.ensure("digits", cache_dir=tmp_path)
    assert cache.load("digits", cache_dir=tmp_path, offline=True).x_train.shape == (1437, 8, 8)


@pytest.mark.parametrize(
    "room", [pytest.param(0, id="at once", marks=pytest.mark.slow), pytest.param(150_000, id="later")]
)
def test_full_while_runs_are_mirrored(tmp_path, room):
    """What the database had is kept; the next mirror completes it without doubles."""
    file = tmp_path / "mlflow.db"
    client_of(f"sqlite:///{file}").search_experiments()
    outcome = evaluate(EXPERIMENT, design(), stored_runs())
    profiles = [f"p{number}" for number in range(6)]

    def mirror_all():
        for profile in profiles:
            mirrored(outcome, f"sqlite:///{file}", None, profile=profile)

    with full_at(file.stat().st_size + room if room else 1), pytest.raises(tracking.TrackingError) as raised:
        mirror_all()
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert str(file) in message
    assert "cnn-study sync" in message
    mirror_all()
    mirror = Mirror(f"sqlite:///{file}")
    assert (len(mirror.parents), len(mirror.children)) == (6, 60)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "what"), [(1000, "pending"), (12_000, "runs.parquet")])
def test_a_suite_on_a_full_disk_ends_in_one_line_and_goes_on_when_there_is_room(undisturbed, tmp_path, limit, what):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    cache.ensure("digits", cache_dir=tmp_path / "cache")
    line = complaint(start(tmp_path, short(tmp_path), small))
    assert line.startswith(f"cnn-study: cannot write {place(tmp_path)}")
    assert what in line
    assert line.endswith("make room or give --results another folder")
    kept, done = stored(tmp_path), len(journal(tmp_path))
    ended(start(tmp_path, bare(tmp_path)))
    assert not set(journal(tmp_path)[done:]) & set(kept)
    assert same_files(tmp_path, undisturbed)
    assert unfinished(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 100 kB, and what gives it more."""
    folder = tmp_path / "results"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if os.geteuid() or subprocess.run([*mount, "size=100k", "none", str(folder)], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder, lambda: subprocess.run([*mount, "remount,size=10m", "none", str(folder)], check=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_suite_that_fills_a_real_disk_goes_on_when_there_is_room(undisturbed, small_disk, tmp_path):
    _, grow = small_disk
    line = complaint(start(tmp_path, short(tmp_path)))
    assert "No space left on device; make room or give --results another folder" in line
    kept, done = stored(tmp_path), len(journal(tmp_path))
    assert kept
    grow()
    ended(start(tmp_path, bare(tmp_path)))
    assert not set(journal(tmp_path)[done:]) & set(kept)
    assert same_files(tmp_path, undisturbed)
    assert unfinished(tmp_path) == []
