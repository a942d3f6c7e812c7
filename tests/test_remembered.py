"""Answers of commands that are kept: told again as they were, and never when something has changed."""

import os

import pytest
from conftest import made_up_check

from cnn_study import cli, places
from cnn_study.cli import reading, remembered
from cnn_study.results import Store
from cnn_study.spec import CheckSpec


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv(places.CACHE_PATH, str(tmp_path / "cache"))


@pytest.fixture
def results(tmp_path):
    Store(tmp_path / "smoke").add_check(made_up_check(CheckSpec(check="sizes", sample=True)))
    return tmp_path


@pytest.fixture
def ask(capsys, results, monkeypatch):
    """Calls ``claims`` and gives what it printed, and whether the results were read for it."""
    read = []
    before = reading.claims
    monkeypatch.setattr(reading, "claims", lambda *arguments: (read.append(1), before(*arguments)))

    def asked(*arguments):
        read.clear()
        with pytest.raises(SystemExit) as caught:
            cli.main(["claims", "--profile", "smoke", "--results", str(results), *arguments])
        return caught.value.code, *capsys.readouterr(), bool(read)

    return asked


def test_an_answer_is_told_again_as_it_was(ask):
    first, again = ask(), ask()
    assert first[3]
    assert not again[3]
    assert first[:3] == again[:3]
    assert "relu-beats-tanh" in first[1]


def test_another_question_has_another_answer(ask):
    whole = ask()[1]
    one = ask("output_size")
    assert one[3]
    assert one[1] != whole


def test_the_reference_asked_for_by_name_is_another_question(monkeypatch, tmp_path):
    # Without a name, one's own results are meant, and there are none here: the files that are looked at are the same.
    monkeypatch.chdir(tmp_path)
    assert remembered._digest(["plan"], None) != remembered._digest(["plan"], places.REFERENCE)


def test_results_that_lie_behind_a_link_are_looked_at_too(ask, results, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "smoke"
    (results / "smoke").rename(elsewhere)
    (results / "smoke").symlink_to(elsewhere)
    ask()
    assert not ask()[3]
    Store(results / "smoke").add_check(made_up_check(CheckSpec(check="counts", sample=True)))
    assert ask()[3]


@pytest.mark.parametrize("changed", ["results", "terminal", "libraries", "folder"])
def test_what_has_changed_is_read_anew(ask, results, monkeypatch, changed, tmp_path):
    ask()
    if changed == "results":
        Store(results / "smoke").add_check(made_up_check(CheckSpec(check="counts", sample=True)))
    elif changed == "terminal":
        monkeypatch.setattr(cli.console, "width", 61, raising=False)
    elif changed == "libraries":
        monkeypatch.setattr(remembered, "_OTHERS", tmp_path)
    else:
        monkeypatch.chdir(tmp_path)
    assert ask()[3]


def test_a_change_of_the_code_is_seen(ask, monkeypatch, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "rules.py").write_text("LIMIT = 1")
    monkeypatch.setattr(remembered, "_LIBRARY", library)
    ask()
    assert not ask()[3]
    (library / "rules.py").write_text("LIMIT = 2")
    os.utime(library / "rules.py", (1, 1))
    assert ask()[3]


def test_an_answer_with_a_warning_or_an_error_is_not_kept(ask, monkeypatch):
    def warned(*arguments):
        cli.console.print("half")
        cli.errors.print("something is wrong")

    def failed(*arguments):
        cli.console.print("half")
        raise cli.StudyError("nothing is there")

    monkeypatch.setattr(reading, "claims", warned)
    for _ in range(2):
        with pytest.raises(SystemExit):
            cli.main(["claims", "--profile", "smoke"])
    monkeypatch.setattr(reading, "claims", failed)
    with pytest.raises(SystemExit):
        cli.main(["claims", "--profile", "smoke"])
    assert not list((places.cache_folder() / remembered.FOLDER).glob("*"))


def test_what_was_printed_before_an_error_is_shown(monkeypatch, capsys):
    def failed(*arguments):
        cli.console.print("half")
        raise cli.StudyError("nothing is there")

    monkeypatch.setattr(reading, "claims", failed)
    with pytest.raises(SystemExit):
        cli.main(["claims"])
    out, error = capsys.readouterr()
    assert out == "half\n"
    assert "nothing is there" in error


@pytest.mark.parametrize("damage", ["a folder", "no text", "no home", "a file in the way"])
def test_a_cache_that_does_not_work_costs_only_time(ask, monkeypatch, damage, tmp_path):
    first = ask()
    (kept,) = (places.cache_folder() / remembered.FOLDER).glob("*.txt")
    if damage == "a folder":
        kept.unlink()
        kept.mkdir()
    elif damage == "no text":
        kept.write_bytes(b"\xff\xfe")
    elif damage == "no home":
        monkeypatch.delenv(places.CACHE_PATH)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr("pathlib.Path.expanduser", _nobody)
    else:
        (tmp_path / "taken").write_text("")
        monkeypatch.setenv(places.CACHE_PATH, str(tmp_path / "taken"))
    again = ask()
    assert again[3]
    assert again[:3] == first[:3]


def _nobody(path):
    raise RuntimeError("no home")


def test_old_answers_make_room(monkeypatch, ask):
    monkeypatch.setattr(remembered, "KEPT", 1)
    ask()
    ask("output_size")
    assert len(list((places.cache_folder() / remembered.FOLDER).glob("*.txt"))) == 1
    assert not ask("output_size")[3]


def test_experiments_of_ones_own_are_never_kept():
    assert any(map(places.is_path, ["my_ablation.py"]))
    assert any(map(places.is_path, ["pooling", "studies/mine"]))
    assert not any(map(places.is_path, ["pooling"]))
