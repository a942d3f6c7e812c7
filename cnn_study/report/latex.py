"""Tables, numbers and references for a paper, as LaTeX. The same results give the same bytes."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.significance import FAMILY_LEVEL, Key, corrected, holm, mark, marked
from cnn_study.analysis.statistics import CONFIDENCE, EQUIVALENCE_CONFIDENCE
from cnn_study.experiment import ASPECTS, PROVENANCES, Claim
from cnn_study.files import replace_file
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.report.references import FILE, bibtex, find

PREFIX = "study"
"""What the names of all macros begin with, so that they hide none of LaTeX's own."""

UNCORRECTED = r"\ensuremath{^\circ}"
"""The mark of a verdict that does not survive the correction for the number of tests."""

_CHARACTERS = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"{'}",
    # At the beginning of a row these would be taken for options of the row break before it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{PLUS-MINUS SIGN}": r"\ensuremath{\pm}",
    "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\le}",
    "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\ge}",
}
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_NEGATIVE = re.compile(r"(?<![\w.)\]-])-(?=\.?\d)")

Groups = tuple[tuple[tuple[str, ...], ...], ...]
"""The rows of a table, in groups."""


@dataclass(frozen=True)
class Table:
    """A table whose cells are LaTeX already.

    Attributes:
        label: Its name in references.
        caption: What stands above it.
        columns: Their headings.
        alignment: One letter a column, as ``longtable`` takes them.
        groups: Rows, with a rule between groups.
    """

    label: str
    caption: str
    columns: tuple[str, ...]
    alignment: str
    groups: Groups


@dataclass(frozen=True)
class Number:
    """A number that a paper can quote.

    Attributes:
        words: What its macro is made from: experiment or claim, arm or condition, quantity.
        meaning: The same for people.
        value: As plain text.
    """

    words: tuple[str, ...]
    meaning: str
    value: str


def write_latex(outcomes: Sequence[Outcome], folder: Path, family: Sequence[Outcome] = ()) -> list[Path]:
    """Write the folder ``latex``: the verdicts, the tables of every experiment, the numbers as macros, the references.

    Args:
        outcomes: What the experiments have found.
        folder: Of the results.
        family: All experiments whose tests are corrected for together; empty: those of the tables.

    Returns:
        The files.

    Raises:
        StoreError: A file cannot be written.
    """
    files = {"claims.tex": _rendered([claims_table(outcomes, family)])}
    for outcome in outcomes:
        files[f"{_slug(outcome.experiment.name)}.tex"] = _rendered(experiment_tables(outcome))
    files["numbers.tex"] = macros([number for outcome in outcomes for number in numbers(outcome)])
    files[FILE] = bibtex()
    paths = []
    for name, text in files.items():
        path = folder / "latex" / name
        replace_file(path, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))
        paths.append(path)
    return paths


def escape(text: str) -> str:
    """Plain text as LaTeX that prints it: on one line, with minus signs before numbers and hyphens that stay apart."""
    text = _NEGATIVE.sub("\N{MINUS SIGN}", " ".join(text.split()))
    text = "".join(_CHARACTERS.get(character, character) for character in text if character.isprintable())
    return re.sub(r"-(?=-)", "-{}", text)


def macro_name(*words: str) -> str:
    """A legal name of a macro, from any words: ``studyPoolingMaximumTestError``. Digits become words."""
    spelled = re.sub(r"[0-9]", lambda digit: f" {_DIGITS[int(digit[0])]} ", " ".join(words))
    parts = re.findall(r"[A-Za-z]+", spelled)
    return PREFIX + "".join(part[0].upper() + part[1:] for part in parts)


def macros(found: Sequence[Number]) -> str:
    r"""A file of ``\newcommand``, each after a comment with its meaning. Names that would clash are counted."""
    lines = ["% Numbers of cnn-study. Written by `cnn-study report --latex`: do not edit."]
    taken: set[str] = set()
    for number in found:
        name = _free(macro_name(*number.words), taken)
        taken.add(name)
        lines += [f"% {' '.join(number.meaning.split())}", rf"\newcommand{{\{name}}}{{{escape(number.value)}}}"]
    return "\n".join(lines) + "\n"


def _free(name: str, taken: set[str]) -> str:
    """The name itself, or with the first number in words that makes it another: ``...Two``."""
    counted = (macro_name(name.removeprefix(PREFIX), str(number)) for number in itertools.count(2))
    return next(each for each in itertools.chain([name], counted) if each not in taken)


def numbers(outcome: Outcome) -> Iterator[Number]:
    """Every number of an experiment: of its verdicts, its decisions and its arms."""
    for verdict in outcome.verdicts:
        claim, aspect = verdict.claim.name, verdict.aspect
        yield Number((claim, aspect), f"{claim}: verdict on its {aspect}", verdict.verdict)
        yield from _decided(verdict)
    name = outcome.experiment.name
    for row in arm_rows(outcome):
        values = {
            "test error": row.error,
            "learning rate": row.rate.split(" (")[0],
            "parameters": f"{row.parameters:,}",
            "multiply-accumulates": f"{row.macs:,}",
        }
        for quantity, value in values.items():
            yield Number((name, row.name, quantity), f"{name}, {row.name}: {quantity}", value)


def _decided(verdict: ClaimVerdict) -> Iterator[Number]:
    for decision in verdict.decisions:
        if decision.interval is None:
            continue
        words = (verdict.claim.name, verdict.aspect, decision.rule.condition)
        meaning = f"{verdict.claim.name}, {decision.rule.condition}: {decision.rule.estimate.text}"
        yield Number((*words, "estimate"), meaning, decision.interval.text)
        yield Number((*words, "verdict"), f"{meaning}: verdict", decision.verdict)


def claims_table(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> Table:
    """Every claim with its three verdicts, a group an experiment.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    caption = f"Claims and verdicts.{_proxies(outcomes)}"
    if marked(outcomes, survives):
        tests = len(corrected(family or outcomes))
        caption += (
            f" {UNCORRECTED}: does not survive the correction for all {tests} tests together "
            f"(Holm 1979, at {_percent(FAMILY_LEVEL)}) \\cite{{holm1979simple}}."
        )
    return Table(
        "tab:claims",
        caption,
        ("claim", *ASPECTS),
        "llll",
        tuple(
            tuple(_claim_row(outcome, claim, survives) for claim in outcome.experiment.claims) for outcome in outcomes
        ),
    )


def _claim_row(outcome: Outcome, claim: Claim, survives: Mapping[Key, bool]) -> tuple[str, ...]:
    mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
    verdicts = (escape(each.verdict) + (UNCORRECTED if mark(each, survives) else "") for each in mine)
    return escape(claim.name), *verdicts


def _proxies(outcomes: Sequence[Outcome]) -> str:
    reasons = dict.fromkeys(outcome.design.proxy for outcome in outcomes if outcome.design.proxy)
    return f" A proxy: {escape('; '.join(reasons))}." if reasons else ""


def experiment_tables(outcome: Outcome) -> list[Table]:
    """The arms of an experiment, its decisions, and the published numbers beside the measured ones."""
    tables = [_decisions_table(outcome)]
    if outcome.design.arms:
        tables.insert(0, _arms_table(outcome))
    if any(claim.published for claim in outcome.experiment.claims):
        tables.append(_published_table(outcome))
    return tables


def _table(outcome: Outcome, kind: str, what: str, columns: tuple[str, ...], alignment: str, groups: Groups) -> Table:
    experiment = outcome.experiment
    caption = f"{escape(experiment.title)}: {what}{_proxies([outcome])}"
    return Table(f"tab:{_slug(experiment.name)}-{kind}", caption, columns, alignment, groups)


def _arms_table(outcome: Outcome) -> Table:
    rows = [
        (row.name, row.condition, row.rate, row.error, f"{row.parameters:,}", f"{row.macs:,}")
        for row in arm_rows(outcome)
    ]
    groups = tuple(
        tuple(tuple(map(escape, row)) for row in rows if row[1] == condition) for condition in outcome.design.conditions
    )
    return _table(
        outcome,
        "arms",
        f"the arms, {outcome.seeds_text} seeds each. Test errors are means with their nominal {_percent(CONFIDENCE)} "
        "$t$ intervals.",
        ("arm", "condition", "learning rate", "test error", "parameters", "multiply-accumulates"),
        f"{_ragged(0.18)}{_ragged(0.14)}{_ragged(0.12)}lrr",
        groups,
    )


def _decisions_table(outcome: Outcome) -> Table:
    groups = tuple(tuple(_decision_rows(outcome, claim)) for claim in outcome.experiment.claims)
    return _table(
        outcome,
        "decisions",
        f"the decisions. Intervals are nominal {_percent(CONFIDENCE)} $t$ intervals over seeds; those of equivalences, "
        f"{_percent(EQUIVALENCE_CONFIDENCE)}.{_looks_text(outcome)}",
        ("claim", "aspect", "condition", "estimate", "verdict"),
        f"{_ragged(0.22)}l{_ragged(0.2)}{_ragged(0.2)}l",
        tuple(group for group in groups if group),
    )


def _looks_text(outcome: Outcome) -> str:
    """What is said of the looks, if there are any."""
    if not outcome.design.looks:
        return ""
    looks = ", ".join(map(str, outcome.design.looks))
    return f" Seeds were added at looks at {looks} of them; intervals are repeated ones, valid at all looks together."


def _decision_rows(outcome: Outcome, claim: Claim) -> Iterator[tuple[str, ...]]:
    for verdict in outcome.verdicts:
        for decision in verdict.decisions if verdict.claim == claim else ():
            interval = decision.interval.text if decision.interval else "none"
            if decision.look:
                interval += f", {decision.look.seeds} seeds"
            cells = (claim.name, verdict.aspect, decision.rule.condition, interval, decision.verdict)
            yield tuple(map(escape, cells))


def _published_table(outcome: Outcome) -> Table:
    claims = [claim for claim in outcome.experiment.claims if claim.published]
    return _table(
        outcome,
        "published",
        "published against measured.",
        ("about", "quantity", "published", "source", "measured"),
        f"{_ragged(0.14)}{_ragged(0.18)}{_ragged(0.12)}{_ragged(0.2)}{_ragged(0.22)}",
        tuple(tuple(_published_rows(outcome, claim)) for claim in claims),
    )


def _published_rows(outcome: Outcome, claim: Claim) -> Iterator[tuple[str, ...]]:
    for number, measured in measured_beside(outcome, claim):
        reference = find(number.source)
        cited = rf" \cite{{{reference.key}}}" if reference else ""
        source = f"{escape(number.source)}{cited} ({escape(PROVENANCES[number.provenance])})"
        found = escape("; ".join(measured) or "not measured here")
        yield escape(number.about), escape(number.quantity), escape(number.text), source, found


def _ragged(share: float) -> str:
    """A column of wrapped text that takes a share of the width."""
    return rf">{{\raggedright\arraybackslash}}p{{{share:g}\linewidth}}"


def _percent(fraction: float) -> str:
    return rf"{100 * fraction:g}\,\%"


def _slug(name: str) -> str:
    """A name that can be that of a file and of a label."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


def _rendered(tables: Sequence[Table]) -> str:
    """The tables as they stand in a file."""
    # Other marks than those of HTML templates, as braces and percent signs are everywhere in LaTeX.
    environment = jinja2.Environment(  # noqa: S701 - no HTML: cells are escaped for LaTeX
        loader=jinja2.PackageLoader("cnn_study.report"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("tables.tex").render(tables=tables)
