"""What figures say to a reader who has never seen the code, and where they leave no room empty."""

import dataclasses
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_results import arm, exact, falling, gallery, made_up_outcome, saturated

from cnn_study.analysis.decisions import Decision
from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.experiment import Plot, Published, Rule, TimeRatio
from cnn_study.figures import levels
from cnn_study.figures.drawing import drawing
from cnn_study.figures.filters import side_by_side
from cnn_study.figures.layout import level_axis, value_axis
from cnn_study.figures.levels import stray
from cnn_study.figures.quantities import (
    SCALES_TEXT,
    TIMES_TEXT,
    column_text,
    decimals,
    estimate_text,
    interval_text,
    percent,
    styles_of,
)
from cnn_study.figures.style import series_styles
from cnn_study.spec import CheckSpec

GALLERY = gallery()
JUDGED = ("effects", "forest", "multiverse", "time_ratios", "race")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]


def looked_at(outcome):
    """The same outcome of a design with planned looks."""
    return dataclasses.replace(outcome, design=dataclasses.replace(outcome.design, seeds=(1, 2, 3, 4), looks=(3, 4)))


def stated(outcome, statements):
    """The outcome with a verdict a claim, so that every claim has its statement."""
    verdicts = [
        dataclasses.replace(
            each,
            claim=dataclasses.replace(each.claim, name=rule.claim, statement=statements.get(rule.claim, "It is so.")),
        )
        for each in outcome.verdicts
        for rule in (each.decisions[0].rule,)
    ]
    return dataclasses.replace(outcome, verdicts=tuple(verdicts))


@pytest.mark.parametrize("kind", JUDGED)
def test_no_private_words_are_in_figures_and_captions(kind):
    outcome, plot = GALLERY[kind]
    drawn = drawing(looked_at(outcome), plot)
    said = " ".join([*texts(drawn.figure), drawn.caption])
    assert "repeated" not in said
    assert "decades a layer" not in said
    assert not [word for word in said.split() if word.count("-") > 1 and word.islower()]


@pytest.mark.parametrize("kind", ["effects", "multiverse", "time_ratios", "race"])
def test_an_interval_that_allows_for_looks_is_told_only_where_there_are_looks(kind):
    outcome, plot = GALLERY[kind]
    for each, told in ((outcome, False), (looked_at(outcome), True)):
        drawn = drawing(each, plot)
        assert any("allows for looking several times" in text for text in texts(drawn.figure)) == told
        assert ("several times" in drawn.caption) == told


def test_rules_stand_below_the_statement_of_their_claim_and_the_question_about_it():
    outcome, plot = GALLERY["effects"]
    outcome = stated(outcome, {"relu-helps": "Rectified units lower the error."})
    for width in (None, 3.25):
        found = texts(drawing(outcome, plot, width=width).figure)
        assert "Rectified units lower the error." in found
        assert {"Does it hold?", "Is the number as published?"} <= set(found)
        assert not any("relu-helps" in text for text in found)


def test_a_slope_is_told_in_plain_words():
    outcome, plot = GALLERY["effects"]
    drawn = drawing(outcome, plot)
    assert any("powers of ten a layer" in text.replace("\n", " ") for text in texts(drawn.figure))
    assert "the gradient doubles" in drawn.caption


def test_the_parts_of_a_claim_that_all_share_are_said_once_above_the_panels():
    outcome, plot = GALLERY["forest"]
    names = dict.fromkeys(each.decisions[0].rule.claim for each in outcome.verdicts)
    end = "the test error is lower on the average."
    outcome = stated(outcome, {name: f"With number {place} {end}" for place, name in enumerate(names)})
    drawn = drawing(outcome, plot)
    assert drawn.figure.get_suptitle() == "The test error is lower on the average:"
    titles = [ax.get_title().split("\n")[0] for ax in drawn.figure.axes]
    assert titles == [f"With number {place}" for place in range(len(titles))]


def decided(claim, condition, number):
    rule = Rule(claim, "direction", condition, TimeRatio(f"slow, {condition}", f"fast, {condition}", 0.25), low=1)
    interval = Interval(1 + number, 0.9 + number, 1.1 + number, 3, "time")
    return Decision(rule, "supported", interval, None, "", ())


def test_claims_that_share_no_condition_leave_no_part_of_the_figure_empty():
    alone = [decided("modern", f"{unit}, three layers, scaled", n) for n, unit in enumerate(("ELU", "GELU", "SiLU"), 5)]
    others = [decided(claim, where, n) for n, claim in enumerate(("one", "two")) for where in ("first", "second")]
    conditions = dict.fromkeys(each.rule.condition for each in (*alone, *others))
    arms = [
        arm(2 * n + k, name, where, name=f"{name}, {where}")
        for n, where in enumerate(conditions)
        for k, name in enumerate(("slow", "fast"))
    ]
    outcome = stated(made_up_outcome(arms, falling, (Plot("multiverse"),), decisions=(*others, *alone)), {})
    upper, lower = drawing(outcome, "multiverse").figure.axes
    assert len(upper.patches) == 4 == upper.get_xlim()[1] * upper.get_ylim()[0]
    assert len(lower.patches) == 3 == lower.get_xlim()[1] * lower.get_ylim()[0]
    found = [text.get_text() for text in lower.texts]
    assert {"ELU", "GELU", "SiLU"} <= set(found)
    assert "three layers, scaled" in lower.get_title().replace("\n", " ")


def short_and_long(plot, first=(0.0, 0.5, 1.0)):
    """A figure of two arms, one of which is trained for a small part of the time of the other."""

    def measure(one, seed):
        epochs = first if one.condition == "short" else tuple(float(e) for e in range(41))
        values = [(epoch, math.exp(-epoch)) for epoch in epochs]
        return {}, {"train_error": values, "saturated/dense1": values}

    arms = [arm(n, "tanh", condition) for n, condition in enumerate(("short", "long"))]
    return drawing(made_up_outcome(arms, measure, (plot,)), plot)


def test_curves_of_very_different_lengths_have_one_axis_of_time():
    short, long = short_and_long(Plot("training_curves")).figure.axes
    assert short.get_xlim() == long.get_xlim()
    assert short.get_xscale() == "symlog"
    ticks = [tick for tick in short.get_xticks() if tick >= 0]
    assert ticks[0] == 0
    assert max(ticks) > 5
    assert short.get_xlabel() == long.get_xlabel() == "epochs (logarithmic)"


def test_layers_of_arms_that_take_very_different_times_have_an_axis_each():
    drawn = short_and_long(Plot("over_time", metric="saturated"), first=(0.0, 1.0))
    short, long = drawn.figure.axes
    assert short.get_xlim()[1] < 2 < 40 < long.get_xlim()[1]
    assert {ax.get_xscale() for ax in (short, long)} == {"linear"}
    assert {float(tick) for tick in short.get_xticks() if 0 <= tick <= 1} == {0, 1}  # Nothing was measured between.
    assert [line.get_marker() for line in short.lines] == ["o"]
    assert [line.get_marker() for line in long.lines] in ([""], ["None"])
    assert TIMES_TEXT in drawn.caption


@pytest.mark.parametrize(("larger", "together"), [(0.5, True), (0.8, False)])
def test_panels_whose_values_differ_much_have_a_vertical_axis_each(larger, together):
    def measure(one, seed):
        error = 0.2 if one.condition == "small" else larger
        return {f"linear_probe_error/{depth}": error - 0.01 * depth + 0.001 * seed for depth in range(3)}, {}

    arms = [arm(n, "trained", condition) for n, condition in enumerate(("small", "large"))]
    plot = Plot("family", metric="linear_probe_error")
    drawn = drawing(made_up_outcome(arms, measure, (plot,)), plot)
    small, large = drawn.figure.axes
    assert (small.get_ylim() == large.get_ylim()) == together
    assert (SCALES_TEXT in drawn.caption) != together
    assert any(SCALES_TEXT in text.replace("\n", " ") for text in texts(drawn.figure)) != together


def test_shares_at_the_ticks_of_an_axis_have_the_same_decimals():
    _, ax = plt.subplots()
    ax.set_ylim(0, 0.05)
    ax.set_yticks([0, 0.025, 0.05])
    value_axis(ax, "y", percent)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.0 %", "2.5 %", "5.0 %"]
    ax.set_yticks([0, 0.02, 0.04])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0 %", "2 %", "4 %"]


def test_every_rate_that_was_tried_has_a_tick_and_as_many_as_have_room_a_number():
    _, ax = plt.subplots(figsize=(2, 1))
    rates = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
    level_axis(ax, rates, logarithmic=True)
    ticks = [*ax.get_xticks(), *ax.get_xticks(minor=True)]
    assert sorted(map(float, ticks)) == list(rates)
    assert 1 < len(ax.get_xticks()) < len(rates)
    assert {label.get_text() for label in ax.get_xticklabels(minor=True)} <= {""}


def test_curves_of_like_lengths_keep_a_linear_axis_of_time():
    drawn = drawing(saturated(), "over_time").figure
    assert {ax.get_xscale() for ax in drawn.axes} == {"linear"}


def test_what_checks_call_by_a_word_of_code_is_said_in_words():
    outcome = exact()
    (legend,) = drawing(outcome, "visibility").figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "zero padding (same)",
        "no padding (valid)",
        "reflected border (reflect)",
    ]
    table = [
        {"kind": kind, "shift": s, "error": float(s)} for kind in ("max pooling 3/2", "convolution") for s in (1, 2)
    ]
    check = dataclasses.replace(next(iter(outcome.checks.values())), table=tuple(table))
    named = dataclasses.replace(outcome, checks={"moved": check})
    (legend,) = drawing(named, Plot("table", metric="moved:kind", x="shift", y="error")).figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["max pooling (side 3, stride 2)", "convolution"]


def test_a_network_looks_the_same_in_all_figures_of_its_experiment():
    outcome, _ = GALLERY["outcomes"]
    every = list(dict.fromkeys(each.label for each in outcome.design.arms))
    assert styles_of(outcome, every) == series_styles(every)
    assert styles_of(outcome, every[2:3]) == {every[2]: series_styles(every)[every[2]]}
    outcome, _ = GALLERY["wandering"]
    drawn = drawing(outcome, Plot("wandering", arms=(outcome.design.arms[1].name,)))
    colors = {line.get_color() for line in drawn.figure.axes[-1].lines}
    assert colors == {series_styles([each.label for each in outcome.design.arms])["normalized"].color}


@pytest.mark.parametrize("kind", ["patches", "pooled_maps", "wandering", "filters"])
def test_pictures_fit_on_a_slide(kind):
    outcome, plot = GALLERY[kind]
    width, height = drawing(outcome, plot, "slides").figure.get_size_inches()
    assert height <= 9 / 16 * width


@pytest.mark.parametrize(("count", "found"), [(1, 1), (6, 3), (7, 4), (8, 4), (16, 8), (20, 5), (32, 8)])
def test_pictures_stand_in_full_rows_where_they_can(count, found):
    assert side_by_side(count) == found
    assert side_by_side(count, wide=True) >= found


def test_axes_of_time_have_room_for_published_numbers_and_ticks():
    def measure(one, seed):
        end = 8 if one.condition == "short" else 30
        return {}, {"train_error": [(0.0, 0.9), *((e / 2, 0.9 * math.exp(-e / end)) for e in range(1, 2 * end))]}

    numbers = (Published("epochs to 25 % training error", 36, "Somebody 2012", "memory", about="tanh"),)
    arms = [arm(n, "tanh", condition) for n, condition in enumerate(("short", "long"))]
    drawn = drawing(made_up_outcome(arms, measure, (), numbers), "training_curves").figure.axes[0]
    assert drawn.get_xlim()[1] > 1.1 * 36
    assert {1, 10, 20} <= set(drawn.get_xticks())


def test_errors_on_a_logarithmic_axis_have_geometric_means():
    outcome, plot = GALLERY["training_curves"]
    drawn = drawing(outcome, dataclasses.replace(plot, logarithmic="y"))
    assert {ax.get_yscale() for ax in drawn.figure.axes} == {"log"}
    assert "geometric mean" in drawn.caption
    row = drawn.data[(drawn.data["label"] == "tanh") & (drawn.data["epoch"] == 5)].iloc[0]
    curves = [record.curve("train_error") for record in outcome.replicates("tanh, first, None")]
    found = [dict(zip(*curve, strict=True))[5] for curve in curves]
    assert row["mean"] == pytest.approx(math.exp(np.mean(np.log(found))))


def test_the_output_layer_is_gray_and_called_so():
    def measure(one, seed):
        return {}, {f"saturated/dense{n}": [(0, 0.1 * n), (1, 0.1 * n)] for n in (1, 2)}  # Of two layers.

    drawn = drawing(made_up_outcome([arm(1, "tanh")], measure, ()), Plot("over_time", metric="saturated"))
    (ax,) = drawn.figure.axes
    assert ax.get_legend_handles_labels()[1] == ["dense layer 1", "output layer"]
    assert ax.lines[1].get_color() == "0.35"


def test_a_figure_counts_the_images_of_the_arms_it_draws():
    outcome, _ = GALLERY["wandering"]
    one, *others = outcome.design.arms
    pictured = dataclasses.replace(one, probes=("wandering",))
    fewer = [dataclasses.replace(each, data=each.data.but(train_size=50)) for each in others]
    design = dataclasses.replace(outcome.design, arms=(pictured, *fewer))
    drawn = drawing(dataclasses.replace(outcome, design=design), "wandering")
    assert "Trained on 100 images" in drawn.caption


def test_points_at_which_all_seeds_agree_announce_no_bars():
    arms = [arm(n, "tanh", level=n) for n in (1, 2)]
    drawn = drawing(made_up_outcome(arms, lambda one, seed: ({"test_error": 0.5}, {}), ()), "dose")
    foot = " ".join(texts(drawn.figure)).replace("\n", " ")
    assert "The 3 seeds of every point agree" in foot
    assert "Bars" not in foot


def test_ratios_of_times_name_the_faster_arm_and_have_the_color_of_the_other():
    outcome, _ = GALLERY["time_ratios"]
    decision = next(d for v in outcome.verdicts for d in v.decisions if isinstance(d.rule.estimate, TimeRatio))
    verdict = dataclasses.replace(outcome.verdicts[0], decisions=(decision,))
    drawn = drawing(dataclasses.replace(outcome, verdicts=(verdict,)), "time_ratios").figure.axes[0]
    slow, fast = (outcome.design.arm(name).label for name in decision.rule.estimate.arms)
    assert f"{fast} is faster" in drawn.get_xlabel().replace("\n", " ")
    colors = {line.get_color() for line in drawn.lines if line.get_marker() not in ("", "None")}
    assert colors == {styles_of(outcome, [slow])[slow].color}


def test_numbers_of_random_draws_are_not_said_to_be_exact():
    outcome = exact()
    plot = Plot("table", metric="translation_equivariance:kind", x="shift", y="error")
    rows = tuple({"kind": "convolution", "shift": s, "error": 0.1 * s} for s in (1, 2))
    for sample, said in ((False, "Mean of 3 random draws"), (True, "One random draw")):
        spec = CheckSpec(check="translation_equivariance", sample=sample)
        record = dataclasses.replace(next(iter(outcome.checks.values())), spec=spec, table=rows)
        drawn = drawing(dataclasses.replace(outcome, checks={spec.check: record}), plot)
        foot = " ".join(texts(drawn.figure)).replace("\n", " ")
        assert said in foot
        assert said in drawn.caption
        assert "exactly" not in foot + drawn.caption


def test_a_chosen_rate_that_was_not_reached_has_its_ring():
    outcome, _ = GALLERY["training_curves"]
    late = {
        name: dataclasses.replace(
            tuned,
            search=dataclasses.replace(
                tuned.search,
                trials=tuple(dataclasses.replace(trial, score=(1, 0.5)) for trial in tuned.search.trials),
            ),
        )
        for name, tuned in outcome.tuned.items()
    }
    drawn = drawing(dataclasses.replace(outcome, tuned=late), "rate_search")
    rings = [
        line for ax in drawn.figure.axes for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())
    ]
    assert {float(line.get_xdata()[0]) for line in rings} == {0.01}
    assert len(rings) == len(late)


def test_decimals_follow_the_interval():
    assert interval_text(mean_interval([0.1167, 0.2263, 0.1565]), "test_error") == "17 [3, 30] %"
    assert interval_text(mean_interval([0.541, 0.549, 0.557]), "test_error") == "54.9 [52.9, 56.9] %"
    assert interval_text(mean_interval([0.0365, 0.0366, 0.0367]), "test_error") == "3.66 [3.64, 3.68] %"
    assert interval_text(mean_interval([0.5, 0.5]), "test_error") == "50.00 [50.00, 50.00] %"
    assert interval_text(mean_interval([0.1167, 0.2263, 0.1565]), "test_error", 1) == "16.6 [2.9, 30.4] %"


def test_estimates_have_no_exponents():
    assert estimate_text(Interval(-892.4, -1290.2, -494.1, 3, unit="steps")) == "-892 [-1290, -494]"
    assert estimate_text(Interval(3.2e-6, -0.0146, 0.0147, 3)) == "0 [-0.0146, 0.0147]"
    assert estimate_text(Interval(0.5, 0.00002, 1.0, 3)) == "0.5 [0.00002, 1]"


def test_a_column_of_estimates_has_the_same_decimals():
    column = [Interval(0.142, 0.0264, 0.2594, 20), Interval(-0.411, -0.653, -0.169, 13), Interval(3, 2.6, math.inf, 4)]
    assert decimals(column) == 2
    assert [column_text(each, 2, (0,)) for each in column[:2]] == ["0.14 [0.03, 0.26]", "-0.41 [-0.65, -0.17]"]
    assert column_text(dataclasses.replace(column[2], kind="time"), 2) == "> 3.00 (at least 2.60)"
    assert decimals([Interval(4, 4, 4, 4)]) == 0
    assert decimals([Interval(1.12, 1.05, math.inf, 6, "time"), Interval(0.9, 0, 0.95, 6, "time")]) == 2
    assert column_text(Interval(-0.0002, -0.0083, 0.0079, 9, unit="points"), 3) == "0.000 [-0.008, 0.008]"


def test_a_rounded_limit_stays_on_its_side_of_what_it_is_held_against():
    assert column_text(Interval(-0.00686, -0.0137, -0.0000251, 6), 3, (0,)) == "-0.00686 [-0.01370, -0.00003]"
    assert column_text(Interval(3.801, 3.7142, 3.8876, 20), 2, (3.8886,)) == "3.801 [3.714, 3.888]"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((0.11, 0.95, 0.94, 0.95, 0.96), [0.11]),
        ((0.08, 0.1, 0.2, 0.88), [0.88]),
        ((0.94, 0.95, 0.96), []),
        ((0.0, 1.0, 1.0, 1.0), []),
        ((0.1, 0.4, 0.6, 0.95), []),
    ],
    ids=str,
)
def test_seeds_far_from_all_others_are_found(values, found):
    assert stray(values) == found


def with_a_stuck_seed(one, seed):
    stuck = one.label == "no padding" and seed == 2
    accuracy = 0.11 if stuck else 0.95 + 0.001 * seed
    return {f"accuracy_at_distance/{d}": accuracy for d in (0, 1, 2)}, {}


def test_seeds_far_from_all_others_are_told_beside_the_mean():
    measure = with_a_stuck_seed
    arms = [arm(n, label) for n, label in enumerate(("zero padding", "no padding"))]
    drawn = drawing(made_up_outcome(arms, measure, ()), Plot("family", metric="accuracy_at_distance"))
    assert texts(drawn.figure).count("1 of 3 seeds") == 1
    assert "Far from all others: no padding (1 of 3 seeds at 11 %)" in drawn.caption
    assert any("a mean may lie where none is" in text.replace("\n", " ") for text in texts(drawn.figure))
    assert not np.isnan(drawn.data["mean"]).any()


def test_a_line_leaves_out_few_seeds_far_from_all_others_and_says_so(monkeypatch):
    monkeypatch.setattr(levels, "MOST_LEFT_OUT", 0.5)  # Made-up arms have three seeds.
    arms = [arm(n, label) for n, label in enumerate(("zero padding", "no padding"))]
    drawn = drawing(made_up_outcome(arms, with_a_stuck_seed, ()), Plot("family", metric="accuracy_at_distance"))
    assert "no padding, without 1 of 3 seeds at 11 %" in texts(drawn.figure)
    assert "These are: no padding (1 of 3 seeds at 11 %)." in drawn.caption
    assert any("rules count them" in text.replace("\n", " ") for text in texts(drawn.figure))
    line = drawn.data[drawn.data["label"] == "no padding"]
    assert (line["mean"] > 0.9).all()
    assert set(line["seeds"]) == {2}


@pytest.mark.parametrize(("others", "few"), [(4, "1 of 5 seeds at 11 %"), (3, "1 of 4 seeds at 11 %"), (2, "")])
def test_more_than_a_quarter_of_the_seeds_is_never_left_out(others, few):
    sampled = {0: [0.11, *[0.95 + 0.001 * n for n in range(others)]]}
    rest, text = levels._without_few(sampled)
    assert text == few
    assert len(rest[0]) == (others if few else others + 1)
