"""Turns a page into an experiment: claims with their rules, sizes, arms, figures."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NoReturn

from cnn_study.checks.table import check
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError
from cnn_study.experiment import (
    Arm,
    Aspect,
    Claim,
    Design,
    Experiment,
    Objective,
    Plot,
    Published,
    RateSearch,
    Rule,
    Setting,
)
from cnn_study.experiment.estimate import Agreement
from cnn_study.page.sizes import SMOKE, Sizes
from cnn_study.page.workbench import Workbench

FIRST_SEED = 101
"""The first seed of the replicates. Seeds below have been seen in results of earlier versions."""

Rules = Callable[[Workbench], Iterable[Rule]]
Page = Callable[[Workbench], Iterable[Arm]]


def claim(
    statement: str,
    *,
    published: Iterable[Published] = (),
    direction: str = "",
    magnitude: str = "",
    mechanism: str = "",
) -> Callable[[Rules], Claim]:
    """Makes a claim of a function that gives its rules; its name is that of the function, with dashes.

    Args:
        statement: The claim in one sentence.
        published: The numbers it rests on.
        direction: Why no rule decides the direction; empty where one does.
        magnitude: Why no rule decides the magnitude; empty where one does.
        mechanism: Why no rule decides the mechanism; empty where one does.
    """
    reasons: Mapping[Aspect, str] = {"direction": direction, "magnitude": magnitude, "mechanism": mechanism}
    untested: Mapping[Aspect, str] = {aspect: reason for aspect, reason in reasons.items() if reason}

    def made(rules: Rules) -> Claim:
        return Claim(rules.__name__.replace("_", "-"), statement, tuple(published), untested, rules)

    return made


def ablation(
    title: str,
    *,
    claims: Iterable[Claim],
    quick: Sizes | None = None,
    full: Sizes | None = None,
    smoke: Sizes = SMOKE,
    tune: Objective | None = None,
    searches: int = 1,
    checks: Iterable[str] = (),
    figures: Iterable[Plot | str] = (),
) -> Callable[[Page], Experiment]:
    """Makes an experiment of a function that gives its arms; its name is that of the function.

    Args:
        title: The title of the experiment for people.
        claims: The claims that are tested, each with its rules.
        quick: Sizes in the profile `quick`; ``None``: those of `smoke`, but no trial.
        full: Sizes in the profile `full`; ``None``: those of `quick`.
        smoke: Sizes of a trial.
        tune: The number that the best learning rate minimizes; ``None`` if no arm is tuned.
        searches: Number of seeds that every rate is tried with: two where training is unstable.
        checks: Names of exact checks to be made.
        figures: The figures; a name stands for a plot of that kind.
    """
    quick = quick or smoke.but(trial=False)
    sizes = {"smoke": smoke, "quick": quick, "full": full or quick}
    claims, checks = tuple(claims), tuple(checks)

    def made(page: Page) -> Experiment:
        if page.__module__ == "__main__":
            _run_as_a_script()

        def design(setting: Setting) -> Design:
            at = Workbench(setting, sizes[setting.profile])
            arms = tuple(page(at))
            rules = tuple(rule for each in claims for rule in _rules(each, at, arms))
            wanted = tuple(check(name, sample=at.trial) for name in checks)
            tuned = tune and any(arm.tuned for arm in arms)
            search = RateSearch(tune, at.sizes.rates, repeats=searches) if tune and tuned else None
            seeds = tuple(range(FIRST_SEED, FIRST_SEED + at.sizes.replicates)) if arms else ()
            looks = at.sizes.looks if arms and at.sizes.seeds is None else ()
            used = {each.name: each for each in (at.dataset,) if each.name not in DATASETS}
            return Design(arms, search, seeds, rules, _proxy(at, arms), wanted, looks, used)

        return Experiment(page.__name__, title, claims, design, tuple(figures))

    return made


def _run_as_a_script() -> NoReturn:
    """A page that is run as a script becomes ``cnn-study run`` with itself."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None or "ipykernel" in sys.modules:
        raise InputError("an ablation is a file of its own: save this as my_ablation.py, cnn-study run my_ablation.py")
    os.execv(sys.executable, [sys.executable, "-m", "cnn_study.cli", "run", str(file), *sys.argv[1:]])  # noqa: S606


def _rules(each: Claim, at: Workbench, arms: tuple[Arm, ...]) -> Iterable[Rule]:
    """The rules of a claim, each with the name of the claim and its condition."""
    for rule in each.rules(at) if each.rules else ():
        yield replace(rule, claim=each.name, condition=rule.condition or _common(rule, arms))


def _common(rule: Rule, arms: tuple[Arm, ...]) -> str:
    """The condition that the compared arms share."""
    if isinstance(rule.estimate, Agreement):
        return "all cases"
    found = list(dict.fromkeys(arm.condition for arm in arms if arm.name in rule.estimate.arms))
    if len(found) > 1:
        raise rule.refused(
            InputError(
                f"the rule compares arms of the conditions {', '.join(found)}: name its own with under=Condition(…)"
            )
        )
    return found[0] if found else ""  # Of arms that do not exist: that is told next.


def _proxy(at: Workbench, arms: tuple[Arm, ...]) -> str:
    """Why results stand for published ones only as a proxy; empty if they do not."""
    own = at.sizes.images
    replaced = at.setting.images
    instead = f"the data set {replaced.name} in the place of {own.title}" if replaced not in (None, own) else ""
    if at.trial:
        what = "a trial run on a handful of images" if arms else "a trial run with a part of the cases"
        return ", ".join(filter(None, [what, instead])) if arms else what
    if not arms:
        return ""
    there = own.arrays["x_train"].shape[0]
    sizes = {arm.data.train_size for arm in arms}
    most = {there - arm.data.validation_size for arm in arms}
    if instead or None in sizes or sizes & most:
        return instead  # An arm with all images is there for what was published; figures say on how many each trains.
    *fewer, largest = (f"{size:,}" for size in sorted(filter(None, sizes)))
    drawn = f"{', '.join(fewer)} or {largest}" if fewer else largest
    if len({arm.data.name for arm in arms}) > 1:
        return f"{drawn} training images of each data set"
    return f"{drawn} of the {there:,} training images of {own.title}"
