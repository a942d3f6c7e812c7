"""Processes of this machine: how many there is room for, and their end when the one that started them is gone."""

import multiprocessing
import os
import threading

import psutil


def cores() -> int:
    """The cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    process = psutil.Process()
    return max(1, min(physical, len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else physical))


def end_with_parent() -> None:
    """Let this process end when its parent is gone, whatever it does then: nobody would take what it makes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - it has been started by one
    parent.join()
    os._exit(1)
