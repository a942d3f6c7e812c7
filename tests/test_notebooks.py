"""Notebooks are what their scripts are, and the scripts run."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
SLOW = ("own_ablation",)
SCRIPTS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])
    for path in sorted(FOLDER.glob("*.py"))
]


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


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_notebook_runs_from_its_folder_as_notebooks_do(script):
    found = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join([str(ROOT), *filter(None, [found])])
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, "MPLBACKEND": "agg"},
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout


def test_the_first_tour_needs_no_tensorflow():
    code = "import runpy, sys; runpy.run_path('first_tour.py'); print('tensorflow' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
    )
    assert answer.stdout.splitlines()[-1] == "False"
