"""All that a page of ``experiments/``, or a file of one's own, is written with.

A page reads from top to bottom: its docstring, its claims, each a function that gives the rules that decide it, and the
experiment, a function that gives the arms. See ``docs/how-to/ablation.md``.
"""

from cnn_study.experiment import (
    Agreement,
    Arm,
    Condition,
    Contrast,
    HalfGap,
    LowestValidationError,
    Plot,
    Published,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
    gain,
    sampling_margin,
)
from cnn_study.experiment.rule import direction, magnitude, mechanism, premise
from cnn_study.page.ablation import ablation, claim
from cnn_study.page.sizes import SMOKE, Sizes
from cnn_study.page.workbench import Workbench

__all__ = [
    "SMOKE",
    "Agreement",
    "Arm",
    "Condition",
    "Contrast",
    "HalfGap",
    "LowestValidationError",
    "Plot",
    "Published",
    "Rule",
    "Sizes",
    "Term",
    "TimeRatio",
    "TimeToTrainError",
    "Workbench",
    "ablation",
    "claim",
    "direction",
    "gain",
    "magnitude",
    "mechanism",
    "premise",
    "sampling_margin",
]
