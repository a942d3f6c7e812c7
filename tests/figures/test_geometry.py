"""The figures of the committed results, with Matplotlib's own boxes: nothing is clipped, hidden or too small."""

import itertools

import matplotlib.pyplot as plt
import pytest
from committed import outcomes as committed

from cnn_study import collection
from cnn_study.figures.drawing import drawing
from cnn_study.figures.style import WIDTHS, sized, styled

SMALLEST = 6.0
"""Points."""
APART = 1.0
"""Pixels by which boxes may overlap: they are a little wider than what is drawn."""
NAMES = [(experiment.name, plot.file) for experiment in collection.load(()) for plot in experiment.plots]


@pytest.fixture(scope="module")
def outcomes():
    return {each.experiment.name: each for each in committed("quick")}


def shown(figure):
    """All texts that are drawn: titles, labels, notes, and those at ticks within the limits of their axis."""
    found = [text for each in figure.legends for text in each.get_texts()] + figure.texts
    found += [figure._supxlabel] if figure._supxlabel else []
    for ax in figure.axes:
        found += [ax.title, *ax.texts]
        if not ax.axison:
            continue
        found += [ax.xaxis.label, ax.yaxis.label]
        for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            found += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [text for text in dict.fromkeys(found) if text.get_visible() and text.get_text().strip()]


def faults(figure, outside=1.0):
    """What an editor would send back, in words."""
    figure.draw_without_rendering()
    texts = shown(figure)
    boxes = {text: text.get_window_extent() for text in texts}
    whole = figure.bbox
    for text, box in boxes.items():
        if text.get_fontsize() < SMALLEST:
            yield f"{text.get_text()!r} has {text.get_fontsize():.2g} pt"
        if min(box.x0 - whole.x0, whole.x1 - box.x1, box.y0 - whole.y0, whole.y1 - box.y1) < -outside:
            yield f"{text.get_text()!r} is clipped"
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > APART and up > APART:
            yield f"{one.get_text()!r} overlaps {other.get_text()!r}"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), NAMES)
def test_no_editor_sends_a_figure_of_quick_back(name, file, outcomes):
    (plot,) = (plot for plot in outcomes[name].experiment.plots if plot.file == file)
    figure = drawing(outcomes[name], plot).figure
    with styled(sized("paper")):
        assert list(faults(figure)) == []
    plt.close(figure)


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["pooling", "dropout"])
def test_no_text_is_clipped_at_any_width(name, width, outcomes):
    for plot in outcomes[name].experiment.plots:
        figure = drawing(outcomes[name], plot, width=width).figure
        with styled(sized("paper", width)):
            assert [fault for fault in faults(figure) if "clipped" in fault] == []
        plt.close(figure)


def test_faults_are_found():
    figure = plt.figure(figsize=(3, 2))
    figure.text(0.5, 0.5, "here")
    figure.text(0.5, 0.5, "there")
    figure.text(0.98, 0.1, "beyond the edge")
    figure.text(0.1, 0.1, "tiny", fontsize=4)
    found = " ".join(faults(figure))
    assert "overlaps" in found
    assert "'beyond the edge' is clipped" in found
    assert "'tiny' has 4 pt" in found
