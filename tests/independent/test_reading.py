"""A second program, which shares no line with the library, reads results as the library does."""

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reading
from conftest import made_up_arm, made_up_check, made_up_record
from declared import declared, of_folder

from cnn_study.analysis.decisions import evaluate
from cnn_study.experiment import (
    LOOKS,
    Agreement,
    Claim,
    Contrast,
    Design,
    Experiment,
    HalfGap,
    LowestValidationError,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
    gain,
)
from cnn_study.report.verdicts import write_verdicts
from cnn_study.results import Store
from cnn_study.results.form import CHECKS, RUNS
from cnn_study.results.parquet import write
from cnn_study.spec import CheckSpec
from cnn_study.training.tuning import Tuned, tune

ROOT = Path(__file__).parents[2]
COMMITTED = sorted(file.parent for file in (ROOT / "results").glob("*/verdicts.csv"))
CLAIM, OTHER = "faster", "better"
FEW = (4, 6, 9)  # looks whose boundaries are not stored
OWN_RATES = (0.004, 0.008, 0.016, 0.032)
EFFECTS = (-0.6, 0.0, 0.1, 0.4, 1.2, 2.5)


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda folder: folder.name)
def test_the_committed_tables_are_those_that_are_read_anew(folder):
    found = reading.read(folder, json.loads(json.dumps(of_folder(folder), allow_nan=False)))
    problems = list(reading.differences(found, folder))
    assert not problems, "\n".join(problems)
    assert found.estimates


def test_the_second_program_does_not_know_the_library():
    source = Path(reading.__file__).read_text(encoding="utf-8")
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"numpy", "pandas", "scipy"}


def arms_of(names, **changes):
    """Arms whose networks differ, so that their runs do."""
    arms = [replace(made_up_arm(f"relu, {name}", name), label=name, **changes) for name in names]
    layers = [(arm.model.layers[0].but(units=3 + i), *arm.model.layers[1:]) for i, arm in enumerate(arms)]
    return tuple(
        replace(arm, name=name, model=arm.model.but(layers=each))
        for arm, name, each in zip(arms, names, layers, strict=True)
    )


def times(looks):
    """Ratios of times at the best rates: one arm has a grid of its own, one shares a rate, one is on the edge."""
    arms = arms_of(("fast", "slow", "remedied", "shared", "edge"))
    arms = (arms[0], replace(arms[1], rates=OWN_RATES), arms[2], replace(arms[3], rate_of="slow"), arms[4])
    ratio, shared = TimeRatio("slow", "fast", 0.25), TimeRatio("slow", "shared", 0.25)
    rules = (
        Rule(CLAIM, "direction", "a", ratio, low=1),
        Rule(CLAIM, "direction", "a", shared, low=0.8, high=1.25, equivalence=True),
        Rule(CLAIM, "direction", "b", TimeRatio("slow", "remedied", 0.25), low=1, smallest=1.25),
        Rule(CLAIM, "magnitude", "a", ratio, low=1.3, high=3, published=True),
        Rule(CLAIM, "mechanism", "a", HalfGap("slow", "fast", "remedied", 0.25), low=1),
        Rule(CLAIM, "mechanism", "b", TimeRatio("fast", "slow", 0.25), high=0.9, smallest=1.2),
        Rule(OTHER, "direction", "a", TimeRatio("slow", "edge", 0.25), low=1),
        Rule(OTHER, "magnitude", "a", TimeRatio("slow", "fast", 0.95), low=1),
        Rule(OTHER, "mechanism", "a", shared, low=1.05, high=1.6),
        Rule(OTHER, "mechanism", "b", shared, low=1.05, smallest=1.3),
    )
    search = RateSearch(TimeToTrainError(0.25), (0.005, 0.01, 0.02), extensions=1, repeats=2)
    return Design(arms, search, tuple(range(1, looks[-1] + 1)), rules, looks=looks)


def outcomes(looks, proxy=""):
    """Contrasts of outcomes at rates that are given, and exact checks."""
    arms = arms_of(("good", "bad", "odd"), tuned=False)
    better, both = gain("good", "bad"), (Term(1, "good", "shift"), Term(-2, "bad", "shift"), Term(0.5, "odd", "shift"))
    rules = (
        Rule(CLAIM, "direction", "a", better, low=0, smallest=1),
        Rule(CLAIM, "direction", "b", better, low=-1, high=1, equivalence=True),
        Rule(CLAIM, "magnitude", "a", better, low=0.5, high=2, published=True),
        Rule(CLAIM, "mechanism", "a", Contrast(both, "a weighted sum", "decades"), high=0, smallest=0.4),
        Rule(CLAIM, "mechanism", "a", Agreement("sizes")),
        Rule(CLAIM, "mechanism", "b", better, low=0, premise=True),
        Rule(OTHER, "direction", "a", gain("good", "odd", "rare"), low=0),
        Rule(OTHER, "magnitude", "a", Agreement("counts")),
        Rule(OTHER, "mechanism", "a", Contrast((Term(100, "good", "same"),), "a number all seeds share"), low=2),
    )
    checks = (CheckSpec(check="sizes"), CheckSpec(check="counts"))
    return Design(arms, None, tuple(range(1, looks[-1] + 1)), rules, proxy, checks, looks)


def stored_of(design, effect, rng, seeds):
    """Made-up runs of a design: some diverge, some never arrive, some do not have an outcome."""
    slower = {"slow": math.exp(effect), "remedied": math.exp(effect / 3), "shared": math.exp(effect)}

    def record(arm, run):
        rate = run.train.learning_rate / (1 if arm.name == "edge" else 0.01)
        time = 5 * slower.get(arm.name, 1) * (1 + abs(math.log2(rate)) / 2) * math.exp(rng.normal(0, 0.2))
        found = made_up_record(run, lambda spec: time)
        worse = {"bad": effect, "odd": -effect}.get(arm.name, 0)
        numbers = {
            "test_error": 0.2 + 0.01 * (worse + rng.normal(0, 0.7)),
            "validation_error": min(0.02 * time, 1.0),
            "shift": worse + rng.normal(0, 0.3),
            "same": 0.02 * (1 + (effect > 0)),
        }
        if rng.random() > 0.02:
            numbers["rare"] = rng.normal(effect, 1)
        if arm.name in ("fast", "remedied") and rng.random() < 0.02:
            ruined = tuple(point._replace(value=math.nan) for point in found.history[5:9])
            found = replace(found, ended="diverged", history=(*found.history[:5], *ruined))
        return replace(found, outcomes={**found.outcomes, **numbers})

    stored = {}
    for arm in design.arms:
        step = tune(arm, design, stored)
        while not isinstance(step, Tuned):
            stored |= {run.key: record(arm, run) for run in step.runs}
            step = tune(arm, design, stored)
        stored |= {run.key: record(arm, run) for run in step.replicates[:seeds]}
    return stored


def experiment_of(name, design):
    """An experiment with two claims whose design is as given."""
    claims = tuple(Claim(each, "Something is so.") for each in (CLAIM, OTHER))
    return Experiment(name, "Made up", claims, lambda setting: design, ()), design


def family_of(rng):
    """Experiments of every kind, with the runs and checks that are stored of them."""
    found, stored, checks = [], {}, {}
    for place, effect in enumerate(EFFECTS):
        looks = (LOOKS, FEW)[place % 2]
        validated = replace(times(looks), search=RateSearch(LowestValidationError(), (0.005, 0.01, 0.02)))
        for name, design in (
            ("times", times(looks)),
            ("outcomes", outcomes(looks)),
            ("fixed", replace(outcomes((3, 4, 5), "a subset"), looks=())),
            ("validated", validated),
            ("waiting", replace(times(looks), rules=times(looks).rules[:3])),
        ):
            own = apart(design, len(found))
            found.append(experiment_of(f"{name}_{place}", own))
            stored |= stored_of(own, effect, rng, 5 if name == "waiting" else len(own.seeds))
            checks |= {each.key: made_up_check(each, agreeing=8 if effect > 0 else 7) for each in own.checks}
    found += [experiment_of(f"{each.name}_again", design) for each, design in found[:5]]  # Equal p values.
    return [*found, experiment_of("silent", apart(replace(outcomes(LOOKS), checks=(), rules=()), 80))], stored, checks


def apart(design, number):
    """The design with arms that share no run with those of another number."""
    arms = tuple(replace(arm, train=arm.train.but(batch_size=10 + number), held_out=10) for arm in design.arms)
    return replace(design, arms=arms)


def write_all(folder, rng):
    """Write made-up results, the library's tables of them, and what their experiments declare, into a folder."""
    family, stored, checks = family_of(rng)
    write(list(stored.values()), folder / "runs.parquet", RUNS)
    write(list(checks.values()), folder / "checks.parquet", CHECKS)
    store = Store(folder)
    write_verdicts([evaluate(e, d, store.records(), store.checks()) for e, d in family], folder)
    told = declared(family, store.records())
    (folder / "declared.json").write_text(json.dumps(told, allow_nan=False), encoding="utf-8")


@pytest.fixture(scope="module")
def made_up_folder(tmp_path_factory):
    """A folder of made-up results."""
    folder = tmp_path_factory.mktemp("results")
    write_all(folder, np.random.default_rng(3))
    return folder


def told_in(folder):
    return json.loads((folder / "declared.json").read_text(encoding="utf-8"))


def test_made_up_results_are_read_as_the_library_reads_them(made_up_folder):
    found = reading.read(made_up_folder, told_in(made_up_folder))
    assert not list(reading.differences(found, made_up_folder))
    assert {each["verdict"] for each in found.verdicts} == {
        "supported",
        "contradicted",
        "mixed",
        "inconclusive",
        "not tested",
    }


def test_the_made_up_results_have_every_case(made_up_folder):
    """Rules that end at every look, censored times on both sides, diverged runs, edges, missing outcomes and runs."""
    found = reading.read(made_up_folder, told_in(made_up_folder)).estimates
    assert {4, 5, 6, 9, 13, 20, ""} <= {each["seeds_or_cases"] for each in found}
    times_found = [each for each in found if each["experiment"].startswith("times") and each["estimate"] != ""]
    assert any(each["high"] == math.inf for each in times_found)
    assert any(each["low"] == 0 for each in times_found)
    with (made_up_folder / "estimates.csv").open(encoding="utf-8", newline="") as file:
        reasons = " ".join(row["reason"] for row in csv.DictReader(file))
    for reason in ("edge of its grid", "it lies between", "is excluded", "did not give it", "starts below", "missing"):
        assert reason in reasons
    assert "silent" not in {each["experiment"] for each in found}
    assert any(
        run.ended == "diverged"
        for run in reading.read_runs(made_up_folder, told_in(made_up_folder)["semantics"]).values()
    )


def changed(text, row, column, value):
    """A table with another cell."""
    rows = list(csv.reader(text.splitlines()))
    rows[row][rows[0].index(column)] = value
    return "\n".join(",".join(f'"{cell}"' for cell in each) for each in rows) + "\n"


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("estimates.csv", "estimate", lambda cell: f"{float(cell) * (1 + 3e-9):.12g}"),
        ("estimates.csv", "low", lambda cell: f"{float(cell) * (1 + 3e-9):.12g}"),
        ("estimates.csv", "verdict", lambda cell: "mixed"),
        ("estimates.csv", "seeds_or_cases", lambda cell: f"{int(cell) + 1}"),
        ("estimates.csv", "unit", lambda cell: "pixels"),
        ("verdicts.csv", "p", lambda cell: f"{float(cell) * (1 + 3e-9):.12g}"),
        ("verdicts.csv", "adjusted_p", lambda cell: f"{float(cell) * 0.99:.12g}"),
        ("verdicts.csv", "verdict", lambda cell: "mixed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_cell_is_told_in_one_line_with_its_place(made_up_folder, tmp_path, capsys, table, column, value):
    for file in made_up_folder.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / table).read_text(encoding="utf-8")
    cells = list(csv.DictReader(text.splitlines()))
    row = next(i for i, each in enumerate(cells) if each["verdict"] == "supported" and each.get("p", "0.01") > "0")
    (tmp_path / table).write_text(changed(text, row + 1, column, value(cells[row][column])), encoding="utf-8")
    assert reading.main([str(tmp_path), "--declared", str(tmp_path / "declared.json")]) == 1
    line, count = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{table}, line {row + 2}, {cells[row]['experiment']}, {cells[row]['claim']}, ")
    assert f": {column} is " in line
    assert count.startswith("1 differences in ")


def test_tables_with_other_rows_are_told_at_the_first(made_up_folder, tmp_path):
    for table in ("estimates.csv", "verdicts.csv"):
        lines = (made_up_folder / table).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / table).write_text("".join([*lines[:6], *lines[8:]]), encoding="utf-8")
    found = reading.read(made_up_folder, told_in(made_up_folder))
    told = [line.partition(": ")[0] for line in reading.differences(found, tmp_path)]
    assert [line for line in told if " has " not in line] == ["estimates.csv, line 7", "verdicts.csv, line 7"]
    assert len(told) == 4


def test_boundaries_that_do_not_keep_their_level_are_told(made_up_folder):
    told = told_in(made_up_folder)
    told["boundaries"][0]["two_sided"] = [min(1.0, 1.1 * each) for each in told["boundaries"][0]["two_sided"]]
    problems = reading.read(made_up_folder, told).problems
    assert any("(4, 6, 9), two-sided" in problem for problem in problems)
    assert not any("one-sided" in problem for problem in problems)


def test_the_quantiles_and_tails_of_students_t_are_those_of_its_tables():
    """Student's table for 3 and 19 degrees of freedom; with one, it is Cauchy's distribution."""
    assert reading.t_quantile(0.95, 3) == pytest.approx(3.182, abs=5e-4)
    assert reading.t_quantile(0.90, 19) == pytest.approx(1.729, abs=5e-4)
    for t in (-3.0, -0.5, 0.0, 2.0):
        assert reading.t_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, rel=1e-12)


def test_holms_correction_is_that_of_an_example_by_hand():
    assert reading.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_cannot_be_read_is_told_in_one_line(made_up_folder, tmp_path, capsys):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "runs.parquet").write_bytes(b"no Parquet")
    (bad / "no.json").write_text("{", encoding="utf-8")
    (bad / "odd.json").write_text("[]", encoding="utf-8")
    told = str(made_up_folder / "declared.json")
    for arguments, message in (
        ([str(tmp_path / "nowhere")], "there is no folder"),
        ([str(bad), "--declared", told], "runs.parquet cannot be read"),
        ([str(tmp_path), "--declared", told], "has no runs and no checks"),
        ([str(bad), "--declared", str(bad / "no.json")], "no.json is no JSON"),
        ([str(bad), "--declared", str(bad / "odd.json")], "does not fit"),
        ([str(bad), "--declared", str(bad / "lost.json")], "lost.json cannot be read"),
    ):
        assert reading.main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("reading.py: ")
        assert message in line


def test_the_command_asks_the_library_for_what_is_declared(tmp_path):
    """A folder that is called after no profile is refused by ``declared.py``, and the command says so."""
    done = subprocess.run(
        [sys.executable, reading.__file__, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "is no folder of results" in done.stderr
    assert len(done.stderr.splitlines()) == 1
