"""Verdicts as sentences: what a claim comes to, what is still needed, and how many claims hold."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome
from cnn_study.analysis.sensitivity import outlook, undecided
from cnn_study.experiment import Agreement, Aspect, Design, Verdict

SHOWN = 3
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
    often = Counter(each.rule.condition for each in decisions)
    texts = []
    for each in decisions:
        what = f", {labeled(each.rule.estimate.text, each, design)}" if often[each.rule.condition] > 1 else ""
        texts.append(f"{each.rule.condition}{what} ({_measured(each)})")
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def labeled(text: str, decision: Decision, design: Design) -> str:
    """A text about an estimate that calls its arms by their labels.

    Args:
        text: With the names of the arms.
        decision: On the estimate.
        design: With the arms.
    """
    labels = {name: design.arm(name).label for name in decision.rule.estimate.arms}
    if len(set(labels.values())) < len(labels) or not labels:
        return text  # They would not tell the arms apart.
    names = "|".join(re.escape(name) for name in sorted(labels, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda found: labels[found[0]], text)


def _measured(decision: Decision) -> str:
    if decision.interval is None:
        return "nothing measured"
    if isinstance(decision.rule.estimate, Agreement):
        return decision.interval.text
    return f"{decision.interval.text}, {decision.interval.n} seed{'s' if decision.interval.n > 1 else ''}"


def needed(verdicts: Iterable[ClaimVerdict]) -> list[str]:
    """What would decide the rules of a claim that are still open, a sentence a rule; empty if nothing is open.

    Args:
        verdicts: Of one claim.
    """
    return list(dict.fromkeys(_needed(verdicts)))


def _needed(verdicts: Iterable[ClaimVerdict]) -> Iterator[str]:
    for verdict in verdicts:
        for each in verdict.decisions:
            if each.verdict in ("supported", "contradicted"):
                continue
            seeds = f"{each.look.following} seeds are planned next. " if each.look and each.open else ""
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


def headline(outcomes: Sequence[Outcome]) -> str:
    """How many claims hold, as in "45 of 60 claims hold; 9 do not, 5 depend on the condition, 1 is open".

    Args:
        outcomes: Of all experiments of the page.
    """
    found = tested(outcomes, "direction")
    total, holds = found.total(), found["supported"]
    others: Mapping[Verdict, tuple[str, str]] = {
        "contradicted": ("does not", "do not"),
        "mixed": ("depends on the condition", "depend on the condition"),
        "inconclusive": ("is open", "are open"),
        "not tested": ("is not tested", "are not tested"),
    }
    parts = [f"{count} {words[count > 1]}" for verdict, words in others.items() if (count := found[verdict])]
    rest = f"; {', '.join(parts)}" if parts else ""
    return f"{holds} of {total} claim{'' if total == 1 else 's'} {'holds' if holds == 1 else 'hold'}{rest}."
