import matplotlib.pyplot as plt
import pytest
from made_up_results import effects

from cnn_study.experiment import Plot
from cnn_study.figures.draw import drawing
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
    for decision in cells(outcome).values():
        sign = SIGNS[decision.verdict]
        number = decision.interval.text.removeprefix("> ").removeprefix("< ").split()[0]
        assert any(text.endswith(f"{number}  {sign}") for text in texts)
