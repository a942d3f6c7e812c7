"""What the code never does, read from its syntax; and where the UI listens."""

import ast
import inspect
from pathlib import Path

import pytest

from cnn_study import tracking
from cnn_study.cli import reading

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("cnn_study", "experiments", "examples") for path in (ROOT / folder).rglob("*.py"))
MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "torch", "telnetlib", "xml"}
CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "pickle.load", "pickle.loads", "pandas.read_pickle"}
UNPICKLES = ROOT / "cnn_study" / "data" / "sources" / "layouts.py"
"""Reads the batches of CIFAR-10, from the very archive only and with an unpickler that builds arrays only."""

PARSES = ROOT / "cnn_study" / "report" / "pictures.py"
"""Asks whether a drawing is still XML, without its DOCTYPE and so without entities of its own: see tests/report."""


def violations(source, modules=MODULES):
    """What a source does that it must not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (name for name in names if name.split(".")[0] in modules)
        elif isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in CALLS or name.endswith((".extractall", ".extract")):
                yield name
            for option in node.keywords:
                dangerous = {
                    "allow_pickle": False,
                    "shell": False,
                    "safe_mode": True,
                    "verify": True,
                    "autoescape": True,
                }
                if option.arg in dangerous and ast.unparse(option.value) != str(dangerous[option.arg]):
                    yield f"{name}({option.arg}={ast.unparse(option.value)})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_read_is_run(path):
    allowed = {UNPICKLES: {"pickle"}, PARSES: {"xml"}}.get(path, set())
    assert list(violations(path.read_text(encoding="utf-8"), MODULES - allowed)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "import torch.nn",
        "eval('1')",
        "os.system('ls')",
        "np.load(f, allow_pickle=True)",
        "subprocess.run(c, shell=True)",
        "tar.extractall(p)",
        "pickle.loads(b)",
        "Environment(autoescape=False)",
    ],
)
def test_the_test_sees_what_must_not_be(source):
    assert list(violations(source))


def test_the_ui_listens_on_this_machine_only_unless_told_otherwise():
    assert inspect.signature(tracking.serve).parameters["host"].default == "127.0.0.1"
    assert inspect.signature(reading.ui).parameters["host"].default == "127.0.0.1"
