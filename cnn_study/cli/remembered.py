"""What a command has answered is kept and told again, as long as nothing that it was made from has changed.

To read all runs and apply all rules takes seconds; to see that no file has changed takes hundredths of one. So nothing
that is slow to import is imported here.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import typer

import cnn_study
from cnn_study import places
from cnn_study.cli.app import console, errors
from cnn_study.errors import CacheError
from cnn_study.files import replace_whole

FOLDER = "answers"
"""In the cache folder."""

KEPT = 50
"""Answers that are kept; the one that was told last but so many makes room."""

_LIBRARY = Path(cnn_study.__file__).parent
_OTHERS = Path(typer.__file__).parents[1]
"""The folder of installed libraries: whatever is installed or removed changes it."""


def tell(question: Sequence[object], results: Path | None, answer: Callable[[], None]) -> None:
    """Print an answer: the one that is kept if it still holds, else a new one.

    An answer that ends with an error, or with something on the standard error stream beside it, is not kept.

    Args:
        question: The command and its arguments, none of them a file with experiments of the user's own.
        results: Folder of the results, if one was named.
        answer: Prints the answer.
    """
    try:
        path = places.cache_folder() / FOLDER / f"{_digest(question, results)}.txt"
    except CacheError:
        answer()
        return
    text = _kept(path)
    if text is not None:
        console.file.write(text)
        return
    text, whole = _made(answer)
    if whole:
        _keep(path, text)


def _kept(path: Path) -> str | None:
    with suppress(OSError, UnicodeError):  # There is none, or none that can be read: another is made.
        text = path.read_text(encoding="utf-8")
        os.utime(path)
        return text
    return None


def _made(answer: Callable[[], None]) -> tuple[str, bool]:
    """An answer that has just been printed, and whether nothing else was said."""
    captured, errors.record = console.capture(), True
    try:
        with captured:
            answer()
    finally:
        aside = errors.export_text()
        errors.record = False
        console.file.write(captured.get())
    return captured.get(), not aside


def _keep(path: Path, text: str) -> None:
    with suppress(OSError):  # A disk that takes no files costs only time.
        replace_whole(path, lambda file: file.write_text(text, encoding="utf-8"))
        for old in sorted(path.parent.glob("*.txt"), key=lambda each: -each.stat().st_mtime)[KEPT:]:
            old.unlink()


def _digest(question: Sequence[object], results: Path | None) -> str:
    """Of all that an answer depends on: what is asked, where, on what a terminal, the code, and the stored results."""
    terminal = (console.width, console.is_terminal, console.color_system, console.no_color, console.encoding)
    pages = [_LIBRARY, _LIBRARY.parent / "experiments"]
    stores = {results or places.OWN, places.REFERENCE, places.SHIPPED}
    known = [*_files(pages, (".py", ".json")), *_files(stores, (".parquet", ".json"))]
    libraries = sys.version, _OTHERS.stat().st_mtime_ns
    asked = [*map(str, question), str(results)]
    text = json.dumps([asked, os.getcwd(), libraries, terminal, known])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def _files(roots: Iterable[Path], suffixes: tuple[str, ...]) -> Iterator[tuple[str, int, int, int]]:
    """The files below some folders, with what tells that one was changed."""
    for root in sorted(roots):
        for folder, folders, files in os.walk(root, followlinks=True):
            folders[:] = sorted(name for name in folders if name not in ("figures", "models", "__pycache__"))
            for name in sorted(files):
                if name.endswith(suffixes):
                    with suppress(FileNotFoundError):  # A suite that is running has merged it meanwhile.
                        found = os.stat(os.path.join(folder, name))
                        yield os.path.join(folder, name), found.st_size, found.st_mtime_ns, found.st_ino
