import datetime
import importlib
import subprocess
import sys

import pytest

from cnn_study.checks import run
from cnn_study.checks.table import CHECKS, check, function
from cnn_study.errors import InputError
from cnn_study.spec import CheckSpec

MOST_IN_A_SAMPLE = 2000


def test_checks_can_be_named_without_loading_tensorflow():
    code = (
        "import sys; from cnn_study.checks import check; check('output_size'); "
        "sys.exit(bool({'tensorflow', 'keras'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_name_has_a_function_and_the_other_way_round():
    for module in {row.module for row in CHECKS.values()}:
        samples = importlib.import_module(f"cnn_study.checks.{module}").SAMPLES
        assert samples.keys() <= {name for name, row in CHECKS.items() if row.module == module}
    assert all(callable(function(name)[0]) for name in CHECKS)


def test_checks_and_their_samples_have_different_keys():
    keys = {check(name, sample=sample).key for name in CHECKS for sample in (False, True)}
    assert len(keys) == 2 * len(CHECKS)


# Short forms of those that take long are in test_check_gradients.py and test_check_counts.py.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in ("layer_api", "receptive_field_costs") else [])
        for name in sorted(CHECKS)
    ],
)
def test_a_sample_is_a_part_of_the_grid_with_the_same_table(name):
    record = run(check(name, sample=True))
    assert record.spec.sample
    assert 10 < record.outcomes["cases"] == record.outcomes["agreeing"] < MOST_IN_A_SAMPLE
    assert len({tuple(row) for row in record.table}) == 1


def test_a_mistyped_name_is_answered_with_the_nearest_one():
    for ask in (check, lambda name: run(CheckSpec(check=name))):
        with pytest.raises(InputError, match="'outputsize'; did you mean 'output_size'"):
            ask("outputsize")


def test_a_version_that_is_gone_is_refused():
    current = check("output_size").version
    with pytest.raises(InputError, match=f"no version {current + 1}; ask for its current one, {current}"):
        run(CheckSpec(check="output_size", version=current + 1))


def test_a_record_says_what_was_found_where_and_when():
    record = run(check("lenet5_counts"))
    assert record.key == check("lenet5_counts").key
    assert record.outcomes["cases"] == record.outcomes["agreeing"] == len(record.table)
    assert all(isinstance(value, float) for value in record.outcomes.values())
    assert record.environment["tensorflow"]
    assert record.seconds > 0
    assert datetime.datetime.fromisoformat(record.finished_at).tzinfo is datetime.UTC


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_case_of_the_full_grid_agrees(name):
    record = run(check(name))
    assert record.outcomes["agreeing"] == record.outcomes["cases"]
    assert record.outcomes["cases"] > 10
    columns = {tuple(row) for row in record.table}
    assert len(columns) == 1, "a figure needs the same columns in every row"
    values = [value for row in record.table for value in row.values()]
    assert all(type(value) in (str, int, float, bool) for value in values), "a file holds no types of NumPy"
