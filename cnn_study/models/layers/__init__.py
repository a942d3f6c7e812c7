"""Layers and units that Keras lacks, written in ``keras.ops`` so that they run on every backend."""

from cnn_study.models.layers.local import LocallyConnected2D
from cnn_study.models.layers.noise import NormNoise
from cnn_study.models.layers.padding import ReflectionPadding2D
from cnn_study.models.layers.partial import PartiallyConnected2D
from cnn_study.models.layers.radial_basis import RadialBasis
from cnn_study.models.layers.subsample import Subsample2D
from cnn_study.models.layers.units import scaled_tanh, silu

__all__ = [
    "LocallyConnected2D",
    "NormNoise",
    "PartiallyConnected2D",
    "RadialBasis",
    "ReflectionPadding2D",
    "Subsample2D",
    "scaled_tanh",
    "silu",
]
