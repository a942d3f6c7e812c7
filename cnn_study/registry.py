"""Finds experiments by name: every module of the package ``experiments`` that declares an ``EXPERIMENT``."""

import importlib
import pkgutil
from collections.abc import Sequence

from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment import Experiment

PACKAGE = "experiments"


def names() -> list[str]:
    """Names of all experiments, in alphabetical order."""
    package = importlib.import_module(PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(wanted: Sequence[str] = ()) -> list[Experiment]:
    """The experiments of these names; all of them if none is named.

    Raises:
        InputError: There is no such experiment, or its module declares none.
    """
    known = names()
    for name in wanted:
        if name not in known:
            raise unknown_name("experiment", name, known)
    return [_load(name) for name in (dict.fromkeys(wanted) or known)]


def _load(name: str) -> Experiment:
    module = importlib.import_module(f"{PACKAGE}.{name}")
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment) or experiment.name != name:
        raise InputError(f"{PACKAGE}/{name}.py must declare EXPERIMENT = Experiment(name={name!r}, ...)")
    return experiment
