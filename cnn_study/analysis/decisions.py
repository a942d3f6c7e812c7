"""Verdicts: the rules of an experiment applied to its stored runs and checks. Other results, another verdict."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from cnn_study.analysis import replication
from cnn_study.analysis.estimates import confidence, measured
from cnn_study.analysis.p_values import FAMILY_LEVEL, is_confirmed, p_value
from cnn_study.analysis.replication import RuleState, Standing
from cnn_study.analysis.sequential import Look
from cnn_study.analysis.statistics import CONFIDENCE, Interval, Sample, sample_bootstrap, sample_interval, share
from cnn_study.experiment import ASPECTS, Agreement, Aspect, Claim, Design, Experiment, Plot, Rule, Verdict
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.training.tuning import Tuned, tune

NO_CHECKS: Mapping[str, CheckRecord] = MappingProxyType({})


@dataclass(frozen=True)
class Judgement:
    """A rule applied to some of the seeds of its arms.

    Attributes:
        verdict: The verdict that the interval leads to.
        sample: The numbers, one a seed; ``None`` if there is an obstacle.
        interval: The interval that decides; ``None`` if there is an obstacle.
        reason: Why the verdict is not simply that of the interval, as in :class:`Decision`; empty if it is.
        runs: Keys of the runs that were used.
        finding: That there is no relevant effect, in words, as in :class:`Decision`; else empty.
        state: Whether further seeds, if any are planned, might decide or confirm it.
    """

    verdict: Verdict
    sample: Sample | None
    interval: Interval | None
    reason: str
    runs: tuple[str, ...]
    finding: str = ""
    state: RuleState = "closed"


@dataclass(frozen=True)
class Decision:
    """A rule applied to what is stored.

    Attributes:
        rule: The rule that was applied.
        verdict: The verdict that follows from it.
        interval: The estimate it was applied to; ``None`` if runs or outcomes are missing.
        bootstrap: The bootstrap interval of the same estimate; ``None`` where nothing was sampled.
        reason: What keeps it from a verdict that is simply that of the interval; empty if nothing does.
        runs: Keys of the runs, or of the check, it rests on.
        sample: The numbers, one a seed, of which the interval was formed; ``None`` where nothing was sampled.
        finding: That there is no relevant effect, in words, if this is why it is contradicted; else empty.
        look: The look at which it was applied; ``None`` where the number of seeds is fixed, or runs are missing.
        state: Whether further seeds are planned that might decide or confirm it.
    """

    rule: Rule
    verdict: Verdict
    interval: Interval | None
    bootstrap: Interval | None
    reason: str
    runs: tuple[str, ...]
    sample: Sample | None = None
    finding: str = ""
    look: Look | None = None
    state: RuleState = "closed"

    @property
    def missing(self) -> bool:
        """Whether the runs, or the check, that it needs are not stored yet."""
        return not self.runs

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds at all planned looks; empty where the number is fixed."""
        return self.look.looks if self.look else ()

    @property
    def confidence(self) -> float:
        """Nominal confidence of its interval; of a repeated one, at each look."""
        return confidence(self.rule, self.looks, relevance=bool(self.finding))

    @property
    def confirmed(self) -> bool:
        """Whether its p value is so small that it survives a correction for a hundred tests."""
        if self.sample is None or self.verdict not in ("supported", "contradicted"):
            return False
        return is_confirmed(self.verdict, self.sample, self.rule, self.looks)

    @property
    def promised(self) -> float:
        """How often such an interval holds the truth, over all looks together."""
        return confidence(self.rule, relevance=bool(self.finding))

    @property
    def level_text(self) -> str:
        """The confidence of its interval, in words that follow it, where that is not 95 %; else empty."""
        return "" if self.promised == CONFIDENCE else f", {100 * self.promised:g} % interval"

    @property
    def measured(self) -> str:
        """The estimate, with the number of seeds where that was not fixed."""
        if self.interval is None:
            return "no estimate"
        return f"{self.interval.text}{f', {self.look.seeds} seeds' if self.look else ''}{self.level_text}"

    @property
    def text(self) -> str:
        """The condition and the estimate."""
        return f"{self.rule.condition}: {self.measured}"


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on one aspect of a claim over all conditions.

    Attributes:
        experiment: Name of the experiment that makes the claim.
        claim: The claim that is judged.
        aspect: The aspect of the claim: its direction, magnitude or mechanism.
        verdict: The common verdict; ``mixed`` if conditions support and contradict it.
        reason: Why it is not simply that of the intervals, and where there is no relevant effect; else empty.
        decisions: Its decisions, one a rule.
    """

    experiment: str
    claim: Claim
    aspect: Aspect
    verdict: Verdict
    reason: str
    decisions: tuple[Decision, ...]

    @property
    def waits(self) -> bool:
        """Whether it is left open by runs that are missing: :attr:`so_far` is what the others come to."""
        return self.verdict == "inconclusive" and any(each.missing for each in self.decisions)

    @property
    def premise_fails(self) -> bool:
        """Whether nothing is said of a cause since a premise of it is contradicted; not: since its runs are missing."""
        return any(each.rule.premise and each.verdict == "contradicted" for each in self.decisions)

    @property
    def so_far(self) -> "ClaimVerdict":
        """The same over the conditions that have been run whole, whatever the others may come to.

        Its premises must be among what has been run.
        """
        missing = {each.rule.condition for each in self.decisions if each.missing}
        known = tuple(each for each in self.decisions if each.rule.condition not in missing)
        unmet = any(each.rule.premise and each.rule.condition in missing for each in self.decisions)
        if unmet or not known:
            return replace(self, verdict="inconclusive", decisions=known)
        return _combined(self.experiment, self.claim, self.aspect, known)

    def share(self, verdict: Verdict) -> str:
        """Under how many conditions it came out so, for people: ``1 of 4 conditions``; empty if there is only one.

        Args:
            verdict: The verdict that is counted.
        """
        found = list(verdicts_under(self.decisions).values())
        return f"{found.count(verdict)} of {len(found)} conditions" if len(found) > 1 else ""


@dataclass(frozen=True)
class Outcome:
    """What an experiment has found.

    Attributes:
        experiment: The experiment that was evaluated.
        design: Its design, at the sizes of a profile.
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        checks: Finished checks of the design by name.
        verdicts: The verdicts, three for every claim.
    """

    experiment: Experiment
    design: Design
    tuned: Mapping[str, Tuned]
    stored: Mapping[str, RunRecord]
    checks: Mapping[str, CheckRecord]
    verdicts: tuple[ClaimVerdict, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is needed any more: every check is stored, and of every arm the seeds that it wants."""
        return len(self.checks) == len(self.design.checks) and len(self._complete_arms) == len(self.design.arms)

    @property
    def plots(self) -> tuple[Plot, ...]:
        """The figures that can be drawn.

        Of an incomplete experiment those of arms some of which have been run; the others, of checks and of conditions,
        once all checks and the first seeds of all arms are stored.
        """
        if self.complete:
            return self.experiment.plots
        shown = {plot: {arm.name for arm in self.design.arms if plot.shows(arm)} for plot in self.experiment.plots}
        whole = len(self.checks) == len(self.design.checks) and len(self.begun) == len(self.design.arms)
        return tuple(plot for plot, arms in shown.items() if whole or (plot.takes_arms and arms & self.begun))

    @cached_property
    def begun(self) -> frozenset[str]:
        """The arms of which the seeds of the first look are stored, by name: figures show no others."""
        least = self.design.sizes[0]
        return frozenset(name for name, tuned in self.tuned.items() if tuned.first(least, self.stored) is not None)

    @cached_property
    def _complete_arms(self) -> frozenset[str]:
        """The arms of which all the seeds are stored that they want."""
        return frozenset(
            name
            for name, seeds in self.wanted.items()
            if name in self.tuned and self.tuned[name].first(seeds, self.stored) is not None
        )

    @property
    def wanted(self) -> Mapping[str, int]:
        """How many seeds every arm needs, by name, as far as it is known."""
        decisions = [decision for verdict in self.verdicts for decision in verdict.decisions]
        standings = [(each.rule, Standing(each.look.number if each.look else 0, each.state)) for each in decisions]
        return replication.wanted(self.design, standings)

    @property
    def seeds_text(self) -> str:
        """How many seeds the arms have, for people: ``4``, or ``4 to 13`` where that was not fixed."""
        return self.seeds_of(self.wanted)

    def seeds_of(self, arms: Iterable[str]) -> str:
        """How many seeds some arms have, for people: of those that have been begun, no more than are stored.

        Args:
            arms: Names of the arms.
        """
        wanted = {name: self.wanted[name] for name in arms if name in self.wanted}
        found = {min(seeds, len(self.replicates(name)) or seeds) for name, seeds in wanted.items()}
        return from_to(found or {len(self.design.seeds)})

    @property
    def runs(self) -> Mapping[str, RunRecord]:
        """The stored runs of the arms whose learning rate is known, those of the searches too, by key."""
        asked = (run.key for tuned in self.tuned.values() for run in tuned.runs)
        return {key: self.stored[key] for key in asked if key in self.stored}

    def replicates(self, arm: str) -> list[RunRecord]:
        """The stored replicates of an arm, in the order of the seeds."""
        return self.tuned[arm].records(self.stored) if arm in self.tuned else []

    def by_seed(self, arms: Iterable[str]) -> list[tuple[RunRecord, ...]]:
        """For every seed that all of some arms have, their stored replicates, in the order of the arms."""
        found = [{record.spec.seeds.init: record for record in self.replicates(arm)} for arm in arms]
        return [
            tuple(each[seed] for each in found) for seed in next(iter(found), {}) if all(seed in each for each in found)
        ]


def from_to(numbers: Collection[int]) -> str:
    """Counts for people: ``4``, or ``500 to 55,000`` where they differ.

    Args:
        numbers: The counts, at least one.
    """
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def evaluate(
    experiment: Experiment,
    design: Design,
    stored: Mapping[str, RunRecord],
    checks: Mapping[str, CheckRecord] = NO_CHECKS,
) -> Outcome:
    """Apply an experiment's rules to what is stored.

    Args:
        experiment: The experiment whose rules are applied.
        design: Its design, at the sizes of a profile.
        stored: Finished runs by key.
        checks: Finished checks by key.
    """
    steps = {arm.name: tune(arm, design, stored) for arm in design.arms}
    tuned = {name: step for name, step in steps.items() if isinstance(step, Tuned)}
    done = {check.check: checks[check.key] for check in design.checks if check.key in checks}
    decisions = [decide(rule, design, tuned, stored, done) for rule in design.rules]
    verdicts = tuple(
        _combined(experiment.name, claim, aspect, decisions) for claim in experiment.claims for aspect in ASPECTS
    )
    return Outcome(experiment, design, tuned, stored, done, verdicts)


def decide(
    rule: Rule,
    design: Design,
    tuned: Mapping[str, Tuned],
    stored: Mapping[str, RunRecord],
    checks: Mapping[str, CheckRecord] = NO_CHECKS,
) -> Decision:
    """Apply one rule, at the look that closes it or else at the last one whose seeds are stored.

    Args:
        rule: The rule to be applied.
        design: The design it belongs to.
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        checks: Finished checks by name.
    """
    if isinstance(rule.estimate, Agreement):
        return _decide_exactly(rule, rule.estimate, checks)
    path = list(judgements(rule, design, tuned, stored))
    if not path:
        return Decision(rule, "not tested", None, None, "runs are missing", (), state="open")
    last = path[-1]
    decision = Decision(
        rule,
        last.verdict,
        last.interval,
        None,
        last.reason,
        last.runs,
        last.sample,
        finding=last.finding,
        look=Look(design.looks, len(path)) if design.looks else None,
        state=last.state,
    )
    bootstrap = sample_bootstrap(last.sample, decision.confidence) if last.sample else None
    return replace(decision, bootstrap=bootstrap)


def judgements(
    rule: Rule, design: Design, tuned: Mapping[str, Tuned], stored: Mapping[str, RunRecord], after: int = 0
) -> Iterator[Judgement]:
    """A rule at one look after the other, until one closes it or its seeds are not all stored.

    At each look it is applied to the first seeds of its arms, in their order. A look closes it if no further one is
    planned or could decide it, or if it is decided so surely that it is confirmed. Seeds beyond that change nothing.

    Args:
        rule: The rule to be applied, not one about a check.
        design: The design it belongs to.
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        after: Number of looks to leave out, because they are known not to have closed it.
    """
    for size in design.sizes[after:]:
        runs = {name: tuned[name].first(size, stored) if name in tuned else None for name in rule.estimate.arms}
        found = {name: records for name, records in runs.items() if records is not None}
        if len(found) < len(runs):
            return
        judgement = _judged(rule, design, tuned, found)
        yield judgement if size < design.sizes[-1] else replace(judgement, state="closed")
        if judgement.state == "closed":
            return


def advanced(
    standing: Standing,
    rule: Rule,
    design: Design,
    tuned: Mapping[str, Tuned],
    stored: Mapping[str, RunRecord],
    *,
    confirm: bool = True,
) -> Standing:
    """How far a rule has come, from where it stood: look after look, as far as their seeds are stored.

    Args:
        standing: Where it stood.
        rule: The rule to be applied.
        design: The design it belongs to.
        tuned: The arms whose learning rate is known, by name.
        stored: Finished runs by key.
        confirm: Whether looks count that come after the one that decides it, which may confirm that.
    """
    if standing.state == "closed":
        return standing
    for judgement in judgements(rule, design, tuned, stored, standing.looks):
        standing = Standing(standing.looks + 1, judgement.state)
        if not standing.asks(confirm):
            break
    return standing


def _judged(
    rule: Rule, design: Design, tuned: Mapping[str, Tuned], runs: Mapping[str, Sequence[RunRecord]]
) -> Judgement:
    """A rule applied to some seeds, as if further ones were planned."""
    keys = tuple(dict.fromkeys(record.key for records in runs.values() for record in records))
    found = measured(rule.estimate, runs)
    interval = sample_interval(found.sample, confidence(rule, design.looks)) if found.sample else None
    closed = Judgement("inconclusive", found.sample, interval, found.obstacle, keys)
    if rule.published and design.proxy:
        return replace(closed, verdict="not tested", reason=f"a proxy: {design.proxy}")
    if not all(tuned[name].search.inside for name in runs):
        return replace(closed, reason="the best learning rate lies on the edge of its grid")
    if found.sample is None or interval is None:
        return closed
    verdict, finding = place(interval, rule.low, rule.high), ""
    relevance = sample_interval(found.sample, confidence(rule, design.looks, relevance=True))
    if verdict == "inconclusive" and rule.smallest is not None and place(relevance, *rule.relevant) == "contradicted":
        verdict, interval, finding = "contradicted", relevance, _irrelevance(rule, relevance)
    if verdict not in ("supported", "contradicted"):
        return replace(closed, state="open" if _decidable(found.sample, rule) else "closed")
    if found.sample.deviation == 0 and p_value(verdict, found.sample, rule, design.looks) >= FAMILY_LEVEL:
        return replace(closed, reason=f"its {found.sample.n} seeds all give the same number", state="open")
    state = _sureness(verdict, found.sample, rule, design)
    return replace(closed, verdict=verdict, interval=interval, finding=finding, state=state)


def _sureness(
    verdict: Literal["supported", "contradicted"], sample: Sample, rule: Rule, design: Design
) -> Literal["decided", "closed"]:
    """Whether a verdict might be confirmed by further seeds, or is so already."""
    return "closed" if is_confirmed(verdict, sample, rule, design.looks) else "decided"


def _irrelevance(rule: Rule, interval: Interval) -> str:
    """Why a rule with a smallest effect of interest is contradicted."""
    unit = f" {interval.unit}" if interval.unit else ""
    above = math.isinf(rule.high)
    limit, where, other = (rule.low, "above", "below") if above else (rule.high, "below", "above")
    least, most = rule.negligible
    # The limit may not be that of no effect at all: then there may be one, but none that passes the limit.
    nothing = limit == rule.estimate.neutral
    what = "no relevant effect" if nothing else f"no relevant effect {where} {_amount(limit, unit)}"
    beyond = place(interval, *((-math.inf, limit) if above else (limit, math.inf))) == "supported"
    if beyond and not nothing:
        return f"{what} (rather {other} it)"
    if place(interval, least, most) == "supported":
        return f"{what} (it lies between {least:g} and {most:g}{unit})"
    if beyond:
        return f"{what} (rather the opposite)"
    return f"{what} (one {where} {_amount(most if above else least, unit)} is excluded)"


def _amount(number: float, unit: str) -> str:
    return f"{number:g}{unit.removesuffix('s') if number == 1 else unit}"


def _decidable(sample: Sample, rule: Rule) -> bool:
    """Whether further seeds might decide a rule. Censored times take bounds away for good."""
    from_below = (sample.bounded_below, sample.bounded_above)
    supported = all(
        bounded or math.isinf(limit) for bounded, limit in zip(from_below, (rule.low, rule.high), strict=True)
    )
    below = sample.bounded_above and math.isfinite(rule.low)
    above = sample.bounded_below and math.isfinite(rule.high)
    return supported or below or above


def _decide_exactly(rule: Rule, agreement: Agreement, checks: Mapping[str, CheckRecord]) -> Decision:
    """Supported if every case agrees. No case is a sample, so a proxy does not matter to it, and one is enough."""
    if agreement.check not in checks:
        return Decision(rule, "not tested", None, None, "the check is missing", ())
    record = checks[agreement.check]
    interval = share(round(record.outcomes["agreeing"]), round(record.outcomes["cases"]))
    if not interval.n:
        return Decision(rule, "inconclusive", interval, None, "the check has no case", (record.key,))
    verdict = "supported" if interval.estimate == 1 else "contradicted"
    return Decision(rule, verdict, interval, None, "", (record.key,))


def place(interval: Interval, low: float, high: float) -> Verdict:
    """Supported inside of the limits, contradicted outside of them, inconclusive where the interval touches one.

    Touching counts as across: seeds that all give the same number, as may happen with counts, do not show that it is
    larger than itself.

    Args:
        interval: The interval that decides, in the unit of the estimate.
        low: Lower limit of the range that supports the claim, in the same unit; minus infinity if there is none.
        high: Upper limit of that range; infinity if there is none.
    """
    if interval.n < 2 or math.isnan(interval.estimate):
        return "inconclusive"
    if (low < interval.low or math.isinf(low)) and (interval.high < high or math.isinf(high)):
        return "supported"
    return "contradicted" if interval.high < low or interval.low > high else "inconclusive"


def of_most_seeds(decisions: Iterable[Decision]) -> Interval:
    """The interval of most seeds: the number to show where rules about one estimate needed different numbers of them.

    Args:
        decisions: About one estimate, at least one with an interval. Of those with equally many seeds the first counts.
    """
    return max((each.interval for each in decisions if each.interval), key=lambda each: each.n)


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several rules under one condition, all of which the claim needs."""
    kinds = set(verdicts)
    if len(kinds) == 1:
        return kinds.pop()
    if "contradicted" in kinds:
        return "contradicted"
    return "not tested" if "not tested" in kinds else "inconclusive"


def by_condition(decisions: Iterable[Decision]) -> Mapping[str, Sequence[Decision]]:
    """The decisions of each condition, but for those that are premises of others.

    Args:
        decisions: The decisions about one aspect of a claim.
    """
    found: dict[str, list[Decision]] = {}
    for each in decisions:
        if not each.rule.premise:
            found.setdefault(each.rule.condition, []).append(each)
    return found


def verdicts_under(decisions: Iterable[Decision]) -> Mapping[str, Verdict]:
    """What the decisions of each condition come to together.

    Args:
        decisions: The decisions about one aspect of a claim.
    """
    found = by_condition(decisions).items()
    return {condition: conjunction(each.verdict for each in mine) for condition, mine in found}


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several conditions.

    The common one where they agree; ``mixed`` where some support and some contradict; else ``inconclusive``.
    """
    kinds = set(verdicts)
    if len(kinds) == 1:
        return kinds.pop()
    return "mixed" if {"supported", "contradicted"} <= kinds else "inconclusive"


def _combined(experiment: str, claim: Claim, aspect: Aspect, decisions: Sequence[Decision]) -> ClaimVerdict:
    mine = tuple(
        decision for decision in decisions if decision.rule.claim == claim.name and decision.rule.aspect == aspect
    )
    if not mine:
        return ClaimVerdict(
            experiment, claim, aspect, "not tested", claim.untested.get(aspect, "no rule decides it"), ()
        )
    missing = [decision for decision in mine if decision.rule.premise and decision.verdict != "supported"]
    if missing:
        return _without_premise(experiment, claim, aspect, mine, missing)
    verdict = combine(verdicts_under(mine).values())
    reasons = dict.fromkeys(text for decision in mine if (text := decision.reason or decision.finding))
    return ClaimVerdict(experiment, claim, aspect, verdict, "; ".join(reasons), mine)


def _without_premise(
    experiment: str, claim: Claim, aspect: Aspect, mine: tuple[Decision, ...], missing: Sequence[Decision]
) -> ClaimVerdict:
    """Nothing is said about a cause where there is nothing to explain, or where an arm does not do what it is for."""
    undecided = all(decision.verdict == "inconclusive" for decision in missing)
    first = missing[0] if undecided else next(each for each in missing if each.verdict != "inconclusive")
    what = "a premise is undecided" if undecided else "a premise does not hold"
    reason = first.reason if first.verdict == "not tested" else f"{what}: {first.text}"
    return ClaimVerdict(experiment, claim, aspect, "inconclusive" if undecided else "not tested", reason, mine)
