"""What a person sees: one table of all measurements, with the machine and the versions above it."""

import statistics
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from benchmarks.measuring import CONFIDENCE, Measurement, Report, coverage, interval, number

HEAD = ("", "median", "interval", "unit", "of the peak", "goal")


def show(report: Report, console: Console) -> None:
    """Print a report."""
    for line in lines(report):
        console.print(line, soft_wrap=True, highlight=False)


def lines(report: Report) -> Iterator[Text]:
    """A report in lines: a line would be too wide for a terminal if its section were a column."""
    for facts in (report.machine, report.versions):
        yield Text("; ".join(f"{name} {value}" for name, value in facts.items()))
    table = [cells(row) for row in report.measurements]
    widths = [max(map(len, column)) for column in zip(HEAD, *table, strict=True)]
    section = ""
    for row, found in zip(report.measurements, table, strict=True):
        if row.section != section:
            section = row.section
            yield Text(f"\n{section}", style="bold")
            yield _line(HEAD, widths, "dim")
        yield _line(found, widths, STYLES[row.met] if row.values else "dim")
        if row.missing:
            yield Text(f"      {row.missing}", style="dim")
    yield from map(Text, ("", *notes(report)))


STYLES = {True: "green", False: "red", None: ""}


def cells(row: Measurement) -> tuple[str, ...]:
    """The cells of a row, below :data:`HEAD`."""
    if not row.values:
        return row.name, "-", "not measured", row.unit, "", row.goal.text if row.goal else ""
    low, high = interval(row.values)
    spread = f"{number(low)} to {number(high)} ({len(row.values)})" if len(row.values) > 1 else "once"
    share = f"{100 * statistics.median(row.shares):.0f} %" if row.shares else ""
    goal = f"{row.goal.text}: {'reached' if row.met else 'missed'}" if row.goal else ""
    return row.name, number(row.median), spread, row.unit, share, goal


def _line(found: tuple[str, ...], widths: list[int], style: str) -> Text:
    name, median, *others = found
    rest = (cell.ljust(width) for cell, width in zip(others, widths[2:], strict=True))
    return Text("  ".join([name.ljust(widths[0]), median.rjust(widths[1]), *rest]).rstrip(), style=style)


def notes(report: Report) -> Iterator[str]:
    """How to read the intervals."""
    for n in sorted({len(row.values) for row in report.measurements if len(row.values) > 1}):
        k = next(k for k in range(n // 2, 0, -1) if k == 1 or coverage(n, k) >= CONFIDENCE)
        ends = "smallest and largest" if k == 1 else f"{k}. smallest and {k}. largest"
        sure = f"{100 * coverage(n, k):.0f} %"
        yield f"({n}): {n} repetitions; the interval from the {ends} value holds the median in {sure} of all cases."
