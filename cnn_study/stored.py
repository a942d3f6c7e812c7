"""What is stored, where it was made, and what it amounts to."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from cnn_study import places
from cnn_study.analysis.decisions import Outcome, evaluate
from cnn_study.data import cache
from cnn_study.data.dataset import Dataset, described, parsed
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError, StoreError
from cnn_study.execution.forecast import Examples, ImageCounts, Pace
from cnn_study.experiment import PROFILES, Design, Experiment, Setting
from cnn_study.files import replace_file
from cnn_study.results import RunRecord, Store
from cnn_study.spec import RunSpec

Designed = list[tuple[Experiment, Design]]


def store_of(root: Path, setting: Setting) -> Store:
    """The results of a profile, apart for images that took the place of others."""
    return Store(root / setting.name)


def reference_of(setting: Setting) -> Store:
    """The results of a profile that came with the project: those of the current folder, else those installed."""
    here = store_of(places.REFERENCE, setting)
    return here if here.records() or here.checks() else store_of(places.SHIPPED, setting)


def place_for(store: Store) -> Path:
    """The folder for what is made from results: where they are or, of those installed, below the current folder."""
    return places.REFERENCE / store.folder.name if store.folder.parent == places.SHIPPED else store.folder


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

    Args:
        results: The folder with the results of all profiles; ``None``: ``results/local`` of the current folder, or else
            its ``results``, or else those that came with the project.
        profile: Name of the profile, for example ``quick``.

    Raises:
        InputError: There is none.
    """
    if found := stores_there(results, profile):
        return found
    where = f"{places.OWN} and {places.REFERENCE}"
    if results:
        refuse_below(results, profile)
        if not results.is_dir():
            raise InputError(f"there is no folder {results}: name that of your results, or leave --results out")
        where = str(results)
    command = run_command(profile, results)
    raise InputError(f"no results of the profile {profile!r} in {where}: train them with `{command}`")


def run_command(profile: str, results: Path | None, names: Sequence[str] = ()) -> str:
    """The command that trains what is missing.

    Args:
        profile: Of the results.
        results: Their folder, if one was named.
        names: Of the experiments, if some were named.
    """
    options = ["--profile", profile, *(["--results", str(results)] if results else [])]
    return shlex.join(["cnn-study", "run", *names, *options])


def refuse_below(results: Path, profile: str) -> None:
    """Refuse the folder of one profile where that of all is asked for.

    Args:
        results: What was named as the folder of results.
        profile: Which of them are asked for.

    Raises:
        InputError: It holds the runs of a profile itself, and no folder of the profile that is asked for.
    """
    if not Store(results).there or Store(results / profile).there:
        return
    folder = results if results.name not in ("", "..") else results.resolve()
    other = folder.name.partition("-")[0]
    options = f"--results {shlex.quote(str(folder.parent))}"
    if other in PROFILES and other != profile:
        options += f" --profile {other}"
    raise InputError(f"{results} holds the results of one profile: --results takes the folder above, here `{options}`")


def stores_there(results: Path | None, profile: str) -> list[tuple[Store, Setting]]:
    """The stores of a profile, as :func:`stores_to_read` finds them; an empty list if there are none.

    Args:
        results: The folder with the results of all profiles, or ``None``, as for :func:`stores_to_read`.
        profile: Name of the profile, for example ``quick``.
    """
    for root in places.roots(results):
        found = [
            (store, setting)
            for setting in settings_of(root, profile)
            if (store := store_of(root, setting)).records() or store.checks()
        ]
        if found:
            return found
    return []


def designed(chosen: Sequence[Experiment], setting: Setting, *, named: bool = False) -> Designed:
    """Experiments with their designs in a setting.

    Args:
        chosen: The experiments whose designs are wanted.
        setting: The profile, and images in the place of the experiments' own, if any.
        named: Whether each was asked for by name. If not, those that cannot be had with images of the user's own are
            left out.

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


def evaluated(experiment: Experiment, design: Design, store: Store) -> Outcome:
    """What an experiment has found so far.

    Args:
        experiment: The experiment to be evaluated.
        design: Its design in the setting of the store.
        store: The store that holds its runs and checks.

    Raises:
        StoreError: A file of the store is damaged or was written by a newer version.
    """
    return evaluate(experiment, design, store.records(), store.checks())


def outcomes_in(store: Store, chosen: Sequence[Experiment], setting: Setting) -> list[Outcome]:
    """What experiments have found in a store so far.

    Args:
        store: The store that holds their runs and checks.
        chosen: The experiments; those that cannot be had with images of the user's own are left out.
        setting: The setting of the store.
    """
    return [evaluated(experiment, design, store) for experiment, design in designed(chosen, setting)]


def known_data(setting: Setting, designs: Iterable[Design] = ()) -> Mapping[str, Dataset]:
    """The data sets that runs of a command may name: those of the suite, of the setting, and of the designs."""
    own = {setting.images.name: setting.images} if setting.images else {}
    return {**DATASETS, **own, **{name: each for design in designs for name, each in design.own.items()}}


def examples_in(known: Mapping[str, Dataset]) -> Examples:
    """What gives the images of a run on one of the known data sets."""
    return partial(_examples, known)


def _examples(known: Mapping[str, Dataset], spec: RunSpec) -> ImageCounts:
    data = spec.data
    if data.train_size and data.test_size:
        return ImageCounts(data.examples(data.train_size), data.test_size)
    arrays = known[data.name].arrays
    train, test = (arrays[name].shape[0] for name in ("x_train", "x_test"))
    return ImageCounts(data.examples(train), data.test_size or test)


def timed(store: Store, known: Mapping[str, Dataset]) -> dict[str, RunRecord]:
    """The runs by key, but for those of images of the user's own that no file of this command names."""
    return {key: run for key, run in store.records().items() if run.spec.data.name in known}


def pace_of(root: Path, setting: Setting, known: Mapping[str, Dataset]) -> tuple[Pace | None, Path | None]:
    """How fast a worker is, and from which results that is known: of this setting if there are any, else of another.

    Args:
        root: The folder with the results of all profiles.
        setting: The setting whose results are asked first.
        known: The data sets that runs may name, by name.

    Returns:
        The pace and the folder of the results it is known from; ``None`` twice if no results tell it.
    """
    stores = [store_of(root, setting)]
    roots = (root, places.REFERENCE, places.SHIPPED)
    stores += [store_of(where, Setting(name)) for where in roots for name in PROFILES]
    for store in stores:
        pace = Pace.fitted(timed(store, known).values(), examples_in(known))
        if pace:
            return pace, store.folder
    return None, None
