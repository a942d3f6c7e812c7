import pytest
from agreement import all_agree

from cnn_study import layer_api as layers
from cnn_study.checks.gradients import Configuration, configurations, layer_api
from cnn_study.spec import Conv, Dense, Layer, Pool

CONV = Conv(maps=2, field=3, activation="tanh", pool=Pool(reduce="max"), batch_norm=True)
LOGITS = Dense(units=2, activation=None)
SMALL = (Configuration("conv", (CONV, LOGITS), training=True),)


def test_every_gradient_of_a_network_agrees():
    outcomes, (row,) = layer_api(SMALL)
    assert all_agree(outcomes)
    # Kernel, bias, input; norm: scale, shift, input; unit, pooling and flattening: input; dense: as the convolution.
    assert row["gradients"] == outcomes["cases"] - 1 == 3 + 3 + 1 + 1 + 1 + 3
    assert row["chain_error"] < 1e-12 < row["layer_error"] < 1e-6
    assert 1e-12 < row["network_error"] < 1e-5


def test_the_grid_turns_every_switch():
    grid = configurations()
    assert len({configuration.name for configuration in grid}) == len(grid)
    seen = {}
    for configuration in grid:
        for layer in configuration.layers:
            for name in type(layer).model_fields:
                seen.setdefault((layer.kind, name), set()).add(repr(getattr(layer, name)))
    left_alone = {name for name, values in seen.items() if len(values) == 1}
    # How many maps, how large the squares, where the initial weights are from, and how far a step goes is no other
    # computation.
    assert left_alone - {(kind, "kind") for kind, _ in seen} == {
        ("conv", "bias_stddev"),
        ("conv", "initializer"),
        ("conv", "maps"),
        ("conv", "rate"),
        ("dense", "bias_stddev"),
        ("dense", "initializer"),
        ("dense", "rate"),
        ("subsample", "size"),
    }
    assert {kind for kind, _ in seen} == {"conv", "dense", "subsample", "global_average", "radial_basis"}
    assert len(Layer.__origin__.__args__) == 5, "a new kind of layer belongs into the grid"


def test_a_layer_that_hands_down_too_much_is_found(monkeypatch):
    right = layers.differentiate

    def doubled(layer, x, upstream, **options):
        gradients = right(layer, x, upstream, **options)
        return gradients._replace(input=2 * gradients.input) if layer.name == "unit1" else gradients

    monkeypatch.setattr(layers, "differentiate", doubled)
    outcomes, (row,) = layer_api(SMALL)
    assert 0 < outcomes["agreeing"] < outcomes["cases"]
    assert not row["agrees"]
    assert row["layer_error"] == pytest.approx(0.5)
    assert row["chain_error"] > 0.1


def test_two_ways_that_are_wrong_alike_are_found(monkeypatch):
    # The gradient of the kernel is wrong in the chain, by the tape and in the layer: differences alone show it.
    right = layers._gradients

    def wrong(tape, output, sources, upstream):
        gradients = right(tape, output, sources, upstream)
        return [2 * gradient if gradient.shape[:2] == (3, 3) else gradient for gradient in gradients]

    monkeypatch.setattr(layers, "_gradients", wrong)
    plain = Configuration("conv", (Conv(maps=2, field=3, activation="tanh"), LOGITS))
    outcomes, (row,) = layer_api((plain,))
    assert outcomes["agreeing"] < outcomes["cases"]
    assert row["chain_error"] < 1e-10
    assert row["layer_error"] > 0.1
    assert row["network_error"] > 0.1
