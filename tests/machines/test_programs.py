"""Workers start from any program and in any surroundings; if they cannot, the reason is told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import results_of
from elsewhere import PROJECT, QUICK, complaint, paths, study

from cnn_study import collection, places
from cnn_study.errors import CacheError
from cnn_study.execution.local import ENVIRONMENT, LocalEngine
from cnn_study.processes import startable

RUN = ("run", "output_size", "--profile", "smoke", "--jobs", "1")
CHECK = ("run", str(Path(__file__).with_name("counts.py")), "--profile", "smoke", "--no-tracking", "--jobs", "1")
NOBODY = ("unshare", "--user", "--map-user=54321", "--map-group=54321")

can_be_nobody = shutil.which("unshare") and not subprocess.run([*NOBODY, "true"], capture_output=True).returncode


TRAINS = [False, pytest.param(True, marks=pytest.mark.slow)]
"""Whether workers train as they do. How they are started is the same, and is seen in less time if they do not."""


def script(results, trains=True):
    before = "" if trains else "import light\nlight.instead_of_training()\n"
    return f"{before}from cnn_study.cli import main\nmain({[*CHECK, '--results', str(results)]!r})\n"


def checked(printed):
    return "1 runs and checks in " in printed.stdout


@pytest.mark.parametrize("trains", TRAINS)
def test_a_script_without_a_guard(tmp_path, trains):
    (tmp_path / "mine.py").write_text(script(tmp_path / "r", trains))
    assert checked(study(tmp_path, program=(tmp_path / "mine.py",), where=tmp_path, **paths(PROJECT)))


@pytest.mark.parametrize("trains", TRAINS)
def test_a_program_from_the_standard_input(tmp_path, trains):
    text = script(tmp_path / "r", trains).encode()
    assert checked(study(tmp_path, program=("-",), text=text, where=tmp_path, **paths(PROJECT)))


# That processes which draw start as those which train is shown in figures/test_draw.py.
@pytest.mark.slow
def test_figures_of_a_script_without_a_guard(tmp_path):
    results_of(collection.load(["layer_api", "output_size"]), tmp_path / "quick")
    names = ["figures", "layer_api", "output_size", "--profile", "quick", "--results", str(tmp_path), "--format", "png"]
    (tmp_path / "mine.py").write_text(f"from cnn_study.cli import main\nmain({names!r})\n")
    study(tmp_path, program=(tmp_path / "mine.py",), where=tmp_path)
    made = list((tmp_path / "quick" / "figures").glob("*.png"))
    assert len(made) == 4
    for file in made:
        assert file.read_bytes() == (QUICK / "figures" / file.name).read_bytes()


def test_processes_leave_the_program_and_its_temporary_folder_as_they_were():
    import tempfile

    main, folder = sys.modules["__main__"], tempfile.tempdir
    with startable():
        assert not hasattr(sys.modules["__main__"], "__file__")
    assert (sys.modules["__main__"], tempfile.tempdir) == (main, folder)


@pytest.mark.skipif(not can_be_nobody, reason="this system lets no process be another user")
def test_a_user_without_a_home_or_a_name(tmp_path):
    tmp_path.chmod(0o777)
    (tmp_path / "r").mkdir(mode=0o777)
    variables = {"HOME": None, "CNN_STUDY_CACHE": None, "XDG_CACHE_HOME": None, "TMPDIR": tmp_path}
    printed = study(tmp_path, *RUN, "--results", tmp_path / "r", before=NOBODY, where=tmp_path, **variables)
    assert "supported" in printed.stdout or "inconclusive" in printed.stdout
    assert "not mirrored" not in printed.stderr
    assert (tmp_path / "mlflow.db").exists()


def test_a_program_of_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def nobody(self):
        raise RuntimeError("Could not determine home directory.")

    for name in ("CNN_STUDY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", nobody)
    with pytest.raises(CacheError, match="has no home for a cache folder: set CNN_STUDY_CACHE to a folder"):
        places.cache_folder()


@pytest.mark.parametrize("trains", TRAINS)
def test_a_program_on_the_command_line_on_one_core_with_temporary_files_at_a_path_too_long_for_sockets(
    tmp_path, trains
):
    folder = tmp_path / ("x" * 110)
    folder.mkdir()
    code = script(tmp_path / "r", trains).replace("'--jobs', '1', ", "")
    assert "--jobs" not in code
    one_core = ("taskset", "-c", "0") if shutil.which("taskset") else ()
    given = {"TMPDIR": folder, **paths(PROJECT)}
    assert checked(study(tmp_path, program=("-c", code), where=tmp_path, before=one_core, **given))


def test_a_tensorflow_that_cannot_be_imported_is_told_with_its_reason(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise AttributeError('no such thing\\nand more')")
    path = f"{tmp_path}:{PROJECT}"
    line = complaint(tmp_path, *CHECK, "--results", tmp_path / "r", PYTHONPATH=path, code=1)
    reason = "workers do not start (AttributeError: no such thing): check the installation of TensorFlow and Keras"
    assert line == f"cnn-study: {reason}"


def test_workers_do_not_have_the_variables_that_change_bits(monkeypatch, tmp_path):
    for name in ("XLA_FLAGS", "TF_XLA_FLAGS", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with LocalEngine(1, tmp_path):
        assert not [name for name in os.environ if os.environ[name] == "x"]
        assert {name: os.environ[name] for name in ENVIRONMENT} == ENVIRONMENT
