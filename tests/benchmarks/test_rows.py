"""The rows of the benchmarks, at sizes that take seconds: they measure what they say, and both sides do the same."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import complete, made_up_design, made_up_record, results_of

from benchmarks import cluster, experiment, part, run_costs, scaled, throughput, whole
from benchmarks.networks import NETWORKS, random_images, training_macs
from benchmarks.processes import Trainers, call, environment, stream
from cnn_study import collection
from cnn_study.errors import ExecutionError
from cnn_study.execution.local import ENVIRONMENT
from cnn_study.execution.plan import needed
from cnn_study.models.complexity import parameters
from cnn_study.results import Store
from cnn_study.training.tuning import tune

REFERENCE = Path(__file__).parents[2] / "results" / "quick"


# --- training ---


def test_the_networks_are_the_18_percent_one_and_a_dense_one():
    assert parameters(NETWORKS["conv"]) == 89_578
    assert parameters(NETWORKS["dense"]) == 3072 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10
    forward = 3072 * 512 + 512 * 512 + 512 * 10
    assert training_macs(NETWORKS["dense"]) == 3 * forward - 3072 * 512
    images, labels = random_images(4)
    assert images.shape == (4, *NETWORKS["conv"].input_shape)
    assert labels.shape == (4,)


def test_every_framework_has_its_rows_and_one_that_is_absent_says_how_to_install_it(monkeypatch):
    names = list(throughput.rows("conv", 2))
    assert len(names) == 11
    assert not [name for name in throughput.rows("dense", 2) if name.endswith("channels_last")]
    absent = {"torch", "jax"}
    there = importlib.util.find_spec
    monkeypatch.setattr(throughput.importlib.util, "find_spec", lambda name: None if name in absent else there(name))
    missing = {name: row.missing for name, row in throughput.rows("conv", 2).items() if row.missing}
    assert sum("install torch --index-url" in text for text in missing.values()) == 4
    assert [name for name, text in missing.items() if text.endswith("install jax")] == ["Keras, model.fit, on JAX"]


def made_up_speeds(**others):
    speeds = {throughput.own(2): (300.0, 320.0), throughput.FIT: (100.0, 80.0), throughput.PRODUCTS: (400.0, 400.0)}
    return speeds | others


def test_this_suite_is_compared_within_repetitions_with_the_best_row_of_pytorch():
    eager, compiled, several = (100.0, 100.0), (150.0, 160.0), (200.0, 200.0)
    torch = {"PyTorch, eager": eager, "PyTorch, torch.compile": compiled, throughput.several(2): several}
    rows = {row.name: row for row in throughput._compared("conv", made_up_speeds() | torch, 2)}
    assert rows["this suite / model.fit"].values == (3, 4)
    assert rows["this suite / PyTorch's best"].values == (2, 2)
    assert rows["this suite / PyTorch's best"].met is True
    assert rows["this suite / PyTorch as this suite runs"].values == (1.5, 1.6)
    assert rows["this suite, of the matrix products"].values == (75, 80)
    without = [row.name for row in throughput._compared("dense", made_up_speeds(), 2)]
    assert len(without) == 3
    assert not [name for name in without if "PyTorch" in name]
    limit = next(row for row in throughput._compared("dense", made_up_speeds(), 2) if "the most" in row.name)
    assert limit.values == (4, 5)


def prepare(seconds_an_image):
    import time

    def train(images):
        time.sleep(images * seconds_an_image)
        return images

    return train


def test_processes_that_train_at_once_add_up():
    with Trainers(prepare, (1e-5,), processes=2, seconds=0.05) as trainers:
        speeds = [trainers.images_a_second() for _ in range(2)]
    assert all(1e5 < speed < 2.1e5 for speed in speeds)


def test_a_measured_process_that_fails_says_why():
    with pytest.raises(ExecutionError, match="a measured process failed: ZeroDivisionError: "):
        call(divmod, 1, 0)


def counted(limit):
    yield from range(limit)
    raise ValueError("no more")


def test_a_measured_process_tells_what_it_has_as_it_goes_on():
    answers = stream(counted, 2)
    assert [next(answers), next(answers)] == [0, 1]
    with pytest.raises(ExecutionError, match="ValueError: no more"):
        next(answers)
    assert list(stream(range, 3)) == [0, 1, 2]


def test_processes_have_the_environment_that_was_asked_for_and_no_worker_s(monkeypatch):
    import os

    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    before = dict(os.environ)
    with environment({"A": "b"}):
        assert os.environ["A"] == "b"
        assert not {*ENVIRONMENT} & {*os.environ}
    assert dict(os.environ) == before


# --- a whole experiment ---


def test_the_part_has_an_arm_of_every_condition_and_runs_of_equal_length():
    (whole,) = collection.load(["activations"])
    plan = part.design(3)
    assert set(plan.conditions) == set(whole.at("quick").conditions)
    assert len(part.runs(plan)) == len(plan.arms) * len(part.SEEDS)
    assert {run.train.epochs for run in part.runs(plan)} == {3}
    assert {run.train.target_train_error for run in part.runs(plan)} == {None}
    requests = [request.run for arm in plan.arms for request in needed(arm, plan, {})]
    assert requests == part.runs(plan)


def test_the_whole_experiment_comes_in_its_conditions():
    (experiment,) = collection.load(["activations"])
    design = experiment.at("quick")
    found = part.conditions()
    assert tuple(found) == design.conditions
    arms = [arm.name for each in found.values() for arm in each.arms]
    assert sorted(arms) == sorted(arm.name for arm in design.arms)
    assert {(each.search, each.seeds) for each in found.values()} == {(design.search, design.seeds)}


def test_the_script_s_seconds_are_taken_apart_at_the_ends_that_this_suite_has_seen():
    one = whole.Compared(runs=2, epochs=10, all_epochs=40, suite=5.0, script=60.0, late=40.0)
    rows = {row.name: row for row in (one + one).rows("both")}
    assert rows["this suite: 20 epochs"].values == (10,)
    assert rows["a plain script, the same 20 epochs"].values == (40,)
    assert rows["a plain script, every run to the last: 80 epochs"].values == (120,)
    assert rows["plain script / this suite, the same epochs"].values == (4,)
    assert rows["plain script / this suite, every run to the last epoch"].values == (12,)
    assert rows["plain script / this suite, every run to the last epoch"].met is True


def test_the_whole_experiment_has_rows_a_condition_and_rows_of_all_together(monkeypatch):
    monkeypatch.setattr(whole, "compare", lambda design, cache_dir, tell: whole.Compared(1, 2, 4, 1.0, 8.0, 4.0))
    monkeypatch.setattr(whole.cache, "ensure", lambda name, cache_dir: None)
    rows = list(whole.measure(lambda text: None))
    sections = {row.section: row for row in rows}
    conditions = part.conditions()
    count = len(conditions)
    assert list(sections) == [*(f"{name}: 1 runs" for name in conditions), f"{whole.SECTION}, quick: {count} runs"]
    assert [row.values for row in rows[-5:]] == [(count,), (4 * count,), (8 * count,), (4,), (8,)]


def test_clusters_are_measured_only_where_ray_is_installed(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    (row,) = cluster.measure(1, 1)
    assert row.missing.endswith("-m pip install --editable '.[ray]'")


@pytest.mark.slow
def test_clusters_are_measured(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(cluster, "STUBS", 20)
    rows = list(cluster.measure(1, 1, runs=1, epochs=1))
    assert len(rows) == 3 + 2 * 3 + 1
    assert all(row.median > 0 for row in rows)


@pytest.mark.slow
def test_both_sides_train_the_whole_experiment_in_the_same_steps(tmp_path):
    condition = "three convolutional layers, weights scaled by the fan"
    smoke = part.conditions("smoke")[condition]
    arm = smoke.arm(f"relu, {condition}")
    design = replace(smoke, arms=(replace(arm, train=arm.train.but(target_train_error=0.6)),), seeds=(1,))
    told = []
    found = whole.compare(design, tmp_path, told.append)
    assert told[0] == "this suite"
    assert told[-1] == "plain script, 0 runs to go"
    assert 0 < found.late < found.script
    assert found.suite > 0
    assert found.epochs < found.all_epochs == found.runs * arm.train.epochs


def test_saved_epochs_are_those_of_bounded_searches_and_early_stops():
    design = made_up_design()
    stored = complete(design)
    epochs = experiment.Epochs.of(design, stored)
    trained = sum(record.outcomes["epochs"] for record in stored.values())
    assert epochs.trained == 2 * trained  # The arms of both conditions ask for the same runs.
    assert epochs.replicates == len(design.arms) * len(design.seeds) * 20
    assert 0 < epochs.search < epochs.grid
    exhaustive = {key: replace(record, outcomes={**record.outcomes, "epochs": 20.0}) for key, record in stored.items()}
    whole = experiment.Epochs.of(design, exhaustive)
    assert whole.trained == whole.grid + whole.replicates


# --- what comes after ---


TWO = collection.load(["activations", "lenet5"])


@pytest.fixture
def only_two(tmp_path, monkeypatch):
    """The reference results of two experiments, and no others to count."""
    monkeypatch.setattr(scaled.collection, "load", lambda names=(): TWO)
    return results_of(TWO, tmp_path / "few" / "quick")


@pytest.fixture
def all_of_them():
    return REFERENCE


@pytest.mark.parametrize(
    ("which", "runs"), [("only_two", 500), pytest.param("all_of_them", 1500, marks=pytest.mark.slow)]
)
def test_scaled_results_make_the_widened_experiments_complete(which, runs, tmp_path, request):
    reference = request.getfixturevalue(which)
    seeds = scaled.seeds_for(reference, runs)
    count = scaled.write(reference, tmp_path / "quick", seeds)
    stored = Store(tmp_path / "quick").records()
    assert len(stored) == count >= runs > scaled._count(reference, seeds - 1)
    for each in TWO:
        design = scaled.widened(each.at("quick"), seeds)
        assert not [request for arm in design.arms for request in needed(arm, design, stored)]


def test_repeated_records_are_those_of_the_seeds_there_are(tmp_path):
    design = made_up_design()
    arm = design.arms[0]
    tuned = tune(arm, design, complete(design))
    found = [made_up_record(run, weights=str(number)) for number, run in enumerate(tuned.replicates)]
    again = list(scaled._replicates(tuned, found, 5))
    assert [record.weights for record in again] == ["0", "1", "2", "0", "1"]
    assert [record.spec.seeds.init for record in again] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_fixed_costs_and_memory_are_measured():
    for name, (first, *others) in ((name, arms[0]) for name, arms in call(run_costs.seconds_of_runs, 1, 3).items()):
        assert len(others) == 2, name
        assert first > max(others) > 0
    held = call(run_costs.megabytes_after, (2, 9))
    assert 100 < held[2] < 2 * held[9]


@pytest.mark.slow
def test_both_sides_of_the_comparison_do_the_same(tmp_path):
    mine, script, faster = experiment.against_a_script(1, epochs=1, fallback="digits")
    assert mine.values[0] > 0
    assert script.values[0] > 0
    assert faster.values == (script.values[0] / mine.values[0],)


@pytest.mark.slow
def test_training_is_measured_in_all_rows_that_can_be():
    rows = list(throughput.measure("dense", 1, 0.1, workers=1))
    measured = [row for row in rows if not row.missing]
    assert throughput.own(1) in {row.name for row in measured}
    assert all(row.median > 0 for row in measured)
