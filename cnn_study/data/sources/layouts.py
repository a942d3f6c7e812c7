"""Raw files of data sets in the forms they are published in, and how they become arrays.

Nothing in them is trusted: sizes are limited before anything is expanded, and pickles are read without their classes.
NumPy and the like are imported where they are used, as the registry, which lists layouts, needs none of them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import pickle
import posixpath
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnn_study.data.dataset import ARRAYS, Dataset, SourceUnavailable

if TYPE_CHECKING:
    import numpy as np

UNREADABLE = (
    OSError,
    ValueError,
    OverflowError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    pickle.UnpicklingError,
)
"""The errors that reading a damaged file raises."""


def decode_idx(data: bytes) -> np.ndarray:
    """An IDX file of unsigned bytes: magic number, big-endian sizes, values (LeCun et al. 1998, MNIST page).

    Raises:
        ValueError: It is no IDX file, or its length is not what its header says.
    """
    import numpy as np

    start = 4 + 4 * data[3] if len(data) > 3 else 4
    if data[:3] != b"\x00\x00\x08" or len(data) < start:
        raise ValueError("not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{data[3]}I", data, 4)
    if len(data) - start != math.prod(shape):
        raise ValueError(f"IDX file holds {len(data) - start} values, its header says {math.prod(shape)}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def decode_cifar_binary(data: bytes, image_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A CIFAR-10 ``.bin`` batch: records of a label and the red, green and blue planes, row by row.

    Returns:
        Images ``(examples, height, width, channels)`` and labels ``(examples,)``.

    Raises:
        ValueError: The length is no multiple of that of a record.
    """
    import numpy as np

    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + math.prod(image_shape))
    return _planes_last(records[:, 1:], image_shape), records[:, 0]


def decode_cifar_png(data: bytes, image_shape: tuple[int, int, int]) -> np.ndarray:
    """A PNG whose every row is one image: ``(examples, height, width, channels)``.

    Raises:
        ValueError: It has not the color type or the width that such images have.
    """
    import numpy as np
    from PIL import Image

    # CIFAR-10 has 10 million pixels a file, a ninth of what Pillow takes for a decompression bomb.
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if image.mode != "RGB" or image.width * 3 != math.prod(image_shape):
            raise ValueError(f"PNG is {image.mode}, {image.width} wide; expected rows of RGB images of {image_shape}")
        return np.asarray(image).reshape(-1, *image_shape)


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays of numbers and refuses all else."""

    def find_class(self, module: str, name: str) -> object:
        """Let NumPy's array constructors pass."""
        constructors = {("numpy", "ndarray"), ("numpy", "dtype")}
        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            constructors.add((module, "_reconstruct"))
        if (module, name) not in constructors:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def _planes_last(flat: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    height, width, channels = image_shape
    return flat.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)


def _idx_arrays(files: Mapping[str, bytes], dataset: Dataset) -> dict[str, np.ndarray]:
    return {array: decode_idx(files[name]) for array, name in zip(ARRAYS, IDX.files, strict=True)}


def _binary_arrays(files: Mapping[str, bytes], dataset: Dataset) -> dict[str, np.ndarray]:
    return _joined([decode_cifar_binary(files[name], dataset.image_shape) for name in CIFAR_BINARY.files])


def _python_arrays(files: Mapping[str, bytes], dataset: Dataset) -> dict[str, np.ndarray]:
    import numpy as np

    batches = [_ArrayUnpickler(io.BytesIO(files[name]), encoding="bytes").load() for name in CIFAR_PYTHON.files]
    return _joined(
        [(_planes_last(batch[b"data"], dataset.image_shape), np.array(batch[b"labels"], np.uint8)) for batch in batches]
    )


def _png_arrays(files: Mapping[str, bytes], dataset: Dataset) -> dict[str, np.ndarray]:
    import numpy as np

    *names, train, test = CIFAR_PNG.files
    images = [decode_cifar_png(files[name], dataset.image_shape) for name in names]
    y_train, y_test = (np.array(json.loads(files[name]), np.uint8) for name in (train, test))
    return {
        "x_train": np.concatenate(images[:-1]),
        "y_train": y_train,
        "x_test": images[-1],
        "y_test": y_test,
    }


def _joined(batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """The five training batches as one; the sixth is the test batch."""
    import numpy as np

    images, labels = zip(*batches, strict=True)
    return {
        "x_train": np.concatenate(images[:-1]),
        "y_train": np.concatenate(labels[:-1]),
        "x_test": images[-1],
        "y_test": labels[-1],
    }


@dataclass(frozen=True)
class Layout:
    """The raw files of a data set and how they become arrays.

    Attributes:
        files: Names of the raw files; each may have been compressed to ``NAME.gz``.
        decode: The function from the contents of the files by name to arrays.
        archive: Name of the tar archive in which the files are given away, if they are.
        folder: Folder that holds the files inside the archive.
        sha256: SHA-256 that the archive must have before it is opened. The files are then never read from outside it.
    """

    files: tuple[str, ...]
    decode: Callable[[Mapping[str, bytes], Dataset], dict[str, np.ndarray]]
    archive: str | None = None
    folder: str = ""
    sha256: str | None = None

    def arrays(self, place: Path, dataset: Dataset) -> dict[str, np.ndarray]:
        """Read the archive or the files in a folder and decode them.

        Raises:
            SourceUnavailable: They are not there or cannot be read.
        """
        try:
            return self.decode(self._read(place, _limit(dataset)), dataset)
        except UNREADABLE as error:
            raise SourceUnavailable(f"cannot read the files in {place}: {error}") from error

    def unpacked(self, archive: IO[bytes], folder: str, dataset: Dataset) -> dict[str, np.ndarray]:
        """Decode the files in a folder of an open tar archive.

        Raises:
            SourceUnavailable: They are not there, cannot be read, or the archive is not safe.
        """
        try:
            return self.decode(read_members(archive, folder, self.files, _limit(dataset)), dataset)
        except UNREADABLE as error:
            raise SourceUnavailable(f"cannot read the archive: {error}") from error

    def _read(self, place: Path, limit: int) -> dict[str, bytes]:
        archive = place / self.archive if self.archive else None
        if archive and archive.is_file():
            with archive.open("rb") as file:
                if self.sha256:
                    check_hash(self.archive or "", self.sha256, hashlib.file_digest(file, "sha256").hexdigest())
                    file.seek(0)
                return read_members(file, self.folder, self.files, limit)
        if self.sha256:
            raise SourceUnavailable(f"no {self.archive} in {place}")
        inner = place / self.folder
        place = inner if inner.is_dir() else place
        return {name: _read_file(place, name, limit) for name in self.files}


def read_members(archive: IO[bytes], folder: str, names: Iterable[str], limit: int) -> dict[str, bytes]:
    """Contents of named files of a tar archive; nothing is written to the disk.

    Args:
        archive: The open tar archive, compressed or not.
        folder: Folder that holds the files inside the archive.
        names: The files; each may have been compressed to ``NAME.gz``.
        limit: Largest number of bytes that all of them together may have.

    Raises:
        tarfile.FilterError: A member, wanted or not, leads outside the archive.
        ValueError: A file is missing, no regular file, or too large.
    """
    wanted = {posixpath.join(folder, name + suffix): name for name in names for suffix in ("", ".gz")}
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            tarfile.data_filter(member, tempfile.gettempdir())
            path = posixpath.normpath(member.name)
            if path not in wanted:
                continue
            file = tar.extractfile(member) if member.isreg() else None
            if file is None:
                raise ValueError(f"{path} is no regular file")
            contents[wanted[path]] = data = _expanded(file, path, limit)
            limit -= len(data)
    if missing := sorted(set(wanted.values()) - set(contents)):
        raise ValueError(f"no {', '.join(missing)} in {folder or 'it'}")
    return contents


def _read_file(place: Path, name: str, limit: int) -> bytes:
    for path in (place / name, place / f"{name}.gz"):
        if path.is_file():
            with path.open("rb") as file:
                return _expanded(file, path.name, limit)
    raise SourceUnavailable(f"no {name} in {place}")


def _expanded(file: IO[bytes], name: str, limit: int) -> bytes:
    with gzip.open(file) if name.endswith(".gz") else file as plain:
        data = plain.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} is larger than the data set can be")
    return data


def _limit(dataset: Dataset) -> int:
    """Bytes that raw files may have: twice the arrays, and a little for small data sets."""
    return 2 * dataset.size + 2**20


def check_hash(what: str, expected: str, actual: str) -> None:
    """Compare the hash of a file before it is opened.

    Raises:
        SourceUnavailable: The hashes differ.
    """
    if expected != actual:
        raise SourceUnavailable(f"wrong hash of {what}: expected {expected}, got {actual}; it was not opened")


IDX = Layout(
    (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ),
    _idx_arrays,
)
"""The four files of MNIST and of all who follow it."""

CIFAR_BINARY = Layout(
    (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"),
    _binary_arrays,
    archive="cifar-10-binary.tar.gz",
    folder="cifar-10-batches-bin",
)
"""The official binary version."""

CIFAR_PYTHON = Layout(
    (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
    _python_arrays,
    archive="cifar-10-python.tar.gz",
    folder="cifar-10-batches-py",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
"""The official Python version. It is pickled, therefore opened only if the archive has the expected hash."""

CIFAR_PNG = Layout(
    (
        *(f"data_batch_{number}.png" for number in range(1, 6)),
        "test_batch.png",
        "train_lables.json",
        "test_lables.json",
    ),
    _png_arrays,
)
"""The batches as PNG, labels as JSON, as JavaScript libraries use them."""
