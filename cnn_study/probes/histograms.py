"""How the outputs of the units of every layer are distributed, before training and after it.

Figures 3, 4 and 6 of Glorot & Bengio 2010 show this for standard and for normalized weights: whether the outputs keep
their spread from layer to layer, or shrink to nothing, or pile up where units are saturated.

Cost: two forward passes of :data:`EXAMPLES` test images.
"""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from cnn_study.models.layers.units import SCALED_TANH_LIMIT
from cnn_study.probes.stages import Prepare, outputs, stages

EXAMPLES = 500
"""Number of test images: the first ones."""
BINS = 50
RANGES = {"tanh": (-1.0, 1.0), "scaled_tanh": (-SCALED_TANH_LIMIT, SCALED_TANH_LIMIT), "sigmoid": (0.0, 1.0)}
"""Ranges of the outputs of bounded units. Others are counted from the least to the greatest that any layer gives."""
TIMES = ("start", "end")


class Distributions(NamedTuple):
    """The distributions of the outputs.

    Attributes:
        outcomes: ``output_low`` and ``output_high``: the range that the bins of all layers divide evenly.
        curves: The share of the outputs in every bin, ascending, under ``outputs_start/K`` and ``outputs_end/K``, with
            K = 1 for the layer at the input. Outputs that are no numbers are in no bin.
    """

    outcomes: dict[str, float]
    curves: dict[str, np.ndarray]


def measure(initial: keras.Model, trained: keras.Model, prepare: Prepare, images: np.ndarray) -> Distributions:
    """Count the outputs of all layers that have units.

    Args:
        initial: The network as it was before its first step.
        trained: The network after its last step. Both stay as they are.
        prepare: The function from images, uint8, to inputs of the network.
        images: Test images, ``(examples, height, width, channels)``, uint8.
    """
    given = {
        time: _outputs(model, prepare, images[:EXAMPLES]) for time, model in zip(TIMES, (initial, trained), strict=True)
    }
    units = [stage.unit for stage in stages(trained) if stage.unit is not None]
    kinds = {unit.activation.__name__ for unit in units if hasattr(unit, "activation")}
    if len(kinds) == 1 and kinds <= set(RANGES):
        low, high = RANGES[kinds.pop()]
    else:
        finite = [values[np.isfinite(values)] for layers in given.values() for values in layers.values()]
        low = min((float(values.min()) for values in finite if values.size), default=0.0)
        high = max((float(values.max()) for values in finite if values.size), default=0.0)
    curves = {
        f"outputs_{time}/{depth}": np.histogram(values, BINS, (low, high))[0] / values.size
        for time, layers in given.items()
        for depth, values in enumerate(layers.values(), 1)
    }
    return Distributions({"output_low": low, "output_high": high}, curves)


def _outputs(model: keras.Model, prepare: Prepare, images: np.ndarray) -> Mapping[str, np.ndarray]:
    return outputs(model, prepare, images, [stage.unit.name for stage in stages(model) if stage.unit is not None])
