"""What workers are given to do."""

from cnn_study.spec import CheckSpec, RunSpec

Job = RunSpec | CheckSpec


def program_key(job: Job) -> str:
    """Equal for jobs that share a compiled program; a check shares nothing."""
    return job.key if isinstance(job, CheckSpec) else job.program.key


def kind(job: Job, model: bool) -> str:
    """What workers call it: a ``check``, a ``run``, or a ``model``, a run whose trained network is wanted too."""
    if isinstance(job, CheckSpec):
        return "check"
    return "model" if model else "run"
