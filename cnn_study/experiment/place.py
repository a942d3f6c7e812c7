"""Where a part of an experiment was declared, so that a complaint about it can name the line."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cnn_study.errors import InputError

LIBRARY = str(Path(__file__).parents[1])
PAGES = str(Path(LIBRARY, "_experiments"))
"""The experiments, where the library is installed."""


@dataclass(frozen=True)
class Declared:
    """Base of what a page declares.

    Attributes:
        place: ``FILE, line N`` of the code outside of the library that made it; filled in by itself.
    """

    place: str = field(default="", compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self.place:
            object.__setattr__(self, "place", _caller())

    def refused(self, error: InputError) -> InputError:
        """The complaint about it, with the place of its declaration in front."""
        return error.at(self.place)


def _caller() -> str:
    """The innermost line on the stack that is not the library's own."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PAGES) or not name.startswith(("<", LIBRARY + os.sep)):
            return f"{name}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""
