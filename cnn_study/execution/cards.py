"""The GPUs of this machine and how many workers share one. TensorFlow is not asked: only workers import it."""

import math
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Collection, Sequence

from cnn_study.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Name of the environment variable with the GPUs that a process may use, by numbers or names."""

TOOL = "nvidia-smi"
"""The program that comes with the driver and lists the GPUs that it sees."""

PATIENCE = 20
"""Seconds that the tool may take."""

ENVIRONMENT = {
    # Several workers share a card: none takes all of its memory at once.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_DETERMINISTIC_OPS": "1",
}
"""What a worker with a GPU needs in its environment, beside the name of its card."""


def cards() -> list[str]:
    """The GPUs that this process may use, as CUDA names them; none if there is no driver."""
    allowed = os.environ.get(VISIBLE)
    if allowed is not None:
        named = [name.strip() for name in allowed.split(",")]
        ends = next((place for place, name in enumerate(named) if name in ("", "-1")), len(named))
        return named[:ends]  # As CUDA reads it: what comes after a name that is none does not count.
    if not shutil.which(TOOL):
        return []
    try:
        listed = subprocess.run(  # noqa: S603 - the command is written in this module
            [TOOL, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().isdigit()] * (not listed.returncode)


def on_a_card(share: float) -> int:
    """How many workers a card has room for.

    Args:
        share: The share of a card that a run is given, above 0 and at most 1.

    Raises:
        InputError: It is no share of one card.
    """
    if not 0 < share <= 1:
        raise InputError(f"--gpus-per-run {share:g}: a run computes on one GPU: give 1, or a part such as 0.25")
    return math.floor(1 / share + 1e-9)


def freest(known: Sequence[str], taken: Collection[str]) -> str:
    """The card that the fewest workers are on, the first of several.

    Args:
        known: The names of all cards, at least one.
        taken: The cards of the workers that there are now, one a worker.
    """
    workers = Counter(taken)
    return min(known, key=lambda card: workers[card])
