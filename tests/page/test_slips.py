"""A slip on a page is refused when the page is read: in one line with its place, before anything is trained."""

import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study import cli

PAGE = '''"""A page without a slip."""

from cnn_study.experiment import Claim, Condition
from cnn_study.models.architectures import dense_net
from cnn_study.page import (
    SMOKE, Agreement, Contrast, Plot, Published, Term, TimeRatio, LowestValidationError,
    ablation, claim, direction, gain, magnitude, mechanism,
)


@claim(
    "Wide is better.",
    published=(
        Published("test error (%)", 3.0, "Somebody 2012, Table 1", "secondary", about="wide"),
    ),
    mechanism="none is claimed",
)
def wide_is_better(at):
    yield direction(
        gain("wide", "narrow", "test_error"),
        above=0,
    )
    yield magnitude(
        gain("wide", "narrow", "generalization_gap"),
        between=(1, 2),
        under=Condition("by the gap"),
    )


@claim("It counts.", magnitude="exact", mechanism="exact")
def it_counts(at):
    yield direction(Agreement("output_size"))


@ablation(
    "Slips",
    claims=(wide_is_better, it_counts),
    smoke=SMOKE,
    tune=LowestValidationError(),
    checks=("output_size",),
    figures=(
        Plot("outcomes", metric="test_error"),
        "effects",
    ),
)
def slips(at):
    for name, units in (("wide", 30), ("narrow", 5)):
        model = at.network(dense_net, "relu", hidden=(units,))
        yield at.arm(
            name, model, condition="one layer", probes=("saturation", "gradients"),
        )
'''


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs the page with something replaced; returns what is said of it, without the page's path, and the line."""
    monkeypatch.chdir(tmp_path)

    def run(old, new, times=1):
        assert PAGE.count(old) == times, old
        path = tmp_path / "slips.py"
        path.write_text(PAGE.replace(old, new), encoding="utf-8")
        with pytest.raises(SystemExit) as caught:
            cli.main(["run", str(path), "--profile", "smoke", "--no-tracking"])
        said = capsys.readouterr()
        assert caught.value.code == 2, said
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert [each.name for each in tmp_path.iterdir()] == ["slips.py"]
        place, _, message = said.err.removeprefix("cnn-study: ").strip().partition(": ")
        file, _, line = place.partition(", line ")
        assert file == str(path)
        return message, path.read_text(encoding="utf-8").splitlines()[int(line) - 1].strip() if line else ""

    return run


@pytest.mark.parametrize(
    ("old", "new", "expected", "line"),
    [
        (
            'gain("wide", "narrow", "test_error")',
            'gain("wide", "narrow", "tst_error")',
            "unknown metric 'tst_error'; did you mean 'test_error'?",
            "yield direction(",
        ),
        (
            'gain("wide", "narrow", "test_error")',
            'gain("wide", "narow", "test_error")',
            "unknown arm 'narow'; did you mean 'narrow'?",
            "yield direction(",
        ),
        (
            'gain("wide", "narrow", "generalization_gap")',
            'gain("wide", "narrow", "shift_drop/4")',
            "shift_drop/4 is not measured on the arm 'narrow': add the probe 'translation' to it",
            "yield magnitude(",
        ),
        (
            'gain("wide", "narrow", "generalization_gap")',
            'TimeRatio("wide", "narrow", 25)',
            "a threshold is a fraction of wrong answers",
            'TimeRatio("wide", "narrow", 25),',
        ),
        ("above=0,", 'above=0, under="one lair",', "unknown condition 'one lair'; did you mean 'one layer'?", None),
        ("above=0,", "", "the rule about the gain in test error from narrow to wide needs one of above", None),
        ("above=0,", "above=0, below=1,", "needs one of above, below, between, equivalent; got above and below", None),
        ("above=0,", "abov=0,", "TypeError: rule() got an unexpected keyword argument 'abov'", None),
        ("between=(1, 2),", "between=(2, 1),", "needs a range: 2 is not below 1", None),
        ('"secondary", about', '"secondry", about', "unknown provenance 'secondry'; did you mean 'secondary'?", None),
        ('about="wide"', 'about="wid"', "unknown label 'wid'; did you mean 'wide'?", None),
        ('about="wide"', 'about="wide", dataset="minst"', "unknown data set 'minst'; did you mean 'mnist'?", None),
        ('mechanism="none is claimed"', 'mechanisn="none is claimed"', "unexpected keyword argument 'mechanisn'", None),
        (
            'mechanism="none is claimed"',
            'magnitude="none is published"',
            "the claim 'wide-is-better' says why its magnitude is not tested, and has a rule for it: keep one",
            None,
        ),
        (
            'yield direction(Agreement("output_size"))',
            "return ()",
            "the claim 'it-counts' has no rule: give it one, or say why",
            None,
        ),
        (
            '@claim("It counts.", magnitude="exact", mechanism="exact")\ndef it_counts(at):',
            '@claim("It counts.")\ndef it_counts(at):\n    return ()\n\n\n@claim("It pools.")\ndef other(at):',
            "the claim 'it-counts' has no rule: give it one, or say why its direction is not tested",
            None,
        ),
        ('Agreement("output_size")', 'Agreement("output_sise")', "unknown check 'output_sise'; did you mean", None),
        ('checks=("output_size",)', 'checks=("output_sise",)', "unknown check 'output_sise'; did you mean", None),
        ('Plot("outcomes", metric', 'Plot("outcome", metric', "unknown figure 'outcome'; did you mean", None),
        ('        "effects",', '        "effect",', "unknown figure 'effect'; did you mean 'effects'?", None),
        ('metric="test_error"', 'metric="tests_error"', "unknown metric 'tests_error'; did you mean", None),
        (
            'Plot("outcomes", metric="test_error")',
            'Plot("outcomes", metric="accuracy_at_border")',
            "accuracy_at_border is not measured on none of the arms: add the probe 'border' to it",
            None,
        ),
        ('metric="test_error"', 'arms=("wyde",)', "unknown arm 'wyde'; did you mean 'wide'?", None),
        ('metric="test_error"', 'logarithmic="z"', "logarithmic is one of", None),
        (
            '        "effects",',
            '        Plot("effects", metric="train_error"),',
            "figure effects takes no metric",
            None,
        ),
        (
            '        "effects",',
            '        Plot("effects", claims=("no-such-claim",)),',
            "unknown claim 'no-such-claim'",
            None,
        ),
        (
            '        "effects",',
            '        Plot("patches", arms=("wide",)),',
            "the figure patches shows no arm with the probe 'patches': add it to one of them",
            None,
        ),
        ('        "effects",', '        "survival",', "the figure survival needs a training error that is timed", None),
        ('        "effects",', '        Plot("table", x="depth"),', "the figure table needs x and y: give it y", None),
        ('metric="test_error"', 'titel="Errors"', "unexpected keyword argument 'titel'", None),
        ('"saturation", "gradients"', '"saturation", "gradient"', "unknown probe 'gradient'; did you mean", None),
        (
            'condition="one layer"',
            'conditon="one layer"',
            "missing 1 required keyword-only argument",
            None,
        ),
        (
            'condition="one layer"',
            'condition="one layer", momentun=0.5',
            "momentun: Extra inputs are not permitted (got 0.5; did you mean 'momentum'?)",
            None,
        ),
        ("smoke=SMOKE,", "smoke=SMOKE.but(epoch=3),", "unexpected keyword argument 'epoch'", None),
        ("smoke=SMOKE,", 'smoke=SMOKE.but(dataset="digit"),', "unknown data set 'digit'; did you mean 'digits'?", None),
        ("smoke=SMOKE,", "smoke=SMOKE.but(batch_size=500),", "batch_size 500 is larger than the 200 training", None),
        (
            "smoke=SMOKE,",
            "smoke=SMOKE.but(validation_size=0),",
            "is tuned on its validation error",
            None,
        ),
        ("smoke=SMOKE,", "smoke=SMOKE.but(rates=(0.1, 0.2)),", "a rate search needs at least 3 rates", None),
        ("tune=LowestValidationError(),", "", "arms that are tuned need a search for the learning rate", None),
        ("claims=(wide_is_better, it_counts)", "claims=(wide_is_better, wide_is_better)", "there are two claims", None),
        ("def slips(at):", "def pooling(at):", "'pooling' is an experiment that comes with cnn-study: rename", None),
        ("def slips(at):", "def slips():", "TypeError", None),
    ],
)
def test_a_slip_is_refused_with_its_line(refused, old, new, expected, line):
    message, place = refused(old, new)
    assert expected in message
    if line:
        assert place == line


def test_a_claim_that_another_experiment_makes_is_refused(refused):
    message, line = refused("it_counts", "pooling_is_needed", times=2)
    assert message == "the claim 'pooling-is-needed' is taken by the experiment pooling: rename it"
    assert line == '@claim("It counts.", magnitude="exact", mechanism="exact")'


def test_a_page_is_a_script_and_a_slip_is_told_without_loading_tensorflow(tmp_path):
    path = tmp_path / "slips.py"
    path.write_text(PAGE.replace('"narrow", "test_error"', '"narow", "test_error"'), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, str(path), "--profile", "smoke"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"cnn-study: {path}, line ")
    assert [each.name for each in Path(tmp_path).iterdir()] == ["slips.py"]


def test_the_page_itself_is_no_slip(tmp_path):
    from cnn_study import collection

    path = tmp_path / "slips.py"
    path.write_text(PAGE, encoding="utf-8")
    (experiment,) = collection.load([str(path)])
    design = experiment.at("smoke")
    assert [rule.condition for rule in design.rules] == ["one layer", "by the gap", "all cases"]
    assert design.arms[0].probes == ("gradients", "saturation"), "probes are sorted"
