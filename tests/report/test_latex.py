import re
from dataclasses import replace

import pytest
from conftest import complete, made_up_arm, made_up_design, with_silent_claims
from hypothesis import given
from hypothesis import strategies as st

from cnn_study.analysis.decisions import evaluate
from cnn_study.experiment import Claim, Experiment, Published
from cnn_study.report.latex import Number, escape, macro_name, macros, numbers, write_latex
from cnn_study.report.references import bibtex

HOSTILE = r"""100 % of $x_1^2$ & {a} \end{longtable} # ~ <b> | "q" 'r' `s` [t] * u -- v"""
COMMAND = re.compile(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}")


def unescaped(text):
    """The characters of some LaTeX that would not be printed, outside of commands and of what belongs to them."""
    text = re.sub(r"\\[&%$#_{}]", "", text)
    text = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}", "", text)
    text = re.sub(r"\\(textquotedbl|textasciigrave)\{\}|\\ensuremath\{(-|\\[a-z]+)\}|\{[\[\]*']\}|-\{\}", "", text)
    return set(text) & set("\\&%$#_{}~^<>|\"`'[]*")


def balanced(text):
    """Whether braces balance, without those that are printed and without comments."""
    depth = 0
    text = re.sub(r"\\[\\{}%]", "", text)
    for character in re.sub(r"%.*", "", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


@given(st.text())
def test_whatever_is_escaped_is_printed(text):
    escaped = escape(text)
    assert not unescaped(escaped)
    assert balanced(escaped)
    assert "\n" not in escaped
    assert "--" not in escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 % of a_b & c", r"5 \% of a\_b \& c"),
        ("-0.4 [-1.1, 0.3] points", r"\ensuremath{-}0.4 {[}\ensuremath{-}1.1, 0.3{]} points"),
        ("> 2.1", r"\textgreater{} 2.1"),
        ("CIFAR-10, 2012-13, all-conv", "CIFAR-10, 2012-13, all-conv"),
        ("C:\\x", r"C:\textbackslash{}x"),
        ("a\n b", "a b"),
        ("a\x1b[31m\u200bb", "a{[}31mb"),
    ],
)
def test_texts_are_escaped_as_expected(text, expected):
    assert escape(text) == expected


def test_names_of_macros_are_made_of_letters():
    assert macro_name("pooling", "max, wider", "test error") == "studyPoolingMaxWiderTestError"
    assert macro_name("lenet5", "relu_1998") == "studyLenetFiveReluOneNineNineEight"
    assert macro_name("%$") == "study"


@given(st.lists(st.tuples(st.text(max_size=4), st.sampled_from(["a", "a two", "A2", ""])), max_size=12))
def test_macros_are_unique_and_legal(words):
    text = macros([Number(each, HOSTILE, HOSTILE) for each in words])
    names = [name for name, _ in COMMAND.findall(text)]
    assert len(names) == len(words)
    assert len(set(names)) == len(names)
    assert text.count("\n") == 1 + 2 * len(words)


def test_numbers_are_those_of_the_outcome(made_up):
    outcome = evaluate(*made_up)
    found = dict(COMMAND.findall(macros(list(numbers(outcome)))))
    interval = outcome.verdicts[0].decisions[0].interval
    assert found["studyFasterDirection"] == "supported"
    assert found["studyFasterDirectionPlainEstimate"] == escape(interval.text)
    assert found["studyFasterDirectionPlainVerdict"] == "supported"
    assert found["studyMadeUpReluPlainLearningRate"] == "0.01"
    assert found["studyMadeUpReluPlainTestError"] == r"50.00 {[}50.00, 50.00{]} \%"
    assert found["studyMadeUpReluPlainParameters"] == "310"


def test_files_are_whole_and_the_same_every_time(made_up, tmp_path):
    outcome = evaluate(*made_up)
    paths = write_latex([outcome], tmp_path)
    assert [path.name for path in paths] == ["claims.tex", "made-up.tex", "numbers.tex", "references.bib"]
    before = {path: path.read_bytes() for path in paths}
    assert {path: path.read_bytes() for path in write_latex([outcome], tmp_path)} == before
    claims, tables, _, references = (path.read_text() for path in paths)
    assert references == bibtex()
    assert r"faster & supported & " in claims
    assert tables.count(r"\begin{longtable}") == tables.count(r"\end{longtable}") == 3
    assert r"relu, plain & plain & 0.01 (searched) & 50.00 {[}50.00, 50.00{]} \% & 310 & 296 \\" in tables
    assert escape(outcome.verdicts[0].decisions[0].interval.text) in tables


def test_a_verdict_that_does_not_survive_the_correction_is_marked(barely_supported, tmp_path):
    family = with_silent_claims(barely_supported, 9)
    marked, alone = (write_latex([barely_supported], tmp_path, some)[0].read_text() for some in (family, ()))
    assert r"faster & supported\ensuremath{^\circ} & " in marked
    assert r"\ensuremath{^\circ}: does not survive the correction for all 10 tests together" in marked
    assert r"\cite{holm1979simple}" in marked
    assert "faster & supported & " in alone
    assert "circ" not in alone


def test_tables_hold_hostile_strings(tmp_path):
    design = made_up_design(proxy=HOSTILE)
    rules = tuple(replace(rule, claim=HOSTILE, condition=HOSTILE) for rule in design.rules)
    arms = tuple(replace(made_up_arm(arm.name), condition=HOSTILE, label=HOSTILE) for arm in design.arms)
    design = replace(design, arms=arms, rules=rules)
    claim = Claim(HOSTILE, HOSTILE, (Published(HOSTILE, 1, HOSTILE, "primary", about=HOSTILE),))
    experiment = Experiment("made_up", HOSTILE, (claim,), lambda setting: design, ())
    for path in write_latex([evaluate(experiment, design, complete(design))], tmp_path):
        text = path.read_text()
        assert balanced(text)
        for body in re.findall(r"\\endlastfoot\n(.*?)\\end\{longtable\}", text, re.DOTALL):
            columns = {len(re.split(r"(?<!\\)&", row)) for row in body.split(" \\\\\n") if "&" in row}
            assert len(columns) == 1
            assert not unescaped(re.sub(r"(?<!\\)&|\\\\\n|\\addlinespace", "", body))


def test_known_sources_are_cited(made_up, tmp_path):
    experiment, design, stored = made_up
    published = (
        Published("ratio", 6, "Krizhevsky, Sutskever & Hinton 2012, Figure 1", "primary", about="tanh / relu"),
    )
    claim = replace(experiment.claims[0], published=published)
    outcome = evaluate(replace(experiment, claims=(claim,)), design, stored)
    text = next(path for path in write_latex([outcome], tmp_path) if path.name == "made-up.tex").read_text()
    assert r"Krizhevsky, Sutskever \& Hinton 2012, Figure 1 \cite{krizhevsky2012imagenet} (read in the paper)" in text
