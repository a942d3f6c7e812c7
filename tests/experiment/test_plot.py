"""The table of kinds of figures says what the functions that draw them read."""

import inspect
import re

import pytest

from cnn_study.errors import InputError
from cnn_study.experiment.plot import KINDS, Plot
from cnn_study.figures import levels
from cnn_study.figures.kinds import FIGURES

SHARED = {"dose": levels._lines, "family": levels._lines}
"""Functions that draw for several kinds."""


def test_every_kind_is_drawn():
    assert KINDS.keys() == FIGURES.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_takes_the_fields_that_it_reads(kind):
    sketch = FIGURES[kind].sketch
    module = inspect.getsource(inspect.getmodule(sketch))
    own = inspect.getsource(sketch) + (inspect.getsource(SHARED[kind]) if kind in SHARED else "")
    read = set(re.findall(r"plot\.(\w+)", own)) | ({"arms"} if "arms(outcome, plot)" in own else set())
    taken = {*KINDS[kind].options, *(["metric"] if KINDS[kind].metric else [])}
    # What the function itself reads it must be allowed to be given; what it may be given its module must read.
    assert read - {"kind", "name"} <= taken
    assert {field for field in taken if f"plot.{field}" not in module and "arms(outcome, plot)" not in module} == set()


def test_a_plot_that_names_no_metric_has_the_usual_one_of_its_kind():
    assert Plot("outcomes") == Plot("outcomes", metric="test_error")
    assert Plot("visibility").metric == "border_visibility"
    assert Plot("effects").metric == ""


def test_a_metric_is_refused_where_none_is_taken_and_asked_for_where_none_is_usual():
    with pytest.raises(InputError, match="the figure effects takes no metric"):
        Plot("effects", metric="test_error")
    with pytest.raises(InputError, match="the figure family needs metric"):
        Plot("family")
