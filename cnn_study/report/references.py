"""The literature: every source that an experiment or a data set names, as BibTeX and in words."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from cnn_study.errors import InputError

FILE = "references.bib"

_SURNAME = r"(?:van )?[A-Z][A-Za-z'-]+"
_CITATION = re.compile(rf"({_SURNAME})(?:, {_SURNAME})*(?: & {_SURNAME}| et al\.)? \(?((?:19|20)\d\d)\b")
_ENTRY = re.compile(r"@(\w+)\{(\w+),\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"  (\w+) = \{(.*)\},?")
_ACCENTS = {"'": "\N{COMBINING ACUTE ACCENT}", '"': "\N{COMBINING DIAERESIS}"}
_ACCENT = re.compile(r"\{\\(['\"])(\w)\}")


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography.

    Attributes:
        key: Its name in a citation: first author, year, a word of the title.
        fields: Of the entry, in BibTeX's own notation.
    """

    key: str
    fields: Mapping[str, str]

    @property
    def authors(self) -> list[str]:
        """Surname first, in plain text."""
        return [_plain(author) for author in self.fields["author"].split(" and ")]

    @property
    def cited(self) -> tuple[str, str]:
        """Surname of the first author, and the year: what the text calls it."""
        return self.authors[0].split(",")[0], self.fields["year"]

    @property
    def text(self) -> str:
        """The entry in words, without markup: authors (year): title. Where it stands."""
        names = [" ".join(reversed(author.split(", "))) for author in self.authors]
        return f"{', '.join(names)} ({self.fields['year']}): {_plain(self.fields['title'])}. {self._place}."

    @property
    def _place(self) -> str:
        venues = ("journal", "booktitle", "institution", "publisher")
        parts = [self.fields[name] for name in venues if name in self.fields]
        if "volume" in self.fields:
            issue = f"({self.fields['number']})" if "number" in self.fields else ""
            parts[0] += f" {self.fields['volume']}{issue}"
        parts += [f"{name} {self.fields[field]}" for field, name in _DETAILS.items() if field in self.fields]
        return _plain(", ".join(parts))


_DETAILS = {"pages": "pp.", "doi": "doi"}


def bibtex() -> str:
    """The whole bibliography as BibTeX."""
    return resources.files("cnn_study.report").joinpath(FILE).read_text(encoding="utf-8")


@cache
def references() -> Mapping[str, Reference]:
    """Every entry by its key, in alphabetical order."""
    return MappingProxyType(
        {key: Reference(key, MappingProxyType(dict(_FIELD.findall(body)))) for _, key, body in _ENTRY.findall(bibtex())}
    )


def citations(text: str) -> Iterator[tuple[str, str]]:
    """First author and year of every source that a text names as in ``Somebody, Else & Other 2012``."""
    yield from _CITATION.findall(text)


def find(source: str) -> Reference | None:
    """The entry of the first source that a text names; ``None`` if there is none."""
    named = next(citations(source), None)
    return next((reference for reference in references().values() if reference.cited == named), None)


def get(key: str) -> Reference:
    """The entry of a key.

    Raises:
        InputError: There is none.
    """
    if key not in references():
        raise InputError(f"{FILE} has no entry {key!r}: add it")
    return references()[key]


def _plain(text: str) -> str:
    """BibTeX's notation as plain text: accents as letters, hyphens for dashes, no braces."""
    text = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _ACCENTS[found[1]]), text)
    return re.sub(r"[{}]", "", text).replace("--", "-")
