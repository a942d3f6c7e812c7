"""Generated cases: how many are run, counted, and what an error that reaches a user looks like."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from cnn_study.errors import StudyError


def examine(holds: Callable[[Any], bool], cases: SearchStrategy, number: int, same: bool) -> tuple[int, int]:
    """Let a property be tested on generated cases.

    Args:
        holds: Fails if the property does not hold; returns whether the case was taken rather than refused.
        cases: Where they come from.
        number: How many.
        same: The same every time, so that a test fails or does not.

    Returns:
        How many were tested, and how many of them were taken.
    """
    taken = []

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=same,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(cases)
    def test(case):
        taken.append(holds(case))

    test()
    return len(taken), sum(taken)


def attempt(kind: type[StudyError], make: Callable[[], Any]) -> Any:
    """What is made, or the error that refuses to, which must be one line."""
    try:
        return make()
    except kind as error:
        assert_one_line(error)
        return error


def assert_one_line(error: StudyError) -> None:
    """It has a message in one line that a terminal can show, of bearable length."""
    text = str(error)
    assert text
    assert text.isprintable(), repr(text)
    assert len(text) < 10_000
