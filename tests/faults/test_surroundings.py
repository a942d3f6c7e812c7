"""A home that takes no files, a second suite on the same store, a clock that was set back."""

import os
import signal
import time
from dataclasses import replace

import light
import psutil
import pytest
from suites import bare, complaint, ended, journal, place, same_files, short, start, stored, unfinished

from cnn_study.results import RunRecord, Store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    ended(start(folder, bare(folder)))
    return folder


HOME = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "MPLCONFIGDIR": "", "CNN_STUDY_CACHE": ""}


def test_a_home_that_takes_no_files(tmp_path):
    line = complaint(start(tmp_path, short(tmp_path, cache=None), **HOME))
    assert line.startswith("cnn-study: cannot write to the cache folder /proc/nowhere/.cache/cnn_study/digits: ")
    assert line.endswith("; make room, or set CNN_STUDY_CACHE to another folder")
    assert stored(tmp_path) == {}


@pytest.mark.slow
def test_a_home_that_takes_no_files_with_a_cache_elsewhere(undisturbed, tmp_path):
    ended(start(tmp_path, short(tmp_path, cache=None), **HOME | {"CNN_STUDY_CACHE": str(tmp_path / "cache")}))
    assert same_files(tmp_path, undisturbed)


def test_a_second_suite_is_refused_even_without_the_lock_file_and_the_first_can_be_ended(undisturbed, tmp_path):
    first = start(tmp_path, short(tmp_path), **{light.SECONDS: "1"})
    deadline = time.monotonic() + 60
    while len(list(place(tmp_path).glob("pending/*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    (place(tmp_path) / ".lock").unlink()
    line = complaint(start(tmp_path, short(tmp_path)))
    assert line.startswith(f"cnn-study: another cnn-study writes to {place(tmp_path)}: wait for it, or give --results")
    workers = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGTERM)
    assert f"{len(Store(place(tmp_path)).records())} finished runs are stored" in ended(first, 130)
    assert not psutil.wait_procs(workers, timeout=10)[1]
    kept, done = stored(tmp_path), len(journal(tmp_path))
    ended(start(tmp_path, bare(tmp_path)))
    assert not set(journal(tmp_path)[done:]) & set(kept)
    assert same_files(tmp_path, undisturbed)
    assert unfinished(tmp_path) == []


def test_a_clock_that_was_set_back(undisturbed, tmp_path):
    """Half of the runs were finished in what is now the future."""
    store, later = Store(place(tmp_path)), time.time() + 10 * 365 * 86_400
    done = list(stored(undisturbed).values())[::2]
    for record in done:
        dated = replace(record, finished_at="2040-01-02T03:04:05+00:00")
        (store.add if isinstance(record, RunRecord) else store.add_check)(dated)
    for path in [*tmp_path.rglob("*")]:
        os.utime(path, (later, later))
    ended(start(tmp_path, bare(tmp_path)))
    assert not set(journal(tmp_path)) & {record.key for record in done}
    after = stored(tmp_path)
    assert {record.key for record in after.values() if record.finished_at} == {record.key for record in done}
    assert {key: replace(record, finished_at="") for key, record in after.items()} == stored(undisturbed)
    assert unfinished(tmp_path) == []
