"""Results as CSV files for other programs, with a codebook and a data card."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from cnn_study import __version__, croissant
from cnn_study.analysis.decisions import Outcome
from cnn_study.cite import TITLE
from cnn_study.codebook import ROWS, TABLES, Column, metric_rows, outcome_column
from cnn_study.croissant import File
from cnn_study.errors import InputError, StoreError
from cnn_study.files import TEMPORARY, replace_whole
from cnn_study.frames import Results, framed
from cnn_study.report.summary import table
from cnn_study.results import Store

CODEBOOK = "README.md"
"""The name of the file that says what is in the others."""

NAMES = (*(f"{name}.csv" for name in ROWS), CODEBOOK, croissant.FILE)
"""The files of an export, in the order in which they are written: the card, which has the digests, at the end."""


def export(store: Store, family: Sequence[Outcome], folder: Path) -> list[Path]:
    """Write ``runs.csv``, ``curves.csv``, ``probes.csv``, ``estimates.csv``, ``verdicts.csv``, a codebook and a card.

    Numbers have all their digits, so that they are read as they are stored. Every file appears under its name only when
    it is complete; those of an earlier export are replaced.

    Args:
        store: Runs and checks.
        family: What all experiments have found in it.
        folder: Made if it is not there.

    Returns:
        The files.

    Raises:
        InputError: The folder holds other files, or is none.
        StoreError: A file cannot be written.
    """
    _refuse_others(folder)
    found = framed(store, family)
    files = list(_tables(found))
    contents = [each.content for each in files]
    contents.append(codebook(store, found).encode())
    contents.append(_card(store, files).encode())
    paths = [folder / name for name in NAMES]
    for path, content in zip(paths, contents, strict=True):
        _write(path, content)
    return paths


def _refuse_others(folder: Path) -> None:
    """Raise InputError if there is anything in the folder that is not of an export."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give --to another path")
    parts = tuple(f".{name}." for name in NAMES)
    for path in sorted(folder.iterdir()):
        unfinished = path.name.startswith(parts) and path.name.endswith(TEMPORARY)
        if path.name not in NAMES and not unfinished:
            raise InputError(
                f"{folder} holds other files, such as {path.name}: give --to an empty folder, or that of an export"
            )


def _write(path: Path, content: bytes) -> None:
    try:
        replace_whole(path, lambda file: file.write_bytes(content))
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; make room or give --to another folder"
        ) from None


def _tables(found: Results) -> Iterator[File]:
    for name, rows in ROWS.items():
        frame = getattr(found, name)
        yield File(f"{name}.csv", _csv(frame).encode(), rows, columns_of(name, frame))


def columns_of(name: str, frame: pd.DataFrame) -> Sequence[Column]:
    """The columns of a table, those of the outcomes of runs too.

    Args:
        name: Of the table.
        frame: Its rows.
    """
    known = TABLES[name]
    return (*known, *map(outcome_column, frame.columns[len(known) :]))


def _csv(frame: pd.DataFrame) -> str:
    """A frame with all digits of its numbers. A value that is no number is told from one that is missing."""
    if "value" in frame:
        frame = frame.assign(value=[value if math.isfinite(value) else str(value) for value in frame.value])
    return frame.to_csv(index=False, lineterminator="\n")


def _card(store: Store, files: Sequence[File]) -> str:
    profile = store.folder.name
    description = (
        f"Training runs of small convolutional networks in the profile {profile}, what was measured along the way, and "
        "the verdicts on published claims that follow from them."
    )
    return croissant.written(croissant.card(f"cnn_study {profile}", description, files, [store]))


# --- the codebook ---


def codebook(store: Store, found: Results) -> str:
    """What is in the files of an export, in Markdown: every column and every metric with its unit, and what to cite.

    Args:
        store: Runs and checks.
        found: What is exported.
    """
    return "\n".join(_codebook(store, found))


def _codebook(store: Store, found: Results) -> Iterator[str]:
    yield f"# Results of cnn_study in the profile {store.folder.name}"
    yield ""
    yield f"Written by cnn_study {__version__} (`cnn-study export`). {TITLE.partition(': ')[2].capitalize()}."
    yield ""
    yield (
        "CSV, UTF-8, the heads of the columns first, all digits of every number. An empty cell is a missing value; a "
        "run has none in the columns of what it does not measure. The unit `1` is that of pure numbers: fractions "
        "between 0 and 1, ratios, losses. `key` joins runs, curves and probes: read it as text, since some keys look "
        f'like numbers, in pandas with `dtype={{"key": str}}`. `{croissant.FILE}` describes the files in '
        "Croissant 1.0, with their digests."
    )
    for name, rows in ROWS.items():
        frame = getattr(found, name)
        yield from ("", f"## {name}.csv", "", f"{rows} {len(frame):,} rows.", "")
        heads = ("column", "kind", "unit", "meaning")
        yield table(heads, ((each.name, each.kind, each.unit, each.meaning) for each in columns_of(name, frame)))
    yield from (
        "",
        "## Metrics",
        "",
        "What `metric` names. Of a layer it is `NAME/LAYER`, of a family `NAME/NUMBER`.",
        "",
    )
    head, *body = metric_rows()
    yield table(head, list(body))
    yield from ("", "## License and citation", "", f"Results: Apache License 2.0. Cite `{croissant.CITATION}`")
    yield "and the images that they were made on:"
    yield ""
    for each in croissant.images_of([store]):
        yield f"- {each.title}: {each.citation}. License: {each.license}."
    yield ""
