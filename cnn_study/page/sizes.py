"""How much of which images an experiment trains on in a profile, for how long, and how often."""

from dataclasses import dataclass, replace
from typing import Any, Self

from cnn_study.data import registry
from cnn_study.data.dataset import Dataset
from cnn_study.experiment import LOOKS


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of an experiment in one profile.

    Attributes:
        dataset: Name of a data set, or one of the user's own from :func:`cnn_study.data.folder.images`.
        train_size: Number of training images; ``None``: all that the validation split leaves.
        validation_size: Number of images kept from training, for the choice of the learning rate.
        test_size: Number of test images; ``None``: all.
        batch_size: Number of images a step.
        epochs: Passes over the training images, at most.
        evaluations: Number of evaluations of the training error in an epoch.
        evaluation_size: Number of training images, and of validation images, in each evaluation; ``None``: all.
        looks: Numbers of seeds at which rules are judged: arms get more seeds only while a rule about them is open or
            to be confirmed.
        seeds: A fixed number of replicates instead of looks; ``None``: as many as are needed.
        rates: The grid on which learning rates are searched, to begin with.
        trial: Whether this only shows that everything works.
    """

    dataset: str | Dataset
    train_size: int | None = None
    validation_size: int = 0
    test_size: int | None = None
    batch_size: int
    epochs: int
    evaluations: int = 1
    evaluation_size: int | None = None
    looks: tuple[int, ...] = LOOKS
    seeds: int | None = None
    rates: tuple[float, ...]
    trial: bool = False

    def but(self, **changes: Any) -> Self:
        """A copy with some sizes changed."""
        return replace(self, **changes)

    @property
    def replicates(self) -> int:
        """The most replicates an arm may get."""
        return self.looks[-1] if self.seeds is None else self.seeds

    @property
    def images(self) -> Dataset:
        """The data set.

        Raises:
            InputError: There is no data set of that name.
        """
        return self.dataset if isinstance(self.dataset, Dataset) else registry.get(self.dataset)


SMOKE = Sizes(
    dataset="digits",
    train_size=200,
    validation_size=100,
    batch_size=10,
    epochs=2,
    seeds=2,
    rates=(0.0025, 0.01, 0.04),
    trial=True,
)
"""A trial on a handful of the embedded digits: shows that everything works, and decides nothing."""
