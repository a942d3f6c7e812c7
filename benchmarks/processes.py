"""Processes of their own for what is measured: each with its environment, ready before the clock runs."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from typing import Any

from cnn_study.errors import ExecutionError
from cnn_study.execution.local import ENVIRONMENT

BATCH = 128
WARM_UP, CALIBRATION = 10 * BATCH, 20 * BATCH
"""Images trained before a pace is judged, and those it is judged by."""

Train = Callable[[int], float]
"""Trains about so many images, and returns how many."""


class _Sign(Enum):
    END = "end"


_END = _Sign.END
"""Nothing more comes. A member of an enumeration is the same object on both sides of a pipe."""

PLAIN = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
"""The environment of a process that is not one of this suite's: quiet, on the processor, all else left alone."""


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started meanwhile have these variables, and none of those this suite's workers have."""
    saved = dict(os.environ)
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


def call(function: Callable[..., Any], *arguments: Any, variables: Mapping[str, str] = ENVIRONMENT) -> Any:
    """What a function of a module returns in a fresh process."""
    with _Process(_answer, (function, arguments), variables) as process:
        return process.receive()


def _answer(pipe: Connection, function: Callable[..., Any], arguments: tuple) -> None:
    pipe.send(function(*arguments))


def stream(
    function: Callable[..., Iterable[Any]], *arguments: Any, variables: Mapping[str, str] = ENVIRONMENT
) -> Iterator[Any]:
    """What a function of a module yields in a fresh process, one by one."""
    with _Process(_answer_each, (function, arguments), variables) as process:
        while (answer := process.receive()) is not _END:
            yield answer


def _answer_each(pipe: Connection, function: Callable[..., Iterable[Any]], arguments: tuple) -> None:
    for answer in function(*arguments):
        pipe.send(answer)
    pipe.send(_END)


class Trainers:
    """Processes that train at the same time, kept warm between measurements. Use it as a context manager.

    Args:
        prepare: Builds the network and returns what trains it; called in every process.
        arguments: Of ``prepare``.
        variables: Of the environment.
        processes: How many.
        seconds: How long a measurement takes, about.
    """

    def __init__(
        self,
        prepare: Callable[..., Train],
        arguments: tuple = (),
        *,
        variables: Mapping[str, str] = PLAIN,
        processes: int = 1,
        seconds: float = 2.0,
    ):
        self._processes = [_Process(_train, (prepare, arguments, seconds), variables) for _ in range(processes)]

    def __enter__(self) -> "Trainers":
        for process in self._processes:
            process.__enter__()
        for process in self._processes:
            process.receive()
        return self

    def __exit__(self, *exc_info) -> None:
        for process in self._processes:
            process.__exit__(*exc_info)

    def images_a_second(self) -> float:
        """Of all processes together: all begin now."""
        for process in self._processes:
            process.pipe.send("go")
        return sum(process.receive() for process in self._processes)


def _train(pipe: Connection, prepare: Callable[..., Train], arguments: tuple, seconds: float) -> None:
    train = prepare(*arguments)
    train(WARM_UP)
    pace = _pace(train, CALIBRATION)
    pipe.send("ready")
    images = max(1, round(seconds * pace / BATCH)) * BATCH
    while pipe.recv() == "go":
        pipe.send(_pace(train, images))


def _pace(train: Train, images: int) -> float:
    started = time.perf_counter()
    trained = train(images)
    return trained / (time.perf_counter() - started)


class _Process:
    """A process with a pipe to it. It ends when the pipe is closed."""

    def __init__(self, target: Callable[..., None], arguments: tuple, variables: Mapping[str, str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, self._theirs = context.Pipe()
        self._process = context.Process(target=_guarded, args=(target, self._theirs, arguments), daemon=True)
        self._variables = variables

    def __enter__(self) -> "_Process":
        with environment(self._variables):
            self._process.start()
        self._theirs.close()
        return self

    def __exit__(self, *exc_info) -> None:
        self.pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def receive(self) -> Any:
        """The next answer.

        Raises:
            ExecutionError: The process has ended.
        """
        try:
            answer = self.pipe.recv()
        except EOFError:
            self._process.join(5)
            raise ExecutionError(
                f"a measured process ended with exit code {self._process.exitcode}: memory may be short"
            ) from None
        if isinstance(answer, _Failure):
            raise ExecutionError(f"a measured process failed: {answer.reason}")
        return answer


@dataclass(frozen=True)
class _Failure:
    reason: str


def _guarded(target: Callable[..., None], pipe: Connection, arguments: tuple) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # Frameworks greet there; what goes wrong goes through the pipe.
    try:
        target(pipe, *arguments)
    except (EOFError, BrokenPipeError):
        return  # The parent has closed the pipe, or is gone.
    except Exception as error:
        pipe.send(_Failure(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"))
