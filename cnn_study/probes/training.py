"""The probes that measure while a run is trained: before its first step, after every epoch, and at its end.

They look at the first so many training images, which are in random order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from cnn_study.probes import covariate_shift, gradients, landscape, percentiles, saturation
from cnn_study.spec import ProbeName

EXAMPLES = 200
"""Number of training images that most probes look at; all, if there are fewer."""
FEW = 40
"""Number of training images for probes that take many passes, so that they too cost a tenth of a small run at most."""

Raw = Mapping[str, np.ndarray]


def _scalars(raw: Raw, previous: Raw | None) -> dict[str, float]:
    del previous
    return {name: float(value) for name, value in raw.items()}


@dataclass(frozen=True)
class Probe:
    """A probe that measures while a run is trained.

    Attributes:
        measure: The function from a network, prepared images, their labels and the learning rate to tensors by name.
            It is traced, and changes nothing.
        outcomes: The function from the numbers of all measurements to those that are kept of the run.
        numbers: The function from the tensors of a measurement, and those of the one before, to numbers by the name of
            their metric.
        examples: Number of training images it looks at.
    """

    measure: Callable[..., dict[str, tf.Tensor]]
    outcomes: Callable[[list[dict[str, float]]], dict[str, float]]
    numbers: Callable[[Raw, Raw | None], dict[str, float]] = _scalars
    examples: int = EXAMPLES


PROBES: Mapping[ProbeName, Probe] = {
    "gradients": Probe(gradients.measure, gradients.outcomes),
    "saturation": Probe(saturation.measure, saturation.outcomes),
    "covariate_shift": Probe(covariate_shift.measure, covariate_shift.outcomes, covariate_shift.numbers, FEW),
    "landscape": Probe(landscape.measure, landscape.outcomes, examples=FEW),
    "percentiles": Probe(percentiles.measure, percentiles.outcomes),
}


@dataclass
class Series:
    """The measurements of one probe on one run.

    Attributes:
        probe: The probe that measures.
        rows: Numbers of every measurement, in their order.
    """

    probe: Probe
    rows: list[dict[str, float]] = field(default_factory=list)
    _last: Raw | None = None

    def add(self, raw: Raw) -> dict[str, float]:
        """Take the tensors of a measurement; return its numbers by the name of their metric."""
        self.rows.append(self.probe.numbers(raw, self._last))
        self._last = raw
        return self.rows[-1]

    def outcomes(self) -> dict[str, float]:
        """What is kept of the run, without what is no finite number (after a divergence)."""
        return {name: value for name, value in self.probe.outcomes(self.rows).items() if np.isfinite(value)}
