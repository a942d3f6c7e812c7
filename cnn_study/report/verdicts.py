"""Verdicts, and the estimates they rest on, as tables beside the results."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cnn_study.analysis.decisions import Decision, Outcome
from cnn_study.analysis.significance import corrected, key_of
from cnn_study.experiment import Agreement
from cnn_study.files import replace_file

VERDICTS = ("experiment", "claim", "aspect", "verdict", "p", "adjusted_p", "reason", "proxy")
ESTIMATES = (
    "experiment",
    "claim",
    "aspect",
    "condition",
    "verdict",
    "estimate",
    "low",
    "high",
    "confidence",
    "unit",
    "seeds_or_cases",
    "supported_above",
    "supported_below",
    "what",
    "reason",
)


def write_verdicts(family: Sequence[Outcome], folder: Path) -> list[Path]:
    """Write ``verdicts.csv``, a row an aspect of a claim, and ``estimates.csv``, a row a rule, into a folder.

    Args:
        family: All experiments of a profile; those of which nothing is stored are left out.
        folder: Of the results.

    Returns:
        The files.

    Raises:
        StoreError: They cannot be written.
    """
    tables = {"verdicts": verdict_rows(family), "estimates": estimate_rows(family)}
    for name, rows in tables.items():
        text = _csv(rows)
        replace_file(
            folder / f"{name}.csv", lambda file, text=text: file.write_text(text, encoding="utf-8", newline="")
        )
    return [folder / f"{name}.csv" for name in tables]


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    # Ten digits, on which all processors agree.
    shown = ([f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(shown)
    return text.getvalue()


def _begun(family: Sequence[Outcome]) -> Iterator[Outcome]:
    return (outcome for outcome in family if outcome.checks or any(map(outcome.replicates, outcome.tuned)))


def verdict_rows(family: Sequence[Outcome]) -> Iterator[Sequence[object]]:
    """The heads of the columns, then a row an aspect of a claim."""
    yield VERDICTS
    tests = corrected(family)
    for outcome in _begun(family):
        for each in outcome.verdicts:
            test = tests.get(key_of(each))
            p, adjusted = (test.p, test.adjusted) if test else ("", "")
            yield *key_of(each), each.verdict, p, adjusted, each.reason, outcome.design.proxy


def estimate_rows(family: Sequence[Outcome]) -> Iterator[Sequence[object]]:
    """The heads of the columns, then a row a rule."""
    yield ESTIMATES
    for outcome in _begun(family):
        for each in outcome.verdicts:
            for decision in each.decisions:
                yield *key_of(each), decision.rule.condition, decision.verdict, *_numbers(decision)


def _numbers(decision: Decision) -> Sequence[object]:
    rule, interval = decision.rule, decision.interval
    found = ("",) * 6
    if interval:
        promised = "" if isinstance(rule.estimate, Agreement) else decision.promised
        found = (interval.estimate, interval.low, interval.high, promised, interval.unit, interval.n)
    return *found, rule.low, rule.high, rule.estimate.text, decision.reason or decision.finding
