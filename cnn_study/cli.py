"""The command line: ``cnn-study``."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import pydantic
import typer
from rich.console import Console

from cnn_study import registry as experiments
from cnn_study import tables, tracking
from cnn_study.analysis.decisions import Outcome, evaluate
from cnn_study.data import cache
from cnn_study.data import registry as datasets
from cnn_study.display import SuiteDisplay
from cnn_study.errors import DataError, InputError, StudyError, unknown_name
from cnn_study.execution.forecast import Pace
from cnn_study.execution.local import LocalEngine
from cnn_study.execution.plan import plan as plan_rows
from cnn_study.execution.suite import Report, carry_out
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
    started = time.monotonic()
    chosen = experiments.load(names or ())
    root = results or OWN
    fallback = _obtain(chosen, profile, fallback, cache_dir)
    designs = [experiment.at(profile, fallback) for experiment in chosen]
    store = Store(_folder(root, profile, fallback))
    with _stoppable(), store.writing():
        report = _train(designs, store, jobs or _cores(), cache_dir)
    family = _all_evaluated(store, profile, fallback)
    outcomes = _shown(names, family)
    _draw(outcomes, store.folder, again=bool(report.done))
    if not no_tracking:
        try:
            _mirror(outcomes, store.folder, tracking_uri, report.done)
        except tracking.TrackingError as error:
            errors.print(f"[yellow]cnn-study: the runs are stored, but not mirrored: {error}", soft_wrap=True)
    _show_verdicts(outcomes, family)
    _compare_with_reference(outcomes, store, profile, fallback)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    console.print(f"{len(report.done)} runs and checks in {minutes} min {seconds} s", highlight=False)
    for failure in report.failures:
        what = f"{failure.request.label} ({failure.request.job.key}) failed: {failure.reason}"
        errors.print(f"cnn-study: {what}", soft_wrap=True, markup=False, highlight=False)
    if report.failures:
        raise typer.Exit(1)


@app.command(epilog="Examples: `cnn-study plan --profile full` · `cnn-study plan activations`, arm by arm")
def plan(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    fallback: FallbackOption = None,
) -> None:
    """Say what `run` would train, why, and how long that takes at most, without training."""
    root = results or OWN
    store = _store(root, profile, fallback)
    plans = [
        tables.ExperimentPlan(
            experiment.name,
            tuple(plan_rows(experiment.at(profile, fallback), store.records(), store.checks())),
        )
        for experiment in experiments.load(names or ())
    ]
    if names:
        console.print(tables.arms(plans))
    pace, source = _pace(root, profile, fallback)
    console.print(tables.plan(plans, _train_size, pace, _cores()))
    how = f"at the pace of the runs in {source}" if source else "unknown: no run is stored that shows the pace"
    limits = "All are upper limits; what experiments share counts once in the last line."
    console.print(f"Hours with {_cores()} workers, {how}. {limits}", soft_wrap=True, highlight=False)


@app.command(epilog="Examples: `cnn-study claims` · `cnn-study claims --results results --into README.md`")
def claims(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    into: Annotated[
        Path | None,
        typer.Option(help="A Markdown file to put the table into, between its marks.", show_default=False),
    ] = None,
) -> None:
    """List every claim with its verdicts."""
    from cnn_study.report.summary import insert, markdown

    for _, family in _read(None, profile, results):
        outcomes = _shown(names, family)
        _show_verdicts(outcomes, family)
        if into:
            insert(into, markdown(outcomes, family))
            console.print(f"table: {into}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: `cnn-study explain relu-beats-tanh`")
def explain(
    claim: Annotated[str, typer.Argument(help="Name of a claim, as `claims` lists them.")],
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
) -> None:
    """Say what a claim is, what was published, the rules, what was measured, and the runs all of it rests on."""
    known = {each.name: (each, experiment) for experiment in experiments.load() for each in experiment.claims}
    if claim not in known:
        raise unknown_name("claim", claim, known)
    found, experiment = known[claim]
    for _, family in _read(None, profile, results):
        outcome = next(outcome for outcome in family if outcome.experiment.name == experiment.name)
        for line in tables.explanation(outcome, found, family):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


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


@app.command(epilog="Examples: `cnn-study report --profile quick` · `cnn-study report --latex`")
def report(
    names: Names = None,
    profile: ProfileOption = "quick",
    results: ResultsOption = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Also write tables, numbers and references for a paper.")
    ] = False,
) -> None:
    """Write one self-contained HTML page with claims, verdicts, figures and how they came about."""
    from cnn_study.report.latex import write_latex
    from cnn_study.report.page import write_page

    for folder, family in _read(None, profile, results):
        outcomes = _shown(names, family)
        _draw(outcomes, folder, again=False)
        page = write_page(outcomes, folder, profile, _revision(), family)
        console.print(f"report: {page}", soft_wrap=True)
        for path in write_latex(outcomes, folder, family) if latex else ():
            console.print(f"latex: {path}", soft_wrap=True, highlight=False)


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
            if (store := _store(root, profile, fallback)).records() or store.checks()
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
        yield store.folder, [_evaluated(e, e.at(profile, fallback), store) for e in chosen]


def _all_evaluated(store: Store, profile: str, fallback: str | None) -> list[Outcome]:
    """Every experiment, those without results too: the tests that are corrected for together."""
    return [_evaluated(each, each.at(profile, fallback), store) for each in experiments.load()]


def _shown(names: Sequence[str] | None, family: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the named experiments, or of all."""
    found = {outcome.experiment.name: outcome for outcome in family}
    return [found[experiment.name] for experiment in experiments.load(names or ())]


def _evaluated(experiment: Experiment, design: Design, store: Store) -> Outcome:
    return evaluate(experiment, design, store.records(), store.checks())


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


def _train(designs: list[Design], store: Store, jobs: int, cache_dir: Path | None) -> Report:
    display = SuiteDisplay(console, _train_size, jobs, store.records())
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


def _pace(root: Path, profile: str, fallback: str | None) -> tuple[Pace | None, Path | None]:
    """How fast a worker is, and from which results that is known: of this profile if there are any, else of another."""
    stores = [_store(root, profile, fallback)]
    stores += [_store(where, name, None) for where in (root, REFERENCE) for name in PROFILES]
    for store in stores:
        pace = Pace.fitted(store.records().values(), _train_size)
        if pace:
            return pace, store.folder
    return None, None


def _cores() -> int:
    physical = psutil.cpu_count(logical=False) or 1
    return max(
        1,
        min(
            physical,
            len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else physical,
        ),
    )


def _show_verdicts(outcomes: Sequence[Outcome], family: Sequence[Outcome]) -> None:
    for line in tables.verdicts(outcomes, family):
        console.print(line, soft_wrap=True)
    proxies: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.design.proxy:
            proxies.setdefault(outcome.design.proxy, []).append(outcome.experiment.name)
    for proxy, names in proxies.items():
        console.print(f"A proxy: {proxy} ({', '.join(names)}).", soft_wrap=True, highlight=False)


def _compare_with_reference(outcomes: list[Outcome], store: Store, profile: str, fallback: str | None) -> None:
    """Say how own results compare with those that came with the project."""
    reference = _store(REFERENCE, profile, fallback)
    if reference.folder == store.folder or not (reference.records() or reference.checks()):
        return
    for outcome in outcomes:
        published = _evaluated(outcome.experiment, outcome.design, reference)
        pairs = list(zip(outcome.verdicts, published.verdicts, strict=True))
        same = sum(mine.verdict == theirs.verdict for mine, theirs in pairs)
        parts = [f"{same} of {len(pairs)} verdicts as in the reference ({reference.folder})"]
        parts += _equal(_runs(outcome), _runs(published), "runs equal to the bit")
        parts += _equal(_counts(outcome), _counts(published), "checks with the same counts")
        console.print(f"{outcome.experiment.name}: {'; '.join(parts)}", soft_wrap=True, highlight=False)


def _runs(outcome: Outcome) -> dict[str, object]:
    """The weights of all runs of an experiment, those of the search too, by key."""
    runs = [run for tuned in outcome.tuned.values() for run in tuned.runs]
    return {run.key: outcome.stored[run.key].weights for run in runs if run.key in outcome.stored}


def _counts(outcome: Outcome) -> dict[str, object]:
    return {record.key: dict(record.outcomes) for record in outcome.checks.values()}


def _equal(mine: Mapping[str, object], theirs: Mapping[str, object], what: str) -> list[str]:
    """How many of the common values are equal, in words; nothing if there is none."""
    common = mine.keys() & theirs.keys()
    return [f"{sum(mine[key] == theirs[key] for key in common)} of {len(common)} common {what}"] if common else []


def _draw(outcomes: Sequence[Outcome], folder: Path, *, again: bool, style: str = "paper") -> None:
    """Draw the figures of complete experiments; unless ``again``, only those that are not there."""
    from cnn_study.figures.draw import draw, missing

    for outcome in outcomes:
        if not outcome.complete:
            errors.print(f"[yellow]{outcome.experiment.name}: runs are missing, no figures", soft_wrap=True)
        elif again or missing(outcome, folder):
            for path in draw(outcome, folder, style):
                console.print(f"figure: {path}", soft_wrap=True, highlight=False)


def _mirror(outcomes: Sequence[Outcome], folder: Path, uri: str | None, trained: Collection[str]) -> None:
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
