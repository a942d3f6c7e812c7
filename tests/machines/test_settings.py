"""Settings of matplotlib, its backend and its fonts change no figure; letters that no font has are told once."""

import subprocess
import sys

import pytest
from conftest import results_of, worded_outcome
from elsewhere import PROJECT, QUICK, complaint, study
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from cnn_study import collection
from cnn_study.figures import fonts
from cnn_study.figures.draw import draw_all
from cnn_study.figures.drawing import drawing

RC = """
axes.formatter.use_locale: True
axes.grid: False
backend: TkAgg
font.family: serif
font.size: 30
lines.markersize: 30
path.sketch: 1, 100, 2
pdf.compression: 0
savefig.bbox: tight
text.usetex: True
"""
PLAIN = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}


@pytest.fixture
def results(tmp_path):
    results_of(collection.load(["dropout"]), tmp_path / "results" / "quick")
    return tmp_path / "results"


def same_as_committed(results, name):
    made = sorted((results / "quick" / "figures").iterdir())
    assert [file.name for file in made] == sorted(file.name for file in (QUICK / "figures").glob(f"{name}-*"))
    return all(file.read_bytes() == (QUICK / "figures" / file.name).read_bytes() for file in made)


# As in the working folder of the next test.
@pytest.mark.slow
def test_figures_are_the_committed_ones_whatever_the_settings(results, tmp_path):
    (tmp_path / "matplotlibrc").write_text(RC)
    given = {"MATPLOTLIBRC": tmp_path / "matplotlibrc"} | PLAIN
    study(tmp_path, "figures", "dropout", "--profile", "quick", "--results", results, **given)
    assert same_as_committed(results, "dropout")


@pytest.mark.parametrize(
    "backend",
    ["module://matplotlib_inline.backend_inline", pytest.param("no_such_backend", marks=pytest.mark.slow)],
)
def test_figures_are_the_committed_ones_whatever_lies_in_the_working_folder(results, tmp_path, backend):
    (tmp_path / "matplotlibrc").write_text(RC)
    given = {"MPLBACKEND": backend, "OMP_NUM_THREADS": "7", "MPLCONFIGDIR": "/proc/nowhere"} | PLAIN
    study(tmp_path, "figures", "dropout", "--profile", "quick", "--results", results, where=tmp_path, **given)
    assert same_as_committed(results, "dropout")


def test_a_matplotlib_that_cannot_be_imported_is_told_in_one_line(results, tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise AttributeError('_ARRAY_API not found\\nmore')")
    path = f"{tmp_path}:{PROJECT}"
    line = complaint(tmp_path, "figures", "lenet5", "-p", "quick", "--results", results, code=1, PYTHONPATH=path)
    assert line.startswith("cnn-study: matplotlib cannot be imported (AttributeError: _ARRAY_API not found): mend its ")


def test_drawing_leaves_the_backend_of_the_program_as_it_was():
    program = """
import matplotlib
matplotlib.use("svg")
from cnn_study.figures.drawing import without_screen
with without_screen():
    assert matplotlib.get_backend().lower() == "agg"
assert matplotlib.get_backend() == "svg"
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROJECT)


@pytest.fixture
def outcome():
    return worded_outcome("Title", "a", "It is so.", "condition", "有归一化", "", "Somebody 2000", "none")


@pytest.fixture
def font(tmp_path):
    """A font of this machine with these four letters alone."""
    letters = {f"letter{ord(letter)}": letter for letter in "有归一化"}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *letters])
    builder.setupCharacterMap({ord(letter): name for name, letter in letters.items()})
    pen = TTGlyphPen(None)
    for place in ((0, 0), (0, 700), (700, 700), (700, 0)):
        (pen.lineTo if place != (0, 0) else pen.moveTo)(place)
    pen.closePath()
    builder.setupGlyf({name: pen.glyph() for name in [".notdef", *letters]})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *letters], (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Four Letters", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "four.ttf")
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "four.ttf")
    for function in (fonts._chosen, fonts._letters):
        function.cache_clear()
    yield "Four Letters"
    font_manager.fontManager.ttflist[:] = before
    for function in (fonts._chosen, fonts._letters):
        function.cache_clear()


def test_latin_greek_and_signs_need_no_other_font():
    assert fonts.families("größe λ ≥ 1/√2 ° … Ж") == ["DejaVu Sans"]


def test_letters_are_taken_from_a_font_that_has_them(font, outcome, recwarn, caplog, tmp_path):
    assert fonts.families("a 有归 b") == ["DejaVu Sans", font]
    fonts.tell_lacking("a 有归 b")
    assert caplog.messages == []
    drawing(outcome, "training_curves").figure.savefig(tmp_path / "with.pdf")
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_letters_that_no_font_has_are_told_once(monkeypatch, outcome, recwarn, caplog, tmp_path):
    monkeypatch.setattr(fonts, "_installed", lambda: [])
    fonts._chosen.cache_clear()
    list(draw_all([outcome, outcome], tmp_path))
    drawing(outcome, "training_curves")
    fonts._chosen.cache_clear()
    (message,) = caplog.messages
    assert message == "no font of this machine has the letters 一化归有: figures show boxes in their place"
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
