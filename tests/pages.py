"""Pages of the documentation whose tables name the tests that show what they say."""

import ast
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

TESTS = Path(__file__).parent
PAGES = TESTS.parent / "docs" / "explanation"


def rows(page: str) -> list[list[str]]:
    """The code spans, such as ``file.py::test_name``, of every row of all tables of a page, their heads left out."""
    tokens = MarkdownIt("commonmark").enable("table").parse((PAGES / page).read_text(encoding="utf-8"))
    return [
        [span.content for cell in row for span in cell.children or () if span.type == "code_inline"]
        for row in _rows(tokens)
    ]


def _rows(tokens: list[Token]) -> Iterator[list[Token]]:
    cells: list[Token] = []
    in_body = False
    for token in tokens:
        in_body = (in_body or token.type == "tbody_open") and token.type != "tbody_close"
        if token.type == "inline" and in_body:
            cells.append(token)
        if token.type == "tr_close" and in_body:
            yield cells
            cells = []


def named(row: list[str]) -> list[str]:
    """The tests that a row names."""
    return [code for code in row if "::" in code]


def defined_in(file: Path) -> list[str]:
    """The test functions of a file, but those that are expected to fail."""
    functions = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return [
        function.name
        for function in functions
        if function.name.startswith("test_") and "xfail" not in map(_mark, function.decorator_list)
    ]


def _mark(decorator: ast.expr) -> str:
    """Last name of a decorator, called or not: ``xfail`` of ``@pytest.mark.xfail(strict=True)``."""
    expression = decorator.func if isinstance(decorator, ast.Call) else decorator
    return expression.attr if isinstance(expression, ast.Attribute) else ""
