"""How often two halves of one arm are told apart: the false verdicts of looks on real runs.

    python -m benchmarks.halves

Many seeds of an arm of ``quick`` are trained at the rate that is stored for it. Then pairs of groups are drawn from
them that share no seed, as large as the last look, and judged again and again as two arms would be. Both groups come
from the same arm, so that whatever is decided is an error. What the seeds gave is stored with what came out, in
``benchmarks/results/halves.json``.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.suite_script import trained
from cnn_study import collection
from cnn_study.analysis.estimates import time_to
from cnn_study.analysis.operating import Limits, ended
from cnn_study.errors import InputError, unknown_name
from cnn_study.experiment import LOOKS, Arm, Design, Setting
from cnn_study.places import REFERENCE, cache_folder
from cnn_study.results import RunRecord
from cnn_study.stored import designed, evaluated, stores_to_read

SEEDS = 200
"""Of every arm; the first comes after all that experiments use."""

FIRST = 10_001
DRAWS = 20_000
GENERATOR = 2026
RESULT = Path(__file__).with_name("results") / "halves.json"

ANY = Limits(0.0, math.inf, (0.0, math.inf), equivalence=False)
"""Those of a rule that asks for any difference at all."""


@dataclass(frozen=True)
class Compared:
    """An arm, one of its outcomes, and how it is compared.

    Attributes:
        experiment: Name.
        arm: Name.
        target: Training error whose time is compared, by its ratio; ``None``: the test error, by its difference.
    """

    experiment: str
    arm: str
    target: float | None = None

    def of(self, record: RunRecord) -> float:
        """What a run gives: epochs, or the test error as a share.

        Raises:
            InputError: It never arrives at the target.
        """
        if self.target is None:
            return record.outcomes["test_error"]
        time = time_to(record, self.target)
        if time.censored:
            raise InputError(f"{self.arm}, seed {record.spec.seeds.init}: it never arrives at {self.target:.0%}")
        return time.epochs


COMPARED = (
    Compared("local_receptive_fields", "conv, 3x3"),
    Compared("saturation", "relu, 5 deep, standard", target=0.05),
)


@dataclass(frozen=True)
class Halves:
    """How often two groups of the same arm were told apart.

    Attributes:
        compared: What.
        rate: At which the arm was trained.
        values: What its seeds gave, in their order: epochs, or test errors as shares.
        decided: Share of pairs of groups that any look decided. At most 5 % are promised.
        each: The same for a t interval of 95 % at every look, as if looks cost nothing.
        fixed: The same for one interval of 95 % of all seeds of the last look.
        draws: Pairs of groups.
    """

    compared: Compared
    rate: float
    values: tuple[float, ...]
    decided: float
    each: float
    fixed: float
    draws: int


def halves(compared: Compared, rate: float, values: Sequence[float], draws: int = DRAWS) -> Halves:
    """Draw pairs of groups and judge them.

    Args:
        compared: What.
        rate: At which the arm was trained.
        values: What its seeds gave; at least twice as many as the last look has.
        draws: Pairs of groups.

    Raises:
        InputError: There are too few values, or one is missing.
    """
    numbers = np.log(values) if compared.target else np.asarray(values, dtype=float)
    last = LOOKS[-1]
    if len(numbers) < 2 * last or not np.isfinite(numbers).all():
        raise InputError(f"{compared.arm}: two groups of {last} finite values are needed, of {len(numbers)}")
    rng = np.random.default_rng(GENERATOR)
    groups = np.stack([rng.choice(numbers, 2 * last, replace=False) for _ in range(draws)])
    differences = groups[:, :last] - groups[:, last:]

    def share(sizes: tuple[int, ...]) -> np.ndarray:
        return ended(differences, ANY, sizes).verdicts != 0

    every = np.any([share((n,)) for n in LOOKS], axis=0)
    return Halves(
        compared, rate, tuple(map(float, values)), share(LOOKS).mean(), every.mean(), share((last,)).mean(), draws
    )


def at_best_rates(wanted: Sequence[Compared], profile: str = "quick") -> Mapping[Compared, Arm]:
    """The arms, at the rates that are stored for them.

    Args:
        wanted: Which.
        profile: Of the results that came with the project.

    Raises:
        InputError: There is no such arm.
    """
    store, setting = stores_to_read(Path(__file__).parents[1] / REFERENCE, Setting(profile).name)[0]
    found = {}
    for each in wanted:
        ((experiment, design),) = designed(collection.load([each.experiment]), setting)
        tuned = evaluated(experiment, design, store).tuned
        if each.arm not in tuned:
            raise unknown_name("arm", each.arm, tuned)
        arm = tuned[each.arm].arm
        train = arm.train.but(learning_rate=tuned[each.arm].search.rate)
        found[each] = replace(arm, tuned=False, rate_of="", rates=(), probes=(), train=train)
    return found


def main() -> None:
    """Train, compare, store and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds of every arm (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the result goes (default: %(default)s)")
    given = parser.parse_args()
    found = []
    for compared, arm in at_best_rates(COMPARED).items():
        design = Design((arm,), None, tuple(range(FIRST, FIRST + given.seeds)), ())
        records = trained(design, cache_folder())
        runs = [arm.run(arm.train.learning_rate, seed) for seed in design.seeds]
        values = [compared.of(records[run.key]) for run in runs]
        found.append(halves(compared, arm.train.learning_rate, values))
        print(f"{compared.arm}: decided {found[-1].decided:.1%} of {DRAWS:,} pairs of halves")
    given.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n", encoding="utf-8")


def stored(path: Path = RESULT) -> list[Halves]:
    """What has been measured."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Halves(**{**row, "compared": Compared(**row["compared"])}) for row in rows]


if __name__ == "__main__":
    main()
