"""The figures that came with the project: they show the results that came with it."""

import csv
import math

import pytest
from committed import REFERENCE


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_effects_that_are_drawn_are_the_estimates_that_are_stored(profile):
    stored = {
        (row["claim"], row["aspect"], row["condition"], row["what"]): row
        for row in rows(REFERENCE / profile / "estimates.csv")
    }
    drawn = [row for path in sorted(REFERENCE.glob(f"{profile}/figures/*-effects*.csv")) for row in rows(path)]
    assert len(drawn) > 100
    for row in drawn:
        known = stored[row["claim"], row["aspect"], row["condition"], row["estimated"]]
        assert row["seeds"] == known["seeds_or_cases"], f"stale: cnn-study figures --profile {profile}"
        for name in ("estimate", "low", "high"):
            assert math.isclose(float(row[name]), float(known[name]), rel_tol=1e-7, abs_tol=1e-9), (row, known)
