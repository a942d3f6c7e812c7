"""The project from a tarball without git, in any folder, that may be read only, in a C locale."""

import shutil
import subprocess
import tarfile

import pytest
from elsewhere import PROJECT, WITHOUT_TRAINING, paths, study
from test_programs import NOBODY, can_be_nobody

PLAIN = {"LC_ALL": "C", "LANG": "C"}
PROGRAMS = [
    pytest.param((WITHOUT_TRAINING,), id="without training"),
    pytest.param(("-m", "cnn_study.cli"), id="trained", marks=pytest.mark.slow),
]


@pytest.fixture
def unpacked(tmp_path):
    """A tarball of the checkout, without git, unpacked in a folder of a legal name."""
    place = tmp_path / "what? [thesis] größe"
    place.mkdir()
    archive = tmp_path / "checkout.tar"
    # Files that are not tracked yet belong to it too; those that were made do not.
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    with tarfile.open(archive, "w") as tar:
        for name in listed.stdout.splitlines():
            if name.startswith(("cnn_study/", "experiments/", "results/quick/")) and (PROJECT / name).exists():
                tar.add(PROJECT / name, name)
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return place


def make_read_only(place):
    for path in [*place.rglob("*"), place]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_tarball_in_a_folder_of_any_name(unpacked, tmp_path, program):
    given = {"where": unpacked, **paths(unpacked), **PLAIN}
    printed = study(tmp_path, "run", "layer_api", "--profile", "smoke", "--jobs", "1", program=program, **given)
    assert "1 runs and checks in " in printed.stdout
    assert (unpacked / "mlflow.db").exists()
    study(tmp_path, "report", "layer_api", "--profile", "smoke", **given)
    page = (unpacked / "results" / "local" / "smoke" / "report.html").read_text(encoding="utf-8")
    assert "unknown" in page


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.skipif(not can_be_nobody, reason="this system lets no process be another user")
def test_a_read_only_checkout_of_another_user_on_one_core(unpacked, tmp_path, program):
    make_read_only(unpacked)
    (tmp_path / "r").mkdir()
    given = {"where": unpacked, **paths(unpacked), "PYTHONDONTWRITEBYTECODE": "1", "HOME": None, **PLAIN}
    given["before"] = (*NOBODY, *(("taskset", "-c", "0") if shutil.which("taskset") else ()))
    run = ("run", "layer_api", "--profile", "smoke", "--results", tmp_path / "r")
    printed = study(tmp_path, *run, program=program, **given)
    assert "1 runs and checks in " in printed.stdout
    assert "the runs are stored, but not mirrored: " in printed.stderr
    assert list((tmp_path / "r" / "smoke" / "figures").glob("layer_api-*.png"))
    assert "results: results/quick\n" in study(tmp_path, "claims", "layer_api", **given).stdout
