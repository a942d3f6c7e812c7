"""The table of claims as Markdown, for the README: generated, so that it cannot say other than the results."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.significance import Key, holm, mark
from cnn_study.errors import InputError
from cnn_study.experiment import ASPECTS
from cnn_study.files import replace_file

BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
"""The lines between which the table stands in a file."""


def markdown(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> str:
    """A row a claim: what it states, its verdicts, and the first estimate of each that was measured.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    lines = [f"| experiment | claim | {' | '.join(ASPECTS)} | measured |", "|---|---|---|---|---|---|"]
    for outcome in outcomes:
        for claim in outcome.experiment.claims:
            mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
            cells = [
                outcome.experiment.name,
                claim.statement,
                *(_bold(each, survives) for each in mine),
                _measured(mine),
            ]
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines)


def insert(path: Path, table: str) -> None:
    """Put a table between the marks of a file, in the place of what stands there. All else keeps its bytes.

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
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"{path} must have the lines {BEGIN} and {END}, in this order: between them goes the table")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    end = "\r\n" if f"{BEGIN}\r\n" in text else "\n"
    new = before + end.join([BEGIN, *table.split("\n"), END]) + after
    replace_file(path, lambda temporary: temporary.write_bytes(new.encode()))


def _bold(verdict: ClaimVerdict, survives: Mapping[Key, bool]) -> str:
    decided = verdict.verdict in ("supported", "contradicted", "mixed")
    return f"**{verdict.verdict}**{mark(verdict, survives)}" if decided else verdict.verdict


def _measured(mine: Sequence[ClaimVerdict]) -> str:
    found = [decision for verdict in mine for decision in verdict.decisions if decision.interval]
    texts = list(dict.fromkeys(each.text for each in found))
    more = [f"and {len(texts) - 2} more"] if len(texts) > 2 else []
    return "<br>".join(texts[:2] + more)
