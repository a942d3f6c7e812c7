"""One image of the user's own: opened, upright, square. Whatever is wrong with its file is told in one line."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile

from cnn_study.errors import InputError, StudyError

FORMATS = ("PNG", "JPEG")

TURNS: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The turn that sets an image upright, by its orientation in EXIF."""


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image, from the beginning of its file.

    Raises:
        InputError: It cannot be read.
    """
    with _opened(path) as image:
        return image.size


def square(path: Path, side: int) -> np.ndarray:
    """The square in the middle of an image, upright and resized: ``(side, side)``, or ``(side, side, 3)`` in color.

    Raises:
        InputError: The image cannot be read, has more than 8 bits a channel, or is transparent.
    """
    with _opened(path) as image:
        if any("16" in str(tile[3]) for tile in image.tile):  # Pillow drops the lower bits without a warning.
            raise InputError(f"{path} has more than 8 bits a channel: convert it")
        image.load()
        picture = _upright(image)
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


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    """An image. Decoders of damaged files raise errors of any kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except StudyError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as an image ({reason}): replace it or move it away") from None


def _upright(image: Image.Image) -> Image.Image:
    """An image as it was taken. Nothing else of its EXIF matters, so damage to the rest of it does not."""
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # Anything may stand there. What cannot be read says nothing.
        turn = None
    return image.transpose(turn) if turn is not None else image
