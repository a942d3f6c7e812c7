import pytest

from cnn_study import cli, registry
from cnn_study.data import cache
from cnn_study.errors import DataError, InputError
from cnn_study.experiment import Experiment


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
        (["data", "cifar"], "unknown data set 'cifar'; did you mean 'cifar10'?"),
        (["figures", "--style", "papers"], "unknown style 'papers'; did you mean 'paper'?"),
        (["run", "--fallback", "digit"], "unknown data set 'digit'; did you mean 'digits'?"),
        (["claims", "--results", "no/such folder"], "no results of the profile 'quick' in no/such folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, expected):
    code, _, error = call(capsys, *arguments)
    assert code == 2
    assert expected in error
    assert len(error.strip().splitlines()) == 1


def test_unknown_options_are_refused(capsys):
    code, _, error = call(capsys, "run", "--job", "3")
    assert code == 2
    assert "--jobs" in error


def test_help_has_examples(capsys):
    for verb in ("run", "plan", "claims", "figures", "report", "data", "sync", "ui"):
        code, output, _ = call(capsys, verb, "--help")
        assert code == 0
        assert f"cnn-study {verb}" in output
        assert "Example" in output


def test_data_are_fetched_and_checked(capsys, tmp_path):
    code, output, _ = call(capsys, "data", "digits", "--cache", str(tmp_path / "a b"))
    assert code == 0
    assert "digits: in the cache" in output
    assert (tmp_path / "a b" / "digits").is_dir()


def no_source(name, **_):
    if name == "digits":
        return
    raise DataError(f"{name} cannot be had: no source answers; try --fallback digits")


def test_without_data_and_fallback_the_run_ends_with_the_reason(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "ensure", no_source)
    code, _, error = call(capsys, "run", "--results", str(tmp_path))
    assert code == 1
    assert "no source answers" in error
    assert not any(tmp_path.glob("quick*"))


def test_with_fallback_everything_is_marked_and_kept_apart(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "ensure", no_source)
    stores = []
    monkeypatch.setattr(cli, "_train", lambda designs, store, *_: stores.append((designs, store)) or set())
    code, output, error = call(capsys, "run", "--fallback", "digits", "--results", str(tmp_path), "--no-tracking")
    assert code == 0
    ((design,), store) = stores[0]
    assert store.folder == tmp_path / "quick-digits"
    assert {arm.data.name for arm in design.arms} == {"digits"}
    assert "digits in the place of cifar10" in design.proxy
    assert "digits in the place of cifar10" in " ".join(output.split())
    assert "running on digits instead" in error


def test_reading_prefers_own_results_to_the_reference(tmp_path, monkeypatch, made_up):
    from cnn_study.results import Store

    monkeypatch.chdir(tmp_path)
    record = next(iter(made_up[2].values()))
    for root in (cli.REFERENCE, cli.OWN):
        Store(root / "quick").add(record)
    assert cli._stores_to_read(None, "quick")[0][0].folder == cli.OWN / "quick"
    (cli.OWN / "quick" / "pending" / f"{record.key}.parquet").unlink()
    assert cli._stores_to_read(None, "quick")[0][0].folder == cli.REFERENCE / "quick"


def test_the_summary_tells_what_is_equal_to_the_reference(tmp_path, monkeypatch, made_up, capsys):
    from cnn_study.analysis.decisions import evaluate
    from cnn_study.results import Store

    monkeypatch.chdir(tmp_path)
    outcome = evaluate(*made_up)
    reference, own = Store(cli.REFERENCE / "quick"), Store(cli.OWN / "quick")
    for i, record in enumerate(made_up[2].values()):
        own.add(record)
        reference.add(type(record)(**{**vars(record), "weights": "other" if i == 0 else record.weights}))
    cli._compare_with_reference([outcome], own, "quick", None)
    total = len(made_up[2])
    text = " ".join(capsys.readouterr().out.split())
    assert f"3 of 3 verdicts as in the reference (results/quick); {total - 1} of {total} common runs equal" in text


def test_every_experiment_declares_itself_for_every_profile():
    for experiment in registry.load():
        for profile in ("smoke", "quick", "full"):
            for fallback in (None, "digits"):
                design = experiment.at(profile, fallback)
                claimed = {claim.name for claim in experiment.claims}
                assert {rule.claim for rule in design.rules} == claimed
                assert bool(design.proxy) == (profile != "full" or fallback is not None)
        assert len(experiment.at("full").seeds) >= 6


def test_a_module_without_an_experiment_is_named(monkeypatch):
    monkeypatch.setattr(registry, "names", lambda: ["activations"])
    monkeypatch.setattr("experiments.activations.EXPERIMENT", None)
    with pytest.raises(InputError, match=r"experiments/activations\.py must declare EXPERIMENT"):
        registry.load()


def test_a_profile_is_asked_of_the_design():
    seen = []
    experiment = Experiment("x", "x", (), lambda *asked: seen.append(asked), ())
    experiment.at("quick", "digits")
    assert seen == [("quick", "digits")]
