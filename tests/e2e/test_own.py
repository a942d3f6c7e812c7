"""What a user adds: a file with an ablation, or a folder of images, and gets runs, figure, verdict and report."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study import cli, collection
from cnn_study.data.folder import images
from cnn_study.experiment import PROFILES, Experiment, Setting
from cnn_study.results import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
LOCAL = "results/local/smoke"
ABLATION, IMAGES = EXAMPLES / "own_ablation.py", EXAMPLES / "own_images.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("own folder ü")


@pytest.fixture(scope="module")
def own(place):
    """Variables with which the images of the example are drawn there."""
    return {"CNN_STUDY_CACHE": str(place / "cache"), "OWN_IMAGES": str(place / "drawn shapes")}


@pytest.fixture(scope="module")
def python(place, own):
    """Runs Python in a folder of its own."""
    environment = {**os.environ, **own, "COLUMNS": "200", "PYTHONPATH": str(EXAMPLES.parent)}

    def run(*arguments):
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)

    return run


@pytest.fixture(scope="module")
def study(python):
    """Runs a command there."""
    return lambda *words: python("-m", "cnn_study.cli", *words, "--profile", "smoke", "--results", "results")


@pytest.fixture
def asked(place, own, monkeypatch, capsys):
    """Runs a command there that reads, in the process of the tests: what it prints."""
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)
    monkeypatch.setattr(cli.console, "width", 200, raising=False)

    def ask(*words):
        with pytest.raises(SystemExit) as caught:
            cli.main([*map(str, words), "--profile", "smoke", "--results", "results"])
        answer = capsys.readouterr()
        assert caught.value.code == 0, answer.err
        return answer.out

    return ask


def shown(place, folder, name, figures, claim):
    """The folder of results has the figures, and a report with verdict and section."""
    results = place / "results" / folder
    assert {path.stem for path in (results / "figures").glob("*.png")} >= {f"{name}-{kind}" for kind in figures}
    report = (results / "report.html").read_text(encoding="utf-8")
    assert f'id="{name}"' in report
    assert claim in report
    assert report.count('src="data:image/') >= len(figures)
    return report


def test_one_file_is_enough_for_an_ablation(study, asked, place):
    answer = study("run", ABLATION, "--no-tracking")
    assert answer.returncode == 0, answer.stderr
    verdict = next(line for line in answer.stdout.splitlines() if line.split()[:1] == ["own-norm-is-faster"])
    assert verdict.split()[1] in ("supported", "contradicted", "inconclusive")
    asked("report", ABLATION)
    shown(place, "smoke", "own_ablation", ("training_curves", "time_ratios", "rate_search"), "own-norm-is-faster")
    assert "direction: " in asked("explain", "own-norm-is-faster", ABLATION)


@pytest.mark.timeout(600)
def test_a_folder_of_images_and_a_file_are_enough_too(study, asked, python, place):
    answer = study("run", IMAGES, "--no-tracking", "--save-models")
    assert answer.returncode == 0, answer.stderr
    assert "own-sharing-helps" in answer.stdout
    records = Store(place / "results" / "smoke").records().values()
    ours = [record for record in records if record.spec.data.name == "drawn_shapes-12"]
    saved = {path.stem for path in (place / "results" / "smoke" / "models").glob("*.keras")}
    assert len(saved) == 8
    assert saved < {record.key for record in ours}
    errors = {record.key: 100 * record.outcomes["test_error"] for record in ours if record.key in saved}
    page = (EXAMPLES.parent / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
    code = re.search(r"<!-- complete: models -->\n```python\n(.*?)```", page, re.DOTALL).group(1)
    assert f'Path("{LOCAL}")' in code
    printed = python("-c", code.replace(LOCAL, "results/smoke")).stdout.splitlines()
    assert sorted(printed) == sorted(f"{key} test error {error:.2f} %" for key, error in errors.items())
    asked("report", IMAGES)
    shown(place, "smoke", "own_images", ("outcomes", "effects"), "own-sharing-helps")
    # Other experiments in the same folder of results know nothing of these images.
    asked("plan", "feature_maps")
    answer = study("verify", IMAGES, "--sample", "2")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().splitlines()[-1] == "2 same bits"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_ablation_runs_on_a_folder_of_images(study, place):
    if not (place / "drawn shapes").is_dir():
        runpy.run_path(str(IMAGES), run_name="drawing")["draw_images"](place / "drawn shapes")
    options = (ABLATION, "--data", "drawn shapes", "--side", "12")
    assert "nothing is stored" in study("plan", *options).stdout
    answer = study("run", *options, "--no-tracking")
    assert answer.returncode == 0, answer.stderr
    assert "the data set drawn_shapes-12 in the place of Digits" in answer.stdout
    folder = place / "results" / "smoke-drawn_shapes-12"
    first = set(Store(folder).records())
    # Commands that read need no images, and find the results by themselves.
    (place / "drawn shapes").rename(place / "away")
    assert study("report", ABLATION).returncode == 0
    report = shown(place, folder.name, "own_ablation", ("training_curves",), "own-norm-is-faster")
    assert "the data set drawn_shapes-12 in the place of Digits" in report
    assert "--data FOLDER --side 12" in report
    assert "same bits" in study("verify", ABLATION, "--sample", "1").stdout
    # Changed images are other images: everything is trained anew, and the old runs stay.
    (place / "away").rename(place / "drawn shapes")
    (place / "drawn shapes" / "circle" / "000.png").unlink()
    assert study("run", *options, "--no-tracking").returncode == 0
    assert len(set(Store(folder).records()) - first) >= len(first) // 2
    assert first < set(Store(folder).records())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", ABLATION, "--data", "nowhere/images"), "there is no folder nowhere/images"),
        (("run", ABLATION, "--data", "mnits"), "unknown data set 'mnits'; did you mean 'mnist'?"),
        (("run", ABLATION, "--data", "mnist", "--side", "8"), "--side is for folders of images"),
        (("run", ABLATION, "--side", "8"), "name one with --data FOLDER"),
        (("run", ABLATION, "--data", "digits", "--stand-in", "digits"), "leave --stand-in out"),
        (("run", "lenet5", "--data", "cifar10"), "the arm 'LeNet-5 (1998)' is for images of (32, 32, 1)"),
        (("run", "nowhere.py"), "there is no file nowhere.py"),
        (("verify", "nowhere.py"), "there is no file nowhere.py"),
        (("data", "nowhere/images"), "there is no folder nowhere/images"),
    ],
)
def test_what_cannot_be_meant_is_one_line(arguments, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.errors, "width", 300, raising=False)
    with pytest.raises(SystemExit) as caught:
        cli.main([*map(str, arguments), *([] if arguments[0] == "data" else ["--profile", "smoke"])])
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert expected in error
    assert len(error.strip().splitlines()) == 1


def test_the_examples_have_all_profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("OWN_IMAGES", str(tmp_path / "drawn"))
    monkeypatch.setenv("CNN_STUDY_CACHE", str(tmp_path / "cache"))
    for example in (ABLATION, IMAGES):
        (experiment,) = (each for each in runpy.run_path(str(example)).values() if isinstance(each, Experiment))
        assert all({rule.claim for rule in experiment.at(profile).rules} for profile in PROFILES)


def test_every_ablation_can_be_had_on_a_small_set_of_images(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_STUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OWN_IMAGES", str(tmp_path / "drawn"))
    runpy.run_path(str(IMAGES))
    dataset = images(tmp_path / "drawn", 32)
    for experiment in collection.load():
        for profile in ("smoke", "quick"):
            design = experiment.at(Setting(profile, dataset))
            assert {arm.data.name for arm in design.arms} <= {dataset.name}
            assert not design.arms or f"the data set {dataset.name} in the place of" in design.proxy, experiment.name
