"""The initial weights of a whole network."""

from dataclasses import dataclass

from cnn_study.spec import GLOROT, HE, Activation, Initializer, Normal

RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu"})


@dataclass(frozen=True)
class Initialization:
    """The initial weights of a whole network.

    Attributes:
        stddevs: Standard deviations, one a layer, in units of weights on standardized inputs; empty: scaled by the fan,
            with He's rule before rectifiers and Glorot's before all others.
    """

    stddevs: tuple[float, ...] = ()

    def of(self, layer: int, activation: Activation | None) -> Initializer:
        """The initializer of a layer, counted from 0, that feeds the given unit."""
        if self.stddevs:
            return Normal(stddev=self.stddevs[layer])
        return HE if activation in RECTIFIERS else GLOROT


FAN_SCALED = Initialization()
"""He's rule before rectifiers, Glorot's before saturating units and before the logits."""
