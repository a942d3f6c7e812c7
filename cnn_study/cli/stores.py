"""Stored results as commands read them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cnn_study import collection
from cnn_study.analysis.decisions import Outcome
from cnn_study.cli.app import console
from cnn_study.experiment import Experiment, Setting
from cnn_study.stored import outcomes_in, place_for, stores_to_read


class Reading(NamedTuple):
    """Stored results, and what experiments amount to in them.

    Attributes:
        setting: Where they were made.
        folder: For what is made from them.
        outcomes: One an experiment.
    """

    setting: Setting
    folder: Path
    outcomes: list[Outcome]


def read(chosen: Sequence[Experiment], profile: str, results: Path | None) -> Iterator[Reading]:
    """Stored results, folder by folder, with what experiments amount to in each."""
    for store, setting in stores_to_read(results, profile):
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        folder = store.folder if results else place_for(store)
        yield Reading(setting, folder, outcomes_in(store, chosen, setting))


def shown(names: Sequence[str] | None, family: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the named experiments, or of all."""
    found = {outcome.experiment.name: outcome for outcome in family}
    chosen = [experiment.name for experiment in collection.load(names or ())]
    return [found[name] for name in chosen if name in found]
