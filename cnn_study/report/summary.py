"""Tables of claims as Markdown, for README and documentation: generated, so that they say nothing but the results."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome, conjunction
from cnn_study.analysis.significance import Key, holm, mark
from cnn_study.errors import InputError
from cnn_study.experiment import ASPECTS, Claim, Design, Published, Verdict
from cnn_study.files import replace_file
from cnn_study.report.answers import in_words
from cnn_study.report.scale import NO_SCALE, Scale

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
    return table(("experiment", "claim", *ASPECTS, "measured"), rows)


def topics(outcomes: Sequence[Outcome], family: Sequence[Outcome] = (), at_scale: Scale = NO_SCALE) -> str:
    """A row an experiment: its first claim that trained networks decide, or its first one, with plain answers.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
        at_scale: What was found at the scale of the publications, for a column of its own.
    """
    survives = holm(family or outcomes)
    head = ("topic", "claim", "holds", "as strongly as published", "for the stated reason", "measured")
    head += ("holds in `full`",) if at_scale.outcomes else ()
    rows: list[list[str]] = []
    for outcome in outcomes:
        claim = first_claim(outcome)
        mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
        telling = _telling(mine)
        name = outcome.experiment.name
        cells = [
            f"[{name.replace('_', ' ')}](experiments/{name}.py)",
            claim.statement,
            *(WORDS[each.verdict] + mark(each, survives) for each in mine),
            "<br>".join(_shares(mine, telling, outcome.design)),
        ]
        if at_scale.outcomes:
            found = at_scale.direction(name, claim)
            cells.append(WORDS[found[0]] + found[1] if found else "not run yet")
        rows.append(cells)
    # Where the scale is not that of any publication, no size is judged, and a column of dashes says so too often.
    kept = [place for place, name in enumerate(head) if name != "as strongly as published" or _judged(rows, place)]
    return table([head[place] for place in kept], [[cells[place] for place in kept] for cells in rows])


def _shares(mine: Sequence[ClaimVerdict], telling: Sequence[Decision], design: Design) -> Iterable[str]:
    """What was measured, and under how many conditions the direction comes out so."""
    (direction,) = (each for each in mine if each.aspect == "direction")
    for each in telling:
        share = direction.share(each.verdict) if each in direction.decisions else ""
        yield f"{_telling_words(each, design)}{f'; so in {share}' if share else ''}"


def _judged(rows: Sequence[Sequence[str]], place: int) -> bool:
    return any(cells[place] != WORDS["not tested"] for cells in rows)


def _telling(mine: Sequence[ClaimVerdict]) -> Sequence[Decision]:
    """The estimate that tells most: one that came out as the claim did; of one that is mixed, one of each."""
    found = [(verdict, decision) for verdict in mine for decision in verdict.decisions if decision.interval]
    mixed: Sequence[Verdict] = ("supported", "contradicted")
    if any(verdict.verdict == "mixed" and verdict.aspect == "direction" for verdict in mine):
        ruling = [decision for verdict, decision in found if verdict.aspect == "direction"]
        return [next(each for each in ruling if each.verdict == wanted) for wanted in mixed]
    return ([each for verdict, each in found if each.verdict == verdict.verdict] or [each for _, each in found])[:1]


def magnitudes(outcomes: Sequence[Outcome]) -> str:
    """A row a rule about the size of an effect that was measured at the published scale.

    Args:
        outcomes: The experiments shown.
    """
    head = ("claim", "under", "published", "measured", "holds", "as strongly")
    rows = []
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            for decision in verdict.decisions if verdict.aspect == "magnitude" else ():
                if decision.interval and decision.verdict != "not tested":
                    condition, claim = decision.rule.condition, verdict.claim
                    answers = _direction(outcome, claim, condition), WORDS[decision.verdict]
                    numbers = _numbers(claim, condition)
                    published = "; ".join(f"{each.quantity}, {each.about}: {each.text}" for each in numbers)
                    rows.append((claim.statement, condition, published, decision.measured, *answers))
    return table(head, rows)


def scale(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> str:
    """A row a claim whose size was judged at the published scale: every published number with what was measured.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    head = ("claim", "published", "measured", "holds", "as strongly as published")
    rows = []
    for outcome in outcomes:
        for verdict in outcome.verdicts if not outcome.design.proxy else ():
            judged = [each for each in verdict.decisions if each.interval and each.verdict != "not tested"]
            if verdict.aspect != "magnitude" or not judged:
                continue
            claim = verdict.claim
            (holds,) = (each for each in outcome.verdicts if (each.claim, each.aspect) == (claim, "direction"))
            answer = WORDS[holds.verdict] + mark(holds, survives)
            if not outcome.complete and holds.verdict == "inconclusive":
                answer = f"{_direction(outcome, claim, *(each.rule.condition for each in judged))}, so far"
            own = judged[0].measured if len(judged) == 1 else ""
            measured = own or "<br>".join(f"{each.rule.condition}: {each.measured}" for each in judged)
            telling = next((each for each in holds.decisions if each.interval and each.verdict == holds.verdict), None)
            if telling and telling.rule.estimate not in [each.rule.estimate for each in judged]:
                answer += f"<br>{telling.rule.condition}: {telling.measured}"
            cells = _listed(claim, judged), measured, answer, WORDS[verdict.verdict] + mark(verdict, survives)
            rows.append((claim.statement, *cells))
    return table(head, rows)


def _listed(claim: Claim, judged: Sequence[Decision]) -> str:
    """Published numbers, a line each, and what counts as them; the name of a quantity and a source stand once."""
    lines: list[str] = []
    before = ""
    for decision in judged:
        low, high = (f"{limit:.3g}" for limit in (decision.rule.low, decision.rule.high))
        for number in _numbers(claim, decision.rule.condition):
            if number.quantity != before:
                lines.append(f"{number.quantity} ({number.source}):")
                before = number.quantity
            lines.append(f"{number.about}: {number.text} (counts as equal: {low} to {high})")
    return "<br>".join(dict.fromkeys(lines))


def _numbers(claim: Claim, condition: str) -> Sequence[Published]:
    """What was published about a condition, or else the first number of a claim."""
    return [each for each in claim.published if each.about == condition] or claim.published[:1]


def _direction(outcome: Outcome, claim: Claim, *conditions: str) -> str:
    """Whether a claim holds under some conditions."""
    found: list[Verdict] = [
        decision.verdict
        for verdict in outcome.verdicts
        if verdict.claim == claim and verdict.aspect == "direction"
        for decision in verdict.decisions
        if decision.rule.condition in conditions
    ]
    return WORDS[conjunction(found)] if found else WORDS["not tested"]


def _telling_words(decision: Decision, design: Design) -> str:
    """What was measured, under which condition, and that there is no relevant effect where that is found."""
    finding = f"; {decision.finding}" if decision.finding else ""
    return f"{in_words(decision, design)} ({decision.rule.condition}){finding}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A bar in a cell is written as an entity."""
    lines = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(head)}", *lines[1:]])


def first_claim(outcome: Outcome) -> Claim:
    """The first claim that trained networks decide, or the first one."""
    trained = [each.claim for each in outcome.verdicts if any(d.rule.estimate.arms for d in each.decisions)]
    return next(iter(trained), outcome.experiment.claims[0])


def marks(name: str) -> tuple[str, str]:
    """The lines between which a table stands in a file."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def insert(path: Path, tables: Mapping[str, str], profile: str = "") -> None:
    """Put tables between their marks in a file, in the place of what stands there. All else keeps its bytes.

    Args:
        path: The file.
        tables: By name, such as ``claims``; the file need not have all of them.
        profile: Of the results. A mark that names another one is left alone: ``<!-- claims quick: begin -->``.

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
    named = {each: table for name, table in tables.items() for each in (name, f"{name} {profile}")}
    found = {name: table for name, table in named.items() if any(mark in text for mark in marks(name))}
    if not found:
        lines = " or ".join("{} and {}".format(*marks(name)) for name in tables)
        raise InputError(f"{path} must have the lines {lines}: between them goes the table")
    for name, table in found.items():
        text = _between(path, text, *marks(name), table)
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
