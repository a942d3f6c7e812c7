import errno
import fcntl
import io
import json
import math
import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import filelock
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.errors import StoreError
from cnn_study.files import replace_file
from cnn_study.results import CheckRecord, Point, RunRecord, Store, form, parquet
from cnn_study.spec import CheckSpec, DataSpec, Dense, ModelSpec, RunSpec, Seeds, TrainSpec

NAN, INF = float("nan"), float("inf")


def run(seed=0, rate=0.01):
    model = ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=10, activation=None),))
    data = DataSpec(name="digits", content="0" * 64, train_size=100)
    train = TrainSpec(learning_rate=rate, epochs=3, batch_size=10)
    return RunSpec(data=data, model=model, train=train, seeds=Seeds.of(seed, model))


def record(seed=0, **changes):
    history = tuple(Point("train_error", step, step / 10, 1 / (seed + step)) for step in range(1, 31))
    fields = {
        "spec": run(seed),
        "ended": "epochs",
        "outcomes": {"epochs": 3.0, "test_error": 0.1 + seed / 100},
        "history": history,
        "weights": f"{seed:064x}",
        "environment": {"python": "3.12", "threads": "1"},
        "seconds": 1.5,
        "finished_at": "2026-01-02T03:04:05+00:00",
    }
    return RunRecord(**fields | changes)


def filled(folder, *seeds):
    """A store with merged runs."""
    store = Store(folder)
    for seed in seeds:
        store.add(record(seed))
    store.merge()
    return store


def read(folder):
    """What a new process would read."""
    return dict(Store(folder).records())


def by_key(*records):
    return {r.key: r for r in records}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def complaint(folder):
    """The error with which a store cannot be read."""
    with pytest.raises(StoreError) as raised:
        Store(folder).records()
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    return message


def rewritten(store, columns=None, metadata=None):
    """Write the merged file of a store again, with other columns or another schema number."""
    table = pq.read_table(store.file)
    for name, values in (columns or {}).items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, table.schema.field(name), [values])
    write(table, store.file, metadata or {"cnn_study_schema": str(parquet.SCHEMA)})


def write(table, path, metadata):
    """Write a table of whatever columns with a right digest."""
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
        writer.add_key_value_metadata({"cnn_study_sha256": 64 * "0"})
    path.write_bytes(parquet.sealed(content.getvalue()))


# --- round trip ---

numbers = st.floats(width=64)
points = st.builds(Point, st.text(max_size=5), st.integers(0, 2**53), numbers, numbers)
records = st.builds(
    record,
    seed=st.integers(0, 5),
    ended=st.sampled_from(["target", "epochs", "diverged"]),
    outcomes=st.dictionaries(st.text(max_size=5), numbers, max_size=4),
    history=st.lists(points, max_size=5).map(tuple),
    weights=st.text(max_size=5),
    environment=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    seconds=numbers,
)


def comparable(value):
    """A value in which numbers that are none equal each other and 0.0 does not equal -0.0."""
    if isinstance(value, RunRecord):
        return {name: comparable(getattr(value, name)) for name in vars(value)}
    if isinstance(value, Point):
        return comparable(tuple(value))
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [comparable(item) for item in value]
    return float(value).hex() if isinstance(value, float | int) else value


@settings(deadline=None, max_examples=50)
@given(records)
def test_a_record_is_read_as_it_was_written(tmp_path_factory, one):
    folder = tmp_path_factory.mktemp("store")
    Store(folder).add(one)
    assert comparable(read(folder)[one.key]) == comparable(one)
    Store(folder).merge()
    assert comparable(read(folder)[one.key]) == comparable(one)


def test_what_a_divergence_leaves_is_kept(tmp_path):
    values = [0.5, NAN, INF, -INF, 1e308, 5e-324]
    history = tuple(Point("train_loss", i, float(i), value) for i, value in enumerate(values))
    Store(tmp_path).add(record(ended="diverged", history=history, outcomes={"train_error": NAN}))
    kept = read(tmp_path)[run().key]
    epochs, read_values = kept.curve("train_loss")
    assert epochs == [0, 1, 2, 3, 4, 5]
    assert math.isnan(read_values[1])
    assert read_values[:1] + read_values[2:] == values[:1] + values[2:]
    assert math.isnan(kept.outcomes["train_error"])


def test_curve_is_that_of_one_metric():
    history = (Point("a", 0, 0.0, 1.0), Point("b", 1, 0.5, 2.0), Point("a", 2, 1.0, 3.0))
    assert record(history=history).curve("a") == ([0.0, 1.0], [1.0, 3.0])
    assert record(history=history).curve("c") == ([], [])


# --- adding and merging ---


def test_an_empty_store_has_no_runs_and_makes_no_folder(tmp_path):
    store = Store(tmp_path / "r")
    assert dict(store.records()) == {}
    store.merge()
    assert not store.folder.exists()


def test_an_added_run_is_read_by_another_store(tmp_path):
    store = Store(tmp_path / "r")
    assert store.records() == {}
    store.add(record(1))
    store.add(record(2))
    assert store.records() == read(store.folder) == by_key(record(1), record(2))


def test_an_added_run_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Flushed under the temporary name first: after a power cut the file is complete or not there."""
    happened = []

    def fsync(handle):
        found = os.fstat(handle)
        happened.append("names" if stat.S_ISDIR(found.st_mode) else ("flush", found.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda a, b: (happened.append(("rename", a.stat().st_size)), replace(a, b)))
    Store(tmp_path).add(record())
    (size,) = [path.stat().st_size for path in tmp_path.rglob("*.parquet")]
    # Those of its folder, and of the one in which that was made.
    assert happened == [("flush", size), ("rename", size), "names", "names"]


def test_merge_gathers_old_and_new_in_one_file(tmp_path):
    filled(tmp_path, 1, 2)
    store = Store(tmp_path)
    store.add(record(3))
    assert files(tmp_path) == [f"pending/{record(3).key}.parquet", "runs.parquet"]
    store.merge()
    assert files(tmp_path) == ["runs.parquet"]
    assert not store.pending.exists()
    assert read(tmp_path) == by_key(record(1), record(2), record(3)) == store.records()


def test_merge_does_not_remove_what_it_has_not_read(tmp_path):
    early = Store(tmp_path)
    assert early.records() == {}
    Store(tmp_path).add(record(1))
    early.merge()
    assert read(tmp_path) == by_key(record(1))


def test_a_run_added_again_replaces_the_old_one(tmp_path):
    filled(tmp_path, 1)
    again = record(1, seconds=9.0)
    Store(tmp_path).add(again)
    assert read(tmp_path) == by_key(again)
    Store(tmp_path).merge()
    assert read(tmp_path) == by_key(again)


def test_a_crash_between_writing_and_removing_leaves_no_duplicate(tmp_path, monkeypatch):
    store = filled(tmp_path, 1)
    store.add(record(2))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit):
            store.merge()
    assert {"runs.parquet", f"pending/{record(2).key}.parquet"} <= set(files(tmp_path))
    assert read(tmp_path) == by_key(record(1), record(2))
    Store(tmp_path).merge()
    assert files(tmp_path) == ["runs.parquet"]
    assert pq.read_metadata(store.file).num_rows == 2
    assert read(tmp_path) == by_key(record(1), record(2))


def test_unfinished_files_are_not_read_and_do_not_stop_a_merge(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    (tmp_path / ".runs.parquet.abcd1234").write_bytes(b"half of a file")
    (store.pending / f".{record(3).key}.parquet.abcd1234").write_bytes(b"half of a file")
    assert read(tmp_path) == by_key(record(1), record(2))
    Store(tmp_path).merge()
    assert read(tmp_path) == by_key(record(1), record(2))
    assert not store.pending.exists()


def test_a_file_of_another_program_does_not_stop_a_merge(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    (store.pending / ".DS_Store").write_bytes(b"of a file manager")
    store.merge()
    assert read(tmp_path) == by_key(record(1), record(2))
    assert files(tmp_path) == ["pending/.DS_Store", "runs.parquet"]


def test_the_same_runs_give_the_same_bytes_in_any_order(tmp_path):
    seeds = list(range(6))
    first = filled(tmp_path / "a", *seeds).file.read_bytes()
    at_once = filled(tmp_path / "b", *reversed(seeds)).file.read_bytes()
    for seed in random.Random(1).sample(seeds, 6):  # noqa: S311 - an order, no secret
        one_by_one = filled(tmp_path / "c", seed)
    assert first == at_once == one_by_one.file.read_bytes()


def test_the_order_of_names_does_not_change_the_bytes(tmp_path):
    for name, turn in (("a", list), ("b", lambda items: list(items)[::-1])):
        one = record(
            outcomes=dict(turn({"x": 1.0, "y": 2.0}.items())), environment=dict(turn({"p": "1", "q": "2"}.items()))
        )
        Store(tmp_path / name).add(one)
        Store(tmp_path / name).merge()
    assert (tmp_path / "a/runs.parquet").read_bytes() == (tmp_path / "b/runs.parquet").read_bytes()


def test_everybody_may_read_the_files(tmp_path):
    assert filled(tmp_path, 1).file.stat().st_mode & 0o777 == 0o644


THREADS = """
import os, sys
from pathlib import Path
from cnn_study.results import Store
count = lambda: len(os.listdir("/proc/self/task"))
before = count()
assert len(Store(Path(sys.argv[1])).records()) == 2
print(count() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted")
def test_reading_leaves_no_threads_that_could_abort_the_process_at_its_end(tmp_path):
    filled(tmp_path, 1, 2)
    answer = subprocess.run([sys.executable, "-c", THREADS, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout == "0\n"


# --- damaged and foreign files ---


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    store = filled(tmp_path, 1, 2)
    content = store.file.read_bytes()
    store.file.write_bytes(content[: int(share * len(content))])
    assert str(store.file) in complaint(tmp_path)


def test_a_damaged_pending_file_is_named(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    (bad,) = store.pending.glob("*")
    bad.write_bytes(bad.read_bytes()[:-1])
    message = complaint(tmp_path)
    assert str(bad) in message
    assert "is damaged" in message
    assert "remove it" in message


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_a_flipped_bit_is_refused_wherever_it_is(tmp_path, step):
    """In the pages, their headers, the footer, the digest or its name: without the digest some would go unnoticed."""
    store = filled(tmp_path, 1, 2)
    good = store.file.read_bytes()
    assert read(tmp_path) == by_key(record(1), record(2))
    for place in range(0, len(good), step):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        store.file.write_bytes(bad)
        message = complaint(tmp_path)
        assert message.startswith(f"{store.file} is damaged (")
        assert "remove it" in message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + 30 * b"\0" + b"PAR1", b"not\na Parquet file"])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "runs.parquet").write_bytes(content)
    assert str(tmp_path / "runs.parquet") in complaint(tmp_path)


def test_foreign_parquet_is_refused(tmp_path):
    pq.write_table(pa.table({"key": ["a"], "seconds": [1.0]}), tmp_path / "runs.parquet")
    message = complaint(tmp_path)
    assert f"{tmp_path}/runs.parquet is no file of runs" in message
    assert "history" in message
    assert "seconds" not in message


def test_our_columns_without_our_schema_are_refused(tmp_path):
    store = filled(tmp_path, 1)
    rewritten(store, metadata={"somebody": "else"})
    assert "it lacks its schema" in complaint(tmp_path)


def test_a_column_of_another_type_is_refused(tmp_path):
    store = filled(tmp_path, 1)
    table = pq.read_table(store.file)
    index = table.schema.get_field_index("seconds")
    metadata = {"cnn_study_schema": str(parquet.SCHEMA)}
    write(table.set_column(index, "seconds", [pa.array(["1.5"])]), store.file, metadata)
    assert "it lacks seconds" in complaint(tmp_path)


@pytest.mark.parametrize("number", ["3", "99"])
def test_a_newer_schema_is_refused(tmp_path, number):
    store = filled(tmp_path, 1)
    rewritten(store, metadata={"cnn_study_schema": number})
    message = complaint(tmp_path)
    assert f"{store.file} was written by a newer cnn-study (schema {number}, known {parquet.SCHEMA})" in message


def test_files_of_the_first_schema_are_read_and_written_anew_when_they_change(tmp_path):
    """They have no digest."""
    store = filled(tmp_path, 1)
    table = pq.read_table(store.file).replace_schema_metadata({"cnn_study_schema": "1"})
    pq.write_table(table, store.file)
    before = store.file.read_bytes()
    assert read(tmp_path) == by_key(record(1))
    Store(tmp_path).merge()
    assert store.file.read_bytes() == before
    filled(tmp_path, 2)
    assert read(tmp_path) == by_key(record(1), record(2))
    assert pq.read_metadata(store.file).metadata[b"cnn_study_schema"] == b"2"


def test_a_file_without_its_digest_is_refused(tmp_path):
    store = filled(tmp_path, 1)
    table = pq.read_table(store.file).replace_schema_metadata({"cnn_study_schema": str(parquet.SCHEMA)})
    pq.write_table(table, store.file)
    assert "is damaged (it lacks its digest)" in complaint(tmp_path)


def test_a_schema_number_that_is_none_is_refused(tmp_path):
    store = filled(tmp_path, 1)
    rewritten(store, metadata={"cnn_study_schema": "one"})
    assert "is damaged" in complaint(tmp_path)


def test_runs_of_other_semantics_are_passed_over(tmp_path, monkeypatch):
    store = filled(tmp_path, 1, 2)
    older, newer = sorted(read(tmp_path))
    rewritten(store, {"semantics": pa.array([form.SEMANTICS - 1, form.SEMANTICS])})
    assert list(read(tmp_path)) == [newer]
    monkeypatch.setattr(form, "SEMANTICS", form.SEMANTICS - 1)
    assert list(read(tmp_path)) == [older]


def test_a_run_whose_spec_is_another_is_refused(tmp_path):
    store = filled(tmp_path, 1)
    rewritten(store, {"spec": pa.array([run(2).model_dump_json()])})
    message = complaint(tmp_path)
    assert f"the key {run(1).key} is not that of its spec ({run(2).key})" in message


def test_a_spec_with_an_unknown_field_is_refused_with_the_file_named(tmp_path):
    store = filled(tmp_path, 1)
    spec = json.loads(run(1).model_dump_json())
    spec["train"]["nesterov"] = True
    rewritten(store, {"spec": pa.array([json.dumps(spec)])})
    message = complaint(tmp_path)
    assert message.startswith(str(store.file))
    assert "nesterov" in message


# --- checks ---


def check(name="sizes", agreeing=3.0, **changes):
    fields = {
        "spec": CheckSpec(check=name),
        "outcomes": {"cases": 3.0, "agreeing": agreeing},
        "table": ({"layer": "conv ü", "field": 3, "share": 0.1, "agrees": True}, {"layer": "dense", "share": NAN}),
        "environment": {"python": "3.12"},
        "seconds": 0.5,
        "finished_at": "2026-01-02T03:04:05+00:00",
    }
    return CheckRecord(**fields | changes)


def test_a_check_is_read_as_it_was_written(tmp_path):
    one, other = check(), check("costs", table=())
    store = Store(tmp_path)
    store.add_check(one)
    store.add_check(other)
    assert store.records() == {}
    for _ in range(2):
        kept = dict(Store(tmp_path).checks())
        assert set(kept) == {one.key, other.key}
        assert kept[other.key] == other
        assert comparable(kept[one.key].table) == comparable(one.table)
        assert type(kept[one.key].table[0]["agrees"]) is bool
        store.merge()
    assert files(tmp_path) == ["checks.parquet"]


def test_checks_and_runs_do_not_mix(tmp_path):
    store = filled(tmp_path, 1)
    store.add(record(2))
    store.add_check(check())
    assert read(tmp_path) == by_key(record(1), record(2))
    assert list(Store(tmp_path).checks()) == [check().key]
    store.merge()
    assert files(tmp_path) == ["checks.parquet", "runs.parquet"]
    shutil.copy(store.file, tmp_path / "checks.parquet")
    with pytest.raises(StoreError, match=r"checks\.parquet is no file of checks \(it lacks table"):
        Store(tmp_path).checks()


def test_a_check_of_another_version_is_another_check(tmp_path):
    store = Store(tmp_path)
    store.add_check(check())
    store.add_check(check(spec=CheckSpec(check="sizes", version=2), outcomes={"cases": 4.0, "agreeing": 4.0}))
    store.merge()
    assert {kept.spec.version: kept.outcomes["cases"] for kept in store.checks().values()} == {1: 3.0, 2: 4.0}


def test_a_damaged_file_of_checks_is_named(tmp_path):
    store = Store(tmp_path)
    store.add_check(check())
    store.merge()
    file = tmp_path / "checks.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"checks\.parquet is damaged .*remove it"):
        Store(tmp_path).checks()


def test_a_writer_sees_the_checks_that_others_wrote_before(tmp_path):
    store = Store(tmp_path)
    assert store.checks() == {}
    Store(tmp_path).add_check(check("costs", table=()))
    with store.writing():
        assert list(store.checks()) == [check("costs").key]


# --- writing ---

HOLD = """
import sys
from pathlib import Path
from cnn_study.results import Store
with Store(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_may_not_write_until_the_first_has_ended(tmp_path):
    folder = tmp_path / "results" / "quick"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another cnn-study writes to") as raised, Store(folder).writing():
            pytest.fail("both hold the right to write")
        assert str(folder) in str(raised.value)
        assert "--results" in str(raised.value)
        other.kill()
    with Store(folder).writing():
        pass


def test_without_the_lock_file_a_second_process_is_refused_too(tmp_path):
    with Store(tmp_path).writing():
        (tmp_path / ".lock").unlink()
        with pytest.raises(StoreError, match="another cnn-study writes to"), Store(tmp_path).writing():
            pytest.fail("both hold the right to write")
    with Store(tmp_path).writing():
        pass


def test_where_folders_cannot_be_locked_the_lock_file_has_to_do(tmp_path, monkeypatch):
    flock = fcntl.flock

    def without_folders(file, how):
        if isinstance(file, int) and os.path.samestat(os.fstat(file), tmp_path.stat()):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", without_folders)
    with (
        Store(tmp_path).writing(),
        pytest.raises(StoreError, match="another cnn-study writes to"),
        Store(tmp_path).writing(),
    ):
        pytest.fail("both hold the right to write")


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path):
    store = filled(tmp_path, 1)
    (tmp_path / "figures").mkdir()
    store.pending.mkdir()
    left = [tmp_path / ".runs.parquet.a.part", store.pending / ".k.parquet.b.part", tmp_path / "figures/.x.svg.c.part"]
    for path in left:
        path.write_bytes(b"half")
    other = Store(tmp_path)

    def write_slowly(temporary):
        temporary.write_bytes(b"whole")
        with other.writing():
            assert not [path for path in left if path.exists()]

    replace_file(tmp_path / "figures" / "y.svg", write_slowly)
    assert files(tmp_path) == [".lock", "figures/y.svg", "runs.parquet"]
    assert not store.pending.exists()
    assert read(tmp_path) == by_key(record(1))


def test_what_is_merged_while_it_is_read_is_read_from_where_it_went(tmp_path, monkeypatch):
    store = filled(tmp_path, 1)
    store.add(record(2))
    reader, read_bytes = Store(tmp_path), Path.read_bytes

    def after_a_merge(path):
        if path.parent == store.pending:
            monkeypatch.setattr(Path, "read_bytes", read_bytes)
            store.merge()
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", after_a_merge)
    assert reader.records() == by_key(record(1), record(2))


def test_a_pending_file_that_leads_nowhere_is_one_line(tmp_path):
    store = filled(tmp_path, 1)
    store.pending.mkdir()
    (store.pending / "lost.parquet").symlink_to(tmp_path / "nowhere")
    assert f"{store.pending} changes whenever it is read" in complaint(tmp_path)


def test_the_right_to_write_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), Store(tmp_path).writing():
        raise ZeroDivisionError
    with Store(tmp_path).writing(), pytest.raises(filelock.Timeout):
        filelock.FileLock(tmp_path / ".lock", timeout=0).acquire()


def test_a_writer_sees_what_others_wrote_before(tmp_path):
    store = Store(tmp_path)
    assert store.records() == {}
    filled(tmp_path, 1)
    with store.writing():
        assert store.records() == by_key(record(1))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to .*--results"), Store(tmp_path / "file" / "r").writing():
        pass
    with pytest.raises(StoreError, match=r"cannot write .*--results"):
        Store(tmp_path / "file").add(record())


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch):
    store = filled(tmp_path, 1)
    before = store.file.read_bytes()
    store.add(record(2))
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StoreError, match=r"cannot write .*runs.parquet: No space left on device; make room"):
        store.merge()
    with pytest.raises(StoreError, match=f"{record(3).key}.parquet: No space left"):
        store.add(record(3))
    assert store.file.read_bytes() == before
    assert files(tmp_path) == [f"pending/{record(2).key}.parquet", "runs.parquet"]
    assert read(tmp_path) == by_key(record(1), record(2)) == store.records()


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path):
    def write(temporary):
        temporary.write_bytes(b"some")
        full_disk()

    with pytest.raises(StoreError, match="No space left"):
        replace_file(tmp_path / "figure.png", write)
    assert files(tmp_path) == []


def test_an_interrupted_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    def write(temporary):
        temporary.write_bytes(b"new")
        raise KeyboardInterrupt

    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        replace_file(path, write)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["page.html"]


def test_a_copied_store_reads_the_same(tmp_path):
    """Nothing in it depends on where it lies, not even on a folder whose name looks like a partition."""
    filled(tmp_path / "a", 1, 2)
    shutil.copytree(tmp_path / "a", tmp_path / "seconds=3")
    assert read(tmp_path / "seconds=3") == by_key(record(1), record(2))


def test_the_name_of_a_file_is_brought_to_disk_too(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted(handle):
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    replace_file(tmp_path / "a.txt", lambda path: path.write_text("a"))
    assert synced == [False, True]


def test_a_file_system_that_brings_no_names_to_disk_will_do(tmp_path, monkeypatch):
    fsync = os.fsync

    def unable(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", unable)
    replace_file(tmp_path / "a.txt", lambda path: path.write_text("a"))
    assert (tmp_path / "a.txt").read_text() == "a"
