"""Commands about images: ``data``, which fetches data sets, and ``data check``, which shows what a folder holds."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from cnn_study.cli.app import console, errors
from cnn_study.data.folder import TEST_EVERY, images
from cnn_study.data.layout import UNDIVIDED, spelled
from cnn_study.data.survey import Survey, survey
from cnn_study.errors import InputError, printable

NAMED = 5
"""Files of a kind that are named; the others are counted."""


def check(folder: Path, side: int | None = None, sheet: Path | None = None) -> None:
    """See :func:`cnn_study.cli.commands.check`."""
    found = survey(folder, side)
    console.print(_table(found))
    for line in _lines(found):
        console.print(line, soft_wrap=True, highlight=False)
    path = sheet or Path(f"{spelled(found.folder.name) or 'images'}-sheet.png")
    if path.resolve().is_relative_to(found.folder):
        raise InputError(f"{path} would lie among the images: give --sheet a path outside of {folder}")
    _draw(found, path)
    for problem in found.problems:
        errors.print(f"cnn-study: {problem}", soft_wrap=True, highlight=False)
    if found.problems:
        raise typer.Exit(InputError.exit_code)
    dataset = images(folder, side)
    train, test = (dataset.arrays[f"y_{part}"].shape[0] for part in ("train", "test"))
    line = f"data set {dataset.name}: {train} training and {test} test images"
    console.print(line, soft_wrap=True, highlight=False)


def _table(found: Survey) -> Table:
    """How many images every class has in every part."""
    parts = found.layout.parts
    table = Table("class", *(part or "images" for part in parts), box=box.SIMPLE_HEAD)
    for name in found.layout.classes:
        table.add_row(name, *(f"{len(by_class[name]):,}" for by_class in parts.values()))
    table.add_section()
    table.add_row("all", *(f"{sum(map(len, by_class.values())):,}" for by_class in parts.values()))
    return table


def _lines(found: Survey) -> Iterator[str]:
    yield _division(found)
    sizes = sorted(found.sizes.items(), key=lambda item: (-item[1], item[0]))
    yield f"sizes: {_named([f'{width}x{height} ({count:,})' for (width, height), count in sizes])}"
    yield f"colors: {'gray' if found.gray else 'red, green and blue'}"
    yield f"equal images of a class: {_groups(found, found.copies)}"
    yield f"equal images of several classes or parts: {_groups(found, found.across)}"
    yield f"left out: {_named([_short(found, path) for path in found.left_out])}"


def _division(found: Survey) -> str:
    parts = found.layout.parts
    if UNDIVIDED in parts:
        return f"no folders for training and testing: every {TEST_EVERY}th different image of a class is for testing"
    uses = {"train": "training"} | {
        part: "testing" if found.layout.is_for_testing(part) else "training, like all that are not for testing"
        for part in parts
        if part != "train"
    }
    return "; ".join(f"{part} is for {use}" for part, use in uses.items())


def _groups(found: Survey, groups: Sequence[Sequence[Path]]) -> str:
    return _named([" = ".join(_short(found, path) for path in group[:NAMED]) for group in groups])


def _named(texts: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    more = f", and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""
    return f"{', '.join(texts[:NAMED])}{more}" if texts else "none"


def _short(found: Survey, path: Path) -> str:
    return printable(str(path.relative_to(found.folder)))


def _draw(found: Survey, path: Path) -> None:
    from cnn_study.figures.sheet import contact_sheet

    contact_sheet(found.examples, path)
    console.print(f"contact sheet: {path}", soft_wrap=True, highlight=False)
