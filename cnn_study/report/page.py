"""One self-contained HTML page: claims and verdicts at the top, then how each came about."""

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import jinja2

import cnn_study
from cnn_study import cite
from cnn_study.analysis.coverage import coverage_table
from cnn_study.analysis.decisions import Outcome
from cnn_study.analysis.sensitivity import look_text
from cnn_study.analysis.significance import FAMILY_LEVEL, UNCORRECTED, corrected, holm, key_of, mark, marked
from cnn_study.analysis.statistics import CONFIDENCE, EQUIVALENCE_CONFIDENCE, RESAMPLES
from cnn_study.experiment import ASPECTS, PROVENANCES, Setting
from cnn_study.figures.strips import WIDTH, strip
from cnn_study.files import replace_file
from cnn_study.report import provenance
from cnn_study.report.answers import answer, headline, labeled, needed, tested
from cnn_study.report.comparison import arm_rows, measured_beside
from cnn_study.report.findings import NO_FINDINGS, Findings
from cnn_study.report.pictures import Download, pictures
from cnn_study.report.references import Reference, bibtex, find, get
from cnn_study.results import CheckRecord, RunRecord

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


def write_page(
    outcomes: Sequence[Outcome],
    folder: Path,
    setting: Setting,
    revision: str = "unknown",
    family: Sequence[Outcome] = (),
    changed: Mapping[str, datetime] = MappingProxyType({}),
    scale: Findings = NO_FINDINGS,
) -> Path:
    """Write ``report.html`` into the folder of the results.

    Args:
        outcomes: What the experiments have found.
        folder: Where the figures are, in ``figures``.
        setting: Where the results were made.
        revision: Of the code that writes the page.
        family: All experiments whose tests are corrected for together; empty: those of the page.
        changed: When the rules of experiments were last changed, by name, where that is known.
        scale: What the experiments have found at the scale of the publications, if these results are smaller.

    Raises:
        StoreError: The page cannot be written.
    """
    environment = _environment()
    records = provenance.everything(outcomes)
    shown = {key_of(verdict) for outcome in outcomes for verdict in outcome.verdicts if verdict.aspect == "direction"}
    tests, survives = corrected(family or outcomes), holm(family or outcomes)
    text = environment.get_template("page.html").render(
        answer=answer,
        arm_rows=arm_rows,
        ages={outcome.experiment.name: provenance.age(outcome, changed) for outcome in outcomes},
        aspects=ASPECTS,
        confidence=CONFIDENCE,
        bibliography=_saved("cnn_study.bib", f"{_entry(folder, records)}\n{bibtex()}"),
        counts={aspect: tested(outcomes, aspect).most_common() for aspect in ASPECTS},
        coverage=coverage_table(_numbers_of_seeds(outcomes)),
        date=_date(records),
        entry=_entry(folder, records),
        environments=provenance.environments(records),
        equivalence_confidence=EQUIVALENCE_CONFIDENCE,
        family_level=FAMILY_LEVEL,
        find=find,
        headline=headline(outcomes, survives),
        key_of=key_of,
        images=provenance.images,
        labeled=labeled,
        known=PROVENANCES,
        mark=lambda verdict: mark(verdict, survives),
        marked=marked(outcomes, survives),
        measured_beside=measured_beside,
        needed=needed,
        options=_options(setting),
        outcomes=outcomes,
        pictures={outcome.experiment.name: pictures(outcome, folder) for outcome in outcomes},
        pictures_at_scale=lambda name: (
            pictures(found, scale.folder, folder)[:1] if (found := scale.judged(name)) else []
        ),
        profile=setting.profile,
        references=_references(outcomes),
        resamples=RESAMPLES,
        revision=revision,
        seconds=sum(record.seconds for record in records.values()),
        repeated=any(outcome.design.looks for outcome in outcomes),
        scale=scale,
        script=_script(environment),
        strip=strip,
        strip_width=WIDTH,
        surviving=sum(survives[key] for key in survives if key in shown),
        decided=len(shown & survives.keys()),
        beside=[name for name in ("verdicts.csv", "estimates.csv") if (folder / name).exists()],
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


def _environment() -> jinja2.Environment:
    """What fills the templates of this package, with the functions that write names and numbers in them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnn_study.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"anchor": anchor, "duration": provenance.duration, "look_text": look_text}
    return environment


def anchor(name: str) -> str:
    """A name as it may stand in the address of a part of the page."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def _date(records: Mapping[str, RunRecord | CheckRecord]) -> str:
    """The day on which the last run or check was finished; empty if there is none."""
    return max((record.finished_at for record in records.values() if record.finished_at), default="")[:10]


def _entry(folder: Path, records: Mapping[str, RunRecord | CheckRecord]) -> str:
    """How to cite the page, as BibTeX."""
    return cite.bibtex(cnn_study.__version__, year=_date(records)[:4], note=f"Results of {_plain(folder.name)}")


def _plain(name: str) -> str:
    """A name without what BibTeX takes for markup."""
    return re.sub(r"[^A-Za-z0-9 .-]", " ", name)


def _saved(name: str, text: str) -> Download:
    """A text as a file that the page holds."""
    return Download(name, f"data:text/plain;charset=utf-8,{urllib.parse.quote(text, safe=' ')}", name)


def _script(environment: jinja2.Environment) -> str:
    """The JavaScript of the page, which has no value of the results in it."""
    return environment.get_template("page.js").render()


def _options(setting: Setting) -> str:
    """The options of the command that makes the results of a setting."""
    profile, images = f"--profile {setting.profile}", setting.images
    if images is None:
        return profile
    return f"{profile} --data " + (f"FOLDER --side {images.image_shape[0]}" if images.own else images.name)


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
