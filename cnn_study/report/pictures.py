"""Figures as they stand in the page: drawn small enough to be embedded, with what can be downloaded beside them."""

import base64
import io
import os
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from cnn_study.analysis.decisions import Outcome
from cnn_study.figures.files import proxy_text

COLORS = 64
"""Of an embedded raster image."""

LARGEST_DRAWING = 60_000
"""Characters of an SVG that is embedded in any case; beyond, the smaller of SVG and raster image."""

LARGEST_TABLE = 12_000
"""Characters of an embedded CSV; a larger one is a link to the file."""

FORMATS = ("pdf", "svg", "png", "csv")
"""What is drawn of every figure."""

_DROPPED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
_ID = re.compile(r' id="([^"]*)"')
_USED = re.compile(r'(?:href="|url\()#([^")]*)')


@dataclass(frozen=True)
class Download:
    """A file of a figure.

    Attributes:
        label: Its format.
        address: The file itself as a data URI, or where it lies relative to the page.
        name: What it is called when it is saved; empty for a link to a file.
    """

    label: str
    address: str
    name: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in the page.

    Attributes:
        name: Of its files.
        source: The image as a data URI.
        caption: What it shows, in words; also its alternative text.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        downloads: Its files.
    """

    name: str
    source: str
    caption: str
    width: int
    height: int
    downloads: tuple[Download, ...]


def pictures(outcome: Outcome, folder: Path, page: Path | None = None) -> list[Picture]:
    """Every figure of an experiment that was drawn.

    Args:
        outcome: Of the experiment.
        folder: Of the results; the figures are in ``figures``.
        page: The folder of the page that shows them; ``None``: that of the results.
    """
    figures = os.path.relpath(folder / "figures", page or folder)
    found = []
    for plot in outcome.plots:
        base = folder / "figures" / f"{outcome.experiment.name}-{plot.file}"
        image, caption = base.with_suffix(".png"), base.with_suffix(".txt")
        if image.exists() and caption.exists():
            text = without_proxy(caption.read_text(encoding="utf-8").strip(), outcome.design.proxy)
            found.append(_picture(base, text, figures))
    return found


def without_proxy(caption: str, proxy: str) -> str:
    """A caption without its last sentence, on the images of a proxy, which the page says once for all figures."""
    return caption.removesuffix(f" {proxy_text(proxy)}") if proxy else caption


def _picture(base: Path, caption: str, figures: str) -> Picture:
    with Image.open(base.with_suffix(".png")) as image:
        width, height = image.size
        drawn = drawing(base.with_suffix(".svg"))
        source = drawn if 0 < len(drawn) <= LARGEST_DRAWING else raster(image)
        source = min(source, drawn or source, key=len)
    downloads = tuple(_downloads(base, figures))
    return Picture(base.name, source, caption, width, height, downloads)


def raster(image: Image.Image) -> str:
    """The image as a data URI, with so few colors that a page of dozens of figures stays small."""
    buffer = io.BytesIO()
    few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).convert("RGB")
    few.save(buffer, "webp", lossless=True, quality=60, method=2)  # A fifth to a third smaller than PNG.
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def drawing(path: Path) -> str:
    """The SVG as a data URI; empty if there is none, or none that can be read. As an image it runs no script."""
    if not path.exists():
        return ""
    text = small(path.read_text(encoding="utf-8")).replace('"', "'")
    try:
        ElementTree.fromstring(text)  # noqa: S314 - drawn by this package; entities are dropped with the DOCTYPE
    except ElementTree.ParseError:
        return ""
    return "data:image/svg+xml," + urllib.parse.quote(text, safe=" /:=;,()!*$@?+-._~[]{}|^")


def small(svg: str) -> str:
    """An SVG without what is not seen: comments, metadata, line breaks and names that nothing asks for."""
    svg = _DROPPED.sub("", svg)
    used = set(_USED.findall(svg))
    svg = _ID.sub(lambda found: found[0] if found[1] in used else "", svg)
    return re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><").strip()


def _downloads(base: Path, figures: str) -> Sequence[Download]:
    found = []
    for kind in FORMATS:
        path = base.with_suffix(f".{kind}")
        if not path.exists():
            continue
        address, name = f"{urllib.parse.quote(figures)}/{urllib.parse.quote(path.name)}", ""
        if kind == "csv" and path.stat().st_size <= LARGEST_TABLE:
            address = f"data:text/csv;charset=utf-8,{urllib.parse.quote(path.read_text(encoding='utf-8'), safe=' ')}"
            name = path.name
        found.append(Download(kind.upper(), address, name))
    return found
