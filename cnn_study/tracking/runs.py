"""A trained run as MLflow shows it, as a pure function of what is stored."""

import datetime
import functools
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnn_study.analysis.estimates import time_to
from cnn_study.execution.plan import Request
from cnn_study.models import complexity
from cnn_study.results import Point, RunRecord
from cnn_study.spec import (
    Conv,
    DataSpec,
    Dense,
    FanUniform,
    Initializer,
    Layer,
    ModelSpec,
    Normal,
    Subsample,
    VarianceScaled,
    Zeros,
)
from cnn_study.tracking.notes import time_name

KEY = "cnn_study.key"
"""Tag of a child run: the key under which the run is stored."""
MODEL = "cnn_study.model"
"""Tag of a child run: the artifact that holds the trained network, if it has been logged."""

# What comes before a stroke gives metrics a section of their own in MLflow's charts. Sections are shown by alphabet,
# then what has none; the curves are to be seen first.
BY_EPOCH = "curves/"
BY_STEP = "curves_by_step/"
VALUE_LENGTH = 6000  # A limit of MLflow.

Metric = tuple[str, float, int, int]
"""Name, value, time stamp and step."""


@dataclass(frozen=True)
class ChildRun:
    """A run of MLflow below an execution.

    Attributes:
        name: Arm, and seed or rate.
        start: Milliseconds since 1970.
        end: Milliseconds since 1970.
        tags: Where it comes from and what it belongs to.
        params: What was run.
        metrics: Its curves, and what is shown of it in tables.
        files: The texts of its artifacts by path.
        data: The images; ``None`` if it has none.
    """

    name: str
    start: int
    end: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Sequence[Metric]
    files: Mapping[str, str] = field(default_factory=dict)
    data: DataSpec | None = None

    @classmethod
    def of(cls, request: Request, record: RunRecord, thresholds: Sequence[float], tags: Mapping[str, str]):
        """What MLflow shows of a stored run.

        Args:
            request: Which arm asked for it, and what for.
            record: The stored run.
            thresholds: Training errors; how long the run takes to them is one of its metrics.
            tags: More tags than those that follow from the run itself.
        """
        start, end = span(record)
        return cls(
            name=name_of(request),
            start=start,
            end=end,
            tags={**_tags(request, record), **tags},
            params=_params(request),
            metrics=_metrics(record, thresholds),
            data=record.spec.data,
            files={
                "spec.json": record.spec.model_dump_json(indent=2),
                "environment.json": _text(tuple(sorted(record.environment.items()))),
            },
        )


def span(record: RunRecord) -> tuple[int, int]:
    """Start and end of a run, in milliseconds since 1970."""
    finished = datetime.datetime.fromisoformat(record.finished_at).timestamp() if record.finished_at else time.time()
    return round(1000 * (finished - record.seconds)), round(1000 * finished)


def name_of(request: Request) -> str:
    """The arm and its seed, of a search also the rate: no two runs of an experiment have the same."""
    run = request.run
    searched = f", search, rate {run.train.learning_rate:g}" if request.role == "search" else ""
    return f"{request.arm.name}{searched}, seed {run.seeds.init}"


def dataset_of(data: DataSpec) -> dict[str, str]:
    """Name, digest and source of the images of a run, for a data set of MLflow."""
    return {
        "name": data.name,
        "digest": data.content[:36],
        "source_type": "cnn_study",
        "source": json.dumps({"name": data.name, "sha256": data.content}),
    }


def rounded(value: float) -> float:
    """A number as it is to be read in a table: six digits, where MLflow shows all of them."""
    return float(f"{value:.6g}")


@functools.cache
def _text(environment: tuple[tuple[str, str], ...]) -> str:
    """An environment as JSON: one is that of many runs."""
    return json.dumps(dict(environment), indent=2)


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts at paths below a folder."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def origin(trained: bool, revision: str) -> dict[str, str]:
    """Tags that say where a run comes from: trained just now, with a revision of the code, or stored before."""
    return {"origin": "trained", "revision": revision} if trained else {"origin": "reused"}


def _tags(request: Request, record: RunRecord) -> dict[str, str]:
    tags = {
        KEY: record.key,
        "role": request.role,
        "ended": record.ended,
        "mlflow.source.name": "cnn-study",
    }
    if record.ended == "diverged":
        tags["diverged"] = "true"
    return tags | {f"environment.{name}": value for name, value in record.environment.items()}


def _params(request: Request) -> dict[str, str]:
    run, model = request.run, request.run.model
    fields = {
        "arm": request.arm.name,
        "short_arm": request.arm.name.removesuffix(f", {request.arm.condition}"),
        "condition": request.arm.condition,
        "seed": run.seeds.init,
        "learning_rate": run.train.learning_rate,
        "activation": _listed(_units(model)),
        "initialization": _listed(_initialization(model)),
        "probes": ", ".join(run.probes) or None,
        "model.layers": " - ".join(map(_layer, model.layers)),
        "model.parameters": complexity.parameters(model),
        "model.macs": complexity.macs(model),
    }
    for part in ("data", "train", "seeds"):
        fields |= {f"{part}.{name}": value for name, value in getattr(run, part).model_dump().items()}
    for twice in ("seeds.init", "train.learning_rate"):
        del fields[twice]
    return {name: str(value)[:VALUE_LENGTH] for name, value in fields.items() if value is not None}


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _units(model: ModelSpec) -> Iterator[str | None]:
    for layer in model.layers[:-1]:
        if isinstance(layer, Conv | Dense | Subsample):
            yield layer.activation


def _initialization(model: ModelSpec) -> Iterator[str]:
    for layer in model.layers:
        if isinstance(layer, Conv | Dense):
            yield _weights(layer.initializer)


def _weights(initializer: Initializer) -> str:
    match initializer:
        case Normal():
            return f"normal {initializer.stddev:g}"
        case FanUniform():
            return f"fan uniform {initializer.reach:g}"
        case Zeros():
            return "zeros"
        case VarianceScaled():
            return initializer.rule if initializer.distribution == "normal" else f"{initializer.rule} uniform"


def _layer(layer: Layer) -> str:
    match layer:
        case Conv():
            return f"{'conv' if layer.shared else 'local'} {layer.field}x{layer.field}x{layer.maps}"
        case Dense():
            return f"dense {layer.units}"
        case Subsample():
            return f"subsample {layer.size}x{layer.size}"
    return layer.kind.replace("_", " ")


def _metrics(record: RunRecord, thresholds: Sequence[float]) -> list[Metric]:
    """Every finite value of the curves, and the summary. Between start and end an even pace is assumed."""
    start, end = span(record)
    last = max((point.step for point in record.history), default=0)
    pace = (end - start) / max(last, 1)
    curves: dict[str, list[Point]] = {}
    for point in record.history:
        curves.setdefault(point.metric, []).append(point)
    values = [
        (name, point.value, start + round(pace * point.step), step)
        for curve in curves.values()
        for name, point, step in _placed(curve)
    ]
    values += [(name, rounded(x), end, 0) for name, x in _summary(record, thresholds).items()]
    return [value for value in dict.fromkeys(values) if math.isfinite(value[1])]


def _placed(curve: Sequence[Point]) -> Iterator[tuple[str, Point, int]]:
    """Where MLflow shows the points of a curve: it knows whole steps only.

    Charts are by epoch, so that arms with batches of another size can be compared. What was measured more often than
    once an epoch is shown whole by step.
    """
    whole = [point for point in curve if point.epoch == int(point.epoch)]
    once = len({point.epoch for point in curve}) == len(curve)
    if once:
        yield from ((BY_EPOCH + point.metric, point, int(point.epoch)) for point in whole)
    if not once or len(whole) < len(curve):
        yield from ((BY_STEP + point.metric, point, point.step) for point in curve)


def _summary(record: RunRecord, thresholds: Sequence[float]) -> dict[str, float]:
    """What is shown in MLflow's tables, which know nothing of a curve but its last value.

    It is logged at step 0: MLflow draws bars of what has no other step, and lines of all else.
    """
    summary: dict[str, float] = {"seconds": record.seconds}
    for metric in dict.fromkeys(point.metric for point in record.history):
        if metric.endswith("_error"):  # The last value of a loss is in its curve.
            _, values = record.curve(metric)
            summary[f"final_{metric}"] = values[-1]
            summary[f"best_{metric}"] = min((x for x in values if math.isfinite(x)), default=math.nan)
    curves = {point.metric for point in record.history}
    for name, value in record.outcomes.items():
        if name not in curves or name.endswith("_error"):
            summary[f"final_{name}" if name.endswith("_error") else name] = value
    for threshold in thresholds:
        time = time_to(record, threshold)
        summary[time_name(threshold)] = math.nan if time.censored else time.epochs
    return summary
