"""The table of metrics says what runs leave: no more, no less, by the probe that measures it."""

from typing import get_args

import pytest

from cnn_study.data import cache
from cnn_study.data.transforms import split
from cnn_study.experiment.metric import METRICS, named
from cnn_study.spec import Conv, DataSpec, Dense, ModelSpec, ProbeName, RunSpec, TrainSpec
from cnn_study.training.trainer import Program, train


@pytest.fixture(scope="module")
def runs():
    """A run of a network with every kind of unit: without probes and without a validation split, and with all."""
    arrays = cache.load("digits")
    layers = (
        Conv(maps=3, field=3, activation="relu"),
        Conv(maps=3, field=3, stride=2, activation="tanh"),
        Dense(units=5, activation="tanh"),
        Dense(units=10, activation=None),
    )
    model = ModelSpec(input_shape=(20, 20, 1), layers=layers)
    training = TrainSpec(learning_rate=0.01, batch_size=20, epochs=2)
    small = DataSpec(
        name="digits", content=arrays.dataset.digest, train_size=60, test_size=40, canvas=20, placement="random"
    )

    program = Program(RunSpec(data=small, model=model, train=training).program)

    def trained(probes, **changes):
        run = RunSpec(data=small.but(**changes), model=model, train=training, probes=probes)
        return train(run, split(arrays, run.data), program)

    every = {probe: trained((probe,)) for probe in get_args(ProbeName)}
    curve = RunSpec(data=small.but(validation_size=40), model=model, train=training.but(test_curve=True))
    return {
        "": trained(()),
        "validation": trained((), validation_size=40),
        "test_curve": train(curve, split(arrays, curve.data), program),
        **every,
    }


def left(record):
    """Outcomes and curves of a run."""
    return set(record.outcomes), {point.metric for point in record.history}


@pytest.mark.parametrize("probe", ["", "validation", *get_args(ProbeName)])
def test_what_a_run_leaves_is_in_the_table_with_what_measures_it(runs, probe):
    plain = left(runs[""])
    for kinds, names, before in zip(
        (("outcome", "family"), ("curve", "layer", "family")), left(runs[probe]), plain, strict=True
    ):
        for name in names if not probe else names - before:
            found = list(named(name, kinds))
            assert found, f"{name} is not in the table"
            assert {metric.probe for metric in found} == {"" if probe == "validation" else probe}
            assert all(metric.validation == (probe == "validation") for metric in found)


def test_only_runs_with_a_test_curve_leave_one(runs):
    new = {name for names in left(runs["test_curve"]) for name in names}
    new -= {name for names in left(runs["validation"]) for name in names}
    assert new == {"test_error_at_best_validation"}
    assert "test_error" in left(runs["test_curve"])[1] - left(runs["validation"])[1]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.name} {metric.kind}")
def test_what_is_in_the_table_some_run_has(runs, metric):
    condition = "test_curve" if metric.test_curve else "validation" if metric.validation else ""
    outcomes, curves = left(runs[metric.probe or condition])
    names = {"outcome": outcomes, "family": outcomes | curves}.get(metric.kind, curves)
    slash = "/" if metric.kind in ("family", "layer") else ""
    assert any(name.startswith(metric.name + slash) if slash else name == metric.name for name in names)
