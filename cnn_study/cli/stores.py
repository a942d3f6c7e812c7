"""Where results are, and what they amount to."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cnn_study import registry as experiments
from cnn_study.analysis.decisions import Outcome, evaluate
from cnn_study.cli.app import OWN, REFERENCE, console
from cnn_study.data import registry as datasets
from cnn_study.errors import InputError, unknown_name
from cnn_study.execution.forecast import Pace
from cnn_study.experiment import PROFILES, Design, Experiment
from cnn_study.results import Store
from cnn_study.spec import RunSpec


def folder_of(root: Path, profile: str, fallback: str | None) -> Path:
    """The folder of the results of a profile, apart for a data set that took the place of another."""
    if profile not in PROFILES:
        raise unknown_name("profile", profile, PROFILES)
    if fallback is not None:
        datasets.get(fallback)
    return root / (f"{profile}-{fallback}" if fallback else profile)


def store_of(root: Path, profile: str, fallback: str | None) -> Store:
    """The results of a profile."""
    return Store(folder_of(root, profile, fallback))


def stores_to_read(results: Path | None, profile: str) -> list[tuple[Store, str | None]]:
    """The stores of a profile, one's own or else the reference, with the data set that took the place of another."""
    for root in [results] if results else [OWN, REFERENCE]:
        found = [
            (store, fallback)
            for fallback in (None, *datasets.DATASETS)
            if (store := store_of(root, profile, fallback)).records() or store.checks()
        ]
        if found:
            return found
    where = results or f"{OWN} and {REFERENCE}"
    raise InputError(
        f"no results of the profile {profile!r} in {where}: train them with `make experiments PROFILE={profile}`"
    )


def read(chosen: Sequence[Experiment], profile: str, results: Path | None) -> Iterator[tuple[Path, list[Outcome]]]:
    """Folders of stored results and what experiments amount to in each."""
    for store, fallback in stores_to_read(results, profile):
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        yield store.folder, [evaluated(e, e.at(profile, fallback), store) for e in chosen]


def all_evaluated(names: Sequence[str] | None, store: Store, profile: str, fallback: str | None) -> list[Outcome]:
    """Every experiment, those without results too: the tests that are corrected for together."""
    return [evaluated(each, each.at(profile, fallback), store) for each in experiments.family(names or ())]


def shown(names: Sequence[str] | None, family: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the named experiments, or of all."""
    found = {outcome.experiment.name: outcome for outcome in family}
    return [found[experiment.name] for experiment in experiments.load(names or ())]


def evaluated(experiment: Experiment, design: Design, store: Store) -> Outcome:
    """What an experiment has found so far."""
    return evaluate(experiment, design, store.records(), store.checks())


def _dataset_size(name: str) -> int:
    return datasets.get(name).arrays["x_train"].shape[0]


def train_size(spec: RunSpec) -> int:
    """Training examples of a run."""
    return spec.data.train_size or _dataset_size(spec.data.name) - spec.data.validation_size


def pace_of(root: Path, profile: str, fallback: str | None) -> tuple[Pace | None, Path | None]:
    """How fast a worker is, and from which results that is known: of this profile if there are any, else of another."""
    stores = [store_of(root, profile, fallback)]
    stores += [store_of(where, name, None) for where in (root, REFERENCE) for name in PROFILES]
    for store in stores:
        pace = Pace.fitted(store.records().values(), train_size)
        if pace:
            return pace, store.folder
    return None, None
