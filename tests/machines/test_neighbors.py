"""What lies around the code of the project, or of an experiment of one's own, is not mixed up with it."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from elsewhere import PROJECT, complaint, complaint_here, study_here

from cnn_study.cli.output import last_changes, revision
from cnn_study.experiment import Experiment

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
EXAMPLE = (PROJECT / "examples" / "own_ablation.py").read_text(encoding="utf-8")


def said_revision(place, **variables):
    command = [sys.executable, "-P", "-c", "from cnn_study.cli.output import revision; print(revision())"]
    environment = {**os.environ, "PYTHONPATH": str(place), **variables}
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def theirs(tmp_path):
    """A repository of another person's, and the project in a folder of it."""
    place = tmp_path / "theirs"
    place.mkdir()
    subprocess.run([*GIT, "init", "-q"], cwd=place, check=True)
    subprocess.run([*GIT, "commit", "-q", "--allow-empty", "-m", "theirs"], cwd=place, check=True)
    for name in ("cnn_study", "experiments"):
        shutil.copytree(PROJECT / name, place / "site" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def test_the_revision_is_not_that_of_the_repository_around(theirs):
    assert said_revision(theirs / "site") == "unknown"
    subprocess.run([*GIT, "add", "-A"], cwd=theirs, check=True)
    subprocess.run([*GIT, "commit", "-q", "-m", "with the environment"], cwd=theirs, check=True)
    assert said_revision(theirs / "site") == "unknown"


def test_the_revision_of_a_checkout_is_that_of_its_repository(theirs):
    place = theirs / "site"
    subprocess.run([*GIT, "init", "-q"], cwd=place, check=True)
    subprocess.run([*GIT, "add", "-A"], cwd=place, check=True)
    subprocess.run([*GIT, "commit", "-q", "-m", "ours"], cwd=place, check=True)
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, check=True).stdout
    assert head.startswith(said_revision(place))
    # As in a hook of another repository.
    assert head.startswith(said_revision(place, GIT_DIR=str(theirs / ".git"), GIT_WORK_TREE=str(theirs)))


def test_without_git_the_revision_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert revision() == "unknown"


def committed(place, when):
    """An experiment whose page was committed then, in a repository of its own."""
    environment = {**os.environ, "GIT_COMMITTER_DATE": "2026-05-05T00:00:00+00:00", "GIT_AUTHOR_DATE": when}
    place.mkdir(exist_ok=True)
    (place / "mine.py").write_text(f"# {when}\n", encoding="utf-8")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "mine"]):
        subprocess.run([*GIT, *command], cwd=place, env=environment, check=True)
    return Experiment("mine", "Mine", (), lambda setting: None, (), place=f"{place / 'mine.py'}, line 1")


def test_git_knows_when_a_page_was_last_changed_also_after_a_rebase(tmp_path, monkeypatch):
    first, second = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+02:00"
    assert {str(each) for each in last_changes([committed(tmp_path, first)]).values()} == {first.replace("T", " ")}
    experiment = committed(tmp_path, second)
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # As in a hook of another repository.
    assert [each.isoformat() for each in last_changes([experiment]).values()] == [second]


def test_git_says_nothing_of_a_page_that_is_not_committed_as_it_is(tmp_path, monkeypatch):
    experiment = committed(tmp_path / "a", "2026-01-01T00:00:00+00:00")
    subprocess.run([*GIT, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'a'}", tmp_path / "b"], check=True)
    (tmp_path / "c").mkdir()
    for folder in ("b", "c"):  # Half of the history, and no repository.
        (tmp_path / folder / "mine.py").touch()
        assert not last_changes([replace(experiment, place=f"{tmp_path / folder / 'mine.py'}, line 1")])
    (tmp_path / "a" / "new.py").touch()
    assert not last_changes([replace(experiment, place=f"{tmp_path / 'a' / 'new.py'}, line 1")])
    assert last_changes([experiment])
    (tmp_path / "a" / "mine.py").write_text("# changed\n", encoding="utf-8")
    assert not last_changes([experiment])
    monkeypatch.setenv("PATH", "/nowhere")
    assert not last_changes([experiment, replace(experiment, place="")])


def own(path):
    """An experiment of one's own, called like its file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = EXAMPLE.replace("def own_ablation(at)", f"def {path.stem}(at)")
    assert text != EXAMPLE
    path.write_text(text, encoding="utf-8")
    return path


def test_two_files_with_experiments_of_one_name_are_refused(tmp_path):
    files = [own(tmp_path / place / "lr.py") for place in ("a", "b")]
    line = complaint_here("plan", *files, "--profile", "smoke", "--results", tmp_path / "r")
    assert all(str(file) in line for file in files)


def test_claims_of_one_name_in_two_experiments_are_refused(tmp_path):
    files = [own(tmp_path / name) for name in ("one.py", "two.py")]
    line = complaint_here("plan", *files, "--profile", "smoke", "--results", tmp_path / "r")
    assert "claim" in line


def test_a_file_finds_the_module_beside_it(tmp_path):
    path = own(tmp_path / "mine.py")
    (tmp_path / "common_settings.py").write_text("EPOCHS = 2\n")
    path.write_text("from common_settings import EPOCHS\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    study_here("plan", path, "--profile", "smoke", "--results", tmp_path / "r")


def test_another_package_called_experiments_is_named_as_being_in_the_way(tmp_path, theirs):
    other = tmp_path / "mine" / "experiments"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    (other / "mine.py").write_text("x = 1\n")
    variables = {"where": tmp_path / "mine", "PYTHONPATH": theirs / "site"}
    line = complaint(tmp_path, "plan", "--profile", "smoke", "--results", tmp_path / "r", **variables)
    assert str(other) in line
    assert "in the way" in line
