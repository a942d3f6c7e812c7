"""Exported tables hold what is stored, to the last digit, and say what they are; data cards fit their files."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from committed import REFERENCE, frames, outcomes, store
from conftest import made_up_check

import cnn_study
from cnn_study import cite, codebook, croissant
from cnn_study.cli import main, reading
from cnn_study.data.registry import DATASETS
from cnn_study.experiment import Setting
from cnn_study.export import CODEBOOK, NAMES, ROWS
from cnn_study.results import Store
from cnn_study.spec import CheckSpec

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The results that came with the project."""
    folder = tmp_path_factory.mktemp("export") / "tables"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "stores_to_read", lambda results, profile: [(store(profile), Setting(profile))])
        patch.setattr(reading, "outcomes_in", lambda stored, known, setting: outcomes(setting.profile))
        main_exits(0, "export", "--results", str(REFERENCE), "--to", str(folder))
    return folder


@pytest.fixture
def quick():
    return frames("quick")


def main_exits(code, *arguments):
    """Run a command, and see how it ends."""
    try:
        main(arguments)
    except SystemExit as end:
        assert (end.code or 0) == code  # noqa: PT017 - 0 may be None
    else:
        assert code == 0


@pytest.mark.parametrize("name", ROWS)
def test_tables_are_read_as_they_are_loaded(name, exported, quick):
    loaded = getattr(quick, name)
    types = {head: "Int64" for head, kind in loaded.dtypes.items() if kind == "Int64"}
    read = pd.read_csv(exported / f"{name}.csv", dtype={"key": str, **types})
    assert len(read) == len(loaded) > 0
    for head in loaded:
        if loaded[head].isna().all():
            assert read[head].isna().all()
        else:
            pd.testing.assert_series_equal(read[head], loaded[head], check_exact=True)


def test_there_are_these_files_and_none_that_is_unfinished(exported):
    assert sorted(path.name for path in exported.iterdir()) == sorted(NAMES)


def test_the_codebook_has_every_column_and_every_metric(exported):
    text = (exported / CODEBOOK).read_text(encoding="utf-8")
    for name in ROWS:
        heads = list(pd.read_csv(exported / f"{name}.csv", nrows=0).columns)
        section = re.search(rf"^## {name}\.csv\n(.*?)^## ", text, re.M | re.S).group(1)
        assert re.findall(r"^\| (\S+) \| (?:text|integer|number) \|", section, re.M) == heads
    assert "| test_error | outcome |" in text
    assert f"{DATASETS['cifar10'].title}: {DATASETS['cifar10'].citation}" in text
    assert DATASETS["fashion_mnist"].citation not in text


def test_meanings_can_be_read_one_by_one():
    meanings = {(name, kind): meaning for name, kind, meaning, *_ in codebook.metric_rows()}
    assert meanings["weight_gradient_slope_end", "outcome"] == "as gradient_slope_end, of the gradient of weights"
    assert not [text for text in meanings.values() if re.search(r"\b(it gets|their|them|the same)\b", text)]


def test_a_value_that_is_no_number_is_told_from_one_that_is_missing(tmp_path):
    kept = next(iter(store("full").records().values()))
    point = kept.history[0]._replace(value=math.nan)
    Store(tmp_path / "full").add(replace(kept, history=(point, *kept.history[1:])))
    main_exits(0, "export", "--profile", "full", "--results", str(tmp_path), "--to", str(tmp_path / "t"))
    assert (tmp_path / "t" / "curves.csv").read_text(encoding="utf-8").splitlines()[1].endswith(",nan")


def test_an_export_replaces_an_earlier_one_and_nothing_else(exported, tmp_path, capsys):
    Store(tmp_path / "smoke").add_check(made_up_check(CheckSpec(check="sizes", sample=True)))
    ask = ("export", "--profile", "smoke", "--results", str(tmp_path), "--to")
    folder = tmp_path / "tables"
    main_exits(0, *ask, str(folder))
    (folder / "runs.csv").write_text("old", encoding="utf-8")
    (folder / ".runs.csv.abc.part").write_text("half", encoding="utf-8")
    main_exits(0, *ask, str(folder))
    assert (folder / "runs.csv").read_text(encoding="utf-8").startswith("experiment,arm,")
    capsys.readouterr()

    (folder / "thesis.tex").write_text("mine", encoding="utf-8")
    (folder / "runs.csv").write_text("old", encoding="utf-8")
    main_exits(2, *ask, str(folder))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "holds other files, such as thesis.tex: give --to an empty folder, or that of an export" in told
    assert (folder / "runs.csv").read_text(encoding="utf-8") == "old"

    main_exits(2, *ask, str(folder / "thesis.tex"))
    assert "thesis.tex is no folder: give --to another path" in capsys.readouterr().err
    main_exits(1, *ask, "/proc/nothing")
    assert re.search(r"cannot write .*; make room or give --to another folder\n$", capsys.readouterr().err)
    main_exits(2, "export", "--profile", "quick", "--results", str(tmp_path), "--to", str(folder))
    assert "no results of the profile 'quick'" in capsys.readouterr().err


# --- data cards ---


def cards():
    """A card, and the folder of its files."""
    return [pytest.param("reference", id="reference"), pytest.param("export", id="export")]


@pytest.fixture
def place(request, exported):
    return {"reference": REFERENCE, "export": exported}[request.param]


def test_the_card_of_the_reference_results_is_up_to_date(monkeypatch):
    monkeypatch.setattr(croissant, "Store", lambda folder: store(folder.name))
    kept = (REFERENCE / croissant.FILE).read_text(encoding="utf-8")
    assert kept == croissant.written(croissant.card_of_results(REFERENCE)), "run `make readme`"


@pytest.mark.parametrize("place", cards(), indirect=True)
def test_a_card_has_the_digest_and_the_columns_of_every_file(place):
    card = json.loads((place / croissant.FILE).read_text(encoding="utf-8"))
    sets = {each["@id"]: each for each in card["recordSet"]}
    for each in card["distribution"]:
        content = (place / each["contentUrl"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["contentSize"] == f"{len(content)} B"
        fields = [field["name"] for field in sets[each["@id"].rpartition(".")[0]]["field"]]
        if each["@id"].endswith(".csv"):
            assert fields == content.splitlines()[0].decode().split(",")
        else:
            missing = {"outcomes", "history"} if "runs" in each["@id"] else {"outcomes"}
            assert set(pd.read_parquet(place / each["contentUrl"]).columns) == {*fields} | missing


VALIDATE = """
import sys, mlcroissant
found = mlcroissant.Dataset(sys.argv[1])
issues = found.metadata.ctx.issues
assert not issues.errors and not issues.warnings, issues.report()
for each in found.metadata.record_sets:
    rows = list(found.records(each.id))
    assert all(len(row) == len(each.fields) for row in rows)
    print(each.id, len(rows))
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", cards(), indirect=True)
def test_the_validator_accepts_a_card_and_reads_every_table(place):
    """In an environment of its own: mlcroissant brings stubs of pandas, which change what the type checker says."""
    packages = ("--with", "mlcroissant>=1.1,<2", "--with", "pyarrow", "--with", "pandas<4")
    answer = subprocess.run(
        ["uv", "run", "--no-project", "--isolated", *packages, "python", "-c", VALIDATE, str(place / croissant.FILE)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
    )
    assert answer.returncode == 0, answer.stderr
    rows = {name: int(count) for name, count in (line.rsplit(" ", 1) for line in answer.stdout.splitlines())}
    card = json.loads((place / croissant.FILE).read_text(encoding="utf-8"))
    assert rows.keys() == {each["@id"] for each in card["recordSet"]}
    assert min(rows.values()) > 0


def test_what_is_to_be_cited_is_said_alike_everywhere():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'title: "{cite.TITLE}"' in cited
    assert r"cnn\_study: " in croissant.CITATION  # As LaTeX needs it.
    assert f"name: {cite.AUTHORS}" in cited
    assert f"version: {cnn_study.__version__}\n" in cited
    assert f'version = "{cnn_study.__version__}"' in project
    assert "license: Apache-2.0" in cited
    assert 'license = "Apache-2.0"' in project
    assert yaml.safe_load(cited)["keywords"] == tomllib.loads(project)["project"]["keywords"]
