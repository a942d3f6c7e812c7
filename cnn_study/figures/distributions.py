"""How numbers inside of a network are distributed: what a unit takes, over time, and the outputs of every layer."""

import numpy as np
import pandas as pd

from cnn_study.analysis.decisions import Outcome
from cnn_study.experiment import Plot
from cnn_study.experiment.metric import PERCENTILES
from cnn_study.figures import quantities
from cnn_study.figures.filters import stored
from cnn_study.figures.layers import layer_text, measured_layers
from cnn_study.figures.layout import label_axes, legend, panels
from cnn_study.figures.quantities import ONE_SEED_TEXT, arms, conditions, labels, styles_of
from cnn_study.figures.sketch import Sketch
from cnn_study.figures.style import Style, depth_styles

TIMES = {"outputs_start": "at initialization", "outputs_end": "at the end"}


def percentiles(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """A panel an arm: percentiles of what one unit of the uppermost hidden layer takes, against epochs, of a seed."""
    shown = arms(outcome, plot)
    called, styles = quantities.names(shown), styles_of(outcome, labels(shown))
    figure, axes = panels([called[arm.name] for arm in shown], style)
    rows = []
    low, median, high = PERCENTILES
    layer = ""
    for ax, arm in zip(axes, shown, strict=True):
        records = outcome.replicates(arm.name)[:1]
        layers = measured_layers(outcome, arm, f"unit_input_p{median}")
        if not records or not layers:
            continue
        layer = layer_text(layers[-1])
        curves = {share: records[0].curve(f"unit_input_p{share}/{layers[-1]}") for share in PERCENTILES}
        for share, (epochs, values) in curves.items():
            ax.plot(
                epochs, values, color=styles[arm.label].color, linewidth=style.line * (1 if share == median else 0.5)
            )
            rows += [(arm.condition, arm.label, layers[-1], share, *each) for each in zip(epochs, values, strict=True)]
        epochs, lows = curves[low]
        ax.fill_between(epochs, lows, curves[high][1], color=styles[arm.label].color, alpha=0.2, linewidth=0)
        ax.set_xlim(left=0)
    label_axes(axes, plot.x or "epochs", plot.y or "what the unit takes")
    caption = (
        f"What one unit of the uppermost hidden layer ({layer}) takes over training images, in training mode: its "
        f"median (line) and the range from its {low}th to its {high}th percentile (band), against epochs. The first "
        "unit in the network of the first seed: an example, without an interval."
    )
    columns = ["condition", "label", "layer", "percentile", "epoch", "value"]
    foot = (f"Line: median over images; band: {low}th to {high}th percentile.", ONE_SEED_TEXT)
    return Sketch(figure, caption, pd.DataFrame(rows, columns=columns), foot)


def histograms(outcome: Outcome, plot: Plot, style: Style) -> Sketch:
    """Two panels an arm, at initialization and at the end: a line a layer, the density of the outputs of its units."""
    shown = [arm for arm in arms(outcome, plot) if any(map(_counted, outcome.replicates(arm.name)[:1]))]
    several, called = len(conditions(shown)) > 1, quantities.names(shown)
    titles = [
        f"{called[arm.name]}, {time}\n{arm.condition}" if several else f"{called[arm.name]}, {time}"
        for arm in shown
        for time in TIMES.values()
    ]
    figure, axes = panels(titles, style, columns=2)
    rows = []
    for place, arm in enumerate(shown):
        record = outcome.replicates(arm.name)[0]
        low, high = (record.outcomes[name] for name in ("output_low", "output_high"))
        for ax, metric in zip(axes[2 * place :], TIMES, strict=False):
            layers = measured_layers(outcome, arm, metric)
            styles = depth_styles(layers)
            for layer in layers:
                counted = stored(record, f"{metric}/{layer}")
                edges = np.linspace(low, high, len(counted) + 1)
                middles, density = (edges[1:] + edges[:-1]) / 2, counted / (edges[1] - edges[0])
                # All layers of a deep network would be a legend of their own: the colors run from dark to light.
                text = f"hidden layer {layer}" if layer in (layers[0], layers[-1]) else None
                ax.plot(middles, density, color=styles[layer].color, linewidth=0.7 * style.line, label=text)
                pairs = zip(middles, counted, strict=True)
                rows += [(arm.condition, arm.label, TIMES[metric], layer, *map(float, pair)) for pair in pairs]
            ax.set_yscale("log")
    label_axes(axes, plot.x or "output of a unit", plot.y or "density")
    legend(figure, axes)
    caption = (
        "How the outputs of the units of every hidden layer are distributed over test images, at initialization and "
        "at the end of training, from dark, near the input, to light, near the output. The vertical axis is "
        "logarithmic. The first seed of every arm: examples, without an interval."
    )
    columns = ["condition", "label", "time", "layer", "output", "share"]
    foot = ("Dark: near the input, light: near the output.", ONE_SEED_TEXT)
    return Sketch(figure, caption, pd.DataFrame(rows, columns=columns), foot)


def _counted(record) -> bool:
    return "output_low" in record.outcomes
