"""Tables of claims as Markdown, for README and documentation: generated, so that they say nothing but the results."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.significance import Key, holm, mark
from cnn_study.errors import InputError
from cnn_study.experiment import ASPECTS, Claim, Verdict
from cnn_study.files import replace_file

MARKS = {name: (f"<!-- {name}: begin -->", f"<!-- {name}: end -->") for name in ("claims", "topics")}
"""The lines between which a table stands in a file: that of all claims, or that of topics."""

WORDS: Mapping[Verdict, str] = {
    "supported": "**yes**",
    "contradicted": "**no**",
    "mixed": "**partly**",
    "inconclusive": "open",
    "not tested": "-",
}
"""Answers to the questions of the short table."""


def markdown(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> str:
    """A row a claim: what it states, its verdicts, and the first estimate of each that was measured.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    rows = []
    for outcome in outcomes:
        for claim in outcome.experiment.claims:
            mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
            cells = [
                outcome.experiment.name,
                claim.statement,
                *(_bold(each, survives) for each in mine),
                _measured(mine),
            ]
            rows.append(cells)
    return _table(("experiment", "claim", *ASPECTS, "measured"), rows)


def topics(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> str:
    """A row an experiment: its first claim that trained networks decide, or its first one, with plain answers.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    head = ("topic", "claim", "holds", "as strongly as published", "for the stated reason", "measured")
    rows = []
    for outcome in outcomes:
        claim = _first(outcome)
        mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
        found = [decision for verdict in mine for decision in verdict.decisions if decision.interval]
        name = outcome.experiment.name
        cells = [
            f"[{name.replace('_', ' ')}](experiments/{name}.py)",
            claim.statement,
            *(WORDS[each.verdict] + mark(each, survives) for each in mine),
            found[0].text if found else "",
        ]
        rows.append(cells)
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(head)}", *lines[1:]])


def _first(outcome: Outcome) -> Claim:
    trained = [each.claim for each in outcome.verdicts if any(d.rule.estimate.arms for d in each.decisions)]
    return next(iter(trained), outcome.experiment.claims[0])


def insert(path: Path, tables: Mapping[str, str]) -> None:
    """Put tables between their marks in a file, in the place of what stands there. All else keeps its bytes.

    Args:
        path: The file.
        tables: By the names of :data:`MARKS`; the file need not have all of them.

    Raises:
        InputError: The file cannot be read or lacks the marks.
        StoreError: It cannot be written.
    """
    path = Path(os.path.realpath(path))  # Or else a link would be replaced, not the file it leads to.
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"cannot read {path}: it is no text in UTF-8") from None
    if not any(mark in text for marks in MARKS.values() for mark in marks):
        lines = " or ".join(f"{begin} and {end}" for begin, end in MARKS.values())
        raise InputError(f"{path} must have the lines {lines}: between them goes the table")
    for name, table in tables.items():
        if any(mark in text for mark in MARKS[name]):
            text = _between(path, text, *MARKS[name], table)
    replace_file(path, lambda temporary: temporary.write_bytes(text.encode()))


def _between(path: Path, text: str, begin: str, end: str, table: str) -> str:
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise InputError(f"{path} must have the lines {begin} and {end}, in this order: between them goes the table")
    before, after = text.split(begin)[0], text.split(end)[1]
    newline = "\r\n" if f"{begin}\r\n" in text else "\n"
    return before + newline.join([begin, *table.split("\n"), end]) + after


def _bold(verdict: ClaimVerdict, survives: Mapping[Key, bool]) -> str:
    decided = verdict.verdict in ("supported", "contradicted", "mixed")
    return f"**{verdict.verdict}**{mark(verdict, survives)}" if decided else verdict.verdict


def _measured(mine: Sequence[ClaimVerdict]) -> str:
    found = [decision for verdict in mine for decision in verdict.decisions if decision.interval]
    texts = list(dict.fromkeys(each.text for each in found))
    more = [f"and {len(texts) - 2} more"] if len(texts) > 2 else []
    return "<br>".join(texts[:2] + more)
