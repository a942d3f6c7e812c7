"""Data cards in Croissant 1.0 (JSON-LD, MLCommons): what is in files of results, for programs that find and load data.

``python -m cnn_study.croissant`` writes ``results/croissant.json``, the card of the results that came with the project.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_study import __version__
from cnn_study.cite import AUTHORS, bibtex
from cnn_study.codebook import ROWS, TABLES, Column
from cnn_study.data.dataset import Dataset
from cnn_study.data.registry import DATASETS
from cnn_study.files import replace_file
from cnn_study.places import REFERENCE
from cnn_study.profiles import PROFILES
from cnn_study.results import Store

FILE = "croissant.json"
"""The name of a card."""

LICENSE = "https://www.apache.org/licenses/LICENSE-2.0"
"""Of results, as of the project."""

CITATION = " ".join(bibtex(__version__).split())
"""The entry for BibTeX, on one line."""

FORMATS = {".csv": "text/csv", ".parquet": "application/x-parquet"}
"""Media types by the ends of names, as loaders of Croissant know them."""

TYPES = {"text": "sc:Text", "integer": "sc:Integer", "number": "sc:Float"}
"""Croissant's names of the kinds of columns."""

RUNS = (
    Column("key", "sixteen hexadecimal digits that identify all that the run was"),
    Column("semantics", "version of what training a specification means", "integer", "1"),
    Column("spec", "images, network, training, seeds and probes of the run, as JSON"),
    Column("ended", "target: at its training error; epochs: after its epochs; diverged"),
    Column("weights", "SHA-256 over the final weights, in hexadecimal"),
    Column("environment", "versions, machine, threads and switches that can change bits, as JSON"),
    Column("seconds", "wall time of the run: training, evaluations and probes", "number", "s"),
    Column("finished_at", "when it was finished, ISO 8601, UTC"),
)
"""Columns of ``runs.parquet`` that hold one value a row."""

CHECKS = (
    Column("key", "sixteen hexadecimal digits that identify the check"),
    Column("spec", "what was checked, as JSON"),
    Column("table", "cases or summaries, as a JSON list of rows"),
    Column("environment", "versions, machine, threads and switches that can change bits, as JSON"),
    Column("seconds", "wall time of the check", "number", "s"),
    Column("finished_at", "when it was finished, ISO 8601, UTC"),
)
"""Columns of ``checks.parquet`` that hold one value a row."""

_OUTCOMES = "A further column, outcomes, is a map from metrics to numbers"

STORED: Mapping[str, tuple[str, Sequence[Column]]] = {
    "runs.parquet": (
        f"A row a finished run. {_OUTCOMES}; history is a list of measured values: metric, step, epoch, value.",
        RUNS,
    ),
    "checks.parquet": (f"A row an exact check. {_OUTCOMES}.", CHECKS),
    "estimates.csv": (ROWS["estimates"], TABLES["estimates"]),
    "verdicts.csv": (ROWS["verdicts"], TABLES["verdicts"]),
}
"""The files beside results that a card describes: what a row is, and the columns."""


@dataclass(frozen=True)
class File:
    """A file with a table.

    Attributes:
        name: Its path from the card.
        content: Its bytes.
        rows: What a row is, in a sentence.
        columns: Of the table.
    """

    name: str
    content: bytes
    rows: str
    columns: Sequence[Column]


def card(name: str, description: str, files: Iterable[File], stores: Sequence[Store]) -> dict[str, Any]:
    """A data card.

    Args:
        name: Of the data.
        description: What they are, in words.
        files: That the card describes.
        stores: The results that they are made from: they say when, and on which images.

    Returns:
        JSON-LD, as plain values.
    """
    files = list(files)
    records = [record for store in stores for record in (*store.records().values(), *store.checks().values())]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": description,
        "version": __version__,
        "license": LICENSE,
        "creator": {"@type": "sc:Organization", "name": AUTHORS},
        "datePublished": max(record.finished_at for record in records)[:10],
        "citeAs": CITATION,
        "keywords": ["convolutional networks", "ablation", "replication"],
        "isBasedOn": [
            {"@type": "sc:Dataset", "name": each.title, "license": each.license, "citation": each.citation}
            for each in images_of(stores)
        ],
        "distribution": [_object(each) for each in files],
        "recordSet": [_record_set(each) for each in files],
    }


def images_of(stores: Iterable[Store]) -> list[Dataset]:
    """The data sets of the suite on which runs were made."""
    names = {record.spec.data.name for store in stores for record in store.records().values()}
    return [each for each in DATASETS.values() if each.name in names]


def _object(file: File) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "description": file.rows,
        "contentUrl": file.name,
        "contentSize": f"{len(file.content)} B",
        "encodingFormat": FORMATS[Path(file.name).suffix],
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }


def _record_set(file: File) -> dict[str, Any]:
    name = file.name.rpartition(".")[0]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": file.rows,
        "field": [_field(file, name, column) for column in file.columns],
    }


def _field(file: File, table: str, column: Column) -> dict[str, Any]:
    unit = f" Unit: {column.unit}." if column.unit not in ("", "1") else ""
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "description": f"{column.meaning[0].upper()}{column.meaning[1:]}.{unit}",
        "dataType": TYPES[column.kind],
        "source": {"fileObject": {"@id": file.name}, "extract": {"column": column.name}},
    }


def written(found: Mapping[str, Any]) -> str:
    """A card as the text of its file."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def card_of_results(root: Path) -> dict[str, Any]:
    """The card of the results of all profiles that a folder holds.

    Args:
        root: Such as ``results``: every profile has a folder in it.

    Raises:
        StoreError: A file of results is damaged.
    """
    stores = [store for name in PROFILES if (store := Store(root / name)).file.is_file()]
    profiles = "; ".join(f"{store.folder.name}: {PROFILES[store.folder.name]}" for store in stores)
    description = (
        "Training runs of small convolutional networks and the verdicts on published claims that follow from them. "
        f"Every profile is a folder: {profiles}."
    )
    return card("cnn_study results", description, _stored_files(root, stores), stores)


def _stored_files(root: Path, stores: Iterable[Store]) -> Iterator[File]:
    for store in stores:
        for name, (rows, columns) in STORED.items():
            path = store.folder / name
            if path.is_file():
                yield File(path.relative_to(root).as_posix(), path.read_bytes(), rows, columns)


CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The standard context of Croissant 1.0."""


def main() -> None:
    """Write the card of the results that came with the project."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE
    text = written(card_of_results(root))
    replace_file(root / FILE, lambda file: file.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
