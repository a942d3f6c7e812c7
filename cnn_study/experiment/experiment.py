"""A group of claims and the design that tests them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnn_study.data.dataset import Dataset
from cnn_study.errors import InputError
from cnn_study.experiment.claim import Claim
from cnn_study.experiment.design import Design
from cnn_study.experiment.place import Declared
from cnn_study.experiment.plot import Plot
from cnn_study.experiment.setting import PROFILES, Setting, takes_a_setting
from cnn_study.experiment.strict import check_claims, check_design, check_labels


@dataclass(frozen=True)
class Experiment(Declared):
    """A group of claims and the design that tests them.

    Attributes:
        name: Its identifier: the name of its module.
        title: Its title for people.
        claims: The claims that are tested.
        design: The function that gives the design in a :class:`~cnn_study.experiment.Setting`. A function of two
            arguments, as version 0.1 had it, is given the profile and the name of the data set that takes the place of
            its own, or ``None``.
        figures: The figures drawn from its results; a name stands for a plot of that kind.

    Raises:
        InputError: Two claims have the same name, or there is no such kind of figure.
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    design: Callable[..., Design]
    figures: tuple[Plot | str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_claims(self.claims)
        plots = tuple(Plot(each, place=self.place) if isinstance(each, str) else each for each in self.figures)
        object.__setattr__(self, "figures", plots)

    def __getstate__(self) -> dict[str, Any]:
        """Other processes, which may not know its file, get the experiment without the function of its design."""
        return {**vars(self), "design": None}

    @property
    def plots(self) -> tuple[Plot, ...]:
        """The figures, each as a plot."""
        return tuple(plot for plot in self.figures if isinstance(plot, Plot))

    def at(self, profile: str | Setting, images: Dataset | None = None) -> Design:
        """The design in a setting, with everything in it checked that would stop or falsify a run.

        Args:
            profile: The setting, or the name of its profile.
            images: The data set that takes the place of the experiment's own, if the setting is not given whole.

        Raises:
            InputError: There is no such profile, the images do not fit, or something that the experiment declares does
                not exist; the message has the file and the line.
        """
        setting = profile if isinstance(profile, Setting) else Setting(profile, images)
        design = self._designed(setting)
        check_design(design, self.claims, self.plots)
        self._check_labels(design)
        return design

    def _check_labels(self, design: Design) -> None:
        """Refuse published numbers about what no arm is called, in any profile, and no kind of layer in a check."""
        labels = {arm.label for arm in design.arms} | ({"conv", "local", "dense"} if design.checks else set())
        if all(labels.issuperset(each.labels) for claim in self.claims for each in claim.published):
            return
        for profile in PROFILES:
            labels |= {arm.label for arm in self._designed(Setting(profile)).arms}
        check_labels(self.claims, labels)

    def _designed(self, setting: Setting) -> Design:
        return self.design(setting) if takes_a_setting(self.design) else self._as_in_0_1(setting)

    def _as_in_0_1(self, setting: Setting) -> Design:
        if setting.own:
            raise InputError(
                f"{self.name} is written for cnn-study 0.1 and knows registered data sets only: let its design take "
                "one argument, the setting, to run it on images of your own"
            ).at(self.place)
        return self.design(setting.profile, setting.images.name if setting.images else None)
