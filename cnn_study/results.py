"""The store of finished runs: Parquet files in ``results/<profile>/``, from which everything else is made.

A finished run is first written to a file of its own in ``pending/`` and is safe from then on. At the end of an
execution the pending files are merged into ``runs.parquet``. Every file appears under its name only when it is
complete.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import filelock
import pyarrow as pa
import pyarrow.parquet as pq

from cnn_study.errors import InputError, StoreError
from cnn_study.spec import SEMANTICS, RunSpec

SCHEMA = 1
"""Version of the columns. Older files are read; newer ones are refused."""

_HISTORY = pa.struct(
    [
        ("metric", pa.string()),
        ("step", pa.int64()),
        ("epoch", pa.float64()),
        ("value", pa.float64()),
    ]
)
_COLUMNS = pa.schema(
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

Ended = Literal["target", "epochs", "diverged"]


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


class Store:
    """The runs of one profile.

    Args:
        folder: For example ``results/quick``. Made on the first write.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._records: dict[str, RunRecord] | None = None

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
        if self._records is None:
            files = [self.file] if self.file.exists() else []
            files += sorted(self.pending.glob("*.parquet"))
            self._records = {record.key: record for file in files for record in _read(file)}
        return self._records

    def add(self, record: RunRecord) -> None:
        """Keep a finished run. It is on disk when this returns.

        Raises:
            StoreError: It cannot be written.
        """
        _write([record], self.pending / f"{record.key}.parquet")
        if self._records is not None:
            self._records[record.key] = record

    def merge(self) -> None:
        """Gather the pending runs in one file, ordered by key, and remove theirs.

        Raises:
            StoreError: A file is damaged, or the runs cannot be written.
        """
        pending = sorted(self.pending.glob("*.parquet"))
        if not pending:
            return
        self._records = None  # Nothing is removed that has not been read.
        records = self.records()
        _write([records[key] for key in sorted(records)], self.file)
        for file in [*pending, *self.pending.glob(".*.parquet.*")]:  # Also what a killed process has left unfinished.
            file.unlink(missing_ok=True)
        self.pending.rmdir()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write: one process at a time.

        Raises:
            StoreError: Another process holds it, or the folder cannot be written to.
        """
        lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(
                f"another cnn-study writes to {self.folder}: wait for it, or give --results another folder"
            ) from None
        except OSError as error:
            raise StoreError(
                f"cannot write to {self.folder}: {error.strerror}; give --results another folder"
            ) from None
        try:
            self._records = None
            yield
        finally:
            lock.release()


def replace_file(path: Path, write) -> None:
    """Write a file under a temporary name beside it and rename it when it is complete and on disk.

    Args:
        path: The file.
        write: Called with the temporary path.

    Raises:
        StoreError: The disk is full, or the folder cannot be written to.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {path}: {reason}; make room or give --results another folder") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _write(records: list[RunRecord], path: Path) -> None:
    rows = [
        {
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
        for record in records
    ]
    table = pa.Table.from_pylist(rows, schema=_COLUMNS.with_metadata({"cnn_study_schema": str(SCHEMA)}))
    replace_file(
        path,
        lambda temporary: pq.write_table(table, temporary, compression="zstd", write_page_checksum=True),
    )


def _read(path: Path) -> Iterator[RunRecord]:
    remedy = "remove it and run again, or restore it (git checkout)"
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        version = int((table.schema.metadata or {}).get(b"cnn_study_schema", b"0"))
        found = list(table.schema)
        lacking = [column.name for column in _COLUMNS if column not in found]
        rows = [] if lacking else table.to_pylist(maps_as_pydicts="strict")
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StoreError(f"{path} is damaged ({str(error).splitlines()[0]}): {remedy}") from None
    if version > SCHEMA:
        raise StoreError(f"{path} was written by a newer cnn-study (schema {version}, known {SCHEMA}): upgrade it")
    if lacking or version < 1:
        raise StoreError(f"{path} is no file of runs (it lacks {', '.join(lacking) or 'its schema'}): {remedy}")
    for row in rows:
        if row["semantics"] != SEMANTICS:
            continue  # The same spec means another training by now: such a run answers no question any more.
        record = RunRecord(
            spec=_spec(row["spec"], path),
            ended=row["ended"],
            outcomes=row["outcomes"],
            history=tuple(Point(**point) for point in row["history"]),
            weights=row["weights"],
            environment=json.loads(row["environment"]),
            seconds=row["seconds"],
            finished_at=row["finished_at"],
        )
        if record.key != row["key"]:
            raise StoreError(f"{path}: the run {row['key']} does not have the key of its spec ({record.key}): {remedy}")
        yield record


def _spec(text: str, path: Path) -> RunSpec:
    try:
        return RunSpec.parse(text)
    except InputError as error:
        raise StoreError(f"{path} holds a run that this cnn-study cannot read ({error}): upgrade it") from None
