"""The documentation says what is true: links lead somewhere, examples run, nothing that exists is left out."""

import ast
import csv
import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import committed
import numpy as np
import pytest
import typer
from conftest import complete

import experiments
from cnn_study import cli, collection
from cnn_study.analysis.coverage import measured_coverage
from cnn_study.analysis.decisions import evaluate
from cnn_study.data import registry as datasets
from cnn_study.data.dataset import ARRAYS
from cnn_study.data.sources import IDX, UserFolder
from cnn_study.experiment import PROFILES, Experiment, Setting
from cnn_study.figures.files import OVERVIEW
from cnn_study.figures.style import SIGNS
from cnn_study.models.architectures import four_layer_18pct
from cnn_study.page import Sizes
from cnn_study.page.workbench import Workbench
from cnn_study.report.summary import WORDS
from cnn_study.results import Store

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"api", "topics"} & set(path.parts))
IDS = [str(page.relative_to(DOCS)) for page in PAGES]


def _commands(group, before=""):
    """All commands by name, those of the groups among them too: ``data check``."""
    found = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= _commands(command, f"{before}{name} ") if inner else {f"{before}{name}": command}
    return found


COMMANDS = _commands(typer.main.get_command(cli.app))


@pytest.fixture
def generated(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    module = importlib.import_module("generated")
    monkeypatch.setattr(module.gallery, "_outcomes", committed.outcomes)
    return module


@pytest.fixture
def gallery(generated):
    return generated.gallery


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def block(page, mark):
    """The code after a mark."""
    return re.search(rf"<!-- {mark} -->\n```python\n(.*?)```", text_of(page), re.DOTALL).group(1)


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


# --- links and mentions ---


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_pages_headings_and_modules(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        place = (page.parent / path).resolve() if path else page
        if "api" in place.parts:
            module = ROOT / place.parent.relative_to(DOCS / "reference" / "api")
            assert module.is_dir() or module.with_suffix(".py").is_file(), target
        else:
            assert place.is_file(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in map(slug, headings), target


def test_the_first_page_leads_to_every_other():
    listed = re.findall(
        r"^([\w/-]+)$", "\n".join(re.findall(r"```\{toctree\}(.*?)```", text_of("docs/index.md"), re.S)), re.M
    )
    assert sorted(f"{name}.md" for name in listed) == sorted(set(IDS) - {"index.md"})


def test_every_experiment_has_a_page_with_its_claims_figures_and_rules(gallery):
    for small in gallery.outcomes():
        name, text = small.experiment.name, gallery.topic(small)
        profile = gallery.leading(name, pictured=False)
        outcome = gallery._found(profile).outcome(name)
        assert text.startswith(f"# {outcome.experiment.title}\n")
        assert f"In the profile `{profile}`" in text.split("## What came out")[1]
        for claim in outcome.experiment.claims:
            assert f"### {claim.name}\n\n{claim.statement}\n" in text
            assert f"cnn-study explain {claim.name} --profile {profile}\n" in text
        for verdict in outcome.verdicts:
            for decision in verdict.decisions:
                assert gallery._text(decision.rule.sentence) in text
                assert decision.interval is None or gallery._text(decision.interval.text) in text
        for each in {profile, "quick"}:
            assert all(f"results/{each}/figures/{picture}.png" in text for picture in gallery.pictures(small, each))
    shown = {name for outcome in gallery.outcomes() for name in gallery.pictures(outcome, "quick")}
    there = {path.stem for path in (ROOT / "results" / "quick" / "figures").glob("*.png")}
    assert shown == there - {OVERVIEW}


def test_a_page_leads_with_the_scale_of_the_publications_where_it_has_been_run(gallery):
    assert gallery.leading("lenet5") == "full"
    whole = gallery._found("full").outcome("lenet5")
    text = gallery.topic(next(each for each in gallery.outcomes() if each.experiment.name == "lenet5"))
    assert text.index("results/full/figures/lenet5-") < text.index("results/quick/figures/lenet5-")
    assert "holds in `quick`" in text
    assert whole.verdicts[0].decisions[0].interval.text in text


def test_the_page_of_an_experiment_has_its_section_of_the_ledger(gallery):
    ledger = text_of("docs/explanation/ledger.md")
    told = {name for heading in re.findall(r"^## (.*)$", ledger, re.MULTILINE) for name in heading.split(", ")}
    silent = set(re.findall(r"`(\w+)`", ledger.partition("have no section")[0]))
    assert told | silent == set(collection.names())
    assert not told & silent
    pages = {each.experiment.name: gallery.topic(each) for each in gallery.outcomes()}
    assert {name for name, text in pages.items() if "## What papers leave open\n\n" in text} == told
    section = pages["saturation"].split("## What papers leave open")[1]
    assert "judged with Glorot's weights only" in " ".join(section.split())
    assert "## unstable_gradients" not in section


def test_the_gallery_has_a_card_an_experiment_and_every_file_it_offers_exists(gallery):
    text = gallery.cards()
    assert re.findall(r"EXPERIMENTS=(\w+)`", text) == collection.names()
    offered = re.findall(r"<(\S+)>`", text)
    assert len(offered) == len(gallery.FORMATS) * len(collection.names())
    assert all((DOCS / path).is_file() for path in offered)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_headline_counts_the_stored_verdicts(gallery, profile):
    complete = {each.experiment.name for each in gallery._found(profile).complete}
    with (ROOT / "results" / profile / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["aspect"] == "direction"]
    found = [row["verdict"] for row in rows if row["experiment"] in complete]
    assert f"{found.count('supported')} of {len(found)} claims hold" in gallery.headline()


def test_every_command_and_option_is_listed(generated):
    sections = dict(re.findall(r"^## ([\w ]+)\n(.*?)(?=^## |\Z)", generated.commands(), re.MULTILINE | re.DOTALL))
    assert sections.keys() == COMMANDS.keys()
    for name, command in COMMANDS.items():
        assert command.help in sections[name]
        for parameter in command.params:
            assert parameter.opts[-1].lower() in sections[name].lower()


def test_the_marks_are_in_the_pages(generated):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(text.count(mark) == 1 for mark in generated.PAGES)


def test_pages_are_generated_without_tensorflow():
    code = "import sys, generated; generated.gallery.cards(); generated.commands(); print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=DOCS, capture_output=True, text=True, check=True, env=_environment()
    )
    assert not {"tensorflow", "keras", "mlflow"} & set(answer.stdout.split())


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_in_the_pages_exist(page):
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    makefile = text_of("Makefile")
    for target in re.findall(r"^make (\w+)", shell, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for line in re.findall(r"^(?:[^#\n]*[ /])?cnn-study ([a-z].*)$", shell, re.MULTILINE):
        name, *words = line.partition("#")[0].split()
        if name == "data":
            name = f"data {words[0]}" if f"data {words[0]}" in COMMANDS else "data get"
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


# --- examples ---


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("docs/how-to/ablation.md", r"<!-- complete: ablation -->\n```python\n(.*?)```"),
        ("README.md", r"```python\n(.*?)```"),
    ],
    ids=["ablation", "readme"],
)
def test_the_example_of_an_ablation_is_an_experiment_like_the_others(page, pattern, tmp_path, monkeypatch):
    code = re.search(pattern, text_of(page), re.DOTALL).group(1)
    name = re.search(r"experiments/(norm_\w+)\.py", text_of(page)).group(1)
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    try:
        (experiment,) = collection.load([name])
    finally:
        sys.modules.pop(f"experiments.{name}", None)
    for profile in PROFILES:
        design = experiment.at(profile)
        assert {rule.claim for rule in design.rules} == {claim.name for claim in experiment.claims}
    outcome = evaluate(experiment, experiment.at("smoke"), complete(experiment.at("smoke")))
    assert outcome.complete
    assert outcome.verdicts[0].decisions[0].interval.n == len(outcome.design.seeds)


def test_the_example_of_a_figure_draws_stored_results(tmp_path, monkeypatch, capsys):
    (experiment,) = collection.load(["activations"])
    store = Store(tmp_path / "results" / "quick")
    for record in complete(experiment.at("quick")).values():
        store.add(record)
    store.merge()
    monkeypatch.chdir(tmp_path)
    exec(block("docs/how-to/figure.md", "complete: figure"), {})  # noqa: S102 - our own page
    assert (tmp_path / "training.pdf").stat().st_size > 5000
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 * len(experiment.claims)
    assert lines[0].startswith("relu-beats-tanh; direction; ")


def test_the_example_of_probes_prints_what_was_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_STUDY_CACHE", str(tmp_path))
    exec(block("docs/how-to/probes.md", "complete: probes"), {})  # noqa: S102 - our own page
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].split("/")[0] for line in lines] == [
        *("gradient_unit_input", "gradient_unit_input", "saturated"),
        *("gradient_slope_start", "saturated_end", "test_error"),
    ]
    assert re.search(r"epoch 0: [\d.e-]+', 'epoch 1: [\d.e-]+', 'epoch 2: ", lines[0])


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 3)], ids=["gray", "color"])
def test_a_data_set_described_as_the_page_says_can_be_had(shape, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for file, size in zip(IDX.files, ((40, *shape), (40,), (10, *shape), (10,)), strict=True):
        values = rng.integers(0, 2, size, dtype="uint8")
        header = bytes([0, 0, 8, len(size)]) + np.array(size, ">u4").tobytes()
        (tmp_path / file).write_bytes(header + values.tobytes())
    page: dict = {"__name__": "described"}
    exec(block("docs/how-to/data.md", "complete: describe"), page)  # noqa: S102 - our own page
    found = page["describe"](tmp_path)
    assert [found[name][0] for name in ARRAYS] == [(40, *shape), (40,), (10, *shape), (10,)]

    names: dict = vars(datasets).copy()
    exec(block("docs/how-to/data.md", "entry"), names)  # noqa: S102 - our own page
    entry = names["BLOBS"]
    hashes = [found[name][1] for name in ARRAYS]
    entry = dataclasses.replace(entry, arrays=datasets._arrays(40, 10, shape, *hashes))
    monkeypatch.setenv("CNN_STUDY_DATA_PATH", str(tmp_path))
    (source,) = entry.sources
    assert isinstance(source, UserFolder)
    arrays = source.fetch(entry, tmp_path, lambda *_: None)
    assert all(arrays[name].shape == info.shape for name, info in entry.arrays.items())

    monkeypatch.setattr(datasets, "DATASETS", {**datasets.DATASETS, "blobs": entry})
    at = Workbench(Setting("quick"), Sizes(dataset="blobs", batch_size=10, epochs=5, rates=(0.01, 0.02, 0.04)))
    model = at.network(four_layer_18pct, "tanh")
    assert (model.input_shape, model.classes) == (entry.image_shape, len(entry.classes))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_python_in_the_pages_is_python(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        ast.parse(code)


# --- statements ---


def test_intervals_hold_the_truth_as_often_as_the_page_on_verdicts_says():
    rows = re.findall(r"^\| (\d+) \| about (\d+) % \| about (\d+) % \|$", text_of("docs/explanation/verdicts.md"), re.M)
    assert [int(n) for n, *_ in rows] == [3, 5]
    for n, *stated in rows:
        measured = [100 * measured_coverage(method, int(n)) for method in ("t", "bootstrap")]
        assert [int(share) for share in stated] == pytest.approx(measured, abs=1)


def test_the_glossary_has_the_words_and_signs_of_all_verdicts():
    table = text_of("docs/reference/glossary.md").split("<!-- vocabulary -->")[1].split("\n\n")[0]
    rows = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in table.strip().splitlines()[2:]]
    assert rows == [(WORDS[verdict].strip("*"), verdict, SIGNS[verdict]) for verdict in SIGNS]


def test_the_tutorial_shows_what_the_claims_and_rules_say():
    (experiment,) = collection.load(["feature_maps"])
    assert isinstance(experiment, Experiment)
    text = text_of("docs/tutorial.md")
    assert f"{experiment.claims[0].name}: {experiment.claims[0].statement}" in text
    assert all(rule.sentence in text for rule in experiment.at("smoke").rules)


# --- the site ---


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(importlib.util.find_spec("autoapi") is None, reason="Sphinx is not installed")
def test_the_site_is_built_without_a_warning_and_without_tensorflow(tmp_path):
    code = (
        "import sys; from sphinx.cmd.build import main; code = main(sys.argv[1:]); "
        "print([name for name in ('tensorflow', 'keras', 'mlflow') if name in sys.modules]); sys.exit(code)"
    )
    options = ["-q", "-n", "-W", "--keep-going", "-b", "html", "-E"]
    for name in ("site", "again"):
        answer = subprocess.run(
            [
                sys.executable,
                "-c",
                code,
                *options,
                "-d",
                str(tmp_path / f"{name}-trees"),
                str(DOCS),
                str(tmp_path / name),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.strip() == "[]"
    page = (tmp_path / "site" / "gallery.html").read_text(encoding="utf-8")
    assert all(f'href="topics/{name}.html"' in page for name in collection.names())
    assert all((tmp_path / "site" / "topics" / f"{name}.html").is_file() for name in collection.names())
    library = tmp_path / "site" / "reference" / "api" / "cnn_study"
    assert "One training run." in (library / "spec" / "index.html").read_text(encoding="utf-8")
    # The same sources and results give the same bytes.
    site, again = (
        {path.relative_to(tmp_path / name): path for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("site", "again")
    )
    assert site.keys() == again.keys()
    assert [name for name, path in site.items() if path.read_bytes() != again[name].read_bytes()] == []
