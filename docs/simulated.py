"""Rows of the tables about replication: the stored boundaries, and the simulations that came with the package."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scipy import stats

from benchmarks import halves
from cnn_study.analysis import operating, replication
from cnn_study.analysis.decisions import Outcome, advanced
from cnn_study.analysis.sequential import boundaries
from cnn_study.experiment import LOOKS

FOUND = 0.99
"""Above such a power the fixed number that equals it says nothing: both find nearly everything."""

Rows = Sequence[tuple[str, ...]]
"""Those of a table, the heads of its columns first."""


def boundary_rows() -> Rows:
    """How far the estimate must be from a limit, in standard errors, at every look."""
    found = boundaries(LOOKS)
    head = ("", "nominal level of each look", *(f"{n} seeds" for n in LOOKS))
    two_sided = tuple(f"{stats.t.isf(found.two_sided.level / 2, n - 1):.2f}" for n in LOOKS)
    one_sided = tuple(f"{stats.t.isf(found.one_sided.level, n - 1):.2f}" for n in LOOKS)
    return (
        head,
        ("two-sided, 5 % over all looks", f"{100 * found.two_sided.level:.2f} %", *two_sided),
        ("each of two one-sided, 5 % over all looks", f"{100 * found.one_sided.level:.2f} %", *one_sided),
        ("two-sided, one look only", "5 %", *(f"{stats.t.isf(0.025, n - 1):.2f}" for n in LOOKS)),
    )


def error_rows(*, symmetric: bool) -> Rows:
    """False support and contradiction, and coverage, of every kind of rule."""
    head = ("rule", "what a seed gives", "false support", "false contradiction", "holds the truth", "seeds")
    shown = [each for each in operating.stored().errors if (each.distribution in operating.SYMMETRIC) == symmetric]
    rows = (
        (
            each.rule,
            each.distribution,
            _percent(each.support),
            _percent(each.contradiction),
            _percent(each.coverage),
            f"{each.seeds:.1f}",
        )
        for each in shown
    )
    return (head, *rows)


def skewed_rows() -> Rows:
    """Errors of rules of one limit on skewed data, by when they are judged."""
    found = {(each.plan, each.distribution): each.error for each in operating.stored().skewed}
    plans, distributions = (tuple(dict.fromkeys(column)) for column in zip(*found, strict=True))
    rows = ((plan, *(_percent(found[plan, name]) for name in distributions)) for plan in plans)
    return (("judged", *distributions), *rows)


def power_rows() -> Rows:
    """Power and seeds beside a fixed number of the same power."""
    head = ("effect", "power", "seeds, on average", "fixed number of the same power", "ratio")
    rows = (
        (
            f"{each.effect:g}",
            _percent(each.power),
            f"{each.seeds:.1f}",
            f"{each.fixed}",
            f"{each.seeds / each.fixed:.2f}",
        )
        for each in operating.stored().power
    )
    return (head, *rows)


def confirmed_rows() -> Rows:
    """What it takes to confirm verdicts, by the size of the effect."""
    head = ("effect", "decided", "seeds until then", "still decided, if confirmed", "confirmed", "seeds until then")
    rows = (
        (
            f"{each.effect:g}",
            _percent(each.decided),
            f"{each.seeds_decided:.1f}",
            _percent(each.still),
            _percent(each.confirmed),
            f"{each.seeds:.1f}",
        )
        for each in operating.stored().confirmation
    )
    return (head, *rows)


def saved_rows(found: Iterable[Outcome]) -> Rows:
    """Replicates that the first looks to decide rules have asked for, beside those of fixed numbers of seeds.

    Args:
        found: Experiments of a profile; those with other looks are left out.
    """
    seeds = [number for each in found if each.design.looks == LOOKS for number in _decisive(each).values()]
    counts = Counter(seeds)
    arms = ", ".join(f"{counts[number]:,} with {number}" for number in LOOKS if counts[number])
    head = ("seeds", "finds an effect of so many standard deviations, as looks do", "replicates", "ratio")
    looks = (arms, "", f"{sum(seeds):,}", "1")
    rows = (
        (
            f"{each.fixed} for each of {len(seeds):,} arms",
            f"{each.effect:g}: in {_percent(each.power)}",
            f"{each.fixed * len(seeds):,}",
            f"{sum(seeds) / (each.fixed * len(seeds)):.2f}",
        )
        for each in operating.stored().power
        if each.power < FOUND
    )
    return (head, looks, *rows)


def _decisive(outcome: Outcome) -> Mapping[str, int]:
    """Seeds that every arm had when each rule about it was decided for the first time, or at its last look, by name."""
    design = outcome.design
    begun = ((rule, replication.beginning(rule, design)) for rule in design.rules)
    return replication.wanted(
        design,
        ((rule, advanced(at, rule, design, outcome.tuned, outcome.stored, confirm=False)) for rule, at in begun),
    )


def halves_rows() -> Rows:
    """How often two groups of seeds of one arm are told apart."""
    head = ("arm", "compared by", "seeds trained", "looks", "95 % at every look", f"once, with {LOOKS[-1]} seeds")
    rows = (
        (
            f"`{each.compared.experiment}`: {each.compared.arm}",
            f"epochs to {each.compared.target:.0%} training error" if each.compared.target else "test error",
            f"{len(each.values)}",
            *(_percent(share) for share in (each.decided, each.each, each.fixed)),
        )
        for each in halves.stored()
    )
    return (head, *rows)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
