"""What the same claims came to at the scale of the publications, to stand beside those of a smaller profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.analysis.significance import Key, holm, mark
from cnn_study.experiment import Claim, Verdict
from cnn_study.report.answers import headline


@dataclass(frozen=True)
class Scale:
    """Results at the scale of the publications.

    Attributes:
        outcomes: Of all experiments, also of those that have not been run; empty: nothing is shown.
        folder: Of the results, with the figures in ``figures``.
    """

    outcomes: tuple[Outcome, ...] = ()
    folder: Path = Path()

    @cached_property
    def survives(self) -> Mapping[Key, bool]:
        """Which verdicts survive the correction for all tests."""
        return holm(self.outcomes)

    @cached_property
    def complete(self) -> Sequence[Outcome]:
        """The experiments that are finished."""
        return [outcome for outcome in self.outcomes if outcome.complete]

    @property
    def headline(self) -> str:
        """How many claims of the finished experiments hold."""
        return headline(self.complete)

    def outcome(self, experiment: str) -> Outcome | None:
        """What an experiment has found; ``None`` if it is none of these.

        Args:
            experiment: Its name.
        """
        return next((each for each in self.outcomes if each.experiment.name == experiment), None)

    def verdicts(self, experiment: str, claim: Claim) -> Sequence[ClaimVerdict]:
        """The verdicts on a claim as far as something was measured.

        Args:
            experiment: The name of the experiment that makes it.
            claim: Which.
        """
        found = self.outcome(experiment)
        mine = [each for each in found.verdicts if each.claim.name == claim.name] if found else []
        return [
            each
            for each in mine
            if each.verdict != "not tested" and any(decision.interval for decision in each.decisions)
        ]

    def direction(self, experiment: str, claim: Claim) -> tuple[Verdict, str] | None:
        """The verdict on the direction of a claim, and what stands behind it; ``None`` if no runs are there.

        Args:
            experiment: The name of the experiment that makes it.
            claim: Which.
        """
        found = self.outcome(experiment)
        known = next((each for each in self.verdicts(experiment, claim) if each.aspect == "direction"), None)
        if found is None or known is None:
            return None
        if known.verdict == "inconclusive" and not found.complete:
            return known.so_far, ", so far"
        return known.verdict, self.mark(known)

    def mark(self, verdict: ClaimVerdict) -> str:
        """What stands after a verdict that does not survive the correction.

        Args:
            verdict: One of these.
        """
        return mark(verdict, self.survives)

    def judged(self, experiment: str) -> Outcome | None:
        """What an experiment has found, if it judges the size of an effect against a published number.

        Args:
            experiment: Its name.
        """
        found = self.outcome(experiment)
        sizes = [each for each in found.verdicts if each.aspect == "magnitude"] if found else []
        told = [each for verdict in sizes for each in verdict.decisions if each.interval]
        return found if any(each.verdict != "not tested" for each in told) else None
