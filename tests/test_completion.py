"""The shell completes what can come next."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study import collection
from cnn_study.profiles import PROFILES

STUDY = f"{sys.executable} -m cnn_study.cli"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    """What bash offers for the last of some words, with what it is told by ``cnn-study --install-completion``."""
    program = tmp_path_factory.mktemp("bin") / "cnn-study"
    program.write_text(f'#!/bin/sh\nexec {STUDY} "$@"\n')
    program.chmod(0o755)
    environment = {**ENVIRONMENT, "_CNN_STUDY_COMPLETE": "source_bash"}
    told = subprocess.run([program], env=environment, capture_output=True, text=True).stdout
    ask = f'{told}\nCOMP_WORDS=(cnn-study "$@"); COMP_CWORD=$#; _cnn_study_completion {program}'

    def offered(*words):
        command = ["bash", "-c", ask + '; printf "%s\\n" "${COMPREPLY[@]}"', "bash", *words]
        answer = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        return sorted(answer.stdout.split())

    return offered


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ver"], ["verify"]),
        (["data", "ch"], ["check"]),
        (["run", "--save"], ["--save-models"]),
        (["run", "--profile", ""], sorted(PROFILES)),
        (["run", "nielsen"], ["nielsen_depth", "nielsen_ladder"]),
        (["plan", "pooling", "spa"], ["spatial_structure"]),
    ],
    ids=" ".join,  # Sorted, as they are names of tests, which must be the same in every worker.
)
def test_bash_completes(completed, words, expected):
    assert completed(*words) == expected


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_claims(completed):
    (experiment,) = collection.load(["pooling"])
    names = sorted(claim.name for claim in experiment.claims if claim.name.startswith("pooling-is"))
    assert names == completed("explain", "pooling-is")


def test_the_help_says_how_to_install_it():
    told = subprocess.run([*STUDY.split(), "--help"], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "--install-completion" in told.stdout
