"""Experiments as others may declare them: each can be planned, or is refused in one line."""

import math

from cases import assert_one_line
from conftest import made_up_arm
from hypothesis import strategies as st
from pydantic import ValidationError

from cnn_study.errors import InputError
from cnn_study.execution.plan import plan
from cnn_study.experiment import (
    Agreement,
    Claim,
    Contrast,
    Design,
    Experiment,
    HalfGap,
    LowestValidationError,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
)
from cnn_study.spec import CheckSpec, one_line

ARMS = ["relu", "tanh", "sigmoid"]

numbers = st.sampled_from([0.0, -1.0, 1.0, 0.25, 0.5, 2.0, math.nan, math.inf, -math.inf, 1e-320, 1e308]) | st.floats()
names = st.sampled_from([*ARMS, "rely", "Tanh", "", "../x", "a\nb"]) | st.text(max_size=6)
rates = st.lists(numbers, max_size=5) | st.builds(
    lambda first, factor, n: [first * factor**i for i in range(n)],
    st.floats(1e-4, 1),
    st.sampled_from([1.0, 2.0, 0.5, -2.0, math.nan]),
    st.integers(0, 6),
)
thresholds = st.just(0.25) | numbers
estimates = st.one_of(
    st.builds(lambda a, b, t: lambda: TimeRatio(a, b, t), names, names, thresholds),
    st.builds(lambda a, b, c, t: lambda: HalfGap(a, b, c, t), names, names, names, thresholds),
    st.builds(
        lambda terms: lambda: Contrast(tuple(Term(*term) for term in terms), "the gain"),
        st.lists(st.tuples(numbers, names, st.just("test_error")), max_size=3),
    ),
    st.builds(lambda check: lambda: Agreement(check), names),
)


@st.composite
def declarations(draw):
    """What an experiment is made from, not put together yet."""
    parts = {
        "arms": (ARMS, st.lists(st.sampled_from(ARMS), max_size=3)),
        "rate": (0.01, numbers),
        "tuned": (True, st.booleans()),
        "rates": ([0.01, 0.02, 0.04], rates),
        "threshold": (0.25, st.none() | thresholds),
        "search": (True, st.booleans()),
        "search_seed": (1000, st.sampled_from([1, -1, 2**200])),
        "seeds": ([1, 2, 3], st.lists(st.integers(-1, 5) | st.sampled_from([2**127, 2**128]), max_size=4)),
        "checks": (["sizes"], st.lists(names, max_size=2)),
        "claim": ("faster", st.sampled_from(["fastr", ""])),
        "limits": ((-1.0, 1.0), st.tuples(numbers, numbers)),
        "equivalence": (False, st.booleans()),
        "estimate": (lambda: TimeRatio("relu", "tanh", 0.25), estimates),
        "profile": ("quick", st.sampled_from(["quik", "smoke", "../full", ""])),
    }
    changed = draw(st.sets(st.sampled_from(sorted(parts)), max_size=3))
    return {name: draw(other) if name in changed else good for name, (good, other) in parts.items()}


def experiment_of(declared):
    """The experiment, as a module of ``experiments`` would declare it."""
    low, high = declared["limits"]
    objective = LowestValidationError() if declared["threshold"] is None else TimeToTrainError(declared["threshold"])
    search = RateSearch(objective, tuple(declared["rates"]), declared["search_seed"]) if declared["search"] else None

    def arm(name):
        made_up = made_up_arm(name)
        train = made_up.train.but(learning_rate=declared["rate"])
        return type(made_up)(**{**vars(made_up), "train": train, "tuned": declared["tuned"]})

    estimate = declared["estimate"]()
    rule = Rule(declared["claim"], "direction", "plain", estimate, low, high, equivalence=declared["equivalence"])
    design = Design(
        tuple(map(arm, declared["arms"])),
        search,
        tuple(declared["seeds"]),
        (rule,),
        checks=tuple(CheckSpec(check=name) for name in declared["checks"]),
    )
    return Experiment("made_up", "Made up", (Claim("faster", "Faster."),), lambda *_: design, ())


def can_be_planned_or_is_refused(declared):
    """An experiment has a plan with rates and seeds that are numbers, or is refused in one line.

    Returns:
        Whether it has one.
    """
    try:
        design = experiment_of(declared).at(declared["profile"])
        rows = list(plan(design, {}, {}))
    except InputError as error:
        assert_one_line(error)
        return False
    except ValidationError as error:
        assert_one_line(InputError(one_line(error)))
        return False
    assert rows
    assert all(planned.job.key for row in rows for planned in row.planned)
    for rule in design.rules:
        assert rule.low < rule.high
        assert rule.sentence
    if design.search:
        assert all(0 < rate < math.inf for rate in design.search.rates)
    return True
