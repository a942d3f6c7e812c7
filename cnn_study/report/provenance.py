"""How results came about: data, runs, their time, and the environments they were made in."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cnn_study.analysis.decisions import Outcome
from cnn_study.data import registry
from cnn_study.data.dataset import Dataset
from cnn_study.results import CheckRecord, RunRecord
from cnn_study.spec import DataSpec


@dataclass(frozen=True)
class WorkDone:
    """What an experiment has trained.

    Attributes:
        searched: Finished runs that chose a learning rate.
        replicates: Finished runs at the chosen rates.
        missing: Replicates that are needed and not stored; of an arm whose rate is not chosen yet, all of them.
        shared: Finished runs that other experiments of the report rest on too; they were trained once.
        seconds: Wall time of all of its finished runs and checks, added up as if one worker had done them.
    """

    searched: int
    replicates: int
    missing: int
    shared: int
    seconds: float

    @property
    def runs(self) -> int:
        """Finished runs."""
        return self.searched + self.replicates


@dataclass(frozen=True)
class ImageSet:
    """The images of one or more arms.

    Attributes:
        name: The data set's identifier.
        title: What people call it.
        sizes: Numbers of training, validation and test images, in words, each combination once.
        sha256: Of its decoded arrays.
        dataset: What the registry says about it; ``None`` if it is not registered.
    """

    name: str
    title: str
    sizes: tuple[str, ...]
    sha256: str
    dataset: Dataset | None


def work(outcome: Outcome, outcomes: Sequence[Outcome]) -> WorkDone:
    """What an experiment has trained, and what of that others share.

    Args:
        outcome: Of the experiment.
        outcomes: Of all experiments of the report.
    """
    search, replicates = _search_runs(outcome), _replicates(outcome)
    elsewhere = {key for other in outcomes if other.experiment != outcome.experiment for key in finished_runs(other)}
    runs = search | replicates
    return WorkDone(
        searched=len(search),
        replicates=len(replicates),
        missing=sum(outcome.wanted.values()) - _wanted_and_stored(outcome),
        shared=len(runs.keys() & elsewhere),
        seconds=sum(record.seconds for record in [*runs.values(), *outcome.checks.values()]),
    )


def finished_runs(outcome: Outcome) -> dict[str, RunRecord]:
    """The runs an experiment rests on, those of the search too, by key."""
    return _search_runs(outcome) | _replicates(outcome)


def _search_runs(outcome: Outcome) -> dict[str, RunRecord]:
    keys = [run.key for tuned in outcome.tuned.values() for run in tuned.search.runs]
    return {key: outcome.stored[key] for key in keys}


def _replicates(outcome: Outcome) -> dict[str, RunRecord]:
    return {record.key: record for arm in outcome.tuned for record in outcome.replicates(arm)}


def _wanted_and_stored(outcome: Outcome) -> int:
    runs = [run for name, tuned in outcome.tuned.items() for run in tuned.replicates[: outcome.wanted[name]]]
    return sum(run.key in outcome.stored for run in runs)


def age(outcome: Outcome, changed: Mapping[str, datetime]) -> str:
    """Whether the rules of an experiment are older than its results, in words; empty if that is not known.

    Args:
        outcome: Of the experiment.
        changed: When the rules of experiments were last changed, by name, where that is known.
    """
    finished = [record.finished_at for record in everything([outcome]).values() if record.finished_at]
    when = changed.get(outcome.experiment.name)
    if when is None or not finished:
        return ""
    first = min(map(datetime.fromisoformat, finished))
    rules, run = (f"{each.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for each in (when, first))
    if when < first:
        return f"older than these runs: last changed on {rules}, before its first run was finished on {run}"
    return (
        f"its page was last changed on {rules}, after its first run was finished on {run}, "
        "so that a rule may be younger than some of these runs"
    )


def everything(outcomes: Sequence[Outcome]) -> dict[str, RunRecord | CheckRecord]:
    """Every finished run and check of a report, each once, by key."""
    found: dict[str, RunRecord | CheckRecord] = {}
    for outcome in outcomes:
        found |= finished_runs(outcome)
        found |= {record.key: record for record in outcome.checks.values()}
    return found


def environments(records: Mapping[str, RunRecord | CheckRecord]) -> list[tuple[dict[str, str], int]]:
    """The environments of some records with the number of records made in each, the most frequent first."""
    found = Counter(tuple(sorted(record.environment.items())) for record in records.values())
    return [(dict(items), count) for items, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]


def images(outcomes: Sequence[Outcome]) -> list[ImageSet]:
    """The data sets that the arms of some experiments see, with the sizes that are taken of them."""
    sizes: dict[tuple[str, str], list[str]] = {}
    for spec in _specs(outcomes):
        sizes.setdefault((spec.name, spec.content), []).append(_sizes(spec))
    return [_images(name, sha256, found) for (name, sha256), found in sizes.items()]


def _specs(outcomes: Sequence[Outcome]) -> Iterator[DataSpec]:
    yield from (arm.data for outcome in outcomes for arm in outcome.design.arms)


def _images(name: str, sha256: str, sizes: Sequence[str]) -> ImageSet:
    dataset = registry.DATASETS.get(name)
    return ImageSet(name, dataset.title if dataset else name, tuple(dict.fromkeys(sizes)), sha256, dataset)


def _sizes(spec: DataSpec) -> str:
    """``2,000 training, 1,000 validation and 2,000 test images``."""
    train, test = (f"{size:,}" if size else "all" for size in (spec.train_size, spec.test_size))
    pixels = f"{spec.displaced} pixel{'s' if spec.displaced > 1 else ''}"
    copies = f" (and copies displaced by {pixels} in four directions)" if spec.displaced else ""
    validation = f", {spec.validation_size:,} validation" if spec.validation_size else ""
    return f"{train} training{copies}{validation} and {test} test images"


def duration(seconds: float) -> str:
    """A time for people: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
