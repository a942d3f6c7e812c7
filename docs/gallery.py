"""The results that came with the project as pages: the front page's headline, a gallery, and a page an experiment.

Everything is read from the stored results and the experiments while the site is built. Nothing here trains, draws or
imports TensorFlow.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from cnn_study import collection
from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome
from cnn_study.experiment import PROVENANCES, Claim, Setting
from cnn_study.files import replace_file
from cnn_study.places import REFERENCE
from cnn_study.profiles import SCALE
from cnn_study.report.comparison import measured_beside
from cnn_study.report.findings import NO_FINDINGS, Findings
from cnn_study.report.pictures import FORMATS
from cnn_study.report.summary import answers, claims_of, first_claim, table
from cnn_study.stored import outcomes_in, stores_to_read

DOCS = Path(__file__).parent
PROFILE = "quick"
"""The profile that has been run whole; what is stored at the scale of the publications comes first."""

TOPICS = DOCS / "topics"
"""Where the pages of experiments are written for Sphinx to read."""

FRONT = "activations-figure_1", SCALE
"""The figure of the front page, and its profile."""

PARTS = "Claims?|Numbers?|Arms|Rules?|Figures?"
"""The words that begin the parts of an experiment's docstring."""


@cache
def outcomes() -> Sequence[Outcome]:
    """What every experiment has found in the profile that has been run whole."""
    return _outcomes(PROFILE)


@cache
def _outcomes(profile: str) -> Sequence[Outcome]:
    store, setting = stores_to_read(DOCS.parent / REFERENCE, Setting(profile).name)[0]
    return tuple(outcomes_in(store, collection.family(), setting))


@cache
def _found(profile: str) -> Findings:
    """The same, with what is said of it."""
    return Findings(tuple(_outcomes(profile)))


def leading(name: str, *, pictured: bool = True) -> str:
    """The profile whose results on an experiment are shown first: that of the publications as soon as it has any.

    Args:
        name: Of the experiment.
        pictured: Whether there must be a figure of them.
    """
    found = _found(SCALE)
    whole = found.outcome(name)
    shown = whole and found.verdicts(name, first_claim(whole)) and (not pictured or pictures(whole, SCALE))
    return SCALE if shown else PROFILE


def hours() -> str:
    """How many runs of every experiment are stored, and how long they took."""
    found = {
        profile: {each.experiment.name: _taken(each) for each in _outcomes(profile)} for profile in (PROFILE, SCALE)
    }
    head = ("experiment", *(f"`{profile}`: {what}" for profile in found for what in ("runs", "hours of a worker")))
    rows = [(name, *(cell for each in found.values() for cell in _amount(each[name]))) for name in found[PROFILE]]
    totals = (_amount([sum(column) for column in zip(*each.values(), strict=True)]) for each in found.values())
    rows.append(("all", *(cell for cells in totals for cell in cells)))
    return table(head, rows)


def _taken(outcome: Outcome) -> tuple[int, float]:
    """Stored runs of an experiment, searches too, and their hours."""
    return len(outcome.runs), sum(record.seconds for record in outcome.runs.values()) / 3600


def _amount(taken: Sequence[float]) -> tuple[str, str]:
    runs, spent = taken
    return (f"{runs:,.0f}", f"{spent:.2g}") if runs else ("", "")


# --- front page and gallery ---


def headline() -> str:
    """How many claims hold, how many do not, and a figure."""
    small, large = _found(PROFILE), _found(SCALE)
    runs = {key for profile in (PROFILE, SCALE) for each in _outcomes(profile) for key in each.stored}
    there, here = (f"{sum(each.survives.values())} of {len(each.survives)}" for each in (large, small))
    return (
        f"**{large.headline}** So it is at the scale of the publications, the profile `{SCALE}`, in the "
        f"{len(large.complete)} of {len(large.outcomes)} experiments that have been run whole there. On small subsets, "
        f"the profile `{PROFILE}`: {small.headline} Of the verdicts that rest on seeds, {there} there and {here} here "
        f"survive Holm's correction for all tests together. All rests on {len(runs):,} training runs and "
        f"{sum(len(each.checks) for each in outcomes())} exact checks.\n\n"
        f"{figure(*FRONT)}"
    )


def cards() -> str:
    """A card an experiment: picture, verdict, a sentence, downloads, command."""
    return "\n\n".join(["::::{container} cards", *map(_card, outcomes()), "::::"])


def _card(outcome: Outcome) -> str:
    name, claim = outcome.experiment.name, first_claim(outcome)
    profile = leading(name)
    holds, measured, *_ = answers(_found(profile), name, claim)
    picture = next(iter(pictures(outcome, profile)))
    return "\n\n".join(
        [
            ":::{container} card",
            f"[![{outcome.experiment.title}: {picture}]({_source(picture, profile)})](topics/{name}.md)",
            f"**[{outcome.experiment.title}](topics/{name}.md)**",
            f"{holds}: {claim.statement}",
            *(f"*{_text(line)}*" for line in measured.split("<br>")),
            f"In `{profile}`. {_downloads(picture, profile)}",
            f"`make experiments EXPERIMENTS={name}`",
            ":::",
        ]
    )


# --- figures ---


def pictures(outcome: Outcome, profile: str = PROFILE) -> Sequence[str]:
    """Names of the figures of an experiment that are stored in a profile, in the order of its page."""
    names = (f"{outcome.experiment.name}-{plot.file}" for plot in outcome.experiment.plots)
    return [name for name in names if (_figures(profile) / f"{name}.png").is_file()]


def _figures(profile: str) -> Path:
    return DOCS.parent / REFERENCE / profile / "figures"


def figure(name: str, profile: str = PROFILE, up: str = "") -> str:
    """A figure with its caption and downloads.

    Args:
        name: Of its files.
        profile: Whose it is.
        up: From the page to the folder of the documentation, such as ``../``.
    """
    caption = (_figures(profile) / f"{name}.txt").read_text(encoding="utf-8").strip()
    head = f"```{{figure}} {_source(name, profile, up)}\n:alt: {json.dumps(caption, ensure_ascii=False)}"
    return f"{head}\n\n{_text(caption)}\n{_downloads(name, profile, up)}\n```"


def _source(name: str, profile: str = PROFILE, up: str = "", suffix: str = "png") -> str:
    return f"{up}../{REFERENCE.as_posix()}/{profile}/figures/{name}.{suffix}"


def _downloads(name: str, profile: str = PROFILE, up: str = "") -> str:
    found = ((suffix, _source(name, profile, up, suffix)) for suffix in FORMATS)
    return " ".join(f"{{download}}`{suffix.upper()} <{source}>`" for suffix, source in found)


def _text(words: str) -> str:
    """Words that are no markup."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", words)


# --- the page of an experiment ---


def write_topics() -> None:
    """Write the pages of all experiments, and remove those of experiments that are gone."""
    TOPICS.mkdir(exist_ok=True)
    pages = {TOPICS / f"{outcome.experiment.name}.md": topic(outcome) for outcome in outcomes()}
    for path in set(TOPICS.glob("*.md")) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        replace_file(path, lambda file, text=text: file.write_text(text, encoding="utf-8"))


def topic(outcome: Outcome) -> str:
    """The page of an experiment: what it asks, what came out, how that was decided."""
    return "\n\n".join(_topic(outcome)) + "\n"


def _topic(outcome: Outcome) -> Iterator[str]:
    experiment = outcome.experiment
    profile = leading(experiment.name, pictured=False)
    large = _found(SCALE) if profile == SCALE else NO_FINDINGS
    shown = large.outcome(experiment.name) or outcome
    yield f"# {experiment.title}"
    yield _prose(inspect.getdoc(sys.modules[f"experiments.{experiment.name}"]) or "")
    yield f"```sh\nmake experiments EXPERIMENTS={experiment.name}\n```"
    yield _run_time(experiment.name)
    yield "## What came out"
    yield f"In the profile `{profile}`{_proxy(shown)}:"
    yield claims_of(experiment, _found(PROFILE), large)
    yield "° does not survive Holm's correction for all tests together. *-*: not tested."
    yield from (figure(name, profile, "../") for name in pictures(outcome, profile))
    yield from _published(shown)
    if large.outcomes:
        yield f"## In the profile `{PROFILE}`"
        yield f"What `make experiments` trains{_proxy(outcome)}."
        yield from (figure(name, PROFILE, "../") for name in pictures(outcome, PROFILE))
    yield "## What decides"
    yield (
        f"Rules in `{profile}`, written before these runs. [How verdicts are made](../explanation/verdicts.md) says "
        "what the words mean, and the file results/DEVIATIONS.md what earlier results had shown by then."
    )
    for claim in experiment.claims:
        yield from _decided(shown, claim, profile)
    yield from _ledger(experiment.name)


def _run_time(name: str) -> str:
    """How many runs of an experiment are stored, and how long workers took for them."""
    taken = {
        profile: _amount(_taken(outcome)) for profile in (PROFILE, SCALE) if (outcome := _found(profile).outcome(name))
    }
    parts = [f"`{profile}` {runs} runs, {spent} hours of a worker" for profile, (runs, spent) in taken.items() if runs]
    return f"**Run time:** {'; '.join(parts) or 'exact checks alone, seconds'}."


def _proxy(outcome: Outcome) -> str:
    return f", a proxy: {_text(outcome.design.proxy)}" if outcome.design.proxy else ""


def _prose(docstring: str) -> str:
    """A docstring with the words that begin its parts, such as ``Arms:``, set apart."""
    return re.sub(rf"\s*(?:^|(?<=[.?]\s))({PARTS}): ", r"\n\n**\1:** ", docstring, flags=re.MULTILINE)


def _published(outcome: Outcome) -> Iterator[str]:
    rows = [
        (
            f"{number.quantity}{f', {number.about}' if number.about else ''}",
            number.text,
            "<br>".join(map(_text, measured)) or "not measured here",
            f"{number.source}; {PROVENANCES[number.provenance]}",
        )
        for claim in outcome.experiment.claims
        for number, measured in measured_beside(outcome, claim)
    ]
    if rows:
        yield "## Published and measured"
        yield table(("quantity", "published", "measured, with its interval", "source, and how it is known"), rows)


def _decided(outcome: Outcome, claim: Claim, profile: str) -> Iterator[str]:
    yield f"### {claim.name}"
    yield claim.statement
    verdicts = [each for each in outcome.verdicts if each.claim == claim]
    rows = [_decision(each, decision) for each in verdicts for decision in each.decisions]
    yield table(("aspect", "condition", "verdict", "measured", "rule"), rows)
    for each in verdicts:
        if not each.decisions and each.reason:
            yield f"{each.aspect.capitalize()}: {each.verdict} ({_text(each.reason)})."
    yield f"```sh\ncnn-study explain {claim.name} --profile {profile}\n```"


def _decision(verdict: ClaimVerdict, decision: Decision) -> Sequence[str]:
    rule, interval = decision.rule, decision.interval
    measured = f"{interval.text}; n = {interval.n:,}" if interval else "nothing"
    return verdict.aspect, _text(rule.condition), decision.verdict, _text(measured), _text(rule.sentence)


def _ledger(name: str) -> Iterator[str]:
    """What the ledger says of an experiment."""
    text = (DOCS / "explanation" / "ledger.md").read_text(encoding="utf-8")
    for heading, body in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        if name in heading.split(", "):
            yield "## What papers leave open"
            yield re.sub(r"\]\((?=[\w-]+\.md)", "](../explanation/", body.strip())
