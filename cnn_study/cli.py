"""The command line: ``cnn-study``."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import pydantic
import typer
from rich.console import Console
from rich.table import Table

from cnn_study import registry as experiments
from cnn_study import tracking
from cnn_study.analysis.decisions import ASPECTS, Outcome, evaluate
from cnn_study.data import cache
from cnn_study.data import registry as datasets
from cnn_study.display import SuiteDisplay
from cnn_study.errors import DataError, InputError, StudyError, unknown_name
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.plan import plan as make_plan
from cnn_study.execution.suite import carry_out
from cnn_study.experiment import PROFILES, Design, Experiment
from cnn_study.results import Store
from cnn_study.spec import RunSpec, one_line

app = typer.Typer(
    help="Tests the claims commonly made about convolutional networks, each as a tuned, replicated ablation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)

REFERENCE = Path("results")
OWN = REFERENCE / "local"

Names = Annotated[list[str] | None, typer.Argument(help="Experiments; all if none is named.", show_default=False)]
ProfileOption = Annotated[
    str, typer.Option("--profile", "-p", help="; ".join(f"**{k}**: {v}" for k, v in PROFILES.items()))
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="Folder of results. Default: your own, results/local; to read, the reference, results, if you have none.",
        show_default=False,
    ),
]
FallbackOption = Annotated[
    str | None,
    typer.Option(help="A data set to run on when the right one cannot be had; everything made from it is marked."),
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of the data sets. Default: $CNN_STUDY_CACHE or ~/.cache/cnn_study."),
]
UriOption = Annotated[
    str | None,
    typer.Option("--tracking-uri", help="MLflow store. Default: $MLFLOW_TRACKING_URI or sqlite:///mlflow.db here."),
]


@app.command(
    epilog="Examples: `cnn-study run` · `cnn-study run activations --profile smoke` · `cnn-study run --jobs 8 -p full`"
)
def run(
    names: Names = None,
    profile: ProfileOption = "quick",
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Worker processes. Default: one a core.", show_default=False),
    ] = None,
    results: ResultsOption = None,
    fallback: FallbackOption = None,
    cache_dir: CacheOption = None,
    tracking_uri: UriOption = None,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Leave MLflow alone.")] = False,
) -> None:
    """Train what is not stored yet, print the verdicts, draw the figures. An interrupted suite goes on where it was."""
    chosen = experiments.load(names or ())
    root = results or OWN
    fallback = _obtain(chosen, profile, fallback, cache_dir)
    designs = [experiment.at(profile, fallback) for experiment in chosen]
    store = Store(_folder(root, profile, fallback))
    with _stoppable(), store.writing():
        trained = _train(designs, store, jobs or _cores(), cache_dir)
    outcomes = [evaluate(*pair, store.records()) for pair in zip(chosen, designs, strict=True)]
    _show_verdicts(outcomes)
    _compare_with_reference(outcomes, store, profile, fallback)
    _draw(outcomes, store.folder, again=bool(trained))
    if not no_tracking:
        try:
            _mirror(outcomes, store.folder, tracking_uri, trained)
        except tracking.TrackingError as error:
            errors.print(f"[yellow]cnn-study: the runs are stored, but not mirrored: {error}", soft_wrap=True)


@app.command(epilog="Example: `cnn-study plan --profile full`")
def plan(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    fallback: FallbackOption = None,
) -> None:
    """Say what `run` would train, and why, without training."""
    table = Table("experiment", "arm", "reused", "needed now", "later, at most", "images, at most", "why")
    total = 0
    store = _store(results or OWN, profile, fallback)
    for experiment in experiments.load(names or ()):
        for row in make_plan(experiment.at(profile, fallback), store.records(), _dataset_size):
            counts = (row.reused, row.needed, row.later)
            table.add_row(experiment.name, row.arm, *map(str, counts), f"{row.images:,}", row.reason)
            total += row.images
    console.print(table)
    speed = _images_per_second(store)
    hours = f"; about {total / speed / 3600:.1g} hours at most, at the speed of the stored runs" if speed else ""
    console.print(f"At most {total:,} training images{hours}.", soft_wrap=True, highlight=False)


@app.command(epilog="Example: `cnn-study claims --profile quick`")
def claims(names: Names = None, profile: ProfileOption = "quick", results: ResultsOption = None) -> None:
    """List every claim with its verdicts."""
    for _, outcomes in _read(names, profile, results):
        _show_verdicts(outcomes)


@app.command(epilog="Examples: `cnn-study figures` · `cnn-study figures activations --style slides`")
def figures(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    style: Annotated[str, typer.Option(help="paper: width of a text column; slides: large type.")] = "paper",
) -> None:
    """Draw every figure again from the stored results, without training and without TensorFlow."""
    from cnn_study.figures.style import STYLES

    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    for folder, outcomes in _read(names, profile, results):
        _draw(outcomes, folder, again=True, style=style)


@app.command(epilog="Example: `cnn-study report --profile quick`")
def report(names: Names = None, profile: ProfileOption = "quick", results: ResultsOption = None) -> None:
    """Write one self-contained HTML page with claims, verdicts, figures and how they came about."""
    from cnn_study.report.page import write_page

    for folder, outcomes in _read(names, profile, results):
        _draw(outcomes, folder, again=False)
        page = write_page(outcomes, folder, profile)
        console.print(f"report: {page}", soft_wrap=True)


@app.command(epilog="Examples: `cnn-study data` · `cnn-study data cifar10 mnist`")
def data(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; all if none is named.", show_default=False)
    ] = None,
    cache_dir: CacheOption = None,
) -> None:
    """Fetch data sets into the cache and check their hashes."""
    for name in names or list(datasets.DATASETS):
        datasets.get(name)
    for name in names or list(datasets.DATASETS):
        _ensure(name, cache_dir)
        console.print(f"{name}: in the cache, hashes right", soft_wrap=True)


@app.command(epilog="Examples: `cnn-study sync` · `cnn-study sync --tracking-uri http://127.0.0.1:5000`")
def sync(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    tracking_uri: UriOption = None,
) -> None:
    """Mirror the stored runs to MLflow. What is there already is left alone."""
    for folder, outcomes in _read(names, profile, results):
        _draw(outcomes, folder, again=False)
        _mirror(outcomes, folder, tracking_uri, set())


@app.command(epilog="Example: `cnn-study ui --port 5001`")
def ui(
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    tracking_uri: UriOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the MLflow UI with the stored runs. Ctrl-C ends it."""
    for folder, outcomes in _read(None, profile, results):
        _draw(outcomes, folder, again=False)
        _mirror(outcomes, folder, tracking_uri, set())
    raise typer.Exit(tracking.serve(tracking_uri or tracking.default_uri(), port, host))


def _folder(root: Path, profile: str, fallback: str | None) -> Path:
    if profile not in PROFILES:
        raise unknown_name("profile", profile, PROFILES)
    return root / (f"{profile}-{fallback}" if fallback else profile)


def _store(root: Path, profile: str, fallback: str | None) -> Store:
    return Store(_folder(root, profile, fallback))


def _stores_to_read(results: Path | None, profile: str) -> list[tuple[Store, str | None]]:
    """The stores of a profile, one's own or else the reference, with the data set that took the place of another."""
    for root in [results] if results else [OWN, REFERENCE]:
        found = [
            (store, fallback)
            for fallback in (None, *datasets.DATASETS)
            if (store := _store(root, profile, fallback)).records()
        ]
        if found:
            return found
    where = results or f"{OWN} and {REFERENCE}"
    raise InputError(
        f"no results of the profile {profile!r} in {where}: train them with `make experiments PROFILE={profile}`"
    )


def _read(names: Sequence[str] | None, profile: str, results: Path | None) -> Iterator[tuple[Path, list[Outcome]]]:
    chosen = experiments.load(names or ())
    for store, fallback in _stores_to_read(results, profile):
        console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
        yield store.folder, [evaluate(e, e.at(profile, fallback), store.records()) for e in chosen]


def _obtain(chosen: list[Experiment], profile: str, fallback: str | None, cache_dir: Path | None) -> str | None:
    """Have every data set in the cache. Returns the fallback if it had to be taken."""
    wanted = {arm.data.name for experiment in chosen for arm in experiment.at(profile).arms}
    if fallback is not None:
        datasets.get(fallback)
    try:
        for name in sorted(wanted):
            _ensure(name, cache_dir)
    except DataError as error:
        if fallback is None:
            raise
        errors.print(f"[yellow]{error}", soft_wrap=True)
        errors.print(f"[yellow]running on {fallback} instead; all results are marked as such", soft_wrap=True)
        _ensure(fallback, cache_dir)
        return fallback
    return None


def _ensure(name: str, cache_dir: Path | None) -> None:
    with cache.DownloadProgress(errors) as progress:
        cache.ensure(name, cache_dir=cache_dir, progress=progress)


def _train(designs: list[Design], store: Store, jobs: int, cache_dir: Path | None) -> set[str]:
    display = SuiteDisplay(console, _train_size)
    try:
        with LocalEngine(jobs, cache_dir or cache.default_cache_dir()) as engine, display.live():
            return carry_out(designs, store, engine, display)
    except KeyboardInterrupt:
        count = len(store.records())
        errors.print(
            f"\ncnn-study: interrupted; {count} finished runs are stored. The same command goes on from there."
        )
        raise
    finally:
        store.merge()


def _dataset_size(name: str) -> int:
    return datasets.get(name).arrays["x_train"].shape[0]


def _train_size(spec: RunSpec) -> int:
    return spec.data.train_size or _dataset_size(spec.data.name) - spec.data.validation_size


def _images_per_second(store: Store) -> float:
    """Training images a second of one worker, times the workers there would be."""
    records = list(store.records().values())
    seconds = sum(record.seconds for record in records)
    images = sum(record.outcomes["epochs"] * _train_size(record.spec) for record in records)
    return _cores() * images / seconds if seconds else 0.0


def _cores() -> int:
    physical = psutil.cpu_count(logical=False) or 1
    return max(
        1,
        min(
            physical,
            len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else physical,
        ),
    )


def _show_verdicts(outcomes: Sequence[Outcome]) -> None:
    table = Table("claim", *ASPECTS, "measured", title="Verdicts")
    for outcome in outcomes:
        for claim in outcome.experiment.claims:
            verdicts = [verdict for verdict in outcome.verdicts if verdict.claim == claim]
            intervals = [
                f"{decision.rule.condition}: {decision.interval.text}"
                for verdict in verdicts
                for decision in verdict.decisions
                if decision.interval
            ]
            table.add_row(claim.name, *(verdict.verdict for verdict in verdicts), "\n".join(dict.fromkeys(intervals)))
        if outcome.design.proxy:
            table.caption = f"A proxy: {outcome.design.proxy}."
    console.print(table)


def _compare_with_reference(outcomes: list[Outcome], store: Store, profile: str, fallback: str | None) -> None:
    """Say how own results compare with those that came with the project."""
    reference = _store(REFERENCE, profile, fallback)
    known = reference.records()
    if reference.folder == store.folder or not known:
        return
    for outcome in outcomes:
        published = evaluate(outcome.experiment, outcome.design, known)
        pairs = list(zip(outcome.verdicts, published.verdicts, strict=True))
        same = sum(mine.verdict == theirs.verdict for mine, theirs in pairs)
        shared = [record for key, record in outcome.stored.items() if key in known]
        equal = sum(record.weights == known[record.key].weights for record in shared)
        console.print(
            f"{outcome.experiment.name}: {same} of {len(pairs)} verdicts as in the reference ({reference.folder}); "
            f"{equal} of {len(shared)} common runs equal to the bit",
            soft_wrap=True,
            highlight=False,
        )


def _draw(outcomes: Sequence[Outcome], folder: Path, *, again: bool, style: str = "paper") -> None:
    """Draw the figures of complete experiments; unless ``again``, only those that are not there."""
    from cnn_study.figures.draw import draw, missing

    for outcome in outcomes:
        if not outcome.complete:
            errors.print(f"[yellow]{outcome.experiment.name}: runs are missing, no figures", soft_wrap=True)
        elif again or missing(outcome, folder):
            for path in draw(outcome, folder, style):
                console.print(f"figure: {path}", soft_wrap=True, highlight=False)


def _mirror(outcomes: Sequence[Outcome], folder: Path, uri: str | None, trained: set[str]) -> None:
    for outcome in outcomes:
        if outcome.complete:
            report = tracking.mirror(
                outcome,
                profile=folder.name,
                uri=uri or tracking.default_uri(),
                artifacts=folder / "figures",
                trained=trained,
                revision=_revision(),
            )
            if report.logged:
                console.print(f"MLflow: {report.logged} runs of {outcome.experiment.name} mirrored; browse: make ui")


def _revision() -> str:
    """The git revision, with a plus if files differ from it; ``unknown`` outside of a checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the body the way Ctrl-C does."""

    def stop(*_) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_one(name: str) -> None:
    """Run one experiment with the options of ``cnn-study run``: what a module of ``experiments`` does as a script."""
    main(["run", name, *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors that the user can mend become one line and an exit code."""
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="cnn-study")
    except StudyError as error:
        errors.print(f"cnn-study: {error}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(error.exit_code)
    except pydantic.ValidationError as error:
        errors.print(f"cnn-study: {error.title}: {one_line(error)}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
