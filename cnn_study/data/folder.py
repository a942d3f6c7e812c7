"""A data set from a folder of images, ``CLASS/*.png`` or ``CLASS/*.jpg``, with or without ``train`` and ``test``.

The images become arrays: gray if all of them are, else red, green and blue; cut to the square in their middle and
resized. A data set is known by what these arrays hold: the order of the images is that of their pixels' hashes, and
so is the choice of test images where no folder makes it. Renamed files change nothing, changed images everything.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset, Progress, SourceUnavailable, described, parsed
from cnn_study.data.decoding import size_of, square
from cnn_study.data.layout import UNDIVIDED, FolderLayout, layout_of, spelled
from cnn_study.errors import InputError
from cnn_study.places import cache_folder

TEST_EVERY = 5
"""Step between test images among the different images of a class, unless a folder says which images are for testing."""
LARGEST = 256
"""Largest side of images that are taken as they are, in pixels."""
RULES = 2
"""Version of the rules by which images become arrays: what was remembered under others is decoded anew."""

log = logging.getLogger(__name__)


def images(path: str | Path, side: int | None = None) -> Dataset:
    """The data set in a folder of images.

    Args:
        path: The folder. It holds a folder of PNG or JPEG images for every class, or ``train`` and ``test`` with these.
        side: Side of the square to which images are resized, in pixels; ``None``: as they are, if they are alike.

    Raises:
        InputError: There is no such folder, or it cannot be a data set. The message names the image or the class.
    """
    folder = resolved(path, side)
    layout = layout_of(folder)
    now = _fingerprint(folder, layout, side)
    dataset, shared = _remembered(folder, now, side) or _described(folder, layout, now, side)
    if shared:
        tests = dataset.arrays["y_test"].shape[0]
        log.warning("%s: %d of %d test images are training images too", spelled(folder.name), shared, tests)
    return dataset


def resolved(path: str | Path, side: int | None) -> Path:
    """The folder itself, for which a side may be asked.

    Raises:
        InputError: There is none, or no image can have such a side.
    """
    try:
        folder = Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"nobody knows the home folder in {path}: give the path without ~") from None
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name one that holds a folder of images for every class")
    if side is not None and not 1 <= side <= LARGEST:
        raise InputError(f"images can be resized to a side of 1 to {LARGEST} pixels: got {side}")
    return folder.resolve()


def decoded(folder: Path, side: int | None) -> dict[str, np.ndarray]:
    """The arrays of the images in a folder.

    Raises:
        InputError: The folder cannot be a data set, as for :func:`images`.
    """
    layout = layout_of(folder)
    return _arrays(folder, _fingerprint(folder, layout, side), side)


def _fingerprint(folder: Path, layout: FolderLayout, side: int | None) -> str:
    """A hash of names, sizes and times of all files: while it is the same, so is what they hold."""
    lines = [f"{folder} {side} {RULES}"]
    for path in layout.paths:
        status = path.stat()
        lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return _sha256("\n".join(lines))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


@lru_cache(maxsize=2)
def _arrays(folder: Path, fingerprint: str, side: int | None) -> dict[str, np.ndarray]:
    """The decoded arrays; the fingerprint is there for the memory of the function alone."""
    layout = layout_of(folder)
    side = side or _common_side(folder, layout.paths)
    squares = {path: square(path, side) for path in layout.paths}
    gray = all(each.ndim == 2 for each in squares.values())
    parts: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "test": []}
    for part, by_class in layout.parts.items():
        for label, (name, members) in enumerate(by_class.items()):
            numbered = _numbered(squares[path] if gray else in_color(squares[path]) for path in members)
            if part == UNDIVIDED and numbered[-1][0] == 0:
                raise InputError(f"{folder / name} holds the same image {len(members)} times: it needs different ones")
            for number, array in numbered:
                test = number % TEST_EVERY == 0 if part == UNDIVIDED else layout.is_for_testing(part)
                parts["test" if test else "train"].append((array, label))
    stacked = {}
    for part, rows in parts.items():
        stacked[f"x_{part}"] = np.stack([array for array, _ in rows])
        stacked[f"y_{part}"] = np.array([label for _, label in rows], "uint8")
    return {name: stacked[name] for name in ARRAYS}


def _numbered(arrays: Iterable[np.ndarray]) -> list[tuple[int, np.ndarray]]:
    """Images in the order of the hashes of their pixels, numbered; equal ones share a number."""
    hashed = sorted(((_hash(array), array) for array in arrays), key=lambda pair: pair[0])
    numbers = {each: number for number, each in enumerate(dict.fromkeys(each for each, _ in hashed))}
    return [(numbers[each], array) for each, array in hashed]


def _hash(array: np.ndarray) -> bytes:
    return hashlib.sha256(array.tobytes()).digest()


def in_color(square: np.ndarray) -> np.ndarray:
    """A square with three channels."""
    return square if square.ndim == 3 else np.repeat(square[..., np.newaxis], 3, axis=2)


def _common_side(folder: Path, paths: Iterable[Path]) -> int:
    """The side of the images if all are squares of one size."""
    found = {size_of(path) for path in paths}
    smallest, largest = min(found), max(found)
    if len(found) == 1 and smallest[0] == smallest[1] <= LARGEST:
        return smallest[0]
    sizes = f"{smallest[0]}x{smallest[1]}" + (f" to {largest[0]}x{largest[1]}" if len(found) > 1 else "")
    raise InputError(
        f"the images in {folder} are of {sizes} pixels, not all of one square of up to {LARGEST}: "
        "say to which side they are to be resized, such as 32 (--side 32)"
    )


def _described(folder: Path, layout: FolderLayout, fingerprint: str, side: int | None) -> tuple[Dataset, int]:
    """The data set, from its images, and how many of its test images are training images too."""
    arrays = _arrays(folder, fingerprint, side)
    shape = arrays["x_train"].shape[1:]
    image_shape = (*shape, 1) if len(shape) == 2 else shape
    infos = {
        name: ArrayInfo(array.shape, "uint8", hashlib.sha256(np.ascontiguousarray(array).data).hexdigest())
        for name, array in arrays.items()
    }
    called = spelled(folder.name)
    name = "-".join([re.sub(r"[^\w.]+", "_", called).strip("._") or "images", str(image_shape[0])])
    title = f"{called} ({image_shape[0]}x{image_shape[1]})"
    source = ImageFolder(str(folder), side)
    dataset = Dataset(name, title, layout.classes, image_shape, "", "", "", infos, (source,), own=True)
    trained = set(map(_hash, arrays["x_train"]))
    shared = sum(_hash(array) in trained for array in arrays["x_test"])
    _remember(folder, fingerprint, side, dataset, shared)
    return dataset, shared


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images as a source of a data set.

    Attributes:
        path: The folder of images.
        side: Side of the square to which images are resized, in pixels; ``None``: as they are.
    """

    path: str
    side: int | None

    @property
    def name(self) -> str:
        """The name of this place for people."""
        return f"images in {self.path}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the images."""
        folder = Path(self.path)
        progress(f"reading the images in {folder}", 0, None)
        if not folder.is_dir():
            raise SourceUnavailable("there is no such folder any more")
        try:
            return decoded(folder, self.side)
        except InputError as error:
            raise SourceUnavailable(str(error)) from None


def _memory(folder: Path, side: int | None) -> Path:
    return cache_folder() / "folders" / f"{_sha256(f'{folder} {side}')[:16]}.json"


def _remember(folder: Path, fingerprint: str, side: int | None, dataset: Dataset, shared: int) -> None:
    """Note what the images amount to, so that the next command need not decode them."""
    path = _memory(folder, side)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        note = {"fingerprint": fingerprint, "shared": shared} | described(dataset)
        path.write_text(json.dumps(note), encoding="utf-8")
    except OSError as error:
        log.info("the images will be decoded again next time: %s", error)


def _remembered(folder: Path, fingerprint: str, side: int | None) -> tuple[Dataset, int] | None:
    try:
        note = json.loads(_memory(folder, side).read_text(encoding="utf-8"))
        known = parsed(note, (ImageFolder(str(folder), side),))
        return (known, int(note["shared"])) if note["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
