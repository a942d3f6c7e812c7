"""The rows of the files: their columns, and the way from a record to a row and back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar, get_args

import pyarrow as pa

from cnn_study.results.records import Cell, CheckRecord, Ended, Point, RunRecord
from cnn_study.spec import SEMANTICS, CheckSpec, RunSpec

_HISTORY = pa.struct(
    [
        ("metric", pa.string()),
        ("step", pa.int64()),
        ("epoch", pa.float64()),
        ("value", pa.float64()),
    ]
)
_RUN_COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("semantics", pa.int64()),
        ("spec", pa.string()),
        ("ended", pa.string()),
        ("outcomes", pa.map_(pa.string(), pa.float64())),
        ("history", pa.list_(_HISTORY)),
        ("weights", pa.string()),
        ("environment", pa.string()),
        ("seconds", pa.float64()),
        ("finished_at", pa.string()),
    ]
)

_CHECK_COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("spec", pa.string()),
        ("outcomes", pa.map_(pa.string(), pa.float64())),
        ("table", pa.string()),
        ("environment", pa.string()),
        ("seconds", pa.float64()),
        ("finished_at", pa.string()),
    ]
)

R = TypeVar("R", RunRecord, CheckRecord)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table of records, with maps as dictionaries, and histories as tuples of points.

    What is missing is ``None``; of a history, the whole or a part of a point.

    Raises:
        ValueError: A map has a key twice.
    """
    rows = table.select([name for name in table.column_names if name != "history"]).to_pylist(maps_as_pydicts="strict")
    if "history" in table.column_names:
        # Column by column: a dictionary for every point takes longer than all the rest.
        history = table["history"].combine_chunks()
        points = history.flatten().flatten()
        whole = tuple(map(Point._make, zip(*(column.to_pylist() for column in points), strict=True)))
        ends = accumulate(history.value_lengths().fill_null(0).to_pylist(), initial=0)
        for row, there, (start, end) in zip(rows, history.is_valid().to_pylist(), pairwise(ends), strict=True):
            row["history"] = whole[start:end] if there else None
    return rows


@dataclass(frozen=True)
class Form(Generic[R]):
    """How records of one kind are written.

    Attributes:
        kind: What they are, in the plural: the name of their file.
        columns: The names and types of the columns of their table.
        row: The function that gives the row of a record.
        record: The function that gives the record of a row; ``None`` if it answers no question any more.
    """

    kind: str
    columns: pa.Schema
    row: Callable[[R], dict[str, Any]]
    record: Callable[[dict[str, Any]], R | None]


def _whole(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, of which no part is missing.

    Raises:
        ValueError: A part of the row is missing.
    """
    parts = [row, row["outcomes"] or {}]
    gaps = [name for part in parts for name, value in part.items() if value is None]
    holed = (point._asdict() for point in row.get("history") or () if None in point)
    gaps += [name for point in holed for name, value in point.items() if value is None]
    if gaps:
        raise ValueError(f"no {gaps[0]}")
    return row


def _words(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("the environment is no list of words")
    return found


def _cells(text: str) -> tuple[dict[str, Cell], ...]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("the table is no list of rows")
    if not all(isinstance(cell, Cell) for row in found for cell in row.values()):
        raise ValueError("a cell of the table is neither word nor number")
    return tuple(found)


def _run_row(record: RunRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "semantics": SEMANTICS,
        "spec": record.spec.model_dump_json(),
        "ended": record.ended,
        "outcomes": sorted(record.outcomes.items()),
        "history": [point._asdict() for point in record.history],
        "weights": record.weights,
        "environment": json.dumps(dict(record.environment), sort_keys=True),
        "seconds": record.seconds,
        "finished_at": record.finished_at,
    }


def _run_record(row: dict[str, Any]) -> RunRecord | None:
    if row["semantics"] != SEMANTICS:
        return None  # The same spec means another training by now.
    _whole(row)
    if row["ended"] not in get_args(Ended):
        raise ValueError(f"a run ended as {row['ended']!r}")
    return RunRecord(
        spec=RunSpec.parse(row["spec"]),
        ended=row["ended"],
        outcomes=row["outcomes"],
        history=row["history"],
        weights=row["weights"],
        environment=_words(row["environment"]),
        seconds=row["seconds"],
        finished_at=row["finished_at"],
    )


def _check_row(record: CheckRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "spec": record.spec.model_dump_json(),
        "outcomes": sorted(record.outcomes.items()),
        "table": json.dumps([dict(row) for row in record.table]),
        "environment": json.dumps(dict(record.environment), sort_keys=True),
        "seconds": record.seconds,
        "finished_at": record.finished_at,
    }


def _check_record(row: dict[str, Any]) -> CheckRecord:
    _whole(row)
    return CheckRecord(
        spec=CheckSpec.parse(row["spec"]),
        outcomes=row["outcomes"],
        table=_cells(row["table"]),
        environment=_words(row["environment"]),
        seconds=row["seconds"],
        finished_at=row["finished_at"],
    )


RUNS = Form("runs", _RUN_COLUMNS, _run_row, _run_record)
CHECKS = Form("checks", _CHECK_COLUMNS, _check_row, _check_record)
