"""GPUs of this machine: found without TensorFlow, shared by workers. There is none here, so a driver is made up."""

import os
import subprocess
import sys

import pytest

from cnn_study.cli import training
from cnn_study.data import cache
from cnn_study.errors import InputError
from cnn_study.execution import cards, local
from cnn_study.execution.local import LocalEngine

RUN = ("run", "output_size", "--profile", "smoke", "--stand-in", "digits", "--no-tracking", "--jobs", "1")


def driver(folder, *lines, code=0):
    """A program that says which GPUs there are."""
    folder.mkdir(exist_ok=True)
    tool = folder / cards.TOOL
    tool.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + f"exit {code}\n")
    tool.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("allowed", "found"),
    [("0,1", ["0", "1"]), ("GPU-8932f937", ["GPU-8932f937"]), ("", []), ("-1", []), ("1, -1, 0", ["1"])],
)
def test_cards_are_those_that_the_variable_allows(monkeypatch, allowed, found):
    monkeypatch.setenv(cards.VISIBLE, allowed)
    assert cards.cards() == found


@pytest.mark.parametrize(
    ("lines", "code", "found"),
    [(("0", "1"), 0, ["0", "1"]), ((), 0, []), (("No devices were found",), 0, []), (("0",), 9, [])],
)
def test_else_those_that_the_driver_lists(monkeypatch, tmp_path, lines, code, found):
    monkeypatch.delenv(cards.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", driver(tmp_path / "bin", *lines, code=code))
    assert cards.cards() == found


def test_without_a_driver_there_is_none(monkeypatch, tmp_path):
    monkeypatch.delenv(cards.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards.cards() == []


@pytest.mark.parametrize(("share", "room"), [(1, 1), (0.5, 2), (0.3, 3), (0.25, 4), (0.1, 10)])
def test_so_many_workers_share_a_card(share, room):
    assert cards.on_a_card(share) == room


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_what_is_no_share_of_a_card_is_refused(share):
    with pytest.raises(InputError, match="a run computes on one GPU"):
        cards.on_a_card(share)


def test_workers_are_spread_over_the_cards_and_a_new_one_gets_the_place_of_one_that_died():
    taken = []
    for _ in range(4):
        taken.append(cards.freest(["0", "1"], taken))
    assert taken == ["0", "1", "0", "1"]
    taken.remove("0")
    assert cards.freest(["0", "1"], taken) == "0"


def test_every_worker_has_the_environment_of_its_card(monkeypatch, tmp_path):
    begun = []
    monkeypatch.setattr(local._Worker, "begin", lambda self, job, what: None)
    monkeypatch.setattr(
        local.multiprocessing.get_context("spawn").Process,
        "start",
        lambda process: begun.append((type(process).__name__, process._args[2])),
    )
    with LocalEngine(3, tmp_path, ["0", "GPU-8932f937"]) as engine:
        for _ in range(3):
            worker = local._Worker(engine._context, tmp_path, engine._card())
            worker.stop = lambda: None
            engine._workers.append(worker)
    assert [given[cards.VISIBLE] for _, given in begun] == ["0", "GPU-8932f937", "0"]
    assert {name for name, _ in begun} == {"SpawnProcess"}
    assert {given["TF_FORCE_GPU_ALLOW_GROWTH"] for _, given in begun} == {"true"}


def test_a_build_of_tensorflow_that_sees_no_gpu_is_told_in_a_line(tmp_path):
    variables = os.environ | {"PATH": driver(tmp_path / "bin", "0"), "CNN_STUDY_CACHE": str(tmp_path / "cache")}
    variables.pop(cards.VISIBLE, None)
    command = [sys.executable, "-m", "cnn_study.cli", *RUN, "--gpus-per-run", "0.5", "--results", str(tmp_path / "r")]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("cnn-study: ")
    assert "TensorFlow sees no GPU" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_card_that_stays_unused_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(cards.VISIBLE, "0,1")
    training._workers("local", None, 3, None, None, tmp_path)
    assert capsys.readouterr().err.startswith("cnn-study: a GPU is here (0, 1) and stays unused: see --gpus-per-run")


@pytest.mark.parametrize(("jobs", "workers"), [(None, 8), (3, 3), (20, 8)])
def test_there_are_as_many_workers_as_the_cards_have_room_for(monkeypatch, tmp_path, jobs, workers):
    monkeypatch.setenv(cards.VISIBLE, "0,1")
    assert training._workers("local", None, jobs, None, 0.25, tmp_path).jobs == workers


LOGICAL = """
import tensorflow as tf
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from cnn_study.data import cache, registry
from cnn_study.data.transforms import split
from cnn_study.models.architectures import dense_net
from cnn_study.spec import DataSpec, RunSpec, Seeds, TrainSpec
from cnn_study.training.trainer import Program, train
model = dense_net("tanh", hidden=(8,), input_shape=(8, 8, 1))
data = DataSpec(name="digits", content=registry.get("digits").digest, train_size=200, validation_size=100)
steps = TrainSpec(learning_rate=0.05, batch_size=20, epochs=1)
run = RunSpec(data=data, model=model, train=steps, seeds=Seeds.of(1, model))
images = split(cache.load("digits"), data)
plain = train(run, images)
with tf.device("CPU:1"):
    program = Program(run.program)
    moved = train(run, images, program)
print({variable.value.device for variable in program.model.variables})
print(plain.weights == moved.weights)
"""


@pytest.mark.slow
def test_a_network_is_trained_wherever_it_is_put(tmp_path):
    cache.ensure("digits", cache_dir=tmp_path)
    variables = os.environ | {"CNN_STUDY_CACHE": str(tmp_path), "KERAS_BACKEND": "tensorflow"}
    printed = subprocess.run([sys.executable, "-c", LOGICAL], env=variables, capture_output=True, text=True, check=True)
    devices, same = printed.stdout.splitlines()[-2:]
    assert "CPU:1" in devices
    assert "CPU:0" not in devices
    assert same == "True"
