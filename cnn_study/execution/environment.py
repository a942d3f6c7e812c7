"""What of the environment of a run decides about its bits."""

from collections.abc import Mapping

DECISIVE = ("system", "processor", "tensorflow", "keras", "numpy", "threads", "onednn")
"""Entries of an environment with which bits may change. They do not with the version of Python."""


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What decides about bits and is not the same in two environments, with both values."""
    pairs = {name: (one.get(name, "unknown"), other.get(name, "unknown")) for name in DECISIVE}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def changes(differences: Mapping[str, tuple[str, str]]) -> str:
    """Differences in words."""
    return ", ".join(f"{name} {one} -> {other}" for name, (one, other) in differences.items())
