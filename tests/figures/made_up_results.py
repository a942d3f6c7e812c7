"""Outcomes that were never measured: one for every kind of figure, with the plot that shows it."""

import hashlib
import math
from dataclasses import replace

from cnn_study.analysis.decisions import ClaimVerdict, Decision, Outcome, decide
from cnn_study.analysis.statistics import Interval
from cnn_study.experiment import (
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    HalfGap,
    LowestValidationError,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    TimeRatio,
    TimeToTrainError,
    gain,
)
from cnn_study.results import CheckRecord, Point, RunRecord
from cnn_study.spec import CheckSpec, DataSpec, Dense, ModelSpec, TrainSpec
from cnn_study.training.search import Chosen, Trial
from cnn_study.training.tuning import Tuned

SEEDS = (1, 2, 3)
MODEL = ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=4), Dense(units=10, activation=None)))
TRAIN = TrainSpec(learning_rate=0.01, batch_size=10, epochs=20)
SOURCE = "Somebody, Else & Other 2012, Table 3"


def arm(number, label, condition="plain", level=None, name=""):
    """An arm; its number makes its images, and so its runs, differ from those of the others."""
    data = DataSpec(name="digits", content=f"{number:064x}", train_size=100)
    return Arm(name or f"{label}, {condition}, {level}", label, condition, data, MODEL, TRAIN, level)


def noise(*key):
    """A number between -1 and 1 that is always the same for the same key."""
    return int(hashlib.sha256(str(key).encode()).hexdigest()[:8], 16) / 2**31 - 1


def trials(one, objective):
    """A search over five rates with its best at 0.01; the greatest diverges, the least is too slow to be timed."""
    timed = isinstance(objective, TimeToTrainError)
    scores = [(1, 0.5) if timed else (0, 0.6), (0, 12.0) if timed else (0, 0.4)]
    scores += [(0, 8.0) if timed else (0, 0.3), (0, 9.0) if timed else (0, 0.35), (2, 0.0)]
    rates = (0.0025, 0.005, 0.01, 0.02, 0.04)
    found = [Trial(rate, (one.run(rate, 1000),), score) for rate, score in zip(rates, scores, strict=True)]
    return Chosen(0.01, tuple(found), inside=True)


def made_up_outcome(
    arms, measure, plots, published=(), decisions=(), checks=(), objective=None, claim="a-claim", proxy=""
):
    """An outcome of arms, each measured by ``measure(arm, seed)``: outcomes, and curves as pairs by metric."""
    objective = objective or TimeToTrainError(0.25)
    claims = (Claim(claim, "Something is <better> than something else.", tuple(published)),)
    search = RateSearch(objective, (0.005, 0.01, 0.02))
    specs = tuple(check.spec for check in checks)
    rules = tuple(decision.rule for decision in decisions)
    design = Design(tuple(arms), search if arms else None, SEEDS, rules, proxy, specs)
    tuned, stored = {}, {}
    for one in arms:
        runs = [one.run(0.01, seed) for seed in SEEDS]
        tuned[one.name] = Tuned(one, trials(one, objective), tuple(runs))
        for seed, run in zip(SEEDS, runs, strict=True):
            outcomes, curves = measure(one, seed)
            points = [
                Point(metric, step, epoch, value)
                for metric, pairs in curves.items()
                for step, (epoch, value) in enumerate(pairs)
            ]
            diverged = any(math.isnan(value) for _, value in curves.get("train_error", ()))
            ended = "diverged" if diverged else "epochs"
            stored[run.key] = RunRecord(run, ended, outcomes, tuple(points), "w", {"python": "3"}, 2.0, "2026")
    verdicts = tuple(ClaimVerdict("made_up", claims[0], d.rule.aspect, d.verdict, "", (d,)) for d in decisions)
    experiment = Experiment("made_up", "A made-up experiment", claims, lambda setting: design, tuple(plots))
    done = {check.spec.check: check for check in checks}
    return Outcome(experiment, design, tuned, stored, done, verdicts)


def falling(one, seed):
    """A training error that falls at a speed of the arm's own."""
    speed = 0.05 + 0.02 * (hash_of(one.label) % 5)
    pairs = [(e, max(0.9 * math.exp(-speed * e) + 0.02 * noise(one.name, seed, e), 0.0)) for e in range(21)]
    return {"test_error": pairs[-1][1]}, {"train_error": pairs, "validation_error": pairs[1:]}


def hash_of(text):
    """A number that depends on the text alone."""
    return sum(ord(letter) for letter in text)


LABELS = ("ReLU", "tanh", "sigmoid", "tanh, normalized", "sigmoid, normalized", "leaky ReLU", "ELU", "GELU", "SiLU")


def curves():
    arms = [arm(i * 10 + j, label, c) for i, c in enumerate(("first", "second")) for j, label in enumerate(LABELS)]
    numbers = (
        Published("epochs to 25 % training error", 6, SOURCE, "memory", about="ReLU"),
        Published("epochs to 25 % training error", 16, SOURCE, "secondary", about="tanh"),
    )
    plots = (Plot("training_curves"), Plot("history", "validation", "validation_error"))
    return made_up_outcome(arms, falling, plots, numbers)


def arrivals():
    """Two conditions; one arm loses seeds on the way: two of three never arrive."""
    arms = [arm(i * 10 + j, label, c) for i, c in enumerate(("first", "second")) for j, label in enumerate(LABELS[:3])]

    def measure(one, seed):
        never = one.label == "tanh" and seed != 1
        time = 4 * (1 + hash_of(one.label) % 3) + seed
        return {}, {"train_error": [(e, 0.9 if never else max(0.9 - 0.65 * e / time, 0.0)) for e in range(21)]}

    return made_up_outcome(arms, measure, (Plot("survival"),))


def race():
    """Two units under two conditions: one seed of tanh is late, one has diverged; a rule about each ratio of times."""
    arms = [arm(10 * i + j, label, c) for i, c in enumerate(("first", "second")) for j, label in enumerate(LABELS[:3])]
    arms = [replace(one, train=TRAIN.but(target_train_error=0.25)) for one in arms]

    def measure(one, seed):
        time = (4 if one.label == "ReLU" else 9) + seed + 20 * (one.condition == "second" and one.label != "ReLU")
        curve = [(e, max(0.9 - 0.65 * e / time, 0.0)) for e in range(min(math.ceil(time), 20) + 1)]
        if (one.label, one.condition, seed) == ("tanh", "second", 3):
            curve = [*curve[:5], (5, math.nan)]
        return {}, {"train_error": curve}

    numbers = (
        Published("ratio of epochs to 25 % training error", 6, SOURCE, "primary", about="tanh / ReLU"),
        Published("epochs to 25 % training error", 6, SOURCE, "memory", about="ReLU"),
        Published("epochs to 25 % training error", 36, SOURCE, "memory", about="tanh"),
    )
    plots = (Plot("race", labels=("ReLU", "tanh")),)
    found = made_up_outcome(arms, measure, plots, numbers)
    rules = [
        Rule("faster", "direction", c, TimeRatio(f"tanh, {c}, None", f"ReLU, {c}, None", 0.25), low=1)
        for c in ("first", "second")
    ]
    decisions = [decide(each, found.design, found.tuned, found.stored) for each in rules]
    return made_up_outcome(arms, measure, plots, numbers, decisions)


def search():
    arms = [arm(i * 10 + j, label, c) for i, c in enumerate(("first", "second")) for j, label in enumerate(LABELS[:5])]
    return made_up_outcome(arms, falling, (Plot("rate_search"),), objective=LowestValidationError())


def test_errors():
    labels = ("maximum, overlapping", "average", "stride", "no downsampling, with the computation of the maximum")
    arms = [
        arm(i * 10 + j, label, c) for i, c in enumerate(("same width", "same costs")) for j, label in enumerate(labels)
    ]
    arms.append(arm(99, "never measured", "same costs"))

    def measure(one, seed):
        if one.label == "never measured":
            return {"test_error": math.nan}, {}
        return {"test_error": 0.1 + 0.01 * (hash_of(one.label) % 5) + 0.01 * noise(one.name, seed)}, {}

    numbers = (
        Published("test error on CIFAR-10 (%)", 9.74, SOURCE, "secondary", about="maximum, overlapping"),
        Published("test error on CIFAR-10 (%)", 10.19, SOURCE, "memory", about="stride"),
        Published("gain in test error (points)", 0.4, SOURCE, "memory", about="stride / average"),
    )
    return made_up_outcome(arms, measure, (Plot("outcomes", y="test error"),), numbers)


def effects():
    names = ("full", "without ReLU", "without pooling", "without dropout", "slow", "fast")
    arms = [arm(i, name, name=name) for i, name in enumerate(names)]
    slope = Contrast(
        (Term(1, "slow", "slope"),), "the slope of the gradients of weights in slow", "powers of ten a layer"
    )
    rules = (
        (Rule("relu-helps", "direction", "full network", gain("full", "without ReLU"), low=2), "supported", 9, 6, 12),
        (
            Rule("pooling-helps", "direction", "full network", gain("full", "without pooling"), low=2),
            "inconclusive",
            3,
            1,
            5,
        ),
        (
            Rule(
                "dropout-does-nothing",
                "direction",
                "full network",
                gain("full", "without dropout"),
                -1,
                1,
                equivalence=True,
            ),
            "contradicted",
            -3,
            -4,
            -2,
        ),
        (
            Rule("gradients-stay", "magnitude", "deep", slope, -0.05, 0.05, equivalence=True),
            "supported",
            0.01,
            -0.02,
            0.04,
        ),
        (
            Rule("fast-is-fast", "direction", "plain", TimeRatio("slow", "fast", 0.25), low=1),
            "supported",
            3.0,
            2.0,
            4.5,
        ),
        (
            Rule("fast-is-fast", "magnitude", "plain", TimeRatio("slow", "fast", 0.25), 4, 8, True),
            "not tested",
            3,
            2,
            4.5,
        ),
        (
            Rule("remedy", "mechanism", "plain", HalfGap("slow", "fast", "full", 0.25), low=1),
            "inconclusive",
            1.2,
            1,
            math.inf,
        ),
    )
    decisions = []
    for rule, verdict, estimate, low, high in rules:
        kind = "mean" if isinstance(rule.estimate, Contrast) else "time"
        interval = Interval(estimate, low, high, 3, kind, getattr(rule.estimate, "unit", ""))
        decisions.append(Decision(rule, verdict, interval, interval, "", ()))
    numbers = (
        Published("ratio of epochs to 25 % training error", 6, SOURCE, "primary", about="slow / fast"),
        Published("gain in test error (points)", 1.3, SOURCE, "memory", about="full / without dropout"),
    )
    plots = (Plot("effects"), Plot("time_ratios"))
    return made_up_outcome(arms, lambda one, seed: ({}, {}), plots, numbers, decisions)


def averages():
    """Two ingredients under four conditions each, with rules about their gain on the average."""
    conditions = tuple(f"{what}, {whose} weights" for what in ("digits", "objects") for whose in ("Glorot's", "He's"))
    ways = {"convolution": 0.3, "local": 0.35, "tanh": 0.31}
    arms = [
        arm(10 * i + j, way, condition, name=f"{way}, {condition}")
        for i, condition in enumerate(conditions)
        for j, way in enumerate(ways)
    ]

    def measure(one, seed):
        harder = 0.2 * one.condition.startswith("objects")
        return {"test_error": ways[one.label] + harder + 0.02 * noise(one.name, seed)}, {}

    def rule(claim, other):
        gains = [gain(f"convolution, {condition}", f"{other}, {condition}") for condition in conditions]
        terms = (replace(term, coefficient=term.coefficient / len(gains)) for each in gains for term in each.terms)
        return Rule(claim, "direction", "on the average", Contrast(tuple(terms), "the average gain", "points"), low=0)

    plots = (Plot("forest"),)
    found = made_up_outcome(arms, measure, plots)
    rules = (rule("sharing-helps", "local"), rule("relu-helps-on-the-average", "tanh"))
    decisions = [decide(each, found.design, found.tuned, found.stored) for each in rules]
    return made_up_outcome(arms, measure, plots, decisions=decisions)


def doses():
    sizes = (1, 3, 5, 7, 11, 32)
    arms = [
        arm(1000 * i + 100 * j + size, label, c, size)
        for i, c in enumerate(("same width", "same parameters"))
        for j, label in enumerate(("convolution", "locally connected"))
        for size in sizes
        if (label, size) != ("locally connected", 32)
    ]

    def measure(one, seed):
        error = 0.3 + 0.2 / one.level + 0.05 * (one.label == "convolution") + 0.02 * noise(one.name, seed)
        return {"test_error": error}, {}

    numbers = (Published("test error (%)", 33.5, SOURCE, "memory", about="convolution"),)
    plots = (Plot("dose", "error_by_field", x="side of the receptive field (pixels)", y="test error", logarithmic="x"),)
    return made_up_outcome(arms, measure, plots, numbers)


def shifted():
    arms = [
        arm(i * 10 + j, label, c)
        for i, c in enumerate(("500 images", "2,000 images"))
        for j, label in enumerate(LABELS[:3])
    ]

    def measure(one, seed):
        return {f"shifted_accuracy/{s}": 0.9 - 0.08 * s + 0.02 * noise(one.name, seed, s) for s in range(9)}, {}

    return made_up_outcome(arms, measure, (Plot("family", "by_shift", "shifted_accuracy", x="shift (pixels)"),))


def gradients():
    arms = [
        arm(100 * i + 10 * j + depth, label, kind, depth)
        for i, kind in enumerate(("dense", "conv"))
        for j, label in enumerate(LABELS[:3])
        for depth in (5, 20)
    ]

    def measure(one, seed):
        curves = {}
        for layer in range(1, int(one.level) + 1):
            start = 10 ** (
                -0.3 * (one.level - layer) * (1 + (one.label == "sigmoid")) + 0.1 * noise(one.name, seed, layer)
            )
            curves[f"gradient_unit_input/{one.condition}{layer}"] = [(0, start), (5, start * 2), (10, start * 3)]
        return {}, curves

    plots = (Plot("layers", "by_layer", "gradient_unit_input", "layer", "root mean square gradient", "y"),)
    return made_up_outcome(arms, measure, plots)


def saturated():
    arms = [
        arm(10 * i + j, label, f"{depth} hidden, {weights}", depth, f"{label}, {depth}, {weights}")
        for i, (depth, weights) in enumerate([(1, "Glorot"), (5, "Glorot"), (1, "He"), (5, "He")])
        for j, label in enumerate(LABELS[:3])
    ]

    def measure(one, seed):
        curves = {
            f"saturated/dense{n}": [
                (e / 2, max(0.1 * n * (1 - math.exp(-e / 5)) + 0.03 * noise(one.name, seed, n, e), 0))
                for e in range(25)
            ]
            for n in range(1, int(one.level) + 1)
        }
        return {}, curves

    return made_up_outcome(arms, measure, (Plot("over_time", "saturated", "saturated", "epochs", "saturated units"),))


def kernels():
    arms = [arm(1, "16 maps"), arm(2, "8 maps, gray", level=1)]

    def measure(one, seed):
        channels, maps = (3, 16) if one.label == "16 maps" else (1, 8)
        curves = {}
        for m in range(maps):
            curves[f"filter/{m}"] = [(0, noise(one.name, seed, m, i)) for i in range(25 * channels)]
            curves[f"feature_map/{m}"] = [(0, abs(noise(one.name, seed, m, i))) for i in range(64)]
        sizes = {"filter_height": 5.0, "filter_width": 5.0, "filter_channels": float(channels)}
        return sizes | {"feature_map_height": 8.0, "feature_map_width": 8.0}, curves

    return made_up_outcome(arms, measure, (Plot("filters"),))


def pictures():
    """Patches of two maps, and a map of 6 x 6, under two conditions."""
    arms = [arm(1, "gray"), arm(2, "color")]

    def measure(one, seed):
        channels = 3 if one.label == "color" else 1
        counts = {"patch/0": 4 * 25 * channels, "patch/3": 4 * 25 * channels}
        counts |= {f"seen_image/{moved}": 36 * channels for moved in (0, 1)} | {
            f"seen_map/{moved}": 36 for moved in (0, 1)
        }
        curves = {
            name: [(0, abs(round(100 * noise(one.name, seed, name, i)))) for i in range(count)]
            for name, count in counts.items()
        }
        return {"patch_side": 5.0, "patch_channels": float(channels)}, curves

    return made_up_outcome(arms, measure, (Plot("patches"), Plot("pooled_maps")))


def inside():
    """Percentiles of what a unit takes, outputs of three layers, and an image that wanders."""
    arms = [arm(1, "tanh"), arm(2, "normalized")]

    def measure(one, seed):
        wide = 2.0 if one.label == "tanh" else 1.0
        curves = {
            f"unit_input_p{share}/dense{depth}": [(e, wide * (share - 50) / 35 + 0.1 * e) for e in range(6)]
            for share in (15, 50, 85)
            for depth in (1, 2)
        }
        for time in ("start", "end"):
            for depth in (1, 2, 3):
                shape = [math.exp(-((b - 10) ** 2) / (8 * wide * depth)) for b in range(20)]
                curves[f"outputs_{time}/{depth}"] = [(0, each / sum(shape)) for each in shape]
        curves["wandering_probability/own"] = [(0, 0.5 + 0.4 * noise(one.name, seed, p)) for p in range(17)]
        for place in (0, 8, 16):
            curves[f"wandering_image/{place}"] = [(0, 255 * (i % 17 == place)) for i in range(17 * 17)]
            if one.label == "normalized":
                curves[f"wandering_map/{place}"] = [(0, 1.0 * (i % 17 == place)) for i in range(17 * 17)]
        return {"output_low": -1.0, "output_high": 1.0}, curves

    return made_up_outcome(arms, measure, (Plot("percentiles"), Plot("histograms"), Plot("wandering")))


def check(name, cases=100, agreeing=100, table=()):
    """A finished check."""
    return CheckRecord(CheckSpec(check=name), {"cases": float(cases), "agreeing": float(agreeing)}, tuple(table))


def exact():
    kinds = (("dense", 4_821_600, 4_821_600), ("local", 122_304, 117_600), ("conv", 156, 117_600))
    table = [
        {"kind": k, "geometry": g, "parameters": p * f, "connections": p + m, "macs": m * f}
        for g, f in (("LeNet-5", 1), ("larger", 4))
        for k, p, m in kinds
    ]
    seen = [
        {"padding": p, "depth": depth, "distance": d, "influence": (0.2 + 0.1 * d) / depth * (1 + (p == "same"))}
        for p in ("same", "valid", "reflect")
        for depth in (1, 3, 5)
        for d in range(8)
    ]
    checks = (
        check("output_size", 53_200, 53_200),
        check("padding_volume", 400, 396),
        check("receptive_field_costs", table=table),
        check("border_visibility", table=seen),
    )
    plots = (
        Plot("agreement"),
        Plot("costs", metric="receptive_field_costs:geometry"),
        Plot("table", "seen", "border_visibility:padding", "distance", "influence", "y"),
        Plot("visibility"),
    )
    return made_up_outcome((), None, plots, checks=checks)


def gallery():
    """Every outcome with a plot of it, by the kind of figure."""
    outcomes = (
        curves(),
        arrivals(),
        race(),
        search(),
        test_errors(),
        effects(),
        averages(),
        doses(),
        shifted(),
        gradients(),
        saturated(),
        kernels(),
        pictures(),
        inside(),
        exact(),
    )
    kinds = {plot.kind: (outcome, plot) for outcome in outcomes for plot in outcome.experiment.plots}
    return kinds | {"multiverse": (effects(), Plot("multiverse"))}


def proxied(outcome, text):
    """The same outcome as a proxy."""
    return replace(outcome, design=replace(outcome.design, proxy=text))
