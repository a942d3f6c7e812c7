"""The whole experiment ``activations`` at the profile ``quick``: this suite against a user's first attempt.

    python -m benchmarks --rows whole --json benchmarks/results/whole.json

Condition by condition, this suite does what ``cnn-study run`` does: it searches the rates, ends runs at their target,
trains the replicates and stores them. Then a plain script trains the same runs one after another with ``fit``, each to
the last epoch, as it knows no ends. What it spends on epochs that the suite has left out is taken apart, so that both
comparisons come from one training: the same experiment, and the same epochs. It takes an hour of an idle machine.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.experiment import SPEED_GOAL
from benchmarks.measuring import Measurement
from benchmarks.part import conditions
from benchmarks.processes import PLAIN, stream
from benchmarks.suite_script import trained
from cnn_study.data import cache
from cnn_study.data.transforms import split
from cnn_study.errors import ExecutionError
from cnn_study.experiment import Design
from cnn_study.places import cache_folder
from cnn_study.spec import RunSpec
from cnn_study.training.tuning import Tuned, tune

SECTION = "The whole experiment activations"


@dataclass(frozen=True)
class Trained:
    """A run as this suite has done it, and as the plain script is to do it.

    Attributes:
        run: With the epochs that its arm allows, and no end at a target.
        epochs: That this suite has trained it for.
        steps: That this suite has trained it for.
    """

    run: RunSpec
    epochs: float
    steps: int


@dataclass(frozen=True)
class Compared:
    """A condition, or several together, done by both.

    Attributes:
        runs: How many.
        epochs: That this suite has trained.
        all_epochs: That the plain script has trained.
        suite: Seconds of this suite.
        script: Seconds of the plain script.
        late: Those of them that went into epochs that the suite has left out.
    """

    runs: int
    epochs: float
    all_epochs: int
    suite: float
    script: float
    late: float

    def __add__(self, other: "Compared") -> "Compared":
        return Compared(*(getattr(self, name) + getattr(other, name) for name in Compared.__dataclass_fields__))

    def rows(self, section: str) -> Iterator[Measurement]:
        """Seconds of both, and how often the suite's fit into the script's."""
        same = self.script - self.late
        for name, seconds in (
            (f"this suite: {self.epochs:,g} epochs", self.suite),
            (f"a plain script, the same {self.epochs:,g} epochs", same),
            (f"a plain script, every run to the last: {self.all_epochs:,} epochs", self.script),
        ):
            yield Measurement(section, name, "s", (seconds,))
        yield Measurement(
            section, "plain script / this suite, the same epochs", "times", (same / self.suite,), SPEED_GOAL
        )
        name = "plain script / this suite, every run to the last epoch"
        yield Measurement(section, name, "times", (self.script / self.suite,), SPEED_GOAL)


def by_suite(design: Design, cache_dir: Path) -> tuple[float, list[Trained]]:
    """Seconds of a design as this suite does it, workers started and runs stored, and what it has trained."""
    started = time.perf_counter()
    stored = trained(design, cache_dir)
    seconds = time.perf_counter() - started
    done = []
    for arm in design.arms:
        tuned = tune(arm, design, stored)
        assert isinstance(tuned, Tuned)  # noqa: S101 - nothing failed, so it is complete
        for run in tuned.runs:
            train = run.train.but(epochs=arm.train.epochs, target_train_error=None)
            found = stored[run.key].outcomes
            done.append(Trained(run.model_copy(update={"train": train}), found["epochs"], round(found["steps"])))
    return seconds, done


def by_script(done: list[Trained], cache_dir: Path) -> Iterator[float]:
    """Train the same runs one after another, each to the last epoch.

    Yields:
        Of every run, the seconds that went into epochs which this suite has left out.

    Raises:
        ExecutionError: The two sides do not evaluate after the same steps.
    """
    from benchmarks.plain_script import train

    for each in done:
        found = train(each.run, split(cache.load(each.run.data.name, cache_dir=cache_dir), each.run.data))
        if each.steps not in found.times:
            raise ExecutionError(f"this suite has ended a run after {each.steps} steps, where the script sees no end")
        yield max(found.times.values()) - found.times[each.steps]


def compare(design: Design, cache_dir: Path, tell: Callable[[str], None]) -> Compared:
    """Both, one after the other."""
    tell("this suite")
    suite, done = by_suite(design, cache_dir)
    started, late = time.perf_counter(), 0.0
    tell(f"plain script, {len(done)} runs to go")
    for number, seconds in enumerate(stream(by_script, done, cache_dir, variables=PLAIN), 1):
        late += seconds
        tell(f"plain script, {len(done) - number} runs to go")
    script = time.perf_counter() - started
    epochs, all_epochs = sum(each.epochs for each in done), sum(each.run.train.epochs for each in done)
    return Compared(len(done), epochs, all_epochs, suite, script, late)


def measure(
    tell: Callable[[str], None], profile: str = "quick", cache_dir: Path | None = None
) -> Iterator[Measurement]:
    """The rows of every condition, then those of all together.

    Args:
        tell: Called with what is being done.
        profile: Whose sizes the experiment has.
        cache_dir: Where data sets are; ``None``: where the suite has them.
    """
    cache_dir = cache_dir or cache_folder()
    found = []
    for name, design in conditions(profile).items():
        for data in sorted({arm.data.name for arm in design.arms}):
            cache.ensure(data, cache_dir=cache_dir)
        found.append(compare(design, cache_dir, lambda text, name=name: tell(f"{name}: {text}")))
        yield from found[-1].rows(f"{name}: {found[-1].runs} runs")
    total = sum(found[1:], found[0])
    yield from total.rows(f"{SECTION}, {profile}: {total.runs} runs")
