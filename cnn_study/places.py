"""Where results and data sets are kept on this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

from cnn_study.errors import CacheError

REFERENCE = Path("results")
"""The results that came with the project, in its folder."""

OWN = REFERENCE / "local"
"""The user's own results, below the current folder."""

_HERE = Path(__file__).resolve().parent

SHIPPED = _HERE / "_results" if (_HERE / "_results").is_dir() else _HERE.parent / "results"
"""The results that came with the project, from any folder: in the installed package, else in the checkout."""

CACHE_PATH = "CNN_STUDY_CACHE"
"""Name of the environment variable that holds the cache folder."""


def roots(results: Path | None) -> Sequence[Path]:
    """Folders of results of all profiles in which a command that reads looks, one's own first.

    Args:
        results: The folder that was named; ``None``: all folders where results may be.
    """
    return [results] if results else [OWN, REFERENCE, SHIPPED]


def is_path(name: str) -> bool:
    """Whether an experiment is named by the path of a file, as those of the user's own are.

    Args:
        name: The name that was given to a command.
    """
    return name.endswith(".py") or "/" in name


def cache_folder() -> Path:
    """``$CNN_STUDY_CACHE``, else ``cnn_study`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``.

    Raises:
        CacheError: The user has no home.
    """
    try:
        if path := os.environ.get(CACHE_PATH):
            return Path(path).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cnn_study"
    except RuntimeError:
        raise CacheError(f"this user has no home for a cache folder: set {CACHE_PATH} to a folder") from None
