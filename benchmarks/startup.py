"""Processor time of commands that train nothing: ``python -m benchmarks.startup [RESULTS] [--profile PROFILE]``."""

import argparse
import os
import subprocess
import sys
from statistics import median

GOALS = {"--help": 0.4, "claims": 1.5}
"""Seconds."""

COMMANDS = (("--help",), ("run", "--help"), ("claims",), ("explain", "relu-beats-tanh"), ("plan",))


def processor_time(command: list[str]) -> float:
    """Seconds of processor time, of the system too, that a command takes; it does not depend on what else runs."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[1:])} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print a line a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", default="results")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    for words in COMMANDS:
        options = [] if "--help" in words else ["--profile", given.profile, "--results", given.results]
        command = [sys.executable, "-m", "cnn_study.cli", *words, *options]
        times = [processor_time(command) for _ in range(given.repetitions)]
        goal = f" (goal: at most {GOALS[words[0]]} s)" if words[0] in GOALS else ""
        print(f"{' '.join(words):24} {median(times):.2f} s, {min(times):.2f} to {max(times):.2f}{goal}")


if __name__ == "__main__":
    main()
