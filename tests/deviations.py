"""The rules under which the committed results were judged: none changes unless ``results/DEVIATIONS.md`` says so.

``python tests/deviations.py`` writes ``results/rules.json``: of every experiment with results in a profile, a digest of
each rule, with the heading of the entry of ``results/DEVIATIONS.md`` that covers it; empty where none names the
experiment. A rule that has changed since, was added or dropped needs a newer entry that names its experiment: in one of
its headings, or with the words "all experiments" in its first.
"""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cnn_study import collection
from cnn_study.errors import StudyError
from cnn_study.experiment import PROFILES, Design
from cnn_study.spec import digest
from cnn_study.stored import designed, settings_of

RESULTS = Path(__file__).parents[1] / "results"
COMMAND = "python tests/deviations.py"
ALL = "all experiments"

Rules = Mapping[str, str]
"""Digests by what names a rule: claim, aspect, condition, and a number where that is not unique."""
Judged = Mapping[str, Mapping[str, Rules]]
"""The rules of the experiments with results, by the names of the folder and of the experiment."""
Kept = dict[str, dict[str, dict[str, Any]]]
"""The same as it is stored: for every rule its ``digest`` and its ``entry``."""


def rules_of(design: Design) -> dict[str, str]:
    """The rules of a design: everything that decides them, but not what their arms are."""
    found: dict[str, str] = {}
    for rule in design.rules:
        name = f"{rule.claim}, {rule.aspect}, {rule.condition}"
        number = sum(each == name or each.startswith(f"{name} #") for each in found) + 1
        # The sentence rounds its limits, and the text of a contrast does not have its terms: both stand here too.
        exact = [repr(each) for each in (rule.estimate, rule.low, rule.high, rule.smallest, rule.published)]
        parts = [rule.claim, rule.aspect, rule.condition, rule.sentence, exact, list(design.looks)]
        found[name if number == 1 else f"{name} #{number}"] = digest(parts)[:16]
    return found


def judged(results: Path = RESULTS) -> Judged:
    """The rules, as they are now, of all experiments in the tables of verdicts beside results."""
    experiments = collection.load()
    found: dict[str, dict[str, Rules]] = {}
    for setting in (each for profile in PROFILES for each in settings_of(results, profile)):
        table = results / setting.name / "verdicts.csv"
        if table.exists():
            with table.open(encoding="utf-8", newline="") as file:
                names = dict.fromkeys(row["experiment"] for row in csv.DictReader(file))
            designs = {experiment.name: design for experiment, design in designed(experiments, setting)}
            found[setting.name] = {name: rules_of(designs[name]) if name in designs else {} for name in names}
    return found


def entries(text: str) -> dict[str, str]:
    """The entries of ``DEVIATIONS.md``, newest first: their headings with all headings in them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            found[line.removeprefix("## ").strip()] = line
        elif line.startswith("### ") and found:
            found[list(found)[-1]] += f", {line}"
    return found


def covering(experiment: str, text: str) -> str:
    """The newest entry that names an experiment; empty if there is none."""
    for heading, headings in entries(text).items():
        words = headings.replace("#", " ").replace(",", " ").replace(":", " ").split()
        if experiment in words or ALL in heading:
            return heading
    return ""


def changes(now: Judged, kept: Kept) -> Iterator[tuple[str, str, str, str]]:
    """Every rule that is not as it is kept: folder, experiment, rule, and what happened to it."""
    for folder in {**now, **kept}:
        for experiment in {**now.get(folder, {}), **kept.get(folder, {})}:
            rules = now.get(folder, {}).get(experiment, {})
            before = kept.get(folder, {}).get(experiment)
            if before is None:
                yield folder, experiment, "all its rules", "not kept"
                continue
            for name in {**before, **rules}:
                if name not in rules or name not in before:
                    yield folder, experiment, name, "added" if name in rules else "dropped"
                elif rules[name] != before[name]["digest"]:
                    yield folder, experiment, name, "changed"


def problems(now: Judged, kept: Kept) -> list[str]:
    """What the test tells: a line a rule that is not as it is kept."""
    remedy = f"write an entry in results/DEVIATIONS.md and run `{COMMAND}`"
    return [
        f"{experiment}: {rule}: results are in results/{folder}, but the rules are not in results/rules.json: "
        f"run `{COMMAND}`"
        if what == "not kept"
        else f"{experiment}: {rule}: {what} after its results in results/{folder} were seen: {remedy}"
        for folder, experiment, rule, what in changes(now, kept)
    ]


def updated(now: Judged, kept: Kept, text: str) -> tuple[Kept, list[str]]:
    """What is to be kept from now on, and a line for every rule that is refused because no entry covers its change.

    Args:
        now: The rules as they are.
        kept: Those under which results were judged before.
        text: Of ``DEVIATIONS.md``.
    """
    found = json.loads(json.dumps(kept))
    refused = []
    for folder, experiment, rule, what in changes(now, kept):
        entry = covering(experiment, text)
        rules = now.get(folder, {}).get(experiment, {})
        mine = found.setdefault(folder, {}).setdefault(experiment, {})
        if what == "not kept":
            mine |= {name: {"digest": each, "entry": entry} for name, each in rules.items()}
        elif not entry or entry in {each["entry"] for each in kept[folder][experiment].values()}:
            older = f'the newest that names it, "{entry}", covers earlier rules' if entry else "none names it"
            refused.append(f"{experiment}: {rule}: {what}, and results/DEVIATIONS.md has no new entry: {older}")
        elif what == "dropped":
            del mine[rule]
        else:
            mine[rule] = {"digest": rules[rule], "entry": entry}
    return found, refused


def read(results: Path = RESULTS) -> Kept:
    """What is kept; nothing if there is no file yet."""
    file = results / "rules.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def main(results: Path = RESULTS) -> int:
    """Keep the rules as they are, unless one has changed without an entry: then nothing is written."""
    try:
        text = (results / "DEVIATIONS.md").read_text(encoding="utf-8")
        found, refused = updated(judged(results), read(results), text)
    except (OSError, ValueError, StudyError) as error:
        refused = [str(error)]
    for line in refused:
        print(f"deviations.py: {line}", file=sys.stderr)
    if refused:
        return 1
    content = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
    (results / "rules.json").write_text(f"{content}\n", encoding="utf-8")
    for folder, experiments in found.items():
        uncovered = [name for name in experiments if not covering(name, text)]
        print(f"{folder}: rules of {len(experiments)} experiments; no entry names {', '.join(uncovered) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
