import json
import math
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
import tomllib
import urllib.request
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from cnn_study import tracking
from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.statistics import mean_interval, time_product
from cnn_study.execution.plan import Request, needed
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Design,
    Experiment,
    HalfGap,
    Published,
    RateSearch,
    Rule,
    TimeRatio,
    TimeToTrainError,
    gain,
)
from cnn_study.results import CheckRecord, Point, RunRecord
from cnn_study.spec import (
    CheckSpec,
    Conv,
    DataSpec,
    Dense,
    FanUniform,
    GlobalAverage,
    ModelSpec,
    Normal,
    Subsample,
    TrainSpec,
)
from cnn_study.tracking import bulk
from cnn_study.tracking.execution import COMPLETE
from cnn_study.tracking.notes import ALL_ARMS, NOTE_LENGTH, VIEW, View, linked, page_of_runs, views
from cnn_study.tracking.runs import KEY, MODEL, VALUE_LENGTH, ChildRun, name_of
from cnn_study.tracking.store import client_of
from cnn_study.training.search import trial_runs

CONTENT = "0123456789abcdef" * 4
RATIO = TimeRatio("tanh, plain", "relu, plain", 0.25)


def arm(unit):
    layers = (Dense(units=4, activation=unit), Dense(units=2, activation=None))
    return Arm(
        name=f"{unit}, plain",
        label=unit,
        condition="plain",
        data=DataSpec(name="digits", content=CONTENT, train_size=100),
        model=ModelSpec(input_shape=(8, 8, 1), layers=layers),
        train=TrainSpec(learning_rate=0.01, batch_size=10, epochs=20, target_train_error=0.2),
    )


def design(profile="quick", fallback=None):
    rules = (
        Rule("relu-beats-tanh", "direction", "plain", RATIO, low=1),
        Rule("relu-beats-tanh", "magnitude", "plain", RATIO, low=4, high=8, published=True),
    )
    search = RateSearch(TimeToTrainError(0.25), (0.005, 0.01, 0.02))
    return Design((arm("relu"), arm("tanh")), search, (1, 2), rules, "a toy")


PUBLISHED = Published("ratio", 6, "Somebody 2012, Figure 1", "memory", about="tanh / relu")
CLAIM = Claim("relu-beats-tanh", "ReLU is faster.", (PUBLISHED,), {"mechanism": "elsewhere"})
EXPERIMENT = Experiment("toy", "A toy experiment", (CLAIM,), design, ())


def record(spec):
    """Training error in a straight line to 25 %, reached three times later with tanh and best at a rate of 0.01."""
    slow = 3 if spec.model.layers[0].activation == "tanh" else 1
    needs = slow * (4 + 0.1 * (spec.seeds.init % 7)) * (1 + abs(math.log2(spec.train.learning_rate / 0.01)))
    points = [Point("train_error", 0, 0.0, 0.9)]
    for epoch in range(1, spec.train.epochs + 1):
        error = max(0.9 - 0.65 * epoch / needs, 0.0)
        points += [Point("train_loss", 10 * epoch, epoch, 2 * error), Point("train_error", 10 * epoch, epoch, error)]
        if error <= spec.train.target_train_error:
            break
    outcomes = {"epochs": epoch, "steps": 10 * epoch, "train_error": error, "test_error": 0.3 + 0.01 * needs}
    when = f"2026-01-02T03:04:{spec.seeds.init % 60:02}+00:00"
    return RunRecord(spec, "epochs", outcomes, tuple(points), "w", {"python": "3"}, 2.0, when)


def stored_runs():
    stored = {}
    while requests := [request for a in design().arms for request in needed(a, design(), stored)]:
        stored |= {request.run.key: record(request.run) for request in requests}
    return stored


@pytest.fixture
def outcome():
    return evaluate(EXPERIMENT, design(), stored_runs())


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A SQLite store with its tables made: that takes MLflow seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    client_of(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def uri(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def figures(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "toy-curves.svg").write_text("<svg/>")
    (folder / "other-curves.svg").write_text("<svg/>")
    return folder


def mirrored(outcome, uri, figures, **options):
    given = {"profile": "quick", "trained": (), "revision": "abc"} | options
    return tracking.mirror(outcome, uri=uri, artifacts=figures, **given)


def as_shown(uri, profile):
    """The runs of a profile as MLflow shows them, without what differs between two mirrors of the same outcome."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(f"cnn_study/toy ({profile})")
    runs = {}
    for run in client.search_runs([experiment.experiment_id], "tags.role != 'execution'"):
        entity, run_id = run.to_dictionary(), run.info.run_id
        curves = [client.get_metric_history(run_id, name) for name in sorted(run.data.metrics)]
        entity["data"]["tags"] = {**run.data.tags, "profile": "", "mlflow.parentRunId": ""}
        entity["info"] |= {"run_id": "", "run_uuid": "", "artifact_uri": "", "experiment_id": ""}
        entity["history"] = [sorted((m.key, m.step, m.value, m.timestamp) for m in curve) for curve in curves]
        entity["artifacts"] = [(file.path, file.file_size) for file in client.list_artifacts(run_id)]
        runs[run.info.run_name] = entity
    return runs


def rows_about_children(database):
    """How many rows every table of a SQLite store has, and those about child runs, with names in the place of ids."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: list(map(dict, connection.execute(f"SELECT * FROM {name}"))) for name in names}  # noqa: S608
    ids = {run["run_uuid"]: run["name"] for run in tables["runs"]}
    ids |= {data["dataset_uuid"]: data["digest"] for data in tables["datasets"]}
    ids |= {row["input_uuid"]: "input" for row in tables["inputs"]} | {str(database.parent): "folder"}

    def named(cell):
        for identity, name in ids.items():
            cell = cell.replace(identity, name) if isinstance(cell, str) else cell
        return cell

    (parent,) = {tag["value"] for tag in tables["tags"] if tag["key"] == "mlflow.parentRunId"}
    about = {"datasets", "inputs"} | {name for name, rows in tables.items() if rows and "run_uuid" in rows[0]}
    children = {name: [row for row in tables[name] if row.get("run_uuid") != parent] for name in about}
    return {name: len(rows) for name, rows in tables.items()}, {
        name: sorted(repr({key: named(cell) for key, cell in row.items()}) for row in rows)
        for name, rows in children.items()
    }


class Mirror:
    """What MLflow has."""

    def __init__(self, uri):
        self.client = client_of(uri)
        found = self.client.search_experiments(filter_string="name LIKE 'cnn_study/%'")
        of_claims = [each.experiment_id for each in found if each.name.startswith("cnn_study/claims (")]
        self.claims = self.client.search_runs(of_claims, max_results=1000) if of_claims else []
        found = [each for each in found if each.experiment_id not in of_claims]
        self.experiment = found[0] if found else None
        ids = [experiment.experiment_id for experiment in found]
        runs = self.client.search_runs(ids, max_results=1000) if ids else []
        self.parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        self.children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]

    def child(self, name):
        return next(run for run in self.children if run.info.run_name == name)


def test_an_execution_with_its_runs(outcome, uri, figures):
    trained = [spec.key for spec in outcome.tuned["relu, plain"].replicates]
    seen = []
    report = mirrored(outcome, uri, figures, trained=trained, progress=lambda done, total: seen.append((done, total)))
    mirror = Mirror(uri)
    (parent,) = mirror.parents
    assert (report.parent_run_id, report.logged, report.present) == (parent.info.run_id, len(mirror.children), 0)
    assert len(mirror.children) == len(outcome.stored) == 2 * (3 + 2)
    assert seen[-1] == (10, 10)
    assert {run.data.tags["mlflow.parentRunId"] for run in mirror.children} == {parent.info.run_id}
    assert {run.data.tags[KEY] for run in mirror.children} == set(outcome.stored)
    assert {run.info.status for run in [parent, *mirror.children]} == {"FINISHED"}
    origins = {run.data.tags[KEY]: run.data.tags["origin"] for run in mirror.children}
    assert {key for key, origin in origins.items() if origin == "trained"} == set(trained)
    noted = {run.data.tags[KEY] for run in mirror.children if "revision" in run.data.tags}
    assert noted == set(trained)


def test_the_experiment_says_what_it_is_about(outcome, uri, figures):
    mirrored(outcome, uri, figures)
    experiment = Mirror(uri).experiment
    assert experiment.name == "cnn_study/toy (quick)"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    note = experiment.tags["mlflow.note.content"]
    assert "ReLU is faster." in note
    assert "approximately 6 (Somebody 2012, Figure 1; remembered, not checked since)" in note
    assert "**direction: supported**" in note
    assert design().rules[0].sentence in note
    assert "A proxy: a toy." in note


def shown_by(mirror, view):
    """What a view of MLflow's page of runs shows, and the keys of its runs."""
    state = json.loads(json.loads(mirror.experiment.tags[VIEW + view])["state"])
    runs = mirror.client.search_runs([mirror.experiment.experiment_id], state["searchFilter"])
    return state, {run.data.tags[KEY] for run in runs}


def test_views_show_the_curves_of_all_arms_and_of_those_a_claim_compares(outcome, uri):
    mirrored(outcome, uri, None)
    mirror = Mirror(uri)
    replicates = {record.key for arm in ("relu, plain", "tanh, plain") for record in outcome.replicates(arm)}
    for view in (ALL_ARMS, "relu-beats-tanh"):
        state, keys = shown_by(mirror, view)
        assert keys == replicates
        assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "arm"}]
        link = page_of_runs(mirror.experiment.experiment_id, view)
        assert f"]({link})" in mirror.experiment.tags["mlflow.note.content"].split("\n\n")[1]


def test_views_show_a_table_the_errors_and_the_search_for_rates(outcome, uri):
    mirrored(outcome, uri, None)
    mirror = Mirror(uri)
    state, keys = shown_by(mirror, "table")
    assert len(keys) == 4
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`final_test_error`", True)
    run = mirror.child("tanh, plain, seed 2")
    for column in state["selectedColumns"]:
        kind, name = column.split(".", 1)
        assert name.strip("`") in getattr(run.data, kind)
    state, keys = shown_by(mirror, "rates")
    assert keys == {
        mirror.child(f"{unit}, plain, search, rate {rate:g}, seed 1000").data.tags[KEY]
        for unit in ("relu", "tanh")
        for rate in (0.005, 0.01, 0.02)
    }
    (chart,) = state["compareRunCharts"]
    assert (chart["type"], chart["xaxis"]["key"], chart["yaxis"]["key"]) == (
        "SCATTER",
        "learning_rate",
        "epochs_to_25pct",
    )
    state, _ = shown_by(mirror, "errors")
    assert [chart["metricKey"] for chart in state["compareRunCharts"]] == ["final_test_error", "final_train_error"]
    assert {chart["type"] for chart in state["compareRunCharts"]} == {"BAR"}


def test_a_view_for_each_condition_where_all_arms_are_more_than_mlflow_shows(outcome):
    tuned = {
        f"arm {i}, it's {condition}": replace(
            found, arm=replace(found.arm, name=f"arm {i}, it's {condition}", condition=f"it's {condition}")
        )
        for condition, found in zip(("first", "second"), outcome.tuned.values(), strict=True)
        for i in range(15)
    }
    found = views(replace(outcome, tuned=tuned))
    assert list(found) == ["table", "relu-beats-tanh", "rates", "in-it-s-first", "in-it-s-second"]
    state = found["in-it-s-second"].state
    assert state["searchFilter"] == """tags.role = 'replicate' and params.condition = "it's second\""""
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "short_arm"}]
    assert found["in-it-s-second"].title == "Curves: it's second"
    assert "params.`condition`" in found["table"].state["selectedColumns"]


def test_the_claims_of_all_experiments_are_runs_of_one(outcome, other_outcome, uri):
    mirrored(outcome, uri, None)
    (run,) = Mirror(uri).claims
    assert run.info.run_name == "relu-beats-tanh"
    verdicts = {"direction": "supported", "magnitude": "not tested", "mechanism": "not tested"}
    ratio = outcome.verdicts[0].decisions[0]
    assert run.data.params == {"experiment": "toy", **verdicts, "measured": ratio.text}
    limits = {"estimate": ratio.interval.estimate, "low": ratio.interval.low, "high": ratio.interval.high}
    assert run.data.metrics == pytest.approx(limits, rel=1e-5)
    # What is found later takes the place of what was found before.
    mirrored(other_outcome, uri, None)
    (later,) = Mirror(uri).claims
    assert later.info.run_id != run.info.run_id
    Mirror(uri).client.delete_run(later.info.run_id)
    assert not tracking.is_mirrored(other_outcome, "quick", uri, None)
    assert mirrored(other_outcome, uri, None).logged == 0
    assert len(Mirror(uri).claims) == 1


def test_verdicts_are_tags_of_the_experiment(outcome, uri):
    mirrored(outcome, uri, None)
    tags = Mirror(uri).experiment.tags
    assert tags["relu-beats-tanh"] == "direction supported, magnitude not tested, mechanism not tested"
    assert tags["mlflow.note.content"].splitlines()[0] == "A toy experiment. 1 supported."


def test_unchanged_sources_are_known_until_a_file_or_a_run_is_another(outcome, uri, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "runs").write_text("some")
    before = tracking.sources([folder], "quick")
    assert before != tracking.sources([folder], "full")
    mirrored(outcome, uri, None)
    assert not tracking.is_made_from(uri, "quick", before)
    tracking.note_sources(uri, "quick", before)
    assert tracking.is_made_from(uri, "quick", tracking.sources([folder], "quick"))
    assert not tracking.is_made_from(uri, "full", before)
    (folder / "runs").write_text("more than that")
    assert not tracking.is_made_from(uri, "quick", tracking.sources([folder], "quick"))
    Mirror(uri).client.delete_run(Mirror(uri).children[0].info.run_id)
    assert not tracking.is_made_from(uri, "quick", before)
    assert not tracking.is_made_from("http://127.0.0.1:1", "quick", before)
    assert not tracking.is_made_from(f"sqlite:///{folder / 'runs'}", "quick", before)


def test_the_note_shows_the_figures_and_stays_within_the_limit(tmp_path):
    files = [tmp_path / "toy-curves.png", tmp_path / "toy-curves.svg"]
    shown = {ALL_ARMS: View("All", {}), "table": View("Table", {}, table=True)}
    text = linked("Toy\n\n" + "x" * 20_000, shown, files, "7", "abc")
    title, links, _ = text.split("\n\n", 2)
    assert title == "Toy"
    assert "[figures](#/experiments/7/runs/abc/artifacts/figures/toy-curves.png?" in links
    assert f"[Table]({page_of_runs('7', 'table', table=True)})" in links
    assert "compareRunsMode=TABLE" in links
    assert len(text) == NOTE_LENGTH
    assert text.endswith("![toy-curves.png](get-artifact?run_uuid=abc&path=figures%2Ftoy-curves.png)")
    assert "toy-curves.svg" not in text
    statistics = "[statistics](#/experiments/7/runs/abc?workflowType=machine_learning)"
    assert linked("Toy\n\nnothing more", {}, [], "7", "abc") == f"Toy\n\n{statistics}\n\nnothing more"


def test_trained_networks_are_artifacts_of_their_runs_also_when_they_come_later(outcome, uri, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    first, second = (outcome.tuned["tanh, plain"].replicates[i].key for i in (0, 1))
    (models / f"{first}.keras").write_bytes(b"the first")
    report = mirrored(outcome, uri, None, models=models)

    def logged():
        mirror = Mirror(uri)
        assert (len(mirror.parents), len(mirror.children)) == (1, 10)
        with_model = {run.data.tags[KEY]: run for run in mirror.children if MODEL in run.data.tags}
        for key, run in with_model.items():
            (found,) = mirror.client.list_artifacts(run.info.run_id, "model")
            assert found.path == run.data.tags[MODEL] == f"model/{key}.keras"
        return set(with_model)

    assert logged() == {first}
    assert tracking.is_mirrored(outcome, "quick", uri, None, models)
    (models / f"{second}.keras").write_bytes(b"the second")
    assert not tracking.is_mirrored(outcome, "quick", uri, None, models)
    assert mirrored(outcome, uri, None, models=models) == replace(report, logged=0, present=10)
    assert logged() == {first, second}
    assert tracking.is_mirrored(outcome, "quick", uri, None, models)
    assert tracking.is_mirrored(outcome, "quick", uri, None)


def test_a_run_as_it_is_stored(outcome, uri, figures):
    mirrored(outcome, uri, figures)
    mirror = Mirror(uri)
    run = mirror.child("tanh, plain, seed 2")
    stored = outcome.replicates("tanh, plain")[1]
    for metric in ("train_error", "train_loss"):
        history = mirror.client.get_metric_history(run.info.run_id, f"curves/{metric}")
        points = [point for point in stored.history if point.metric == metric]
        assert [(m.step, m.value) for m in history] == [(point.epoch, point.value) for point in points]
    assert not [name for name in run.data.metrics if name.startswith("curves_by_step/")]
    start, end = run.info.start_time, run.info.end_time
    assert end - start == 2000
    assert time.gmtime(end / 1000)[:6] == (2026, 1, 2, 3, 4, 2)
    assert all(start <= m.timestamp <= end for m in history)
    metrics = run.data.metrics
    summary = {
        "final_test_error": stored.outcomes["test_error"],
        "final_train_error": stored.outcomes["train_error"],
        "best_train_error": min(stored.curve("train_error")[1]),
        "epochs_to_25pct": time_to(stored, 0.25).epochs,
    }
    assert {name: metrics[name] for name in summary} == {name: float(f"{x:.6g}") for name, x in summary.items()}
    assert [name for name in metrics if name.endswith("train_loss")] == ["curves/train_loss"]
    # MLflow draws bars of what has no step but 0.
    assert [m.step for m in mirror.client.get_metric_history(run.info.run_id, "final_test_error")] == [0]
    params = run.data.params
    assert (params["arm"], params["seed"], params["learning_rate"]) == ("tanh, plain", "2", "0.01")
    assert (params["activation"], params["initialization"]) == ("tanh", "glorot")
    assert (params["model.parameters"], params["model.macs"]) == ("270", "264")
    assert (params["data.train_size"], params["train.batch_size"]) == ("100", "10")
    assert (params["condition"], params["short_arm"]) == ("plain", "tanh")
    tags = run.data.tags
    assert (tags["role"], tags["profile"]) == ("replicate", "quick")
    assert not set(tags) & set(params)
    assert "diverged" not in tags
    artifacts = [file.path for file in mirror.client.list_artifacts(run.info.run_id)]
    assert artifacts == ["environment.json", "spec.json"]
    contents = [
        json.loads(Path(mirror.client.download_artifacts(run.info.run_id, path)).read_text()) for path in artifacts
    ]
    assert contents == [stored.environment, json.loads(stored.spec.model_dump_json())]


def test_what_was_measured_more_than_once_an_epoch_is_shown_by_step_too(outcome, uri):
    stored = dict(outcome.stored)
    spec = outcome.tuned["relu, plain"].replicates[0]
    halves = [Point("train_error", 5 * i, i / 2, 1 / (i + 1)) for i in range(9)]
    kernel = [Point("filter/0", i, 4.0, 0.1 * i) for i in range(3)]
    stored[spec.key] = replace(stored[spec.key], history=(*halves, *kernel))
    mirrored(evaluate(EXPERIMENT, design(), stored), uri, None)
    mirror = Mirror(uri)
    run_id = mirror.child("relu, plain, seed 1").info.run_id

    def shown(name):
        return [(m.step, m.value) for m in mirror.client.get_metric_history(run_id, name)]

    assert shown("curves/train_error") == [(i, 1 / (2 * i + 1)) for i in range(5)]
    assert shown("curves_by_step/train_error") == [(point.step, point.value) for point in halves]
    assert shown("curves/filter/0") == []
    assert shown("curves_by_step/filter/0") == [(point.step, point.value) for point in kernel]


def test_search_runs_are_named_by_their_rate_and_seed(outcome, uri, figures):
    mirrored(outcome, uri, figures)
    names = {run.info.run_name for run in Mirror(uri).children if run.data.tags["role"] == "search"}
    assert names == {
        f"{unit}, plain, search, rate {rate:g}, seed 1000" for unit in ("relu", "tanh") for rate in (0.005, 0.01, 0.02)
    }


def test_no_two_runs_have_the_same_name(outcome):
    search = replace(outcome.design.search, repeats=2)
    arm = outcome.design.arms[0]
    runs = [run for rate in search.rates for run in trial_runs(arm, search, rate, 5)]
    names = [name_of(Request(arm, "search", run)) for run in runs]
    assert len(set(names)) == len(names) == 6


def test_every_run_names_its_images(outcome, uri, figures):
    mirrored(outcome, uri, figures)
    mirror = Mirror(uri)
    for run in mirror.children:
        (found,) = mirror.client.get_run(run.info.run_id).inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("digits", CONTENT[:36])


def test_an_execution_shows_means_intervals_ratios_and_verdicts(outcome, uri, figures):
    mirrored(outcome, uri, figures)
    data = Mirror(uri).parents[0].data
    for unit in ("relu", "tanh"):
        replicates = outcome.replicates(f"{unit}, plain")
        intervals = {
            "test_error": mean_interval([r.outcomes["test_error"] for r in replicates]),
            "epochs_to_25pct": time_product([1], [[time_to(r, 0.25) for r in replicates]]),
        }
        for quantity, interval in intervals.items():
            name = f"statistics/{quantity}.{unit}-plain"
            assert data.metrics[f"{name}.mean"] == pytest.approx(interval.estimate, rel=1e-5)
            assert data.metrics[f"{name}.low"] == pytest.approx(interval.low, rel=1e-5)
            assert data.metrics[f"{name}.high"] == pytest.approx(interval.high, rel=1e-5)
    ratio = outcome.verdicts[0].decisions[0].interval
    name = "statistics/ratio_of_epochs_to_25pct.tanh-plain-over-relu-plain"
    limits = {limit: data.metrics[f"{name}.{limit}"] for limit in ("estimate", "low", "high")}
    assert limits == pytest.approx({"estimate": ratio.estimate, "low": ratio.low, "high": ratio.high}, rel=1e-5)
    verdicts = {name: data.tags[f"verdict.relu-beats-tanh.{name}"] for name in ("direction", "magnitude", "mechanism")}
    assert verdicts == {"direction": "supported", "magnitude": "not tested", "mechanism": "not tested"}
    assert (data.params["seeds"], data.params["proxy"]) == ("1, 2", "a toy")
    assert data.params["learning_rate/tanh-plain"] == "0.01"


def other_design():
    """Arms at rates of their own, layers of every kind, probed; an estimate of every kind; a check."""
    slow, fast = (replace(arm(unit), tuned=False, probes=("saturation",)) for unit in ("tanh", "relu"))
    layers = (
        Conv(maps=2, field=3, activation="relu", shared=False, initializer=Normal(stddev=0.1)),
        Conv(maps=2, field=3, activation="elu", initializer=FanUniform(reach=2.4)),
        Subsample(size=2),
        GlobalAverage(),
    )
    model = ModelSpec(input_shape=(8, 8, 1), layers=layers)
    remedied = replace(fast, name="remedied", label="remedied", model=model)
    estimates = (
        RATIO,
        HalfGap("tanh, plain", "relu, plain", "remedied", 0.5),
        gain("relu, plain", "tanh, plain", "shifted_accuracy/4"),
        Agreement("sizes of outputs"),
    )
    rules = tuple(Rule("relu-beats-tanh", "direction", "plain", estimate, low=0) for estimate in estimates)
    return Design((slow, fast, remedied), None, (1, 2), rules, checks=(CheckSpec(check="sizes of outputs"),))


@pytest.fixture
def other_outcome():
    stored = {}
    for arm in other_design().arms:
        for request in needed(arm, other_design(), {}):
            one = record(request.run)
            history = (*one.history, Point("saturated/dense1", 0, 0.0, 0.25), Point("saturated/dense1", 10, 1.0, 0.5))
            outcomes = {**one.outcomes, "shifted_accuracy/4": 0.1 * one.spec.seeds.init, "slope": math.nan}
            stored[one.key] = replace(one, history=history, outcomes=outcomes)
    (spec,) = other_design().checks
    table = ({"case": "a", "share": math.nan}, {"case": "b", "agrees": True})
    check = CheckRecord(spec, {"cases": 2.0, "agreeing": 1.0, "error/conv": 1e-7}, table)
    return evaluate(EXPERIMENT, other_design(), stored, {check.key: check})


def test_estimates_of_every_kind_and_checks_are_shown(other_outcome, uri):
    report = mirrored(other_outcome, uri, None)
    mirror = Mirror(uri)
    data, shown = mirror.parents[0].data, mirror.parents[0].data.metrics
    ratio, half, contrast, agreement = (decision.interval for decision in other_outcome.verdicts[0].decisions)
    for name, interval in (
        ("ratio_of_epochs_to_25pct.tanh-plain-over-relu-plain", ratio),
        ("half_gap_of_epochs_to_50pct.tanh-plain-to-relu-plain-by-remedied", half),
        ("contrast.the-gain-in-shifted-accuracy-4-from-tanh-plain-to-relu-plain", contrast),
    ):
        limits = (shown[f"statistics/{name}.{limit}"] for limit in ("estimate", "low", "high"))
        assert tuple(limits) == pytest.approx((interval.estimate, interval.low, interval.high), rel=1e-5)
    assert shown["statistics/shifted_accuracy/4.remedied.mean"] == pytest.approx(0.15)
    counts = {name: value for name, value in shown.items() if name.startswith("exact_checks/")}
    expected = {"cases": 2.0, "agreeing": 1.0, "error/conv": 1e-7}
    assert counts == {f"exact_checks/sizes-of-outputs.{name}": value for name, value in expected.items()}
    assert agreement.text == "1 of 2 cases"
    assert "1 of 2 cases" in data.tags["mlflow.note.content"]
    assert not [name for name in data.params if name.startswith("search.")]
    assert data.params["check/sizes-of-outputs"] == other_design().checks[0].key
    path = mirror.client.download_artifacts(report.parent_run_id, "checks/sizes-of-outputs.json")
    assert json.loads(Path(path).read_text())["table"] == [{"case": "a", "share": "nan"}, {"case": "b", "agrees": True}]


def test_runs_with_probes_and_layers_of_every_kind(other_outcome, uri):
    mirrored(other_outcome, uri, None)
    mirror = Mirror(uri)
    run = mirror.child("remedied, seed 2")
    history = mirror.client.get_metric_history(run.info.run_id, "curves/saturated/dense1")
    assert [(point.step, point.value) for point in history] == [(0, 0.25), (1, 0.5)]
    assert run.data.metrics["shifted_accuracy/4"] == pytest.approx(0.2)
    assert "slope" not in run.data.metrics
    params = run.data.params
    assert params["model.layers"] == "local 3x3x2 - conv 3x3x2 - subsample 2x2 - global average"
    assert params["activation"] == "relu, elu, scaled_tanh"
    assert params["initialization"] == "normal 0.1, fan uniform 2.4"
    assert params["probes"] == "saturation"
    assert {run.data.tags["role"] for run in mirror.children} == {"replicate"}


def test_parameters_are_as_long_as_mlflow_takes_them():
    deep = replace(arm("relu"), model=ModelSpec(input_shape=(1, 1, 1), layers=(Dense(units=2, activation=None),) * 999))
    run = deep.run(0.01, 1)
    params = ChildRun.of(Request(deep, "replicate", run), record(run), (), {}).params
    assert len(params["model.layers"]) == VALUE_LENGTH
    assert params["model.layers"].startswith("dense 2 - dense 2 - ")


def test_another_check_is_another_execution(other_outcome, uri):
    mirrored(other_outcome, uri, None)
    (check,) = other_outcome.checks.values()
    changed = replace(check, table=check.table[:1])
    other = evaluate(EXPERIMENT, other_design(), other_outcome.stored, {check.key: changed})
    assert not tracking.is_mirrored(other, "quick", uri, None)
    assert tracking.is_mirrored(other_outcome, "quick", uri, None)


def test_a_check_alone_is_an_execution_without_children(other_outcome, uri):
    whole = other_design()
    checks = Design((), None, (), (whole.rules[-1],), checks=whole.checks)
    (check,) = other_outcome.checks.values()
    outcome = evaluate(EXPERIMENT, checks, {}, {check.key: check})
    assert outcome.complete
    assert mirrored(outcome, uri, None).logged == 0
    mirror = Mirror(uri)
    assert (len(mirror.parents), mirror.children) == (1, [])
    assert tracking.is_mirrored(outcome, "quick", uri, None)


def test_limits_that_the_data_do_not_give_are_left_out(outcome, uri):
    stored = dict(outcome.stored)
    spec = outcome.tuned["tanh, plain"].replicates[0]
    early = tuple(point for point in stored[spec.key].history if point.epoch <= 2)
    stored[spec.key] = replace(stored[spec.key], history=early)
    mirrored(evaluate(EXPERIMENT, design(), stored), uri, None)
    mirror = Mirror(uri)
    metrics = mirror.parents[0].data.metrics
    assert "statistics/epochs_to_25pct.tanh-plain.low" in metrics
    assert "statistics/epochs_to_25pct.tanh-plain.high" not in metrics
    assert "statistics/ratio_of_epochs_to_25pct.tanh-plain-over-relu-plain.high" not in metrics
    assert "epochs_to_25pct" not in mirror.child("tanh, plain, seed 1").data.metrics
    assert all(math.isfinite(value) for value in metrics.values())


def test_a_diverged_run_keeps_its_finite_values(outcome, uri):
    stored = dict(outcome.stored)
    spec = outcome.tuned["relu, plain"].replicates[0]
    points = (Point("train_error", 0, 0.0, 0.9), Point("train_loss", 10, 1.0, math.nan), Point("x", 10, 1.0, math.inf))
    stored[spec.key] = replace(stored[spec.key], history=points, ended="diverged")
    mirrored(evaluate(EXPERIMENT, design(), stored), uri, None)
    mirror = Mirror(uri)
    run = mirror.child("relu, plain, seed 1")
    assert run.data.tags["diverged"] == "true"
    assert run.data.metrics["curves/train_error"] == 0.9
    assert not {"curves/train_loss", "curves/x"} & set(run.data.metrics)


def test_a_long_history_is_logged_whole(outcome, uri):
    stored = dict(outcome.stored)
    spec = outcome.tuned["relu, plain"].replicates[0]
    points = tuple(Point("train_error", 10 * epoch, epoch, 1 / (1 + epoch)) for epoch in range(2100))
    stored[spec.key] = replace(stored[spec.key], history=points)
    mirrored(evaluate(EXPERIMENT, design(), stored), uri, None)
    mirror = Mirror(uri)
    history = mirror.client.get_metric_history(mirror.child("relu, plain, seed 1").info.run_id, "curves/train_error")
    assert [(m.step, m.value) for m in history] == [(point.epoch, point.value) for point in points]


def test_figures_of_this_experiment_are_artifacts(outcome, uri, figures):
    report = mirrored(outcome, uri, figures)
    client = Mirror(uri).client
    assert [file.path for file in client.list_artifacts(report.parent_run_id, "figures")] == ["figures/toy-curves.svg"]
    assert (figures.parent / "mlartifacts").is_dir()


def test_new_figures_replace_the_old_ones_without_another_execution(outcome, uri, figures):
    first = mirrored(outcome, uri, figures)
    (figures / "toy-curves.svg").write_text("<svg></svg>")
    assert not tracking.is_mirrored(outcome, "quick", uri, figures)
    assert mirrored(outcome, uri, figures) == replace(first, logged=0, present=10)
    mirror = Mirror(uri)
    assert (len(mirror.parents), len(mirror.children)) == (1, 10)
    path = mirror.client.download_artifacts(first.parent_run_id, "figures/toy-curves.svg")
    assert Path(path).read_text() == "<svg></svg>"


def test_a_second_mirror_logs_nothing(outcome, uri, figures):
    first = mirrored(outcome, uri, figures)
    again = mirrored(outcome, uri, figures, trained=list(outcome.stored), revision="other")
    assert again == replace(first, logged=0, present=10)
    mirror = Mirror(uri)
    assert (len(mirror.parents), len(mirror.children)) == (1, 10)


def test_other_results_are_another_execution(outcome, uri):
    mirrored(outcome, uri, None)
    stored = dict(outcome.stored)
    key = outcome.tuned["relu, plain"].replicates[0].key
    stored[key] = replace(stored[key], weights="others")
    other = evaluate(EXPERIMENT, design(), stored)
    assert not tracking.is_mirrored(other, "quick", uri, None)
    assert mirrored(other, uri, None).logged == 10
    assert len(Mirror(uri).parents) == 2


def test_an_interrupted_mirror_is_replaced(outcome, uri, figures, monkeypatch):
    monkeypatch.setattr(sys.modules["cnn_study.tracking.mirror"], "RUNS_A_TRANSACTION", 2)

    def interrupt(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirrored(outcome, uri, figures, progress=interrupt)
    assert len(Mirror(uri).children) == 4
    assert not tracking.is_mirrored(outcome, "quick", uri, figures)
    assert mirrored(outcome, uri, figures).logged == 10
    mirror = Mirror(uri)
    assert [run.data.tags[COMPLETE] for run in mirror.parents] == ["true"]
    assert len(mirror.children) == 10


def test_runs_written_a_table_at_a_time_are_those_of_the_client(
    outcome, uri, figures, empty_store, tmp_path, monkeypatch
):
    """With an MLflow that is not listed, this fails or its version may be added to the list."""
    monkeypatch.setattr(bulk, "TESTED", (version("mlflow"),))
    mirrored(outcome, uri, figures)
    other = tmp_path / "other" / "mlflow.db"
    other.parent.mkdir()
    shutil.copy(empty_store, other)
    monkeypatch.setattr(bulk, "TESTED", ())
    mirrored(outcome, f"sqlite:///{other}", figures)
    counts, rows = rows_about_children(tmp_path / "mlflow.db")
    assert counts["runs"] == 12
    assert len(rows["metrics"]) > 100
    assert (counts, rows) == rows_about_children(other)


def test_the_tables_of_an_mlflow_that_was_not_tested_are_left_to_its_client(outcome, uri, monkeypatch):
    monkeypatch.setattr(bulk.importlib.metadata, "version", lambda package: "3.99.0")
    monkeypatch.setattr(bulk, "write", lambda *_: pytest.fail("private tables were written"))
    seen = []
    assert mirrored(outcome, uri, None, progress=lambda done, total: seen.append((done, total))).logged == 10
    assert seen == [(done, 10) for done in range(1, 11)]
    assert len(Mirror(uri).children) == 10
    assert mirrored(outcome, uri, None).logged == 0


def test_the_locked_mlflow_is_a_tested_one():
    lock = tomllib.loads((Path(__file__).parents[1] / "uv.lock").read_text(encoding="utf-8"))
    assert {package["version"] for package in lock["package"] if package["name"] == "mlflow"} <= {*bulk.TESTED}


def test_a_deleted_experiment_comes_back_as_it_was(outcome, uri):
    first = mirrored(outcome, uri, None)
    mirror = Mirror(uri)
    mirror.client.delete_experiment(mirror.experiment.experiment_id)
    assert not tracking.is_mirrored(outcome, "quick", uri, None)
    assert mirrored(outcome, uri, None) == replace(first, logged=0, present=10)
    mirror = Mirror(uri)
    assert (len(mirror.parents), len(mirror.children)) == (1, 10)


def test_a_deleted_execution_is_made_again(outcome, uri):
    first = mirrored(outcome, uri, None)
    Mirror(uri).client.delete_run(first.parent_run_id)
    assert not tracking.is_mirrored(outcome, "quick", uri, None)
    assert mirrored(outcome, uri, None).logged == 10
    assert len(Mirror(uri).parents) == 1


def test_nothing_of_the_environment_is_logged(outcome, uri, figures, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")
    mirrored(outcome, uri, figures)
    mirror = Mirror(uri)
    shown = [str(run.to_dictionary()) for run in mirror.parents + mirror.children] + [str(mirror.experiment.tags)]
    assert not [text for text in shown if "hush-hush" in text]


def test_what_is_mirrored_is_known_without_mlflow(outcome, uri, figures):
    code = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_tracking import EXPERIMENT, design, evaluate, mirrored, stored_runs
        from cnn_study import tracking
        outcome, figures = evaluate(EXPERIMENT, design(), stored_runs()), Path({str(figures)!r})
        print(tracking.is_mirrored(outcome, "quick", {uri!r}, figures), end=" ")
        if tracking.is_mirrored(outcome, "quick", {uri!r}, figures):
            mirrored(outcome, {uri!r}, figures)
        print("mlflow" in sys.modules)
    """

    def answer():
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert answer() == ["False", "False"]
    mirrored(outcome, uri, figures)
    assert answer() == ["True", "False"]


def test_a_store_that_does_not_exist_yet(outcome, tmp_path):
    assert not tracking.is_mirrored(outcome, "quick", f"sqlite:///{tmp_path / 'mlflow.db'}", None)
    assert not (tmp_path / "mlflow.db").exists()


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_unreachable_server(outcome):
    started = time.monotonic()
    uri = f"http://somebody:hush-hush@127.0.0.1:{closed_port()}"
    with pytest.raises(tracking.TrackingError, match=r"somebody:\*\*\*@127\.0\.0\.1.*cnn-study sync") as error:
        mirrored(outcome, uri, None)
    assert time.monotonic() - started < 15
    assert "hush-hush" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("uri", ["sqlite:////no/such/folder/mlflow.db", "nonsense://somewhere"])
def test_a_store_that_cannot_be(outcome, uri):
    with pytest.raises(tracking.TrackingError, match="cnn-study sync"):
        mirrored(outcome, uri, None)


def test_a_damaged_store(outcome, tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(tracking.TrackingError, match=r"mlflow\.db.*not a database.*move the file away"):
        mirrored(outcome, f"sqlite:///{tmp_path / 'mlflow.db'}", None)


def test_default_store(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.default_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert tracking.default_uri() == "http://somewhere:5000"


def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(tracking.TrackingError, match=f"port {port} .*--port"):
            tracking.serve(f"sqlite:///{tmp_path / 'mlflow.db'}", port)


def test_the_ui_shows_the_figures_and_ends_with_an_interrupt(outcome, uri, figures):
    report = mirrored(outcome, uri, figures)
    port = closed_port()
    code = f"import sys; from cnn_study import tracking; sys.exit(tracking.serve({uri!r}, {port}))"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == f"MLflow: http://127.0.0.1:{port} (Ctrl-C ends it)\n"
        for name in ("claims", "toy"):
            assert server.stdout.readline() == f"  cnn_study/{name} (quick): http://127.0.0.1:{port}/go/{name}/quick\n"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = f"http://127.0.0.1:{port}/get-artifact?run_id={report.parent_run_id}&path=figures/toy-curves.svg"
        assert direct.open(address, timeout=10).read() == b"<svg/>"
        # A server takes what is mirrored over HTTP too, and knows it again.
        remote = f"http://127.0.0.1:{port}"
        assert mirrored(outcome, remote, figures).logged == 0
        assert mirrored(outcome, remote, None, profile="smoke").logged == 10
        assert tracking.is_mirrored(outcome, "smoke", remote, None)
        assert as_shown(remote, "quick") == as_shown(remote, "smoke")
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    finally:
        server.terminate()  # Not killed: it has a server of its own to end.
        server.wait(30)
        server.stdout.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
