"""Processes of this machine: how many there is room for, how they start in any program, when they must end."""

import math
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil

from cnn_study.errors import ExecutionError

SOCKET_PATH = 60
"""Bytes of a folder for temporary files in which multiprocessing can have sockets: a path of one has at most 104, on
macOS, of which it takes some forty."""

SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - only a folder of its own in them is used


CONTROL_GROUPS = Path("/sys/fs/cgroup")
"""Where Linux keeps the limits of groups of processes, such as those of a container."""

OF_THIS_PROCESS = Path("/proc/self/cgroup")
"""Names the groups that this process belongs to."""


def cores() -> int:
    """The cores that this process may use: no more than a container has the time of."""
    physical = psutil.cpu_count(logical=False) or 1
    process = psutil.Process()
    allowed = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else physical
    quotas = (
        _numbers(2, group, *names)
        for group in _groups("cpu")
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    )
    limits = (math.ceil(quota / period) for quota, period in filter(None, quotas) if quota > 0 and period > 0)
    return max(1, min(physical, allowed, *limits))


def memory() -> int:
    """The bytes of memory that this process may use: those of the machine, or fewer that a container has."""
    names = "memory.max", "memory.limit_in_bytes"
    limits = (_numbers(1, group, name) for group in _groups("memory") for name in names)
    return min([psutil.virtual_memory().total, *(limit for (limit,) in filter(None, limits))])


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the groups that this process belongs to, from its own up to that of all; none but on Linux.

    Version 2 has one tree of groups, version 1 one for each controller. In a container its own group may be the root of
    the tree, whatever its name is outside.

    Args:
        controller: What is limited: ``cpu`` or ``memory``.
    """
    try:
        lines = OF_THIS_PROCESS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for _, controllers, name in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers and controller not in controllers.split(","):
            continue
        root, path = CONTROL_GROUPS / (controller if controllers else ""), Path(name.lstrip("/"))
        yield from (root / each for each in (path, *path.parents))


def _numbers(count: int, group: Path, *names: str) -> list[int] | None:
    """So many numbers from files of a group; ``None`` if they are not there, or say ``max``: no limit."""
    try:
        found = [int(word) for name in names for word in (group / name).read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        return None
    return found if len(found) == count else None


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
