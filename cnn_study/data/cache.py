"""The local cache: decoded arrays as memory-mapped ``.npy`` files that have been compared with their hashes.

Every data set has a folder with its arrays and a stamp, written last, that says which files were found right. Loading
trusts a stamp as long as sizes and modification times are those it names; otherwise the files are hashed again.
"""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib.format import open_memmap
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from cnn_study.data import registry
from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset, Progress, SourceUnavailable, described, parsed
from cnn_study.data.sources.layouts import UNREADABLE
from cnn_study.data.sources.places import DATA_PATH
from cnn_study.errors import CacheError, DataError
from cnn_study.files import TEMPORARY, replace_whole
from cnn_study.places import CACHE_PATH, cache_folder

STAMP = "verified.json"
DESCRIPTION = "dataset.json"
"""The name of the file that describes a data set of the user's own, beside its arrays."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrays:
    """A data set, mapped from the cache or in memory; nobody can write to the arrays.

    Attributes:
        dataset: The facts about the data set.
        x_train: Training images, ``(examples, height, width[, channels])``, uint8.
        y_train: Their class numbers, ``(examples,)``, uint8.
        x_test: Test images, with the axes of ``x_train``.
        y_test: Their class numbers, ``(examples,)``, uint8.
    """

    dataset: Dataset
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load(
    data: str | Dataset, *, cache_dir: Path | None = None, offline: bool = False, progress: Progress | None = None
) -> Arrays:
    """The arrays of a data set, fetched if they are not cached. Takes the arguments and raises the errors of `ensure`.

    An embedded data set is loaded even if the cache cannot be written.
    """
    dataset = _dataset(data, cache_dir)
    try:
        folder = ensure(dataset, cache_dir=cache_dir, offline=offline, progress=progress)
    except CacheError:
        if not dataset.embedded:
            raise
        with tempfile.TemporaryDirectory() as workdir:
            arrays = _fetch(dataset, Path(workdir), [], progress or _silent)
    else:
        arrays = {array: open_memmap(_file(folder, array), mode="r") for array in ARRAYS}
    for array in arrays.values():
        array.flags.writeable = False
    return Arrays(dataset, **arrays)


def ensure(
    data: str | Dataset, *, cache_dir: Path | None = None, offline: bool = False, progress: Progress | None = None
) -> Path:
    """Fetch a data set unless it is cached and right. Of processes that ask at once, one fetches and the others wait.

    Args:
        data: The data set, or the name of one that comes with the suite or that the cache has a description of.
        cache_dir: The cache; ``None``: :func:`~cnn_study.places.cache_folder`.
        offline: Ask no source but the cache, as a worker does whose parent has fetched the data.
        progress: Called with the progress of a fetch; ``None``: nothing is shown.

    Returns:
        The folder with its arrays.

    Raises:
        InputError: There is no such data set.
        DataError: No source has it, or the cache cannot be written.
    """
    dataset, progress = _dataset(data, cache_dir), progress or _silent
    folder = (cache_dir or cache_folder()) / dataset.name
    if _stamped(folder, dataset):
        return folder
    with _writing(folder, dataset, progress):
        if not _stamped(folder, dataset):
            try:
                stamp = _checked(folder, dataset, progress)
            except SourceUnavailable as unavailable:
                stamp = _refill(folder, dataset, str(unavailable), offline, progress)
            replace_whole(folder / STAMP, lambda file: file.write_text(json.dumps(stamp, indent=1), encoding="utf-8"))
    return folder


class DownloadProgress:
    """A bar on the terminal for what is being fetched; nothing where there is no terminal.

    Use it as a context manager and pass it as ``progress``.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task: TaskID | None = None
        self._description = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def __call__(self, description: str, done: int, total: int | None) -> None:
        """Show ``done`` of ``total`` bytes; where ``total`` is ``None``, the bar pulses."""
        if self._task is None or description != self._description:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._description = self._bar.add_task(description, total=total), description
        self._bar.update(self._task, completed=done, total=total)


def _dataset(data: str | Dataset, cache_dir: Path | None) -> Dataset:
    """The data set of a name: one that comes with the suite, or one of the user's, as described in the cache."""
    if isinstance(data, Dataset):
        return data
    if data in registry.DATASETS:
        return registry.DATASETS[data]
    try:
        return parsed(json.loads(((cache_dir or cache_folder()) / data / DESCRIPTION).read_bytes()))
    except (OSError, ValueError):
        return registry.get(data)  # It says that there is none.


def _silent(description: str, done: int, total: int | None) -> None:
    """Show no progress."""


def _file(folder: Path, array: str) -> Path:
    return folder / f"{array}.npy"


def _stamp(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """What the stamp says if the files are right as they are now."""
    files = {}
    for array, info in dataset.arrays.items():
        status = _file(folder, array).stat()
        files[array] = {"sha256": info.sha256, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    return {"digest": dataset.digest, "files": files}


def _stamped(folder: Path, dataset: Dataset) -> bool:
    try:
        return json.loads((folder / STAMP).read_bytes()) == _stamp(folder, dataset)
    except (OSError, ValueError):
        return False


def _checked(folder: Path, dataset: Dataset, progress: Progress) -> dict[str, Any]:
    """Hash the cached files: their stamp. A wrong file is named and removed.

    Raises:
        SourceUnavailable: A file is missing or wrong.
    """
    if missing := [array for array in dataset.arrays if not _file(folder, array).exists()]:
        raise SourceUnavailable(f"it holds no {', '.join(missing)}")
    progress(f"checking the cached {dataset.title}", 0, None)
    stamp = _stamp(folder, dataset)
    for array, info in dataset.arrays.items():
        path = _file(folder, array)
        try:
            problem = mismatch(info, open_memmap(path, mode="r"))
        except UNREADABLE as error:
            problem = f"cannot be read: {error}"
        if problem:
            path.unlink()
            log.warning("removed the cached file %s: %s", path, problem)
            raise SourceUnavailable(f"{path.name} was refused and removed: {problem}")
    return stamp


def mismatch(info: ArrayInfo, array: np.ndarray) -> str | None:
    """What is wrong with the shape, type or hash of an array; ``None`` if nothing is."""
    if (array.shape, array.dtype.name) != (info.shape, info.dtype):
        return f"wrong shape: expected {info.dtype} {info.shape}, got {array.dtype.name} {array.shape}"
    sha256 = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    return None if sha256 == info.sha256 else f"wrong hash: expected {info.sha256}, got {sha256}"


def _refill(folder: Path, dataset: Dataset, reason: str, offline: bool, progress: Progress) -> dict[str, Any]:
    """Fetch the arrays, which the cache lacks for a reason, and write them into it: their stamp."""
    if offline and not dataset.embedded:
        remedy = "name the folder of its images, --data FOLDER" if dataset.own else "fetch it while online"
        raise DataError(f"{dataset.title} cannot be had from the cache {folder}: {reason}; {remedy}")
    _sweep(folder)
    arrays = _fetch(dataset, folder, [(f"cache {folder}", reason)], progress)
    progress(f"caching {dataset.title}", 0, None)
    for name, array in arrays.items():
        replace_whole(_file(folder, name), partial(_save, array))
    if dataset.own:
        description = json.dumps(described(dataset), indent=1)
        replace_whole(folder / DESCRIPTION, lambda file: file.write_text(description, encoding="utf-8"))
    return _stamp(folder, dataset)


def _fetch(dataset: Dataset, place: Path, failures: list[tuple[str, str]], progress: Progress) -> dict[str, np.ndarray]:
    """The arrays from the first source that has the right ones. Sources work in temporary folders in ``place``."""
    for source in dataset.sources:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=place) as workdir:
            try:
                arrays = source.fetch(dataset, Path(workdir), progress)
                _compare(dataset, arrays)
            except SourceUnavailable as unavailable:
                failures.append((source.name, str(unavailable)))
            else:
                return {name: np.ascontiguousarray(arrays[name]) for name in ARRAYS}
    raise DataError(_nowhere(dataset, failures))


def _compare(dataset: Dataset, arrays: Mapping[str, np.ndarray]) -> None:
    for name, info in dataset.arrays.items():
        if problem := mismatch(info, arrays[name]):
            raise SourceUnavailable(f"{name}: {problem}")


def _nowhere(dataset: Dataset, failures: list[tuple[str, str]]) -> str:
    tried = "\n".join(f"  - {name}: {reason}" for name, reason in failures)
    if dataset.own:
        return (
            f"{dataset.title} cannot be had. Tried:\n{tried}\nWhat to do: name the folder of its images, --data FOLDER."
        )
    return (
        f"{dataset.title} cannot be had. Tried in this order:\n{tried}\n"
        f"What to do: go online, set {DATA_PATH} to a folder with the official files, "
        "or run on the embedded digits with --stand-in digits."
    )


def _sweep(folder: Path) -> None:
    """Remove what fetches left that were killed; the lock is ours."""
    for path in folder.glob(".fetch-*"):
        shutil.rmtree(path)
    for path in folder.glob(f"*{TEMPORARY}"):
        path.unlink()


def _save(array: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:  # Given a path, NumPy would add a suffix to it.
        np.save(file, array, allow_pickle=False)


@contextmanager
def _writing(folder: Path, dataset: Dataset, progress: Progress) -> Iterator[None]:
    """Hold the lock of a data set; complaints of the file system become one line with the remedy."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            progress(f"waiting for another process to fetch {dataset.title}", 0, None)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        reason = error.strerror or str(error)
        raise CacheError(
            f"cannot write to the cache folder {folder}: {reason}; make room, or set {CACHE_PATH} to another folder"
        ) from error
