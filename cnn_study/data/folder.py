"""A data set from a folder of images, ``CLASS/*.png`` or ``CLASS/*.jpg``, with or without ``train`` and ``test``.

The images become arrays: gray if all of them are, else red, green and blue; cut to the square in their middle and
resized. A data set is known by what these arrays hold: the order of the images is that of their pixels' hashes, and
so is the choice of test images where no folder makes it. Renamed files change nothing, changed images everything.
"""

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cnn_study.data.cache import default_cache_dir
from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset, Progress, SourceUnavailable, described, parsed
from cnn_study.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg")
IGNORED = ("thumbs.db", "desktop.ini")
TEST_EVERY = 5
"""Of the images of a class, every fifth is a test image, unless a folder says which are."""
LEAST, MOST = 5, 256
"""Images that a class needs, and classes that there may be: labels are bytes."""
LARGEST = 256
"""Side of images that are taken as they are, in pixels."""

log = logging.getLogger(__name__)


def images(path: str | Path, side: int | None = None) -> Dataset:
    """The data set in a folder of images.

    Args:
        path: The folder. It holds a folder of PNG or JPEG images for every class, or ``train`` and ``test`` with these.
        side: Side of the square to which images are resized, in pixels; ``None``: as they are, if they are alike.

    Raises:
        InputError: There is no such folder, or it cannot be a data set. The message names the image or the class.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name one that holds a folder of images for every class")
    if side is not None and not 1 <= side <= LARGEST:
        raise InputError(f"images can be resized to a side of 1 to {LARGEST} pixels: got {side}")
    resolved = folder.resolve()
    now = _fingerprint(resolved, files(resolved), side)
    return _remembered(resolved, now, side) or _described(resolved, now, side)


def files(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """The images of a folder by part (``""`` if it is not divided) and class.

    Raises:
        InputError: Something else lies there, a class is missing or has too few images, or there is but one class.
    """
    inside = {path.name: path for path in _visible(folder)}
    divided = inside.keys() == {"train", "test"}
    parts = {name: inside[name] for name in ("train", "test")} if divided else {"": folder}
    found = {part: {place.name: _images_in(place) for place in _classes_in(at)} for part, at in parts.items()}
    if divided and found["train"].keys() != found["test"].keys():
        odd = sorted(found["train"].keys() ^ found["test"].keys())
        raise InputError(f"{folder}: train and test must have the same classes: {', '.join(odd)} is in one only")
    classes = next(iter(found.values()))
    if not 2 <= len(classes) <= MOST:
        names = ", ".join(list(classes)[:3]) or "none"
        raise InputError(f"{folder} has {len(classes)} classes ({names}): it needs a folder for each of 2 to {MOST}")
    for part, by_class in found.items():
        least = 1 if part == "test" else LEAST
        for name, paths in by_class.items():
            if len(paths) < least:
                where = folder / part / name
                raise InputError(f"{where} holds {len(paths)} images: a class needs at least {least} there")
    return found


def _visible(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir(), key=lambda path: path.name)
    return [path for path in paths if not path.name.startswith(".") and path.name.lower() not in IGNORED]


def _classes_in(folder: Path) -> list[Path]:
    places = _visible(folder)
    for place in places:
        if not place.is_dir():
            raise InputError(f"{place} lies outside of the folder of a class: move it")
    return places


def _images_in(place: Path) -> list[Path]:
    paths = _visible(place)
    for path in paths:
        if path.is_dir() or path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path} is no {', '.join(SUFFIXES)} file: move it away, or convert it")
    return paths


def _fingerprint(folder: Path, found: Mapping[str, Mapping[str, list[Path]]], side: int | None) -> str:
    """Of names, sizes and times of all files: while it is the same, so is what they hold."""
    lines = [f"{folder} {side}"]
    for path in (path for by_class in found.values() for paths in by_class.values() for path in paths):
        status = path.stat()
        lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=2)
def _arrays(folder: Path, fingerprint: str, side: int | None) -> dict[str, np.ndarray]:
    """The decoded arrays; the fingerprint is there for the memory of the function alone."""
    found = files(folder)
    paths = [path for by_class in found.values() for paths in by_class.values() for path in paths]
    side = side or _common_side(folder, paths)
    squares = {path: _square(path, side) for path in paths}
    gray = all(square.ndim == 2 for square in squares.values())
    parts: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "test": []}
    for part, by_class in found.items():
        for label, members in enumerate(by_class.values()):
            arrays = [squares[path] if gray else _in_color(squares[path]) for path in members]
            arrays.sort(key=lambda array: hashlib.sha256(array.tobytes()).digest())
            for place, array in enumerate(arrays):
                test = part == "test" or (not part and place % TEST_EVERY == 0)
                parts["test" if test else "train"].append((array, label))
    stacked = {}
    for part, rows in parts.items():
        stacked[f"x_{part}"] = np.stack([array for array, _ in rows])
        stacked[f"y_{part}"] = np.array([label for _, label in rows], "uint8")
    return {name: stacked[name] for name in ARRAYS}


def _in_color(square: np.ndarray) -> np.ndarray:
    return square if square.ndim == 3 else np.repeat(square[..., np.newaxis], 3, axis=2)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image; complaints about it become one line that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG", "JPEG"]) as image:
                yield image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as an image ({reason}): replace it or move it away") from None


def _common_side(folder: Path, paths: Iterable[Path]) -> int:
    """The side of the images if all are squares of one size."""
    found = set()
    for path in paths:
        with _opened(path) as image:
            found.add(image.size)
    smallest, largest = min(found), max(found)
    if len(found) == 1 and smallest[0] == smallest[1] <= LARGEST:
        return smallest[0]
    sizes = f"{smallest[0]}x{smallest[1]}" + (f" to {largest[0]}x{largest[1]}" if len(found) > 1 else "")
    raise InputError(
        f"the images in {folder} are of {sizes} pixels, not all of one square of up to {LARGEST}: "
        "say to which side they are to be resized, such as 32 (--side 32)"
    )


def _square(path: Path, side: int) -> np.ndarray:
    """The square in the middle of an image, upright and resized: ``(side, side)``, or ``(side, side, 3)`` in color.

    Raises:
        InputError: The image cannot be read, has more than 8 bits a channel, or can be seen through.
    """
    with _opened(path) as image:
        image.load()
        picture = ImageOps.exif_transpose(image)
    if picture.mode[0] in "IF":
        raise InputError(f"{path} has more than 8 bits a channel: convert it")
    if picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise InputError(f"{path} can be seen through: put it on a background")
    picture = picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")
    short = min(picture.size)
    left, upper = ((size - short) // 2 for size in picture.size)
    if picture.size != (short, short):
        picture = picture.crop((left, upper, left + short, upper + short))
    if short != side:
        picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def _described(folder: Path, fingerprint: str, side: int | None) -> Dataset:
    """The data set, from its images."""
    arrays = _arrays(folder, fingerprint, side)
    shape = arrays["x_train"].shape[1:]
    image_shape = (*shape, 1) if len(shape) == 2 else shape
    infos = {
        name: ArrayInfo(array.shape, "uint8", hashlib.sha256(np.ascontiguousarray(array).data).hexdigest())
        for name, array in arrays.items()
    }
    classes = tuple(next(iter(files(folder).values())))
    name = "-".join([re.sub(r"[^\w.]+", "_", folder.name).strip("._") or "images", str(image_shape[0])])
    title = f"{folder.name} ({image_shape[0]}x{image_shape[1]})"
    source = ImageFolder(str(folder), side)
    dataset = Dataset(name, title, classes, image_shape, "", "", "", infos, (source,), own=True)
    _remember(folder, fingerprint, side, dataset)
    return dataset


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images as a source of a data set.

    Attributes:
        path: The folder.
        side: Side of the square to which images are resized; ``None``: as they are.
    """

    path: str
    side: int | None

    @property
    def name(self) -> str:
        """What a person calls this place."""
        return f"images in {self.path}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the images."""
        folder = Path(self.path)
        progress(f"reading the images in {folder}", 0, None)
        if not folder.is_dir():
            raise SourceUnavailable("there is no such folder any more")
        try:
            return _arrays(folder, _fingerprint(folder, files(folder), self.side), self.side)
        except InputError as error:
            raise SourceUnavailable(str(error)) from None


def _memory(folder: Path, side: int | None) -> Path:
    return default_cache_dir() / "folders" / f"{hashlib.sha256(f'{folder} {side}'.encode()).hexdigest()[:16]}.json"


def _remember(folder: Path, fingerprint: str, side: int | None, dataset: Dataset) -> None:
    """Note what the images amount to, so that the next command need not decode them."""
    path = _memory(folder, side)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"fingerprint": fingerprint} | described(dataset)), encoding="utf-8")
    except OSError as error:
        log.info("the images will be decoded again next time: %s", error)


def _remembered(folder: Path, fingerprint: str, side: int | None) -> Dataset | None:
    try:
        description = json.loads(_memory(folder, side).read_text(encoding="utf-8"))
        known = parsed(description, (ImageFolder(str(folder), side),))
    except (OSError, ValueError):
        return None
    return known if description.get("fingerprint") == fingerprint else None
