"""What the command line prints: the table of verdicts, the plan, the explanation of a claim."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from cnn_study.analysis import targets, test_set
from cnn_study.analysis.coverage import measured_coverage
from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome
from cnn_study.analysis.sensitivity import effect_text, look_text, outlook
from cnn_study.analysis.significance import UNCORRECTED, Corrected, corrected, holm, key_of, mark, marked
from cnn_study.execution.forecast import Examples, Pace, work_of
from cnn_study.execution.plan import STATES, Planned, PlanRow, once
from cnn_study.experiment import ASPECTS, PROVENANCES, Claim, Design, Verdict
from cnn_study.report.answers import in_words
from cnn_study.spec import RunSpec

STYLES: Mapping[Verdict, str] = {
    "supported": "green",
    "contradicted": "red",
    "mixed": "yellow",
    "inconclusive": "yellow",
    "not tested": "dim",
}

ESTIMATES_SHOWN = 4
"""Estimates of a claim that the table of verdicts shows."""


def verdicts(outcomes: Sequence[Outcome], family: Sequence[Outcome] = ()) -> Iterator[Text]:
    """Lines with every claim, its verdicts and, below them, what was measured, grouped by experiment.

    A table of 80 columns would have no room for what was measured beside the verdicts.

    Args:
        outcomes: The experiments shown.
        family: All whose tests are corrected for together; empty: those shown.
    """
    survives = holm(family or outcomes)
    names = max((len(claim.name) for outcome in outcomes for claim in outcome.experiment.claims), default=0)
    widths = [names, *(max(map(len, STYLES)) + len(UNCORRECTED) for _ in ASPECTS)]
    yield _cells([Text("claim"), *map(Text, ASPECTS)], widths, "bold underline")
    for outcome in outcomes:
        yield Text(f"{outcome.experiment.name}: {outcome.experiment.title}", style="bold")
        for claim in outcome.experiment.claims:
            mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
            cells = [Text(verdict.verdict + mark(verdict, survives), style=STYLES[verdict.verdict]) for verdict in mine]
            yield _cells([Text(claim.name), *cells], widths)
            yield from (Text(f"      {line}") for line in _measured(mine, outcome.design, aspects=True))
    if marked(outcomes, survives):
        tests = len(corrected(family or outcomes))
        yield Text(f"{UNCORRECTED} does not survive the correction for all {tests} tests together (Holm 1979, at 5 %)")


def _cells(cells: Sequence[Text], widths: Sequence[int], style: str = "") -> Text:
    for cell, width in zip(cells, widths, strict=True):
        cell.pad_right(width - len(cell))
    return Text.assemble("  ", Text("  ").join(cells), style=style)


def _measured(mine: Sequence[ClaimVerdict], design: Design, *, aspects: bool = False) -> list[str]:
    """What was measured for a claim, a line an estimate: of what, under which condition, and for which aspects."""
    found = [(verdict.aspect, each) for verdict in mine for each in verdict.decisions if each.interval]
    several = len({each.rule.condition for _, each in found}) > 1
    asked: dict[str, list[str]] = {}
    for aspect, each in found:
        text = in_words(each, design) + (f" ({each.rule.condition})" if several else "")
        asked.setdefault(text, []).append(f"premise of the {aspect}" if each.rule.premise else aspect)
    lines = [f"{' and '.join(dict.fromkeys(those))}: {text}" if aspects else text for text, those in asked.items()]
    if len(lines) > ESTIMATES_SHOWN:
        hidden = len(lines) - ESTIMATES_SHOWN + 1
        lines = [*lines[: ESTIMATES_SHOWN - 1], f"and {hidden} more: cnn-study explain {mine[0].claim.name}"]
    return lines


def answers(outcome: Outcome) -> Iterator[Text]:
    """Lines with what an experiment has found, claim by claim, while others are still being trained.

    The correction for all tests together needs them all, so nothing is said about it here.
    """
    yield Text(f"{outcome.experiment.name}: {outcome.experiment.title}", style="bold")
    width = max(map(len, STYLES))
    for claim in outcome.experiment.claims:
        mine = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
        direction = next(verdict for verdict in mine if verdict.aspect == ASPECTS[0])
        answer = Text(direction.verdict.ljust(width), style=STYLES[direction.verdict])
        yield Text.assemble("  ", answer, "  ", claim.statement)
        yield from (Text(f"{'':{width}}    {line}") for line in _measured([direction], outcome.design))


@dataclass(frozen=True)
class ExperimentPlan:
    """The plan of an experiment.

    Attributes:
        name: Of the experiment.
        rows: Of its arms and checks.
    """

    name: str
    rows: tuple[PlanRow, ...]

    def once(self) -> list[Planned]:
        """Its runs and checks, each once."""
        return once(planned for row in self.rows for planned in row.planned)


def plan(plans: Sequence[ExperimentPlan], examples: Examples, pace: Pace | None, workers: int) -> Table:
    """What every experiment costs, and all together: what they share is counted once in the total.

    Args:
        plans: One an experiment.
        examples: Gives the training examples of a run.
        pace: How fast a worker is, if that is known.
        workers: How many there are.

    Returns:
        A table with how many runs and checks are stored, how many the next look at every rule needs at least, and how
        many are needed at most: if every rule that asks for more goes on to its last look. Of these it has the training
        images and the multiply-accumulates (MACs) of forward passes; of both the time of a machine. It fits 80 columns.
    """
    heads = ("stored", "runs,\nleast", "runs,\nmost", "10^6\nimages", "10^12\nMACs", "time,\nleast", "time,\nmost")
    table = Table(title="Plan", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("experiment", overflow="fold", vertical="bottom")
    for head in heads:
        table.add_column(head, justify="right", vertical="bottom", no_wrap=True)
    for one in plans:
        table.add_row(one.name, *_costs(one.once(), examples, pace, workers))
    table.add_section()
    everything = once(planned for one in plans for planned in one.once())
    table.add_row("all", *_costs(everything, examples, pace, workers))
    return table


def plan_notes(pace: Pace | None) -> Iterator[str]:
    """What the table of a plan says, line by line."""
    yield "least: what is certainly trained next."
    yield "most: rules that ask for more go on to their last look. Images, MACs: of these."
    yield "MACs: multiply-accumulates of forward passes. Checks take no time here."
    if pace and pace.share < 1:
        yield "time: most, if every run goes on to its last epoch. least, if runs end at their"
        yield f"target error after {100 * pace.share:.0f} % of that, as the stored ones did on the average."
    else:
        yield "time: if every run goes on to its last epoch."
    yield "What experiments share counts once in the last line."


def _costs(planned: Sequence[Planned], examples: Examples, pace: Pace | None, workers: int) -> Iterator[str]:
    most = [each for each in planned if each.state != "stored"]
    least = [each for each in most if each.state != "later"]
    work = work_of(_runs(most), examples)
    yield from (f"{number:,}" for number in (len(planned) - len(most), len(least), len(most)))
    yield short(work.images / 1e6)
    yield short(work.macs / 1e12)
    if pace:
        likely = work_of(_runs(least), examples, pace.share)
        yield from (duration(pace.seconds(each) / workers) for each in (likely, work))
    else:
        yield from ("unknown", "unknown")


def _runs(planned: Iterable[Planned]) -> list[RunSpec]:
    return [each.job for each in planned if isinstance(each.job, RunSpec)]


def short(number: float) -> str:
    """A number of no more than two digits that count, or of whole ones."""
    if 0 < number < 0.001:
        return "< 0.001"
    return f"{number:,.0f}" if number >= 10 else f"{float(f'{number:.2g}'):g}"


def duration(seconds: float) -> str:
    """A time in minutes or hours."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 59.5:
        return f"{minutes:.0f} min" if minutes >= 1 or not minutes else "< 1 min"
    return f"{hours:,.0f} h" if hours >= 9.95 else f"{hours:.1f} h"


def arms(plans: Iterable[ExperimentPlan]) -> Table:
    """The plans arm by arm, each with the reason why it is not complete."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("arm", overflow="fold", vertical="bottom")
    for head in ("stored", "now", "next", "later"):
        table.add_column(head, justify="right", vertical="bottom", no_wrap=True)
    table.add_column("why", overflow="fold", vertical="bottom")
    for one in plans:
        table.add_row(Text(one.name, style="bold"))
        for row in one.rows:
            table.add_row(Text(f"  {row.name}"), *(str(row.count(state)) for state in STATES), row.reason)
    return table


NARROW = 40
"""Columns that a definition needs beside its name; where there are fewer, it stands below."""


def definitions(title: str, rows: Sequence[Sequence[str]], width: int) -> Iterator[Text]:
    """Lines with names, each whole, and what they mean.

    Args:
        title: Of them all.
        rows: The heads, then a row a name: it, its meaning, and what else is to be said of it.
        width: Columns of the terminal.
    """
    (_, _, *heads), *known = rows
    yield Text(title, style="bold")
    names = max(len(name) for name, *_ in known) + 4
    beside = width - names >= NARROW
    indent = names if beside else 6
    for name, meaning, *more in known:
        notes = "; ".join(f"{head}: {text}" for head, text in zip(heads, more, strict=True) if text)
        text = f"{meaning} ({notes})" if notes else meaning
        lines = textwrap.wrap(text, max(width - indent, 1), break_on_hyphens=False, break_long_words=False)
        first, rest = (lines[:1], lines[1:]) if beside else ([], lines)
        yield Text(f"  {name}".ljust(names) + "".join(first) if first else f"  {name}")
        yield from (Text(" " * indent + line) for line in rest)


ARM_NOTE = "next: when searches have gone on. later: if rules still ask for more then."
"""What the table of the arms says."""


def explanation(outcome: Outcome, claim: Claim, family: Sequence[Outcome] = ()) -> Iterator[str]:
    """Lines that say what a claim is, what was published, what was measured, and what follows from it.

    Args:
        outcome: Of the experiment that tests it.
        claim: Which.
        family: All experiments whose tests are corrected for together; empty: this one.
    """
    tests = corrected(family or (outcome,))
    yield f"{claim.name}: {claim.statement}"
    for number in claim.published:
        source = f"{number.source}; {PROVENANCES[number.provenance]}"
        yield f"  published: {number.quantity}, {number.about}: {number.text} ({source})"
    if outcome.design.proxy:
        yield f"  a proxy: {outcome.design.proxy}"
    for verdict in (verdict for verdict in outcome.verdicts if verdict.claim == claim):
        yield f"{verdict.aspect}: {verdict.verdict}" + (f" ({verdict.reason})" if verdict.reason else "")
        test = tests.get(key_of(verdict))
        if test and verdict.verdict in ("supported", "contradicted"):
            yield f"  {_test_text(test)}"
        for decision in verdict.decisions:
            yield f"  {decision.text}: {decision.verdict}"
            yield from (f"    {line}" for line in _reasons(decision) if line)
            limits = (targets.text(outcome, [decision.rule.estimate]), test_set.text(outcome, [decision.rule.estimate]))
            yield from (f"    {limit}" for limit in limits if limit)


def _test_text(test: Corrected) -> str:
    survives = "survives" if test.survives else "does not survive"
    return f"p = {test.p:.2g}; with all {test.tests} tests together {test.adjusted:.2g}: {survives} Holm's correction"


def _reasons(decision: Decision) -> Iterator[str]:
    yield decision.rule.sentence
    yield decision.finding
    yield look_text(decision)
    yield outlook(decision)
    yield effect_text(decision)
    if decision.bootstrap:
        yield f"bootstrap, which does not decide: {decision.bootstrap.text}{_coverage_text(decision)}"
    if decision.runs:
        yield f"rests on {', '.join(decision.runs)}"


def _coverage_text(decision: Decision) -> str:
    """What the bootstrap interval of so few seeds is worth."""
    n, nominal = (decision.sample.n if decision.sample else 0), decision.confidence
    if n < 2:
        return ""
    held = measured_coverage("bootstrap", n, confidence=nominal)
    return f" (nominally {100 * nominal:.4g} %; of {n} seeds it holds the truth in {100 * held:.0f} % of simulations)"
