"""What workers are given to do."""

from cnn_study.spec import CheckSpec, RunSpec, digest

Job = RunSpec | CheckSpec


def program_key(job: Job) -> str:
    """Equal for jobs that share a compiled program: they differ only in numbers that it is given, such as the rate."""
    if isinstance(job, CheckSpec):
        return job.key
    train = job.train
    compiled = [train.optimizer, train.momentum, train.weight_decay, train.batch_size]
    return digest([job.data.canonical(), job.model.canonical(), *compiled])


def kind(job: Job, model: bool) -> str:
    """What workers call it: a ``check``, a ``run``, or a ``model``, a run whose trained network is wanted too."""
    if isinstance(job, CheckSpec):
        return "check"
    return "model" if model else "run"
