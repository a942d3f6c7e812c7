"""Processes of this machine."""

import os
import signal
import subprocess
import sys

import psutil

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
