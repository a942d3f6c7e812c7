"""The wheel is a product: what it holds, and that it works where no checkout is, from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elsewhere import PROJECT, QUICK

pytest.importorskip("hatchling", reason="needs hatchling: make .venv/dev")
UV = shutil.which("uv") or shutil.which(Path(sys.prefix, "bin", "uv"))


def names(folder, pattern="*.py"):
    return {path.name for path in (PROJECT / folder).glob(pattern)}


def build(place, *targets):
    command = [sys.executable, "-m", "hatchling", "build", *targets, "--directory", place]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("dist")
    build(place, "--target", "wheel")
    (found,) = place.glob("*.whl")
    return found


def test_it_puts_one_package_beside_other_peoples(wheel):
    held = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {"cnn_study"}


def test_it_holds_the_library_the_experiments_and_the_reference_results(wheel):
    held = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in held if name.startswith("cnn_study/") and not name.startswith("cnn_study/_")}
    tracked = subprocess.run(["git", "ls-files", "cnn_study"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert inside >= {name for name in tracked.stdout.splitlines() if not name.startswith("cnn_study/_")}
    experiments = {Path(name).name for name in held if name.startswith("cnn_study/_experiments/")}
    assert experiments == names("experiments")
    results = {name for name in held if name.startswith("cnn_study/_results/")}
    assert results == {f"cnn_study/_results/quick/{name}" for name in names("results/quick", "*.parquet")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The scripts of a clean environment in which the wheel of the sdist is installed, with the locked versions."""
    if not UV:
        pytest.skip("needs uv: make .venv/dev")
    place = tmp_path_factory.mktemp("installed")
    build(place / "dist", "--target", "sdist")
    (sdist,) = (place / "dist").glob("*.tar.gz")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", place / "dist", sdist], check=True)
    (built,) = (place / "dist").glob("*.whl")
    environment, locked = place / "environment", PROJECT / "constraints.txt"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", "--constraint", locked]
    subprocess.run([*install, built], check=True)
    return environment / "bin"


def run(installed, where, *arguments):
    """What a command of the clean environment prints, started in a folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"CNN_STUDY_CACHE": str(where / "cache"), "COLUMNS": "200"}
    done = subprocess.run(
        [installed / arguments[0], *arguments[1:]], cwd=where, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_works_from_any_folder_and_writes_below_it(installed, tmp_path):
    """Reads, draws and reports the reference; trains; runs an experiment of the user's own; leaves itself as it was."""
    before = files(installed.parent)
    assert "pooling-is-needed" in run(installed, tmp_path, "cnn-study", "claims", "pooling")
    assert files(tmp_path) == files(tmp_path / "cache")  # The answer is kept there.
    run(installed, tmp_path, "cnn-study", "figures", "lenet5")
    drawn = sorted((tmp_path / "results" / "quick" / "figures").iterdir())
    assert drawn
    assert all(path.read_bytes() == (QUICK / "figures" / path.name).read_bytes() for path in drawn)
    run(installed, tmp_path, "cnn-study", "report", "lenet5")
    assert (tmp_path / "results" / "quick" / "report.html").is_file()
    (tmp_path / "experiments").mkdir()  # Somebody else's of that name is not in the way.
    (tmp_path / "experiments" / "__init__.py").touch()
    shutil.copy(PROJECT / "examples" / "own_ablation.py", tmp_path)
    trained = run(
        installed, tmp_path, "cnn-study", "run", "layer_api", "own_ablation.py", "--profile", "smoke", "--jobs", "1"
    )
    assert f"verdicts: {Path('results', 'local', 'smoke', 'verdicts.csv')}" in trained
    assert (tmp_path / "results" / "local" / "smoke" / "runs.parquet").is_file()
    assert (tmp_path / "mlflow.db").is_file()
    code = "import cnn_study; print(len(cnn_study.load('quick').runs))"
    assert int(run(installed, tmp_path, "python", "-c", code)) > 1000
    code = "from cnn_study import collection; print(collection.load(['pooling'])[0].claims[0].place)"
    assert "/cnn_study/_experiments/pooling.py, line " in run(installed, tmp_path, "python", "-c", code)
    assert files(installed.parent) == before


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_runs_as_a_tool(installed, tmp_path):
    (wheel,) = (installed.parents[1] / "dist").glob("*.whl")
    command = [UV, "tool", "run", "--constraints", PROJECT / "constraints.txt", "--from", wheel, "cnn-study", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Tests the claims" in done.stdout, done.stderr
