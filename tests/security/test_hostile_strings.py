"""Whatever the strings of an experiment hold, the report shows it as text, and LaTeX prints it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from conftest import worded_outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnn_study.data.registry import DATASETS
from cnn_study.experiment import Setting
from cnn_study.report.latex import escape
from cnn_study.report.page import write_page

PIECES = ["<script>", "</style>", "<img src=x onerror=alert(1)>", '"', "'", "&", "-->", "]]>", "{{ 7*7 }}", "{% raw %}"]
PIECES += ["javascript:alert(1)", "\\input{/etc/passwd}", "$", "%", "\x00", "\u202e", "`", "../"]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), min_size=1, max_size=5).map("".join)
TAGS = {
    "a",
    "body",
    "br",
    "caption",
    "code",
    "dd",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
}
TAGS |= {
    "html",
    "img",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "p",
    "section",
    "small",
    "strong",
    "style",
    "table",
    "tbody",
}
TAGS |= {"td", "th", "thead", "title", "tr", "ul", "div", "footer", "ol", "em", "span", "sup"}
TAGS |= {
    "article",
    "details",
    "summary",
    "form",
    "label",
    "select",
    "option",
    "input",
    "button",
    "output",
    "time",
    "pre",
}
TAGS |= {"svg", "rect", "g", "path", "circle", "script"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(hostile, min_size=9, max_size=9, unique=True))
def test_the_page_holds_no_markup_but_its_own(tmp_path, texts):
    *worded, reason, name = texts
    images = replace(DATASETS["digits"], name=name)
    text = write_page([worded_outcome(*worded, reason)], tmp_path, Setting("quick", images), reason).read_text()
    page = Page(text)
    assert page.tags <= TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [
        value for name, value in page.attributes if name in ("href", "src") and re.match(r"\s*javascript:", value)
    ]
    assert text.count("<script") == text.count("</script>") == 1
    assert text.count("<style>") == text.count("</style>") == 1


@settings(deadline=None, max_examples=200)
@given(hostile)
def test_latex_runs_no_command_from_a_string(text):
    commands = set(re.findall(r"\\[a-z]+", escape(text)))
    assert not commands & {r"\input", r"\include", r"\write", r"\def", r"\immediate", r"\newcommand"}
    assert "%" not in escape(text).replace(r"\%", "")
