"""Finds experiments: modules of the package ``experiments`` by their names, other files by their paths.

A file of the user's own is named by its path, ``my_ablation.py`` or ``studies/my_ablation.py``. It declares an
``EXPERIMENT`` like the modules of the package, and is as good as one of them to every command.
"""

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from cnn_study.errors import InputError, StudyError, unknown_name
from cnn_study.experiment import Design, Experiment
from cnn_study.spec import one_line

PACKAGE = "experiments"


def names() -> list[str]:
    """Names of all experiments of the package, in alphabetical order."""
    package = importlib.import_module(PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(wanted: Sequence[str] = ()) -> list[Experiment]:
    """The experiments of these names or paths; all of the package if none is named.

    Raises:
        InputError: There is no such experiment or file, the file cannot be run, or it declares no experiment.
    """
    known = names()
    for name in wanted:
        if not _is_path(name) and name not in known:
            raise unknown_name("experiment", name, known)
    found = [_of_file(Path(name)) if _is_path(name) else _load(name) for name in wanted or known]
    return _each_once(found)


def family(wanted: Sequence[str] = ()) -> list[Experiment]:
    """All experiments of the package, and those of the files that are among the wanted ones.

    Raises:
        InputError: As :func:`load`.
    """
    files = [name for name in wanted if _is_path(name)]
    return _each_once([*load(), *(load(files) if files else ())])


def _each_once(found: Sequence[Experiment]) -> list[Experiment]:
    return list({experiment.name: experiment for experiment in found}.values())


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _load(name: str) -> Experiment:
    return _declared(importlib.import_module(f"{PACKAGE}.{name}"), name, f"{PACKAGE}/{name}.py")


def _declared(module: ModuleType, name: str, path: str) -> Experiment:
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment) or experiment.name != name:
        raise InputError(f"{path} must declare EXPERIMENT = Experiment(name={name!r}, ...)")
    return experiment


def _of_file(path: Path) -> Experiment:
    """The experiment that a file declares. Whatever goes wrong in it is told with its line."""
    name = path.stem
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"there is no file {path}: name an experiment of {PACKAGE}/ or the path of a Python file")
    if name in names():
        package = importlib.import_module(PACKAGE)
        if not any(Path(folder, path.name).resolve() == path.resolve() for folder in package.__path__):
            raise InputError(f"{path} has the name of an experiment that comes with cnn-study: rename the file")
        return _load(name)
    experiment = _declared(_module(path), name, str(path))
    return replace(experiment, design=_told(path, experiment.design))


def _module(path: Path) -> ModuleType:
    name = f"_own_experiment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101 - its name ends in .py
    assert spec.loader is not None  # noqa: S101 - it has been found
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    _told(path, spec.loader.exec_module)(module)
    return module


def _told(path: Path, function: Any) -> Any:
    """The function, with whatever the file does wrong in it as one line that says where."""

    @wraps(function)
    def call(*arguments: Any) -> Design | None:
        try:
            return function(*arguments)
        except SyntaxError as error:
            raise InputError(f"{error.filename or path}, line {error.lineno}: {error.msg}") from None
        except StudyError as error:
            raise type(error)(f"{_place(path, error)}: {error}") from None
        except ValidationError as error:
            raise InputError(f"{_place(path, error)}: {error.title}: {one_line(error)}") from None
        except Exception as error:
            message = (str(error).strip().splitlines() or ["without a message"])[0]
            raise InputError(f"{_place(path, error)}: {type(error).__name__}: {message}") from None

    return call


def _place(path: Path, error: Exception) -> str:
    """The file, with the last of its lines that the error came through."""
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if Path(entry.filename) == path]
    return f"{path}, line {lines[-1]}" if lines else str(path)
