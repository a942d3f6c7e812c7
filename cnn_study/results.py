"""The store of finished runs and checks: Parquet files in ``results/<profile>/``, from which everything else is made.

A finished run is first written to a file of its own in ``pending/`` and is safe from then on. At the end of an
execution the pending files are merged into ``runs.parquet``. Every file appears under its name only when it is
complete, and holds a digest of itself, so that damage is refused and never read as other numbers. Checks are kept in
the same way, in ``pending-checks/`` and ``checks.parquet``.
"""

import errno
import fcntl
import gc
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

import filelock
import pyarrow as pa
import pyarrow.parquet as pq

from cnn_study.errors import DamagedError, InputError, StoreError
from cnn_study.spec import SEMANTICS, CheckSpec, RunSpec

SCHEMA = 2
"""Version of the files. Older ones are read; newer ones are refused. Since 2 they hold a digest of themselves."""

_HISTORY = pa.struct(
    [
        ("metric", pa.string()),
        ("step", pa.int64()),
        ("epoch", pa.float64()),
        ("value", pa.float64()),
    ]
)
_RUN_COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("semantics", pa.int64()),
        ("spec", pa.string()),
        ("ended", pa.string()),
        ("outcomes", pa.map_(pa.string(), pa.float64())),
        ("history", pa.list_(_HISTORY)),
        ("weights", pa.string()),
        ("environment", pa.string()),
        ("seconds", pa.float64()),
        ("finished_at", pa.string()),
    ]
)

_CHECK_COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("spec", pa.string()),
        ("outcomes", pa.map_(pa.string(), pa.float64())),
        ("table", pa.string()),
        ("environment", pa.string()),
        ("seconds", pa.float64()),
        ("finished_at", pa.string()),
    ]
)

READINGS = 10
"""How often a folder is read anew in which another process merges files meanwhile."""

TEMPORARY = ".part"
"""How the names of unfinished files end."""

Ended = Literal["target", "epochs", "diverged"]
Cell = str | int | float | bool


@dataclass(frozen=True)
class Point:
    """One measured value of a run.

    Attributes:
        metric: What was measured, for example ``train_error``.
        step: Optimizer steps taken before.
        epoch: The same in passes over the training examples.
        value: The number; not finite after a divergence.
    """

    metric: str
    step: int
    epoch: float
    value: float


@dataclass(frozen=True)
class RunRecord:
    """What a run has left.

    Attributes:
        spec: What was run.
        ended: Why it ended: at its ``target``, after its ``epochs``, or it ``diverged``. All three are outcomes.
        outcomes: Numbers of the finished run: ``test_error``, ``epochs``, ``steps``, ...
        history: Measured values in the order of their measurement.
        weights: SHA-256 over the final weights.
        environment: Versions, machine, threads and switches that can change bits.
        seconds: Wall time of the training.
        finished_at: ISO 8601, UTC.
    """

    spec: RunSpec
    ended: Ended
    outcomes: Mapping[str, float]
    history: tuple[Point, ...]
    weights: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""

    @property
    def key(self) -> str:
        """The key of its spec."""
        return self.spec.key

    def curve(self, metric: str) -> tuple[list[float], list[float]]:
        """Epochs and values of one metric."""
        points = [point for point in self.history if point.metric == metric]
        return [point.epoch for point in points], [point.value for point in points]


@dataclass(frozen=True)
class CheckRecord:
    """What an exact check has found.

    Attributes:
        spec: What was checked.
        outcomes: Numbers of the finished check: ``cases``, ``agreeing``, and those that summarize its table.
        table: Rows for figures: a case or a summary each, with columns of the check's own.
        environment: Versions, machine, threads and switches that can change bits.
        seconds: Wall time of the check.
        finished_at: ISO 8601, UTC.
    """

    spec: CheckSpec
    outcomes: Mapping[str, float]
    table: tuple[Mapping[str, Cell], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""

    @property
    def key(self) -> str:
        """The key of its spec."""
        return self.spec.key


R = TypeVar("R", RunRecord, CheckRecord)


@dataclass(frozen=True)
class _Form(Generic[R]):
    """How records of one kind are written.

    Attributes:
        kind: What they are, in the plural: the name of their file.
        columns: Of their table.
        row: The row of a record.
        record: The record of a row; ``None`` if it answers no question any more.
    """

    kind: str
    columns: pa.Schema
    row: Callable[[R], dict[str, Any]]
    record: Callable[[dict[str, Any]], R | None]


class _Shelf(Generic[R]):
    """The records of one kind: those in one file, and those that wait to be merged into it."""

    def __init__(self, form: _Form[R], file: Path, pending: Path):
        self.form, self.file, self.pending = form, file, pending
        self._records: dict[str, R] | None = None

    def forget(self) -> None:
        """Read again when asked next."""
        self._records = None

    def records(self) -> Mapping[str, R]:
        if self._records is None:
            self._records = self._read()
        return self._records

    def _read(self) -> dict[str, R]:
        for _ in range(READINGS):
            # In this order: what another process merges after the list was made is in the file by then.
            pending = sorted(self.pending.glob("*.parquet"))
            files = [self.file, *pending] if self.file.exists() else pending
            try:
                with _uncollected():
                    return {record.key: record for file in files for record in _read(file, self.form)}
            except FileNotFoundError:
                continue  # It has been merged meanwhile.
        raise StoreError(f"{self.pending} changes whenever it is read: try again when no cnn-study writes to it")

    def add(self, record: R) -> None:
        _write([record], self.pending / f"{record.key}.parquet", self.form)
        if self._records is not None:
            self._records[record.key] = record

    def merge(self) -> None:
        pending = sorted(self.pending.glob("*.parquet"))
        if not pending:
            return
        self.forget()  # Nothing is removed that has not been read.
        records = self.records()
        _write([records[key] for key in sorted(records)], self.file, self.form)
        for file in [*pending, *self.pending.glob(".*.parquet.*")]:  # Also what a killed process has left unfinished.
            file.unlink(missing_ok=True)
        self.pending.rmdir()

    def sweep(self) -> None:
        """Remove the folder of pending files if a killed process has only emptied it."""
        if self.pending.is_dir() and not any(self.pending.iterdir()):
            self.pending.rmdir()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while records are made, nor among them later.

    All of them stay, and with thousands of runs it takes seconds to look through them again and again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


class Store:
    """The runs and checks of one profile.

    Args:
        folder: For example ``results/quick``. Made on the first write.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._runs = _Shelf(_RUNS, self.file, self.pending)
        self._checks = _Shelf(_CHECKS, folder / "checks.parquet", folder / "pending-checks")

    @property
    def file(self) -> Path:
        """The merged runs."""
        return self.folder / "runs.parquet"

    @property
    def pending(self) -> Path:
        """Where finished runs wait to be merged."""
        return self.folder / "pending"

    def records(self) -> Mapping[str, RunRecord]:
        """All finished runs by key.

        Raises:
            StoreError: A file is damaged or was written by a newer version.
        """
        return self._runs.records()

    def checks(self) -> Mapping[str, CheckRecord]:
        """All finished checks by key.

        Raises:
            StoreError: A file is damaged or was written by a newer version.
        """
        return self._checks.records()

    def add(self, record: RunRecord) -> None:
        """Keep a finished run. It is on disk when this returns.

        Raises:
            StoreError: It cannot be written.
        """
        self._runs.add(record)

    def add_check(self, record: CheckRecord) -> None:
        """Keep a finished check. It is on disk when this returns.

        Raises:
            StoreError: It cannot be written.
        """
        self._checks.add(record)

    def merge(self) -> None:
        """Gather what is pending, runs in one file and checks in another, ordered by key, and remove the pending files.

        Raises:
            StoreError: A file is damaged, or the records cannot be written.
        """
        self._runs.merge()
        self._checks.merge()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write: one process at a time. What killed processes have left unfinished is removed.

        Raises:
            StoreError: Another process holds it, or the folder cannot be written to.
        """
        with ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(filelock.FileLock(self.folder / ".lock", timeout=0))
                held.enter_context(_locked(self.folder))
                _sweep(self.folder)
                self._runs.sweep()
                self._checks.sweep()
            except (filelock.Timeout, BlockingIOError):
                raise StoreError(
                    f"another cnn-study writes to {self.folder}: wait for it, or give --results another folder"
                ) from None
            except OSError as error:
                raise StoreError(
                    f"cannot write to {self.folder}: {error.strerror}; give --results another folder"
                ) from None
            self._runs.forget()
            self._checks.forget()
            yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder itself, since a lock file can be deleted while a suite goes on.

    Raises:
        BlockingIOError: Another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems lock files only: there the lock file has to do.
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP):
                raise
        yield
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of processes that were killed. Those of living ones are locked, and stay."""
    for path in folder.rglob(f".*{TEMPORARY}"):
        with suppress(BlockingIOError, FileNotFoundError), path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def replace_file(path: Path, write) -> None:
    """Write a file under a temporary name beside it and rename it when it is complete and on disk.

    Args:
        path: The file.
        write: Called with the temporary path.

    Raises:
        StoreError: The disk is full, or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
        temporary = Path(name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # For others to see that it is not left over.
            write(temporary)
            os.fsync(handle)
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            os.close(handle)
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).splitlines()[0]
        raise StoreError(f"cannot write {path}: {reason}; make room or give --results another folder") from None


def _write(records: list[R], path: Path, form: _Form[R]) -> None:
    schema = form.columns.with_metadata({"cnn_study_schema": str(SCHEMA)})
    table = pa.Table.from_pylist([form.row(record) for record in records], schema=schema)
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(content, schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_SEAL.decode(): _UNSEALED.decode()})
    sealed = _sealed(content.getvalue().to_pybytes())
    replace_file(path, lambda temporary: temporary.write_bytes(sealed))


_SEAL = b"cnn_study_sha256"
_UNSEALED = 64 * b"0"


def _sealed(content: bytes) -> bytes:
    """A Parquet file with its SHA-256 in the place kept for it in its footer; the digest is taken with zeros there."""
    place = _place_of_seal(content)
    digest = hashlib.sha256(content[: place.start] + _UNSEALED + content[place.stop :]).hexdigest()
    return content[: place.start] + digest.encode() + content[place.stop :]


def _place_of_seal(content: bytes) -> slice:
    """Where the digest is: behind its name, with two bytes for its type and length between. Empty if there is none."""
    name = content.rfind(_SEAL)
    start = name + len(_SEAL) + 2
    return slice(start, start + len(_UNSEALED)) if name >= 0 else slice(0, 0)


_REMEDY = "remove it and run again, or restore it (git checkout)"


def _read(path: Path, form: _Form[R]) -> Iterator[R]:
    try:
        content = path.read_bytes()
        has_seal = _SEAL in content
        if has_seal and content != _sealed(content):
            raise ValueError("its digest is another")
        # Without threads: Arrow's may abort a process that ends soon after (apache/arrow#34314).
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True, pre_buffer=False) as file:
            table = file.read(use_threads=False)
        version = int((table.schema.metadata or {}).get(b"cnn_study_schema", b"0"))
        if version == SCHEMA and not has_seal:
            raise ValueError("it lacks its digest")
        found = list(table.schema)
        lacking = [column.name for column in form.columns if column not in found]
        rows = [] if lacking else table.to_pylist(maps_as_pydicts="strict")
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise DamagedError(f"{path} is damaged ({_first_line(error)}): {_REMEDY}") from None
    if version > SCHEMA:
        raise DamagedError(f"{path} was written by a newer cnn-study (schema {version}, known {SCHEMA}): upgrade it")
    if lacking or version < 1:
        raise DamagedError(
            f"{path} is no file of {form.kind} (it lacks {', '.join(lacking) or 'its schema'}): {_REMEDY}"
        )
    for row in rows:
        try:
            record = form.record(row)
        except InputError as error:
            raise DamagedError(
                f"{path} holds {form.kind} that this cnn-study cannot read ({error}): upgrade it"
            ) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise DamagedError(f"{path} is damaged ({_first_line(error)}): {_REMEDY}") from None
        if record is None:
            continue
        if record.key != row["key"]:
            raise DamagedError(f"{path}: the key {row['key']} is not that of its spec ({record.key}): {_REMEDY}")
        yield record


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _whole(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, of which no part is missing.

    Raises:
        ValueError: One is.
    """
    points = row.get("history") or ()
    parts = [row, row["outcomes"] or {}, *(point or {"point": None} for point in points)]
    if gaps := [name for part in parts for name, value in part.items() if value is None]:
        raise ValueError(f"no {gaps[0]}")
    return row


def _words(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("the environment is no list of words")
    return found


def _cells(text: str) -> tuple[dict[str, Cell], ...]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("the table is no list of rows")
    if not all(isinstance(cell, Cell) for row in found for cell in row.values()):
        raise ValueError("a cell of the table is neither word nor number")
    return tuple(found)


def _run_row(record: RunRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "semantics": SEMANTICS,
        "spec": record.spec.model_dump_json(),
        "ended": record.ended,
        "outcomes": sorted(record.outcomes.items()),
        "history": [vars(point) for point in record.history],
        "weights": record.weights,
        "environment": json.dumps(dict(record.environment), sort_keys=True),
        "seconds": record.seconds,
        "finished_at": record.finished_at,
    }


def _run_record(row: dict[str, Any]) -> RunRecord | None:
    if row["semantics"] != SEMANTICS:
        return None  # The same spec means another training by now.
    _whole(row)
    if row["ended"] not in get_args(Ended):
        raise ValueError(f"a run ended as {row['ended']!r}")
    return RunRecord(
        spec=RunSpec.parse(row["spec"]),
        ended=row["ended"],
        outcomes=row["outcomes"],
        history=tuple(Point(**point) for point in row["history"]),
        weights=row["weights"],
        environment=_words(row["environment"]),
        seconds=row["seconds"],
        finished_at=row["finished_at"],
    )


def _check_row(record: CheckRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "spec": record.spec.model_dump_json(),
        "outcomes": sorted(record.outcomes.items()),
        "table": json.dumps([dict(row) for row in record.table]),
        "environment": json.dumps(dict(record.environment), sort_keys=True),
        "seconds": record.seconds,
        "finished_at": record.finished_at,
    }


def _check_record(row: dict[str, Any]) -> CheckRecord:
    _whole(row)
    return CheckRecord(
        spec=CheckSpec.parse(row["spec"]),
        outcomes=row["outcomes"],
        table=_cells(row["table"]),
        environment=_words(row["environment"]),
        seconds=row["seconds"],
        finished_at=row["finished_at"],
    )


_RUNS = _Form("runs", _RUN_COLUMNS, _run_row, _run_record)
_CHECKS = _Form("checks", _CHECK_COLUMNS, _check_row, _check_record)
