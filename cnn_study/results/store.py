"""The store of finished runs and checks: Parquet files in ``results/<profile>/``, from which everything else is made.

A finished run is first written to a file of its own in ``pending/`` and is safe from then on. At the end of an
execution the pending files are merged into ``runs.parquet``. Every file appears under its name only when it is
complete, and holds a digest of itself, so that damage is refused and never read as other numbers. Checks are kept in
the same way, in ``pending-checks/`` and ``checks.parquet``.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic

from cnn_study.errors import StoreError
from cnn_study.files import writing
from cnn_study.results.form import CHECKS, RUNS, Form, R
from cnn_study.results.parquet import read, write
from cnn_study.results.records import CheckRecord, RunRecord

READINGS = 10
"""Largest number of times that a folder is read anew while another process merges files in it."""


class _Shelf(Generic[R]):
    """The records of one kind: those in one file, and those that wait to be merged into it."""

    def __init__(self, form: Form[R], file: Path, pending: Path):
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
                    return {record.key: record for file in files for record in read(file, self.form)}
            except FileNotFoundError:
                continue  # It has been merged meanwhile.
        raise StoreError(f"{self.pending} changes whenever it is read: try again when no cnn-study writes to it")

    def add(self, record: R) -> None:
        write([record], self.pending / f"{record.key}.parquet", self.form)
        if self._records is not None:
            self._records[record.key] = record

    def merge(self) -> None:
        pending = sorted(self.pending.glob("*.parquet"))
        if not pending:
            return
        self.forget()  # Nothing is removed that has not been read.
        records = self.records()
        write([records[key] for key in sorted(records)], self.file, self.form)
        for file in [*pending, *self.pending.glob(".*.parquet.*")]:  # Also what a killed process has left unfinished.
            file.unlink(missing_ok=True)
        with suppress(OSError):  # Another program may keep a file there, as file managers do: nothing depends on it.
            self.pending.rmdir()

    def sweep(self) -> None:
        """Remove the folder of pending files if a killed process has only emptied it."""
        if self.pending.is_dir() and not any(self.pending.iterdir()):
            self.pending.rmdir()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while records are made: all stay, and of thousands of runs it would take seconds."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Store:
    """The runs and checks of one profile.

    Args:
        folder: The folder of the profile, for example ``results/quick``. It is made on the first write.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._runs = _Shelf(RUNS, self.file, self.pending)
        self._checks = _Shelf(CHECKS, folder / "checks.parquet", folder / "pending-checks")

    @property
    def there(self) -> bool:
        """Whether the folder holds files of a store, whatever is in them."""
        shelves = self._runs, self._checks
        return any(path.exists() for shelf in shelves for path in (shelf.file, shelf.pending))

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
            StoreError: The record cannot be written.
        """
        self._runs.add(record)

    def add_check(self, record: CheckRecord) -> None:
        """Keep a finished check. It is on disk when this returns.

        Raises:
            StoreError: The record cannot be written.
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
        with writing(self.folder):
            try:
                self._runs.sweep()
                self._checks.sweep()
            except OSError as error:
                raise StoreError(
                    f"cannot write to {self.folder}: {error.strerror}; give --results another folder"
                ) from None
            self._runs.forget()
            self._checks.forget()
            yield
