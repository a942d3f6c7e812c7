"""Write the notebooks of examples/notebooks anew from the scripts beside them.

    .venv/bin/python .ci/notebooks.py

A script is in Jupytext's percent format: it can be run, tested, formatted and compared like any other. Notebooks have
no outputs: numbers of training depend on the processor, and what was shown once need not be true any more.
"""

from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "notebooks"


def notebook(script: Path) -> str:
    """The notebook of a script, as text: the same script gives the same bytes."""
    found = jupytext.read(script, fmt="py:percent")
    found.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for number, cell in enumerate(found.cells, 1):
        cell.id = f"cell-{number:02}"  # Jupytext draws them.
        cell.metadata.clear()
    found.nbformat, found.nbformat_minor = 4, 5
    nbformat.validate(found)
    return nbformat.writes(found, version=nbformat.NO_CONVERT) + "\n"


KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebooks() -> Iterator[tuple[Path, str]]:
    """Where every notebook is, and what must be in it."""
    for script in sorted(FOLDER.glob("*.py")):
        yield script.with_suffix(".ipynb"), notebook(script)


if __name__ == "__main__":
    for path, text in notebooks():
        path.write_text(text, encoding="utf-8")
        print(path)
