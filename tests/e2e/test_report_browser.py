"""The report in a real browser: Chromium without a window, and without a network."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from chromium import CHROMIUM, OPTIONS
from conftest import complete, made_up_check, made_up_experiment, made_up_gains

from cnn_study.analysis.decisions import evaluate
from cnn_study.experiment import Claim, Experiment, Published, Setting
from cnn_study.figures.draw import draw
from cnn_study.report.page import write_page

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: make .venv/dev")

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The address of a report with two experiments: one of times, with figures, and one of gains, with a check."""
    folder = tmp_path_factory.mktemp("a report")
    times = made_up_experiment(proxy="a subset of the images")
    source = "Krizhevsky, Sutskever & Hinton 2012, Figure 1"
    published = (Published("ratio", 6, source, "primary", about="tanh / relu"), *times.claims[0].published)
    times = replace(times, claims=(replace(times.claims[0], published=published),))
    claims = (Claim("better", f"Better {'and better ' * 30}."), Claim("exact", "It is exact."))
    gains = Experiment("gains", "Gains and a check", claims, lambda setting: made_up_gains(low=0), ())
    check = made_up_check(gains.at("quick").checks[0])
    design, other = times.at("quick"), gains.at("quick")
    outcomes = [
        evaluate(times, design, complete(design)),
        evaluate(gains, other, complete(other), {check.key: check}),
    ]
    draw(outcomes[0], folder)
    return write_page(outcomes, folder, Setting("quick")).as_uri()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, report):
    """Opens the report in a window of some size: the page, what it complained about, and what it asked for."""
    contexts = []

    def open_in(size):
        contexts.append(browser.new_context(viewport=size))
        page, complaints, requests = contexts[-1].new_page(), [], []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(report)
        return page, complaints, requests

    yield open_in
    for context in contexts:
        context.close()


def test_it_renders_without_complaints_and_without_a_network(opened, report):
    page, complaints, requests = opened(DESKTOP)
    assert page.title() == "Claims about convolutional networks, tested (quick)"
    assert page.get_by_role("heading", level=1).inner_text() == "Claims about convolutional networks, tested"
    assert page.get_by_role("table").first.is_visible()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [report]


def test_every_image_is_loaded_and_described(opened):
    page, *_ = opened(DESKTOP)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    images = page.locator("img").evaluate_all(
        "all => all.map(one => [one.naturalWidth, one.naturalHeight, one.width, one.height, one.alt])"
    )
    assert len(images) == 3
    for natural_width, natural_height, width, height, text in images:
        assert natural_width > 0
        assert width / height == pytest.approx(natural_width / natural_height, rel=0.02)
        assert len(text) > 40


def test_every_link_inside_leads_somewhere(opened):
    page, *_ = opened(DESKTOP)
    broken = page.locator("a[href^='#']").evaluate_all(
        "all => all.map(one => one.getAttribute('href')).filter(href => !document.getElementById(href.slice(1)))"
    )
    assert broken == []
    page.get_by_role("link", name="Gains and a check", exact=True).click()
    assert page.locator("#gains").bounding_box()["y"] == pytest.approx(0, abs=40)


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_only_tables_scroll_sideways(opened, size, media):
    page, *_ = opened(size)
    page.emulate_media(media=media)
    if media == "screen":
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        page.mouse.wheel(500, 0)
        assert page.evaluate("window.scrollX") == 0
    boxes = page.locator("main > section, figure, img, p, dl").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert max(boxes) <= size["width"]


def test_on_a_phone_a_claim_is_a_card_that_is_not_cut_off(opened):
    page, *_ = opened(PHONE)
    cells = page.locator("#verdicts tbody tr > *").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert max(cells) <= PHONE["width"]
    table = page.get_by_role("group", name="Every claim with its verdicts")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_filters_hide_rows_and_sorting_moves_them(opened):
    page, *_ = opened(DESKTOP)
    rows = page.locator("#verdicts tbody tr")
    verdicts = rows.evaluate_all("all => all.map(one => one.dataset.direction)")
    assert len(set(verdicts)) > 1
    page.get_by_role("combobox", name="Verdict").select_option("supported")
    seen = rows.evaluate_all("all => all.filter(one => one.offsetHeight).map(one => one.dataset.direction)")
    assert seen == ["supported"] * verdicts.count("supported")
    assert page.locator("#shown").inner_text() == f"{len(seen)} of {len(verdicts)} claims shown"
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("[...document.querySelectorAll('#verdicts tbody tr')].every(one => !one.hidden)")
    page.get_by_role("combobox", name="Topic").select_option("gains")
    assert rows.evaluate_all("all => all.filter(one => one.offsetHeight).every(one => one.dataset.topic === 'gains')")
    page.get_by_role("combobox", name="Sort by").select_option("claim")
    claims = rows.evaluate_all("all => all.map(one => one.cells[1].textContent)")
    assert claims == sorted(claims)


def test_the_headline_counts_the_rows(opened):
    page, *_ = opened(DESKTOP)
    verdicts = page.locator("#verdicts tbody tr").evaluate_all("all => all.map(one => one.dataset.direction)")
    headline = page.locator(".headline").inner_text()
    assert headline.startswith(f"{verdicts.count('supported')} of {len(verdicts)} claims hold")


def test_it_prints_on_few_pages_and_leaves_out_what_is_folded(opened):
    page, *_ = opened(DESKTOP)
    pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert 1 < pages <= 8
    page.emulate_media(media="print")
    assert not page.locator("#filter").is_visible()
    assert not page.locator("details:not([open])").first.is_visible()


def test_without_scripts_it_is_a_plain_page(browser, report):
    context = browser.new_context(viewport=DESKTOP, java_script_enabled=False)
    page = context.new_page()
    page.goto(report)
    assert page.locator("#verdicts tbody tr").first.is_visible()
    assert not page.locator("#filter").is_visible()
    context.close()


def test_a_permalink_unfolds_what_holds_its_target(opened, report):
    page, *_ = opened(DESKTOP)
    inside = page.locator("details figure").first.get_attribute("id")
    page.goto(f"{report}#{inside}")
    assert page.locator(f"#{inside}").is_visible()


def test_the_keyboard_reaches_contents_and_tables(opened):
    page, *_ = opened(DESKTOP)

    def pressed():
        page.keyboard.press("Tab")
        return page.evaluate("document.activeElement.innerText")

    assert pressed() == "Skip to the verdicts"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    assert pressed() == "All claims"
    assert [pressed() for _ in range(2)] == ["A made-up experiment", "Gains and a check"]
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#gains"
    pressed()
    assert page.evaluate("document.activeElement.className") == "permalink"


def test_landmarks_headings_and_tables_have_names(opened):
    page, *_ = opened(DESKTOP)
    assert [page.get_by_role(role).count() for role in ("banner", "navigation", "main")] == [1, 1, 1]
    assert page.get_by_role("navigation", name="Contents").count() == 1
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert all(after <= before + 1 for before, after in pairwise(levels))
    regions = page.locator("main > section")
    assert page.get_by_role("region").count() == regions.count()
    assert page.locator("table").count() == page.locator("table > caption").count()


CONTRAST = """
() => {
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const background = one => {
    for (; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const texts = [...document.body.querySelectorAll('*')].filter(
    one => [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
  return texts.map(one => {
    const pair = [parse(getComputedStyle(one).color).slice(0, 3), background(one)].map(luminance);
    return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
  });
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(opened, scheme):
    """WCAG 2.1, success criterion 1.4.3: a contrast of at least 4.5 to 1."""
    page, *_ = opened(DESKTOP)
    page.emulate_media(color_scheme=scheme)
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 100
    assert min(ratios) >= 4.5
