"""Reads and writes records as Parquet files that hold a digest of themselves."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cnn_study.errors import DamagedError, InputError
from cnn_study.files import replace_file
from cnn_study.results.form import Form, R, rows_of

SCHEMA = 2
"""Version of the files. Older ones are read; newer ones are refused. Since 2 they hold a digest of themselves."""


def write(records: Sequence[R], path: Path, form: Form[R]) -> None:
    """Write records into a file, in their order.

    Args:
        records: The records, all of one kind.
        path: The file, which is replaced as a whole.
        form: How records of this kind are written.

    Raises:
        StoreError: The file cannot be written.
    """
    schema = form.columns.with_metadata({"cnn_study_schema": str(SCHEMA)})
    table = pa.Table.from_pylist([form.row(record) for record in records], schema=schema)
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(content, schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_SEAL.decode(): _UNSEALED.decode()})
    whole = sealed(content.getvalue().to_pybytes())
    replace_file(path, lambda temporary: temporary.write_bytes(whole))


# Kept by hand: pyarrow writes metadata with the file, so that they cannot hold its digest; a file beside it could not
# be replaced together with it; and a digest of the rows, which could be among the metadata, would depend on how a
# version of Arrow lays them out. Files that are sealed in this way have to be checked in any case.
_SEAL = b"cnn_study_sha256"
_UNSEALED = 64 * b"0"


def sealed(content: bytes) -> bytes:
    """A Parquet file with its SHA-256 in the place kept for it in its footer; the digest is taken with zeros there."""
    place = _place_of_seal(content)
    digest = hashlib.sha256(content[: place.start] + _UNSEALED + content[place.stop :]).hexdigest()
    return content[: place.start] + digest.encode() + content[place.stop :]


def _place_of_seal(content: bytes) -> slice:
    """Where the digest is: behind its name, with two bytes for its type and length between. Empty if there is none."""
    name = content.rfind(_SEAL)
    start = name + len(_SEAL) + 2
    return slice(start, start + len(_UNSEALED)) if name >= 0 else slice(0, 0)


_REMEDY = "remove it and run again, or restore it (git checkout)"


def read(path: Path, form: Form[R]) -> Iterator[R]:
    """The records of a file, without those that answer no question any more.

    Raises:
        FileNotFoundError: The file does not exist.
        DamagedError: The file is damaged, holds no such records, or was written by a newer version.
    """
    try:
        content = path.read_bytes()
        has_seal = _SEAL in content
        if has_seal and content != sealed(content):
            raise ValueError("its digest is another")
        # Without threads: Arrow's may abort a process that ends soon after (apache/arrow#34314).
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True, pre_buffer=False) as file:
            table = file.read(use_threads=False)
        version = int((table.schema.metadata or {}).get(b"cnn_study_schema", b"0"))
        if version == SCHEMA and not has_seal:
            raise ValueError("it lacks its digest")
        found = list(table.schema)
        lacking = [column.name for column in form.columns if column not in found]
        rows = [] if lacking else rows_of(table)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise DamagedError(f"{path} is damaged ({_first_line(error)}): {_REMEDY}") from None
    if version > SCHEMA:
        raise DamagedError(f"{path} was written by a newer cnn-study (schema {version}, known {SCHEMA}): upgrade it")
    if lacking or version < 1:
        raise DamagedError(
            f"{path} is no file of {form.kind} (it lacks {', '.join(lacking) or 'its schema'}): {_REMEDY}"
        )
    for row in rows:
        try:
            record = form.record(row)
        except InputError as error:
            raise DamagedError(
                f"{path} holds {form.kind} that this cnn-study cannot read ({error}): upgrade it"
            ) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise DamagedError(f"{path} is damaged ({_first_line(error)}): {_REMEDY}") from None
        if record is None:
            continue
        if record.key != row["key"]:
            raise DamagedError(f"{path}: the key {row['key']} is not that of its spec ({record.key}): {_REMEDY}")
        yield record


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
