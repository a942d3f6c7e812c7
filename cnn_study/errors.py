"""The errors that reach a user: one line that names the thing, its value and the remedy."""

import difflib
from collections.abc import Iterable


class StudyError(Exception):
    """Something the user can put right. The command line prints its message without a stack trace.

    Attributes:
        exit_code: What the shell receives.
    """

    exit_code = 1


class InputError(StudyError):
    """An option, name or specification that cannot be meant."""

    exit_code = 2


class DataError(StudyError):
    """A data set that cannot be had or does not match its hash."""


class StoreError(StudyError):
    """A results file that cannot be read or written."""


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
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})")
