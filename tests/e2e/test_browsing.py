"""The committed reference runs in MLflow, in a real browser: Chromium without a window.

``python tests/e2e/test_browsing.py FOLDER`` puts the pictures of the documentation there.
"""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from chromium import CHROMIUM, OPTIONS
from PIL import Image

from cnn_study import collection

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: make .venv/dev")

ROOT = Path(__file__).parents[2]
WINDOW = {"width": 1280, "height": 800}
MOST_BYTES = 200_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}: apt-get install chromium"),
    pytest.mark.skipif(not (ROOT / "results" / "quick" / "runs.parquet").exists(), reason="needs results/quick"),
]


class Ui:
    """``cnn-study ui`` with an empty store, as in a fresh clone.

    Attributes:
        lines: What it has printed.
        wall: Seconds until it was ready.
        work: Seconds of processor time of it and its server until then.
    """

    def __init__(self, process):
        self.lines, began = [], time.monotonic()
        while not any(line.startswith("MLflow: http") for line in self.lines):
            line = process.stdout.readline()
            assert line, f"it ended: {self.lines}"
            self.lines.append(line.strip())
        self.wall = time.monotonic() - began
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        self.work = sum(sum(one.cpu_times()[:4]) for one in family)
        self.root = self.lines[-1].split()[1].split("#")[0]
        self.lines += [process.stdout.readline().strip() for _ in collection.load()]

    def link(self, experiment):
        """The address printed for an experiment: the curves of all its arms."""
        start = f"cnn_study/{experiment} (quick): "
        (line,) = [line for line in self.lines if line.startswith(start)]
        return line.removeprefix(start)


@contextmanager
def served(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = f"sqlite:///{folder / 'mlflow.db'}"
    command = [sys.executable, "-m", "cnn_study.cli", "ui", "--results", str(ROOT / "results"), "--port", str(port)]
    environment = {**os.environ, "COLUMNS": "200", "MLFLOW_TRACKING_URI": store}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            yield Ui(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.terminate()


class Tour:
    """A user's way through MLflow. Every step checks what is to be seen, and leaves a picture of it."""

    def __init__(self, context, ui):
        self.context, self.ui, self.pictures = context, ui, {}
        context.set_default_timeout(30_000)
        self.page = context.new_page()

    def picture(self, name):
        self.page.wait_for_timeout(1500)  # Until nothing moves.
        helper = self.page.locator('[data-component-id="mlflow.assistant.chat_panel.close"]')
        if helper.count():
            helper.click()
            self.page.wait_for_timeout(1500)
        image = Image.open(io.BytesIO(self.page.screenshot()))
        self.pictures[name] = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)

    def follow(self, link):
        """Click on a link of the description, which opens a tab of its own."""
        with self.context.expect_page() as opened:
            link.click()
        self.page = opened.value

    def experiments(self):
        self.page.goto(f"{self.ui.root}#/experiments?workflowType=machine_learning")
        for experiment in collection.load():
            self.page.get_by_role("link", name=f"cnn_study/{experiment.name} (quick)").wait_for(state="attached")
        self.picture("experiments")

    def description(self):
        self.page.goto(self.ui.link("pooling").replace("&compareRunsMode=CHART&viewStateShareKey=all-arms", ""))
        self.page.get_by_role("link", name="execution, quick").wait_for()
        self.page.locator('[data-component-id="mlflow.experiment.metadata_editor.expand_button"]').click()
        (claim,) = [one for one in collection.load(["pooling"])[0].claims if one.name == "max-beats-average"]
        self.page.get_by_text(claim.statement).wait_for()
        self.page.get_by_text("Supported if the interval of the gain in test error from average to max").wait_for()
        self.picture("description")
        image = self.page.locator('img[src*="pooling-effects.png"]')
        image.scroll_into_view_if_needed()
        self.page.wait_for_function("one => one.complete && one.naturalWidth > 500", arg=image.element_handle())

    def two_arms(self):
        self.follow(self.page.get_by_role("link", name="max beats average", exact=True))
        self.page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for(state="attached")
        groups = self.page.get_by_text(re.compile("^Group: "))
        assert groups.all_inner_texts() == ["Group: average", "Group: max"]
        for arm in ("average", "max"):
            self.page.get_by_text(f"{arm} (curves/train_error)").wait_for()
        points = self.page.locator(".js-plotly-plot").first.evaluate("plot => plot.data.map(one => one.x.length)")
        assert len([count for count in points if count > 5]) >= 2
        self.picture("two-arms")

    def run(self):
        self.page.get_by_role("link", name="max, seed 1").first.click()
        self.page.get_by_role("heading", name="max, seed 1").wait_for()
        self.page.get_by_text("cifar10").first.wait_for()
        self.page.get_by_role("link", name="curves/train_error").wait_for()
        self.picture("run")
        self.page.get_by_role("tab", name="Artifacts").click()
        for name in ("spec.json", "environment.json"):
            self.page.get_by_text(name, exact=True).first.wait_for()
        self.page.get_by_text("environment.json", exact=True).first.click()
        self.page.get_by_text("tensorflow").first.wait_for()

    def figure(self):
        self.page.goto(self.ui.link("pooling"))
        self.follow(self.page.get_by_role("link", name="figures", exact=True))
        image = self.page.locator('img[src*="pooling-effects.png"], img[src^="blob:"]').first
        image.wait_for()
        self.page.wait_for_function("one => one.complete && one.naturalWidth > 500", arg=image.element_handle())
        self.picture("figure")

    def all_arms(self):
        self.page.goto(self.ui.link("leave_one_out"))
        self.page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for(state="attached")
        arms = {arm.name for arm in collection.load(["leave_one_out"])[0].at("quick").arms}
        groups = self.page.get_by_text(re.compile("^Group: "))
        assert {text.removeprefix("Group: ") for text in groups.all_inner_texts()} <= arms
        self.picture("all-arms")


STEPS = ("experiments", "description", "two_arms", "run", "figure", "all_arms")


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    with served(tmp_path_factory.mktemp("fresh clone")) as ui, playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield Tour(browser.new_context(viewport=WINDOW), ui)
        browser.close()


def test_the_reference_runs_are_there_within_a_minute(tour):
    """In processor time, so that it does not matter what else the machine does."""
    assert tour.ui.work < 45
    assert sum("mirrored" in line for line in tour.ui.lines) >= 15


def test_experiments_are_listed_a_run_opened_arms_compared_and_figures_seen(tour):
    for step in STEPS:
        getattr(tour, step)()
        assert len(tour.context.pages) <= 4


def take_pictures(folder):
    with tempfile.TemporaryDirectory() as work, served(Path(work)) as ui, playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        tour = Tour(browser.new_context(viewport=WINDOW), ui)
        print(f"{ui.wall:.1f} s until the page answered, {ui.work:.1f} s of processor time")
        for step in STEPS:
            getattr(tour, step)()
        for name, picture in tour.pictures.items():
            picture.save(folder / f"{name}.png", optimize=True)
            assert (folder / f"{name}.png").stat().st_size < MOST_BYTES
        browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    take_pictures(target)
