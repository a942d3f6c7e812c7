"""Writes a figure in one format: the same bytes every time, and few of them, as results are kept under git."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fontTools import subset
from matplotlib.figure import Figure
from PIL import Image, ImageChops, ImageStat

from cnn_study.figures.files import FORMATS

COLORS = 256
"""In the palette of a PNG file: as many as a byte can name."""
LOSS = 2.0
"""Of 255 levels, root mean square over a picture: where a palette costs more, as in photographs, none is used."""
_PLACES = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
_PATH = re.compile(r'(?<= d=")[^"]*')
_LONG = re.compile(r"-?\d+\.\d{3,}")
"""A number with digits below a hundredth of a point."""


def save(figure: Figure, path: Path, *, suffix: str, dots: float) -> None:
    """Write a figure into a file.

    Args:
        figure: As it is to be seen.
        path: Of the file.
        suffix: Its format, one of :data:`~cnn_study.figures.files.FORMATS`.
        dots: An inch, of pictures in it.

    Raises:
        OSError: It cannot be written.
    """
    more: dict[str, Any] = {"pil_kwargs": {"compress_level": 0}} if suffix == "png" else {}
    written = io.BytesIO()
    with _shaped():
        figure.savefig(written, format=suffix, metadata=FORMATS[suffix], dpi=dots, **more)
    if suffix == "png":
        with Image.open(written) as image:
            small(image).save(path, format="png", dpi=(dots, dots), optimize=True)
    elif suffix == "svg":
        path.write_text(concise(written.getvalue().decode()), encoding="utf-8", newline="\n")
    else:
        path.write_bytes(written.getvalue())


class _Shaped(subset.Options):
    """Parts of a font for text that is shaped already: without the tables that shape it, a third of the work."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.drop_tables += ["GDEF", "GPOS", "GSUB", "MATH", "kern"]


@contextmanager
def _shaped() -> Iterator[None]:
    """A PDF names every glyph with its place, so fonts in it need no rules for them. Matplotlib asks fontTools."""
    before, subset.Options = subset.Options, _Shaped
    try:
        yield
    finally:
        subset.Options = before


def concise(svg: str) -> str:
    """A drawing without indents, its places told to a hundredth of a point: finer than any screen or printer shows."""
    svg = _PLACES.sub(lambda place: _LONG.sub(lambda number: f"{float(number[0]):.2f}", place[0]), svg)
    svg = _PATH.sub(lambda path: re.sub(r"\s*([A-Za-z])\s*", r"\1", path[0]), svg)
    return re.sub(r"\n +", "\n", svg)


def small(image: Image.Image) -> Image.Image:
    """A picture on white with a palette of its own colors, or without one where that would be seen."""
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A") if "A" in image.getbands() else None)
    paletted = page.quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    lost = ImageStat.Stat(ImageChops.difference(page, paletted.convert("RGB"))).rms
    return page if max(lost) > LOSS else paletted
