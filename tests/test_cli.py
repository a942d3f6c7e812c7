import os
import re
import signal
import time
from dataclasses import replace

import pytest
from conftest import made_up_check, made_up_experiment, made_up_gains

from cnn_study import cli, collection, stored, tables
from cnn_study.analysis.decisions import evaluate
from cnn_study.cli import output, training
from cnn_study.data import cache
from cnn_study.data.registry import DATASETS
from cnn_study.display import SuiteDisplay
from cnn_study.errors import DataError, InputError
from cnn_study.execution.plan import Request
from cnn_study.execution.suite import Failure, Report
from cnn_study.experiment import Design, Experiment, Setting
from cnn_study.page import vocabulary
from cnn_study.places import OWN, REFERENCE, SHIPPED
from cnn_study.results import Store
from cnn_study.spec import CheckSpec


def call(capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return caught.value.code, *capsys.readouterr()


@pytest.fixture(autouse=True)
def _wide(monkeypatch, tmp_path):
    monkeypatch.setattr(cli.console, "width", 200, raising=False)
    monkeypatch.setattr(cli.errors, "width", 200, raising=False)
    monkeypatch.setenv("CNN_STUDY_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "activation"], "unknown experiment 'activation'; did you mean 'activations'?"),
        (["run", "--profile", "quik"], "unknown profile 'quik'; did you mean 'quick'?"),
        (["plan", "--profile", "../x"], "unknown profile '../x'"),
        (["data", "cifar"], "'cifar' is neither a data set (known: cifar10, "),
        (["data", "cifar"], ") nor a folder here; did you mean 'cifar10'?"),
        (["run", "pooling", "--data", "my_images"], "'my_images' is neither a data set (known: cifar10, digits, "),
        (["plan", "--data", "my_images", "--side", "32"], "'my_images' is neither a data set"),
        (["data", "mnist", "--side", "32"], "--side is for folders of images: leave it out, or name a folder"),
        (["figures", "--style", "papers"], "unknown style 'papers'; did you mean 'paper'?"),
        (["run", "--fallback", "digit"], "unknown data set 'digit'; did you mean 'digits'?"),
        (["claims", "--results", "no/such folder"], "there is no folder no/such folder: name that of your results"),
        (["ui", "nosuch"], "'nosuch' is no .py file: `cnn-study ui` shows all experiments"),
        (["export", "pooling"], "'pooling' is no .py file: `cnn-study export` exports all experiments"),
        (["explain", "relu-beats-tanh", "nosuch"], "'nosuch' is no .py file: `cnn-study explain` explains one claim"),
        (["explain", "relu-beats-tanh", "nosuch.py"], "there is no file nosuch.py"),
        (
            ["figures", "figure_1"],
            "'figure_1' is a figure of activations: name the experiment, as in `cnn-study figures a",
        ),
        (["figures", "activations-figure_1.png"], "'activations-figure_1.png' is a figure of activations: name the"),
        (
            ["figures", "training_curves"],
            " experiments, one of them activations: name the experiment, as in `cnn-study",
        ),
        (["run", "--engine", "rey"], "unknown engine 'rey'; did you mean 'ray'?"),
        (["run", "--address", "auto"], "--address auto is for clusters: add --engine ray"),
        (["run", "--gpus-per-run", "1"], "--gpus-per-run 1: no GPU is to be seen here"),
        (["run", "--gpus-per-run", "2"], "--gpus-per-run 2: a run computes on one GPU: give 1, or a part such as 0.25"),
        (["explain", "relu-beats-than"], "unknown claim 'relu-beats-than'; did you mean 'relu-beats-tanh'?"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, expected):
    code, _, error = call(capsys, *arguments)
    assert code == 2
    assert expected in error
    assert len(error.strip().splitlines()) == 1


READERS = (["claims"], ["verify", "pooling"], ["figures"], ["export"], ["plan", "pooling"], ["run", "pooling"])


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_the_folder_of_a_profile_is_refused_where_that_above_is_meant(command, tmp_path, monkeypatch, made_up, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "ensure", lambda *_, **__: pytest.fail("data were fetched"))
    for name in ("quick", "full"):
        Store(tmp_path / "my results" / name).add(next(iter(made_up[2].values())))
    given = {
        ("quick", "my results/quick"): "--results 'my results'`",
        ("quick", "my results/full"): "--results 'my results' --profile full`",
        ("full", "my results/full/."): "--results 'my results'`",
    }
    for (profile, folder), expected in given.items():
        code, _, error = call(capsys, *command, "--profile", profile, "--results", folder)
        assert code == 2
        what = f"{os.path.normpath(folder)} holds the results of one profile: --results takes the folder above, here `"
        assert error == f"cnn-study: {what}{expected}\n"
    monkeypatch.chdir(tmp_path / "my results" / "quick")
    code, _, error = call(capsys, *command, "--results", ".")
    assert code == 2
    assert f"here `--results '{tmp_path / 'my results'}'`" in error


def test_what_trains_missing_results_is_told_with_the_folder(tmp_path, monkeypatch, made_up, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    code, _, error = call(capsys, "claims", "--results", "mine")
    assert code == 2
    command = "cnn-study run --profile quick --results mine"
    assert error == f"cnn-study: no results of the profile 'quick' in mine: train them with `{command}`\n"
    Store(tmp_path / "mine" / "quick").add(next(iter(made_up[2].values())))
    code, _, error = call(capsys, "verify", "pooling", "--results", "mine")
    assert code == 2
    assert error.endswith(": train with `cnn-study run pooling --profile quick --results mine` first\n")


def test_the_figure_of_all_claims_is_drawn_alone_if_it_is_named(tmp_path, monkeypatch, made_up, capsys):
    experiment, _, stored = made_up
    experiment = replace(experiment, figures=("rate_search",))
    loaded = {"made_up": experiment}
    monkeypatch.setattr(collection, "load", lambda names=(): [loaded[name] for name in names or loaded])
    for record in stored.values():
        Store(tmp_path / "quick").add(record)
    figures = tmp_path / "quick" / "figures"
    drawn = {}
    for names in (["claims"], ["claims", "made_up"], ["made_up"]):
        for _ in range(2):  # Again if it is there.
            code, output, _ = call(capsys, "figures", *names, "--format", "csv", "--results", str(tmp_path))
            assert code == 0
            drawn[tuple(names)] = {line for line in output.splitlines() if line.startswith("figure: ")}
    overview, other = f"figure: {figures}/claims.csv", f"figure: {figures}/made_up-rate_search.csv"
    assert drawn == {("claims",): {overview}, ("claims", "made_up"): {overview, other}, ("made_up",): {other}}


@pytest.mark.parametrize("width", [50, 80, 200])
def test_no_word_of_the_vocabulary_is_cut(width, monkeypatch, capsys):
    monkeypatch.setattr(cli.console, "width", width, raising=False)
    code, output, _ = call(capsys, "vocabulary")
    assert code == 0
    assert "\N{HORIZONTAL ELLIPSIS}" not in output.replace("=\N{HORIZONTAL ELLIPSIS}", "")  # above=…
    assert max(map(len, output.splitlines())) <= width
    told = " ".join(output.split())
    for _, (_, *rows) in vocabulary.tables():
        for name, meaning, *_ in rows:
            assert f"{name} {meaning}" in told


def test_unknown_options_are_refused(capsys):
    code, _, error = call(capsys, "run", "--job", "3")
    assert code == 2
    assert "--jobs" in error


def test_help_has_examples(capsys):
    for verb in ("run", "plan", "verify", "claims", "explain", "export", "figures", "report", "data", "sync", "ui"):
        code, output, _ = call(capsys, verb, "--help")
        assert code == 0
        assert f"cnn-study {verb}" in output
        assert "Example" in output


def test_data_are_fetched_and_checked(capsys, tmp_path):
    code, output, _ = call(capsys, "data", "digits", "--cache", str(tmp_path / "a b"))
    assert code == 0
    assert "digits: in the cache" in output
    assert (tmp_path / "a b" / "digits").is_dir()


def no_source(data, **_):
    if data.name == "digits":
        return
    raise DataError(f"{data.name} cannot be had: no source answers; try --stand-in digits")


def test_without_data_and_stand_in_the_run_ends_with_the_reason(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "ensure", no_source)
    code, _, error = call(capsys, "run", "--results", str(tmp_path))
    assert code == 1
    assert "no source answers" in error
    assert not any(tmp_path.glob("quick*"))


def test_the_experiments_of_the_package_run_by_their_work_and_named_ones_as_they_were_named(monkeypatch, tmp_path):
    orders = []
    monkeypatch.setattr(cache, "ensure", lambda *_, **__: None)
    monkeypatch.setattr(training, "_train", lambda _, found, *__, **___: orders.append(found) or Report(frozenset()))
    monkeypatch.setattr(training, "draw", lambda *_, **__: 0)
    for names in ([], ["pooling", "layer_api"]):
        training.run(names, results=tmp_path, no_tracking=True)
    everything, named = ([experiment.name for experiment, _ in found] for found in orders)
    assert named == ["pooling", "layer_api"]
    assert sorted(everything) == collection.names()
    assert everything[0] == "layer_api"  # It has checks, and no run.
    assert everything.index("output_size") < everything.index("activations")


def test_how_many_workers_there_are_is_asked_when_they_are_reached(monkeypatch, tmp_path):
    class Cluster:
        def __enter__(self):
            self.jobs = 3
            return self

        def __exit__(self, *_):
            pass

    shown = []
    monkeypatch.setattr(training, "carry_out", lambda *_, **__: Report(frozenset()))
    monkeypatch.setattr(training, "SuiteDisplay", lambda *given: shown.append(given[2]) or SuiteDisplay(*given))
    found = stored.designed(collection.load(["layer_api"]), Setting("smoke"))
    training._train(Setting("smoke"), found, Store(tmp_path), Cluster(), None, confirm=False, quiet=True)
    assert shown == [3]


def test_whether_verdicts_are_confirmed_reaches_suites_and_plans(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(training, "carry_out", lambda *given: asked.append(given[-1]) or Report(frozenset()))
    monkeypatch.setattr(training, "plan_rows", lambda *given: asked.append(given[-1]) or ())
    for command in (["run", "layer_api", "--no-tracking"], ["plan", "layer_api"]):
        for options in ([], ["--confirm"]):
            code, _, _ = call(capsys, *command, *options, "--profile", "smoke", "--results", str(tmp_path))
            assert code == 0
    assert asked == [False, True, False, True]


@pytest.mark.parametrize("option", ["--stand-in", "--fallback"])
def test_with_a_stand_in_everything_is_marked_and_kept_apart(option, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "ensure", no_source)
    stores = []
    nothing = Report(frozenset())
    monkeypatch.setattr(
        training, "_train", lambda _, found, store, *__, **___: stores.append((found, store)) or nothing
    )
    code, output, error = call(
        capsys, "run", "activations", option, "digits", "--results", str(tmp_path), "--no-tracking"
    )
    assert code == 0
    ((_, design),), store = stores[0]
    assert store.folder == tmp_path / "quick-digits"
    assert {arm.data.name for arm in design.arms} == {"digits"}
    assert "digits in the place of CIFAR-10" in design.proxy
    assert "digits in the place of CIFAR-10" in " ".join(output.split())
    assert "running on digits instead" in error


def test_reading_prefers_own_results_to_the_reference(tmp_path, monkeypatch, made_up):
    monkeypatch.chdir(tmp_path)
    record = next(iter(made_up[2].values()))
    for root in (REFERENCE, OWN):
        Store(root / "quick").add(record)
    assert stored.stores_to_read(None, "quick")[0][0].folder == OWN / "quick"
    (OWN / "quick" / "pending" / f"{record.key}.parquet").unlink()
    assert stored.stores_to_read(None, "quick")[0][0].folder == REFERENCE / "quick"


def test_the_reference_is_read_from_any_folder_and_what_is_made_of_it_stays_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ((store, _),) = stored.stores_to_read(None, "quick")
    assert store.folder == SHIPPED / "quick"
    assert stored.reference_of(Setting("quick")).folder == store.folder
    assert stored.place_for(store) == REFERENCE / "quick"
    assert stored.place_for(Store(tmp_path / "quick")) == tmp_path / "quick"


def test_the_summary_tells_what_is_equal_to_the_reference(tmp_path, monkeypatch, made_up, capsys):
    monkeypatch.chdir(tmp_path)
    outcome = evaluate(*made_up)
    reference, own = Store(REFERENCE / "quick"), Store(OWN / "quick")
    for i, record in enumerate(made_up[2].values()):
        own.add(record)
        reference.add(type(record)(**{**vars(record), "weights": "other" if i == 0 else record.weights}))
    output.compare_with_reference([outcome], own, Setting("quick"))
    total = len(made_up[2])
    text = " ".join(capsys.readouterr().out.split())
    assert f"3 of 3 verdicts as in the reference (results/quick); {total - 1} of {total} common runs equal" in text
    assert "checks" not in text


def test_an_experiment_that_the_reference_has_not_run_is_compared_with_nothing(tmp_path, monkeypatch, made_up, capsys):
    monkeypatch.chdir(tmp_path)
    other = made_up_gains()
    Store(REFERENCE / "quick").add_check(made_up_check(other.checks[0]))
    own = Store(OWN / "quick")
    for record in made_up[2].values():
        own.add(record)
    output.compare_with_reference([evaluate(*made_up)], own, Setting("quick"))
    assert capsys.readouterr().out == ""


def test_the_summary_compares_checks_by_their_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    design = made_up_gains()
    reference, own = Store(REFERENCE / "quick"), Store(OWN / "quick")
    for store, agreeing in ((reference, 8), (own, 7)):
        store.add_check(made_up_check(design.checks[0], agreeing=agreeing))
    output.compare_with_reference([stored.evaluated(made_up_experiment(), design, own)], own, Setting("quick"))
    assert "; 0 of 1 common checks with the same counts" in capsys.readouterr().out


def test_the_verdicts_fit_into_80_columns_with_what_was_measured(monkeypatch, made_up, capsys):
    monkeypatch.setattr(cli.console, "width", 80, raising=False)
    outcomes = [evaluate(*made_up)]
    output.show_verdicts(outcomes, outcomes)
    plain = capsys.readouterr().out.splitlines()
    place = next(i for i, line in enumerate(plain) if line.startswith("  faster"))
    assert plain[place].split() == ["faster", "supported", "contradicted", "not", "tested"]
    text = plain[place + 1].strip()
    assert text.startswith("direction and magnitude: tanh against relu: 3 [")
    assert text.endswith("] times as long to 25 % training error, 3 seeds (plain)")
    monkeypatch.setattr(cli.console, "_force_terminal", True)
    output.show_verdicts(outcomes, outcomes)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80 < max(map(len, plain))
    assert " ".join(" ".join(lines).split()) == " ".join(" ".join(plain).split())


def test_a_claim_is_explained(tmp_path, monkeypatch, made_up, capsys):
    experiment, _, stored = made_up
    monkeypatch.setattr(collection, "load", lambda names=(): [experiment])
    for record in stored.values():
        Store(tmp_path / "quick").add(record)
    code, output, _ = call(capsys, "explain", "faster", "--results", str(tmp_path))
    assert code == 0
    outcome = evaluate(*made_up)
    for expected in ("ReLU is <faster>.", "approximately 6", "direction: supported", "magnitude: contradicted"):
        assert expected in output
    assert "mechanism: not tested (not in this test)" in output
    for decision in outcome.verdicts[0].decisions:
        assert f"{decision.rule.condition}: {decision.interval.text}: supported" in output
        assert decision.rule.sentence in output
        assert all(key in output for key in decision.runs)


def test_what_experiments_share_counts_once_in_the_total_of_a_plan(tmp_path, monkeypatch, made_up, capsys):
    experiment, _, stored = made_up
    both = [experiment, replace(experiment, name="again")]
    monkeypatch.setattr(collection, "load", lambda names=(): both)
    record = next(iter(stored.values()))
    Store(tmp_path / "quick").add(replace(record, seconds=7.2))
    code, output, _ = call(capsys, "plan", "made_up", "again", "--results", str(tmp_path))
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.strip()}
    # Two arms that differ in more than their names, with 3 search runs and 3 replicates each. One run, the middle of a
    # search, is stored: it needed less than 5 epochs, so that the other two of that search are not longer.
    images = (2 * 5 + 9 * 20) * 100
    assert rows["made_up"] == rows["again"] == rows["all"]
    assert rows["all"][:3] == ["1", "11", "11"]
    assert float(rows["all"][3]) == pytest.approx(images / 1e6, rel=0.05)
    assert rows["all"][4:6] == ["<", "0.001"]  # Multiply-accumulates: 296 an image.
    assert "tanh, other" in output


def test_failed_runs_are_named_at_the_end_and_in_the_exit_code(tmp_path, monkeypatch, made_up, capsys):
    experiment, design, _ = made_up
    request = Request(design.arms[0], "replicate", design.arms[0].run(0.01, 2))
    report = Report(frozenset(), (Failure(request, "ValueError: no"),))
    monkeypatch.setattr(collection, "load", lambda names=(): [experiment])
    monkeypatch.setattr(training, "_obtained", lambda *_: Setting("quick"))
    monkeypatch.setattr(training, "ensure", lambda *_: None)
    monkeypatch.setattr(training, "_train", lambda *_, **__: report)
    code, output, error = call(capsys, "run", "--results", str(tmp_path), "--no-tracking")
    assert code == 1
    assert "faster" in output
    expected = f"cnn-study: relu, plain (seed 2, rate 0.01), key {request.run.key}, failed: ValueError: no"
    assert error.splitlines()[-1] == expected


def test_figures_that_are_there_are_drawn_again_only_if_that_is_asked_for(tmp_path, made_up, capsys):
    experiment, design, records = made_up
    outcome = evaluate(replace(experiment, figures=("rate_search",)), design, records)
    drawn = []
    for again in (False, False, True):
        assert output.draw([outcome], tmp_path, again=again) == 0
        drawn.append(capsys.readouterr().out.splitlines())
    figure = [f"figure: {tmp_path}/figures/made_up-rate_search.png"]
    assert drawn == [figure, [], figure]


def test_two_data_sets_of_one_name_are_refused(made_up):
    _, design, _ = made_up
    mine = replace(DATASETS["digits"], own=True)
    design = replace(design, own={"digits": mine})
    assert training.used([design, design]) == [mine]
    others = replace(design, own={"digits": replace(mine, arrays=DATASETS["mnist"].arrays)})
    with pytest.raises(InputError, match="two data sets are called 'digits': rename the folder of the images of one"):
        training.used([design, others])


def test_every_experiment_declares_itself_for_every_profile():
    for experiment in collection.load():
        for profile in ("smoke", "quick", "full"):
            for images in (None, DATASETS["digits"]):
                design = experiment.at(Setting(profile, images))
                decided = {rule.claim for rule in design.rules}
                assert decided == {claim.name for claim in experiment.claims}
                assert design.proxy or not design.arms or (profile == "full" and images is None)
        full = experiment.at("full")
        assert not full.arms or len(full.seeds) >= 6


def test_a_module_without_an_experiment_is_named(monkeypatch):
    monkeypatch.setattr(collection, "names", lambda: ["activations"])
    monkeypatch.setattr("experiments.activations.activations", None)
    with pytest.raises(InputError, match=r"experiments/activations\.py declares none: a page declares one"):
        collection.load()


def test_a_profile_is_asked_of_the_design():
    seen = []
    nothing = Design((), None, (), (), checks=(CheckSpec(check="sizes"),))
    experiment = Experiment("x", "x", (), lambda setting: seen.append(setting) or nothing, ())
    assert experiment.at("quick", DATASETS["digits"]) is nothing
    assert seen == [Setting("quick", DATASETS["digits"])]


def test_a_design_of_version_0_1_is_given_a_profile_and_a_name():
    seen = []
    nothing = Design((), None, (), (), checks=(CheckSpec(check="sizes"),))
    experiment = Experiment("x", "x", (), lambda profile, fallback: seen.append((profile, fallback)) or nothing, ())
    assert experiment.at("quick", DATASETS["digits"]) is experiment.at("full") is nothing
    assert seen == [("quick", "digits"), ("full", None)]
    with pytest.raises(InputError, match=r"x is written for cnn-study 0\.1 and knows registered data sets only"):
        experiment.at("quick", replace(DATASETS["digits"], own=True))


@pytest.mark.parametrize("command", ["claims", "report", "run"])
def test_claims_of_one_experiment_are_corrected_for_the_tests_of_all(command, tmp_path, monkeypatch, made_up, capsys):
    experiment, _, stored = made_up
    rules = tuple(replace(rule, claim="twin") for rule in made_up[1].rules)
    twin = replace(experiment.claims[0], name="twin")
    other = replace(experiment, name="other", claims=(twin,), design=lambda setting: replace(made_up[1], rules=rules))
    loaded = {"made_up": experiment, "other": other}
    monkeypatch.setattr(collection, "load", lambda names=(): [loaded[name] for name in names] or list(loaded.values()))
    for record in stored.values():
        Store(tmp_path / "quick").add(record)
    families = []
    monkeypatch.setattr(tables, "verdicts", lambda outcomes, family: families.append((outcomes, family)) or [])
    monkeypatch.setattr(
        "cnn_study.report.page.write_page",
        lambda outcomes, folder, setting, revision, family, changed, scale: families.append((outcomes, family)),
    )
    monkeypatch.setattr(training, "_obtained", lambda *_: Setting("quick"))
    monkeypatch.setattr(training, "ensure", lambda *_: None)
    monkeypatch.setattr(training, "_train", lambda *_, **__: Report(frozenset()))
    monkeypatch.setattr(training, "draw", lambda *_, **__: 0)
    options = ["made_up", "--results", str(tmp_path), *(["--no-tracking"] if command == "run" else [])]
    assert call(capsys, command, *options)[0] == 0
    ((shown, family),) = families
    assert [outcome.experiment.name for outcome in shown] == ["made_up"]
    assert [outcome.experiment.name for outcome in family] == ["made_up", "other"]


class _Finalized:
    """Is sent a signal while it is finalized, as the writer of a file may be."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)


def _interrupted(number):
    with training.stoppable():
        thing = _Finalized(number)
        del thing
        time.sleep(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_not_lost_where_python_swallows_what_is_raised(number):
    with pytest.raises(KeyboardInterrupt):
        _interrupted(number)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with training.stoppable():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)
