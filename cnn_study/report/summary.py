"""Tables of claims as Markdown, for README and documentation: generated, so that they say nothing but the results."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome, by_condition, of_most_seeds, verdicts_under
from cnn_study.analysis.significance import Key, holm, mark, rule_mark
from cnn_study.errors import InputError
from cnn_study.experiment import ASPECTS, Aspect, Claim, Design, Experiment, Published, Verdict
from cnn_study.files import replace_file
from cnn_study.report.answers import in_words
from cnn_study.report.findings import NO_FINDINGS, Findings

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
                _measured(mine, outcome.design),
            ]
            rows.append(cells)
    return table(("experiment", "claim", *ASPECTS, "measured"), rows)


def topics(outcomes: Sequence[Outcome], family: Sequence[Outcome] = (), at_scale: Findings = NO_FINDINGS) -> str:
    """A row an experiment: its first claim that trained networks decide, or its first one, with plain answers.

    Where there are results at the scale of the publications, these are shown; the last column then says what the
    smaller experiment came to.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
        at_scale: What was found at the scale of the publications.
    """
    own = Findings(tuple(outcomes), family=tuple(family))
    rows = []
    for outcome in outcomes:
        name, claim = outcome.experiment.name, first_claim(outcome)
        link = f"[{name.replace('_', ' ')}](experiments/{name}.py)"
        rows.append((link, claim.statement, *_compared(own, at_scale, name, claim)))
    return _answered(("topic", "claim"), rows, at_scale)


def claims_of(experiment: Experiment, own: Findings, at_scale: Findings = NO_FINDINGS) -> str:
    """A row a claim of an experiment, with the answers that :func:`topics` has of one.

    Args:
        experiment: Which.
        own: What was found in the profile that is shown.
        at_scale: What was found at the scale of the publications.
    """
    rows = [(claim.statement, *_compared(own, at_scale, experiment.name, claim)) for claim in experiment.claims]
    return _answered(("claim",), rows, at_scale)


def _answered(names: Sequence[str], rows: Sequence[Sequence[str]], at_scale: Findings) -> str:
    head = (*names, "holds", "measured", "size as published", "for the stated reason")
    head += ("holds in `quick`",) if at_scale.outcomes else ()
    # Where no size is judged, a column of dashes says so too often.
    kept = [place for place in range(len(head)) if any(cells[place] != WORDS["not tested"] for cells in rows)]
    return table([head[place] for place in kept], [[cells[place] for place in kept] for cells in rows])


def _compared(own: Findings, at_scale: Findings, name: str, claim: Claim) -> Sequence[str]:
    """The cells on a claim at the larger scale; or those at the smaller one, with a word that they are."""
    cells = answers(own, name, claim)
    if not at_scale.outcomes:
        return cells
    small, measured, *rest = cells
    if at_scale.verdicts(name, claim):
        holds, found, *others = answers(at_scale, name, claim)
        large = at_scale.outcome(name)
        proxy = f"<br>*{large.design.proxy}*" if large and large.design.proxy else ""
        return holds, f"{found}{proxy}", *others, small
    return "not run yet", f"on small subsets: {measured}" if measured else "", *rest, small


def answers(found: Findings, name: str, claim: Claim) -> Sequence[str]:
    """Whether a claim holds, what was measured, whether its size and its reason are as stated.

    Args:
        found: The results, with those of the experiment.
        name: Of the experiment.
        claim: One of its claims.
    """
    outcome = found.outcome(name)
    known: dict[Aspect, ClaimVerdict] = {each.aspect: each for each in found.verdicts(name, claim)}
    words = {aspect: WORDS[each.verdict] + found.behind(each) for aspect, each in known.items()}
    holds, size, reason = (words.get(aspect, WORDS["not tested"]) for aspect in ASPECTS)
    if outcome is None:
        return holds, "", size, reason
    if any(each.premise_fails for each in outcome.verdicts if each.claim.name == claim.name):
        reason = "not judged: a premise of it fails"
    elif fewer := _fewer_conditions(known):
        reason += f"<br>judged with: {fewer}"
    if "magnitude" in known:
        size += f"<br>{_size(claim, known, outcome.design)}"
    return holds, "<br>".join(_shares(list(known.values()), outcome.design)), size, reason


def _fewer_conditions(known: Mapping[Aspect, ClaimVerdict]) -> str:
    """Under which conditions the cause is judged, where the effect is judged under more; else empty."""
    asked: Sequence[Aspect] = ("direction", "mechanism")
    effect, cause = (by_condition(known[each].decisions) if each in known else {} for each in asked)
    return "; ".join(cause) if cause.keys() < effect.keys() else ""


def _side(decision: Decision) -> str:
    """Whether a size that is not as published is larger or smaller; empty if it is not found to be another."""
    if decision.verdict != "contradicted" or decision.interval is None:
        return ""
    return "larger" if decision.interval.low > decision.rule.high else "smaller"


def _size(claim: Claim, known: Mapping[Aspect, ClaimVerdict], design: Design) -> str:
    """The first number that came out as the whole, beside the published one, and how many more are judged."""
    verdict = known["magnitude"]
    judged = [each for each in verdict.decisions if each.interval and each.verdict != "not tested"]
    first, *more = sorted(judged, key=lambda each: each.verdict != verdict.verdict)
    numbers = _numbers(claim, first, design)
    alone = len(numbers) == 1
    published = "; ".join(each.text if alone else f"{each.about} {each.text}" for each in numbers)
    others = _others(first, more)
    beside = f"{side} than published" if (side := _side(first)) else "published"
    if first.rule.estimate in [each.rule.estimate for each in _telling(list(known.values()))]:
        return f"{beside}: {published}{others}"
    what = numbers[0].about if alone else first.rule.condition
    return f"{what}: {first.measured}; {beside}: {published}{others}"


def _others(first: Decision, more: Sequence[Decision]) -> str:
    """That further numbers are judged; where some came out otherwise than the first, how."""
    if not more:
        return ""
    if all(each.verdict == first.verdict for each in more):
        return f"; and {len(more)} more"
    if len(more) == 1:
        (other,) = more
        side = f", {_side(other)}" if _side(other) else ""
        return f"; {other.rule.condition}: {WORDS[other.verdict]}, {other.measured}{side}"
    counts = Counter(WORDS[each.verdict] for each in more)
    return f"; and {len(more)} more ({', '.join(f'{count} {word}' for word, count in counts.items())})"


def _shares(mine: Sequence[ClaimVerdict], design: Design) -> Iterable[str]:
    """What was measured, and under how many conditions the direction comes out so."""
    telling = _telling(mine)
    conditions = {each.rule.condition for each in telling}
    direction = next((each for each in mine if each.aspect == "direction"), None)
    for each in telling:
        share = direction.share(each.verdict) if direction and each in direction.decisions else ""
        alike = [other for other in direction.decisions if other.verdict == each.verdict] if direction and share else []
        condition = f" ({each.rule.condition})" if len(conditions) > 1 else ""
        common = {other.finding for other in alike or [each]}
        finding = f"; {each.finding}" if each.finding and len(common) == 1 else ""
        so = f"; so in {share}{_span([_latest(other, mine) for other in alike])}" if share else ""
        yield f"{in_words(_latest(each, mine), design)}{condition}{finding}{_asked(each)}{so}"


def _asked(decision: Decision) -> str:
    """What an open rule asks for, where that is more than any effect at all; else empty."""
    rule, interval = decision.rule, decision.interval
    if decision.verdict != "inconclusive" or interval is None or rule.estimate.neutral in (rule.low, rule.high):
        return ""
    unit = " times" if interval.kind == "time" else f" {interval.unit}" if interval.unit else ""
    if math.isinf(rule.high):
        return f"; asked for: more than {rule.low:g}{unit}"
    return f"; asked for: {f'{rule.low:g} to' if math.isfinite(rule.low) else 'less than'} {rule.high:g}{unit}"


def _span(decisions: Sequence[Decision]) -> str:
    """The smallest and the largest of several estimates in one unit; empty where there is nothing to be compared."""
    found = [each.interval for each in decisions if each.interval and math.isfinite(each.interval.estimate)]
    texts = dict.fromkeys(f"{each.estimate:.3g}" for each in sorted(found, key=lambda each: each.estimate))
    if len(texts) < 2 or len({(each.kind, each.unit) for each in found}) > 1:
        return ""
    low, *_, high = texts
    unit = f" {found[0].unit}" if found[0].unit else ""
    several = len({each.rule.condition for each in decisions}) < len(decisions)
    return f" ({f'{len(decisions)} comparisons, ' if several else ''}{low} to {high}{unit})"


def _latest(decision: Decision, mine: Sequence[ClaimVerdict]) -> Decision:
    """A decision with the estimate of the rule about the same that needed most seeds, so that one number is shown."""
    decisions = (each for verdict in mine for each in verdict.decisions if each.promised == decision.promised)
    same = (each for each in decisions if each.rule.estimate == decision.rule.estimate)
    return decision if decision.finding else replace(decision, interval=of_most_seeds(same))


def _telling(mine: Sequence[ClaimVerdict]) -> Sequence[Decision]:
    """The estimate that tells most: one that came out as the claim did; of one that is mixed, one of each."""
    found = [(verdict, decision) for verdict in mine for decision in verdict.decisions if decision.interval]
    mixed: Sequence[Verdict] = ("supported", "contradicted")
    if any(verdict.verdict == "mixed" and verdict.aspect == "direction" for verdict in mine):
        ruling = [decision for verdict, decision in found if verdict.aspect == "direction"]
        return [next(each for each in ruling if each.verdict == wanted) for wanted in mixed]
    return ([each for verdict, each in found if each.verdict == verdict.verdict] or [each for _, each in found])[:1]


def magnitudes(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> str:
    """A row a rule about the size of an effect that was measured at the published scale.

    Args:
        outcomes: The experiments shown.
        family: All experiments, whose tests are corrected for together; empty: those that are shown.
    """
    survives = holm(family or outcomes)
    head = ("claim", "under", "published", "counts as equal", "measured", "holds", "as strongly", "source")
    rows = []
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            for decision in verdict.decisions if verdict.aspect == "magnitude" else ():
                if decision.interval and decision.verdict != "not tested":
                    rule, claim = decision.rule, verdict.claim
                    side = f" ({side})" if (side := _side(decision)) else ""
                    size = WORDS[decision.verdict] + rule_mark(outcome, decision, survives) + side
                    told = _direction(outcome, claim, rule.condition, survives), size
                    numbers = _numbers(claim, decision, outcome.design)
                    published = "; ".join(f"{each.quantity}, {each.about}: {each.text}" for each in numbers)
                    sources = "; ".join(dict.fromkeys(each.source for each in numbers))
                    equal = f"{rule.low:.3g} to {rule.high:.3g}"
                    cells = rule.condition, published, equal, in_words(decision, outcome.design), *told, sources
                    rows.append((claim.statement, *cells))
    return table(head, rows)


def _numbers(claim: Claim, decision: Decision, design: Design) -> Sequence[Published]:
    """What was published about the arms of an estimate: together, or else about each; or else the first of a claim."""
    arms = {design.arm(name).label for name in decision.rule.estimate.arms}
    known = [each for each in claim.published if each.labels and set(each.labels) <= arms]
    return [each for each in known if set(each.labels) == arms] or known or claim.published[:1]


def _direction(outcome: Outcome, claim: Claim, condition: str, survives: Mapping[Key, bool]) -> str:
    """Whether a claim holds under a condition, or as a whole where that is none of the conditions of its direction."""
    mine = next(each for each in outcome.verdicts if each.claim == claim and each.aspect == "direction")
    verdict = verdicts_under(mine.decisions).get(condition, mine.verdict)
    return WORDS[verdict] + mark(mine, survives)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A bar in a cell is escaped, which holds in code too."""
    escaped = ([cell.replace("|", "\\|") for cell in cells] for cells in (head, *rows))
    lines = [f"| {' | '.join(cells)} |" for cells in escaped]
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


def _measured(mine: Sequence[ClaimVerdict], design: Design) -> str:
    found = [decision for verdict in mine for decision in verdict.decisions if decision.interval]
    several = len({each.rule.condition for each in found}) > 1
    # Rules about the same estimate may have taken different numbers of seeds: one number is shown.
    latest = ((_latest(each, mine), each.rule.condition) for each in found)
    told = (f"{in_words(each, design)}{f' ({condition})' if several else ''}" for each, condition in latest)
    texts = list(dict.fromkeys(told))
    more = [f"and {len(texts) - 2} more"] if len(texts) > 2 else []
    return "<br>".join(texts[:2] + more)
