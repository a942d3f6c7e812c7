"""What the experiments of a profile have found, claim by claim, as far as they have been run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.significance import Key, holm, mark, marked
from cnn_study.experiment import Claim, Verdict
from cnn_study.report.answers import headline


@dataclass(frozen=True)
class Findings:
    """What the experiments of a profile have found.

    Attributes:
        outcomes: Of the experiments that are shown, also of those that have not been run; empty: nothing is shown.
        folder: Of the results, with the figures in ``figures``.
        family: All experiments whose tests are corrected for together; empty: those that are shown.
    """

    outcomes: tuple[Outcome, ...] = ()
    folder: Path = Path()
    family: tuple[Outcome, ...] = ()

    @cached_property
    def survives(self) -> Mapping[Key, bool]:
        """Which verdicts survive the correction for all tests."""
        return holm(self.family or self.outcomes)

    @property
    def marked(self) -> bool:
        """Whether any verdict that is shown has the mark of those that do not survive."""
        return marked(self.outcomes, self.survives)

    @cached_property
    def complete(self) -> Sequence[Outcome]:
        """The experiments that are finished."""
        return [outcome for outcome in self.outcomes if outcome.complete]

    @property
    def headline(self) -> str:
        """How many claims of the finished experiments hold."""
        return headline(self.complete, self.survives)

    def outcome(self, experiment: str) -> Outcome | None:
        """What an experiment has found; ``None`` if it is none of these.

        Args:
            experiment: Its name.
        """
        return next((each for each in self.outcomes if each.experiment.name == experiment), None)

    def verdicts(self, experiment: str, claim: Claim) -> Sequence[ClaimVerdict]:
        """The verdicts on a claim as far as something was measured: where runs are missing, what it is so far.

        Args:
            experiment: The name of the experiment that makes it.
            claim: Which.
        """
        found = self.outcome(experiment)
        mine = [each for each in found.verdicts if each.claim.name == claim.name] if found else []
        told = [each.so_far if each.waits else each for each in mine]
        return [each for each in told if each.verdict != "not tested" and any(d.interval for d in each.decisions)]

    def direction(self, experiment: str, claim: Claim) -> tuple[Verdict, str] | None:
        """The verdict on the direction of a claim, and what stands behind it; ``None`` if no runs are there.

        Args:
            experiment: The name of the experiment that makes it.
            claim: Which.
        """
        known = next((each for each in self.verdicts(experiment, claim) if each.aspect == "direction"), None)
        return (known.verdict, self.behind(known)) if known else None

    def behind(self, verdict: ClaimVerdict) -> str:
        """What stands behind a verdict: that it is one so far, or its mark.

        Args:
            verdict: One of these.
        """
        found = self.outcome(verdict.experiment)
        whole = [each for each in found.verdicts if each.claim.name == verdict.claim.name] if found else []
        waits = any(each.aspect == verdict.aspect and each.waits for each in whole)
        return ", so far" if waits and verdict.verdict != "inconclusive" else mark(verdict, self.survives)

    def judged(self, experiment: str) -> Outcome | None:
        """What an experiment has found, if it judges the size of an effect against a published number.

        Args:
            experiment: Its name.
        """
        found = self.outcome(experiment)
        sizes = [each for each in found.verdicts if each.aspect == "magnitude"] if found else []
        told = [each for verdict in sizes for each in verdict.decisions if each.interval]
        return found if any(each.verdict != "not tested" for each in told) else None


NO_FINDINGS = Findings()
"""Of no experiment: stands where there are none at a larger scale, or where what is shown is at that scale itself."""
