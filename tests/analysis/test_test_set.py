"""What other test images would do to an estimate."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import complete, made_up_experiment, made_up_gains

from cnn_study.analysis.decisions import evaluate
from cnn_study.analysis.test_set import images, margin, text
from cnn_study.experiment import Contrast, Term, TimeRatio, gain

PLAIN = gain("relu, plain", "tanh, plain")


def outcome(worse=0.3, better=0.1):
    design = made_up_gains(low=0)
    stored = complete(design)
    for key, record in stored.items():
        error = better if record.spec.model.layers[0].activation == "relu" else worse
        stored[key] = replace(record, outcomes={**record.outcomes, "test_error": error})
    return evaluate(made_up_experiment(), design, stored)


def test_the_margin_bounds_what_drawing_other_images_does():
    """Simulated: two networks that are wrong with these probabilities, on the same images, or on others."""
    found = outcome()
    n = images(found, "relu, plain")
    rng = np.random.default_rng(0)
    draws = rng.random((20_000, 2, n), dtype=np.float32)
    apart = (draws[:, 0] < 0.3).mean(axis=1) - (draws[:, 1] < 0.1).mean(axis=1)
    together = (draws[:, 0] < 0.3).mean(axis=1) - (draws[:, 0] < 0.1).mean(axis=1)
    bound = margin(found, PLAIN)
    assert 100 * 1.96 * apart.std() == pytest.approx(bound, rel=0.03)
    assert 100 * 1.96 * together.std() < bound


def test_images_of_the_arm_count_all_of_them_where_no_number_is_said():
    found = outcome()
    arm = found.design.arm("relu, plain")
    assert arm.data.test_size is None
    assert images(found, arm.name) == found.design.dataset(arm.data).arrays["x_test"].shape[0]
    fixed = (replace(a, data=a.data.but(train_size=None, test_size=50)) for a in found.design.arms)
    few = replace(found.design, arms=tuple(fixed))
    assert images(replace(found, design=few), arm.name) == 50
    # Each seed draws 50 others: that is part of the interval over seeds, and all of them are what is finite.
    drawn = replace(few, arms=tuple(replace(a, data=a.data.but(train_size=100)) for a in few.arms))
    assert images(replace(found, design=drawn), arm.name) == images(found, arm.name) > 50


def test_what_is_no_share_of_test_images_has_no_margin():
    found = outcome()
    assert margin(found, TimeRatio("tanh, plain", "relu, plain", 0.25)) is None
    assert margin(found, gain("relu, plain", "tanh, plain", metric="train_error")) is None
    both = (Term(1, "relu, plain", "test_error"), Term(1, "tanh, plain", "test_error"))
    assert margin(found, Contrast(both, "the sum")) is None
    assert margin(replace(found, stored={}), PLAIN) is None
    assert text(found, [TimeRatio("tanh, plain", "relu, plain", 0.25)]) == ""


def test_the_sentence_names_images_and_the_largest_margin():
    found = outcome()
    sentence = text(found, [PLAIN, gain("relu, other", "tanh, other")])
    assert "On all images of the kind, differences of test errors lie within" in sentence
    assert f"of those on these {images(found, 'relu, plain'):,} (95 %)" in sentence
    assert f"within {margin(found, PLAIN):.2g} points" in sentence
    one = Contrast((Term(100, "relu, plain", "test_error"),), "the test error")
    assert "of the kind, test errors lie within" in text(found, [one])
