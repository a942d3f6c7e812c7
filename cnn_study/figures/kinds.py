"""How every kind of figure is drawn; :data:`cnn_study.experiment.plot.KINDS` says what an experiment may ask of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cnn_study.figures import (
    curves,
    distributions,
    effects,
    exact,
    filters,
    forest,
    layers,
    levels,
    multiverse,
    outcomes,
    pictures,
    race,
    rates,
    ratios,
    survival,
)
from cnn_study.figures.sketch import Sketch


@dataclass(frozen=True)
class Kind:
    """How a kind of figure is drawn.

    Attributes:
        sketch: The function that draws it: it takes an outcome, a plot and a style. Its docstring says how it reads the
            fields of the plot.
        judged: Whether it shows verdicts: ``sketch`` takes ``survives`` too.
        exact: Whether it shows exact checks, which need no images.
    """

    sketch: Callable[..., Sketch]
    judged: bool = False
    exact: bool = False


FIGURES: Mapping[str, Kind] = {
    "training_curves": Kind(curves.training_curves),
    "history": Kind(curves.history),
    "race": Kind(race.race),
    "time_ratios": Kind(ratios.time_ratios),
    "rate_search": Kind(rates.rate_search),
    "outcomes": Kind(outcomes.outcomes),
    "effects": Kind(effects.effects, judged=True),
    "multiverse": Kind(multiverse.multiverse, judged=True),
    "forest": Kind(forest.forest, judged=True),
    "survival": Kind(survival.survival),
    "dose": Kind(levels.dose),
    "family": Kind(levels.family),
    "layers": Kind(layers.layers),
    "over_time": Kind(layers.over_time),
    "filters": Kind(filters.filters),
    "patches": Kind(pictures.patches),
    "pooled_maps": Kind(pictures.pooled_maps),
    "percentiles": Kind(distributions.percentiles),
    "histograms": Kind(distributions.histograms),
    "wandering": Kind(pictures.wandering),
    "agreement": Kind(exact.agreement, exact=True),
    "costs": Kind(exact.costs, exact=True),
    "table": Kind(exact.table, exact=True),
    "visibility": Kind(exact.visibility, exact=True),
}
"""Every kind of figure, by its name."""
