"""Processes of this machine."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from cnn_study import processes

ONE_THAT_WAITS = """
import multiprocessing, time
from cnn_study.processes import end_with_parent

def wait():
    end_with_parent()
    print("ready", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=wait).start()
    time.sleep(600)
"""


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    assert 1 <= processes.cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr(processes.psutil, "cpu_count", lambda logical: 8)
    monkeypatch.setattr(processes.psutil.Process, "cpu_affinity", lambda self: [0, 3], raising=False)
    assert processes.cores() == 2
    monkeypatch.delattr(processes.psutil.Process, "cpu_affinity")
    assert processes.cores() == 8
    monkeypatch.setattr(processes.psutil, "cpu_count", lambda logical: None)
    assert processes.cores() == 1


GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("groups", "files", "cores", "memory"),
    [
        ("0::/", {"cpu.max": "200000 100000", "memory.max": "2000000000"}, 2, 2 * GIGABYTE),
        ("0::/", {"cpu.max": "150000 100000", "memory.max": "max"}, 2, 8 * GIGABYTE),  # The rest of a core is used.
        ("0::/", {"cpu.max": "max 100000", "memory.max": "99000000000"}, 4, 8 * GIGABYTE),
        ("0::/", {"cpu.max": "5000 100000"}, 1, 8 * GIGABYTE),
        # That of a group above holds too.
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3, 8 * GIGABYTE),
        ("0::/a/b", {"a/memory.max": "max", "a/b/memory.max": "1000000000"}, 4, GIGABYTE),
        # Version 1: a container has the name of its group outside, and sees it as the root.
        (
            "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n0::/",
            {
                "cpu/cpu.cfs_quota_us": "300000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "3000000000",
            },
            3,
            3 * GIGABYTE,
        ),
        (
            "5:memory:/\n4:cpu,cpuacct:/",
            {
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            4,
            8 * GIGABYTE,
        ),
        ("0::/", {"cpu.max": "", "memory.max": "x"}, 4, 8 * GIGABYTE),
        ("nonsense", {}, 4, 8 * GIGABYTE),
        (None, {}, 4, 8 * GIGABYTE),
    ],
)
def test_the_limits_of_a_container_are_respected(tmp_path, monkeypatch, groups, files, cores, memory):
    monkeypatch.setattr(processes.psutil, "cpu_count", lambda logical: 4)
    monkeypatch.setattr(processes.psutil.Process, "cpu_affinity", lambda self: [*range(8)], raising=False)
    monkeypatch.setattr(processes.psutil, "virtual_memory", lambda: SimpleNamespace(total=8 * GIGABYTE))
    monkeypatch.setattr(processes, "OF_THIS_PROCESS", tmp_path / "own")
    monkeypatch.setattr(processes, "CONTROL_GROUPS", tmp_path / "groups")
    if groups is not None:
        (tmp_path / "own").write_text(f"{groups}\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    assert processes.cores() == cores
    assert processes.memory() == memory


def test_a_process_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "waits.py"
    script.write_text(ONE_THAT_WAITS)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert family
        parent.send_signal(signal.SIGKILL)
    assert not psutil.wait_procs(family, timeout=10)[1]
