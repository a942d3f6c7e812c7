"""Trained networks are kept beside the results if asked for: of the replicates, and only with the stored weights."""

from dataclasses import replace

import pytest
from conftest import made_up_design, made_up_record

from cnn_study.errors import StoreError
from cnn_study.execution.events import Finished, Network
from cnn_study.execution.saved import SavedModels
from cnn_study.execution.suite import DesignEnded, carry_out
from cnn_study.results import Store
from cnn_study.training.tuning import tune


class Trainer:
    """Trains without time, and gives the networks that it is asked for."""

    def __init__(self, weights="w", environment=None):
        self.weights, self.environment, self.queue, self.asked = weights, environment or {}, [], []

    def submit(self, job, model=False, turn=0):
        self.queue.append((job, model))
        if model:
            self.asked.append(job.key)

    def events(self):
        while self.queue:
            job, model = self.queue.pop(0)
            if model:
                yield Network(job.key, job.key.encode())
            yield Finished(replace(made_up_record(job, weights=self.weights), environment=self.environment))


@pytest.fixture
def place(tmp_path):
    return Store(tmp_path), SavedModels(tmp_path / "models")


def carried_out(place, trainer, save=True, watch=lambda _: None):
    store, models = place
    with store.writing():
        return carry_out([made_up_design()], store, trainer, watch, models if save else None)


def replicates(store):
    design = made_up_design()
    return {run.key for arm in design.arms for run in tune(arm, design, store.records()).replicates}


def test_the_networks_of_the_replicates_are_kept_and_no_others(place):
    store, models = place
    report = carried_out(place, Trainer())
    assert report.saved == replicates(store) < report.done
    assert {path.stem: path.read_text() for path in models.folder.iterdir()} == {key: key for key in report.saved}


def test_none_are_kept_unless_asked_for(place):
    trainer = Trainer()
    assert carried_out(place, trainer, save=False).saved == frozenset()
    assert not trainer.asked
    assert not place[1].folder.exists()


def test_stored_runs_are_trained_again_for_their_networks_and_stay_as_they_are(place):
    store, models = place
    carried_out(place, Trainer(), save=False)
    before = dict(store.records())
    trainer = Trainer()
    report = carried_out(place, trainer)
    assert set(trainer.asked) == report.saved == replicates(store)
    assert report.done == frozenset()
    assert store.records() == before
    models.path(trainer.asked[0]).unlink()
    again = Trainer()
    assert carried_out(place, again).saved == {trainer.asked[0]}
    assert again.asked == trainer.asked[:1]


@pytest.mark.parametrize(
    ("environment", "why"),
    [({"keras": "4"}, "keras unknown -> 4"), ({"python": "4"}, "on the same processor and versions")],
)
def test_a_network_with_other_weights_than_the_stored_run_is_refused(place, environment, why):
    store, models = place
    carried_out(place, Trainer(), save=False)
    events = []
    report = carried_out(place, Trainer(weights="x", environment=environment), watch=events.append)
    assert isinstance(events[-1], DesignEnded)
    assert {failure.request.job.key for failure in report.failures} == replicates(store)
    assert f"it has other weights than the stored run ({why})" in report.failures[0].reason
    assert not models.folder.exists()
    assert {record.weights for record in store.records().values()} == {"w"}


def test_a_network_that_cannot_be_written_costs_no_finished_run(place):
    store, models = place
    models.folder.parent.mkdir(exist_ok=True)
    models.folder.write_text("in the way")
    with pytest.raises(StoreError, match="cannot write"):
        carried_out(place, Trainer())
    assert replicates(store) & store.records().keys()
