"""What commands import: a heavy library where it is not needed costs every call of the command line its time."""

import subprocess
import sys

import pytest
from conftest import made_up_check

from cnn_study.results import Store
from cnn_study.spec import CheckSpec

NEVER = {
    *("IPython", "PIL", "jinja2", "keras", "matplotlib", "mlflow", "pandas", "ray", "seaborn", "sklearn"),
    *("sqlalchemy", "tensorflow", "scipy.optimize", "scipy.sparse", "scipy.stats"),
    *("cnn_study.execution.local", "cnn_study.figures", "cnn_study.report.page", "cnn_study.tracking"),
}
"""What neither help nor claims need."""

READING = {"numpy", "pyarrow", "scipy", "cnn_study.experiment", "cnn_study.results", "cnn_study.spec"}
"""What claims need, and help does not."""

PROGRAM = """
import sys
from cnn_study.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def imported(*arguments):
    answer = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stderr.split())


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["claims", "--help"], ["data", "--help"]])
def test_help_is_shown_without_any_heavy_library(command):
    assert not imported(*command) & (NEVER | READING)


def test_claims_are_read_without_what_trains_or_draws_and_told_again_without_what_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_STUDY_CACHE", str(tmp_path / "cache"))
    Store(tmp_path / "smoke").add_check(made_up_check(CheckSpec(check="sizes", sample=True)))
    found = imported("claims", "--profile", "smoke", "--results", str(tmp_path))
    assert found >= READING
    assert not found & NEVER
    assert not imported("claims", "--profile", "smoke", "--results", str(tmp_path)) & (NEVER | READING)
