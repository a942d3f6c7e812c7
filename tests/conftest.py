"""What all tests share: an environment as the workers have it, and made-up runs that cost no training."""

import os
import shutil
import signal
from dataclasses import replace

from cnn_study.execution.local import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import pytest
from committed import REFERENCE, store

from cnn_study.analysis.decisions import ClaimVerdict, evaluate
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Design,
    Experiment,
    Published,
    RateSearch,
    Rule,
    TimeRatio,
    TimeToTrainError,
    gain,
)
from cnn_study.results import CheckRecord, Point, RunRecord, Store, parquet
from cnn_study.results.form import RUNS
from cnn_study.spec import CheckSpec, DataSpec, Dense, ModelSpec, TrainSpec
from cnn_study.training.tuning import tune

# Started in the background, a shell has this ignored, and so would have every suite that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def made_up_arm(name, condition="plain"):
    unit = name.split(",")[0]
    layers = (Dense(units=4, activation=unit), Dense(units=10, activation=None))
    model = ModelSpec(input_shape=(8, 8, 1), layers=layers)
    data = DataSpec(name="digits", content="0" * 64, train_size=100)
    train = TrainSpec(learning_rate=0.01, batch_size=10, epochs=20, target_train_error=0.2)
    return Arm(name=name, label=unit, condition=condition, data=data, model=model, train=train)


def made_up_design(proxy="", published=False):
    conditions = ("plain", "other")
    arms = tuple(made_up_arm(f"{unit}, {c}", c) for c in conditions for unit in ("relu", "tanh"))
    rules = []
    for c in conditions:
        ratio = TimeRatio(f"tanh, {c}", f"relu, {c}", 0.25)
        rules += [
            Rule("faster", "direction", c, ratio, low=1),
            Rule("faster", "magnitude", c, ratio, low=4, high=8, published=True),
        ]
    search = RateSearch(TimeToTrainError(0.25), (0.005, 0.01, 0.02))
    return Design(arms, search, (1, 2, 3), tuple(rules), proxy)


def made_up_experiment(proxy=""):
    published = (
        Published("ratio", 6, "Somebody, Else & Other 2012, Figure 1", "primary", about="tanh / relu"),
        Published("epochs", 6, "Somebody, Else & Other 2012, Figure 1", "memory", about="relu"),
    )
    claim = Claim("faster", "ReLU is <faster>.", published, {"mechanism": "not in this test"})
    return Experiment(
        "made_up",
        "A made-up experiment",
        (claim,),
        lambda setting: made_up_design(proxy),
        ("training_curves", "time_ratios", "rate_search"),
    )


def worded_outcome(title, claim, statement, condition, label, proxy, source, reason, name="made_up"):
    """An outcome in which every string that is free is as given."""
    design = made_up_design(proxy=proxy)
    arms = tuple(replace(made_up_arm(arm.name), label=label) for arm in design.arms)
    rules = tuple(replace(rule, claim=claim, condition=condition) for rule in design.rules)
    design = replace(design, arms=arms, rules=rules)
    published = (Published(statement, 1, source, "primary", about=label),)
    made_up = Claim(claim, statement, published, {"mechanism": reason})
    experiment = Experiment(name, title, (made_up,), lambda setting: design, ())
    return evaluate(experiment, design, complete(design))


def time_of(spec, slow=3.0):
    """Made-up epochs to 25 %: best at a rate of 0.01, slower for tanh, a little different for every seed."""
    import math

    unit = spec.model.layers[0].activation
    base = 4.0 * (slow if unit == "tanh" else 1.0) * (1 + 0.01 * (spec.seeds.init % 7))
    return base * (1 + abs(math.log2(spec.train.learning_rate / 0.01)))


def made_up_record(spec, time=time_of, weights="w"):
    """A record whose training error falls in a straight line to reach 25 % at the given time."""
    crossing = time(spec)
    points = [Point("train_error", 0, 0.0, 0.9)]
    ended = "epochs"
    for epoch in range(1, spec.train.epochs + 1):
        error = max(0.9 - 0.65 * epoch / crossing, 0.0)
        points += [
            Point("train_loss", epoch * 10, epoch, error),
            Point("train_error", epoch * 10, epoch, error),
        ]
        if spec.train.target_train_error is not None and error <= spec.train.target_train_error:
            ended = "target"
            break
    outcomes = {"epochs": points[-1].epoch, "steps": points[-1].step, "train_error": error, "test_error": 0.5}
    when = "2026-01-02T03:04:05+00:00"
    return RunRecord(spec, ended, outcomes, tuple(points), weights, {"python": "3"}, 2.0, when)


def made_up_check(spec, cases=8, agreeing=8):
    """A record of a check in which so many cases agree."""
    table = ({"case": "one", "formula": 3, "built": 3, "agrees": True},)
    when = "2026-01-02T03:04:05+00:00"
    return CheckRecord(spec, {"cases": float(cases), "agreeing": float(agreeing)}, table, {"python": "3"}, 0.5, when)


def made_up_gains(**limits):
    """Arms at rates of their own, a rule about the gain in test error under each condition, and a check beside them."""
    design = made_up_design()
    arms = tuple(replace(arm, tuned=False, probes=("filters",)) for arm in design.arms)
    rules = tuple(
        Rule("better", "direction", condition, gain(f"relu, {condition}", f"tanh, {condition}"), **limits)
        for condition in design.conditions
    )
    rules += (Rule("exact", "direction", "all cases", Agreement("sizes")),)
    return Design(arms, None, design.seeds, rules, checks=(CheckSpec(check="sizes"),))


def complete(design, time=time_of):
    """Made-up records of every run the design asks for, by key."""
    from cnn_study.execution.plan import needed

    stored = {}
    while requests := [request for arm in design.arms for request in needed(arm, design, stored)]:
        stored |= {request.run.key: made_up_record(request.run, time) for request in requests}
    return stored


def results_of(experiments, folder):
    """The committed results of a few experiments, which take less time to read than those of all; no figures."""
    known, plans = store("quick").records(), [each.at("quick") for each in experiments]
    own = {run.key for plan in plans for arm in plan.arms for run in tune(arm, plan, known).runs if run.key in known}
    folder.mkdir(parents=True)
    parquet.write([known[key] for key in sorted(own)], Store(folder).file, RUNS)
    shutil.copy(REFERENCE / "quick" / "checks.parquet", folder)
    return folder


@pytest.fixture
def made_up():
    """An experiment of two arms under two conditions with all its runs: ``(experiment, design, stored)``."""
    experiment = made_up_experiment()
    design = experiment.at("quick")
    return experiment, design, complete(design)


@pytest.fixture
def barely_supported():
    """A claim that is supported with a p value just below 5 %: the ratio of times varies much between seeds."""

    def time(spec):
        tanh = spec.model.layers[0].activation == "tanh"
        factor = {1: 1.45, 2: 2.0, 3: 2.0}.get(spec.seeds.init, 2.0) if tanh else 1.0
        return 4.0 * factor * (1 + abs(spec.train.learning_rate - 0.01) * 100)

    design = made_up_design(proxy="a subset")
    return evaluate(made_up_experiment(), design, complete(design, time))


def with_silent_claims(outcome, others):
    """The outcome, and another experiment with so many claims that nothing is known of."""
    claims = tuple(Claim(f"other {i}", "Something is so.") for i in range(others))
    silent = [replace(decision, reason="no number") for decision in outcome.verdicts[0].decisions]
    verdicts = tuple(ClaimVerdict("silent", claim, "direction", "inconclusive", "", tuple(silent)) for claim in claims)
    return [outcome, replace(outcome, experiment=replace(outcome.experiment, claims=()), verdicts=verdicts)]


@pytest.fixture
def build_wrongly(monkeypatch):
    """Lets a module of checks build other convolutions than the specification asks for."""
    from cnn_study.checks.networks import built
    from cnn_study.spec import Conv

    def install(module, when, **changes):
        def wrong(spec, seed=0):
            layers = [
                layer.but(**changes) if isinstance(layer, Conv) and when(layer) else layer for layer in spec.layers
            ]
            return built(spec.but(layers=tuple(layers)), seed)

        monkeypatch.setattr(module, "built", wrong)

    return install
