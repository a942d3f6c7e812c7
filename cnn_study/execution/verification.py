"""Whether stored runs come out again: a sample of them is trained anew and compared with what is stored.

Where processor and versions are those of the record, every bit must come out again. Elsewhere kernels add in another
order, and a training that begins with the same weights goes its own way before long; then errors and times must agree
as closely as those of two trainings do that differ in nothing but chance.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnn_study.data.dataset import Dataset
from cnn_study.execution.environment import differing
from cnn_study.execution.events import Event, Failed, Finished
from cnn_study.execution.plan import Request
from cnn_study.execution.suite import Engine, Queued
from cnn_study.experiment import Design
from cnn_study.results import RunRecord
from cnn_study.spec import RunSpec
from cnn_study.training.search import Needed, Stored
from cnn_study.training.tuning import tune

ERRORS = ("test_error", "train_error", "validation_error")
"""Outcomes that are fractions of images."""

WIDTH = 3
"""Half the width of the tolerance, in standard deviations: one of 370 normal numbers lies beyond it."""


@dataclass(frozen=True)
class Candidate:
    """A stored run that may be trained again.

    Attributes:
        experiment: Name of the first experiment that asks for it.
        request: The arm that asks for it, and for what.
        peers: The stored replicates of the arm, which tell how much chance does.
        dataset: The data set of its images.
    """

    experiment: str
    request: Request
    peers: tuple[RunRecord, ...]
    dataset: Dataset

    @property
    def run(self) -> RunSpec:
        """The run."""
        return self.request.run

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.experiment}: {self.request.label}"


def candidates(experiment: str, design: Design, stored: Stored) -> Iterator[Candidate]:
    """The stored runs of an experiment, those of its searches too."""
    for arm in design.arms:
        step = tune(arm, design, stored)
        if isinstance(step, Needed):
            trials, replicates = list(step.stored), []
        else:
            trials, replicates = list(step.search.runs), step.records(stored)
        requests = [Request(arm, "search", run) for run in trials]
        requests += [Request(arm, "replicate", record.spec) for record in replicates]
        for request in requests:
            yield Candidate(experiment, request, tuple(replicates), design.dataset(arm.data))


def sample(found: Sequence[Candidate], size: int, seed: int) -> list[Candidate]:
    """Draw runs at random, from every experiment in turn, each run once.

    The same seed draws the same runs, and a larger sample holds the smaller one.
    """
    strata: dict[str, dict[str, Candidate]] = {}
    known: set[str] = set()
    for each in found:
        if each.run.key not in known:
            known.add(each.run.key)
            strata.setdefault(each.experiment, {})[each.run.key] = each
    rng = np.random.default_rng(seed)
    drawn = []
    for name in sorted(strata):
        runs = [strata[name][key] for key in sorted(strata[name])]
        drawn.append([runs[place] for place in rng.permutation(len(runs))])
    drawn = [drawn[place] for place in rng.permutation(len(drawn))]
    rounds = max(map(len, drawn), default=0)
    return [runs[turn] for turn in range(rounds) for runs in drawn if turn < len(runs)][:size]


@dataclass(frozen=True)
class RunComparison:
    """A stored run beside its second training.

    Attributes:
        candidate: The run that was trained again.
        stored: The stored record.
        again: The record of the second training; ``None`` if it failed.
        elsewhere: What decides about bits and differs: the stored value and that of the second training.
        problems: What does not agree, or why the training failed; empty if all is well.
    """

    candidate: Candidate
    stored: RunRecord
    again: RunRecord | None
    elsewhere: Mapping[str, tuple[str, str]]
    problems: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the run came out again."""
        return not self.problems

    @property
    def verdict(self) -> str:
        """The result of the comparison, in words."""
        if self.again is None:
            return "failed"
        if self.problems:
            return "differs"
        return "within the tolerance" if self.elsewhere else "same bits"


def train_again(
    chosen: Sequence[Candidate], stored: Stored, engine: Engine, watch: Callable[[Event | Queued], None]
) -> list[RunComparison]:
    """Train runs a second time and compare them with what is stored. Nothing is stored.

    Args:
        chosen: The runs to train again.
        stored: Finished runs by key.
        engine: The engine that trains them.
        watch: Called with every event, for display.
    """
    compared: dict[str, RunComparison] = {}
    by_key = {each.run.key: each for each in chosen}
    for each in chosen:
        engine.submit(each.run)
        watch(Queued(each.request))
    for event in engine.events():
        if isinstance(event, Finished) and isinstance(event.record, RunRecord):
            key = event.record.key
            compared[key] = compare(by_key[key], stored[key], event.record)
        elif isinstance(event, Failed):
            key = event.job.key
            compared[key] = RunComparison(by_key[key], stored[key], None, {}, (event.reason,))
        watch(event)
    return [compared[each.run.key] for each in chosen]


def compare(candidate: Candidate, stored: RunRecord, again: RunRecord) -> RunComparison:
    """A run beside its second training: to the bit where that can be expected, else within the tolerance."""
    elsewhere = differing(stored.environment, again.environment)
    found = _beyond(candidate, stored, again) if elsewhere else _other_bits(stored, again)
    return RunComparison(candidate, stored, again, elsewhere, tuple(found))


def _other_bits(stored: RunRecord, again: RunRecord) -> Iterator[str]:
    if stored.weights != again.weights:
        yield f"weights {stored.weights[:12]}, again {again.weights[:12]}"
    if stored.ended != again.ended:
        yield f"ended by {stored.ended}, again by {again.ended}"
    for name in sorted(stored.outcomes.keys() | again.outcomes.keys()):
        one, other = stored.outcomes.get(name, math.nan), again.outcomes.get(name, math.nan)
        if not _same(one, other):
            yield f"{name} {one:.6g}, again {other:.6g}"
    if len(stored.history) != len(again.history):
        yield f"a history of {len(stored.history)} values, again of {len(again.history)}"
    for one, other in zip(stored.history, again.history, strict=False):
        if (one.metric, one.step, one.epoch) != (other.metric, other.step, other.epoch) or not _same(
            one.value, other.value
        ):
            yield f"history: {one.metric} {one.value:.6g} at epoch {one.epoch:.3g}, again {other.value:.6g}"
            return


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _beyond(candidate: Candidate, stored: RunRecord, again: RunRecord) -> Iterator[str]:
    if "diverged" in (stored.ended, again.ended) and stored.ended != again.ended:
        yield f"ended by {stored.ended}, again by {again.ended}"
        return
    for name, limit in tolerances(candidate, stored, again).items():
        one, other = stored.outcomes[name], again.outcomes[name]
        if not abs(one - other) <= limit:
            yield f"{name} {one:.4g}, again {other:.4g}: more than {limit:.2g} apart"


def tolerances(candidate: Candidate, stored: RunRecord, again: RunRecord) -> dict[str, float]:
    """How far the errors and the epochs of two trainings of one run may lie apart.

    Three standard deviations of a difference: sqrt(2 (s^2 + p (1 - p) / n)) for an error p of n images, with s the
    standard deviation among the stored replicates of the arm. Rounding does no more to a training than another seed
    does, and no error is known more closely than n images tell. p is the mean of both, with one image more right and
    one more wrong, so that an error of 0 leaves room. For epochs it is sqrt(2) s, and one evaluation interval beside.
    """
    common = stored.outcomes.keys() & again.outcomes.keys()
    limits = {}
    for name, images in _images(stored.spec, candidate.dataset).items():
        if name in common:
            p = ((stored.outcomes[name] + again.outcomes[name]) / 2 * images + 1) / (images + 2)
            limits[name] = WIDTH * math.sqrt(2 * (_spread(candidate, name) ** 2 + p * (1 - p) / images))
    if "epochs" in common:
        limits["epochs"] = (
            WIDTH * math.sqrt(2) * _spread(candidate, "epochs") + 1 / stored.spec.train.evaluations_per_epoch
        )
    return limits


def _spread(candidate: Candidate, name: str) -> float:
    values = [peer.outcomes[name] for peer in candidate.peers if name in peer.outcomes]
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _images(spec: RunSpec, dataset: Dataset) -> dict[str, int]:
    """The images that each error is a fraction of."""
    data, arrays = spec.data, dataset.arrays
    training = data.examples(arrays["x_train"].shape[0])
    sizes = (data.test_size or arrays["x_test"].shape[0], training, data.validation_size)
    return {name: size for name, size in zip(ERRORS, sizes, strict=True) if size}
