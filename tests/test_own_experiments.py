"""Experiments in files outside of the package are found by their paths, and what is wrong with them is told."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import complete

from cnn_study import cli, collection
from cnn_study.analysis.decisions import evaluate
from cnn_study.errors import InputError
from cnn_study.experiment import PROFILES
from cnn_study.results import Store

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_ablation.py"


@pytest.fixture
def own_file(tmp_path):
    """Writes a file with an experiment and returns its path."""

    def write(change=lambda text: text, name="mine"):
        text = EXAMPLE.read_text(encoding="utf-8").replace("def own_ablation(at)", f"def {name}(at)")
        path = tmp_path / f"{name}.py"
        path.write_text(change(text), encoding="utf-8")
        return path

    return write


def test_a_file_is_an_experiment_like_the_others(own_file):
    path = own_file()
    (experiment,) = collection.load([str(path)])
    assert experiment.name == "mine"
    for profile in PROFILES:
        assert [arm.name for arm in experiment.at(profile).arms] == ["plain", "normalized"]
    outcome = evaluate(experiment, experiment.at("smoke"), complete(experiment.at("smoke")))
    assert outcome.complete


def test_the_family_is_all_of_the_package_and_the_files_that_are_named(own_file):
    found = [experiment.name for experiment in collection.family(["pooling", str(own_file())])]
    assert found == [*collection.names(), "mine"]


def test_a_file_of_the_package_is_the_experiment_of_its_name():
    (by_path,) = collection.load([str(EXAMPLE.parents[1] / "experiments" / "pooling.py")])
    assert by_path == replace(collection.load(["pooling"])[0], design=by_path.design)


@pytest.mark.parametrize(
    ("old", "new", "place", "expected"),
    [
        ("tune=TimeToTrainError(TARGET),", "tune=TimeToTrainError(TARGET,", "@ablation(", "'(' was never closed"),
        ("TARGET = 0.25", "TARGET = a", "TARGET = ", "NameError: name 'a' is not defined"),
        ("for name, norm in", "for name in", "yield at.arm(", "NameError: name 'norm' is not defined"),
        ("maps=8", "maps=0", "Conv(", "Conv: maps: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(own_file, old, new, place, expected):
    path = own_file(lambda text: text.replace(old, new))
    with pytest.raises(InputError) as caught:
        [experiment.at("full") for experiment in collection.load([str(path)])]
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if place in text and "import" not in text)
    assert str(caught.value).startswith(f"{path}, line {line}: {expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("add", "have"),
    [("del mine\n", "none"), ("from experiments.pooling import pooling\n", r"2 experiments \(mine, pooling\)")],
)
def test_a_file_declares_one_experiment(own_file, add, have):
    path = own_file(lambda text: text + add)
    with pytest.raises(InputError, match=f"declares {have}: a page declares one"):
        collection.load([str(path)])


def test_a_file_finds_the_modules_beside_it(own_file):
    path = own_file(lambda text: text.replace("TARGET = 0.25", "from beside_the_page import TARGET"))
    (path.parent / "beside_the_page.py").write_text("TARGET = 0.4", encoding="utf-8")
    (experiment,) = collection.load([str(path)])
    assert experiment.at("smoke").search.objective.threshold == 0.4
    assert str(path.parent) not in sys.path


def test_two_files_with_one_name_for_their_experiments_are_refused(own_file):
    first = own_file()
    second = first.parent / "other.py"
    second.write_bytes(first.read_bytes())
    with pytest.raises(InputError, match=r"two experiments are called 'mine': .*mine\.py, line \d+, and .*other\.py"):
        collection.load([str(first), str(second)])


@pytest.mark.parametrize("name", ["missing.py", "no/such", "folder.py"])
def test_what_is_no_file_is_told(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(InputError, match=f"there is no file {name}: name an experiment"):
        collection.load([name])


def test_a_file_must_not_have_the_name_of_an_experiment_of_the_package(own_file):
    with pytest.raises(InputError, match="comes with cnn-study: rename yours"):
        collection.load([str(own_file(name="pooling"))])


def test_every_command_that_reads_takes_the_file(own_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli.console, "width", 200, raising=False)
    path = str(own_file())
    store = Store(tmp_path / "results" / "smoke")
    for record in complete(collection.load([path])[0].at("smoke")).values():
        store.add(record)
    store.merge()
    options = ["--profile", "smoke", "--results", str(tmp_path / "results")]
    for command in (["claims", path], ["explain", "own-norm-is-faster", path], ["plan", path], ["report", path]):
        with pytest.raises(SystemExit) as caught:
            cli.main([*command, *options])
        answer = capsys.readouterr()
        assert caught.value.code == 0, answer.err
        assert "own-norm-is-faster" in answer.out or "complete" in answer.out or "report.html" in answer.out
    report = (store.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="mine"' in report
    assert "Batch normalization in a small network" in report
    assert {figure.name for figure in (store.folder / "figures").glob("*.png")} == {
        f"mine-{kind}.png" for kind in ("training_curves", "time_ratios", "rate_search")
    }


def test_the_example_is_a_script_too(tmp_path):
    answer = subprocess.run(
        [sys.executable, str(EXAMPLE), "--profile", "none"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("cnn-study: unknown profile 'none'")
