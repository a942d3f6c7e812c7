import random
from dataclasses import replace

import pytest
from conftest import made_up_arm, made_up_record

from cnn_study.execution.forecast import Pace, Work
from cnn_study.spec import Dense
from cnn_study.stored import examples_in

ARM = made_up_arm("relu")


def run(units=4, epochs=20, batch=10):
    run = ARM.run(0.01, 1)
    model = ARM.model.but(layers=(Dense(units=units), ARM.model.layers[-1]))
    return run.but(model=model, train=run.train.but(epochs=epochs, batch_size=batch))


def timed(spec, pace):
    record = made_up_record(spec, lambda _: 1000.0)  # To the last epoch.
    return replace(record, seconds=pace.seconds(Work.of(spec, 100)))


def test_the_work_of_a_run_is_counted():
    # 64 inputs to 4 units to 10 logits; 20 times 100 images in batches of 10.
    assert Work.of(run(), 100) == Work(1, 2000, 200, 2000 * (64 * 4 + 4 * 10))
    assert Work.of(run(), 100, epochs=0.5).images == 50
    assert Work.of(run(), 100) + Work.of(run(), 100) == Work(2, 4000, 400, 4000 * 296)


def test_displaced_copies_are_shown_in_every_epoch():
    spec = run()
    more = spec.but(data=spec.data.but(displaced=1))
    examples = examples_in({})
    assert (examples(spec), examples(more)) == (100, 500)
    assert Work.of(more, examples(more)).images == 5 * Work.of(spec, examples(spec)).images


def test_the_pace_is_found_again():
    pace = Pace(run=0.5, step=0.002, mac=1e-8)
    shapes = [(4, 20, 10), (4, 5, 1), (400, 20, 10), (4000, 3, 50), (40, 40, 100)]
    found = Pace.fitted([timed(run(*shape), pace) for shape in shapes], lambda _: 100)
    assert (found.run, found.step, found.mac) == pytest.approx((0.5, 0.002, 1e-8))


def test_all_runs_together_take_as_long_as_they_did():
    rng = random.Random(1)  # noqa: S311 - noise, no secret
    pace = Pace(run=0.5, step=0.002, mac=1e-8)
    records = [timed(run(units, epochs), pace) for units in (4, 40, 400) for epochs in (1, 5, 20)]
    noisy = [replace(record, seconds=record.seconds * rng.uniform(0.5, 2)) for record in records]
    found = Pace.fitted(noisy, lambda _: 100)
    work = sum((Work.of(record.spec, 100) for record in noisy), Work())
    assert found.seconds(work) == pytest.approx(sum(record.seconds for record in noisy))
    assert min(found.run, found.step, found.mac) >= 0


def test_of_no_run_nothing_is_known():
    assert Pace.fitted([], lambda _: 100) is None
    assert Pace.fitted([replace(made_up_record(run()), seconds=0.0)], lambda _: 100) is None


def test_one_run_is_enough_for_others_like_it():
    found = Pace.fitted([replace(made_up_record(run(), lambda _: 1000.0), seconds=3.0)], lambda _: 100)
    assert found.seconds(Work.of(run(), 100)) == pytest.approx(3.0)
