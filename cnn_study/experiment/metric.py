"""The numbers that a run has: what rules can estimate and figures can show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from cnn_study.experiment.arm import Arm
from cnn_study.spec import ProbeName

MetricKind = Literal["outcome", "curve", "layer", "family"]

SLOPES = "powers of ten a layer"
"""Unit of slopes of the gradient."""


@dataclass(frozen=True)
class Metric:
    """A number, or a series of numbers, that runs have.

    Attributes:
        name: Its name; of a family, the part before the slash.
        meaning: Its meaning in words, with its unit.
        kind: An ``outcome``: a number of the finished run. A ``curve``: measured again and again. A ``layer``: a curve
            ``NAME/LAYER`` for every layer. A ``family``: outcomes ``NAME/NUMBER``.
        probe: The probe that measures it; empty: every run has it.
        validation: Whether only runs with a validation split have it.
        test_curve: Whether only runs have it that measure a curve of the test error.
        unit: Of its numbers; ``1`` of pure numbers: fractions between 0 and 1, ratios, losses, gradients.
    """

    name: str
    meaning: str
    kind: MetricKind = "outcome"
    probe: ProbeName | Literal[""] = ""
    validation: bool = False
    test_curve: bool = False
    unit: str = "1"

    def of(self, arm: Arm) -> bool:
        """Whether the replicates of an arm have it."""
        probed = not self.probe or self.probe in arm.probes
        validated = not self.validation or arm.data.validation_size > 0
        return probed and validated and (not self.test_curve or arm.train.test_curve)


PERCENTILES = (15, 50, 85)
"""The percentiles that the probe of that name takes, those of Ioffe & Szegedy 2015."""

METRICS: tuple[Metric, ...] = (
    Metric("test_error", "fraction of the test images that the finished network gets wrong"),
    Metric("train_error", "fraction of the training images that the finished network gets wrong"),
    Metric(
        "train_error",
        "fraction of the training images that are wrong while training goes on, in inference mode",
        "curve",
    ),
    Metric("generalization_gap", "test error minus training error"),
    Metric(
        "validation_error", "fraction of the validation images that the finished network gets wrong", validation=True
    ),
    Metric(
        "validation_error", "fraction of the validation images that are wrong after an epoch", "curve", validation=True
    ),
    Metric(
        "test_error",
        "fraction of the test images that the network gets wrong at an evaluation",
        "curve",
        test_curve=True,
    ),
    Metric(
        "test_error_at_best_validation",
        "test error after the first epoch with the lowest validation error",
        validation=True,
        test_curve=True,
    ),
    Metric("train_loss", "mean loss of the last steps"),
    Metric("train_loss", "mean loss since the last evaluation", "curve"),
    Metric("reached_target", "1 if training stopped at its target error, else 0"),
    Metric("stuck", "1 if it diverged or is hardly better on the training images than a constant answer, else 0"),
    Metric("epochs", "passes over the training images until it stopped", unit="epochs"),
    Metric("steps", "optimizer steps until it stopped", unit="optimizer steps"),
    Metric(
        "gradient_slope_start",
        "slope of log10 of the gradient of units' inputs against the layer at initialization, in powers of ten a "
        "layer; positive: it vanishes on its way down",
        probe="gradients",
        unit=SLOPES,
    ),
    Metric("gradient_slope_end", "as gradient_slope_start, of the finished network", probe="gradients", unit=SLOPES),
    Metric(
        "weight_gradient_slope_start",
        "as gradient_slope_start, of the gradient of weights",
        probe="gradients",
        unit=SLOPES,
    ),
    Metric(
        "weight_gradient_slope_end", "as gradient_slope_end, of the gradient of weights", probe="gradients", unit=SLOPES
    ),
    Metric("gradient_unit_input", "root mean square gradient of what the units take", "layer", "gradients"),
    Metric("gradient_weights", "root mean square gradient of the weights", "layer", "gradients"),
    Metric("saturated_start", "largest fraction of saturated units in a layer at initialization", probe="saturation"),
    Metric(
        "saturated_early", "largest fraction of saturated units in a layer after the first epoch", probe="saturation"
    ),
    Metric(
        "saturated_end", "largest fraction of saturated units in a layer of the finished network", probe="saturation"
    ),
    Metric("dead_end", "largest fraction of dead units in a layer of the finished network", probe="saturation"),
    Metric("saturated", "fraction of saturated outputs", "layer", "saturation"),
    Metric("inactive", "fraction of outputs at rest", "layer", "saturation"),
    Metric("dead", "fraction of units at rest for every image", "layer", "saturation"),
    Metric("input_drift_mean", "average of input_drift over layers and epochs", probe="covariate_shift"),
    Metric("gradient_change_mean", "average of gradient_change over layers and epochs", probe="covariate_shift"),
    Metric("gradient_cosine_mean", "average of gradient_cosine over layers and epochs", probe="covariate_shift"),
    Metric(
        "input_drift",
        "how far the mean input of a unit has moved in an epoch, in standard deviations",
        "layer",
        "covariate_shift",
    ),
    Metric("unit_input_mean", "size of the mean of what a unit takes", "layer", "covariate_shift"),
    Metric("unit_input_stddev", "standard deviation of what a unit takes", "layer", "covariate_shift"),
    Metric(
        "gradient_change",
        "how much a layer's gradient changes by a step of the layers below, relative to its norm",
        "layer",
        "covariate_shift",
    ),
    Metric("gradient_cosine", "cosine between the two gradients", "layer", "covariate_shift"),
    Metric("loss_range_mean", "average of loss_range over the measurements", probe="landscape"),
    Metric("gradient_predictiveness_mean", "average of gradient_predictiveness", probe="landscape"),
    Metric("loss_range", "largest minus smallest loss along a step", "curve", "landscape"),
    Metric("gradient_predictiveness", "largest relative change of the gradient along a step", "curve", "landscape"),
    Metric("shifted_accuracy", "accuracy on test images shifted by so many pixels", "family", "translation"),
    Metric(
        "shift_consistency",
        "fraction of images shifted by so many pixels that get the answer of the unshifted one",
        "family",
        "translation",
    ),
    Metric("shift_drop", "accuracy lost by a shift of so many pixels", "family", "translation"),
    Metric("accuracy_at_distance", "accuracy for objects so many pixels from the border", "family", "border"),
    Metric("accuracy_at_border", "accuracy for objects that touch the border", probe="border"),
    Metric("accuracy_at_center", "accuracy for objects in the middle", probe="border"),
    Metric("filter", "kernel of a feature map of the first layer", "family", "filters"),
    Metric("feature_map", "what a feature map of the first layer makes of one image", "family", "filters"),
    Metric("filter_height", "height of the kernels in pixels", probe="filters", unit="pixels"),
    Metric("filter_width", "width of the kernels in pixels", probe="filters", unit="pixels"),
    Metric("filter_channels", "channels of the kernels", probe="filters"),
    Metric("feature_map_height", "height of the stored feature maps", probe="filters", unit="pixels"),
    Metric("feature_map_width", "width of the stored feature maps", probe="filters", unit="pixels"),
    Metric("equivariance_error_whole", "relative error of shifted maps of the first layer", probe="equivariance"),
    Metric(
        "equivariance_error_interior",
        "relative error of shifted maps of the first layer, away from the border",
        probe="equivariance",
    ),
    Metric("equivariance_error", "relative error of shifted maps of a further layer", "family", "equivariance"),
    Metric("linear_probe_error", "error of a linear classifier of what a hidden layer gives", "family", "linear"),
    Metric(
        "shuffled_probe_error",
        "as linear_probe_error, on images whose tiles lie in another order",
        "family",
        "linear",
    ),
    Metric("patch", "parts of images that excite a map of the uppermost convolution most", "family", "patches"),
    Metric("patch_side", "side of the patches in pixels", probe="patches", unit="pixels"),
    Metric("patch_channels", "channels of the patches", probe="patches"),
    Metric("seen_image", "an image moved to the right by so many pixels", "family", "maps"),
    Metric("seen_map", "an unpooled feature map of an image moved to the right by so many pixels", "family", "maps"),
    *(
        Metric(
            f"unit_input_p{percent}", f"what a unit takes: {percent} % of images give it less", "layer", "percentiles"
        )
        for percent in PERCENTILES
    ),
    Metric("outputs_start", "share of a layer's outputs in every bin at initialization", "family", "histograms"),
    Metric("outputs_end", "share of a layer's outputs in every bin in the end", "family", "histograms"),
    Metric("output_low", "where the bins of outputs begin", probe="histograms"),
    Metric("output_high", "where the bins of outputs end", probe="histograms"),
    Metric("wandering_probability", "probability of a class of an image at every shift", "family", "wandering"),
    Metric("wandering_image", "an image at a shift", "family", "wandering"),
    Metric("wandering_map", "a feature map of an image at a shift", "family", "wandering"),
)
"""All metrics, ordered by what measures them."""


def named(name: str, kinds: Iterable[MetricKind] = get_args(MetricKind)) -> Iterator[Metric]:
    """The metrics of these kinds that a name stands for. Members of families and of layers have a slash in their names.

    Args:
        name: Name of a metric, for example ``test_error`` or ``shift_drop/4``.
        kinds: The kinds of metrics that are meant; all, if none are named.
    """
    family, slash, _ = name.partition("/")
    for metric in METRICS:
        whole = metric.name == (family if metric.kind in ("family", "layer") and slash else name)
        if whole and metric.kind in kinds:
            yield metric
