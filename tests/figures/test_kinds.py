import dataclasses
import functools
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_results import LABELS, SEEDS, doses, exact, gallery, proxied
from matplotlib.patches import Rectangle

from cnn_study.analysis.statistics import Interval, mean_interval
from cnn_study.errors import InputError
from cnn_study.experiment import Plot
from cnn_study.figures.draw import draw
from cnn_study.figures.drawing import drawing
from cnn_study.figures.kinds import FIGURES
from cnn_study.figures.layout import text_width, wrapped
from cnn_study.figures.quantities import column_text, decimals, edges, interval_text, is_fraction, summary
from cnn_study.figures.style import STYLES, styled

GALLERY = gallery()
LONG = "2,000 of the 50,000 training images of a data set, and one more reason that is long enough to need two lines"


@pytest.fixture
def close_figures():
    yield
    plt.close("all")


pytestmark = pytest.mark.usefixtures("close_figures")


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=plt.Text) if text.get_text()]


@functools.cache
def on_a_proxy(kind, style):
    """A figure whose foot is long, and what it takes up. It is drawn once for all that is asked about it."""
    outcome, plot = GALLERY[kind]
    drawn = drawing(proxied(outcome, LONG), plot, style)
    with styled(STYLES[style]):
        drawn.figure.draw_without_rendering()
        return drawn, drawn.figure.get_tightbbox()


def labels_of(figure):
    """All texts but those at ticks, which matplotlib keeps for places outside of an axis too."""
    found = [text for legend in figure.legends for text in legend.get_texts()] + figure.texts
    for ax in figure.axes:
        found += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
    return [text for text in found if text.get_text()]


def data_of(kind):
    return drawing(*GALLERY[kind]).data


def interval_of(row):
    return row["mean"], row.low, row.high, row.seeds


def of(outcome, arm, metric):
    """The t interval of an outcome, straight from the stored runs."""
    interval = mean_interval([record.outcomes[metric] for record in outcome.replicates(arm)])
    return interval.estimate, interval.low, interval.high, interval.n


def test_every_kind_of_figure_is_tried():
    assert set(GALLERY) == set(FIGURES)


SLIDES = ("agreement", "effects", "filters", "layers", "over_time", "outcomes", "table")
"""Kinds that stand for the others on slides, where time is short."""


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        pytest.param(kind, style, marks=[pytest.mark.slow] if style == "slides" and kind not in SLIDES else [])
        for kind in FIGURES
        for style in STYLES
    ],
)
def test_nothing_is_clipped(kind, style):
    drawn, tight = on_a_proxy(kind, style)
    figure = drawn.figure
    whole, shown = figure.bbox, labels_of(figure)
    assert min(text.get_fontsize() for text in shown) >= 6
    assert len(shown) > 2
    for text in shown:
        box = text.get_window_extent()
        assert box.x0 >= whole.x0 - 1, text
        assert box.x1 <= whole.x1 + 1, text
        assert box.y0 >= whole.y0 - 1, text
        assert box.y1 <= whole.y1 + 1, text
    assert tight.x0 >= -0.02
    assert tight.x1 <= figure.get_figwidth() + 0.02
    assert tight.y1 <= figure.get_figheight() + 0.02


@pytest.mark.parametrize("kind", FIGURES)
def test_captions_say_what_is_shown_and_how_sure_it_is(kind):
    drawn, _ = on_a_proxy(kind, "paper")
    caption = drawn.caption.split(f" A proxy: {LONG}.")[0]
    assert len(caption) > 80
    assert "interval" in caption or kind == "rate_search"
    assert len(drawn.data) > 0
    sampled = kind not in (
        "rate_search",
        "filters",
        "patches",
        "pooled_maps",
        "percentiles",
        "histograms",
        "wandering",
        "agreement",
        "costs",
        "table",
        "visibility",
    )
    assert (f"{len(SEEDS)} seeds" in caption) == sampled


@pytest.mark.parametrize("kind", ["effects", "filters"])
def test_the_same_results_give_the_same_bytes_in_every_kind(kind, tmp_path):
    outcome, plot = GALLERY[kind]
    for folder in ("a", "b"):
        one = dataclasses.replace(outcome, experiment=dataclasses.replace(outcome.experiment, figures=(plot,)))
        draw(one, tmp_path / folder)
    for file in (tmp_path / "a" / "figures").iterdir():
        assert file.name.startswith(f"made_up-{plot.file}.")
        assert file.read_bytes() == (tmp_path / "b" / "figures" / file.name).read_bytes(), file.name


def test_the_legend_has_every_arm_once():
    figure = drawing(*GALLERY["training_curves"]).figure
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == [*LABELS, "ReLU, published: approximately 6", "tanh, published: 16"]


def test_published_times_are_not_drawn_on_the_epochs_of_fewer_images():
    outcome, plot = GALLERY["training_curves"]
    drawn = drawing(proxied(outcome, "a subset"), plot)
    (legend,) = drawn.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(LABELS)
    assert "published curves" not in drawn.caption


def test_only_the_arms_asked_for_are_shown():
    outcome, plot = GALLERY["training_curves"]
    data = drawing(outcome, dataclasses.replace(plot, arms=("tanh, first, None", "ELU, first, None"))).data
    assert set(data.label) == {"tanh", "ELU"}
    assert set(data.condition) == {"first"}
    with pytest.raises(InputError, match="tanh, first, None"):
        drawing(outcome, dataclasses.replace(plot, arms=("tanh, first",)))


def test_outcomes_are_those_stored_with_their_intervals_and_published_numbers():
    outcome, plot = GALLERY["outcomes"]
    drawn = drawing(outcome, plot)
    row = drawn.data[(drawn.data.label == "stride") & (drawn.data.series == "measured")].iloc[0]
    assert interval_of(row) == pytest.approx(of(outcome, "stride, same width, None", "test_error"))
    found = [text for text in texts(drawn.figure) if text.endswith(f" % ({len(SEEDS)} seeds)")]
    measured = drawn.data[drawn.data.series == "measured"]
    percents = [[100 * each[name] for name in ("mean", "low", "high")] for _, each in measured.iterrows()]
    places = decimals(Interval(*numbers, len(SEEDS)) for numbers in percents)
    assert [text.split()[0] for text in found] == [f"{mean:.{places}f}" for mean, _, _ in percents]
    published = drawn.data[drawn.data.series.str.startswith("published")]
    assert dict(zip(published.label, published["mean"], strict=True)) == pytest.approx(
        {"stride": 0.1019, "maximum, overlapping": 0.0974}
    )
    assert "published: approximately 10.19 %" in texts(drawn.figure)
    assert "not measured" in texts(drawn.figure)


def test_rules_are_drawn_with_range_interval_and_verdict():
    outcome, plot = GALLERY["effects"]
    drawn = drawing(outcome, plot)
    decided = [decision for verdict in outcome.verdicts for decision in verdict.decisions]
    assert list(drawn.data.verdict) == [
        # By unit: points, decades, times.
        decision.verdict
        for decision in sorted(decided, key=lambda d: ["points", "powers of ten a layer", ""].index(d.interval.unit))
    ]
    row = drawn.data[drawn.data.claim == "dropout-does-nothing"].iloc[0]
    assert (row.estimate, row.low, row.high, row["from"], row["to"], row.unit) == (-3, -4, -2, -1, 1, "points")
    points, decades, ratios = drawn.figure.axes
    assert ratios.get_xscale() == "log"
    assert points.get_xscale() == decades.get_xscale() == "linear"
    shaded = [
        (patch.get_x(), patch.get_x() + patch.get_width()) for patch in points.patches if isinstance(patch, Rectangle)
    ]
    assert shaded[2] == (-1, 1)
    assert shaded[0] == (2, points.get_xlim()[1])
    found = texts(drawn.figure)
    assert {"supported", "contradicted", "inconclusive", "not tested"} <= set(found)
    assert "-3.0 [-4.0, -2.0]" in found
    assert found.count(f"({len(SEEDS)} seeds)") == len(drawn.data)
    assert "published: approximately 1.3, Somebody et al. 2012" in " ".join(found)
    assert "published: 6, Somebody et al. 2012" in " ".join(found)


def test_verdicts_that_do_not_survive_the_correction_have_a_mark():
    outcome, plot = GALLERY["effects"]
    survives = {("made_up", "dropout-does-nothing", "direction"): False, ("made_up", "relu-helps", "direction"): True}
    drawn = drawing(outcome, plot, survives=survives)
    found = texts(drawn.figure)
    assert found.count("contradicted\N{DEGREE SIGN}") == 1
    assert "supported\N{DEGREE SIGN}" not in found
    assert any("Holm" in text for text in found)


def test_only_rules_about_the_arms_asked_for_are_drawn():
    outcome, plot = GALLERY["effects"]
    data = drawing(outcome, dataclasses.replace(plot, arms=("slow", "fast"))).data
    assert set(data.claim) == {"fast-is-fast", "gradients-stay"}


def test_a_level_that_was_not_run_leaves_a_gap_at_the_end():
    outcome, plot = GALLERY["dose"]
    drawn = drawing(outcome, plot)
    data = drawn.data[drawn.data.condition == "same width"].set_index("level")
    assert list(data[data.label == "convolution"].index) == [1, 3, 5, 7, 11, 32]
    assert list(data[data.label == "locally connected"].index) == [1, 3, 5, 7, 11]
    row = data[data.label == "convolution"].loc[5]
    assert interval_of(row) == pytest.approx(of(outcome, "convolution, same width, 5", "test_error"))
    assert "convolution, published: approximately 33.5 %" in texts(drawn.figure)
    (line,) = (line for line in drawn.figure.axes[0].lines if "published" in str(line.get_label()))
    assert line.get_ydata()[0] == pytest.approx(0.335)


def test_arms_of_one_label_and_level_are_averaged_seed_by_seed():
    outcome = doses()
    arms = [dataclasses.replace(arm, level=1) for arm in outcome.design.arms if arm.condition == "same width"]
    one = dataclasses.replace(outcome, design=dataclasses.replace(outcome.design, arms=tuple(arms)))
    data = drawing(one, Plot("dose")).data
    names = [arm.name for arm in arms if arm.label == "convolution"]
    runs = [[record.outcomes["test_error"] for record in outcome.replicates(name)] for name in names]
    expected = mean_interval(np.mean(runs, axis=0))
    row = data[data.label == "convolution"].iloc[0]
    assert interval_of(row) == pytest.approx((expected.estimate, expected.low, expected.high, 3))


def test_conditions_that_say_no_more_than_the_level_share_a_panel():
    outcome = doses()
    arms = [dataclasses.replace(arm, condition=f"{arm.level} pixels") for arm in outcome.design.arms[:11]]
    one = dataclasses.replace(outcome, design=dataclasses.replace(outcome.design, arms=tuple(arms)))
    assert len(drawing(one, Plot("dose")).figure.axes) == 1


def test_a_family_is_drawn_against_its_numbers():
    outcome, plot = GALLERY["family"]
    data = drawing(outcome, plot).data
    row = data[(data.label == "tanh") & (data.condition == "500 images") & (data.level == 4)].iloc[0]
    assert interval_of(row) == pytest.approx(of(outcome, "tanh, 500 images, None", "shifted_accuracy/4"))


@pytest.mark.parametrize(("kind", "side"), [("dose", "y"), ("family", "y"), ("outcomes", "x")])
@pytest.mark.parametrize("ends", [(0.0, 0.04), (0.96, 1.0), (0.0, 1.0)])
def test_no_axis_of_fractions_runs_beyond_0_or_100_percent(kind, side, ends):
    """Though the intervals do, in the figure's data too."""
    outcome, plot = GALLERY[kind]
    stored = {
        key: dataclasses.replace(record, outcomes=dict.fromkeys(record.outcomes, ends[record.spec.seeds.init % 2]))
        for key, record in outcome.stored.items()
    }
    drawn = drawing(dataclasses.replace(outcome, stored=stored), plot)
    table = drawn.data[drawn.data.low.notna()]
    assert table.low.min() < 0 or table.high.max() > 1
    for ax in drawn.figure.axes:
        low, high = ax.get_ylim() if side == "y" else ax.get_xlim()
        assert 0 <= low < high <= 1


def test_layers_are_drawn_at_both_ends_on_logarithms():
    outcome, plot = GALLERY["layers"]
    data = drawing(outcome, plot).data
    row = data[(data.arm == "tanh, dense, 20") & (data.layer == "dense3") & (data.time == "at the end")].iloc[0]
    ends = [r.curve("gradient_unit_input/dense3")[1][-1] for r in outcome.replicates("tanh, dense, 20")]
    logs = mean_interval(np.log(ends))
    assert row["mean"] == pytest.approx(math.exp(logs.estimate))
    assert (row.low, row.high) == pytest.approx((math.exp(logs.low), math.exp(logs.high)))
    deep = data[(data.arm == "tanh, dense, 20") & (data.time == "at initialization")]
    assert list(deep.position) == list(range(1, 21))
    assert list(deep.layer) == [f"dense{n}" for n in range(1, 21)]


def test_layers_are_drawn_over_time_and_plain_metrics_too():
    outcome, plot = GALLERY["over_time"]
    drawn = drawing(outcome, plot)
    assert len(drawn.figure.axes) == len(outcome.design.arms)
    data = drawn.data
    row = data[(data.arm == "tanh, 5, He") & (data.layer == "dense2") & (data.epoch == 6)].iloc[0]
    curves = [dict(zip(*r.curve("saturated/dense2"), strict=True)) for r in outcome.replicates("tanh, 5, He")]
    assert row["mean"] == pytest.approx(np.mean([curve[6] for curve in curves]))
    outcome, _ = GALLERY["history"]
    plain = drawing(outcome, Plot("over_time", metric="validation_error")).data
    assert plain.equals(drawing(outcome, Plot("history", metric="validation_error")).data)


def test_a_search_for_the_error_marks_rates_that_diverged():
    data = data_of("rate_search")
    diverged = data[data.result == "diverged"]
    assert set(diverged.learning_rate) == {0.04}
    assert diverged.validation_error.isna().all()
    assert set(data[data.chosen].validation_error) == {0.3}


def test_kernels_keep_their_places():
    outcome, plot = GALLERY["filters"]
    data = drawing(outcome, plot).data
    record = outcome.replicates("16 maps, plain, None")[0]
    stored = record.curve("filter/3")[1]
    pixel = data[(data.label == "16 maps") & (data.image == "filter/3")].set_index(["row", "column", "channel"]).value
    assert pixel[2, 1, 2] == stored[(2 * 5 + 1) * 3 + 2]
    assert len(pixel) == 75


def test_patches_and_pooled_maps_keep_their_places_and_pooling_is_of_blocks():
    outcome, plot = GALLERY["patches"]
    record = outcome.replicates("color, plain, None")[0]
    data = drawing(outcome, plot).data
    patch = data[(data.label == "color") & (data.image == "map 3, patch 2")].set_index(["row", "column", "channel"])
    stored = np.array(record.curve("patch/3")[1]).reshape(4, 5, 5, 3)
    assert patch.value[4, 1, 2] == stored[2, 4, 1, 2]
    drawn = drawing(*GALLERY["pooled_maps"])
    seen = {
        name: rows.set_index(["row", "column"]).value
        for name, rows in drawn.data[(drawn.data.label == "color") & (drawn.data.channel == 0)].groupby("image")
    }
    before, after = (np.array(record.curve(f"seen_map/{moved}")[1]).reshape(6, 6) for moved in (0, 1))
    assert seen["maximum of 2x2, as it is"][1, 2] == before[2:4, 4:6].max()
    assert seen["average of 2x2, moved by a pixel"][2, 0] == pytest.approx(after[4:6, 0:2].mean())
    assert seen["every second value, as it is"][1, 1] == before[2, 2]
    change = 100 * np.linalg.norm(after - before) / np.linalg.norm(before)
    assert f"{change:.0f} %" in texts(drawn.figure)


def test_checks_are_counted_and_their_tables_drawn():
    agreement = drawing(*GALLERY["agreement"])
    assert "396 of 400 cases agree" in texts(agreement.figure)
    assert agreement.data.set_index("check").share["padding_volume"] == 0.99
    costs = drawing(*GALLERY["costs"])
    heights = {height for ax in costs.figure.axes for line in ax.lines for height in line.get_ydata()}
    assert {156, 122_304, 4_821_600} <= heights
    table, seen = drawing(*GALLERY["table"]), drawing(*GALLERY["visibility"])
    titles = [ax.get_title() for ax in table.figure.axes]
    assert titles == [ax.get_title() for ax in seen.figure.axes] == ["1 layer", "3 layers", "5 layers"]
    assert list(seen.figure.axes[1].lines[0].get_xdata()) == list(range(8))


def test_unknown_checks_and_columns_are_refused():
    outcome = exact()
    with pytest.raises(InputError, match="border_visibility"):
        drawing(outcome, Plot("table", metric="border_visibilty", x="distance", y="influence"))
    with pytest.raises(InputError, match="influence"):
        drawing(outcome, Plot("table", metric="border_visibility", x="distance", y="influense"))
    with pytest.raises(InputError, match="loudness"):
        drawing(outcome, Plot("table", x="distance", y="loudness"))


def test_texts_are_broken_where_they_would_be_too_wide():
    lines = wrapped(LONG, 2.0, 8).split("\n")
    assert " ".join(lines) == LONG
    assert all(text_width(line, 8) <= 2.0 for line in lines)
    for line, following in itertools.pairwise(lines):
        assert text_width(f"{line} {following.split()[0]}", 8) > 2.0


def test_fractions_are_shown_in_percent():
    assert is_fraction("accuracy_at_distance/4")
    assert not is_fraction("equivariance_error/conv2")
    assert interval_text(mean_interval([0.0094, 0.0095, 0.0096]), "test_error") == "0.95 [0.93, 0.97] %"
    assert summary([0.0, 1.0], logarithmic=True) == mean_interval([0.0, 1.0])


def test_a_bound_from_above_is_an_arrow_within_the_panel():
    outcome, plot = GALLERY["effects"]
    decision = next(d for v in outcome.verdicts for d in v.decisions if d.rule.claim == "fast-is-fast")
    bound = dataclasses.replace(
        decision, interval=dataclasses.replace(decision.interval, estimate=0.9, low=0.0, high=0.95)
    )
    verdict = dataclasses.replace(outcome.verdicts[0], decisions=(bound,))
    (ax,) = drawing(dataclasses.replace(outcome, verdicts=(verdict,)), plot).figure.axes
    (tip,) = (text.xy[0] for text in ax.texts if text.get_text() == "")
    assert ax.get_xlim()[0] < tip < 0.9
    assert {"1"} <= {label.get_text() for label in ax.get_xticklabels()}


def test_nothing_measured_is_said():
    outcome, _ = GALLERY["dose"]
    drawn = drawing(outcome, Plot("dose", metric="loudness"))
    assert drawn.data.empty
    assert "not measured" in texts(drawn.figure)


def test_the_parts_of_an_average_are_those_of_its_conditions():
    outcome, plot = GALLERY["forest"]
    drawn = drawing(outcome, plot)
    decisions = [decision for verdict in outcome.verdicts for decision in verdict.decisions]
    places = decimals(each.interval for each in decisions)
    assert [ax.get_title().split("\n")[-3:] for ax in drawn.figure.axes] == [
        [each.verdict, column_text(each.interval, places, edges(each.rule)), f"{each.interval.n} seeds"]
        for each in decisions
    ]
    for ax, each in zip(drawn.figure.axes, decisions, strict=True):
        assert ax.get_title().replace("\n", " ").startswith(each.rule.claim.replace("-", " "))
    for decision in decisions:
        mine = drawn.data[drawn.data.claim == decision.rule.claim].set_index("condition")
        row = mine.loc["average"]
        assert (row.estimate, row.low, row.high, row.verdict) == (
            *dataclasses.astuple(decision.interval)[:3],
            decision.verdict,
        )
        assert row.estimate == pytest.approx(mine.drop("average").estimate.mean())
    local = drawn.data.set_index(["claim", "condition"]).loc[("sharing-helps", "objects, He's weights")]
    errors = [
        [record.outcomes["test_error"] for record in outcome.replicates(f"{way}, objects, He's weights")]
        for way in ("local", "convolution")
    ]
    gained = mean_interval(100 * np.subtract(*errors))
    assert (local.estimate, local.low, local.high) == pytest.approx((gained.estimate, gained.low, gained.high))
