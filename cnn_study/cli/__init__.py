"""The command line: ``cnn-study``."""

import errno
import os
import sys
from collections.abc import Sequence

import pydantic

from cnn_study.cli import reading, training, verifying  # noqa: F401 - they add their commands
from cnn_study.cli.app import app, console, errors
from cnn_study.errors import StudyError, shortened
from cnn_study.spec import one_line

__all__ = ["app", "console", "errors", "main", "run_one"]


BAD_PATHS = (errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)
"""What the system says of paths that cannot be meant."""


def run_one(name: str) -> None:
    """Run one experiment with the options of ``cnn-study run``: what a module of ``experiments`` does as a script."""
    main(["run", name, *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors that the user can mend become one line and an exit code."""
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="cnn-study")
    except StudyError as error:
        errors.print(f"cnn-study: {error}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(error.exit_code)
    except pydantic.ValidationError as error:
        errors.print(f"cnn-study: {error.title}: {one_line(error)}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{shortened(error.filename)}; give another path" if error.filename else "the output; send it elsewhere"
        what = f"{error.strerror or error}: {where}"
        errors.print(f"cnn-study: {what}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2 if error.errno in BAD_PATHS else 1)
