"""Where results are, and what they amount to."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cnn_study import collection
from cnn_study.analysis.decisions import Outcome, evaluate
from cnn_study.cli.app import OWN, REFERENCE, console
from cnn_study.data import cache
from cnn_study.data.dataset import Dataset, described, parsed
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError, StoreError
from cnn_study.execution.forecast import Examples, Pace
from cnn_study.experiment import PROFILES, Design, Experiment, Setting
from cnn_study.files import replace_file
from cnn_study.results import RunRecord, Store
from cnn_study.spec import RunSpec

Designed = list[tuple[Experiment, Design]]


class Reading(NamedTuple):
    """Stored results, and what experiments amount to in them.

    Attributes:
        setting: Where they were made.
        folder: Where they are.
        outcomes: One an experiment.
    """

    setting: Setting
    folder: Path
    outcomes: list[Outcome]


def store_of(root: Path, setting: Setting) -> Store:
    """The results of a profile, apart for images that took the place of others."""
    return Store(root / setting.name)


def settings_of(root: Path, profile: str) -> Iterator[Setting]:
    """The settings in which a folder may hold results of a profile.

    First that with the experiments' own images, then those with others in their place, and with images of the user's as
    they are described there.

    Raises:
        StoreError: A description is damaged.
    """
    yield Setting(profile)
    for dataset in DATASETS.values():
        yield Setting(profile, dataset)
    for path in sorted(root.glob(f"{profile}-*/{cache.DESCRIPTION}")):
        try:
            dataset = parsed(json.loads(path.read_bytes()))
        except ValueError:
            raise StoreError(f"{path} is damaged: run with --data and the folder of images again") from None
        yield Setting(profile, dataset)


def describe_images(store: Store, dataset: Dataset) -> None:
    """Note beside results which images of the user's own they were made on, for commands that read."""
    text = json.dumps(described(dataset), indent=1)
    replace_file(store.folder / cache.DESCRIPTION, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def stores_to_read(results: Path | None, profile: str) -> list[tuple[Store, Setting]]:
    """The stores of a profile, one's own or else the reference.

    Raises:
        InputError: There is none.
    """
    for root in [results] if results else [OWN, REFERENCE]:
        found = [
            (store, setting)
            for setting in settings_of(root, profile)
            if (store := store_of(root, setting)).records() or store.checks()
        ]
        if found:
            return found
    where = results or f"{OWN} and {REFERENCE}"
    raise InputError(
        f"no results of the profile {profile!r} in {where}: train them with `make experiments PROFILE={profile}`"
    )


def read(chosen: Sequence[Experiment], profile: str, results: Path | None) -> Iterator[Reading]:
    """Stored results, folder by folder, with what experiments amount to in each."""
    for store, setting in stores_to_read(results, profile):
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        outcomes = [evaluated(experiment, design, store) for experiment, design in designed(chosen, setting)]
        yield Reading(setting, store.folder, outcomes)


def designed(chosen: Sequence[Experiment], setting: Setting, *, named: bool = False) -> Designed:
    """Experiments with their designs in a setting.

    Args:
        chosen: The experiments.
        setting: Where.
        named: Whether each was asked for. If not, those that cannot be had with images of the user's own are left out.

    Raises:
        InputError: The images in the place of its own do not fit an experiment, or its page has a slip.
    """
    found = []
    for experiment in chosen:
        try:
            found.append((experiment, experiment.at(setting)))
        except InputError as error:
            if setting.images is None:
                raise
            if named or not setting.own:
                raise InputError(f"{experiment.name} cannot be run on {setting.images.name}: {error}") from None
    return found


def shown(names: Sequence[str] | None, family: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the named experiments, or of all."""
    found = {outcome.experiment.name: outcome for outcome in family}
    chosen = [experiment.name for experiment in collection.load(names or ())]
    return [found[name] for name in chosen if name in found]


def evaluated(experiment: Experiment, design: Design, store: Store) -> Outcome:
    """What an experiment has found so far."""
    return evaluate(experiment, design, store.records(), store.checks())


def known_data(setting: Setting, designs: Iterable[Design] = ()) -> Mapping[str, Dataset]:
    """The data sets that runs of a command may name: those of the suite, of the setting, and of the designs."""
    own = {setting.images.name: setting.images} if setting.images else {}
    return {**DATASETS, **own, **{name: each for design in designs for name, each in design.own.items()}}


def examples_in(known: Mapping[str, Dataset]) -> Examples:
    """What gives the training examples of a run on one of the known data sets."""
    return partial(_examples, known)


def _examples(known: Mapping[str, Dataset], spec: RunSpec) -> int:
    return spec.data.train_size or known[spec.data.name].arrays["x_train"].shape[0] - spec.data.validation_size


def timed(store: Store, known: Mapping[str, Dataset]) -> dict[str, RunRecord]:
    """The runs by key, but for those on all of images of the user's own that no file of this command names."""
    return {key: run for key, run in store.records().items() if run.spec.data.train_size or run.spec.data.name in known}


def pace_of(root: Path, setting: Setting, known: Mapping[str, Dataset]) -> tuple[Pace | None, Path | None]:
    """How fast a worker is, and from which results that is known: of this setting if there are any, else of another."""
    stores = [store_of(root, setting)]
    stores += [store_of(where, Setting(name)) for where in (root, REFERENCE) for name in PROFILES]
    for store in stores:
        pace = Pace.fitted(timed(store, known).values(), examples_in(known))
        if pace:
            return pace, store.folder
    return None, None
