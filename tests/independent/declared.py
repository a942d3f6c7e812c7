"""What experiments declare, as plain data: for ``reading.py``, which knows nothing else of the library.

``python tests/independent/declared.py results/quick`` prints it as JSON: which runs belong to which arm, and what the
rules are. It holds no estimate, no interval, no verdict and no chosen learning rate.
"""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnn_study import collection
from cnn_study.analysis import sequential
from cnn_study.errors import InputError, StudyError
from cnn_study.experiment import PROFILES, Design, Experiment, Rule, Setting, TimeToTrainError
from cnn_study.results import RunRecord, Store
from cnn_study.spec import SEMANTICS
from cnn_study.stored import designed, settings_of
from cnn_study.training.search import Stored
from cnn_study.training.tuning import Tuned, searched, tune


def declared(family: Iterable[tuple[Experiment, Design]], stored: Stored) -> dict[str, Any]:
    """Experiments as plain data.

    Args:
        family: The experiments of a profile.
        stored: Finished runs by key. They are asked only which runs the searches have come to.
    """
    family = list(family)
    looks = sorted({design.looks for _, design in family if design.looks})
    return {
        "semantics": SEMANTICS,
        "boundaries": [_boundaries(each) for each in looks],
        "experiments": [_experiment(experiment, design, stored) for experiment, design in family],
    }


def _boundaries(looks: tuple[int, ...]) -> dict[str, Any]:
    found = sequential.boundaries(looks)
    kinds = {kind: list(getattr(found, kind).quantiles) for kind in sequential.KINDS}
    return {"looks": list(looks), "probabilities": list(found.two_sided.probabilities), **kinds}


def _experiment(experiment: Experiment, design: Design, stored: Stored) -> dict[str, Any]:
    steps = {arm.name: tune(arm, design, stored) for arm in design.arms}
    tuned = {name: step for name, step in steps.items() if isinstance(step, Tuned)}
    return {
        "name": experiment.name,
        "proxy": design.proxy,
        "seeds": list(design.seeds),
        "looks": list(design.looks),
        "threshold": _threshold(design),
        "arms": {
            name: {
                "searched": searched(each.arm, design).name if each.arm.tuned else None,
                "rates": list(searched(each.arm, design).rates or design.search.rates) if each.arm.tuned else [],
                "trials": [[trial.rate, [run.key for run in trial.specs]] for trial in each.search.trials],
                "runs": [run.key for run in each.replicates],
            }
            for name, each in tuned.items()
        },
        "checks": {check.check: check.key for check in design.checks},
        "claims": [claim.name for claim in experiment.claims],
        "rules": [_rule(rule) for rule in design.rules],
    }


def _threshold(design: Design) -> float | None:
    """The training error to which rates are compared by their times; ``None``: by their validation errors."""
    objective = design.search.objective if design.search else None
    return objective.threshold if isinstance(objective, TimeToTrainError) else None


def _rule(rule: Rule) -> dict[str, Any]:
    """The rule; a limit that is infinite is ``null``."""
    return {
        "claim": rule.claim,
        "aspect": rule.aspect,
        "condition": rule.condition,
        "estimate": {"kind": type(rule.estimate).__name__, **asdict(rule.estimate)},
        "low": rule.low if math.isfinite(rule.low) else None,
        "high": rule.high if math.isfinite(rule.high) else None,
        "published": rule.published,
        "equivalence": rule.equivalence,
        "smallest": rule.smallest,
        "premise": rule.premise,
    }


def setting_of(folder: Path) -> Setting:
    """The setting whose results a folder holds, by its name.

    Raises:
        InputError: It is called after no setting.
    """
    settings = (setting for profile in PROFILES for setting in settings_of(folder.parent, profile))
    found = next((setting for setting in settings if setting.name == folder.resolve().name), None)
    if found is None:
        raise InputError(f"{folder} is no folder of results: these are called {', '.join(PROFILES)} or PROFILE-IMAGES")
    return found


def of_folder(folder: Path, files: Sequence[str] = ()) -> dict[str, Any]:
    """What the experiments of the package, and of some files, declare for a folder of results."""
    setting = setting_of(folder)
    stored: dict[str, RunRecord] = dict(Store(folder).records())
    return declared(designed(collection.family(files), setting), stored)


if __name__ == "__main__":
    try:
        print(json.dumps(of_folder(Path(sys.argv[1]), sys.argv[2:]), allow_nan=False))
    except StudyError as error:
        sys.exit(f"declared.py: {error}")
