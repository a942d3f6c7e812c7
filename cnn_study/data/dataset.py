"""What a data set is: facts only. Importing this module loads neither NumPy nor Keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cnn_study.spec import digest

if TYPE_CHECKING:
    import numpy as np

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
"""The arrays of every data set."""


class SourceUnavailable(Exception):  # noqa: N818 - an answer of a source rather than an error of the program
    """A source cannot deliver. The message is the reason, in one line."""


class Progress(Protocol):
    """A function that is told the progress of a fetch several times a second."""

    def __call__(self, description: str, done: int, total: int | None) -> None:
        """Take note of ``done`` of ``total`` bytes; ``None``: nobody knows how many there will be."""


class Source(Protocol):
    """A place that may have a data set."""

    @property
    def name(self) -> str:
        """The name of this place for people."""
        ...

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Get the raw files and decode them, writing nowhere but into ``workdir``.

        Raises:
            SourceUnavailable: The data set cannot be had here.
        """
        ...


@dataclass(frozen=True)
class ArrayInfo:
    """The facts that a decoded array must agree with.

    Attributes:
        shape: Its shape, with the examples as first axis.
        dtype: NumPy's name of its type.
        sha256: SHA-256 of its bytes in C order, in hexadecimal.
    """

    shape: tuple[int, ...]
    dtype: str
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """A registered data set.

    Attributes:
        name: What specifications and the cache call it.
        title: What figures and tables call it.
        classes: Class names, in the order of the labels.
        image_shape: Shape of an image, ``(height, width, channels)``. The stored arrays of gray images lack the last
            axis.
        license: The license under which the images may be used.
        citation_key: BibTeX key of the reference.
        citation: The reference, in one line.
        arrays: Expected shape, type and hash of ``x_train``, ``y_train``, ``x_test`` and ``y_test``.
        sources: Where the bytes may come from, in the order in which they are asked.
        embedded: It ships inside a dependency and needs neither a network nor a writable cache.
        own: It is the user's, from a folder of images.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    license: str
    citation_key: str
    citation: str
    arrays: Mapping[str, ArrayInfo]
    sources: tuple[Source, ...]
    embedded: bool = False
    own: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over name, shape, type and hash of all arrays: the content of the data set."""
        return digest(sorted([name, a.shape, a.dtype, a.sha256] for name, a in self.arrays.items()))

    @property
    def size(self) -> int:
        """Bytes of all arrays together; every type in use takes one byte an element."""
        return sum(prod(array.shape) for array in self.arrays.values())


def described(dataset: Dataset) -> dict[str, Any]:
    """What :func:`parsed` makes the data set of again: all but where its images are, as plain JSON values."""
    arrays = {name: [list(info.shape), info.dtype, info.sha256] for name, info in dataset.arrays.items()}
    return {
        "name": dataset.name,
        "title": dataset.title,
        "classes": list(dataset.classes),
        "image_shape": list(dataset.image_shape),
        "arrays": arrays,
    }


def parsed(description: Mapping[str, Any], sources: Iterable[Source] = ()) -> Dataset:
    """The data set of a description.

    Raises:
        ValueError: It describes no data set.
    """
    try:
        arrays = {
            name: ArrayInfo(tuple(shape), dtype, sha256)
            for name, (shape, dtype, sha256) in description["arrays"].items()
        }
        return Dataset(
            description["name"],
            description["title"],
            tuple(description["classes"]),
            tuple(description["image_shape"]),
            license="",
            citation_key="",
            citation="",
            arrays={name: arrays[name] for name in ARRAYS},
            sources=tuple(sources),
            own=True,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no description of a data set: {error}") from None
