import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import complete, made_up_design, made_up_experiment, time_of
from PIL import Image

from cnn_study import collection, processes
from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.statistics import mean_interval
from cnn_study.errors import ExecutionError, InputError
from cnn_study.experiment import Contrast, Plot, Rule, Term
from cnn_study.figures import draw as module
from cnn_study.figures import effects
from cnn_study.figures.draw import draw, draw_all
from cnn_study.figures.drawing import drawing
from cnn_study.figures.files import missing
from cnn_study.figures.layout import panels
from cnn_study.figures.saving import concise, small
from cnn_study.figures.style import series_styles, sized, styled
from cnn_study.results import Point

FEW = ("png",)
"""Formats of tests that are not about formats."""
TIMES = ("training_curves", "time_ratios", "rate_search")


@pytest.fixture
def outcome(made_up):
    return evaluate(*made_up)


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]


def test_the_curves_are_the_means_of_the_stored_runs(outcome):
    data = drawing(outcome, "training_curves").data
    row = data[(data.condition == "plain") & (data.label == "tanh") & (data.epoch == 5)].iloc[0]
    curves = [dict(zip(*record.curve("train_error"), strict=True)) for record in outcome.replicates("tanh, plain")]
    interval = mean_interval([curve[5] for curve in curves])
    assert (row["mean"], row.low, row.high, row.seeds) == pytest.approx(
        (interval.estimate, interval.low, interval.high, 3)
    )
    assert row.learning_rate == 0.01


def test_published_numbers_are_drawn_and_named_as_such(outcome):
    drawn = drawing(outcome, "training_curves")
    assert "relu, published: approximately 6" in texts(drawn.figure)
    ratios = drawing(outcome, "time_ratios")
    assert any(text.endswith("published: 6\n(Somebody et al. 2012)") for text in texts(ratios.figure))
    plt.close("all")


def test_the_ratios_are_those_of_the_decisions(outcome):
    data = drawing(outcome, "time_ratios").data
    interval = outcome.verdicts[0].decisions[0].interval
    row = data[(data.condition == "plain") & (data.interval == "t")].iloc[0]
    assert (row.ratio, row.low, row.high) == pytest.approx((interval.estimate, interval.low, interval.high))


def test_the_rate_search_marks_the_chosen_rate(outcome):
    data = drawing(outcome, "rate_search").data
    chosen = data[data.chosen]
    assert set(chosen.learning_rate) == {0.01}
    assert len(chosen) == 4
    # The others were given no more epochs than the best one has needed.
    assert set(data[~data.chosen].result) == {"not reached"}
    assert set(data[~data.chosen].epochs) == {5, 13}


def test_a_proxy_is_marked_in_every_figure(made_up):
    experiment, _, stored = made_up
    outcome = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    for name in TIMES:
        drawn = drawing(outcome, name)
        assert any("A proxy: a subset" in text.replace("\n", " ") for text in texts(drawn.figure)), name
        assert "A proxy: a subset" in drawn.caption
        plt.close(drawn.figure)


@pytest.mark.parametrize("slow", [100.0, 0.001])
def test_censored_arms_are_drawn(slow):
    def time(spec):
        return time_of(spec, slow) if slow > 1 else 1000.0

    design = made_up_design()
    outcome = evaluate(made_up_experiment(), design, complete(design, time))
    for name in TIMES:
        plt.close(drawing(outcome, name).figure)
    if slow < 1:
        assert any("unknown" in text for text in texts(drawing(outcome, "time_ratios").figure))


def test_the_same_results_give_the_same_bytes(outcome, tmp_path):
    for folder in ("a", "b"):
        draw(outcome, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a" / "figures").iterdir())
    assert len(files) == 3 * 5
    for name in files:
        a, b = (tmp_path / folder / "figures" / name for folder in ("a", "b"))
        assert a.read_bytes() == b.read_bytes(), name
        assert a.stat().st_size > 100


def with_figures(outcome, *figures, name="made_up"):
    """The outcome of an experiment with these figures only."""
    return replace(outcome, experiment=replace(outcome.experiment, name=name, figures=figures))


def several(outcome):
    """Three experiments that have found the same, with a figure each."""
    return [with_figures(outcome, "training_curves", name=f"number_{n}") for n in range(3)]


def with_a_wrong_figure(outcome):
    """The last of three figures can be drawn though the second cannot."""
    wrong = Plot("training_curves", "wrong", arms=("rely",))
    return with_figures(outcome, "training_curves", wrong, "time_ratios", name="number_3")


def test_several_processes_draw_the_same_bytes_in_the_same_order_and_find_the_same_problem(
    outcome, tmp_path, monkeypatch
):
    startable = mock.Mock(side_effect=processes.startable)
    monkeypatch.setattr(module, "startable", startable)
    outcomes = [*several(outcome)[:2], with_a_wrong_figure(outcome)]
    found = {n: list(draw_all(outcomes, tmp_path / str(n), processes=n, formats=FEW)) for n in (1, 2)}
    told = {n: [[(figure.path.name, figure.problem) for figure in drawn] for drawn in found[n]] for n in found}
    assert told[1] == told[2]
    assert startable.called  # Whatever the program is: see machines/test_programs.py.
    assert [figures[0][0] for figures in told[1]] == [f"number_{n}-training_curves.png" for n in (0, 1, 3)]
    files = sorted(path.name for path in (tmp_path / "1" / "figures").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "2" / "figures").iterdir())
    for name in files:
        assert (tmp_path / "1" / "figures" / name).read_bytes() == (tmp_path / "2" / "figures" / name).read_bytes()
    assert not multiprocessing.active_children()


class Deadly:
    """Ends the process that receives it."""

    def __reduce__(self):
        return os._exit, (9,)


def test_a_process_that_is_killed_while_it_draws_is_told(outcome, tmp_path):
    first, *others = several(outcome)
    with pytest.raises(ExecutionError, match="was killed: memory may be short; draw again with `cnn-study figures`"):
        list(draw_all([replace(first, checks={"a": Deadly()}), *others], tmp_path, processes=2, formats=FEW))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_figure_that_cannot_be_drawn_costs_only_itself(outcome, tmp_path, processes):
    outcomes = [*several(outcome), with_a_wrong_figure(outcome)]
    drawn = [figure for found in draw_all(outcomes, tmp_path, processes=processes, formats=FEW) for figure in found]
    ((path, problem),) = ((figure.path, figure.problem) for figure in drawn if figure.problem)
    assert path.name == "number_3-wrong.png"
    assert problem.startswith("unknown arm 'rely'")
    assert all(figure.path.exists() == (figure.path != path) for figure in drawn)
    assert len(drawn) == 3 + 3
    assert not multiprocessing.active_children()


def test_what_a_page_has_found_can_be_sent_to_another_process_even_if_its_rules_are_closures():
    (experiment,) = collection.load(["leave_one_out"])
    outcome = evaluate(experiment, experiment.at("smoke"), {})
    sent = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own
    assert [verdict.claim.name for verdict in sent.verdicts] == [verdict.claim.name for verdict in outcome.verdicts]


def test_missing_tells_what_was_not_drawn(outcome, tmp_path):
    outcome = with_figures(outcome, "time_ratios")
    assert missing(outcome, tmp_path)
    draw(outcome, tmp_path)
    assert not missing(outcome, tmp_path)
    (tmp_path / "figures" / "made_up-time_ratios.svg").unlink()
    assert missing(outcome, tmp_path)


def test_slides_have_names_of_their_own(outcome, tmp_path):
    outcome = with_figures(outcome, "training_curves", "time_ratios")
    paper, slides = (draw(outcome, tmp_path, style, formats=("png", "csv")) for style in ("paper", "slides"))
    assert not {figure.path for figure in paper} & {figure.path for figure in slides}
    first, other = (pd.read_csv(found[0].path.with_suffix(".csv")) for found in (paper, slides))
    assert first.equals(other)


def test_what_is_too_high_for_a_slide_becomes_wider(outcome, tmp_path):
    conditions = [f"condition {number}" for number in range(14)]
    rules = [replace(outcome.design.rules[0], condition=condition) for condition in conditions]
    decisions = [replace(outcome.verdicts[0].decisions[0], rule=rule) for rule in rules]
    outcome = replace(outcome, verdicts=(replace(outcome.verdicts[0], decisions=tuple(decisions)),))
    drawn = drawing(outcome, "effects", "slides")
    width, height = drawn.figure.get_size_inches()
    assert drawn.room > 1
    assert width == 12 * drawn.room
    assert height <= 9 / 16 * width
    (written,) = draw(with_figures(outcome, "effects"), tmp_path, "slides", formats=FEW)
    assert plt.imread(written.path).shape[1] == 12 * 200


def test_panels_of_slides_stand_in_as_few_rows_as_fit():
    for style, rows in (("paper", 3), ("slides", 2)):
        with styled(sized(style)):
            _, axes = panels([f"panel {number}" for number in range(7)], sized(style))
        assert len({ax.get_subplotspec().rowspan.start for ax in axes}) == rows


def test_effects_can_be_those_of_some_claims(outcome):
    mine, *others = outcome.verdicts
    rules = [replace(each.rule, claim="other") for each in mine.decisions]
    decisions = [replace(each, rule=rule) for each, rule in zip(mine.decisions, rules, strict=True)]
    other = replace(mine, claim=replace(mine.claim, name="other"), decisions=tuple(decisions))
    both = replace(outcome, verdicts=(mine, other, *others))
    assert set(drawing(both, "effects").data.claim) == {"faster", "other"}
    assert set(drawing(both, Plot("effects", claims=("other",))).data.claim) == {"other"}


def changed(outcome, **changes):
    """The outcome with its first decision changed."""
    first, *rest = outcome.verdicts
    decision = replace(first.decisions[0], **changes)
    return replace(outcome, verdicts=(replace(first, decisions=(decision, *first.decisions[1:])), *rest))


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.2, 0.9, "rather the opposite"), (0.8, 1.1, "no effect of interest")]
)
def test_an_effect_the_other_way_is_not_called_none(outcome, low, high, words):
    interval = replace(outcome.verdicts[0].decisions[0].interval, estimate=0.85, low=low, high=high)
    found = changed(outcome, verdict="contradicted", interval=interval, finding="no relevant effect (...)")
    assert any(words in text for text in texts(drawing(found, "effects").figure))
    plt.close("all")


@pytest.mark.parametrize(
    ("verdict", "low", "high", "words"),
    [
        ("contradicted", 0.2, 0.9, "rather the opposite"),
        ("supported", 1.1, 1.4, "but less than would matter"),
        ("supported", 1.1, 1.9, ""),
    ],
)
def test_what_a_verdict_does_not_say_of_the_size_is_told(outcome, verdict, low, high, words):
    decision = outcome.verdicts[0].decisions[0]
    rule = replace(decision.rule, smallest=1.5)
    interval = replace(decision.interval, estimate=(low + high) / 2, low=low, high=high)
    found = changed(outcome, rule=rule, verdict=verdict, interval=interval, finding="")
    told = "\n".join(texts(drawing(found, "effects").figure))
    for each in ("rather the opposite", "but less than would matter"):
        assert (each in told) == (each == words)
    plt.close("all")


def test_the_smallest_effect_that_matters_is_drawn_where_there_is_one(outcome):
    rule = replace(outcome.verdicts[0].decisions[0].rule, smallest=1.25)
    assert "Dotted" not in drawing(outcome, "effects").caption
    drawn = drawing(changed(outcome, rule=rule), "effects")
    assert "Dotted: the smallest effect that would matter" in drawn.caption
    assert [1.25, 1.25] in [list(line.get_xdata()) for line in drawn.figure.axes[0].lines]
    plt.close("all")


def test_rules_of_a_mechanism_of_which_nothing_is_said_are_not_judged(outcome):
    mine = outcome.verdicts[0]
    first, second = (replace(each, rule=replace(each.rule, aspect="mechanism")) for each in mine.decisions)
    premise = replace(first, verdict="contradicted", rule=replace(first.rule, premise=True))
    silent = replace(mine, aspect="mechanism", verdict="not tested", decisions=(premise, second))
    drawn = drawing(replace(outcome, verdicts=(mine, silent)), "effects")
    told = drawn.data.groupby("aspect").verdict.apply(list)
    assert told["direction"] == ["supported", "supported"]
    assert told["mechanism"] == ["contradicted", "not tested"]
    assert texts(drawn.figure).count("a premise fails") == 1
    plt.close("all")


def test_what_is_compared_under_several_conditions_is_said_once(outcome):
    figure = drawing(outcome, Plot("effects", claims=("faster",))).figure
    assert texts(figure).count("tanh / relu") == 2  # Once a question: whether it holds, and how strong it is.
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["plain", "other"] * 2
    plt.close("all")


def test_the_words_that_many_rules_begin_with_are_said_once():
    names = [f"slope of the gradient in {depth} layers" for depth in (2, 3, 4)]
    assert effects._common_begin(names) == "slope of the gradient in"
    assert effects._common_begin(names[:2]) == ""
    assert effects._common_begin([*names, "saturated units"]) == ""
    assert effects._common_begin([*names, "slope of the gradient in"]) == "slope of the gradient"


def test_a_premise_that_holds_and_is_asked_already_is_not_drawn_again(outcome):
    mine = outcome.verdicts[0]
    premise, other = (replace(each, rule=replace(each.rule, aspect="mechanism")) for each in mine.decisions)
    premise = replace(premise, rule=replace(premise.rule, premise=True))
    for verdict, drawn_again in (("supported", 0), ("contradicted", 1)):
        first = replace(premise, verdict=verdict)
        cause = replace(mine, aspect="mechanism", decisions=(first, other))
        drawn = drawing(replace(outcome, verdicts=(mine, cause)), "effects")
        assert list(drawn.data.aspect).count("mechanism") == 1 + drawn_again
        assert ("is not drawn again" in drawn.caption) == (not drawn_again)
        plt.close("all")


@pytest.mark.parametrize(("first", "told"), [(200.0, True), (1.0, False)])
def test_a_mean_that_one_epoch_makes_is_told(outcome, first, told):
    def drifting(record):
        drift = {(layer, epoch): first if (layer, epoch) == (2, 1) else 1.0 for layer in (1, 2) for epoch in (1, 2, 3)}
        points = [Point(f"input_drift/dense_{layer}", epoch, epoch, value) for (layer, epoch), value in drift.items()]
        outcomes = record.outcomes | {"input_drift_mean": sum(drift.values()) / 6 + record.spec.seeds.init}
        return replace(record, outcomes=outcomes, history=(*record.history, *points))

    terms = tuple(Term(sign, f"{unit}, plain", "input_drift_mean") for sign, unit in ((1, "tanh"), (-1, "relu")))
    rule = Rule("faster", "direction", "plain", Contrast(terms, "the drift of tanh minus that of relu", ""), low=0)
    stored = {key: drifting(record) for key, record in outcome.stored.items()}
    found = evaluate(outcome.experiment, replace(outcome.design, rules=(rule,)), stored)
    drawn = drawing(found, "effects")
    text = "98 % of the mean drift of inputs of tanh is that of dense layer 2 in epoch 1"
    assert (text in drawn.caption) == told
    assert any(effects.MADE_BY_TEXT in each.replace("\n", " ") for each in texts(drawn.figure)) == told
    plt.close("all")


def test_zeros_are_left_out_of_a_logarithmic_figure_of_layers_and_counted(outcome):
    def with_gradients(record, value):
        points = [Point(f"gradient_weights/dense_{n}", 0, 0.0, value if n == 1 else 1.0) for n in (1, 2)]
        return replace(record, history=(*record.history, *points))

    records = outcome.replicates("relu, plain")
    zero = {record.key: with_gradients(record, 0.0 if place == 0 else 0.1) for place, record in enumerate(records)}
    found = replace(outcome, stored={**outcome.stored, **zero})
    plot = Plot("layers", metric="gradient_weights", logarithmic="y", arms=("relu, plain",))
    drawn = drawing(found, plot)
    first = drawn.data[drawn.data.position == 1]
    assert list(first["mean"]) == pytest.approx([0.1, 0.1])
    assert set(first.seeds) == {len(records) - 1}
    assert "exactly zero: 2 of 12 values" in drawn.caption


def test_of_networks_of_several_depths_the_layers_of_the_deepest_are_shown(outcome):
    def deeper(arm, level):
        return replace(arm, level=level, label="units", condition="all")

    arms = [deeper(arm, level) for level, arm in enumerate(outcome.design.arms)]
    found = replace(outcome, design=replace(outcome.design, arms=tuple(arms), rules=()))
    points = [Point("gradient_weights/dense_1", 0, 0.0, 1.0)]
    stored = {key: replace(each, history=(*each.history, *points)) for key, each in outcome.stored.items()}
    drawn = drawing(replace(found, stored=stored), Plot("layers", metric="gradient_weights"))
    assert set(drawn.data.arm) == {arms[-1].name}


def test_widths_and_formats_are_those_asked_for(outcome, tmp_path):
    drawn = draw(outcome, tmp_path, width=3.25, formats=("svg", "csv"))
    assert not any(figure.problem for figure in drawn)
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".csv", ".txt"}
    assert all(figure.path.exists() and ".3.25in." in figure.path.name for figure in drawn)
    assert drawing(outcome, "time_ratios", width=3.25).figure.get_figwidth() == 3.25
    with pytest.raises(InputError, match=r"3\.25, 5\.5, 6\.75 inches wide"):
        drawing(outcome, "time_ratios", width=4.0)


def test_nothing_published_stands_beside_a_proxy(made_up):
    experiment, _, stored = made_up
    outcome = evaluate(experiment, made_up_design(proxy="a subset"), stored)
    for name in ("training_curves", "time_ratios"):
        assert not [text for text in texts(drawing(outcome, name).figure) if "ublished" in text], name


def test_fonts_are_embedded(outcome, tmp_path):
    pdf = draw(with_figures(outcome, "time_ratios"), tmp_path, formats=("pdf",))[0].path.read_bytes()
    assert b"/FontFile2" in pdf


def test_looks_differ_without_color():
    styles = series_styles(list("abcdefghijklmnopqrst"))
    assert len({(str(one.dashes), one.marker) for one in styles.values()}) == 20


def test_unknown_figures_and_styles_are_refused(outcome):
    with pytest.raises(InputError, match="training_curves"):
        drawing(outcome, "training_curve")
    with pytest.raises(InputError, match="paper"):
        drawing(outcome, "time_ratios", "papers")


def test_nothing_that_draws_imports_tensorflow():
    code = (
        "import sys, cnn_study.cli, cnn_study.figures.draw, cnn_study.report.page;"
        "print([m for m in ('tensorflow', 'keras', 'mlflow') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_figure_names_the_arms_that_have_not_been_run(made_up):
    experiment, design, stored = made_up
    some = {key: record for key, record in stored.items() if record.spec.model.layers[0].activation == "relu"}
    caption = drawing(evaluate(experiment, design, some), "training_curves").caption
    assert "Not run yet: tanh, plain" in caption
    assert "Not run yet" not in drawing(evaluate(experiment, design, stored), "training_curves").caption


def test_a_figure_counts_the_seeds_that_are_stored_and_not_those_that_are_planned(made_up):
    experiment, design, stored = made_up
    planned = replace(design, seeds=(*design.seeds, 99))
    caption = drawing(evaluate(experiment, planned, stored), "training_curves").caption
    assert f"mean of {len(design.seeds)} seeds" in caption


def test_places_in_an_svg_are_told_to_a_hundredth_of_a_point(made_up, tmp_path):
    drawn = draw(evaluate(*made_up), tmp_path)[0].path.with_suffix(".svg").read_text()
    assert re.search(r' d="M\d+\.\d\d ', drawn)
    assert not re.search(r' (?:d|x|y)="[^"]*\.\d\d\d', drawn)
    assert (
        concise('\n <path d="M -0.127 7.5 \nz" style="width: 0.125"/>')
        == '\n<path d="M-0.13 7.5z" style="width: 0.125"/>'
    )


def test_a_png_has_a_palette_unless_it_would_be_seen():
    drawn = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    drawn.paste((200, 30, 40, 255), (0, 0, 20, 64))
    kept = small(drawn)
    assert kept.mode == "P"
    assert kept.convert("RGB").getpixel((40, 40)) == (255, 255, 255)
    assert kept.convert("RGB").getpixel((10, 10)) == (200, 30, 40)
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    photograph = small(Image.fromarray(levels))
    assert photograph.mode == "RGB"
    assert np.array_equal(np.asarray(photograph), levels)
