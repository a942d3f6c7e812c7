"""Files of results with anything in them: each is read as it was written, or refused in one line."""

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cases import attempt
from conftest import made_up_arm, made_up_check, made_up_record
from hypothesis import strategies as st

from cnn_study.errors import StoreError
from cnn_study.results import Store
from cnn_study.spec import CheckSpec

RECORD = made_up_record(made_up_arm("relu").run(0.01, 1))
CHECK = made_up_check(CheckSpec(check="sizes"))
FILES = ("runs.parquet", "checks.parquet")


def _contents():
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.add(RECORD)
        store.add_check(CHECK)
        store.merge()
        return tuple((Path(folder) / name).read_bytes() for name in FILES)


GOOD = _contents()
JSON = ["", "{", "null", "[]", "{}", '"x"', "[1]", '[{"a": null}]', '{"a": 1}', "[" * 5000, '{"a": "b"}', "\x00"]


@st.composite
def damaged(draw):
    """A file of runs or checks, cut off, with other bytes, or with bytes of no kind at all."""
    which = draw(st.sampled_from([0, 1]))
    good = GOOD[which]
    place = draw(st.integers(0, len(good) - 1))
    match draw(st.sampled_from(["cut", "other", "bytes", "doubled"])):
        case "cut":
            content = good[:place]
        case "other":
            new = draw(st.binary(min_size=1, max_size=8))
            content = good[:place] + new + good[place + len(new) :]
        case "bytes":
            content = draw(st.binary(max_size=200))
        case _:
            content = good + good[place:]
    return which, content


@st.composite
def rewritten(draw):
    """A file that Parquet can read, with values, columns or a version that cannot be."""
    which = draw(st.sampled_from([0, 1]))
    table = pq.read_table(pa.BufferReader(GOOD[which]))
    metadata = {
        b"cnn_study_schema": draw(st.sampled_from([b"1", b"1", b"1", b"1", b"0", b"-1", b"99", b"x", b"", b"9" * 5000]))
    }
    for _ in range(draw(st.integers(1, 2))):
        i = draw(st.integers(0, table.num_columns - 1))
        field = table.schema.field(i)
        match draw(st.sampled_from(["value", "value", "none", "drop", "type", "rows"])):
            case "value" if field.type == pa.string():
                value = draw(st.sampled_from(JSON) | st.text(max_size=20))
                if field.name == "spec" and draw(st.booleans()):
                    value = json.dumps(
                        {**json.loads((RECORD, CHECK)[which].spec.model_dump_json()), draw(st.text(max_size=4)): 1}
                    )
                table = table.set_column(i, field, [pa.array([value] * table.num_rows, pa.string())])
            case "value" if field.name == "outcomes" and not pa.types.is_binary(field.type):
                pairs = draw(st.lists(st.tuples(st.text(max_size=3), st.none() | st.floats()), max_size=3))
                table = table.set_column(i, field, [pa.array([pairs] * table.num_rows, field.type)])
            case "value" if field.name == "history" and not pa.types.is_binary(field.type):
                point = {"metric": draw(st.none() | st.text(max_size=3)), "step": draw(st.none() | st.integers(-9, 9))}
                points = draw(st.sampled_from([[None], [{**point, "epoch": 1.0, "value": None}], [point]]))
                table = table.set_column(i, field, [pa.array([points] * table.num_rows, field.type)])
            case "none":
                table = table.set_column(i, field, [pa.nulls(table.num_rows, field.type)])
            case "drop" if table.num_columns > 1:
                table = table.remove_column(i)
            case "type":
                table = table.set_column(i, field.name, [pa.array([b"\xff"] * table.num_rows, pa.binary())])
            case "rows":
                table = pa.concat_tables([table, table])
    content = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), content)
    return which, content.getvalue().to_pybytes()


files = damaged() | rewritten() | rewritten()


def is_read_or_refused(file):
    """What was written is read, or the file is named in one line.

    Returns:
        Whether it is read.
    """
    which, content = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILES[which]
        path.write_bytes(content)
        store = Store(Path(folder))
        found = attempt(StoreError, store.records if which == 0 else store.checks)
        if isinstance(found, StoreError):
            assert str(path) in str(found)
            return False
    good = RECORD if which == 0 else CHECK
    assert set(found) <= {good.key}
    for record in found.values():
        assert record.spec == good.spec
        assert all(isinstance(value, float) for value in record.outcomes.values())
        assert all(isinstance(word, str) for word in record.environment.values())
    return True
