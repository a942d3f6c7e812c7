"""The claims of all experiments as runs of one experiment of MLflow: a table that can be sorted by verdict."""

import datetime
import math
import time

from cnn_study.analysis.decisions import ClaimVerdict, Outcome
from cnn_study.experiment import ASPECTS, Claim
from cnn_study.tracking.notes import PREFIX, TABLE, View, tags_of
from cnn_study.tracking.runs import ChildRun, rounded

CLAIM = "cnn_study.claim"
"""Tag of a run that is a claim: digest of the execution that has its verdicts."""
CLAIMS = "claims"
"""What the experiment of MLflow is called."""

NOTE = "mlflow.note.content"
_TEXT = (
    "All claims, one a run, with their verdicts. A click on the head of a column sorts by it.\n\n"
    "Estimate, low and high are what is *measured* by the first rule of the claim that has an estimate. Its other "
    "rules are in the description of its experiment."
)


def experiment_of_claims(profile: str) -> str:
    """The name of the experiment of MLflow that has the claims of a profile."""
    return f"{PREFIX}{CLAIMS} ({profile})"


def tags_of_experiment() -> dict[str, str]:
    """The tags of this experiment: its description, and the view of the table."""
    columns = [f"params.`{name}`" for name in ("experiment", *ASPECTS)]
    columns += [f"metrics.`{name}`" for name in ("estimate", "low", "high")] + ["params.`measured`"]
    state = {"searchFilter": "", "orderByKey": "params.`experiment`", "orderByAsc": True, "selectedColumns": columns}
    return {NOTE: _TEXT, **tags_of({TABLE: View("Claims", state, True)})}


def claims_of(outcome: Outcome, profile: str, digest: str) -> list[ChildRun]:
    """The claims of an experiment as MLflow shows them.

    Args:
        outcome: What the experiment has found.
        profile: Name of the folder of results.
        digest: Of the execution.
    """
    when = _finished(outcome)
    return [
        _run(outcome, claim, when, {CLAIM: digest, "profile": profile, "mlflow.source.name": "cnn-study"})
        for claim in outcome.experiment.claims
    ]


def _run(outcome: Outcome, claim: Claim, when: int, tags: dict[str, str]) -> ChildRun:
    verdicts = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
    params = {"experiment": outcome.experiment.name}
    params |= {verdict.aspect: verdict.verdict for verdict in verdicts}
    metrics, measured = _estimate(verdicts)
    if measured:
        params["measured"] = measured
    return ChildRun(
        name=claim.name,
        start=when,
        end=when,
        tags={**tags, NOTE: claim.statement},
        params=params,
        metrics=[(name, rounded(x), when, 0) for name, x in metrics.items() if math.isfinite(x)],
    )


def _estimate(verdicts: list[ClaimVerdict]) -> tuple[dict[str, float], str]:
    """The first estimate of a claim with its limits, and what it is of, in words."""
    for decision in (decision for verdict in verdicts for decision in verdict.decisions):
        if decision.interval:
            interval = decision.interval
            limits = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
            return limits, decision.text
    return {}, ""


def _finished(outcome: Outcome) -> int:
    """When the last run or check of an experiment was finished, in milliseconds since 1970."""
    records = (*outcome.runs.values(), *outcome.checks.values())
    times = [record.finished_at for record in records if record.finished_at]
    last = datetime.datetime.fromisoformat(max(times)).timestamp() if times else time.time()
    return round(1000 * last)
