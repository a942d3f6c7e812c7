"""Which images an experiment trains on at one profile, and for how long."""

from dataclasses import dataclass
from typing import Any

from cnn_study.data import registry
from cnn_study.spec import DataSpec, TrainSpec


@dataclass(frozen=True)
class Setting:
    """The sizes of an experiment at one profile.

    Attributes:
        dataset: Name of the data set.
        train_size: Training examples; ``None``: all that the validation split leaves.
        batch_size: Examples a step.
        epochs: Passes over the training examples, at most.
        seeds: Number of replicates.
        rates: The grid on which learning rates are searched, to begin with.
        validation_size: Examples kept from training, for the choice of the learning rate.
        test_size: Test examples; ``None``: all.
        evaluations: Evaluations of the training error in an epoch.
        evaluation_size: Training examples in each, and validation examples; ``None``: all.
        trial: Whether this only shows that everything works.
    """

    dataset: str
    train_size: int | None
    batch_size: int
    epochs: int
    seeds: int
    rates: tuple[float, ...]
    validation_size: int = 0
    test_size: int | None = None
    evaluations: int = 1
    evaluation_size: int | None = None
    trial: bool = False

    @property
    def replicates(self) -> tuple[int, ...]:
        """The seeds of the replicates."""
        return tuple(range(1, self.seeds + 1))

    def data(self, fallback: str | None = None, **changes: Any) -> DataSpec:
        """The images, of the data set or of the one that takes its place, with more fields of the spec if need be.

        A data set that is too small for a size gives what it has.
        """
        dataset = registry.get(fallback or self.dataset)
        there = dataset.arrays["x_train"].shape[0]
        validation = min(self.validation_size, there // 5)
        fields = {"train_size": self.train_size, "test_size": self.test_size, "validation_size": validation} | changes
        for name, most in (("train_size", there - validation), ("test_size", dataset.arrays["x_test"].shape[0])):
            if fields[name] is not None:
                fields[name] = min(fields[name], most)
        return DataSpec(name=dataset.name, content=dataset.digest, **fields)

    def sizes(self, wanted: tuple[int, ...], fallback: str | None = None) -> tuple[int, ...]:
        """The numbers of training images that are wanted, those beyond what there is replaced by what there is."""
        return tuple(dict.fromkeys(self.data(fallback, train_size=size).train_size or size for size in wanted))

    def tolerance(self, fallback: str | None = None) -> float:
        """How closely costs are matched: to 1 %, or to 20 % on tiny images, for which there are few widths."""
        return 0.2 if self.trial or fallback else 0.01

    def train(self, **changes: Any) -> TrainSpec:
        """The training: SGD with a momentum of 0.9, with more fields of the spec if need be."""
        fields = {
            "learning_rate": self.rates[len(self.rates) // 2],
            "momentum": 0.9,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "evaluations_per_epoch": self.evaluations,
            "evaluation_size": self.evaluation_size,
        }
        return TrainSpec(**(fields | changes))

    def proxy(self, fallback: str | None = None) -> str:
        """Why results stand for published ones only as a proxy; empty if they do not."""
        title, size = registry.get(self.dataset).title, registry.get(self.dataset).arrays["x_train"].shape[0]
        replaced = f"the data set {fallback} in the place of {title}" if fallback not in (None, self.dataset) else ""
        if self.trial:
            return ", ".join(filter(None, ["a trial run on a handful of images", replaced]))
        if replaced:
            return replaced
        return "" if self.train_size is None else f"{self.train_size:,} of the {size:,} training images of {title}"


def shape_of(data: DataSpec) -> tuple[int, int, int]:
    """``(height, width, channels)`` of the images of a data spec, as a network gets them."""
    return data.image_shape(registry.get(data.name).image_shape)


def classes_of(data: DataSpec) -> int:
    """Number of classes of a data spec."""
    return len(registry.get(data.name).classes)
