"""One self-contained HTML page: claims and verdicts at the top, then how each came about."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from PIL import Image

from cnn_study.analysis.decisions import ASPECTS, Outcome
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.results import replace_file

KNOWN = {
    "primary": "read in the paper",
    "abstract": "only the abstract was read",
    "secondary": "quoted by another source",
    "memory": "remembered, not checked since",
}
"""How surely a published number is known, in words."""

COLORS = 128
"""Of an embedded image."""


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in the page.

    Attributes:
        name: Of its files.
        source: The image as a data URI.
        caption: What it shows, in words; also its alternative text.
    """

    name: str
    source: str
    caption: str


def write_page(outcomes: Sequence[Outcome], folder: Path, profile: str) -> Path:
    """Write ``report.html`` into the folder of the results.

    Args:
        outcomes: What the experiments have found.
        folder: Where the figures are, in ``figures``.
        profile: Name of the profile.

    Raises:
        StoreError: The page cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnn_study.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("page.html").render(
        arm_rows=arm_rows,
        aspects=ASPECTS,
        environments=_environments(outcomes),
        known=KNOWN,
        measured_beside=measured_beside,
        outcomes=outcomes,
        pictures={outcome.experiment.name: _pictures(outcome, folder) for outcome in outcomes},
        profile=profile,
    )
    path = folder / "report.html"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path


def _pictures(outcome: Outcome, folder: Path) -> list[Picture]:
    """Every figure of an experiment that was drawn."""
    found = []
    for plot in outcome.experiment.plots:
        base = folder / "figures" / f"{outcome.experiment.name}-{plot.file}"
        image, caption = base.with_suffix(".png"), base.with_suffix(".txt")
        if image.exists() and caption.exists():
            found.append(Picture(base.name, _embedded(image), caption.read_text(encoding="utf-8").strip()))
    return found


def _embedded(image: Path) -> str:
    """The image as a data URI, with so few colors that a page of dozens of figures stays small."""
    buffer = io.BytesIO()
    with Image.open(image) as opened:
        opened.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _environments(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """The environments in which runs were trained and checks made, with the number of them in each."""
    done = {record.key: record for o in outcomes for name in o.tuned for record in o.replicates(name)}
    records = [*done.values(), *{check.key: check for o in outcomes for check in o.checks.values()}.values()]
    texts = (", ".join(f"{k} {v}" for k, v in sorted(record.environment.items())) for record in records)
    return Counter(texts).most_common()
