"""Files that appear under their names only when they are complete, and folders that one process at a time writes to."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import filelock

from cnn_study.errors import StoreError

TEMPORARY = ".part"
"""The suffix of the names of unfinished files."""


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Replace a file of results as :func:`replace_whole` does.

    Args:
        path: The file to be written. Its folder is made.
        write: The function that writes it, called with the temporary path.

    Raises:
        StoreError: The disk is full, or the folder cannot be written to.
    """
    try:
        replace_whole(path, write)
    except OSError as error:
        reason = (error.strerror or str(error)).splitlines()[0]
        raise StoreError(f"cannot write {path}: {reason}; make room or give --results another folder") from None


def replace_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it and rename it when it is complete and on disk.

    Args:
        path: The file to be written. Its folder is made.
        write: The function that writes it, called with the temporary path.

    Raises:
        OSError: The disk is full, or the folder cannot be written to.
    """
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    temporary = Path(name)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # For others to see that it is not left over.
        write(temporary)
        os.fsync(handle)
        temporary.chmod(0o644)
        temporary.replace(path)
        for folder in (path.parent, *(each.parent for each in made)):
            _keep_names(folder)
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


def _keep_names(folder: Path) -> None:
    """Bring the names of files to disk: what is in a file is of no use after a power cut if its name is lost."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # Some network file systems have no such thing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the right to write to a folder, which is made: one process at a time.

    What killed processes have left unfinished is removed. Two locks are held: the lock file works on every file system,
    but can be deleted while a suite goes on; the folder itself cannot, but some network file systems do not lock it.

    Raises:
        StoreError: Another process holds it, or the folder cannot be written to.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(filelock.FileLock(folder / ".lock", timeout=0))
            held.enter_context(_locked(folder))
            _sweep(folder)
        except (filelock.Timeout, BlockingIOError):
            raise StoreError(
                f"another cnn-study writes to {folder}: wait for it, or give --results another folder"
            ) from None
        except OSError as error:
            raise StoreError(f"cannot write to {folder}: {error.strerror}; give --results another folder") from None
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
