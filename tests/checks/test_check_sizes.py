import math

import pytest
from agreement import all_agree, disagreeing

from cnn_study.checks import sizes
from cnn_study.checks.sizes import Geometry, output_size, padding_volume

SIDES, FIELDS, STRIDES = (1, 2, 5, 6), (1, 2, 3), (1, 2)
VOLUMES = {"shapes": ((6, 9),), "fields": (2, 3, 4), "depth": 3}


def test_built_layers_follow_the_formula_in_every_case():
    outcomes, table = output_size(SIDES, FIELDS, STRIDES)
    assert all_agree(outcomes)
    # Nine pairs of a layer and a padding, and 0, 1 and 2 numbers of explicit zeros, for every side and stride.
    assert outcomes["cases"] == (9 * 3 + 0 + 1 + 2) * len(SIDES) * len(STRIDES)
    assert len(table) == 3 * len(SIDES) * len(FIELDS) * len(STRIDES)


@pytest.mark.parametrize(
    ("geometry", "size", "pixels"),
    [
        # Dumoulin & Visin 2016, figures 2.1, 2.5 and 2.6.
        (Geometry(4, 3, 1, "valid"), 2, [3, 3]),
        (Geometry(5, 3, 2, "valid"), 2, [3, 3]),
        (Geometry(5, 3, 2, 1), 3, [2, 3, 2]),
        # An even field is padded after the side only.
        (Geometry(4, 2, 1, "same"), 4, [2, 2, 2, 1]),
        (Geometry(4, 3, 2, "same"), 2, [3, 2]),
        (Geometry(3, 3, 1, "reflect"), 3, [3, 3, 3]),
    ],
)
def test_geometry_by_hand(geometry, size, pixels):
    assert geometry.possible
    assert geometry.size() == size
    assert geometry.pixels().tolist() == pixels


@pytest.mark.parametrize(
    "geometry", [Geometry(2, 3, 1, "valid"), Geometry(1, 3, 1, "reflect"), Geometry(1, 2, 1, "reflect")]
)
def test_impossible_geometry_is_refused_and_counted(geometry):
    assert not geometry.possible
    outcomes, table = output_size((geometry.side,), (geometry.field,), (geometry.stride,))
    assert all_agree(outcomes)
    assert outcomes["refused"] > 0
    (row,) = (row for row in table if row["padding"] == geometry.padding)
    assert row["output"] == 0


def test_a_wrong_formula_is_found(monkeypatch):
    right = Geometry.size

    def rounded_up(self):
        return right(self) if self.padding == "same" else math.ceil((self.side - self.field) / self.stride) + 1

    monkeypatch.setattr(Geometry, "size", rounded_up)
    outcomes, table = output_size((6,), (3,), (1, 2))
    assert 0 < outcomes["agreeing"] < outcomes["cases"]
    assert {(row["padding"], row["stride"]) for row in disagreeing(table)} >= {("valid", 2)}


def test_zeros_in_another_place_are_found(build_wrongly):
    # Mirrored instead of zero: the same sizes, other values.
    build_wrongly(sizes, lambda layer: layer.padding == "same" and layer.shared, padding="reflect")
    outcomes, table = output_size((6,), (3,), (1,))
    assert outcomes["agreeing"] < outcomes["cases"]
    assert {row["padding"] for row in disagreeing(table)} == {"same"}


def test_padding_keeps_the_volume():
    outcomes, table = padding_volume(**VOLUMES)
    assert all_agree(outcomes)
    sizes_of = {
        row["depth"]: (row["output_height"], row["output_width"])
        for row in table
        if (row["padding"], row["field"]) == ("valid", 3)
    }
    assert sizes_of == {1: (4, 7), 2: (2, 5), 3: (0, 0)}


def test_a_layer_without_its_padding_is_found(build_wrongly):
    build_wrongly(sizes, lambda layer: layer.padding == "same", padding="valid")
    outcomes, table = padding_volume(((9, 9),), (1, 3), 2)
    assert outcomes["agreeing"] < outcomes["cases"]
    assert {(row["padding"], row["field"]) for row in disagreeing(table)} == {("same", 3)}
