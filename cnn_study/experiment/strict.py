"""Whether everything that a page declares exists: asked when the page is read, before anything is trained."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from pydantic import ValidationError

from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment.arm import Arm
from cnn_study.experiment.claim import Claim
from cnn_study.experiment.design import Design
from cnn_study.experiment.estimate import Agreement, Contrast, Estimate, HalfGap, TimeRatio
from cnn_study.experiment.metric import METRICS, Metric, MetricKind, named
from cnn_study.experiment.plot import KINDS, Plot
from cnn_study.experiment.rule import Condition, Rule
from cnn_study.spec import one_line

READABLE: dict[str, tuple[MetricKind, ...]] = {
    "outcome": ("outcome",),
    "curve": ("curve",),
    "layer": ("layer", "curve"),
    "family": ("family",),
}
"""The kinds of metrics that a figure of each kind can show: a figure by layer shows a plain curve as one line."""


def check_claims(claims: Sequence[Claim]) -> None:
    """Refuse claims of one name.

    Raises:
        InputError: Two claims have the same name.
    """
    names = [claim.name for claim in claims]
    for number, claim in enumerate(claims):
        if claim.name in names[:number]:
            raise claim.refused(InputError(f"there are two claims of the name {claim.name!r}: rename one"))


def check_design(design: Design, claims: Sequence[Claim], plots: Iterable[Plot]) -> None:
    """Refuse a design that names what does not exist.

    Args:
        design: The experiment in a setting.
        claims: The claims that it tests.
        plots: The figures drawn from its results.

    Raises:
        InputError: A rule is about an unknown claim, condition or metric; a claim has neither a rule nor a reason; a
            reason stands for an aspect that a rule decides; a figure names an unknown arm, claim, metric or check; an
            arm's images do not fit its network.
    """
    for rule in design.rules:
        _check_rule(rule, design, [claim.name for claim in claims])
    for claim in claims:
        _check_claim(claim, design)
    for plot in plots:
        _check_plot(plot, design, [claim.name for claim in claims])
    for arm in design.arms:
        _check_arm(arm, design)


def check_labels(claims: Iterable[Claim], labels: Collection[str]) -> None:
    """Refuse published numbers about labels that no arm has in any profile.

    Args:
        claims: The claims, with their published numbers.
        labels: The labels of all arms in all profiles.

    Raises:
        InputError: A number is about a label that no arm has.
    """
    for number in (number for claim in claims for number in claim.published):
        for label in number.labels:
            if label not in labels:
                raise number.refused(unknown_name("label", label, labels))


def _check_rule(rule: Rule, design: Design, claims: Sequence[str]) -> None:
    if rule.claim not in claims:
        raise rule.refused(unknown_name("claim", rule.claim, claims))
    if isinstance(rule.estimate, Agreement):
        return
    if not isinstance(rule.condition, Condition) and rule.condition not in design.conditions:
        error = unknown_name("condition", rule.condition, design.conditions)
        raise rule.refused(
            InputError(f"{error}; a condition that no arm has is declared as Condition({rule.condition!r})")
        )
    if isinstance(rule.estimate, TimeRatio | HalfGap):
        _check_threshold(rule, rule.estimate, design)
    for arm, metric in _terms(rule.estimate):
        _check_metric(metric, ("outcome", "family"), [design.arm(arm)], rule)


def _check_threshold(rule: Rule, estimate: TimeRatio | HalfGap, design: Design) -> None:
    """Refuse to time what no run of an arm can reach, since all end before it."""
    for arm in map(design.arm, estimate.arms):
        end = arm.train.target_train_error
        if end is not None and end > estimate.threshold:
            raise rule.refused(
                InputError(
                    f"a rule times the training error {estimate.threshold:g}, but the arm {arm.name!r} ends at "
                    f"{end:g}: give it a target_train_error that is no larger"
                )
            )


def _terms(estimate: Estimate) -> Iterable[tuple[str, str]]:
    return [(term.arm, term.metric) for term in estimate.terms] if isinstance(estimate, Contrast) else []


def _check_metric(name: str, kinds: tuple[MetricKind, ...], arms: Sequence[Arm], asked: Rule | Plot) -> None:
    """Refuse a metric that does not exist, or that none of the arms will have."""
    found = list(named(name, kinds))
    if not found:
        raise asked.refused(unknown_name("metric", name, {metric.name for metric in METRICS if metric.kind in kinds}))
    if not any(metric.of(arm) for metric in found for arm in arms):
        who = f"the arm {arms[0].name!r}" if len(arms) == 1 else "none of the arms"
        raise asked.refused(InputError(f"{name} is not measured on {who}: {_remedy(found[0], arms)}"))


def _remedy(metric: Metric, arms: Sequence[Arm]) -> str:
    if metric.probe:
        return f"add the probe {metric.probe!r} to it"
    if metric.test_curve and not any(arm.train.test_curve for arm in arms):
        return "give its training test_curve=True"
    return "give its data a validation_size"


def _check_claim(claim: Claim, design: Design) -> None:
    decided = {rule.aspect for rule in design.rules if rule.claim == claim.name}
    if not decided and "direction" not in claim.untested:
        raise claim.refused(
            InputError(f"the claim {claim.name!r} has no rule: give it one, or say why its direction is not tested")
        )
    for number in claim.published:
        if not number.fits({**DATASETS, **design.own}):
            raise number.refused(unknown_name("data set", str(number.dataset), {**DATASETS, **design.own}))
    for aspect in decided & set(claim.untested):
        raise claim.refused(
            InputError(f"the claim {claim.name!r} says why its {aspect} is not tested, and has a rule for it: keep one")
        )


def _check_plot(plot: Plot, design: Design, claims: Sequence[str]) -> None:
    try:
        plot.check(design.arms, claims)
    except InputError as error:
        raise plot.refused(error) from None
    kind = KINDS[plot.kind]
    shown = [arm for arm in design.arms if plot.shows(arm)]
    if kind.probe and not any(kind.probe in arm.probes for arm in shown):
        raise plot.refused(
            InputError(f"the figure {plot.file} shows no arm with the probe {kind.probe!r}: add it to one of them")
        )
    if kind.timed and design.threshold is None:
        raise plot.refused(
            InputError(f"the figure {plot.file} needs a training error that is timed: by a rule, or by the search")
        )
    wanted = kind.metric
    if wanted == "check":
        check, _, _ = plot.metric.partition(":")
        checks = [each.check for each in design.checks]
        if check and check not in checks:
            raise plot.refused(unknown_name("check", check, checks))
    elif wanted:
        _check_metric(plot.metric, READABLE[wanted], shown, plot)


def _check_arm(arm: Arm, design: Design) -> None:
    """Refuse images that do not fit the network, and a training that cannot be meant of so many."""
    dataset = design.dataset(arm.data)
    shape, outputs = arm.data.image_shape(dataset.image_shape), math.prod(arm.model.shapes()[-1])
    if shape != arm.model.input_shape or outputs < len(dataset.classes):
        wanted = f"images of {arm.model.input_shape} and up to {outputs} classes"
        raise arm.refused(InputError(f"the arm {arm.name!r} is for {wanted}, got {shape} and {len(dataset.classes)}"))
    validated = design.search is not None and design.search.sought is None
    if arm.tuned and validated and not arm.validated:
        raise arm.refused(
            InputError(f"the arm {arm.name!r} is tuned on its validation error: give its data a validation_size")
        )
    try:
        drawn = arm.data.drawn(dataset.arrays["x_train"].shape[0])
        replace(arm, data=arm.data.but(train_size=drawn)).run(arm.train.learning_rate, 0)
    except ValidationError as error:
        raise arm.refused(InputError(f"the arm {arm.name!r}: {one_line(error)}")) from None
