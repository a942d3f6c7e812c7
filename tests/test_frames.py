"""Stored results as data frames agree with the store, and need no TensorFlow."""

import re
import subprocess
import sys

import pytest
from committed import REFERENCE, frames, outcomes, store

import cnn_study
from cnn_study import codebook
from cnn_study.errors import InputError
from cnn_study.frames import Results
from cnn_study.report.summary import marks
from cnn_study.report.verdicts import write_verdicts
from cnn_study.results import Store


@pytest.fixture
def quick():
    return frames("quick")


def test_every_run_of_the_reference_is_there_with_its_outcomes(quick):
    stored = store("quick").records()
    # A run at a rate that is not that of its arm any more stays in the store: no design asks for it.
    asked = {key for each in outcomes("quick") for key in each.runs}
    assert set(quick.runs.key) == asked <= set(stored)
    assert len(asked) > 0.99 * len(stored)
    row = quick.runs[quick.runs.role == "replicate"].iloc[0]
    record = stored[row.key]
    assert (row.test_error, row.learning_rate) == (record.outcomes["test_error"], record.spec.train.learning_rate)
    assert quick.runs.groupby("role").size().min() > 100


def test_replicates_are_those_of_the_chosen_rates_and_all_other_runs_are_of_searches(quick):
    tuned = {(each.experiment.name, name): arm for each in outcomes("quick") for name, arm in each.tuned.items()}
    for place, rows in quick.runs.groupby(["experiment", "arm"]):
        replicates = {run.key for run in tuned[place].replicates}
        assert set(rows.key[rows.role == "replicate"]) == replicates & set(rows.key)
        assert set(rows.role) <= {"replicate", "search"}


def test_curves_are_those_of_the_runs(quick):
    key = quick.runs.key.iloc[0]
    mine = quick.curves[(quick.curves.key == key) & (quick.curves.metric == "train_error")]
    epochs, errors = store("quick").records()[key].curve("train_error")
    assert (list(mine.epoch), list(mine.value)) == (epochs, errors)


def test_values_are_those_of_training_or_of_a_probe_and_each_is_there_once(quick):
    stored = store("quick").records().values()
    assert set(quick.curves.metric) == {"train_error", "train_loss", "validation_error", "test_error"}
    along = quick.probes[quick.probes.epoch.notna()]
    assert len(quick.curves) + len(along) == sum(len(record.history) for record in stored)
    record = next(record for record in stored if "saturation" in record.spec.probes)
    mine = quick.probes[quick.probes.key == record.key]
    assert set(mine.probe) == set(record.spec.probes)
    ended = mine[mine.metric == "saturated_end"]
    assert list(ended.value) == [record.outcomes["saturated_end"]]
    assert ended.step.isna().all()
    layer = next(point for point in record.history if point.metric.startswith("saturated/"))
    found = mine[(mine.metric == layer.metric) & (mine.step == layer.step)]
    assert list(found.value) == [layer.value]


@pytest.mark.parametrize("profile", ["quick", "full"])
@pytest.mark.parametrize("name", codebook.TABLES)
def test_columns_are_those_of_the_codebook_which_the_docstring_names(name, profile):
    frame, columns = getattr(frames(profile), name), codebook.TABLES[name]
    assert list(frame.columns)[: len(columns)] == [column.name for column in columns]
    kinds = {"text": "str", "number": "float64"}
    for column in columns:
        kind = str(frame[column.name].dtype)
        assert kind == kinds.get(column.kind) or (column.kind == "integer" and kind in ("int64", "Int64")), column
    described = re.split(r"\n +(\w+): A row ", Results.__doc__)
    text = dict(zip(described[1::2], described[2::2], strict=True))[name]
    assert all(f"``{column.name}``" in text for column in columns)


def test_a_profile_without_probes_has_no_row_of_them(tmp_path):
    unprobed = (each for each in store("full").records().values() if not each.spec.probes)
    Store(tmp_path / "full").add(next(unprobed))
    found = cnn_study.load("full", results=tmp_path)
    assert (len(found.probes), found.curves.empty) == (0, False)


def test_every_outcome_has_its_meaning_and_its_unit_in_the_codebook(quick):
    for name in list(quick.runs.columns)[len(codebook.TABLES["runs"]) :]:
        column = codebook.outcome_column(name)
        assert column.kind == "number"
        assert column.unit
        assert not column.meaning.startswith("an outcome"), name
    assert codebook.outcome_column("validation_error").unit == "1"
    assert codebook.outcome_column("gradient_slope_end").unit == "powers of ten a layer"
    assert "shift of so many pixels: 4" in codebook.outcome_column("shift_drop/4").meaning


def test_verdicts_and_estimates_are_those_of_the_results_page(quick):
    whole = (REFERENCE.parent / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    begin, end = marks("claims quick")
    page = whole.split(begin)[1].split(end)[0]
    found = quick.verdicts[quick.verdicts.aspect == "direction"].set_index("claim").verdict
    for claim, verdict in found.items():
        assert verdict in page, claim
    assert found.size == page.count("\n| ") - 1  # a row a claim, below the head
    assert set(quick.estimates.claim) <= set(found.index)
    assert quick.checks.check.nunique() == 10


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_committed_verdicts_are_those_of_the_committed_runs(tmp_path, profile):
    for path in write_verdicts(outcomes(profile), tmp_path):
        assert path.read_text(encoding="utf-8") == (REFERENCE / profile / path.name).read_text(encoding="utf-8")


def test_they_are_loaded_without_tensorflow_and_from_anywhere(quick, tmp_path):
    code = (
        "import sys, time; import pandas; unit = time.process_time();"
        "import cnn_study; found = cnn_study.load('quick'); taken = time.process_time() / unit;"
        "print(taken, len(found.runs), len(found.curves), found.folder.name,"
        "sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stderr == ""
    taken, *told = answer.stdout.split()
    assert told == [str(len(quick.runs)), str(len(quick.curves)), "quick", "[]"]
    # About six times what it takes to import pandas, for 1,800 runs on a fast idle machine, and in proportion to the
    # runs that are stored. Processors that others use too take longer for both.
    assert float(taken) < 12 * max(1, len(quick.runs) / 1800)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="unknown profile 'quik'; did you mean 'quick'"):
        cnn_study.load("quik")
    with pytest.raises(InputError, match="no results of the profile 'quick' in"):
        cnn_study.load("quick", results=tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        cnn_study.laod  # noqa: B018
