"""Notebooks are what their scripts are, and the scripts run."""

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def test_every_notebook_is_that_of_its_script_byte_by_byte():
    pytest.importorskip("jupytext", reason="the extra dev is not installed")
    place = importlib.util.spec_from_file_location("notebooks", ROOT / ".ci" / "notebooks.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    made = dict(module.notebooks())
    assert set(made) == set(FOLDER.glob("*.ipynb"))
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, "run `make notebooks`"


def test_notebooks_have_no_outputs():
    for path in FOLDER.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert code
        assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]


def test_there_are_these_notebooks():
    assert [path.stem for path in SCRIPTS] == ["first_tour", "forward_backward", "own_ablation"]


def run(script):
    """What a script prints in a process of its own, and at last whether it has loaded TensorFlow."""
    found = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join([str(ROOT), *filter(None, [found])])
    code = f"import runpy, sys; runpy.run_path('{script}.py', run_name='__main__'); print('tensorflow' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, "MPLBACKEND": "agg"},
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def test_the_first_tour_runs_from_its_folder_as_notebooks_do_and_needs_no_tensorflow():
    *printed, loaded = run("first_tour")
    assert printed
    assert loaded == "False"


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_of_layers_runs(monkeypatch, capsys):
    monkeypatch.chdir(FOLDER)
    runpy.run_path("forward_backward.py", run_name="__main__")
    plt.close("all")
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("script", ["forward_backward", "own_ablation"])
def test_a_notebook_that_takes_longer_runs_from_its_folder_as_notebooks_do(script):
    *printed, _ = run(script)
    assert printed
