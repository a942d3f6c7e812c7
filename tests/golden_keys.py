"""The keys of all runs, searches and checks of all pages, in all profiles, on all kinds of images.

``python tests/golden_keys.py`` writes them to ``tests/golden/keys.json``, for a change that is meant to give others.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_study import collection
from cnn_study.data.folder import images
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError
from cnn_study.experiment import PROFILES, Setting
from cnn_study.spec import digest
from cnn_study.training.search import trial_runs
from cnn_study.training.tuning import search_of

FILE = Path(__file__).parent / "golden" / "keys.json"


def folders(root):
    """Two folders of images: a few small gray ones, and more and larger ones in color."""
    for name, number, shape in (("small", 60, (12, 12)), ("colored", 90, (32, 32, 3))):
        rng = np.random.default_rng(0)
        for kind in ("circle", "cross", "square"):
            (root / name / kind).mkdir(parents=True)
            for place in range(number):
                image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
                image.save(root / name / kind / f"{place:03}.png")
        yield name, images(root / name)


def _arm(arm, design):
    rates = search_of(arm, design).rates if arm.tuned else (arm.train.learning_rate,)
    keys = []
    for rate in rates:
        if arm.tuned:
            keys += [run.key for run in trial_runs(arm, design.search, rate, arm.train.epochs)]
        keys += [arm.run(rate, seed, arm.probes).key for seed in design.seeds]
    return [arm.name, arm.label, arm.condition, arm.level, *keys]


def _design(design):
    search = design.search
    return {
        "arms": digest([_arm(arm, design) for arm in design.arms]),
        "seeds": list(design.seeds),
        "search": search and [search.objective.text, list(search.rates), search.seed, search.extensions],
        "rules": digest(sorted([r.claim, r.aspect, r.condition, r.sentence, r.published] for r in design.rules)),
        "checks": [check.key for check in design.checks],
    }


def designs(root, wanted=lambda profile, name: True):
    """What every page is in every setting, by page, profile and images; ``refused`` where it cannot be had.

    Args:
        root: Where folders of images may be made.
        wanted: Asked of profile and images; what is not wanted is left out.
    """
    own = {f"folder {name}": dataset for name, dataset in folders(root)}
    places = {"": None, "digits": DATASETS["digits"], "fashion_mnist": DATASETS["fashion_mnist"], **own}
    found = {}
    for experiment in collection.load():
        for profile in PROFILES:
            for name, dataset in places.items():
                if not wanted(profile, name):
                    continue
                try:
                    design = _design(experiment.at(Setting(profile, dataset)))
                except InputError:
                    design = "refused"
                found[f"{experiment.name} {profile} {name}".strip()] = design
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as root:
        FILE.write_text(json.dumps(designs(Path(root)), indent=1, sort_keys=True) + "\n", encoding="utf-8")
