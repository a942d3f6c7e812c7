import random
from dataclasses import replace

import pytest
from conftest import made_up_arm, made_up_record

from cnn_study.execution import forecast
from cnn_study.execution.forecast import (
    BACKWARD,
    EQUATIONS,
    LIMIT,
    LOOKED,
    MEASURED,
    USUAL,
    ImageCounts,
    Pace,
    Work,
    work_of,
)
from cnn_study.spec import Conv, Dense
from cnn_study.stored import examples_in

ARM = made_up_arm("relu")
SIZES = ImageCounts(100, 50)


def run(units=4, epochs=20, batch=10, **changes):
    run = ARM.run(0.01, 1)
    model = ARM.model.but(layers=(Dense(units=units), ARM.model.layers[-1]))
    train = {"epochs": epochs, "batch_size": batch, "target_train_error": None, **changes}
    return run.but(model=model, train=run.train.but(**train))


def made_up_runs():
    """Runs of very different lengths, networks and batches; every fourth has a program of its own."""
    for units in (4, 40, 400, 4000):
        for epochs, batch in ((1, 1), (5, 10), (20, 50), (60, 100)):
            for _ in range(4):
                yield run(units, epochs, batch)


def timed(specs, pace, noise=lambda: 1.0):
    """Records of runs that took their time at a pace, one after another."""
    known, found = set(), []
    for i, spec in enumerate(specs):
        compiled = spec.program.key not in known
        known.add(spec.program.key)
        record = made_up_record(spec, lambda _: 1000.0)  # To the last epoch.
        seconds = pace.seconds(Work.of(spec, SIZES, compiled=compiled)) * noise()
        found.append(replace(record, seconds=seconds, finished_at=f"2026-01-01T00:00:{i:04}"))
    return found


def fitted(records):
    return Pace.fitted(records, lambda _: SIZES)


def expected(pace, specs):
    return pace.seconds(work_of(specs, lambda _: SIZES))


def test_the_work_of_a_run_is_counted():
    # 64 inputs to 4 units to 10 logits; 20 times 100 images in batches of 10. Evaluated before and after every epoch on
    # all training images, in the end on the test images.
    macs, parameters, values = 64 * 4 + 4 * 10, 65 * 4 + 5 * 10, 64 + 4 + 10
    passes = 3 * 2000 + 21 * 100 + 50
    assert Work.of(run(), SIZES) == Work(2000, 2000 * macs, 1, 2, 200, passes * macs, passes * values, 200 * parameters)
    assert Work.of(run(), SIZES, epochs=0.5).images == 50
    assert Work.of(run(batch=30), SIZES, epochs=1).images == 90  # The last, incomplete batch is left out.
    both = Work.of(run(), SIZES) + Work.of(run(), SIZES, compiled=False)
    assert both == work_of([run(), run()], lambda _: SIZES)
    assert (both.runs, both.steps, both.compiled) == (2, 400, 2)


def test_evaluations_are_counted():
    def evaluated(spec):
        return Work.of(spec, SIZES).products / (64 * 4 + 4 * 10) - 3 * 2000

    assert evaluated(run(evaluations_per_epoch=5)) == 101 * 100 + 50
    assert evaluated(run(evaluation_size=20)) == 21 * 20 + 50 + 100
    assert evaluated(run(test_curve=True)) == 21 * (100 + 50) + 50
    held_out = run(evaluation_size=20)
    held_out = held_out.but(data=held_out.data.but(validation_size=30))
    assert evaluated(held_out) == 21 * 20 + 20 * 20 + 50 + 100 + 30


def test_displaced_copies_are_shown_in_every_epoch():
    spec = run()
    spec = spec.but(data=spec.data.but(test_size=50))
    more = spec.but(data=spec.data.but(displaced=1))
    examples = examples_in({})
    assert (examples(spec), examples(more)) == (ImageCounts(100, 50), ImageCounts(500, 50))
    assert Work.of(more, examples(more)).images == 5 * Work.of(spec, examples(spec)).images


def test_what_a_layer_gives_counts_before_pooling_and_after():
    conv = Conv(maps=2, field=3, padding="same", pool={"reduce": "max", "size": 2, "stride": 2})
    model = ARM.model.but(input_shape=(8, 8, 1), layers=(conv, Dense(units=10, activation=None)))
    spec = run().but(model=model)
    work = Work.of(spec, SIZES)
    assert work.values / work.products == pytest.approx((64 + 64 * 2 + 16 * 2 + 10) / (64 * 2 * 9 + 32 * 10))


@pytest.mark.parametrize("factor", [1, 40])
def test_a_usual_pace_is_found_again_on_every_machine(factor):
    pace = Pace(tuple(factor * each for each in USUAL))
    found = fitted(timed(made_up_runs(), pace))
    assert found.seconds_each == pytest.approx(pace.seconds_each)


@pytest.mark.parametrize("unusual", range(len(USUAL)))
def test_another_pace_is_learned_from_runs(unusual, monkeypatch):
    """On a machine where one amount takes five times what is usual, the total of other runs is right."""
    pace = Pace(tuple(5 * each if i == unusual else each for i, each in enumerate(USUAL)))
    monkeypatch.setattr(forecast, "TRUST", 0.1)  # Else it takes thousands of runs.
    found = fitted(timed(made_up_runs(), pace))
    others = [run(units, 10, 5) for units in (8, 80, 800, 2000)]
    assert expected(found, others) == pytest.approx(expected(pace, others), rel=0.25)


def test_all_runs_together_take_as_long_as_they_did():
    rng = random.Random(1)  # noqa: S311 - noise, no secret
    noisy = timed(made_up_runs(), Pace(USUAL), noise=lambda: rng.uniform(0.5, 2))
    found = fitted(noisy)
    assert expected(found, [each.spec for each in noisy]) == pytest.approx(sum(each.seconds for each in noisy))
    assert min(found.seconds_each) >= 0


def test_a_run_during_which_the_machine_slept_counts_little():
    records = timed(made_up_runs(), Pace(USUAL))
    total = sum(each.seconds for each in records)
    shortest = min(range(len(records)), key=lambda i: records[i].seconds)
    slept = replace(records[shortest], seconds=records[shortest].seconds + 1000 * total)
    found = fitted([*records[:shortest], slept, *records[shortest + 1 :]])
    assert expected(found, [each.spec for each in records]) < 2 * LIMIT * total


def test_of_no_run_nothing_is_known():
    assert fitted([]) is None
    assert fitted([replace(made_up_record(run()), seconds=0.0)]) is None


def test_one_run_is_enough_for_others_like_it():
    found = fitted([replace(made_up_record(run(), lambda _: 1000.0), seconds=3.0)])
    assert expected(found, [run()]) == pytest.approx(3.0)


def test_runs_with_a_target_are_expected_to_end_as_early_as_stored_ones():
    sought = [run(units, target_train_error=0.5) for units in (4, 40)]
    early = [replace(made_up_record(spec, lambda _: 5.0), seconds=1.0) for spec in sought]
    epochs = early[0].outcomes["epochs"]
    assert 0 < epochs < 20
    assert epochs / 20 < fitted(early).share < 1  # A run takes time at its beginning and its end too.
    assert work_of(sought, lambda _: SIZES, 0.25).images == 2 * 5 * 100
    assert work_of([run()], lambda _: SIZES, 0.25).images == 20 * 100
    assert fitted(timed([run()], Pace(USUAL))).share == 1


def test_probes_are_worth_the_images_that_they_look_at():
    from cnn_study.probes import equivariance, histograms, linear, patches, wandering
    from cnn_study.probes.training import PROBES

    passes = {"gradients": BACKWARD, "saturation": 1, "landscape": 5 * BACKWARD, "percentiles": 1}
    assert {name: PROBES[name].examples * number for name, number in passes.items()} == MEASURED
    assert LOOKED["equivariance"] == 5 * equivariance.EXAMPLES
    assert LOOKED["patches"] == patches.EXAMPLES
    assert LOOKED["histograms"] == 2 * histograms.EXAMPLES
    assert LOOKED["wandering"] == wandering.PLACES
    assert LOOKED["linear"] == 2 * (linear.EXAMPLES + linear.TESTED)
    assert EQUATIONS == linear.EXAMPLES
