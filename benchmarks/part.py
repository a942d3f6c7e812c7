"""The experiment ``activations`` at the profile ``quick``, and a part of it: what both sides of a comparison train.

The part is one arm of every condition, so that both networks, both kinds of weights and batch normalization are in it,
for a few of their epochs. The experiment itself trains each arm seven times, for 17 epochs on average.
"""

from dataclasses import replace

from cnn_study import collection
from cnn_study.data.registry import get
from cnn_study.experiment import Arm, Design
from cnn_study.spec import RunSpec

UNIT = "relu"
SEEDS = (1, 2)
EPOCHS = 4


def conditions(profile: str = "quick") -> dict[str, Design]:
    """The whole experiment in parts that can be trained one after the other: its conditions, by name.

    Args:
        profile: Whose sizes they have.
    """
    (experiment,) = collection.load(["activations"])
    whole = experiment.at(profile)
    return {
        name: replace(whole, arms=tuple(arm for arm in whole.arms if arm.condition == name), rules=(), checks=())
        for name in whole.conditions
    }


def design(epochs: int = EPOCHS, fallback: str | None = None) -> Design:
    """The part as a design: at the middle rate of the grid, with no target, so that all runs are equally long.

    Args:
        epochs: Of every run.
        fallback: A data set that takes the place of CIFAR-10.
    """
    (experiment,) = collection.load(["activations"])
    whole = experiment.at("quick", get(fallback) if fallback else None)
    arms = tuple(_cut(arm, epochs) for arm in whole.arms if arm.name.startswith(f"{UNIT}, "))
    return Design(arms, None, SEEDS, ())


def runs(part: Design) -> list[RunSpec]:
    """Its runs, arm by arm."""
    return [arm.run(arm.train.learning_rate, seed) for arm in part.arms for seed in part.seeds]


def _cut(arm: Arm, epochs: int) -> Arm:
    return replace(arm, tuned=False, train=arm.train.but(epochs=epochs, target_train_error=None))
