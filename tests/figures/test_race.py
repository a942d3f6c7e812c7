from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_results import SEEDS, proxied, race

from cnn_study.errors import InputError
from cnn_study.experiment import Plot
from cnn_study.figures.draw import draw
from cnn_study.figures.drawing import drawing
from cnn_study.figures.race import median_curve

PLOT = Plot("race", labels=("ReLU", "tanh"))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_a_median_ends_where_it_is_at_the_target_and_not_where_the_first_seed_is():
    outcome = race()
    epochs, median = median_curve(outcome.replicates("ReLU, first, None"))
    middle = outcome.replicates("ReLU, first, None")[1]
    assert (epochs, median) == tuple(map(pytest.approx, middle.curve("train_error")))
    assert median[-2] > 0.25 >= median[-1]


def test_a_run_that_has_diverged_counts_as_above_all_others():
    records = race().replicates("tanh, second, None")
    epochs, median = median_curve(records)
    assert epochs[-1] == 20
    assert median[-1] == pytest.approx(max(record.curve("train_error")[1][-1] for record in records[:2]))
    assert np.all(np.isfinite(median))


def test_only_the_labels_asked_for_run_under_every_condition():
    data = drawing(race(), PLOT).data
    assert set(zip(data.condition, data.label, strict=True)) == {
        (condition, label) for condition in ("first", "second") for label in ("ReLU", "tanh")
    }
    assert set(data.series) == {"median", *(f"seed {seed}" for seed in SEEDS)}
    with pytest.raises(InputError, match="tanh"):
        drawing(race(), Plot("race", labels=("tahn",)))


def test_runs_end_as_they_ended():
    data = drawing(race(), PLOT).data
    ends = data[data.series != "median"].groupby(["condition", "label", "series"]).end.first()
    assert set(ends["first"]) == {"reached"}
    assert list(ends["second", "tanh"]) == ["not reached", "not reached", "diverged"]


def test_the_axes_are_those_of_2012_with_names_seeds_ratios_and_published_numbers():
    drawn = drawing(race(), replace(PLOT, arms=("ReLU, first, None", "tanh, first, None")))
    (ax,) = drawn.figure.axes
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 40), (0, 0.75))
    found = texts(drawn.figure)
    assert {"ReLU (3 seeds)", "tanh (3 seeds)", "25 %"} <= set(found)
    assert {"ReLU, published:\napproximately 6", "tanh, published:\napproximately 36"} <= set(found)
    (decision,) = (d for v in race().verdicts for d in v.decisions if d.rule.condition == "first")
    assert f"epochs to 25 %, tanh / ReLU: {decision.interval.text}" in found
    for part in (decision.interval.text, "rate 0.01 (3 seeds", "100 training images", "dense", "Published ratio: 6"):
        assert part in drawn.caption


def test_without_published_marks_the_axis_ends_with_the_longest_run():
    drawn = drawing(proxied(race(), "a subset"), PLOT)
    assert drawn.figure.axes[0].get_xlim() == (0, 20)
    assert "Open markers" not in drawn.caption


def test_the_same_results_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        draw(race(), tmp_path / folder)
    files = sorted((tmp_path / "a" / "figures").iterdir())
    assert len(files) == 5
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / "figures" / file.name).read_bytes(), file.name
