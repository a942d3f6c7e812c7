import pytest
from conftest import made_up_arm, made_up_design, made_up_experiment

from cnn_study.errors import InputError
from cnn_study.experiment import (
    PROFILES,
    Design,
    Published,
    RateSearch,
    Rule,
    TimeRatio,
    TimeToTrainError,
    ValidationError,
)
from cnn_study.spec import RunSpec, Seeds

OBJECTIVE = TimeToTrainError(0.25)
GRID = (0.005, 0.01, 0.02)


def design(arms=("relu", "tanh"), seeds=(1, 2, 3), rules=(), search_seed=1000):
    search = RateSearch(OBJECTIVE, GRID, seed=search_seed)
    return Design(tuple(made_up_arm(name) for name in arms), search, seeds, rules)


def rule(numerator, denominator, **limits):
    return Rule("claim", "direction", "plain", TimeRatio(numerator, denominator, 0.25), **limits)


# --- rate search ---


@pytest.mark.parametrize("rates", [(), (0.01,), (0.01, 0.02)])
def test_a_grid_without_an_inside_is_refused(rates):
    with pytest.raises(InputError, match="at least 3 rates"):
        RateSearch(OBJECTIVE, rates)


@pytest.mark.parametrize(
    "rates",
    [(0.01, 0.02, 0.03), (0.01, 0.02, 0.0401), (0.04, 0.02, 0.01), (0.01, 0.01, 0.01), (0.01, 0.04, 0.02)],
)
def test_a_grid_that_does_not_ascend_by_one_factor_is_refused(rates):
    with pytest.raises(InputError, match="ascend by a constant factor"):
        RateSearch(OBJECTIVE, rates)


@pytest.mark.parametrize("rates", [(0.0, 0.1, 0.2), (-1.0, -2.0, -4.0), (float("nan"),) * 3])
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(InputError, match="rates must be positive"):
        RateSearch(OBJECTIVE, rates)


def test_rates_rounded_for_people_are_taken():
    """A factor of the square root of 10, written with four digits."""
    search = RateSearch(OBJECTIVE, (0.01, 0.03162, 0.1, 0.3162))
    assert search.factor == pytest.approx(3.162)
    assert RateSearch(OBJECTIVE, GRID).factor == 2


# --- design ---


def test_arms_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"different names: .*'relu', 'tanh', 'relu'"):
        design(("relu", "tanh", "relu"))


def test_no_arms_are_refused():
    with pytest.raises(InputError, match="at least one arm"):
        design(())


def test_the_search_seed_may_not_be_a_replicate():
    with pytest.raises(InputError, match="search seed 2 must not be one of the replicates"):
        design(search_seed=2)
    assert design(search_seed=4).search.seed == 4


def test_a_replicate_counts_once():
    with pytest.raises(InputError, match=r"different seeds: \(1, 2, 1\)"):
        design(seeds=(1, 2, 1))


@pytest.mark.parametrize("names", [("tanh", "rely"), ("rely", "tanh")])
def test_a_rule_about_an_unknown_arm_is_refused_with_a_suggestion(names):
    with pytest.raises(InputError) as raised:
        design(rules=(rule(*names),))
    assert str(raised.value) == "unknown arm 'rely'; did you mean 'relu'? (known: relu, tanh)"


def test_an_unknown_arm_unlike_all_others_is_refused_without_a_suggestion():
    with pytest.raises(InputError) as raised:
        design(rules=(rule("tanh", "xyz"),))
    assert str(raised.value) == "unknown arm 'xyz' (known: relu, tanh)"


def test_a_design_finds_its_arms_and_conditions_in_order():
    made_up = made_up_design()
    assert made_up.arm("tanh, other").name == "tanh, other"
    assert made_up.conditions == ("plain", "other")


# --- experiment ---


@pytest.mark.parametrize("profile", PROFILES)
def test_an_experiment_has_a_design_for_every_profile(profile):
    assert made_up_experiment("a proxy").at(profile).proxy == "a proxy"


def test_an_unknown_profile_is_refused_with_a_suggestion():
    with pytest.raises(
        InputError, match=r"unknown profile 'quik'; did you mean 'quick'\? \(known: full, quick, smoke\)"
    ):
        made_up_experiment().at("quik")


# --- arms, words ---


def test_the_runs_of_an_arm_differ_in_rate_and_seed_only():
    arm = made_up_arm("relu")
    run = arm.run(0.5, 7)
    assert run == RunSpec(data=arm.data, model=arm.model, train=arm.train.but(learning_rate=0.5), seeds=Seeds.all(7))
    assert run.but(train=arm.train, seeds=Seeds.all(1)) == arm.run(arm.train.learning_rate, 1)


@pytest.mark.parametrize(
    ("provenance", "text"),
    [("primary", "6.5"), ("abstract", "6.5"), ("secondary", "6.5"), ("memory", "approximately 6.5")],
)
def test_only_remembered_numbers_are_approximate(provenance, text):
    assert Published("ratio", 6.5, "Somebody 2012", provenance, about="a / b").text == text


def test_objectives_in_words():
    assert OBJECTIVE.text == "epochs to 25 % training error"
    assert TimeToTrainError(0.125).text == "epochs to 12.5 % training error"
    assert ValidationError().text == "validation error after the last epoch"


def test_rules_in_words():
    assert rule("tanh", "relu", low=1).sentence == (
        "Supported if the interval of the ratio of the times of tanh and relu to 25 % training error lies above 1, "
        "contradicted if it lies below."
    )
    assert rule("tanh", "relu", low=4, high=8).sentence.endswith("lies within 4 to 8, contradicted if it lies outside.")
