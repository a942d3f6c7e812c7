"""The command line: ``cnn-study``."""

import errno
import io
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cnn_study.cli import commands  # noqa: F401 - it adds the commands
from cnn_study.cli.app import Notices, app, console, errors
from cnn_study.errors import StudyError, shortened

__all__ = ["app", "console", "errors", "main", "run_one"]


BAD_PATHS = (errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)
"""What the system says of paths that cannot be meant."""

REMEDIES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room: the quota of this user is used up",
    errno.EROFS: "give a path on a disk that can be written",
    errno.EMFILE: "allow more open files, as with `ulimit -n 4096`",
    errno.ENFILE: "end programs: this machine has no more files to open",
    errno.EAGAIN: "end programs, or use fewer --jobs: this user may start no more processes",
    errno.ENOMEM: "end programs, or use fewer --jobs: memory is short",
}
"""What can be done about what the system says."""


def run_one(name: str) -> None:
    """Run one experiment with the options of ``cnn-study run``: what a module of ``experiments`` does as a script."""
    main(["run", name, *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors that the user can mend become one line and an exit code."""
    _say_anything()
    _have_a_home()
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="cnn-study")
    except StudyError as error:
        errors.print(f"cnn-study: {error}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(error.exit_code)
    except ValueError as error:
        text = _refused(error)
        if not text:
            raise
        errors.print(f"cnn-study: {text}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        errors.print(f"cnn-study: {_explained(error)}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2 if error.errno in BAD_PATHS else 1)


def _refused(error: ValueError) -> str:
    """What is wrong with a specification, in one line; empty if the error is another one."""
    if "pydantic" not in sys.modules:  # It is not imported for this: nothing has been specified yet.
        return ""
    from pydantic import ValidationError

    from cnn_study.spec import one_line

    return f"{error.title}: {one_line(error)}" if isinstance(error, ValidationError) else ""


def _say_anything() -> None:
    """Let the output take every text: an encoding that cannot say a character gets a question mark for it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    library = logging.getLogger("cnn_study")
    if not any(isinstance(handler, Notices) for handler in library.handlers):
        library.addHandler(Notices())


def _have_a_home() -> None:
    """Give a user without a home, as in many containers, a folder of their own: libraries look for theirs in it."""
    try:
        Path.home()
    except RuntimeError:
        home = Path(tempfile.gettempdir()) / f"cnn_study-{os.getuid()}"
        home.mkdir(mode=0o700, exist_ok=True)
        os.environ["HOME"] = str(home)


def _explained(error: OSError) -> str:
    """What the system says, what it says it of, and what to do."""
    said = error.strerror or str(error) or type(error).__name__
    where = f": {shortened(os.fspath(error.filename))}" if isinstance(error.filename, (str, bytes, os.PathLike)) else ""
    if error.errno in REMEDIES:
        return f"{said}{where}; {REMEDIES[error.errno]}"
    if where:
        return f"{said}{where}; give another path"
    return f"{said}: the output; send it elsewhere" if error.errno == errno.EIO else f"{said}; try again"
