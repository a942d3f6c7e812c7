"""The experiments there are: pages of the package ``experiments`` by their names, other files by their paths.

A file of the user's own is named by its path, ``my_ablation.py`` or ``studies/my_ablation.py``. It declares one
:class:`~cnn_study.experiment.Experiment` like the pages of the package, and is as good as one of them to every command.
Whatever is wrong on a page is told in one line with its place.
"""

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from cnn_study.errors import InputError, StudyError, unknown_name
from cnn_study.experiment import Experiment
from cnn_study.places import is_path
from cnn_study.spec import one_line

PACKAGE = "experiments"
"""The package of the experiments in a checkout, beside the library."""

INSTALLED = "cnn_study._experiments"
"""The same package where the library is installed: nothing of that name lies beside other people's packages."""


def names() -> list[str]:
    """Names of all experiments of the package, in alphabetical order.

    Raises:
        InputError: Another package of its name is in the way.
    """
    return sorted(module.name for module in pkgutil.iter_modules(_package().__path__) if module.name != "__main__")


def folders() -> list[Path]:
    """Where the pages of the package are.

    Raises:
        InputError: Another package of its name is in the way.
    """
    return [Path(folder) for folder in _package().__path__]


def _package() -> ModuleType:
    """The package of the experiments: in this library where it is installed, else beside it."""
    if importlib.util.find_spec(INSTALLED):
        return importlib.import_module(INSTALLED)
    package = importlib.import_module(PACKAGE)
    ours, found = Path(__file__).resolve().parents[1] / PACKAGE, Path(next(iter(package.__path__))).resolve()
    if found != ours and ours.is_dir():
        raise InputError(
            f"{found} is in the way of the experiments of cnn-study: rename it, or start in another folder"
        )
    return package


def load(wanted: Sequence[str] = ()) -> list[Experiment]:
    """The experiments of these names or paths; all of the package if none is named.

    Raises:
        InputError: There is no such experiment or file, the file cannot be run or declares no experiment, two files
            declare one of the same name, or two experiments make a claim of the same name.
    """
    known = names()
    for name in wanted:
        if not is_path(name) and name not in known:
            raise unknown_name("experiment", name, known)
    found = [_of_file(Path(name)) if is_path(name) else _load(name) for name in wanted or known]
    return _distinct(found)


def family(wanted: Sequence[str] = ()) -> list[Experiment]:
    """All experiments of the package, and those of the files that are among the wanted ones.

    Raises:
        InputError: An experiment cannot be loaded, as for :func:`load`.
    """
    files = [name for name in wanted if is_path(name)]
    return _distinct([*load(), *(load(files) if files else ())])


def _distinct(found: Sequence[Experiment]) -> list[Experiment]:
    """Each experiment once.

    Raises:
        InputError: Two are called alike, or two make a claim of the same name.
    """
    by_name: dict[str, Experiment] = {}
    owners: dict[str, Experiment] = {}
    for experiment in found:
        other = by_name.setdefault(experiment.name, experiment)
        if other.place != experiment.place:
            raise InputError(f"two experiments are called {experiment.name!r}: {other.place}, and {experiment.place}")
    for experiment in by_name.values():
        for claim in experiment.claims:
            owner = owners.setdefault(claim.name, experiment)
            if owner is not experiment:
                raise claim.refused(
                    InputError(f"the claim {claim.name!r} is taken by the experiment {owner.name}: rename it")
                )
    return list(by_name.values())


def _load(name: str) -> Experiment:
    path = next((file for folder in _package().__path__ if (file := Path(folder, f"{name}.py")).is_file()), Path(name))
    return _told(path, lambda: _declared(importlib.import_module(f"{_package().__name__}.{name}"), path, name))()


def _declared(module: ModuleType, path: Path, name: str | None = None) -> Experiment:
    """The one experiment of a module, with whatever its functions do wrong told with its line."""
    found = {id(each): each for each in vars(module).values() if isinstance(each, Experiment)}
    if len(found) != 1:
        have = f"{len(found)} experiments ({', '.join(each.name for each in found.values())})" if found else "none"
        raise InputError(f"{path} declares {have}: a page declares one, a function under @ablation(…)")
    (experiment,) = found.values()
    if name is not None and experiment.name != name:
        raise InputError(f"{path} declares the experiment {experiment.name!r}: call it {name!r}, like its file")
    return replace(experiment, design=_told(path, experiment.design))


def _of_file(path: Path) -> Experiment:
    """The experiment that a file declares."""
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"there is no file {path}: name an experiment or the path of a Python file")
    if any(Path(folder, path.name).resolve() == path.resolve() for folder in _package().__path__):
        return _load(path.stem)
    experiment = _declared(_module(path), path)
    if experiment.name in names():
        raise InputError(f"{path}: {experiment.name!r} is an experiment that comes with cnn-study: rename yours")
    return experiment


def _module(path: Path) -> ModuleType:
    """The module of a file, which finds the modules that lie beside it."""
    name = f"_own_experiment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101 - its name ends in .py
    assert spec.loader is not None  # noqa: S101 - it has been found
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    beside = str(path.resolve().parent)
    sys.path.append(beside)
    try:
        _told(path, spec.loader.exec_module)(module)
    finally:
        sys.path.remove(beside)
    return module


def _told(path: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with whatever the file does wrong in it as one line that says where."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except SyntaxError as error:
            raise InputError(f"{error.filename or path}, line {error.lineno}: {error.msg}") from None
        except InputError as error:
            raise error.at(_place(path, error)) from None
        except StudyError as error:
            raise type(error)(f"{_place(path, error)}: {error}") from None
        except ValidationError as error:
            raise InputError(f"{error.title}: {one_line(error)}").at(_place(path, error)) from None
        except Exception as error:
            message = (str(error).strip().splitlines() or ["without a message"])[0]
            raise InputError(f"{type(error).__name__}: {message}").at(_place(path, error)) from None

    return call


def _place(path: Path, error: Exception) -> str:
    """The file, with the last of its lines that the error came through."""
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if Path(entry.filename) == path]
    return f"{path}, line {lines[-1]}" if lines else str(path)
