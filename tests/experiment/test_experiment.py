from dataclasses import replace
from functools import partial

import pytest
from conftest import made_up_arm, made_up_design, made_up_experiment

from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment import (
    PROFILES,
    Agreement,
    Contrast,
    Design,
    HalfGap,
    LowestValidationError,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
    gain,
)
from cnn_study.experiment.strict import check_design
from cnn_study.spec import CheckSpec, RunSpec, Seeds

OBJECTIVE = TimeToTrainError(0.25)
GRID = (0.005, 0.01, 0.02)
NAN, INF = float("nan"), float("inf")


def design(arms=("relu", "tanh"), seeds=(1, 2, 3), rules=(), search_seed=1000, looks=()):
    search = RateSearch(OBJECTIVE, GRID, seed=search_seed)
    return Design(tuple(made_up_arm(name) for name in arms), search, seeds, rules, looks=looks)


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


@pytest.mark.parametrize(
    "rates",
    [
        (0.0, 0.1, 0.2),
        (-1.0, -2.0, -4.0),
        (NAN,) * 3,
        (0.1, NAN, 0.4),
        (0.1, 0.2, NAN),
        (0.1, INF, INF),
        (1.0, 2.0, INF),
    ],
)
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(InputError, match="rates must be positive"):
        RateSearch(OBJECTIVE, rates)


def test_rates_rounded_for_people_are_taken():
    """A factor of the square root of 10, written with four digits."""
    search = RateSearch(OBJECTIVE, (0.01, 0.03162, 0.1, 0.3162))
    assert search.factor == pytest.approx(3.162)
    assert RateSearch(OBJECTIVE, GRID).factor == 2


@pytest.mark.parametrize("options", [{"seed": -1}, {"extensions": -1}])
def test_a_search_counts_nothing_below_zero(options):
    with pytest.raises(InputError, match="must not be negative"):
        RateSearch(OBJECTIVE, GRID, **options)


@pytest.mark.parametrize("threshold", [-0.1, 1, 25, NAN, INF])
@pytest.mark.parametrize(
    "about", [TimeToTrainError, lambda t: TimeRatio("a", "b", t), lambda t: HalfGap("a", "b", "c", t)]
)
def test_a_threshold_is_a_fraction(about, threshold):
    with pytest.raises(InputError, match="a threshold is a fraction"):
        about(threshold)


# --- design ---


def test_arms_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"different names: .*'relu', 'tanh', 'relu'"):
        design(("relu", "tanh", "relu"))


def test_no_arms_are_refused():
    with pytest.raises(InputError, match="at least one arm or check"):
        design(())


def test_arms_without_seeds_are_refused():
    with pytest.raises(InputError, match="at least one seed"):
        design(seeds=())
    with pytest.raises(InputError, match=r"seeds must not be negative: \(1, -2\)"):
        design(seeds=(1, -2))


@pytest.mark.parametrize("limits", [{"low": 2, "high": 1}, {"low": 1, "high": 1}, {"low": NAN}, {"high": NAN}])
def test_a_rule_has_a_range(limits):
    with pytest.raises(InputError, match="the rule for claim needs a range"):
        rule("tanh", "relu", **limits)


def test_contrasts_are_sums_of_numbers():
    with pytest.raises(InputError, match="needs at least one term"):
        Contrast((), "nothing")
    with pytest.raises(InputError, match="coefficient of test_error of relu must be a number: got nan"):
        Term(NAN, "relu", "test_error")


def test_a_rule_about_an_unknown_claim_is_refused_with_a_suggestion():
    experiment = replace(made_up_experiment(), claims=(replace(made_up_experiment().claims[0], name="fast"),))
    with pytest.raises(InputError, match=r"unknown claim 'faster'; did you mean 'fast'\?"):
        experiment.at("quick")


def test_a_check_alone_is_a_design():
    check = CheckSpec(check="sizes")
    agree = Rule("claim", "direction", "all cases", Agreement("sizes"))
    made_up = Design((), None, (), (agree,), checks=(check,))
    assert made_up.checks == (check,)
    assert made_up.conditions == ()
    with pytest.raises(InputError, match=r"unknown check 'sizes'; did you mean 'size'\? \(known: size\)"):
        Design((), None, (), (agree,), checks=(CheckSpec(check="size"),))


def test_arms_that_are_tuned_need_a_search():
    arm = made_up_arm("relu")
    with pytest.raises(InputError, match="need a search for the learning rate"):
        Design((arm,), None, (1, 2), ())
    assert Design((replace(arm, tuned=False),), None, (1, 2), ()).search is None


@pytest.mark.parametrize("limits", [{}, {"low": -1}, {"high": 1}])
def test_an_equivalence_needs_both_limits(limits):
    with pytest.raises(InputError, match="claim tests an equivalence: give it both limits"):
        rule("tanh", "relu", equivalence=True, **limits)
    assert rule("tanh", "relu", equivalence=True, low=-1, high=1).equivalence


def test_the_search_seed_may_not_be_a_replicate():
    with pytest.raises(InputError, match="search seed 2 must not be one of the replicates"):
        design(search_seed=2)
    assert design(search_seed=4).search.seed == 4


def test_a_replicate_counts_once():
    with pytest.raises(InputError, match=r"different seeds: \(1, 2, 1\)"):
        design(seeds=(1, 2, 1))


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ((5,), "one look, at 5 seeds, is a fixed number of seeds: leave looks out"),
        ((2, 5), r"the first look needs at least 3 seeds: got looks \(2, 5\)"),
        ((3, 3, 5), r"looks must be ascending numbers of seeds: got \(3, 3, 5\)"),
        ((4, 3, 5), r"looks must be ascending numbers of seeds"),
        ((3, 4), r"the last look must have all 5 seeds: got looks \(3, 4\)"),
    ],
)
def test_looks_that_cannot_be_meant_are_refused(looks, message):
    with pytest.raises(InputError, match=message):
        design(seeds=(1, 2, 3, 4, 5), looks=looks)


def test_rules_are_judged_at_the_looks_or_with_all_seeds():
    assert design(seeds=(1, 2, 3, 4, 5), looks=(3, 5)).sizes == (3, 5)
    assert design().sizes == (3,)


@pytest.mark.parametrize(
    ("estimate", "limits", "message"),
    [
        (gain("a", "b"), {"low": -1, "high": 1, "smallest": 1}, "give it one limit"),
        (gain("a", "b"), {"smallest": 1}, "give it one limit"),
        (Agreement("sizes"), {"low": 0, "smallest": 1}, "give it one limit"),
        (gain("a", "b"), {"low": 0, "smallest": 0}, "must be above 0: got 0"),
        (gain("a", "b"), {"low": 0, "smallest": NAN}, "must be above 0: got nan"),
        (TimeRatio("a", "b", 0.25), {"low": 1, "smallest": 0.5}, "must be above 1: got 0.5"),
        (TimeRatio("a", "b", 0.25), {"low": 1, "smallest": INF}, "must be above 1: got inf"),
    ],
)
def test_a_smallest_effect_that_cannot_be_meant_is_refused(estimate, limits, message):
    with pytest.raises(InputError, match=f"smallest effect of interest.*{message}"):
        Rule("claim", "direction", "plain", estimate, **limits)


@pytest.mark.parametrize("names", [("tanh", "rely"), ("rely", "tanh")])
def test_a_rule_about_an_unknown_arm_is_refused_with_a_suggestion(names):
    with pytest.raises(InputError) as raised:
        design(rules=(rule(*names),))
    assert str(raised.value).endswith(", line 38: unknown arm 'rely'; did you mean 'relu'? (known: relu, tanh)")


def test_an_unknown_arm_unlike_all_others_is_refused_without_a_suggestion():
    with pytest.raises(InputError) as raised:
        design(rules=(rule("tanh", "xyz"),))
    assert str(raised.value).endswith(", line 38: unknown arm 'xyz' (known: relu, tanh)")


def test_names_with_commas_are_told_apart_where_they_are_listed():
    error = unknown_name("arm", "relu", ["relu, plain", "relu, normalized", "tanh"])
    assert str(error).endswith("(known: 'relu, normalized', 'relu, plain', 'tanh')")
    many = [f"{number} maps, plain" for number in range(30)]
    assert str(unknown_name("arm", "relu", many)).endswith("(known: 30 names, '0 maps, plain' to '9 maps, plain')")


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
    seeds = Seeds(init=7, order=7)
    data = arm.data.but(subset_seed=7)  # the seed draws the subset too
    assert run == RunSpec(data=data, model=arm.model, train=arm.train.but(learning_rate=0.5), seeds=seeds)
    same = run.but(data=arm.data.but(subset_seed=1), train=arm.train, seeds=Seeds(init=1, order=1))
    assert same == arm.run(arm.train.learning_rate, 1)
    whole = replace(arm, data=arm.data.but(train_size=None))  # nothing is drawn of it
    assert whole.run(0.5, 7).data == whole.data


def test_probes_belong_to_the_runs_they_are_asked_for():
    arm = replace(made_up_arm("relu"), probes=("filters",))
    assert arm.run(0.5, 7).probes == ()
    assert arm.run(0.5, 7, arm.probes).probes == ("filters",)
    assert arm.run(0.5, 7, arm.probes).key != arm.run(0.5, 7).key


@pytest.mark.parametrize(
    ("provenance", "text"),
    [("primary", "6.5"), ("abstract", "6.5"), ("secondary", "6.5"), ("memory", "approximately 6.5")],
)
def test_numbers_that_are_remembered_or_rough_are_approximate(provenance, text):
    assert Published("ratio", 6.5, "Somebody 2012", provenance, about="a / b").text == text
    assert Published("ratio", 6.5, "Somebody 2012", provenance, about="a / b", rough=True).text == "approximately 6.5"


def test_objectives_in_words():
    assert OBJECTIVE.text == "epochs to 25 % training error"
    assert TimeToTrainError(0.125).text == "epochs to 12.5 % training error"
    assert LowestValidationError().text == "validation error after the last epoch"


def test_rules_in_words():
    assert rule("tanh", "relu", low=1).sentence == (
        "Supported if the interval of the ratio of the times of tanh and relu to 25 % training error lies above 1, "
        "contradicted if it lies below."
    )
    assert rule("tanh", "relu", low=4, high=8).sentence.endswith("lies within 4 to 8, contradicted if it lies outside.")
    below = rule("tanh", "relu", high=2).sentence
    assert below.endswith("lies below 2, contradicted if it lies above.")


def test_rules_with_a_smallest_effect_of_interest_in_words():
    gained = Rule("claim", "direction", "plain", gain("tanh", "relu"), low=0, smallest=1)
    assert gained.sentence == (
        "Supported if the interval of the gain in test error from relu to tanh lies above 0 points, "
        "contradicted if its 90 % interval lies below 1 points."
    )
    assert rule("tanh", "relu", high=3, smallest=1.5).sentence.endswith(
        "lies below 3, contradicted if its 90 % interval lies above 2."
    )


def test_rules_about_errors_and_checks_in_words():
    same = Rule("claim", "direction", "plain", gain("tanh", "relu"), low=-1, high=1, equivalence=True)
    assert same.sentence == (
        "Supported if the 90 % interval of the gain in test error from relu to tanh lies within -1 to 1 points, "
        "contradicted if it lies outside."
    )
    agree = Rule("claim", "direction", "all cases", Agreement("sizes"))
    assert agree.sentence == (
        "Supported if the share of cases of the check sizes that agree is 1, contradicted if it is less."
    )


def test_a_gain_is_positive_where_the_error_falls():
    errors = {"a": 0.10, "b": 0.13}
    assert sum(term.coefficient * errors[term.arm] for term in gain("a", "b").terms) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "estimate", [TimeRatio("a", "b", 0.25), HalfGap("a", "b", "c", 0.25)], ids=["ratio", "half of the gap"]
)
def test_products_of_times_have_no_unit(estimate):
    """Exponents that sum to zero: it does not matter whether time is counted in epochs or in steps."""
    assert sum(exponent for _, exponent in estimate.exponents) == 0
    assert tuple(arm for arm, _ in estimate.exponents) == estimate.arms


def test_half_of_the_gap_is_where_the_product_is_1():
    slow, fast = 32.0, 2.0
    for remedied, expected in ((8.0, 1.0), (4.0, 2.0), (16.0, 0.5)):
        times = {"slow": slow, "fast": fast, "remedied": remedied}
        product = 1.0
        for arm, exponent in HalfGap("slow", "fast", "remedied", 0.25).exponents:
            product *= times[arm] ** exponent
        assert product == pytest.approx(expected)


# --- figures ---


def test_a_figure_may_be_named_or_described():
    described = Plot("outcomes", name="fields", metric="test_error")
    experiment = replace(made_up_experiment(), figures=("training_curves", described))
    assert [plot.file for plot in experiment.plots] == ["training_curves", "fields"]
    assert experiment.plots[1] is described


@pytest.mark.parametrize(("dataset", "fits"), [(None, True), ("mnist", True), ("cifar10", False)])
def test_a_published_number_stands_beside_measurements_on_its_own_data_set_only(dataset, fits):
    number = Published("test error (%)", 6.5, "Somebody 2012", "primary", "a", dataset)
    assert number.fits({"mnist", "digits"}) == fits


@pytest.mark.parametrize("estimate", [TimeRatio, partial(HalfGap, "tanh, other")], ids=["ratio", "gap"])
def test_a_time_that_no_run_can_take_is_refused(estimate):
    """Every run of the made-up arms ends at a training error of 20 %."""
    design = made_up_design()
    assert {arm.train.target_train_error for arm in design.arms} == {0.2}
    check_design(design, made_up_experiment().claims, ())
    rule = Rule("faster", "direction", "plain", estimate("tanh, plain", "relu, plain", threshold=0.1), low=1)
    with pytest.raises(InputError, match=r"times the training error 0.1, but the arm .* ends at 0.2: give it"):
        check_design(replace(design, rules=(*design.rules, rule)), made_up_experiment().claims, ())
