"""The probes that measure during training, against what they must give by hand."""

import numpy as np
import pytest
import tensorflow as tf

from cnn_study.models.factory import build_model
from cnn_study.probes import covariate_shift, gradients, landscape, percentiles, saturation
from cnn_study.probes.stages import loss, stages
from cnn_study.probes.training import PROBES, Series
from cnn_study.spec import HE, Conv, Dense, GlobalAverage, ModelSpec, Pool, Subsample

LOGITS = Dense(units=3, activation=None)
SHAPE = (6, 6, 2)
ALL_KINDS = ModelSpec(
    input_shape=SHAPE,
    layers=(
        Conv(maps=3, field=3, padding="reflect", batch_norm=True, norm_noise=True, dropout=0.3),
        Conv(maps=3, field=3, shared=False, activation="leaky_relu", pool=Pool(reduce="max", before_unit=True)),
        Subsample(size=3, activation="scaled_tanh"),
        Dense(units=5, activation="tanh", batch_norm=True, norm_after_unit=True),
        LOGITS,
    ),
)


def batch(shape=SHAPE, examples=12, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((examples, *shape)).astype("float32")
    return tf.constant(images), tf.constant(rng.integers(0, classes, examples), tf.int32)


def dense(*layers, shape=(2, 2, 1)):
    return ModelSpec(input_shape=shape, layers=(*layers, LOGITS))


def measured(probe, spec, rate=0.1, seed=0, prepare=lambda model: None):
    """Traced, as a run measures."""
    model = build_model(spec, seed, noise_seed=7)
    prepare(model)
    images, labels = batch(spec.input_shape)
    found = tf.function(lambda: probe.measure(model, images, labels, tf.constant(rate)))()
    return model, images, labels, {name: value.numpy() for name, value in found.items()}


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_leaves_the_network_as_it_is(name):
    model = build_model(ALL_KINDS, noise_seed=3)
    before = [variable.numpy() for variable in model.variables]
    first, second = (
        {key: value.numpy() for key, value in PROBES[name].measure(model, *batch(), tf.constant(0.1)).items()}
        for _ in range(2)
    )
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert np.isfinite(value).all(), key
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def test_stages_are_the_layers_of_the_spec_that_have_weights():
    found = stages(build_model(ALL_KINDS))
    assert [stage.name for stage in found] == ["conv1", "local2", "subsample3", "dense4", "dense5"]
    assert [stage.unit and stage.unit.name for stage in found] == ["unit1", "unit2", "unit3", "unit4", None]
    layers = (Conv(maps=3, field=3), GlobalAverage())
    assert [stage.name for stage in stages(build_model(ModelSpec(input_shape=SHAPE, layers=layers)))] == ["conv1"]


# --- gradients ---


def test_gradients_of_a_linear_classifier_by_hand():
    model, images, labels, found = measured(gradients, dense())
    flat = images.numpy().reshape(12, 4)
    error = tf.nn.softmax(model(images)).numpy() - np.eye(3)[labels.numpy()]
    assert found["gradient_unit_input/dense1"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    weights = flat.T @ error / 12
    assert found["gradient_weights/dense1"] == pytest.approx(np.sqrt(np.mean(weights**2)), rel=1e-5)


def test_the_gradient_is_that_of_what_the_unit_takes():
    """Behind the normalization, in training mode: against a tape over the upper half of the network."""
    spec = dense(Dense(units=4, activation="tanh", batch_norm=True))
    model, images, labels, found = measured(gradients, spec)
    taken = model.get_layer("norm1")(model.get_layer("dense1")(model.get_layer("flatten1")(images)), training=True)
    with tf.GradientTape() as tape:
        tape.watch(taken)
        mean = loss(model.get_layer("dense2")(tf.tanh(taken)), labels)
    gradient = 12 * tape.gradient(mean, taken).numpy()
    assert found["gradient_unit_input/dense1"] == pytest.approx(np.sqrt(np.mean(gradient**2)), rel=1e-4)


def test_gradients_vanish_in_a_deep_sigmoid_net_and_not_in_a_rectified_one_after_he():
    def slope(activation, rule):
        layers = [Dense(units=40, activation=activation, **rule) for _ in range(12)]
        *_, found = measured(gradients, dense(*layers, shape=(6, 6, 1)))
        return gradients.outcomes([found])["gradient_slope_start"]

    assert slope("sigmoid", {}) > 0.4
    assert abs(slope("relu", {"initializer": HE})) < 0.1


def test_a_slope_is_in_decades_a_layer_without_the_output_layer():
    rows = [
        {f"gradient_unit_input/dense{i}": 10.0 ** (2 * i) for i in (1, 2, 3)} | {"gradient_unit_input/dense4": 1e-9}
    ]
    rows += [{f"gradient_unit_input/dense{i}": 10.0**-i for i in (1, 2, 3, 4)}]
    found = gradients.outcomes(rows)
    assert found == {"gradient_slope_start": pytest.approx(2), "gradient_slope_end": pytest.approx(-1)}
    assert gradients.outcomes([{"gradient_unit_input/dense1": 1.0, "gradient_unit_input/dense2": 2.0}]) == {}
    assert gradients.slope([0.0, 1.0]) == pytest.approx(-np.log10(gradients.SMALLEST))


# --- saturation ---


@pytest.mark.parametrize(("unit", "limit"), [("tanh", 0.95), ("scaled_tanh", 0.95 * 1.7159), ("sigmoid", 0.95)])
def test_saturated_units_are_counted(unit, limit):
    spec = dense(Dense(units=30, activation=unit))
    model, images, _, found = measured(
        saturation, spec, prepare=lambda model: model.get_layer("dense1").kernel.assign(8 * np.ones((4, 30)) / 4)
    )
    outputs = model.get_layer("unit1")(model.get_layer("dense1")(model.get_layer("flatten1")(images))).numpy()
    expected = np.mean((outputs > limit) | (outputs < (0.05 if unit == "sigmoid" else -limit)))
    assert found == {"saturated/dense1": pytest.approx(expected)}
    assert 0.1 < expected < 1


def test_units_behind_batch_normalization_are_counted_with_the_statistics_of_the_batch():
    """Those of the moving averages, which start at 0 and 1, would leave hardly a unit that is not saturated."""
    *_, found = measured(
        saturation,
        dense(Dense(units=30, activation="tanh", batch_norm=True)),
        prepare=lambda model: model.get_layer("dense1").kernel.assign(1000 * np.ones((4, 30))),
    )
    assert 0 < found["saturated/dense1"] < 0.3


@pytest.mark.parametrize("unit", ["relu", "elu", "gelu", "silu", "leaky_relu"])
def test_inactive_and_dead_units_are_counted(unit):
    spec = ModelSpec(input_shape=SHAPE, layers=(Conv(maps=4, field=1, activation=unit), LOGITS))

    def prepare(model):
        model.get_layer("conv1").kernel.assign(np.zeros((1, 1, 2, 4)))
        model.get_layer("conv1").bias.assign([-50, -50, 50, 50])

    *_, found = measured(saturation, spec, prepare=prepare)
    half = 0.0 if unit == "leaky_relu" else 0.5
    assert found == {"inactive/conv1": half, "dead/conv1": half}


def test_a_map_that_is_active_anywhere_is_not_dead_but_places_without_shared_weights_count_alone():
    def prepare(name):
        return lambda model: model.get_layer(name).bias.assign(np.full(model.get_layer(name).bias.shape, -2.0))

    *_, shared = measured(
        saturation, ModelSpec(input_shape=SHAPE, layers=(Conv(maps=2, field=1), LOGITS)), prepare=prepare("conv1")
    )
    *_, local = measured(
        saturation,
        ModelSpec(input_shape=SHAPE, layers=(Conv(maps=2, field=1, shared=False), LOGITS)),
        prepare=prepare("local1"),
    )
    assert shared["dead/conv1"] == 0 < shared["inactive/conv1"] < 1
    assert 0 < local["dead/local1"] < local["inactive/local1"]


def test_the_largest_layer_speaks_for_the_network():
    rows = [{"saturated/a": 0.1 * i, "saturated/b": 0.3 - 0.1 * i, "dead/c": 0.5 * i} for i in range(3)]
    found = saturation.outcomes(rows)
    assert found == pytest.approx(
        {"saturated_start": 0.3, "saturated_early": 0.2, "saturated_end": 0.2, "dead_end": 1.0}
    )
    assert saturation.outcomes([{"dead/c": 0.5}]) == {"dead_end": 0.5}


# --- covariate shift ---


def test_a_layers_gradient_is_compared_before_and_after_a_step_of_the_layers_below():
    spec = dense(Dense(units=5, activation="tanh"), Dense(units=4, activation="tanh"))
    rate = 0.5
    model, images, labels, found = measured(covariate_shift, spec, rate)

    def gradient():
        with tf.GradientTape() as tape:
            mean = loss(model(images), labels)
        return [g.numpy() for g in tape.gradient(mean, model.trainable_variables)]

    start, before = [v.numpy() for v in model.trainable_variables], gradient()
    for upper, name in ((1, "dense2"), (2, "dense3")):
        for place, variable in enumerate(model.trainable_variables):
            variable.assign(start[place] - rate * before[place] * (place // 2 < upper))
        after = gradient()
        a, b = (np.concatenate([g.ravel() for g in gs[2 * upper : 2 * upper + 2]]) for gs in (before, after))
        assert found[f"gradient_change/{name}"] == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-3)
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert found[f"gradient_cosine/{name}"] == pytest.approx(cosine, rel=1e-4)
        assert found[f"gradient_change/{name}"] > 0.01
    assert "gradient_change/dense1" not in found


def test_without_a_step_no_gradient_changes():
    *_, found = measured(covariate_shift, ALL_KINDS, rate=0.0)
    assert [found[name] for name in found if name.startswith("gradient_change/")] == [0.0] * 4
    assert [found[name] for name in found if name.startswith("gradient_cosine/")] == pytest.approx([1.0] * 4)


def test_moments_are_those_of_the_inputs_of_the_units():
    spec = ModelSpec(input_shape=SHAPE, layers=(Conv(maps=3, field=3), LOGITS))
    model, images, _, found = measured(covariate_shift, spec)
    taken = model.get_layer("conv1")(images).numpy()
    np.testing.assert_allclose(found["means/conv1"], taken.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["deviations/conv1"], taken.std((0, 1, 2)), rtol=1e-4)


def test_drift_is_the_way_of_the_means_in_deviations_of_the_time_before():
    series = Series(PROBES["covariate_shift"])
    first = {"means/dense1": np.array([1.0, -1.0]), "deviations/dense1": np.array([2.0, 0.0])}
    second = {"means/dense1": np.array([4.0, 5.0]), "deviations/dense1": np.array([1.0, 3.0])}
    assert series.add(first) == {"unit_input_mean/dense1": 1.0, "unit_input_stddev/dense1": 1.0}
    assert series.add(second) == {
        "unit_input_mean/dense1": 4.5,
        "unit_input_stddev/dense1": 2.0,
        "input_drift/dense1": 1.5,
    }
    assert series.outcomes() == {"input_drift_mean": 1.5}


# --- landscape ---


def test_the_walk_along_the_gradient_by_hand():
    rate = 0.3
    model, images, labels, found = measured(landscape, dense(Dense(units=5, activation="tanh")), rate)

    def look():
        with tf.GradientTape() as tape:
            mean = loss(model(images), labels)
        gradient = tape.gradient(mean, model.trainable_variables)
        return float(mean), np.concatenate([g.numpy().ravel() for g in gradient]), gradient

    start = [variable.numpy() for variable in model.trainable_variables]
    _, flat, gradient = look()
    losses, distances = [], []
    for length in landscape.STEPS:
        for variable, value, g in zip(model.trainable_variables, start, gradient, strict=True):
            variable.assign(value - rate * length * g)
        value, other, _ = look()
        losses.append(value)
        distances.append(np.linalg.norm(other - flat))
    assert found["loss_range"] == pytest.approx(max(losses) - min(losses), rel=1e-3)
    assert found["gradient_predictiveness"] == pytest.approx(max(distances) / np.linalg.norm(flat), rel=1e-3)


def test_what_is_no_number_is_left_out_of_the_outcomes():
    series = Series(PROBES["landscape"])
    series.add({"loss_range": np.array(np.nan), "gradient_predictiveness": np.array(2.0)})
    assert series.outcomes() == {"gradient_predictiveness_mean": 2.0}


# --- percentiles ---


def test_percentiles_are_those_of_what_the_first_unit_takes_at_all_places_of_its_map():
    layers = Conv(maps=3, field=3, activation="tanh"), Dense(units=5, activation="sigmoid")
    spec = ModelSpec(input_shape=SHAPE, layers=(*layers, LOGITS))
    model, images, _, found = measured(percentiles, spec)
    conv = model.get_layer("conv1")(images)
    dense_input = model.get_layer("unit1")(conv)
    dense_input = model.get_layer("dense2")(tf.reshape(dense_input, [len(images), -1]))
    for name, values in (("conv1", conv[..., 0]), ("dense2", dense_input[:, 0])):
        for share in percentiles.PERCENTILES:
            expected = np.percentile(values.numpy().ravel(), share)
            assert found[f"unit_input_p{share}/{name}"] == pytest.approx(expected, rel=1e-5)
    assert len(found) == len(percentiles.PERCENTILES) * len(layers)


def test_after_a_divergence_percentiles_are_no_numbers():
    spec = dense(Dense(units=2, activation="tanh"))
    *_, found = measured(
        percentiles, spec, prepare=lambda model: model.get_layer("dense1").kernel.assign([[np.inf] * 2] * 4)
    )
    assert np.isnan(list(found.values())).all()
