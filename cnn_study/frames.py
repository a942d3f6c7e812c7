"""Stored results as data frames, for notebooks and for analyses of one's own. Nothing here loads TensorFlow."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import pandas as pd

from cnn_study import collection
from cnn_study.analysis.decisions import Outcome
from cnn_study.codebook import TABLES, Column, probe_of
from cnn_study.experiment import Setting
from cnn_study.report.verdicts import estimate_rows, verdict_rows
from cnn_study.results import Point, RunRecord, Store
from cnn_study.stored import outcomes_in, stores_to_read


@dataclass(frozen=True)
class Results:
    """The results of a profile as data frames.

    Errors and accuracies are fractions between 0 and 1, times are in epochs or seconds. What is missing is ``NaN``.
    :mod:`cnn_study.codebook` has every column with its unit as data.

    Attributes:
        runs: A row a run that an arm asks for: ``experiment``, ``arm``, ``label``, ``condition``, ``role`` (``search``
            or ``replicate``), ``seed`` (of the initial weights), ``learning_rate``, ``key`` (identifies the run),
            ``ended`` (``target``, ``epochs`` or ``diverged``), ``seconds`` (wall time of the run with evaluations and
            probes), then its outcomes, such as ``test_error`` (a fraction) and ``epochs`` (passes over the training
            images until it stopped). A run that several arms ask for has a row for each.
        curves: A row a value that training measures by itself: ``key`` of the run, ``metric`` (such as
            ``train_error``, a fraction, or ``train_loss``), ``step`` (optimizer steps before), ``epoch`` (the same in
            passes over the training images), ``value``.
        probes: A row a value that a probe has measured: ``key`` of the run, ``probe``, ``metric`` (such as
            ``saturated/dense1``: behind the slash a layer or a number), ``step``, ``epoch`` (as in curves; both missing
            for numbers of the whole run; of pictures ``step`` is the place of the value in them), ``value`` (in the
            unit of the metric: :func:`cnn_study.codebook.metric_rows`).
        checks: A row a case of an exact check: ``check``, and the columns of its table.
        estimates: A row a rule: ``experiment``, ``claim``, ``aspect``, ``condition``, ``verdict``, then ``estimate``
            with its interval from ``low`` to ``high``, all in ``unit`` (``points`` are percentage points; missing for
            ratios), the ``confidence`` of the interval (0.95 or 0.9), ``seeds_or_cases`` (how many it rests on),
            ``supported_above`` and ``supported_below`` (the range of the rule, in ``unit``), ``what`` (in words),
            ``reason``.
        verdicts: A row an aspect of a claim: ``experiment``, ``claim``, ``aspect``, ``verdict``, ``p``,
            ``adjusted_p`` (after Holm's correction for all tests; both between 0 and 1), ``reason``, ``proxy``.
        folder: Where the results are.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    probes: pd.DataFrame
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
    return framed(store, outcomes_in(store, collection.family(files), setting))


def framed(store: Store, family: Sequence[Outcome]) -> Results:
    """The results of a store as data frames.

    Args:
        store: Runs and checks.
        family: What all experiments have found in it.
    """
    records = store.records().values()
    measured = _measured(records)
    probes = measured.metric.map({name: probe_of(name) for name in measured.metric.unique()})
    curves = measured.loc[probes == ""].reset_index(drop=True)
    along = measured[probes != ""].assign(probe=probes[probes != ""])
    return Results(
        runs=_table("runs", pd.DataFrame(_runs(family))),
        curves=_table("curves", pd.DataFrame(curves)),
        probes=_table("probes", pd.concat([_of_whole_runs(records), along], ignore_index=True)),
        checks=pd.DataFrame(_checks(store)),
        estimates=_table("estimates", _frame(estimate_rows(family))),
        verdicts=_table("verdicts", _frame(verdict_rows(family))),
        folder=store.folder,
    )


def _frame(rows: Iterator[Sequence[object]]) -> pd.DataFrame:
    head, *body = rows
    return pd.DataFrame([[None if cell == "" else cell for cell in row] for row in body], columns=pd.Index(head))


def _table(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of its table first, of the types that they have there even if there is no row."""
    columns = TABLES[name]
    further = [head for head in frame.columns if head not in {column.name for column in columns}]
    found = frame.reindex(columns=[*(column.name for column in columns), *further])
    return found.astype({column.name: _type(column, found) for column in columns})


def _type(column: Column, frame: pd.DataFrame) -> str:
    """NumPy's integers have no missing one."""
    if column.kind == "integer":
        return "Int64" if frame[column.name].hasnans else "int64"
    return {"text": "str", "number": "float64"}[column.kind]


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


def _measured(records: Collection[RunRecord]) -> pd.DataFrame:
    """A row a value that was measured along the way: of which run, what, when."""
    points = chain.from_iterable(record.history for record in records)
    columns = zip(*points, strict=True)
    found = pd.DataFrame(dict(zip(Point._fields, columns, strict=False)), columns=pd.Index(Point._fields))
    keys = pd.Series([record.key for record in records], dtype="str")
    return found.assign(key=keys.repeat([len(record.history) for record in records]).array)


def _of_whole_runs(records: Iterable[RunRecord]) -> pd.DataFrame:
    """A row an outcome that a probe has measured."""
    rows = (
        {"key": record.key, "probe": probe, "metric": name, "value": value}
        for record in records
        for name, value in record.outcomes.items()
        if (probe := _probe(name))
    )
    return pd.DataFrame(rows, columns=pd.Index([column.name for column in TABLES["probes"]]))


_probe = cache(probe_of)


def _checks(store: Store) -> Iterator[dict[str, object]]:
    for record in store.checks().values():
        for row in record.table:
            yield {"check": record.spec.check, **row}
