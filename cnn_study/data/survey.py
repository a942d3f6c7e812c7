"""What a folder of images holds, before anything is trained: all of its problems, not only the first."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_study.data.decoding import size_of, square
from cnn_study.data.folder import in_color, resolved
from cnn_study.data.layout import FolderLayout, layout_of, left_out
from cnn_study.errors import InputError

SHOWN_SIDE = 64
"""Side to which images of several sizes are resized to be shown, in pixels."""
SHOWN = 10
"""Number of images of a class that are shown."""


@dataclass(frozen=True)
class Survey:
    """The findings about a folder of images.

    Attributes:
        folder: The folder of images.
        layout: The files of its images, by part and class.
        sizes: Numbers of images by width and height, in pixels.
        gray: Whether all images are gray.
        examples: The first images of every class, ``(side, side, 3)``.
        copies: Groups of equal images in one part and class.
        across: Groups of equal images in several parts or classes.
        left_out: Files and folders that are passed over.
        problems: What is wrong with single images, a line each.
    """

    folder: Path
    layout: FolderLayout
    sizes: Mapping[tuple[int, int], int]
    gray: bool
    examples: Mapping[str, Sequence[np.ndarray]]
    copies: Sequence[Sequence[Path]]
    across: Sequence[Sequence[Path]]
    left_out: Sequence[Path]
    problems: Sequence[str]


def survey(path: str | Path, side: int | None = None) -> Survey:
    """Look at every image of a folder.

    Args:
        path: The folder of images.
        side: Side of the square to which images are resized, in pixels; ``None``: as they are, if they are alike.

    Raises:
        InputError: There is no such folder, or its layout is none that can be meant.
    """
    folder = resolved(path, side)
    layout = layout_of(folder)
    sizes: Counter[tuple[int, int]] = Counter()
    problems = []
    for image in layout.paths:
        try:
            sizes[size_of(image)] += 1
        except InputError:  # It is told below, with the others.
            continue
    shown = side or _common(sizes)
    examples: dict[str, list[np.ndarray]] = {name: [] for name in layout.classes}
    equal: dict[bytes, list[tuple[str, str, Path]]] = defaultdict(list)
    gray = True
    for part, name, image in _placed(layout):
        try:
            pixels = square(image, shown)
        except InputError as error:
            problems.append(str(error))
            continue
        gray &= pixels.ndim == 2
        equal[hashlib.sha256(in_color(pixels).tobytes()).digest()].append((part, name, image))
        if len(examples[name]) < SHOWN:
            examples[name].append(in_color(pixels))
    groups = [group for group in equal.values() if len(group) > 1]
    apart = [len({(part, name) for part, name, _ in group}) > 1 for group in groups]
    paths = [[image for *_, image in group] for group in groups]
    copies = [group for group, several in zip(paths, apart, strict=True) if not several]
    across = [group for group, several in zip(paths, apart, strict=True) if several]
    others = left_out(folder, layout)
    return Survey(folder, layout, sizes, gray, examples, copies, across, others, problems)


def _common(sizes: Mapping[tuple[int, int], int]) -> int:
    """The side of the images if they are squares of one size, else one to look at them."""
    match list(sizes):
        case [(width, height)] if width == height:
            return min(width, SHOWN_SIDE)
    return SHOWN_SIDE


def _placed(layout: FolderLayout) -> list[tuple[str, str, Path]]:
    return [
        (part, name, path)
        for part, by_class in layout.parts.items()
        for name, paths in by_class.items()
        for path in paths
    ]
