"""The files around the code agree with each other: the lock, its copy for pip, the installer, the workflows."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


# --- one lock ---


def test_pip_is_told_the_versions_of_the_lock():
    told = set(re.findall(r"^([\w.-]+)==(\S+)", text("constraints.txt"), re.MULTILINE))
    assert told == {(each["name"], each["version"]) for each in LOCK if each["name"] != PROJECT["name"]}


def test_the_lock_knows_every_requirement():
    (ours,) = [each for each in LOCK if each["name"] == PROJECT["name"]]
    listed = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]

    def form(requirement):
        name, _, specifier = re.match(r"([\w-]+)(\[\w+\])?([^;]*)", requirement).groups()
        return name, "".join(sorted(specifier.replace(" ", "").split(",")))

    wanted = sorted(map(form, listed))
    locked = sorted(form(each["name"] + each.get("specifier", "")) for each in ours["metadata"]["requires-dist"])
    assert wanted == locked


# --- the installer ---


@pytest.fixture(scope="module")
def install():
    spec = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MIRROR = "https://mirror.example/simple"


def test_the_settings_of_pip_are_read_as_pip_orders_them(install, tmp_path, monkeypatch):
    """A real pip tells what a file and the environment say; the environment wins."""
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {MIRROR}\ntrusted-host = one.example\n two.example\ntimeout = 5\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    settings = install.settings_of_pip()
    assert settings["index-url"] == MIRROR
    assert settings["trusted-host"] == "one.example two.example"
    assert settings["timeout"] == "7"


def test_uv_is_handed_the_settings_of_pip(install):
    settings = {"index-url": MIRROR, "find-links": "/a /b", "cert": "/c.pem", "timeout": "5", "quiet": "1"}
    assert install.for_uv(settings, {"HOME": "/h"}) == {
        "HOME": "/h",
        "UV_DEFAULT_INDEX": MIRROR,
        "UV_FIND_LINKS": "/a,/b",
        "SSL_CERT_FILE": "/c.pem",
        "UV_HTTP_TIMEOUT": "5",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_is_set_for_uv_stays_and_pip_is_handed_it(install, variable):
    own = {variable: "https://own.example/simple"}
    assert install.for_uv({"index-url": MIRROR}, own).items() >= own.items()
    assert MIRROR not in install.for_uv({"index-url": MIRROR}, own).values()
    assert install.for_pip({}, own)["PIP_INDEX_URL"] == own[variable]
    assert "PIP_INDEX_URL" not in install.for_pip({"index-url": MIRROR}, own)


def test_the_name_of_an_index_is_for_uv_only(install):
    assert install.for_pip({}, {"UV_INDEX": f"ours={MIRROR}"})["PIP_EXTRA_INDEX_URL"] == MIRROR


@pytest.mark.parametrize(
    ("goals", "extras"),
    [
        (["experiments"], {""}),
        (["figures", "ui"], {""}),
        (["experiments", "ENGINE=ray"], {"ray"}),
        (["lint", "audit", "test"], {"dev"}),
        (["docs"], {"docs"}),
    ],
    ids=" ".join,
)
def test_a_target_installs_what_it_needs_and_no_more(goals, extras, tmp_path):
    """In a folder without an environment, as after a clone."""
    for name in ("Makefile", "pyproject.toml", "uv.lock", "constraints.txt", ".ci/install.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text(name), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    dry = subprocess.run(
        ["make", "--dry-run", f"PYTHON={sys.executable}", *goals],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(re.findall(r"\.ci/install\.py ?(.*)", dry.stdout)) == extras


def test_extras_that_make_installs_exist():
    assert set(re.findall(r"\.venv/(\w+)(?=[^:\n]*:)", MAKEFILE)) >= PROJECT["optional-dependencies"].keys()


# --- the workflows; no service has run them from here ---


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows_for_tests_pages_and_releases():
    assert {path.stem for path in WORKFLOWS} == {"docs", "release", "test"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_a_commit_and_say_its_version(path):
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_has_one_version_in_all_workflows():
    used = {each for path in WORKFLOWS for each in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))}
    assert len({each.split("@")[0] for each in used}) == len(used)


def test_a_workflow_may_read_and_single_jobs_more(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_jobs_wait_for_jobs_that_exist(workflow):
    assert {job["needs"] for job in workflow["jobs"].values() if "needs" in job} <= workflow["jobs"].keys()


def test_what_is_called_exists(workflow):
    run = "\n".join(step.get("run", "") for step in steps(workflow))
    for target in re.findall(r"^make ([\w./-]+)", run, re.MULTILINE):
        assert re.search(rf"^[^\n:]*(?<![\w-]){re.escape(target)}(?![\w-])[^\n:]*:", MAKEFILE, re.MULTILINE), target
    for file in re.findall(r"tests/\S+", run):
        assert (ROOT / file).exists(), file


def test_every_python_is_tested_on_both_systems():
    matrix = yaml.safe_load(text(".github/workflows/test.yml"))["jobs"]["test"]["strategy"]["matrix"]
    said = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == said
    assert {each.split("-")[0] for each in matrix["os"]} == {"ubuntu", "macos"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_forms_ask_named_questions(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    questions = [each for each in form["body"] if each["type"] != "markdown"]
    assert form["name"]
    assert form["description"]
    assert len({each["id"] for each in questions}) == len(questions) > 0


def test_hooks_call_programs_of_the_environment():
    hooks = [hook for repo in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]]
    own = [hook["entry"].split()[0] for hook in hooks if "entry" in hook]
    assert own == [".venv/bin/ruff"] * 2
    assert any(each["name"] == "ruff" for each in LOCK)
