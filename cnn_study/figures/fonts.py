"""The letters of figures: DejaVu Sans, which comes with matplotlib, and for what it lacks the fonts of the machine."""

import logging
from collections.abc import Iterable
from functools import cache

from matplotlib.font_manager import fontManager, get_font

FONT = "DejaVu Sans"
"""The same letters everywhere, as it comes with matplotlib."""

OTHERS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Bengali",
    "Noto Sans Devanagari",
    "Noto Sans Hebrew",
    "Noto Sans Tamil",
    "Noto Sans Thai",
    "Arial Unicode MS",
)
"""Fonts that are asked first for letters that DejaVu Sans lacks; after them all others, by alphabet."""


log = logging.getLogger(__name__)


def families(text: str) -> list[str]:
    """The fonts that a text needs, DejaVu Sans first, and alone if it has all of its letters."""
    return [FONT, *_chosen(_foreign(text))[0]]


def tell_lacking(text: str) -> None:
    """Say which letters of a text no font of this machine has, if there are any."""
    letters = "".join(sorted(_chosen(_foreign(text))[1]))
    if letters:
        log.warning("no font of this machine has the letters %s: figures show boxes in their place", letters)


def _foreign(text: str) -> frozenset[str]:
    return frozenset(letter for letter in text if letter.isprintable() and ord(letter) not in _letters(FONT))


@cache
def _chosen(wanted: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Fonts with the wanted letters, and the letters that none has."""
    fonts: list[str] = []
    for font in _installed() if wanted else ():
        has = {letter for letter in wanted if ord(letter) in _letters(font)}
        if has:
            fonts.append(font)
            wanted -= has
        if not wanted:
            break
    return tuple(fonts), wanted


def _installed() -> Iterable[str]:
    there = {entry.name for entry in fontManager.ttflist} - {FONT}
    return [*(name for name in OTHERS if name in there), *sorted(there - set(OTHERS))]


@cache
def _letters(font: str) -> frozenset[int]:
    """The code points that a font has; none if its file is damaged or gone."""
    files = [entry.fname for entry in fontManager.ttflist if entry.name == font]
    try:
        return frozenset(get_font(files[0]).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
