import keras
import numpy as np
import pytest
from agreement import all_agree, disagreeing

from cnn_study.checks import counts
from cnn_study.checks.counts import (
    LENET_C1,
    Patch,
    dependent_pairs,
    lenet5_counts,
    receptive_field_costs,
    weight_sharing_counts,
)
from cnn_study.models import complexity

GRID = (Patch((6, 5, 2), 3, 3, 1, "same"), Patch((6, 5, 2), 3, 3, 2, "valid"), Patch((4, 4, 1), 2, 1, 2, "same"))


def test_the_first_layer_of_lenet5():
    conv, local, dense = (LENET_C1.count(kind) for kind in ("conv", "local", "dense"))
    assert (conv.parameters, conv.connections) == (156, 122_304)
    assert (local.parameters, local.connections, local.macs) == (122_304, 122_304, 117_600)
    assert (dense.weights, dense.biases, dense.parameters) == (4_816_896, 4_704, 4_821_600)


def test_products_with_padding_are_macs_but_no_links():
    count = Patch((3, 3, 1), 1, 3, 1, "same").count("conv")
    assert count.macs == 9 * 9
    assert count.links == (2 + 3 + 2) ** 2


def test_costs_of_built_layers():
    outcomes, table = receptive_field_costs(GRID, fields=(32,))
    assert all_agree(outcomes)
    assert outcomes["dense_over_conv_parameters"] == 4_821_600 / 156
    assert outcomes["dense_over_local_macs"] == 1024 / 25
    assert outcomes["local_over_conv_parameters"] == 784
    assert outcomes["share_in_c5_and_f6"] == pytest.approx(0.9714, abs=5e-5)
    assert [row["kind"] for row in table[:3]] == ["dense", "local", "conv"]
    assert len({row["parameters"] for row in table[3:]}) == 1, "with a field as large as the image all are the same"


def test_connections_that_are_not_there_are_found(build_wrongly):
    # Mirrored instead of zero: the parameters are the same, but pixels at the border are connected more often.
    right, _ = receptive_field_costs(GRID, fields=())
    build_wrongly(counts, lambda layer: layer.padding == "same" and layer.shared, padding="reflect")
    outcomes, _ = receptive_field_costs(GRID, fields=())
    assert right["agreeing"] - outcomes["agreeing"] == 1


def test_a_miscount_of_the_library_is_found(monkeypatch):
    right = complexity._count
    monkeypatch.setattr(complexity, "_count", lambda *layer: (*right(*layer)[:3], right(*layer)[3] + 1))
    outcomes, table = receptive_field_costs(GRID[:1], fields=())
    assert outcomes["agreeing"] == 0
    assert disagreeing(table) == table


def test_sharing_saves_exactly_the_positions():
    outcomes, table = weight_sharing_counts(GRID)
    assert all_agree(outcomes)
    assert (outcomes["least_saving"], outcomes["largest_saving"]) == (4, 30)
    weights = {row["kind"]: row["weights"] for row in table[:3]}
    assert weights["local"] == 30 * weights["conv"] == 30 * 3 * 3 * 2 * 3


def test_a_wrong_number_of_positions_is_found(monkeypatch):
    right = counts.Geometry.pixels
    monkeypatch.setattr(counts.Geometry, "pixels", lambda self: right(self)[1:])
    outcomes, _ = weight_sharing_counts(GRID[:1])
    assert outcomes["agreeing"] < outcomes["cases"]


def test_dependent_pairs_of_a_layer_with_a_gap():
    layer = keras.layers.Dense(3, use_bias=False)
    layer(keras.Input((4,)))
    kernel = np.ones((4, 3), "float32")
    kernel[1, 2] = 0
    layer.set_weights([kernel])
    assert dependent_pairs(layer) == 11


def test_lenet5_is_the_published_one():
    outcomes, table = lenet5_counts()
    assert all_agree(outcomes)
    assert (outcomes["parameters"], outcomes["connections"]) == (60_000, 340_908)
    assert outcomes["usual_parameters"] == 61_706
    assert [row["layer"] for row in table if row["network"] == "1998"] == [*counts.PUBLISHED, "output", "all"]


def test_another_number_than_the_published_one_is_found(monkeypatch):
    monkeypatch.setitem(counts.PUBLISHED, "C3", (2_416, 151_600))
    outcomes, table = lenet5_counts()
    assert outcomes["agreeing"] == outcomes["cases"] - 1
    assert [row["layer"] for row in disagreeing(table)] == ["C3"]
