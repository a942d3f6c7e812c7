"""Exact checks: what built networks do against formulas, in every case of an exhaustive grid; nothing is trained.

The checks are listed in :mod:`cnn_study.checks.table`; their functions are in modules that are loaded with TensorFlow
when :func:`run` is called. A check says how many ``cases`` it has looked at and how many are ``agreeing``.
The formulas are written out beside the checks and do not come from the code that is checked.
"""

import datetime
import time

from cnn_study.checks.table import check, function
from cnn_study.errors import InputError
from cnn_study.results import CheckRecord
from cnn_study.spec import CheckSpec

__all__ = ["check", "run"]


def run(spec: CheckSpec) -> CheckRecord:
    """Make a check.

    Args:
        spec: The name and version of the check, and whether the whole grid is wanted.

    Raises:
        InputError: There is no check of that name, or it has another version by now.
    """
    current = check(spec.check)
    if spec.version != current.version:
        raise InputError(
            f"check {spec.check!r} has no version {spec.version}; ask for its current one, {current.version}"
        )
    make, part = function(spec.check)
    # Loaded here, so that experiments can name a check without loading TensorFlow.
    from cnn_study.models.settings import fixed
    from cnn_study.training.trainer import environment

    started = time.perf_counter()
    with fixed():
        outcomes, table = make(**(part if spec.sample else {}))
    return CheckRecord(
        spec=spec,
        outcomes=outcomes,
        table=tuple(table),
        environment=environment(),
        seconds=time.perf_counter() - started,
        finished_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
