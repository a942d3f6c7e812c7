"""Which arms stop at a training error and did not get there: they are compared with others that fit better.

Experiments that compare test errors let all arms train to the same training error, so that none is better because it
was trained longer. An arm whose epochs are over before that is not at equal fit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Contrast, Estimate

METRICS = (
    "test_error",
    "test_error_at_best_validation",
    "generalization_gap",
    "shifted_accuracy",
    "shift_drop",
    "accuracy_at_distance",
    "accuracy_at_border",
    "accuracy_at_center",
)
"""Outcomes and families of outcomes that depend on how well a network fits its training images."""


def missed(outcome: Outcome, estimates: Iterable[Estimate]) -> Mapping[str, tuple[int, int]]:
    """Of the arms that are compared in errors: how many of their seeds missed the training error at which they stop.

    Times to that error are not asked about: there a seed that does not get there is censored.

    Args:
        outcome: The outcome of the experiment.
        estimates: Differences of errors.

    Returns:
        By the name of the arm, the seeds that missed it and all that are stored; only arms of which some did.
    """
    terms = (term for each in estimates if isinstance(each, Contrast) for term in each.terms)
    asked = dict.fromkeys(term.arm for term in terms if term.metric.partition("/")[0] in METRICS)
    found = {}
    for name in asked:
        seeds = [record.ended == "target" for record in outcome.replicates(name)]
        if outcome.design.arm(name).train.target_train_error is not None and not all(seeds):
            found[name] = (seeds.count(False), len(seeds))
    return found


def text(outcome: Outcome, estimates: Iterable[Estimate]) -> str:
    """A sentence about the arms that missed their training error; empty if none did."""
    labels = Counter(arm.label for arm in outcome.design.arms)
    found: dict[float, list[str]] = {}
    for name, (seeds, of) in missed(outcome, estimates).items():
        arm = outcome.design.arm(name)
        called = arm.label if labels[arm.label] == 1 else name
        found.setdefault(arm.train.target_train_error or 0.0, []).append(f"{called} ({seeds} of {of} seeds)")
    parts = [
        f"{100 * target:g} % training error was not reached by {', '.join(arms)}" for target, arms in found.items()
    ]
    return f"{'; '.join(parts)}: what is compared does not fit its training images equally well." if parts else ""
