"""MLflow stores as people have them: in any folder, moved, copied, of other versions, of other programs."""

import io
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from conftest import results_of
from elsewhere import PROJECT, QUICK, complaint, complaint_here, study, study_here

from cnn_study import collection, tracking
from cnn_study.tracking import server
from cnn_study.tracking.store import check_store, explained

FOLDERS = ['a#b%20c%3F so "called"; $(x)', "what? [thesis] größe"]


def rows(database, query, *arguments):
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(query, arguments).fetchall()


EXECUTIONS = " JOIN tags USING (run_uuid) WHERE tags.key = 'role' AND tags.value = 'execution'"


def artifacts(place, which=""):
    """The folders of the runs' artifacts as MLflow finds them, which must be there."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    found = [uri for (uri,) in rows(place / "mlflow.db", f"SELECT artifact_uri FROM runs{which}")]  # noqa: S608
    assert found
    return [get_artifact_repository(uri) for uri in found]


def shows_figures(place):
    return all(
        f"figures/{file.name}" in {each.path for each in repository.list_artifacts("figures")}
        for repository in artifacts(place, EXECUTIONS)
        for file in (QUICK / "figures").glob("layer_api-*")
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Options for the reference results of two experiments, with their figures: those of all take long to read."""
    root = tmp_path_factory.mktemp("results")
    results_of(collection.load(["layer_api", "output_size"]), root / "quick")
    shutil.copytree(QUICK / "figures", root / "quick" / "figures")
    return "--profile", "quick", "--results", root


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory, results):
    """A store in a folder whose name has all that may be misread."""
    place = tmp_path_factory.mktemp("around") / " ".join(FOLDERS)
    place.mkdir()
    study_here("sync", "layer_api", *results, where=place)
    return place


def lies_in(place):
    assert {path.name for path in place.iterdir()} == {"mlflow.db", "mlflow.db.lock", "mlartifacts"}
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    return shows_figures(place)


def test_the_store_lies_in_the_working_folder_whatever_it_is_called(mirrored):
    assert lies_in(mirrored)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_process_makes_its_store_in_the_working_folder_whatever_it_is_called(tmp_path, results, name):
    place = tmp_path / "around" / name
    place.mkdir(parents=True)
    study(tmp_path, "sync", "layer_api", *results, where=place)
    assert lies_in(place)


def test_an_address_with_a_question_mark_is_refused_and_nothing_is_written(tmp_path, results):
    (tmp_path / "what? cnn").mkdir()
    uri = f"sqlite:///{tmp_path}/what? cnn/m.db"
    line = complaint_here("sync", "layer_api", *results, "--tracking-uri", uri, code=1)
    assert line.startswith(
        f"cnn-study: {uri} would be taken for the file {tmp_path}/what, as a question mark ends a path"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"what? cnn"}


def test_a_folder_that_mlflow_cannot_write_into_its_sql_is_refused(tmp_path, results):
    (tmp_path / "it's mine").mkdir()
    line = complaint_here("sync", "layer_api", *results, where=tmp_path / "it's mine", code=1)
    assert line.startswith(f"cnn-study: MLflow makes no store in a folder with an apostrophe ({tmp_path}/it's mine): ")


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
def test_an_address_of_no_file_is_refused(uri):
    with pytest.raises(tracking.TrackingError, match="names no file: give its path"):
        check_store(uri)


def sync_there(folder, place, *words):
    """In a process of its own, as MLflow in this one knows ``mlflow.db`` of another folder."""
    study(folder, "sync", *words, where=place)


def sync_here(folder, place, *words):
    study_here("sync", *words, "--tracking-uri", f"sqlite:///{place}/mlflow.db", where=place)


@pytest.mark.parametrize("sync", [sync_here, pytest.param(sync_there, marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_project_that_is_elsewhere_shows_its_figures_and_leaves_its_old_place_alone(
    mirrored, tmp_path, how, sync, results
):
    kept, new = tmp_path / "kept", tmp_path / "new% place"
    shutil.copytree(mirrored, kept)
    before = {path: path.stat().st_mtime_ns for path in mirrored.rglob("*")}
    how(mirrored, new)
    try:
        sync(tmp_path, new, "layer_api", "output_size", *results)
        places = {str(repository.artifact_dir) for repository in artifacts(new)}
        assert {place for place in places if not place.startswith(f"{new}/mlartifacts/")} == set()
        assert any((new / "mlartifacts").glob("*output_size*/*/artifacts/figures/*.png"))
        assert how is shutil.move or before == {path: path.stat().st_mtime_ns for path in mirrored.rglob("*")}
        assert mirrored.exists() == (how is shutil.copytree)
    finally:
        if how is shutil.move:
            shutil.move(kept, mirrored)


def with_version(mirrored, place, version):
    shutil.copy(mirrored / "mlflow.db", place / "m.db")
    rows(place / "m.db", "UPDATE alembic_version SET version_num = ?", version)
    return f"sqlite:///{place}/m.db"


def test_a_store_of_an_older_mlflow_is_told_with_the_command(mirrored, tmp_path, results):
    uri = with_version(mirrored, tmp_path, "bd07f7e963c5")
    before = rows(tmp_path / "m.db", "SELECT * FROM tags")
    line = complaint_here("sync", "output_size", *results, "--tracking-uri", uri, code=1)
    assert "is of an older MLflow than the installed" in line
    assert f"make a copy of it, then `{sys.executable} -m mlflow db upgrade {uri}`" in line
    assert rows(tmp_path / "m.db", "SELECT * FROM tags") == before
    assert rows(tmp_path / "m.db", "SELECT * FROM alembic_version") == [("bd07f7e963c5",)]


def test_a_store_of_a_newer_mlflow_is_kept(mirrored, tmp_path, results):
    uri = with_version(mirrored, tmp_path, "ffffffffffff")
    line = complaint_here("sync", "output_size", *results, "--tracking-uri", uri, code=1)
    assert "is of a newer MLflow than the installed" in line
    assert "keep it, and install that MLflow; or give another with --tracking-uri" in line


def test_a_server_that_ends_over_a_store_of_another_version_is_told_likewise(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    log = io.BytesIO(b"INFO\nMlflowException: Detected out-of-date database schema (found version bd07f7e963c5\n")
    with pytest.raises(tracking.TrackingError, match=r"is of an older MLflow .* db upgrade sqlite:"):
        server._wait(ended, "http://127.0.0.1:9", f"sqlite:///{tmp_path}/m.db", log)


@pytest.mark.slow
def test_the_pages_of_a_store_of_another_version_are_told_likewise(mirrored, tmp_path):
    uri = with_version(mirrored, tmp_path, "bd07f7e963c5")
    with pytest.raises(tracking.TrackingError, match=r"is of an older MLflow .* db upgrade sqlite:"):
        tracking.serve(uri, port=free_port())


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("tables", ["CREATE TABLE notes (a)", "CREATE TABLE alembic_version (a); CREATE TABLE dag (a)"])
def test_the_file_of_another_program_is_refused_before_anything_is_written(tmp_path, tables, results):
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(tables)
    before = file.read_bytes()
    uri = f"sqlite:///{file}"
    line = complaint_here("sync", "layer_api", *results, "--tracking-uri", uri, code=1)
    assert line.startswith(f"cnn-study: {file} is the SQLite file of another program, with tables such as ")
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"other.db"}


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/nowhere/mlruns"])
def test_a_folder_as_a_store_is_told_what_to_give_instead(tmp_path, uri, results):
    line = complaint_here("sync", "layer_api", *results, "--tracking-uri", uri, where=tmp_path, code=1)
    assert "MLflow keeps runs in databases now: give one, such as --tracking-uri sqlite:///mlflow.db" in line


def test_an_mlflow_that_cannot_be_imported_is_told_in_one_line(tmp_path, results):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("raise TypeError('Descriptors cannot be created.\\nMore')")
    path = f"{tmp_path}:{PROJECT}"
    line = complaint(tmp_path, "sync", "layer_api", *results, where=tmp_path, code=1, PYTHONPATH=path)
    expected = "MLflow cannot be imported (TypeError: Descriptors cannot be created.): mend its installation; "
    assert line.startswith(f"cnn-study: {expected}")


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("a\nb"), AssertionError(), RecursionError("deep")])
def test_whatever_mlflow_raises_is_one_line(error):
    with pytest.raises(tracking.TrackingError) as caught, explained("sqlite:////tmp/m.db"):
        raise error
    assert len(str(caught.value).splitlines()) == 1


def test_what_others_put_beside_the_figures_is_not_taken_for_one(tmp_path, results):
    shutil.copytree(results[-1], tmp_path / "results")
    figures = tmp_path / "results" / "quick" / "figures"
    (figures / "layer_api-old").mkdir()
    (figures / "layer_api-agreement.png~").write_bytes(b"x")
    study_here("sync", "layer_api", "-p", "quick", "--results", tmp_path / "results", where=tmp_path)
    names = {path.name for path in (tmp_path / "mlartifacts").rglob("figures/*")}
    assert names == {file.name for file in (QUICK / "figures").glob("layer_api-*")}
