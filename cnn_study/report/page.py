"""One self-contained HTML page: claims and verdicts at the top, then how each came about."""

import base64
import io
import re
import urllib.parse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import jinja2
from PIL import Image

import cnn_study
from cnn_study.analysis.coverage import coverage_table
from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.sensitivity import look_text
from cnn_study.analysis.significance import FAMILY_LEVEL, UNCORRECTED, corrected, holm, key_of, mark, marked
from cnn_study.analysis.statistics import CONFIDENCE, EQUIVALENCE_CONFIDENCE, RESAMPLES
from cnn_study.experiment import ASPECTS, PROVENANCES, Aspect, Setting
from cnn_study.files import replace_file
from cnn_study.report import provenance
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.report.references import Reference, find, get
from cnn_study.tracking.execution import PREFIX

COLORS = 128
"""Of an embedded image."""

MLFLOW = "http://127.0.0.1:5000"
"""Where ``make ui`` serves MLflow."""

METHODS = (
    "berger1982multiparameter",
    "efron1979bootstrap",
    "holm1979simple",
    "schuirmann1987comparison",
    "student1908probable",
)
"""The references for how verdicts are decided."""

LOOKS_METHODS = ("jennison1989interim",)
"""Those for looks."""


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in the page.

    Attributes:
        name: Of its files.
        source: The image as a data URI.
        caption: What it shows, in words; also its alternative text.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
    """

    name: str
    source: str
    caption: str
    width: int
    height: int


def write_page(
    outcomes: Sequence[Outcome],
    folder: Path,
    setting: Setting,
    revision: str = "unknown",
    family: Sequence[Outcome] = (),
    changed: Mapping[str, datetime] = MappingProxyType({}),
) -> Path:
    """Write ``report.html`` into the folder of the results.

    Args:
        outcomes: What the experiments have found.
        folder: Where the figures are, in ``figures``.
        setting: Where the results were made.
        revision: Of the code that writes the page.
        family: All experiments whose tests are corrected for together; empty: those of the page.
        changed: When the rules of experiments were last changed, by name, where that is known.

    Raises:
        StoreError: The page cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnn_study.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"anchor": anchor, "duration": provenance.duration, "look_text": look_text}
    records = provenance.everything(outcomes)
    tests, survives = corrected(family or outcomes), holm(family or outcomes)
    text = environment.get_template("page.html").render(
        arm_rows=arm_rows,
        ages={outcome.experiment.name: provenance.age(outcome, changed) for outcome in outcomes},
        aspects=ASPECTS,
        confidence=CONFIDENCE,
        counts={aspect: _counts(outcomes, aspect) for aspect in ASPECTS},
        coverage=coverage_table(_numbers_of_seeds(outcomes)),
        environments=provenance.environments(records),
        equivalence_confidence=EQUIVALENCE_CONFIDENCE,
        family_level=FAMILY_LEVEL,
        find=find,
        key_of=key_of,
        images=provenance.images,
        known=PROVENANCES,
        mark=lambda verdict: mark(verdict, survives),
        marked=marked(outcomes, survives),
        measured_beside=measured_beside,
        mlflow=MLFLOW,
        options=_options(setting),
        mlflow_address=lambda name: mlflow_address(name, folder.name),
        outcomes=outcomes,
        pictures={outcome.experiment.name: _pictures(outcome, folder) for outcome in outcomes},
        profile=setting.profile,
        references=_references(outcomes),
        resamples=RESAMPLES,
        revision=revision,
        seconds=sum(record.seconds for record in records.values()),
        repeated=any(outcome.design.looks for outcome in outcomes),
        seeds=_numbers_of_seeds(outcomes),
        tests=tests,
        uncorrected=UNCORRECTED,
        version=cnn_study.__version__,
        work=provenance.work,
        worked=len(records),
    )
    path = folder / "report.html"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path


def anchor(name: str) -> str:
    """A name as it may stand in the address of a part of the page."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def mlflow_address(experiment: str, results: str) -> str:
    """Where MLflow lists the mirror of an experiment while ``make ui`` runs.

    Args:
        experiment: Its name.
        results: Name of the folder of results.
    """
    query = {"experimentSearchFilter": f"{PREFIX}{experiment} ({results})", "workflowType": "machine_learning"}
    return f"{MLFLOW}/#/experiments?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"


def _options(setting: Setting) -> str:
    """The options of the command that makes the results of a setting."""
    profile, images = f"--profile {setting.profile}", setting.images
    if images is None:
        return profile
    return f"{profile} --data " + (f"FOLDER --side {images.image_shape[0]}" if images.own else images.name)


def _counts(outcomes: Sequence[Outcome], aspect: Aspect) -> list[tuple[str, int]]:
    """How often each verdict was given, the most frequent first."""
    found = Counter(each.verdict for o in outcomes for each in o.verdicts if each.aspect == aspect)
    return found.most_common()


def _numbers_of_seeds(outcomes: Sequence[Outcome]) -> tuple[int, ...]:
    """How many seeds the designs have, each number once; a single seed has no interval."""
    return tuple(sorted({n for outcome in outcomes for n in outcome.wanted.values() if n > 1}))


def _references(outcomes: Sequence[Outcome]) -> list[Reference]:
    """The sources of all published numbers and data sets, and those of the methods, by key."""
    sources = [number.source for o in outcomes for claim in o.experiment.claims for number in claim.published]
    data = [get(each.dataset.citation_key) for each in provenance.images(outcomes) if each.dataset]
    methods = (*METHODS, *(LOOKS_METHODS if any(outcome.design.looks for outcome in outcomes) else ()))
    found = [*(find(source) for source in sources), *data, *(get(key) for key in methods)]
    return sorted({each.key: each for each in found if each}.values(), key=lambda reference: reference.key)


def _pictures(outcome: Outcome, folder: Path) -> list[Picture]:
    """Every figure of an experiment that was drawn."""
    found = []
    for plot in outcome.experiment.plots:
        base = folder / "figures" / f"{outcome.experiment.name}-{plot.file}"
        image, caption = base.with_suffix(".png"), base.with_suffix(".txt")
        if image.exists() and caption.exists():
            found.append(_picture(base.name, image, caption.read_text(encoding="utf-8").strip()))
    return found


def _picture(name: str, image: Path, caption: str) -> Picture:
    """The image as a data URI, with so few colors that a page of dozens of figures stays small."""
    buffer = io.BytesIO()
    with Image.open(image) as opened:
        opened.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
        width, height = opened.size
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(name, source, caption, width, height)
