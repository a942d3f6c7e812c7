"""Whatever is typed, written or stored: never a trace. The long form runs more than 10,000 generated cases."""

import bad_designs
import bad_shell
import bad_specs
import bad_stores
import pytest
from cases import examine

PROPERTIES = {
    "specifications": (bad_specs.is_a_run_or_refused, bad_specs.texts),
    "designs": (bad_designs.can_be_planned_or_is_refused, bad_designs.declarations()),
    "stores": (bad_stores.is_read_or_refused, bad_stores.files),
    "commands": (bad_shell.ends_with_a_code_and_one_line, bad_shell.lines()),
}
SHORT = {"specifications": 150, "designs": 100, "stores": 50, "commands": 50}
LONG = {"specifications": 6000, "designs": 2500, "stores": 1500, "commands": 1500}


@pytest.mark.parametrize("what", PROPERTIES)
def test_bad_input_is_refused_in_one_line(what):
    number, taken = examine(*PROPERTIES[what], SHORT[what], same=True)
    assert number >= SHORT[what]
    assert 0 < taken < number


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", PROPERTIES)
def test_bad_input_is_refused_in_one_line_in_thousands_of_cases(what, record_property):
    number, taken = examine(*PROPERTIES[what], LONG[what], same=False)
    record_property("cases", number)
    print(f"{what}: {number} cases, of which {taken} were taken")
    assert number >= LONG[what]
    assert number / 20 < taken < number


def test_the_long_form_has_more_than_ten_thousand_cases():
    assert LONG.keys() == PROPERTIES.keys()
    assert sum(LONG.values()) > 10_000


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 3000, "file/below", "line\nbreak", "\udcff"])
def test_results_at_a_path_that_cannot_be_are_refused(path):
    code, _, error = bad_shell.called(["claims", "--results", path])
    assert code == 2
    assert len(error.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", bad_shell.PATHS)
def test_no_path_ends_in_a_trace(path):
    for line in (
        ["claims", "--results", path],
        ["claims", "--results", "store", "--into", path],
        ["claims", "--profile", path],
        ["plan", "pooling", "--results", path],
        ["run", "output_size", "--results", path, "--fallback", "digits", "--no-tracking"],
        ["run", path],
        ["data", "digits", "--cache", path],
    ):
        bad_shell.ends_with_a_code_and_one_line(line)
