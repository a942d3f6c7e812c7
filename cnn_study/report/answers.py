"""Verdicts as sentences: what a claim comes to, what is still needed, and how many claims hold."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome
from cnn_study.analysis.sensitivity import outlook, undecided
from cnn_study.analysis.significance import UNCORRECTED, Key, mark
from cnn_study.experiment import Agreement, Aspect, Contrast, Design, TimeRatio, Verdict
from cnn_study.experiment.estimate import in_words as metric_in_words

SHOWN = 4
"""Conditions that a sentence names; those beyond are only counted."""


def answer(verdict: ClaimVerdict, design: Design) -> str:
    """What an aspect of a claim comes to, in a sentence of its verdict and the intervals behind it.

    Args:
        verdict: Of one aspect of a claim.
        design: Of its experiment.
    """
    if verdict.verdict == "not tested":
        return f"Not tested here: {verdict.reason}."
    ruling = [decision for decision in verdict.decisions if not decision.rule.premise]
    if verdict.verdict == "mixed":
        holds, fails, rest = (
            [each for each in ruling if each.verdict == found]
            for found in ("supported", "contradicted", "inconclusive")
        )
        text = f"It depends. It holds for {_list(holds, design)}; it does not for {_list(fails, design)}"
        return f"{text}; open for {_list(rest, design)}." if rest else f"{text}."
    telling = [each for each in ruling if each.verdict == verdict.verdict] or verdict.decisions
    return f"{_opening(verdict)}: {_list(telling, design)}{_finding(verdict)}."


def _opening(verdict: ClaimVerdict) -> str:
    opening = {
        ("direction", "supported"): "Yes, it holds",
        ("direction", "contradicted"): "No, it does not hold",
        ("magnitude", "supported"): "It is as large as published",
        ("magnitude", "contradicted"): "It is not as large as published",
        ("mechanism", "supported"): "The stated cause is the cause",
        ("mechanism", "contradicted"): "The stated cause is not the cause",
    }
    return opening.get((verdict.aspect, verdict.verdict), "Open")


def _finding(verdict: ClaimVerdict) -> str:
    texts = dict.fromkeys(filter(None, (each.finding or each.reason for each in verdict.decisions)))
    return f"; {'; '.join(texts)}" if texts else ""


def _list(decisions: Sequence[Decision], design: Design) -> str:
    texts = [f"{in_words(each, design)} ({each.rule.condition})" for each in decisions]
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def in_words(decision: Decision, design: Design) -> str:
    """What was measured, with interval, unit and seeds, as one would say it: without the condition.

    As in "tanh against ReLU: 1.78 [1.36, 2.32] times as long to 25 % training error, 4 seeds" and "stride 4 against
    stride 1: test error 2.9 [0.359, 5.43] points higher, 4 seeds".

    Args:
        decision: On the estimate.
        design: Of its experiment.
    """
    estimate, interval, called = decision.rule.estimate, decision.interval, _labels(decision, design)
    if interval is None:
        return labeled(f"{estimate.text}: nothing measured", decision, design)
    if interval.text == "unknown":
        return labeled(f"{estimate.text}: not known", decision, design)
    seeds = f", {interval.n} seeds{decision.level_text}" if interval.n > 1 else ""
    if isinstance(estimate, Agreement):
        return f"{interval.text} of an exact check agree"
    if isinstance(estimate, TimeRatio):
        what = f"times as long to {100 * estimate.threshold:g} % training error{seeds}"
        return f"{called[estimate.numerator]} against {called[estimate.denominator]}: {interval.text} {what}"
    if isinstance(estimate, Contrast) and estimate.is_gain:
        worse, better = estimate.terms
        # An error that rises is told as such, with the limits in the other order; not where a finding speaks of a gain.
        above = interval.estimate < 0 and not decision.finding
        size = replace(interval, estimate=-interval.estimate, low=-interval.high, high=-interval.low)
        found = f"{(size if above else interval).text} {'higher' if above else 'lower'}{seeds}"
        return f"{called[better.arm]} against {called[worse.arm]}: {metric_in_words(better.metric)} {found}"
    return f"{labeled(estimate.text, decision, design)}: {interval.text}{seeds}"


def labeled(text: str, decision: Decision, design: Design) -> str:
    """A text about an estimate that calls its arms by their labels, but for those that only repeat a condition.

    Args:
        text: With the names of the arms.
        decision: On the estimate.
        design: With the arms.
    """
    labels = _labels(decision, design)
    if not labels:
        return text
    names = "|".join(re.escape(name) for name in sorted(labels, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda found: labels[found[0]], text)


def _labels(decision: Decision, design: Design) -> Mapping[str, str]:
    """What to call the arms of an estimate, by their names: the names, where labels would not tell them apart."""
    arms = [design.arm(name) for name in decision.rule.estimate.arms]
    labels = {arm.name: arm.name if arm.label == arm.condition else arm.label for arm in arms}
    return labels if len(set(labels.values())) == len(labels) else {name: name for name in labels}


def needed(verdicts: Iterable[ClaimVerdict]) -> list[str]:
    """What would decide the rules of a claim that are still open, a sentence a rule; empty if nothing is open.

    Args:
        verdicts: Of one claim.
    """
    return list(dict.fromkeys(_needed(verdicts)))


def _needed(verdicts: Iterable[ClaimVerdict]) -> Iterator[str]:
    for verdict in verdicts:
        for each in verdict.decisions if verdict.verdict != "not tested" else ():
            if each.verdict in ("supported", "contradicted"):
                continue
            seeds = f"{each.look.following} seeds are planned next. " if each.look and each.state == "open" else ""
            text = outlook(each) or undecided(each) or each.reason
            if text:
                yield f"{each.rule.condition}: {seeds}{text}{'' if text.endswith('.') else '.'}"


def tested(outcomes: Iterable[Outcome], aspect: Aspect) -> Counter[Verdict]:
    """How often each verdict was given on an aspect.

    Args:
        outcomes: Of the experiments that are counted.
        aspect: Which.
    """
    return Counter(each.verdict for outcome in outcomes for each in outcome.verdicts if each.aspect == aspect)


def headline(outcomes: Sequence[Outcome], survives: Mapping[Key, bool] = MappingProxyType({})) -> str:
    """How many claims hold, as in "45 of 60 claims hold, 3 of them perhaps by chance (°); 9 do not, 6 are open".

    Args:
        outcomes: Of all experiments of the page.
        survives: Which verdicts survive the correction for all tests; of the others it is said.
    """
    found = tested(outcomes, "direction")
    total, holds = found.total(), found["supported"]
    unsure = sum(
        bool(mark(each, survives))
        for outcome in outcomes
        for each in outcome.verdicts
        if (each.aspect, each.verdict) == ("direction", "supported")
    )
    others: Mapping[Verdict, tuple[str, str]] = {
        "contradicted": ("does not", "do not"),
        "mixed": ("depends on the condition", "depend on the condition"),
        "inconclusive": ("is open", "are open"),
        "not tested": ("is not tested", "are not tested"),
    }
    parts = [f"{count} {words[count > 1]}" for verdict, words in others.items() if (count := found[verdict])]
    chance = f", {unsure} of them perhaps by chance ({UNCORRECTED})" if unsure else ""
    rest = f"; {', '.join(parts)}" if parts else ""
    return f"{holds} of {total} claim{'' if total == 1 else 's'} {'holds' if holds == 1 else 'hold'}{chance}{rest}."
