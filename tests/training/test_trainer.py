import dataclasses
from types import SimpleNamespace
from typing import get_args

import keras
import numpy as np
import pytest

from cnn_study.data import transforms
from cnn_study.data.transforms import Split
from cnn_study.errors import InputError
from cnn_study.models.architectures import dense_net, four_layer_18pct
from cnn_study.models.factory import build_model, rate_factors
from cnn_study.spec import (
    Conv,
    DataSpec,
    Dense,
    ModelSpec,
    Normal,
    Pool,
    ProbeName,
    RunSpec,
    Seeds,
    Subsample,
    TrainSpec,
)
from cnn_study.training import trainer
from cnn_study.training.trainer import Images, Program, train


def images(examples=60, shape=(8, 8, 1), seed=0):
    """Two classes that differ in brightness, with noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, examples).astype("int32")
    x = (rng.integers(0, 150, (examples, *shape)) + 100 * y[:, None, None, None]).astype("uint8")
    return x, y


def split(examples=60, validation=20, shape=(8, 8, 1)):
    x, y = images(examples, shape)
    v, t = images(validation, shape, 1), images(30, shape, 2)
    mean = x.mean(0).astype("float32")
    return Split(x, y, *v, *t, mean, float((x - mean).std()))


def spec(epochs=2, model=None, seed=0, **options):
    options = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 10} | options
    model = model or dense_net("tanh", hidden=(6,), input_shape=(8, 8, 1), classes=2)
    data = DataSpec(name="made-up", content="0" * 64)
    return RunSpec(data=data, model=model, train=TrainSpec(epochs=epochs, **options), seeds=Seeds.of(seed, model))


def reference_weights(run, data):
    """The same training, written plainly: Keras's ``train_on_batch`` in the order that the spec means."""
    model = build_model(run.model, run.seeds.init)
    t = run.train
    sgd = keras.optimizers.SGD(t.learning_rate, momentum=t.momentum)
    optimizer = sgd if t.optimizer == "sgd" else keras.optimizers.Adam(t.learning_rate)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = (data.x_train.astype("float32") - data.mean) * np.float32(1 / data.stddev)
    steps = len(x) // t.batch_size
    for epoch in range(t.epochs):
        order = np.random.default_rng((run.seeds.order, epoch)).permutation(len(x))
        for step in range(steps):
            index = order[step * t.batch_size : (step + 1) * t.batch_size]
            model.train_on_batch(x[index], data.y_train[index])
    return model.get_weights()


@pytest.mark.parametrize(
    "run",
    [
        spec(),
        spec(optimizer="adam", momentum=0.0, learning_rate=0.01),
        spec(model=four_layer_18pct("relu", batch_norm=True, input_shape=(8, 8, 1), classes=2)),
    ],
    ids=["sgd", "adam", "convnet with batch norm"],
)
def test_the_compiled_loop_is_the_plain_one(run):
    data = split()
    program = Program(run.program)
    train(run, data, program)
    for ours, plain in zip(program.model.get_weights(), reference_weights(run, data), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=2e-4, atol=2e-5)


def plain_weights(run, data):
    """The same training in NumPy, for dense layers of tanh units: backpropagation and optimizer written out."""
    t, layers = run.train, run.model.layers
    weights = build_model(run.model, run.seeds.init, dtype="float64").get_weights()
    rates = [t.learning_rate * factor for layer in layers for factor in (layer.rate, t.bias_rate)]
    velocity, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    x = ((data.x_train - data.mean.astype("float64")) / data.stddev).reshape(len(data.x_train), -1)
    taken = 0
    for epoch in range(t.epochs):
        order = np.random.default_rng((run.seeds.order, epoch)).permutation(len(x))
        for begin in range(0, len(x) - t.batch_size + 1, t.batch_size):
            index = order[begin : begin + t.batch_size]
            taken += 1
            for number, gradient in enumerate(plain_gradients(weights, x[index], data.y_train[index])):
                if t.optimizer == "adam":
                    velocity[number] = 0.9 * velocity[number] + 0.1 * gradient
                    square[number] = 0.999 * square[number] + 0.001 * gradient**2
                    correction = np.sqrt(1 - 0.999**taken) / (1 - 0.9**taken)
                    step = correction * velocity[number] / (np.sqrt(square[number]) + 1e-7)
                    weights[number] -= rates[number] * step
                else:
                    velocity[number] = t.momentum * velocity[number] - rates[number] * gradient
                    weights[number] += velocity[number]
    return weights


def plain_gradients(weights, x, y):
    kernels, biases = weights[::2], weights[1::2]
    outputs = [x]
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        outputs.append(np.tanh(outputs[-1] @ kernel + bias))
    logits = outputs[-1] @ kernels[-1] + biases[-1]
    likely = np.exp(logits - logits.max(1, keepdims=True))
    above = (likely / likely.sum(1, keepdims=True) - np.eye(logits.shape[1])[y]) / len(y)
    gradients = []
    for kernel, below in zip(reversed(kernels), reversed(outputs), strict=True):
        gradients = [below.T @ above, above.sum(0), *gradients]
        above = above @ kernel.T * (1 - below**2)
    return gradients


def rated(*rates):
    """A dense network with a rate of its own for the weights of every layer."""
    hidden = [Dense(units=5, activation="tanh", rate=rate) for rate in rates[:-1]]
    return ModelSpec(input_shape=(8, 8, 1), layers=(*hidden, Dense(units=2, activation=None, rate=rates[-1])))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.0},
        {"optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01},
        {"bias_rate": 2.0, "model": rated(0.5, 1.0, 3.0)},
        {"bias_rate": 2.0, "model": rated(0.5, 1.0, 3.0), "momentum": 0.0},
        {"bias_rate": 2.0, "model": rated(0.5, 1.0, 3.0), "optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01},
    ],
    ids=lambda options: " ".join(map(str, (*options.keys(), options.get("optimizer", "sgd")))),
)
def test_in_double_precision_the_training_is_the_one_written_in_numpy(options):
    data, run = split(examples=63), spec(**options)
    program = Program(run.program, "float64")
    train(run, data, program)
    for ours, plain in zip(program.model.get_weights(), plain_weights(run, data), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_first_layer_of_its_own_rate_makes_up_for_the_scale_of_the_images(momentum):
    """Inputs divided by s, with weights times s and their rate times s squared, train as the inputs themselves."""
    data = split()
    s = data.stddev

    def trained(stddev, scale):
        first = Conv(maps=3, field=3, initializer=Normal(stddev=1e-3 * scale), rate=scale**2, pool=Pool(reduce="max"))
        model = ModelSpec(input_shape=(8, 8, 1), layers=(first, Dense(units=4), Dense(units=2, activation=None)))
        run = spec(model=model, momentum=momentum, learning_rate=1e-3, bias_rate=2.0, epochs=4)
        program = Program(run.program, "float64")
        train(run, dataclasses.replace(data, stddev=stddev), program)
        first, *others = program.model.get_weights()
        return [first / scale, *others], build_model(model, dtype="float64").get_weights()[0] / scale

    (subtracted, start), (standardized, _) = trained(1.0, 1.0), trained(s, s)
    assert np.abs(subtracted[0] - start).max() > 1e-4, "it has learned something"
    for one, other in zip(subtracted, standardized, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_the_rate_of_the_biases_is_that_of_biases_alone():
    layers = (
        Conv(maps=3, field=3, batch_norm=True, rate=3.0),
        Conv(maps=2, field=3, shared=False),
        Conv(maps=2, field=2, table=((0,), (1,)), rate=0.5),
        Subsample(),
        Dense(units=2, activation=None),
    )
    model = ModelSpec(input_shape=(8, 8, 1), layers=layers)
    built = build_model(model)
    factors = dict(zip([v.path for v in built.trainable_variables], rate_factors(built, model, 2.0), strict=True))
    assert factors == {
        "conv1/kernel": 3,
        "conv1/bias": 2,
        "norm1/gamma": 1,
        "norm1/beta": 1,
        "local2/kernel": 1,
        "local2/bias": 2,
        "conv3/kernel": 0.5,
        "conv3/bias": 2,
        "subsample4/coefficient": 1,
        "subsample4/bias": 2,
        "dense5/kernel": 1,
        "dense5/bias": 2,
    }


def test_a_program_takes_other_images_of_another_number_and_gives_the_bits_of_a_new_one(new_program, probed):
    other = split(examples=83, validation=0)
    used, again = (train(probed.spec, data, new_program) for data in (other, split()))
    for record, new in ((used, train(probed.spec, other)), (again, probed)):
        assert (record.weights, record.history, record.outcomes) == (new.weights, new.history, new.outcomes)
    assert used.weights != again.weights


def test_training_compiles_once_whatever_the_images():
    run = spec()
    program = Program(run.program)
    for examples in (60, 83):
        train(run, split(examples=examples), program)
    assert program._steps.experimental_get_tracing_count() == program._classes.experimental_get_tracing_count() == 1


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(trainer.keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="not jax: set KERAS_BACKEND=tensorflow"):
        Program(spec().program)


def test_a_used_program_gives_the_same_bits_as_a_new_one():
    data, run = (
        split(),
        spec(model=four_layer_18pct("relu", batch_norm=True, input_shape=(8, 8, 1), classes=2)),
    )
    program = Program(run.program)
    train(run.but(seeds=Seeds(init=9, order=9), train=run.train.but(learning_rate=0.5)), data, program)
    used, new = train(run, data, program), train(run, data)
    assert used.weights == new.weights
    assert used.history == new.history


@pytest.mark.parametrize("change", [{"init": 1}, {"order": 1}])
def test_each_seed_changes_the_weights(change):
    data = split()
    assert train(spec(), data).weights != train(spec().but(seeds=Seeds(**change)), data).weights


def test_evaluations_are_where_they_should_be():
    record = train(spec(epochs=2, evaluations_per_epoch=4), split())
    epochs, errors = record.curve("train_error")
    assert epochs == pytest.approx([0, 2 / 6, 3 / 6, 4 / 6, 1, 8 / 6, 9 / 6, 10 / 6, 2])
    assert all(0 <= error <= 1 for error in errors)
    assert record.curve("validation_error")[0] == [1, 2]
    assert record.ended == "epochs"
    assert record.outcomes["steps"] == 12


def test_stops_at_its_target():
    record = train(spec(epochs=50, target_train_error=0.1), split())
    _, errors = record.curve("train_error")
    assert record.ended == "target"
    assert errors[-1] <= 0.1 < min(errors[:-1])
    assert record.outcomes["epochs"] < 50


def test_divergence_is_an_outcome():
    model = dense_net("relu", hidden=(50, 50), input_shape=(8, 8, 1), classes=2)
    record = train(spec(epochs=50, learning_rate=1e12, model=model), split())
    assert record.ended == "diverged"
    assert record.outcomes["epochs"] < 50
    assert not np.isfinite(record.curve("train_loss")[1][-1])
    assert record.outcomes["train_error"] == 1


def test_error_is_counted_in_inference_mode():
    """Against Keras's own prediction, over more images than fit one pass."""
    data = split(examples=1203)
    run = spec(model=four_layer_18pct("relu", batch_norm=True, input_shape=(8, 8, 1), classes=2), epochs=1)
    program = Program(run.program)
    record = train(run, data, program)
    x = (data.x_train.astype("float32") - data.mean) / np.float32(data.stddev)
    predicted = program.model.predict(x, verbose=0).argmax(-1)
    assert record.outcomes["train_error"] == pytest.approx(np.mean(predicted != data.y_train), abs=1 / 1203)


def test_evaluation_size_looks_at_the_first_examples():
    data, run = split(), spec(epochs=1, evaluation_size=7)
    program = Program(run.program)
    record = train(run, data, program)
    for metric, images in (
        ("train_error", program.train),
        ("validation_error", Images.of(data.x_validation, data.y_validation)),
    ):
        assert record.curve(metric)[1][-1] == program.error(images.first(7))


@pytest.mark.parametrize("options", [{}, {"evaluation_size": 7}, {"target_train_error": 0.2}, {"learning_rate": 1e30}])
def test_errors_of_the_finished_run_are_of_all_images_and_its_last_weights(options):
    data, run = split(), spec(epochs=3, **options)
    program = Program(run.program)
    record = train(run, data, program)
    assert record.outcomes["train_error"] == program.error(program.train)
    assert record.outcomes["validation_error"] == program.error(Images.of(data.x_validation, data.y_validation))


def test_images_that_do_not_fit_the_network_are_refused():
    with pytest.raises(InputError, match=r"\(8, 8, 1\).*\(9, 9, 1\)"):
        train(spec(), split(shape=(9, 9, 1)))


def test_too_few_images_for_a_batch_are_refused():
    with pytest.raises(InputError, match="batch_size 10 is larger than the 5"):
        train(spec(), split(examples=5))


def test_without_a_validation_split_nothing_is_said_of_it():
    record = train(spec(), split(validation=0))
    assert "validation_error" not in record.outcomes
    assert record.curve("validation_error") == ([], [])


EVERYTHING = ModelSpec(
    input_shape=(8, 8, 1),
    layers=(
        Conv(maps=3, field=3, batch_norm=True, norm_noise=True, dropout=0.2, pool=Pool(reduce="max")),
        Dense(units=6, activation="tanh", dropout=0.5),
        Dense(units=2, activation=None),
    ),
)
PROBES = tuple(name for name in get_args(ProbeName) if name != "border")


@pytest.fixture(scope="module")
def new_program():
    return Program(spec(model=EVERYTHING).program)


@pytest.fixture(scope="module")
def probed(new_program):
    """A run with all probes, the first of its program."""
    return train(spec(model=EVERYTHING, seed=4, evaluations_per_epoch=2).but(probes=PROBES), split(), new_program)


def test_probes_do_not_change_a_bit_of_the_training(probed):
    plain = train(probed.spec.but(probes=()), split())
    assert probed.weights == plain.weights
    assert tuple(point for point in probed.history if "/" not in point.metric and "_e" in point.metric) == tuple(
        point for point in plain.history if "_e" in point.metric
    )
    assert plain.outcomes.items() <= probed.outcomes.items()


def test_probes_measure_before_training_and_after_every_epoch(probed):
    record = probed
    for metric in ("gradient_unit_input/conv1", "inactive/conv1", "saturated/dense2", "loss_range"):
        assert record.curve(metric)[0] == [0, 1, 2]
    assert record.curve("input_drift/conv1")[0] == [1, 2]
    assert {"gradient_slope_start", "saturated_early", "gradient_cosine_mean", "loss_range_mean"} <= set(
        record.outcomes
    )
    assert {"shift_drop/2", "equivariance_error_whole", "filter_height"} <= set(record.outcomes)
    assert all(np.isfinite(value) for value in record.outcomes.values())
    assert record.curve("filter/0")[1] != []
    assert record.outcomes["epochs"] == 2


def test_probes_measure_where_a_run_stops_at_its_target():
    run = spec(epochs=50, target_train_error=0.1, evaluations_per_epoch=3).but(probes=("gradients",))
    record = train(run, split())
    assert record.ended == "target"
    assert record.curve("gradient_weights/dense1")[0][-1] == record.outcomes["epochs"]


def test_probes_survive_a_divergence():
    layers = (Conv(maps=3, field=3), Dense(units=50), Dense(units=50), EVERYTHING.layers[-1])
    model = ModelSpec(input_shape=(8, 8, 1), layers=layers)
    record = train(spec(epochs=20, learning_rate=1e12, model=model).but(probes=PROBES), split())
    assert record.ended == "diverged"
    assert all(np.isfinite(value) for value in record.outcomes.values())
    assert "gradient_slope_end" not in record.outcomes
    assert not np.isfinite(record.curve("gradient_weights/conv1")[1][-1])


def test_the_border_is_probed_with_the_objects_that_were_placed():
    objects, labels = images(30, (4, 4, 1), 2)
    data = dataclasses.replace(split(), objects_test=objects, y_test=labels)
    run = spec()
    run = run.but(data=run.data.but(canvas=8, placement="random"), probes=("border",))
    record = train(run, data)
    assert {name for name in record.outcomes if "accuracy_at" in name} == {
        "accuracy_at_border",
        "accuracy_at_center",
        *(f"accuracy_at_distance/{d}" for d in (0, 1, 2)),
    }
    with pytest.raises(InputError, match="border"):
        train(run, split())


def test_the_noise_seed_changes_the_weights_and_a_used_program_draws_the_same_noise():
    data, run = split(), spec(model=EVERYTHING, seed=4)
    program = Program(run.program)
    other = train(run.but(seeds=run.seeds.but(noise=5)), data, program)
    used, new = train(run, data, program), train(run, data)
    assert used.weights == new.weights != other.weights


def test_outcomes_that_follow_from_others():
    reached = train(spec(epochs=50, target_train_error=0.1), split())
    missed = train(spec(epochs=1, learning_rate=1e-6), split())
    assert (reached.outcomes["reached_target"], missed.outcomes["reached_target"]) == (1, 0)
    for record in (reached, missed):
        gap = record.outcomes["test_error"] - record.outcomes["train_error"]
        assert record.outcomes["generalization_gap"] == pytest.approx(gap)
        assert record.outcomes["train_loss"] == record.curve("train_loss")[1][-1]


def test_logits_that_are_no_numbers_are_of_no_class():
    data, run = split(), spec()
    program = Program(run.program)
    program.reset(data, run.seeds)
    program.model.get_layer("dense2").bias.assign([np.nan, 0])
    assert set(program.classify(data.x_test)) == {-1}
    assert program.error(Images.of(data.x_test, data.y_test)) == 1


def test_the_processor_of_a_run_is_the_gpu_where_there_is_one(monkeypatch):
    assert "GPU" not in trainer.environment()["processor"]
    gpu = SimpleNamespace(name="/physical_device:GPU:0")
    monkeypatch.setattr(trainer.tf.config, "list_physical_devices", lambda kind: [gpu] if kind == "GPU" else [])
    details = {"device_name": "NVIDIA H100"}
    monkeypatch.setattr(trainer.tf.config.experimental, "get_device_details", lambda device: details)
    assert trainer.environment()["processor"] == "NVIDIA H100"
    details.clear()
    assert trainer.environment()["processor"] == "/physical_device:GPU:0"


# --- displaced copies ---


def test_an_epoch_is_of_the_images_and_of_their_displaced_copies():
    (x, y), (x_test, y_test) = images(40), images(20, seed=1)
    arrays = SimpleNamespace(x_train=x, y_train=y.astype("uint8"), x_test=x_test, y_test=y_test.astype("uint8"))
    run = spec(evaluation_size=40)
    run = run.but(data=run.data.but(train_size=30, validation_size=10, displaced=1), train=run.train.but(batch_size=60))
    record = train(run, transforms.split(arrays, run.data))
    # Five times 30 images make two batches of 60, with a rest.
    assert (record.outcomes["epochs"], record.outcomes["steps"]) == (2, 4)
    with pytest.raises(InputError, match="batch_size 60 is larger than the 30"):
        train(
            run.but(data=run.data.but(train_size=None, displaced=0)),
            transforms.split(arrays, run.data.but(displaced=0)),
        )
