"""What an experiment is: claims, arms, checks, seeds, decision rules and figures, all as data.

Nothing here trains or plots. A page of ``experiments/`` declares one :class:`Experiment`; the plan turns it into runs,
the analysis applies its rules to the stored results, and the figures it names are drawn from them. What a page declares
is checked when it is read: a name that does not exist is refused before anything is trained.
"""

from cnn_study.experiment.arm import Arm
from cnn_study.experiment.claim import ASPECTS, PROVENANCES, Aspect, Claim, Provenance, Published, Verdict
from cnn_study.experiment.design import LOOKS, Design
from cnn_study.experiment.estimate import Agreement, Contrast, Estimate, HalfGap, Term, TimeRatio, gain, sampling_margin
from cnn_study.experiment.experiment import Experiment
from cnn_study.experiment.plot import Plot
from cnn_study.experiment.rule import Condition, Rule
from cnn_study.experiment.search import LowestValidationError, Objective, RateSearch, TimeToTrainError
from cnn_study.experiment.setting import PROFILES, Setting

__all__ = [
    "ASPECTS",
    "LOOKS",
    "PROFILES",
    "PROVENANCES",
    "Agreement",
    "Arm",
    "Aspect",
    "Claim",
    "Condition",
    "Contrast",
    "Design",
    "Estimate",
    "Experiment",
    "HalfGap",
    "LowestValidationError",
    "Objective",
    "Plot",
    "Provenance",
    "Published",
    "RateSearch",
    "Rule",
    "Setting",
    "Term",
    "TimeRatio",
    "TimeToTrainError",
    "Verdict",
    "gain",
    "sampling_margin",
]
