"""In whatever order runs finish, a suite asks for the same ones and ends complete."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import made_up_design, made_up_experiment, made_up_record, time_of

from cnn_study.analysis.decisions import evaluate
from cnn_study.execution.events import Finished
from cnn_study.execution.suite import carry_out
from cnn_study.results import Store


class Shuffled:
    """An engine whose jobs finish in a random order."""

    def __init__(self, seed, time):
        self.random, self.time, self.waiting = np.random.default_rng(seed), time, []

    def submit(self, job, model=False, turn=0):
        self.waiting.append(job)

    def events(self):
        while self.waiting:
            job = self.waiting.pop(int(self.random.integers(len(self.waiting))))
            yield Finished(made_up_record(job, self.time))


def noisy(spec):
    """The ratio of times varies so much between seeds that rules are decided at different looks."""
    slow = spec.model.layers[0].activation == "tanh"
    return time_of(spec) * (np.random.default_rng(spec.seeds.init).uniform(0.6, 1.6) if slow else 1.0)


def tried(design, folder, seed):
    """The keys of all runs of a suite, and its verdicts."""
    store = Store(folder)
    with store.writing():
        report = carry_out([design], store, Shuffled(seed, noisy), lambda event: None)
        store.merge()
    outcome = evaluate(made_up_experiment(), design, store.records())
    assert outcome.complete
    assert not report.failures
    return set(store.records()), [verdict.verdict for verdict in outcome.verdicts]


@pytest.mark.parametrize("looks", [(), (3, 4, 6, 9)], ids=["all seeds", "looks"])
def test_a_suite_is_the_same_in_every_order(looks, tmp_path):
    design = replace(made_up_design(), seeds=tuple(range(1, looks[-1] + 1)) if looks else (1, 2, 3), looks=looks)
    found = [tried(design, tmp_path / str(seed), seed) for seed in range(12)]
    assert all(each == found[0] for each in found)


def test_a_suite_that_is_interrupted_anywhere_ends_as_one_that_is_not(tmp_path):
    design = replace(made_up_design(), seeds=tuple(range(1, 10)), looks=(3, 4, 6, 9))
    whole = tried(design, tmp_path / "whole", 0)
    for stop in range(1, len(whole[0]), 7):
        store = Store(tmp_path / str(stop))

        def interrupt(event, store=store, stop=stop):
            if isinstance(event, Finished) and len(store.records()) > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), store.writing():
            carry_out([design], store, Shuffled(stop, noisy), interrupt)
        assert tried(design, store.folder, stop + 1) == whole
