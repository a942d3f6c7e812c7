"""Claims, the numbers published for them, and the words for what comes out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from cnn_study.errors import unknown_name
from cnn_study.experiment.place import Declared

if TYPE_CHECKING:
    from cnn_study.experiment.rule import Rule

Provenance = Literal["primary", "abstract", "secondary", "memory"]
"""The certainty of a published number: read in the paper or a full copy of it; read in its abstract; quoted by another
source; remembered and not checked since."""
PROVENANCES: Mapping[Provenance, str] = {
    "primary": "read in the paper",
    "abstract": "read in its abstract",
    "secondary": "quoted by another source",
    "memory": "remembered, not checked since",
}
"""The certainty of published numbers, in words for people."""

Aspect = Literal["direction", "magnitude", "mechanism"]
Verdict = Literal["supported", "contradicted", "mixed", "inconclusive", "not tested"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)


@dataclass(frozen=True)
class Published(Declared):
    """A number somebody published.

    Attributes:
        quantity: What was measured, with its unit.
        value: The published number, in the unit of the quantity.
        source: The place where it stands: authors, year, figure or table.
        provenance: How surely it is known.
        about: Label of the arm it is about, or of the two that it compares, ``A / B``, or the kind of layer that an
            exact check counts; empty if it is about none of them, so that it stands beside the claim and in no figure.
        dataset: Name of the data set it is for, if it must not stand beside what was measured on another.
        rough: Whether its source gives it as an approximate one.
        differs: How what was measured there is not quite what is measured here, in a few words; empty: it is the same.
    """

    quantity: str
    value: float
    source: str
    provenance: Provenance
    about: str = ""
    dataset: str | None = None
    rough: bool = False
    differs: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.provenance not in PROVENANCES:
            raise unknown_name("provenance", self.provenance, PROVENANCES)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the arms that it is about."""
        return tuple(self.about.split(" / ")) if self.about else ()

    def fits(self, datasets: Collection[str]) -> bool:
        """Whether it may stand beside what was measured on these data sets."""
        return self.dataset is None or self.dataset in datasets

    @property
    def text(self) -> str:
        """The number as it may be shown: with "approximately" before one that is rough or only remembered."""
        return self.with_unit("")

    def with_unit(self, unit: str) -> str:
        """The text with a unit behind the number.

        Args:
            unit: The unit, with the space before it if there is one: `` %``.
        """
        about = "approximately " if self.rough or self.provenance == "memory" else ""
        return f"{about}{self.value:g}{unit}{f' ({self.differs})' if self.differs else ''}"


@dataclass(frozen=True)
class Claim(Declared):
    """A claim, or a part of one that gets its own verdicts.

    Attributes:
        name: Its identifier, for example ``relu-beats-tanh``.
        statement: The claim in one sentence.
        published: The numbers it rests on.
        untested: The reason why no rule decides an aspect, for each aspect without a rule.
        rules: The function that gives its rules in a setting; ``None`` where the design names them.
    """

    name: str
    statement: str
    published: tuple[Published, ...] = ()
    untested: Mapping[Aspect, str] = field(default_factory=dict)
    rules: Callable[[Any], Iterable["Rule"]] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for aspect in self.untested:
            if aspect not in ASPECTS:
                raise unknown_name("aspect", aspect, ASPECTS)

    def __getstate__(self) -> dict[str, Any]:
        """Other processes, which may not know the file of the rules, get the claim without them."""
        return {**vars(self), "rules": None}
