"""Specifications as others may write them: each is a valid one, or refused in one line."""

import copy
import json

from cases import attempt
from hypothesis import strategies as st

from cnn_study.errors import InputError
from cnn_study.models.complexity import check_memory, costs, memory
from cnn_study.spec import ModelSpec, RunSpec

RUN = {
    "data": {"name": "cifar10", "content": "0" * 64, "train_size": 2000, "validation_size": 100, "canvas": 32},
    "model": {
        "input_shape": [32, 32, 3],
        "layers": [
            {"kind": "conv", "maps": 4, "field": 5, "stride": 2, "padding": "valid", "pool": {"reduce": "max"}},
            {
                "kind": "conv",
                "maps": 2,
                "field": 3,
                "table": [[0], [1, 3]],
                "initializer": {"kind": "normal", "stddev": 1},
            },
            {"kind": "subsample", "size": 1},
            {"kind": "dense", "units": 20, "batch_norm": True, "norm_noise": True, "dropout": 0.5},
            {"kind": "dense", "units": 10, "activation": None},
        ],
    },
    "train": {"learning_rate": 0.1, "momentum": 0.9, "batch_size": 20, "epochs": 3, "target_train_error": 0.1},
    "seeds": {"init": 1, "order": 2, "noise": 3},
    "probes": ["gradients", "filters"],
}
WORDS = ["conv", "dense", "global_average", "radial_basis", "relu", "reflect", "same", "max", "adam", "he", "kind"]
NAMES = [*RUN, *RUN["data"], *RUN["model"], *RUN["train"], "maps", "field", "pool", "table", "shared", "learning_rat"]
EDGES = [0, -1, 1, 2, 5, 33, 84, 2**31 - 1, 2**31, 2**63, 10**400, -(10**30), 0.5, 1e-320, 1e308, -0.0]
EDGES += [float("nan"), float("inf"), float("-inf")]

words = st.sampled_from(WORDS) | st.text(max_size=12)
scalars = st.none() | st.booleans() | st.sampled_from(EDGES) | st.integers() | st.floats() | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | words, inner, max_size=4),
    max_leaves=12,
)
sizes = st.one_of(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.sampled_from([-1, 0, 33, 2**20, 2**31 - 1])
)
pools = st.fixed_dictionaries(
    {"reduce": st.sampled_from(["max", "average"])},
    optional={"size": sizes, "stride": sizes, "padding": st.sampled_from(["same", "valid"])},
)
convs = st.fixed_dictionaries(
    {"kind": st.just("conv"), "maps": sizes, "field": sizes},
    optional={
        "stride": sizes,
        "padding": st.sampled_from(["same", "valid", "reflect"]),
        "shared": st.booleans(),
        "pool": pools,
    },
)
layers = st.one_of(
    convs,
    convs,
    convs,
    st.fixed_dictionaries({"kind": st.just("subsample"), "size": st.integers(0, 3)}),
    st.fixed_dictionaries({"kind": st.just("dense"), "units": sizes}),
    st.sampled_from([{"kind": "global_average"}, {"kind": "radial_basis"}]),
)
sides = st.one_of(st.integers(1, 40), st.integers(20, 40), st.sampled_from([0, 2**31 - 1]))


@st.composite
def geometries(draw):
    """Networks whose fields are known and whose sizes may be anything."""
    below = draw(st.lists(layers, max_size=4))
    shape = draw(st.tuples(sides, sides, st.sampled_from([1, 1, 3, 3, 0])))
    model = {"input_shape": shape, "layers": [*below, {"kind": "dense", "units": 10, "activation": None}]}
    return json.dumps({**RUN, "model": model, "seeds": {}})


@st.composite
def changed(draw):
    """The example with some of its parts replaced, taken away or added."""
    root = copy.deepcopy(RUN)
    for _ in range(draw(st.integers(1, 3))):
        part, key = root, draw(st.sampled_from(sorted(root)))
        while isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 3)):
            part = part[key]
            key = draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                part[key] = draw(values)
            case "remove" if len(part) > 1:
                del part[key]
            case "add" if isinstance(part, dict):
                part[draw(st.sampled_from(NAMES) | words)] = draw(values)
    return json.dumps(root)


@st.composite
def nested(draw):
    """Lists in lists, deeper than anybody reads."""
    depth = draw(st.integers(1, 5000))
    return draw(st.sampled_from(["[", '{"data":'])) * depth


texts = st.one_of(
    changed(),
    changed(),
    geometries(),
    geometries(),
    geometries(),
    geometries(),
    values.map(json.dumps),
    st.text(max_size=40),
    st.binary(max_size=40),
    nested(),
)


def is_a_run_or_refused(text):
    """The text is a run with a network that can be and a key that stays, or is refused in one line with exit code 2.

    Returns:
        Whether it is one.
    """
    run = attempt(InputError, lambda: RunSpec.parse(text))
    if isinstance(run, InputError):
        assert run.exit_code == 2
        return False
    assert all(min(shape) > 0 for shape in run.model.shapes())
    assert min(cost.macs for cost in costs(run.model)) >= 0
    again = RunSpec.parse(run.model_dump_json())
    assert again == run
    assert again.key == run.key
    assert ModelSpec.parse(json.dumps(run.model.canonical())) == run.model
    needs_what_is_said(run)
    return True


def needs_what_is_said(run):
    """There is room for it in as much memory as it is said to need, and the refusal says how much that is."""
    total = memory(run.model, run.train, images=100).total
    check_memory(run.model, run.train, total, images=100)
    refusal = attempt(InputError, lambda: check_memory(run.model, run.train, total - 1, images=100))
    assert "needs at least" in str(refusal)
