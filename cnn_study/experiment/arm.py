"""An arm: images, network and training under a condition."""

from dataclasses import dataclass
from typing import get_args

from cnn_study.errors import unknown_name
from cnn_study.experiment.place import Declared
from cnn_study.spec import DataSpec, ModelSpec, ProbeName, RunSpec, Seeds, TrainSpec

PROBES: tuple[ProbeName, ...] = get_args(ProbeName)


@dataclass(frozen=True)
class Arm(Declared):
    """One setting of the things under study, to be tuned and replicated.

    Attributes:
        name: Its name, unique in the experiment.
        label: Its name in figures.
        condition: The background under which arms are compared, for example an initialization.
        data: The images that it sees.
        model: The network that is trained.
        train: How the network is trained, with any learning rate: the search replaces it.
        level: Its place on a numeric axis of a figure, for example its field size; ``None``: none.
        tuned: Whether the learning rate is searched. ``False``: it is part of what is studied, and that of ``train``
            is used.
        rate_of: Name of the arm whose search it shares, where symmetry says that the best rates are equal; empty: it
            has a search of its own.
        rates: The grid on which its search begins, where it is known that the best rate is far from those of the other
            arms; empty: that of the experiment.
        probes: What is measured on the replicates beside their errors, in any order.
        held_out: Images kept from training, to choose the rate, in the search alone; the replicates train on them too.
            0: the search has the images that the replicates have.
    """

    name: str
    label: str
    condition: str
    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    level: float | None = None
    tuned: bool = True
    probes: tuple[ProbeName, ...] = ()
    rate_of: str = ""
    held_out: int = 0
    rates: tuple[float, ...] = ()

    @property
    def validated(self) -> bool:
        """Whether its search has images that it does not train on."""
        return bool(self.held_out or self.data.validation_size)

    @property
    def redrawn(self) -> bool:
        """Whether every seed draws images of its own, and their random places."""
        return self.data.train_size is not None or self.data.placement == "random"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.probes:
            if name not in PROBES:
                raise unknown_name("probe", name, PROBES)
        object.__setattr__(self, "probes", tuple(name for name in PROBES if name in self.probes))

    def run(self, learning_rate: float, seed: int, probes: tuple[ProbeName, ...] = ()) -> RunSpec:
        """The run of this arm with a learning rate, a seed and probes.

        The seed draws the subset of the images and their random places too, so that intervals over seeds hold for other
        images of the kind. Arms share it: those that are compared see the same images.
        """
        train = self.train.but(learning_rate=learning_rate)
        data = self.data.but(subset_seed=seed) if self.redrawn else self.data
        return RunSpec(data=data, model=self.model, train=train, seeds=Seeds.of(seed, self.model), probes=probes)
