"""The probes that look at a trained network, once, at the end of its run."""

from collections.abc import Callable, Collection
from typing import NamedTuple

import keras
import numpy as np

from cnn_study.data.transforms import Split
from cnn_study.errors import InputError
from cnn_study.probes import border, equivariance, filters, histograms, linear, maps, patches, translation, wandering
from cnn_study.probes.stages import Prepare
from cnn_study.spec import ProbeName


class Trained(NamedTuple):
    """A trained network with what stands between images and its logits.

    Attributes:
        model: The trained network.
        prepare: The function from images, uint8, to inputs of the network.
        classify: The function from images, uint8, to the numbers of their classes.
        initial: The function that makes the network as it was before its first step.
    """

    model: keras.Model
    prepare: Prepare
    classify: translation.Classify
    initial: Callable[[], keras.Model]


class ProbeFindings(NamedTuple):
    """What the probes have found.

    Attributes:
        outcomes: Numbers by name; finite.
        curves: Lists of numbers by the name of their metric, to be stored with their places as steps.
    """

    outcomes: dict[str, float]
    curves: dict[str, np.ndarray]


def measure(probes: Collection[ProbeName], trained: Trained, data: Split) -> ProbeFindings:
    """Run the probes that look at a trained network, and pass over those that measure during training.

    Args:
        probes: Names of the probes to run; others than those of trained networks are passed over.
        trained: The network, which stays as it is.
        data: The images it was trained on and those that test it.

    Raises:
        InputError: The border is asked about, but the images do not say where on the canvas their objects lie.
    """
    outcomes: dict[str, float] = {}
    curves: dict[str, np.ndarray] = {}
    if "translation" in probes:
        outcomes |= translation.measure(trained.classify, data.x_test, data.y_test)
    if "border" in probes:
        if data.objects_test is None:
            raise InputError("the probe border needs test images that were placed at random on a canvas")
        outcomes |= border.measure(trained.classify, data.objects_test, data.y_test, data.x_test.shape[1])
    if "filters" in probes:
        found = filters.measure(trained.model, trained.prepare(data.x_test[:1])[0])
        outcomes |= found.outcomes
        curves |= found.curves
    if "equivariance" in probes:
        outcomes |= equivariance.measure(trained.model, trained.prepare(data.x_test[: equivariance.EXAMPLES]))
    if "linear" in probes:
        train, test = (data.x_train, data.y_train), (data.x_test, data.y_test)
        outcomes |= linear.measure(trained.model, trained.prepare, train, test)
    if "patches" in probes:
        excited = patches.measure(trained.model, trained.prepare, data.x_test)
        outcomes |= excited.outcomes
        curves |= excited.curves
    if "maps" in probes:
        curves |= maps.measure(trained.model, trained.prepare, data.x_test[0])
    if "histograms" in probes:
        counted = histograms.measure(trained.initial(), trained.model, trained.prepare, data.x_test)
        outcomes |= counted.outcomes
        curves |= counted.curves
    if "wandering" in probes:
        curves |= wandering.measure(trained.model, trained.prepare, data.x_test[0], int(data.y_test[0]))
    return ProbeFindings({name: value for name, value in outcomes.items() if np.isfinite(value)}, curves)
