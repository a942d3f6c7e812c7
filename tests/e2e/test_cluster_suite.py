"""The suite on a real Ray cluster of two nodes on this machine, as its users run it, with nodes killed under it."""

import random
import re
import subprocess
import time

import pytest
from nodes import Nodes
from test_suite import ENVIRONMENT, EXPERIMENT, command, start, stored

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIENT_PORT = 23_001
KILLS = 4
SEED = random.SystemRandom().randrange(10**6)


@pytest.fixture(scope="module")
def nodes():
    yield from Nodes.running(ray_client_server_port=CLIENT_PORT)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """What local workers store, and what is printed while they do."""
    folder = tmp_path_factory.mktemp("local")
    output, _ = start(folder, "--no-tracking").communicate()
    return stored(folder), output


def on_cluster(folder, address):
    """The suite on a cluster, in a process of its own."""
    folder.mkdir(exist_ok=True)
    run = command(folder, "run", EXPERIMENT.name, "--cache", str(folder / "cache"), "--no-tracking")
    run += ["--engine", "ray", "--address", address]
    return subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)


def weights(records):
    return {key: weights for key, (weights, *_) in records.items()}


def lines(output):
    """What was told of runs, without their seconds, in alphabetical order."""
    return sorted(re.sub(r" \([\d.]+ s\)$", "", line) for line in output.splitlines() if re.search(r"\(.* s\)$", line))


@pytest.mark.parametrize("client", [False, True], ids=["from a node", "from outside"])
def test_it_stores_the_bits_and_tells_the_progress_of_local_workers(nodes, local, tmp_path, client):
    process = on_cluster(tmp_path, f"ray://127.0.0.1:{CLIENT_PORT}" if client else nodes.address)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert weights(stored(tmp_path)) == weights(local[0])
    assert lines(output) == lines(local[1])
    assert "raylet" not in output


def test_nodes_killed_at_random_times_lose_nothing(nodes, local, tmp_path):
    """Fails with the seed of its times, if it does."""
    times = random.Random(SEED)  # noqa: S311 - times, no secret
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        assert rounds <= 2 * KILLS
        folder = tmp_path / str(rounds)
        process = on_cluster(folder, nodes.address)
        # Up to the first worker it takes the same time whatever is killed.
        while process.poll() is None and not list((folder / "results").glob("smoke/pending/*.parquet")):
            time.sleep(0.05)
        while process.poll() is None:
            time.sleep(times.uniform(0.1, 3))
            if process.poll() is None:
                nodes.kill()
                nodes.add()
                kills += 1
        output, _ = process.communicate()
        assert process.returncode == 0, (SEED, output)
        assert weights(stored(folder)) == weights(local[0]), SEED


def test_a_suite_whose_head_is_killed_ends_and_goes_on_elsewhere(local, tmp_path):
    nodes = Nodes.running()
    process = on_cluster(tmp_path, next(nodes).address)
    while process.poll() is None and len(list((tmp_path / "results").glob("smoke/pending/*.parquet"))) < 2:
        time.sleep(0.05)
    next(nodes, None)
    output, _ = process.communicate(timeout=300)
    assert process.returncode not in (0, None)
    assert "Traceback" not in output
    kept = stored(tmp_path)
    assert len(kept) >= 2
    again = start(tmp_path, "--no-tracking")
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert weights(stored(tmp_path)) == weights(local[0])
    assert kept.items() <= stored(tmp_path).items()
