"""What a page is given: its sizes in a setting, its images, and the means to make networks and arms for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeVar

from cnn_study.data.dataset import Dataset
from cnn_study.experiment import Arm, Setting
from cnn_study.models.complexity import macs, parameters
from cnn_study.models.matching import match
from cnn_study.page.sizes import Sizes
from cnn_study.spec import DataSpec, ModelSpec, ProbeName, TrainSpec

T = TypeVar("T")
MOMENTUM = 0.9
"""The momentum of SGD, where a page does not say otherwise."""


@dataclass(frozen=True)
class Workbench:
    """A page's sizes and images in a setting. Everything that depends on them is made here.

    Attributes:
        setting: The profile, and images that take the place of the page's own.
        sizes: The page's sizes in that profile.
        changes: Fields of the data that the page has changed, see :meth:`but`.
    """

    setting: Setting
    sizes: Sizes
    changes: Mapping[str, Any] = field(default_factory=dict)

    def but(self, dataset: str | None = None, **changes: Any) -> Self:
        """A workbench with other images: of another data set, or with fields of their spec changed.

        Images that take the place of the page's own take that of another data set too.

        Args:
            dataset: Name of the other data set.
            **changes: Fields of :class:`~cnn_study.spec.DataSpec`, such as ``train_size=500`` or ``canvas=36``.
        """
        sizes = self.sizes if dataset is None else self.sizes.but(dataset=dataset)
        return replace(self, sizes=sizes, changes={**self.changes, **changes})

    def with_images(self, *numbers: int) -> list[Self]:
        """A workbench for every number of training images. A number larger than that of all images stands for all."""
        found = {bench.examples: bench for bench in (self.but(train_size=number) for number in numbers)}
        return list(found.values())

    @property
    def amount(self) -> str:
        """The number of training images in words: ``2,000 images``."""
        return f"{self.examples:,} images"

    def choose(self, *, smoke: T, quick: T, full: T) -> T:
        """The value that the page has for the profile."""
        return {"smoke": smoke, "quick": quick, "full": full}[self.setting.profile]

    @property
    def dataset(self) -> Dataset:
        """The data set: the page's own, or what takes its place."""
        return self.setting.images or self.sizes.images

    @property
    def trial(self) -> bool:
        """Whether this only shows that everything works."""
        return self.sizes.trial

    @property
    def data(self) -> DataSpec:
        """The images. A data set that is too small for a size gives what it has."""
        there = {part: self.dataset.arrays[f"x_{part}"].shape[0] for part in ("train", "test")}
        validation = min(self.sizes.validation_size, there["train"] // 5)
        fields = {
            "train_size": self.sizes.train_size,
            "test_size": self.sizes.test_size,
            "validation_size": validation,
            **self.changes,
        }
        for name, most in (("train_size", there["train"] - validation), ("test_size", there["test"])):
            if fields[name] is not None:
                fields[name] = min(fields[name], most)
        return DataSpec(name=self.dataset.name, content=self.dataset.digest, **fields)

    @property
    def examples(self) -> int:
        """Training images, without displaced copies of them."""
        return self.data.drawn(self.dataset.arrays["x_train"].shape[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of an image, as a network gets it."""
        return self.data.image_shape(self.dataset.image_shape)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.dataset.classes)

    @property
    def tolerance(self) -> float:
        """How closely costs are matched: to 1 %, or to 20 % on tiny images, for which there are few widths."""
        return 0.2 if self.trial or self.setting.images else 0.01

    def network(self, build: Callable[..., ModelSpec], *arguments: Any, **options: Any) -> ModelSpec:
        """A network for these images: ``build`` with their shape and their number of classes."""
        return build(*arguments, input_shape=self.shape, classes=self.classes, **options)

    def matched(
        self,
        build: Callable[[int], ModelSpec],
        to: ModelSpec,
        cost: Literal["parameters", "macs"] = "parameters",
    ) -> ModelSpec:
        """The network of a family, by its width, that costs what another one does, as closely as :attr:`tolerance`.

        Args:
            build: The function that makes the network of a width.
            to: The network whose cost is matched.
            cost: What is matched: trainable parameters, or multiply-accumulates of a forward pass of one image.
        """
        return match(build, (parameters if cost == "parameters" else macs)(to), cost, self.tolerance)

    def train(self, **changes: Any) -> TrainSpec:
        """The training: SGD with a momentum of 0.9 at these sizes, with fields of the spec changed if need be."""
        evaluated = self.sizes.evaluation_size
        fields = {
            "learning_rate": self.sizes.rates[len(self.sizes.rates) // 2],
            "momentum": MOMENTUM,
            "batch_size": self.sizes.batch_size,
            "epochs": self.sizes.epochs,
            "evaluations_per_epoch": self.sizes.evaluations,
            "evaluation_size": evaluated,
        } | changes
        # A small set of images has no more to evaluate, and no more steps to evaluate after.
        steps = max(self.examples // fields["batch_size"], 1)
        fields["evaluations_per_epoch"] = min(fields["evaluations_per_epoch"], steps)
        if evaluated is not None and evaluated > self.examples:
            fields["evaluation_size"] = None
        return TrainSpec(**fields)

    def arm(
        self,
        name: str,
        model: ModelSpec,
        *,
        condition: str,
        label: str = "",
        level: float | None = None,
        rate: float | None = None,
        rate_of: str = "",
        rates: tuple[float, ...] = (),
        probes: tuple[ProbeName, ...] = (),
        on_all: bool = False,
        **training: Any,
    ) -> Arm:
        """An arm on these images.

        Args:
            name: Its name, unique in the experiment.
            model: The network that is trained.
            condition: The background under which it is compared.
            label: Its name in figures; empty: its name.
            level: Its place on a numeric axis of a figure; ``None``: none.
            rate: Its learning rate, if that is part of what is studied; ``None``: the best is searched.
            rate_of: Name of the arm whose search it shares, where symmetry says that the best rates are equal.
            rates: The grid on which its search begins; empty: that of the sizes.
            probes: What is measured on its replicates beside their errors.
            on_all: Whether the replicates train on the validation images too, which then serve the search alone.
            **training: Fields of its training that differ from those of :meth:`train`.
        """
        if rate is not None:
            training["learning_rate"] = rate
        data, train = self.data, self.train(**training)
        held_out = data.validation_size if on_all else 0
        data = data.but(validation_size=0) if on_all else data
        return Arm(
            name=name,
            label=label or name,
            condition=condition,
            data=data,
            model=model,
            train=train,
            level=level,
            tuned=rate is None,
            probes=probes,
            rate_of=rate_of,
            held_out=held_out,
            rates=rates,
        )
