import numpy as np
import pytest
from agreement import all_agree

from cnn_study.checks import borders
from cnn_study.checks.borders import border_visibility, padding_position, paths_along, seen_along


def stepped_along(side, depth, padding):
    """Paths from every pixel, by going backward through the layers one after another."""
    lengths = [side - 2 * layer if padding == "valid" else side for layer in range(depth + 1)]
    paths = np.ones(lengths[-1])
    for length in reversed(lengths[:-1]):
        below = np.zeros(length)
        for unit, count in enumerate(paths):
            for step in (-1, 0, 1):
                pixel = unit + step + (padding == "valid")
                if padding == "reflect":
                    pixel = length - 1 - abs(length - 1 - abs(pixel))
                if 0 <= pixel < length:
                    below[pixel] += count
        paths = below
    return paths


@pytest.mark.parametrize("padding", ["same", "valid", "reflect"])
@pytest.mark.parametrize(("side", "depth"), [(3, 1), (7, 1), (7, 3), (9, 4), (11, 5), (16, 7)])
def test_closed_form_equals_stepping(side, depth, padding):
    assert paths_along(side, depth, padding).tolist() == stepped_along(side, depth, padding).tolist()


def test_units_that_see_a_pixel():
    assert seen_along(5, 1, "same").tolist() == [2, 3, 3, 3, 2]
    assert seen_along(5, 1, "valid").tolist() == [1, 2, 3, 2, 1]


def test_the_border_is_seen_as_often_as_counted():
    outcomes, table = border_visibility(side=9, depth=3)
    assert all_agree(outcomes)
    assert outcomes["cases"] == 3 * 3 * 81
    influence = {(row["padding"], row["depth"], row["distance"]): row["influence"] for row in table}
    assert all(influence[padding, 3, 4] == 1 for padding in ("same", "valid", "reflect"))
    assert influence["valid", 3, 0] < influence["same", 3, 0] < influence["reflect", 3, 0] < 1


@pytest.mark.parametrize("function", ["paths_along", "seen_along"])
def test_a_wrong_count_is_found(monkeypatch, function):
    right = getattr(borders, function)
    # As if mirrored pixels were zeros; as if nothing were lost without padding.
    confused = {"paths_along": {"reflect": "same"}, "seen_along": {"valid": "same"}}[function]
    monkeypatch.setattr(
        borders, function, lambda side, depth, padding: right(side, depth, confused.get(padding, padding))
    )
    outcomes, _ = border_visibility(side=7, depth=1)
    assert 0 < outcomes["agreeing"] < outcomes["cases"]


def test_only_zeros_tell_the_place():
    outcomes, table = padding_position(side=10, depth=3, maps=3, seeds=(0, 1))
    assert all_agree(outcomes)
    deviating = {(row["padding"], row["depth"], row["distance"]) for row in table if row["deviation"] > 1e-6}
    assert deviating == {("same", depth, distance) for depth in (1, 2, 3) for distance in range(depth)}


@pytest.mark.parametrize(("padding", "instead"), [("reflect", "same"), ("same", "reflect")])
def test_a_network_that_pads_otherwise_is_found(build_wrongly, padding, instead):
    build_wrongly(borders, lambda layer: layer.padding == padding, padding=instead)
    outcomes, _ = padding_position(side=8, depth=1, maps=2, seeds=(0,))
    assert outcomes["agreeing"] == outcomes["cases"] - 1  # the ring at the border
