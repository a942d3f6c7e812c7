from agreement import all_agree

from cnn_study.checks import permutation
from cnn_study.checks.permutation import UNITS, pixel_permutation

SMALL = {"depths": (0, 2), "seeds": (0,), "orders": (0, 1)}


def test_a_perceptron_with_permuted_rows_is_the_same_and_no_convolution_is():
    outcomes, table = pixel_permutation(**SMALL)
    assert all_agree(outcomes)
    assert outcomes["cases"] == len(UNITS) * 2 * 2 + 2
    assert outcomes["largest_error_dense"] < 1e-12 < 1e-3 < outcomes["smallest_error_conv"]
    assert [row["kind"] for row in table] == ["dense"] * len(UNITS) * 2 + ["conv"]


def test_rows_that_stay_where_they_were_are_found(monkeypatch):
    monkeypatch.setattr(permutation, "_in_order", lambda rows, order: rows)
    outcomes, _ = pixel_permutation(**SMALL)
    assert outcomes["agreeing"] == 2  # The convolutions.


def test_a_convolution_that_could_undo_the_order_is_found(monkeypatch):
    """With fields of one pixel the same responses stand in other places."""
    monkeypatch.setattr(permutation, "FIELD", 1)
    outcomes, table = pixel_permutation(**SMALL)
    assert outcomes["cases"] - outcomes["agreeing"] == 2
    assert table[-1]["error"] < 1e-12
