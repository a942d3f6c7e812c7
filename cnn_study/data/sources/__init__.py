"""Where the bytes of a data set come from, and how raw files become arrays.

A source is asked for a data set and answers with decoded arrays or says why it cannot. It is not trusted: the caller
compares the arrays with the hashes of the registry.
"""

from cnn_study.data.sources.clients import DebianPackage, NpmPackage, Official
from cnn_study.data.sources.layouts import CIFAR_BINARY, CIFAR_PNG, CIFAR_PYTHON, IDX, Layout
from cnn_study.data.sources.places import Digits, Folder, UserFolder

__all__ = [
    "CIFAR_BINARY",
    "CIFAR_PNG",
    "CIFAR_PYTHON",
    "IDX",
    "DebianPackage",
    "Digits",
    "Folder",
    "Layout",
    "NpmPackage",
    "Official",
    "UserFolder",
]
