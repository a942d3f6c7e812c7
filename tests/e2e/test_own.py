"""What a user adds: a file with an ablation, or a folder of images, and gets runs, figure, verdict and report."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study import cli, collection
from cnn_study.cli import verifying
from cnn_study.data.folder import images
from cnn_study.execution.events import Finished
from cnn_study.experiment import PROFILES, Experiment, Setting
from cnn_study.results import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
FAULTS = Path(__file__).parents[1] / "faults"
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
    paths = os.pathsep.join(map(str, (EXAMPLES.parent, FAULTS)))
    environment = {**os.environ, **own, "COLUMNS": "200", "PYTHONPATH": paths, "CNN_STUDY_TEST_JOURNAL": os.devnull}

    def run(*arguments):
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)

    return run


@pytest.fixture(scope="module")
def study(python):
    """Runs a command there, with workers that train or with those of the tests of faults, which do not."""

    def run(*words, program=("-m", "cnn_study.cli")):
        return python(*program, *words, "--profile", "smoke", "--results", "results")

    return run


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


@pytest.mark.parametrize(
    "program",
    [
        pytest.param((FAULTS / "short_suite.py",), id="without training"),
        pytest.param(("-m", "cnn_study.cli"), id="trained", marks=pytest.mark.slow),
    ],
)
def test_one_file_is_enough_for_an_ablation(study, asked, place, program):
    shutil.rmtree(place / "results", ignore_errors=True)
    answer = study("run", ABLATION, "--no-tracking", program=program)
    assert answer.returncode == 0, answer.stderr
    verdict = next(line for line in answer.stdout.splitlines() if line.split()[:1] == ["own-norm-is-faster"])
    assert verdict.split()[1] in ("supported", "contradicted", "inconclusive")
    asked("report", ABLATION)
    shown(place, "smoke", "own_ablation", ("training_curves", "time_ratios", "rate_search"), "own-norm-is-faster")
    assert "direction: " in asked("explain", "own-norm-is-faster", ABLATION)


@pytest.fixture(scope="module")
def trained(study, place):
    """What is printed when networks are trained on images of one's own."""
    shutil.rmtree(place / "results", ignore_errors=True)
    answer = study("run", IMAGES, "--no-tracking", "--save-models")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.timeout(600)
def test_a_folder_of_images_and_a_file_are_enough_too(trained, asked, place, capsys):
    assert "own-sharing-helps" in trained
    records = Store(place / "results" / "smoke").records().values()
    ours = [record for record in records if record.spec.data.name == "drawn_shapes-12"]
    saved = {path.stem for path in (place / "results" / "smoke" / "models").glob("*.keras")}
    assert len(saved) == 8
    assert saved < {record.key for record in ours}
    errors = {record.key: 100 * record.outcomes["test_error"] for record in ours if record.key in saved}
    page = (EXAMPLES.parent / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
    code = re.search(r"<!-- complete: models -->\n```python\n(.*?)```", page, re.DOTALL).group(1)
    assert f'Path("{LOCAL}")' in code
    exec(code.replace(LOCAL, str(place / "results" / "smoke")), {})  # noqa: S102 - our own page
    printed = capsys.readouterr().out.splitlines()
    assert sorted(printed) == sorted(f"{key} test error {error:.2f} %" for key, error in errors.items())
    asked("report", IMAGES)
    shown(place, "smoke", "own_images", ("outcomes", "effects"), "own-sharing-helps")
    # Other experiments in the same folder of results know nothing of these images.
    asked("plan", "feature_maps")


class Remembers(list):
    """An engine that gives the stored record of every run it is asked for."""

    def __init__(self, jobs, cache_dir):
        super().__init__()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    submit = list.append

    def events(self):
        stored = Store(Path("results", "smoke")).records()
        return (Finished(stored[run.key]) for run in self)


def test_runs_on_a_folder_of_images_are_found_to_be_trained_again(trained, asked, monkeypatch):
    monkeypatch.setattr(verifying, "LocalEngine", Remembers)
    assert asked("verify", IMAGES, "--sample", "2").strip().splitlines()[-1] == "2 same bits"


# That workers give these bits is shown for an experiment of the package in test_suite.py.
@pytest.mark.slow
def test_runs_on_a_folder_of_images_come_out_again(trained, study):
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
        (
            ("run", ABLATION, "--data", "mnits"),
            "'mnits' is neither a data set (known: cifar10, digits, fashion_mnist, mnist) nor a folder here; did you",
        ),
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
