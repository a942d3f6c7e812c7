"""Published numbers against what was measured, and the arms in numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cnn_study.analysis.decisions import Decision, Outcome, of_most_seeds
from cnn_study.analysis.estimates import time_to, too_early
from cnn_study.analysis.statistics import mean_interval, time_product
from cnn_study.experiment import Agreement, Arm, Claim, Contrast, Estimate, Published, TimeRatio
from cnn_study.figures.quantities import interval_text, metric_of, values
from cnn_study.models.complexity import macs, parameters


@dataclass(frozen=True)
class ArmRow:
    """One arm of a table, as text.

    Attributes:
        name: The arm.
        condition: Its condition.
        rate: The learning rate, and how it was found.
        error: Test error with its interval, in percent.
        parameters: Trainable parameters.
        macs: Multiply-accumulates of one image.
        seconds: Mean training time of a replicate.
        diverged: How many replicates have diverged.
    """

    name: str
    condition: str
    rate: str
    error: str
    parameters: int
    macs: int
    seconds: str
    diverged: int


def arm_rows(outcome: Outcome) -> list[ArmRow]:
    """A row for every arm of an outcome."""
    return [_arm_row(outcome, arm) for arm in outcome.design.arms]


def _arm_row(outcome: Outcome, arm: Arm) -> ArmRow:
    records = outcome.replicates(arm.name)
    rate = "not chosen yet"
    if arm.name in outcome.tuned:
        search = outcome.tuned[arm.name].search
        how = "" if not arm.tuned else " (searched)" if search.inside else " (searched; on the edge of the grid)"
        rate = f"{search.rate:g}{how or ' (given)'}"
    return ArmRow(
        arm.name,
        arm.condition,
        rate,
        _measured_mean(outcome, arm, "test_error"),
        parameters(arm.model),
        macs(arm.model),
        f"{sum(record.seconds for record in records) / len(records):.1f}" if records else "",
        sum(record.ended == "diverged" for record in records),
    )


def _measured_mean(outcome: Outcome, arm: Arm, metric: str) -> str:
    found = values(outcome, arm, metric)
    return interval_text(mean_interval(found), metric) if found else "not measured"


def measured_beside(outcome: Outcome, claim: Claim) -> list[tuple[Published, list[str]]]:
    """Every published number of a claim with what was measured for the same arms, a text a condition."""
    counted = [
        decision.measured
        for verdict in outcome.verdicts
        for decision in verdict.decisions
        if verdict.claim == claim and isinstance(decision.rule.estimate, Agreement) and decision.interval
    ]
    return [
        (number, list(dict.fromkeys(_measured(outcome, number))) or list(dict.fromkeys(counted)))
        for number in claim.published
    ]


def _measured(outcome: Outcome, number: Published) -> Iterator[str]:
    if " / " in number.about:
        yield from _compared(outcome, number)
        return
    sought = outcome.design.sought
    for arm in outcome.design.arms:
        if arm.label != number.about or not outcome.replicates(arm.name):
            continue
        text = ""
        if number.quantity.startswith("test accuracy"):
            found = [1 - value for value in values(outcome, arm, "test_error")]
            text = interval_text(mean_interval(found), "test_accuracy") if found else ""
        elif number.quantity.startswith("epochs") and sought is not None:
            text = _epochs(outcome, arm, sought)
        else:
            metric = metric_of(number)
            text = _measured_mean(outcome, arm, metric) if metric else ""
        if text:
            yield f"{arm.condition}: {text}"


def _epochs(outcome: Outcome, arm: Arm, threshold: float) -> str:
    times = [time_to(record, threshold) for record in outcome.replicates(arm.name)]
    return too_early(times, threshold) or time_product([1.0], [times]).text


def _compared(outcome: Outcome, number: Published) -> Iterator[str]:
    """The estimates of rules that compare the two arms that a published number compares, each with most seeds."""
    kind = TimeRatio if number.quantity.startswith("ratio") else Contrast
    if kind is Contrast and not number.quantity.startswith("gain"):
        return
    found: dict[tuple[str, Estimate], list[Decision]] = {}
    for verdict in outcome.verdicts:
        for decision in verdict.decisions:
            estimate, interval = decision.rule.estimate, decision.interval
            if not isinstance(estimate, kind) or interval is None or math.isnan(interval.estimate):
                continue
            called = [outcome.design.arm(name).label for name in estimate.arms]
            pairs = [called] if kind is TimeRatio else [called, called[::-1]]
            if number.about in [" / ".join(pair) for pair in pairs]:
                found.setdefault((decision.rule.condition, estimate), []).append(decision)
    yield from (f"{condition}: {of_most_seeds(same).text}" for (condition, _), same in found.items())
