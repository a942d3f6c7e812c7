"""Where results are, and what they amount to."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from cnn_study import registry as experiments
from cnn_study.analysis.decisions import Outcome, evaluate
from cnn_study.cli.app import OWN, REFERENCE, console
from cnn_study.data import cache
from cnn_study.data import registry as datasets
from cnn_study.errors import InputError, StoreError, unknown_name
from cnn_study.execution.forecast import Pace
from cnn_study.experiment import PROFILES, Arm, Design, Experiment
from cnn_study.results import RunRecord, Store, replace_file
from cnn_study.spec import DataSpec, RunSpec, one_line


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


def of_the_user(root: Path, profile: str) -> list[str]:
    """The images of the user's own on which results of a profile were made: their names, known from now on."""
    folder_of(root, profile, None)
    found = []
    for path in sorted(root.glob(f"{profile}-*/{cache.DESCRIPTION}")):
        try:
            dataset = datasets.parsed(json.loads(path.read_bytes()))
        except ValueError:
            raise StoreError(f"{path} is damaged: run with --data and the folder of images again") from None
        found.append(datasets.add(dataset).name)
    return found


def describe_images(store: Store, name: str) -> None:
    """Note beside results which images of the user's own they were made on, for commands that read."""
    text = json.dumps(datasets.described(datasets.get(name)), indent=1)
    replace_file(store.folder / cache.DESCRIPTION, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def stores_to_read(results: Path | None, profile: str) -> list[tuple[Store, str | None]]:
    """The stores of a profile, one's own or else the reference, with the data set that took the place of another."""
    for root in [results] if results else [OWN, REFERENCE]:
        found = [
            (store, fallback)
            for fallback in (None, *datasets.DATASETS, *of_the_user(root, profile))
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
        yield store.folder, [evaluated(e, design, store) for e, design in at(chosen, profile, fallback)]


def all_evaluated(names: Sequence[str] | None, store: Store, profile: str, fallback: str | None) -> list[Outcome]:
    """Every experiment, those without results too: the tests that are corrected for together."""
    chosen = experiments.family(names or ())
    return [evaluated(each, design, store) for each, design in at(chosen, profile, fallback)]


def at(chosen: Sequence[Experiment], profile: str, fallback: str | None) -> list[tuple[Experiment, Design]]:
    """Experiments with their designs. One that cannot be had with images of the user's own is left out."""
    found = []
    for experiment in chosen:
        try:
            found.append((experiment, suited(experiment, profile, fallback)))
        except InputError:
            if fallback is None or not datasets.get(fallback).own:
                raise
    return found


def _within(arm: Arm) -> Arm:
    """The arm with no more evaluations, and of no more examples, than there are in a small set of images."""
    there, train = examples(arm.data), arm.train
    steps = max(there // train.batch_size, 1)
    size = train.evaluation_size if train.evaluation_size and train.evaluation_size < there else None
    fewer = train.but(evaluation_size=size, evaluations_per_epoch=min(train.evaluations_per_epoch, steps))
    return replace(arm, train=fewer)


def suited(experiment: Experiment, profile: str, fallback: str | None) -> Design:
    """The design of an experiment.

    Raises:
        InputError: The data set that takes the place of its own does not fit the networks.
    """
    try:
        design = experiment.at(profile, fallback)
        if fallback and datasets.get(fallback).own:
            design = replace(design, arms=tuple(map(_within, design.arms)))
        for arm in design.arms if fallback else ():
            dataset = datasets.get(arm.data.name)
            shape, outputs = arm.data.image_shape(dataset.image_shape), math.prod(arm.model.shapes()[-1])
            if shape != arm.model.input_shape or outputs < len(dataset.classes):
                wanted = f"images of {arm.model.input_shape} and up to {outputs} classes"
                raise InputError(f"the arm {arm.name!r} is for {wanted}, got {shape} and {len(dataset.classes)}")
            there = arm.data.but(train_size=examples(arm.data))
            replace(arm, data=there).run(arm.train.learning_rate, design.seeds[0])  # Refused if it cannot be meant.
    except (ValueError, InputError) as error:
        if fallback is None and isinstance(error, InputError):
            raise
        reason = one_line(error) if isinstance(error, ValidationError) else error
        raise InputError(f"{experiment.name} cannot be run on {fallback}: {reason}") from None
    return design


def shown(names: Sequence[str] | None, family: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the named experiments, or of all."""
    found = {outcome.experiment.name: outcome for outcome in family}
    chosen = [experiment.name for experiment in experiments.load(names or ())]
    return [found[name] for name in chosen if name in found]


def evaluated(experiment: Experiment, design: Design, store: Store) -> Outcome:
    """What an experiment has found so far."""
    return evaluate(experiment, design, store.records(), store.checks())


def _dataset_size(name: str) -> int:
    return datasets.get(name).arrays["x_train"].shape[0]


def train_size(spec: RunSpec) -> int:
    """Training examples of a run."""
    return examples(spec.data)


def examples(data: DataSpec) -> int:
    """Training examples of a data spec."""
    return data.train_size or _dataset_size(data.name) - data.validation_size


def timed(store: Store) -> dict[str, RunRecord]:
    """The runs by key, but for those on images of the user's own that no file of this command names."""
    known = datasets.is_known
    return {key: run for key, run in store.records().items() if run.spec.data.train_size or known(run.spec.data.name)}


def pace_of(root: Path, profile: str, fallback: str | None) -> tuple[Pace | None, Path | None]:
    """How fast a worker is, and from which results that is known: of this profile if there are any, else of another."""
    stores = [store_of(root, profile, fallback)]
    stores += [store_of(where, name, None) for where in (root, REFERENCE) for name in PROFILES]
    for store in stores:
        pace = Pace.fitted(timed(store).values(), train_size)
        if pace:
            return pace, store.folder
    return None, None
