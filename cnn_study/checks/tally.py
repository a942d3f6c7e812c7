"""Counting the cases of a check."""

from dataclasses import dataclass

import numpy as np

Row = dict[str, str | int | float | bool]
"""One line of a check's table."""

CheckFindings = tuple[dict[str, float], list[Row]]
"""The findings of a check: its outcomes, by name, and its table."""


@dataclass
class Tally:
    """How many cases there were and in how many the network agreed with the formula.

    Attributes:
        cases: Number of cases.
        agreeing: Number of cases that agree.
    """

    cases: int = 0
    agreeing: int = 0

    def add(self, agrees) -> bool:
        """Count a case, or an array of them.

        Args:
            agrees: Whether it agrees: a truth value, or an array with one a case.

        Returns:
            Whether all of these do.
        """
        agrees = np.asarray(agrees, bool)
        self.cases += agrees.size
        self.agreeing += int(agrees.sum())
        return bool(agrees.all())

    def outcomes(self, **others: float) -> dict[str, float]:
        """The counts as outcomes, with further numbers of the check."""
        counts = {"cases": self.cases, "agreeing": self.agreeing}
        return {name: float(value) for name, value in (counts | others).items()}
