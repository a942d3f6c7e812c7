import matplotlib.pyplot as plt
import pytest
from made_up_results import effects

from cnn_study.experiment import Plot
from cnn_study.figures.drawing import drawing
from cnn_study.figures.quantities import column_text, decimals, edges
from cnn_study.figures.style import SIGNS


@pytest.fixture
def drawn():
    outcome = effects()
    yield outcome, drawing(outcome, Plot("multiverse"))
    plt.close("all")


def cells(outcome):
    """The first decision on a direction of every claim under every condition."""
    found = {}
    for verdict in outcome.verdicts:
        for decision in verdict.decisions:
            if verdict.aspect == "direction":
                found.setdefault((verdict.claim.name, decision.rule.condition), decision)
    return found


def test_every_claim_and_condition_has_one_cell_with_its_verdict(drawn):
    outcome, figure = drawn
    shown = {(row.claim, row.condition): row for row in figure.data.itertuples()}
    assert len(shown) == len(figure.data)
    assert shown.keys() == cells(outcome).keys()
    for place, decision in cells(outcome).items():
        assert shown[place].verdict == decision.verdict
        assert (shown[place].estimate, shown[place].low) == (decision.interval.estimate, decision.interval.low)


def test_verdicts_are_told_apart_without_color(drawn):
    outcome, figure = drawn
    (ax,) = figure.figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert len(set(SIGNS.values())) == len(SIGNS)
    for (claim, _), decision in cells(outcome).items():
        sign = SIGNS[decision.verdict]
        places = decimals(each.interval for (name, _), each in cells(outcome).items() if name == claim)
        text = column_text(decision.interval, places, edges(decision.rule))
        number = text.removeprefix("> ").removeprefix("< ").split()[0]
        assert any(text.endswith(f"{number}  {sign}") for text in texts)


def test_the_cells_of_a_claim_have_the_same_decimals(drawn):
    outcome, figure = drawn
    for claim in dict.fromkeys(name for name, _ in cells(outcome)):
        mine = [each for (name, _), each in cells(outcome).items() if name == claim]
        places = decimals(each.interval for each in mine)
        shown = " ".join(text.get_text() for ax in figure.figure.axes for text in ax.texts)
        assert all(f"{each.interval.estimate:.{places}f}" in shown for each in mine)
