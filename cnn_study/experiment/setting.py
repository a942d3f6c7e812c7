"""Where an experiment takes place: at the sizes of a profile, on its own images or on others in their place."""

import inspect
from dataclasses import dataclass

from cnn_study.data.dataset import Dataset
from cnn_study.errors import unknown_name
from cnn_study.profiles import PROFILES


@dataclass(frozen=True)
class Setting:
    """A profile, and the images that take the place of the experiment's own, if any do.

    Three things lead to such images, and all make the results a proxy: a *stand-in*, since the right data set cannot be
    had; a data set that was *chosen*; and images of the user's *own*, from a folder.

    Attributes:
        profile: Name of the profile, one of :data:`cnn_study.profiles.PROFILES`.
        images: The data set in the place of every other; ``None``: each experiment has its own.

    Raises:
        InputError: There is no such profile.
    """

    profile: str
    images: Dataset | None = None

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise unknown_name("profile", self.profile, PROFILES)

    @property
    def name(self) -> str:
        """Name of the folder of its results."""
        return self.profile if self.images is None else f"{self.profile}-{self.images.name}"

    @property
    def own(self) -> bool:
        """Whether the images are the user's own."""
        return self.images is not None and self.images.own


def takes_a_setting(design) -> bool:
    """Whether a function that gives a design takes one setting, and not a profile and a name as in version 0.1."""
    return len(inspect.signature(design).parameters) == 1
