"""The errors that reach a user: one line that names the thing, its value and the remedy."""

import difflib
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

LISTED = 20
"""So many known names are listed in a message about an unknown one; of more, the number is told."""

PLAIN = re.compile(r"[\w.+-]+")
"""Names that are told apart without quotes where they are listed."""


class StudyError(Exception):
    """Something the user can put right. The command line prints its message without a stack trace.

    Whatever names and paths the message quotes, it stays on one line.

    Attributes:
        exit_code: What the shell receives.
    """

    exit_code = 1

    def __init__(self, message: str = ""):
        super().__init__(printable(message))


class InputError(StudyError):
    """An option, name or specification that cannot be meant.

    Attributes:
        placed: Whether the message begins with the file and the line that it is about.
    """

    exit_code = 2
    placed = False

    def at(self, place: str) -> "InputError":
        """The same error with the place of its cause in front, unless it has one or none is known."""
        if self.placed or not place:
            return self
        error = InputError(f"{place}: {self}")
        error.placed = True
        return error


class DataError(StudyError):
    """A data set that cannot be had or does not match its hash. The sources that were tried have a line each."""

    def __init__(self, message: str = ""):
        Exception.__init__(self, "\n".join(map(printable, message.split("\n"))))


class CacheError(DataError):
    """The cache folder takes no files."""


class StoreError(StudyError):
    """A results file that cannot be read or written."""


class DamagedError(StoreError):
    """A results file that holds what cannot be meant: damaged, of another kind, or of a newer version."""

    exit_code = 2


class ExecutionError(StudyError):
    """Runs that could not be trained."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """An error for a name that is not among those known, with the nearest one suggested.

    Args:
        kind: What is named, in the singular, for example ``"data set"``.
        name: What was asked for.
        known: The names that exist.
    """
    names = sorted(known)
    hint = nearest(name, names)
    told = names if all(PLAIN.fullmatch(each) for each in names) else [*map(repr, names)]
    listed = ", ".join(told) if len(names) <= LISTED else f"{len(names)} names, {told[0]} to {told[-1]}"
    return InputError(f"unknown {kind} {shortened(name)}{hint and f'; {hint}'} (known: {listed})")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like another, as a question; empty if none is. Case does not matter."""
    names = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else ""


def described(error: BaseException) -> str:
    """The type of an error and the first line of what it says."""
    said = (str(error).strip().splitlines() or ["without a message"])[0]
    return f"{type(error).__name__}: {said[:300]}"


def located(error: BaseException) -> str:
    """The same, with the place in the code: for errors that nobody has foreseen."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{described(error)} ({Path(place.filename).name}, line {place.lineno})"


def printable(text: str) -> str:
    """A text on one line, without what would move the cursor or color the terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def shortened(value: object, length: int = 200) -> str:
    """A value as Python writes it, on one line and without its middle if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # An integer of more than 4300 digits, lists in lists without end.
        return f"a {type(value).__name__} too long to be written"
    return text if len(text) <= length else f"{text[: length // 2]}...{text[-length // 2 :]}"
