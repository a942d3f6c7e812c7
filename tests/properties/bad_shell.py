"""Commands as others may type them: each ends with an exit code and, if it is refused, one line that says why."""

import io
import os
import tempfile
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from bad_stores import RECORD
from hypothesis import strategies as st

from cnn_study import cli, places, tracking
from cnn_study.cli import training
from cnn_study.data import cache
from cnn_study.errors import DataError
from cnn_study.execution.suite import Report
from cnn_study.results import Store

VERBS = {
    "claims": ["--profile", "--results", "--into"],
    "explain": ["--profile", "--results"],
    "figures": ["--profile", "--results", "--style"],
    "report": ["--profile", "--results", "--latex"],
    "sync": ["--profile", "--results", "--tracking-uri"],
    "ui": ["--profile", "--results", "--tracking-uri", "--port", "--host"],
    "plan": ["--profile", "--results", "--fallback"],
    "data": ["--cache"],
    "run": ["--profile", "--results", "--fallback", "--cache", "--jobs", "--tracking-uri", "--no-tracking"],
}
FLAGS = {"--latex", "--no-tracking"}
NAMES = {
    "explain": (["relu-beats-tanh", "pooling-is-needed"], ["relu-beats-than", "RELU-BEATS-TANH", "pooling"]),
    "data": (["digits"], ["digit", "cifar", "MNIST", "cifar-10", "../digits"]),
    "run": (["pooling", "output_size"], ["poling", "Pooling", "lenet-5", "../pooling", "no.py", "folder/", "file.py"]),
}

# Every path is taken from a folder inside a temporary one, so that `..` leads nowhere else.
PATHS = [
    "a b",
    "ü ö",
    "日本/結果",
    "..",
    "../../x",
    ".",
    "~",
    "$HOME",
    "-",
    "",
    "file",
    "file/below",
    "folder",
    "store",
]
PATHS += ["damaged", "foreign", "folder-for-file", "file-for-folder", "loop", "dangling", "/dev/null", "/proc/nothing"]
PATHS += [
    "x" * 300,
    "x/" * 3000,
    "nul\0byte",
    "line\nbreak",
    "\x1b[31mred",
    "[red]",
    "\udcff",
    "lr=0.1/b",
    "s3://x/y",
    "c:\\d",
]

words = st.text(max_size=12).filter(lambda word: not word.startswith("/"))
paths = st.sampled_from(PATHS) | words.map(lambda word: f"t{word}")
OPTIONS = {
    "--profile": ("quick", st.sampled_from(["smoke", "full", "quik", "QUICK", "../quick", "quick/", "\udcff"]) | words),
    "--results": ("store", paths),
    "--cache": ("a b", paths),
    "--into": ("readme.md", paths),
    "--style": ("slides", st.sampled_from(["papers", "PAPER"]) | words),
    "--fallback": ("digits", st.sampled_from(["digit", "cifar", "../../x", "nul\0byte"]) | words),
    "--jobs": ("1", st.sampled_from(["0", "-1", "1e3", "nan", "99999999999999999999", "٣", ""]) | words),
    "--port": ("5001", st.sampled_from(["0", "-1", "65536", "http", "1_0"]) | words),
    "--host": ("::1", st.sampled_from(["127.0.0.1", "no such host", ""]) | words),
    "--tracking-uri": (
        "sqlite:///x.db",
        st.sampled_from(["http://user:hush@127.0.0.1:9", "nonsense://", "", "\0"]) | words,
    ),
}


@st.composite
def lines(draw):
    """A command line without its program, the words apart: a good one, of which a word or two may be bad."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.lists(words | st.sampled_from([*VERBS, "--help", "--version", "--"]), max_size=4))

    def usually(good, bad):
        return draw(bad if draw(st.integers(0, 3)) == 0 else good)

    verb = draw(st.sampled_from(sorted(VERBS)))
    good, bad = NAMES.get(verb, NAMES["run"])
    count = draw(st.integers(0, 2)) if verb not in ("data", "explain") else 1
    line = [verb, *(usually(st.sampled_from(good), st.sampled_from(bad) | words) for _ in range(count))]
    for option in draw(st.lists(st.sampled_from(VERBS[verb]), max_size=3, unique=True)):
        line += [option] if option in FLAGS else [option, usually(st.just(OPTIONS[option][0]), OPTIONS[option][1])]
    return line if draw(st.integers(0, 19)) else [*line, draw(st.sampled_from(["--job", "--x", "-", "--results"]))]


def _only_the_digits(name, **options):
    if name != "digits":
        raise DataError(f"{name} cannot be had: nothing is fetched here; try --fallback digits")
    return ensure(name, **options)


ensure = cache.ensure


@contextmanager
def place():
    """A folder with files and folders that can be taken for others, in which nothing is trained or fetched."""
    with tempfile.TemporaryDirectory() as root:
        here = Path(root) / "one" / "two"
        for folder in (
            "folder",
            "damaged/quick",
            "foreign/quick",
            "folder-for-file/quick/runs.parquet",
            "file-for-folder",
        ):
            (here / folder).mkdir(parents=True)
        for file in ("file", "damaged/quick/runs.parquet", "file-for-folder/quick", "readme.md"):
            (here / file).write_bytes(b"PAR1 \xff\x00 nonsense")
        (here / "foreign/quick/checks.parquet").write_text("{}")
        (here / "file.py").write_text("EXPERIMENT = 1 / 0\n")
        (here / "loop").symlink_to("loop")
        (here / "dangling").symlink_to("nowhere")
        Store(here / "store" / "quick").add(RECORD)
        environment = {"CNN_STUDY_CACHE": str(here / "cache"), "HOME": str(here)}
        with (
            chdir(here),
            mock.patch.dict(os.environ, environment),
            mock.patch.object(cache, "ensure", _only_the_digits),
            mock.patch.object(tracking, "serve", return_value=0),
            # So that a command does not draw all that the reference results hold.
            mock.patch.object(places, "SHIPPED", here / "store"),
            mock.patch.object(training, "_train", return_value=Report(frozenset())),
        ):
            yield


def called(line):
    """Exit code, standard output and standard error of a command. Any other end of it is an error of the test's."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    with place(), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main(line)
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    return code, *(stream.buffer.getvalue().decode() for stream in (out, err))


def ends_with_a_code_and_one_line(line):
    """A command ends with 0, or with 1 or 2 and one line; one that was typed wrongly ends with 2 and its usage.

    Returns:
        Whether it ends with 0.
    """
    code, _, error = called(line)
    assert code in (0, 1, 2), code
    assert "Traceback" not in error
    if code == 0 or "─ Error ─" in error or not line:
        return code == 0
    complaints = [told for told in error.splitlines() if told.startswith("cnn-study: ")]
    assert len(complaints) == 1, error
    assert code == 1 or error.strip() == complaints[0], error
    return False
