"""Processes of this machine: how many there is room for, how they start in any program, when they must end."""

import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import psutil

from cnn_study.errors import ExecutionError

SOCKET_PATH = 60
"""Bytes of a folder for temporary files in which multiprocessing can have sockets: a path of one has at most 104, on
macOS, of which it takes some forty."""

SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - only a folder of its own in them is used


def cores() -> int:
    """The cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    process = psutil.Process()
    return max(1, min(physical, len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else physical))


@contextmanager
def startable() -> Iterator[None]:
    """Let processes start inside the body whatever the program is: a script without a guard, a console, a notebook.

    They need nothing of it, and would run it again: multiprocessing imports the main module of the parent. The sockets
    through which they are started need a folder with a short path.

    Raises:
        ExecutionError: There is no such folder.
    """
    main, folder = sys.modules["__main__"], tempfile.tempdir
    sys.modules["__main__"] = ModuleType("__main__")
    tempfile.tempdir = _folder_for_sockets()
    try:
        yield
    finally:
        sys.modules["__main__"], tempfile.tempdir = main, folder


def _folder_for_sockets() -> str:
    usual = tempfile.gettempdir()
    for folder in (usual, *SHORT):
        if len(os.fsencode(folder)) <= SOCKET_PATH and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise ExecutionError(f"the path {usual} is too long for the sockets of processes: set TMPDIR to a shorter one")


def end_with_parent() -> None:
    """Let this process end when its parent is gone, whatever it does then: nobody would take what it makes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - it has been started by one
    parent.join()
    os._exit(1)
