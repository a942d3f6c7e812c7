"""Stored results as data frames, for notebooks and for analyses of one's own. Nothing here loads TensorFlow."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cnn_study import collection
from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Setting
from cnn_study.report.verdicts import estimate_rows, verdict_rows
from cnn_study.results import RunRecord, Store
from cnn_study.stored import designed, evaluated, stores_to_read


@dataclass(frozen=True)
class Results:
    """The results of a profile as data frames.

    Attributes:
        runs: A row a run that an arm asks for: ``experiment``, ``arm``, ``label``, ``condition``, ``role`` (``search``
            or ``replicate``), ``seed``, ``learning_rate``, ``key``, ``ended``, ``seconds``, then its outcomes, such as
            ``test_error``. A run that several arms ask for has a row for each.
        curves: A row a measured value: ``key`` of the run, ``metric``, ``step``, ``epoch``, ``value``.
        checks: A row a case of an exact check: ``check``, and the columns of its table.
        estimates: A row a rule: what was estimated, with its interval and its verdict.
        verdicts: A row an aspect of a claim.
        folder: Where the results are.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    checks: pd.DataFrame
    estimates: pd.DataFrame
    verdicts: pd.DataFrame
    folder: Path


def load(profile: str = "quick", *, results: str | Path | None = None, files: Sequence[str] = ()) -> Results:
    """The stored results of a profile.

    Args:
        profile: ``smoke``, ``quick`` or ``full``.
        results: Folder of the results of all profiles; ``None``: one's own, in ``results/local`` of the current folder,
            or else those that came with the project.
        files: Files with experiments of one's own, beside those of the project.

    Raises:
        InputError: There is no such profile, or no result of it.
    """
    Setting(profile)
    store, setting = stores_to_read(None if results is None else Path(results), profile)[0]
    family = [evaluated(each, design, store) for each, design in designed(collection.family(files), setting)]
    return Results(
        runs=pd.DataFrame(_runs(family)),
        curves=pd.DataFrame(_curves(store.records().values())),
        checks=pd.DataFrame(_checks(store)),
        estimates=_frame(estimate_rows(family)),
        verdicts=_frame(verdict_rows(family)),
        folder=store.folder,
    )


def _frame(rows: Iterator[Sequence[object]]) -> pd.DataFrame:
    head, *body = rows
    return pd.DataFrame(body, columns=pd.Index(head)).replace("", pd.NA)


def _runs(family: Iterable[Outcome]) -> Iterator[dict[str, object]]:
    for outcome in family:
        for tuned in outcome.tuned.values():
            replicates = {run.key for run in tuned.replicates}
            for run in tuned.runs:
                if run.key not in outcome.stored:
                    continue
                record = outcome.stored[run.key]
                yield {
                    "experiment": outcome.experiment.name,
                    "arm": tuned.arm.name,
                    "label": tuned.arm.label,
                    "condition": tuned.arm.condition,
                    "role": "replicate" if run.key in replicates else "search",
                    "seed": run.seeds.init,
                    "learning_rate": run.train.learning_rate,
                    "key": run.key,
                    "ended": record.ended,
                    "seconds": record.seconds,
                    **record.outcomes,
                }


def _curves(records: Iterable[RunRecord]) -> dict[str, list]:
    points = [(record.key, point) for record in records for point in record.history]
    return {
        "key": [key for key, _ in points],
        "metric": [point.metric for _, point in points],
        "step": [point.step for _, point in points],
        "epoch": [point.epoch for _, point in points],
        "value": [point.value for _, point in points],
    }


def _checks(store: Store) -> Iterator[dict[str, object]]:
    for record in store.checks().values():
        for row in record.table:
            yield {"check": record.spec.check, **row}
