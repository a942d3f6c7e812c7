"""Stored results as data frames agree with the store, and need no TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

import cnn_study
from cnn_study import collection
from cnn_study.errors import InputError
from cnn_study.report.verdicts import write_verdicts
from cnn_study.results import Store
from cnn_study.stored import evaluated

REFERENCE = Path(__file__).parents[1] / "results"


@pytest.fixture(scope="module")
def quick():
    return cnn_study.load("quick", results=REFERENCE)


def test_every_run_of_the_reference_is_there_with_its_outcomes(quick):
    stored = Store(REFERENCE / "quick").records()
    assert set(quick.runs.key) == set(stored)
    row = quick.runs[quick.runs.role == "replicate"].iloc[0]
    record = stored[row.key]
    assert (row.test_error, row.learning_rate) == (record.outcomes["test_error"], record.spec.train.learning_rate)
    assert quick.runs.groupby("role").size().min() > 100


def test_curves_are_those_of_the_runs(quick):
    key = quick.runs.key.iloc[0]
    mine = quick.curves[(quick.curves.key == key) & (quick.curves.metric == "train_error")]
    epochs, errors = Store(REFERENCE / "quick").records()[key].curve("train_error")
    assert (list(mine.epoch), list(mine.value)) == (epochs, errors)


def test_verdicts_and_estimates_are_those_of_the_results_page(quick):
    page = (REFERENCE.parent / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    found = quick.verdicts[quick.verdicts.aspect == "direction"].set_index("claim").verdict
    for claim, verdict in found.items():
        assert verdict in page, claim
    assert found.size == page.count("\n| ") - 1  # a row a claim, below the head
    assert set(quick.estimates.claim) <= set(found.index)
    assert quick.checks.check.nunique() == 10


def test_the_committed_verdicts_are_those_of_the_committed_runs(tmp_path):
    family = [evaluated(each, each.at("quick"), Store(REFERENCE / "quick")) for each in collection.load()]
    for path in write_verdicts(family, tmp_path):
        assert path.read_text(encoding="utf-8") == (REFERENCE / "quick" / path.name).read_text(encoding="utf-8")


def test_they_are_loaded_without_tensorflow_and_from_anywhere(tmp_path):
    code = (
        "import sys, cnn_study; found = cnn_study.load('quick');"
        "print(len(found.verdicts), sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stderr == ""
    assert answer.stdout.split()[1:] == ["[]"]


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="unknown profile 'quik'; did you mean 'quick'"):
        cnn_study.load("quik")
    with pytest.raises(InputError, match="no results of the profile 'quick' in"):
        cnn_study.load("quick", results=tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        cnn_study.laod  # noqa: B018
