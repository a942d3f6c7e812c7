import json
import pickle
from typing import get_args

import pydantic
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_study.errors import InputError
from cnn_study.spec import (
    GLOROT,
    HE,
    Activation,
    Conv,
    DataSpec,
    Dense,
    ModelSpec,
    Normal,
    Pool,
    RunSpec,
    Seeds,
    TrainSpec,
    VarianceScaled,
    digest,
    one_line,
    output_size,
)

PROPERTY = settings(deadline=None, max_examples=50)

# A run in which no field has its default value, so that each can be changed and each can be taken away.
RUN = RunSpec(
    data=DataSpec(
        name="cifar10",
        content="0123456789abcdef" * 4,
        train_size=2000,
        validation_size=100,
        test_size=500,
        scaling="mean_subtracted",
        subset_seed=3,
    ),
    model=ModelSpec(
        input_shape=(32, 30, 3),
        layers=(
            Conv(
                maps=8,
                field=5,
                stride=2,
                padding="valid",
                shared=False,
                activation="tanh",
                pool=Pool(reduce="average", size=3, stride=1, padding="valid", before_unit=True),
                batch_norm=True,
                initializer=Normal(stddev=0.02),
            ),
            Dense(units=20, activation="sigmoid", batch_norm=True, initializer=VarianceScaled(rule="lecun")),
            Dense(units=10, activation=None),
        ),
    ),
    train=TrainSpec(
        optimizer="sgd",
        learning_rate=0.01,
        momentum=0.9,
        batch_size=50,
        epochs=7,
        evaluations_per_epoch=4,
        evaluation_size=1000,
        target_train_error=0.25,
    ),
    seeds=Seeds(init=5, order=6),
)

# Another valid value for every field of RUN, by its place in the JSON.
CHANGES = {
    "data.name": "mnist",
    "data.content": "f" * 64,
    "data.train_size": 2001,
    "data.validation_size": 101,
    "data.test_size": 501,
    "data.scaling": "standardized",
    "data.subset_seed": 4,
    "model.input_shape.0": 31,
    "model.input_shape.1": 29,
    "model.input_shape.2": 1,
    "model.layers.0.maps": 9,
    "model.layers.0.field": 4,
    "model.layers.0.stride": 1,
    "model.layers.0.padding": "same",
    "model.layers.0.shared": True,
    "model.layers.0.activation": "relu",
    "model.layers.0.pool.reduce": "max",
    "model.layers.0.pool.size": 2,
    "model.layers.0.pool.stride": 2,
    "model.layers.0.pool.padding": "same",
    "model.layers.0.pool.before_unit": False,
    "model.layers.0.batch_norm": False,
    "model.layers.0.initializer.stddev": 0.03,
    "model.layers.1.units": 21,
    "model.layers.1.activation": "relu",
    "model.layers.1.batch_norm": False,
    "model.layers.1.initializer.rule": "glorot",
    "model.layers.2.units": 11,
    "model.layers.2.batch_norm": True,
    "model.layers.2.initializer.rule": "he",
    "train.learning_rate": 0.02,
    "train.momentum": 0.0,
    "train.batch_size": 51,
    "train.epochs": 8,
    "train.evaluations_per_epoch": 3,
    "train.evaluation_size": 1001,
    "train.target_train_error": 0.2,
    "seeds.init": 6,
    "seeds.order": 5,
}
# Fields that cannot change alone.
BOUND = {
    "model.layers.0.kind": "another kind has other fields",
    "model.layers.1.kind": "another kind has other fields",
    "model.layers.2.kind": "another kind has other fields",
    "model.layers.0.initializer.kind": "another kind has other fields",
    "model.layers.1.initializer.kind": "another kind has other fields",
    "model.layers.2.initializer.kind": "another kind has other fields",
    "model.layers.2.activation": "the logits are linear",
    "train.optimizer": "Adam has no momentum",
}


def leaves(value, place=()):
    """Every number, word or nothing in a JSON value, with its place: ``{"train.epochs": 7, ...}``."""
    if not isinstance(value, dict | list):
        return {".".join(place): value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {name: leaf for key, item in items for name, leaf in leaves(item, (*place, str(key))).items()}


def with_leaf(spec, place, value):
    """The JSON of a spec with one leaf replaced."""
    root = part = json.loads(spec.model_dump_json())
    *way, last = place.split(".")
    for key in way:
        part = part[int(key) if isinstance(part, list) else key]
    part[int(last) if isinstance(part, list) else last] = value
    return json.dumps(root)


def reversed_fields(value):
    """The same JSON value with the fields of every object declared the other way round."""
    if isinstance(value, dict):
        return {key: reversed_fields(value[key]) for key in reversed(value)}
    return [reversed_fields(item) for item in value] if isinstance(value, list) else value


positive = st.integers(1, 40)
rates = st.floats(1e-6, 10, allow_nan=False)
activations = st.sampled_from(get_args(Activation))
initializers = st.builds(Normal, stddev=rates) | st.builds(
    VarianceScaled, rule=st.sampled_from(["he", "glorot", "lecun"])
)
pools = st.builds(
    Pool,
    reduce=st.sampled_from(["max", "average"]),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    before_unit=st.booleans(),
)
convs = st.builds(
    Conv,
    maps=positive,
    field=st.integers(1, 7),
    stride=st.integers(1, 3),
    shared=st.booleans(),
    activation=st.none() | activations,
    pool=st.none() | pools,
    batch_norm=st.booleans(),
    initializer=initializers,
)
denses = st.builds(
    Dense,
    units=positive,
    activation=st.none() | activations,
    batch_norm=st.booleans(),
    initializer=initializers,
)
models = st.builds(
    lambda shape, hidden, flat, classes: ModelSpec(
        input_shape=shape, layers=(*hidden, *flat, Dense(units=classes, activation=None))
    ),
    st.tuples(positive, positive, st.integers(1, 4)),
    st.lists(convs, max_size=3),
    st.lists(denses, max_size=2),
    positive,
)
runs = st.builds(
    RunSpec,
    data=st.builds(
        DataSpec,
        name=st.text(max_size=8),
        content=st.binary(min_size=32, max_size=32).map(bytes.hex),
        train_size=st.none() | st.integers(100, 10**6),
        validation_size=st.integers(0, 10**4),
        scaling=st.sampled_from(["standardized", "mean_subtracted"]),
        subset_seed=st.integers(0, 2**70),
    ),
    model=models,
    train=st.builds(
        TrainSpec,
        learning_rate=rates,
        momentum=st.floats(0, 0.99),
        batch_size=st.integers(1, 100),
        epochs=positive,
        target_train_error=st.none() | st.floats(0, 0.99),
    ),
    seeds=st.builds(Seeds, init=st.integers(0, 2**70), order=st.integers(0, 2**40)),
)


# --- through JSON and back ---


@PROPERTY
@given(runs)
def test_a_run_goes_through_json_and_back(run):
    again = RunSpec.parse(run.model_dump_json())
    assert again == run
    assert again.key == run.key
    assert hash(again) == hash(run)


@PROPERTY
@given(runs)
def test_what_is_left_of_a_run_without_its_defaults_is_the_run(run):
    canonical = json.loads(json.dumps(run.canonical()))
    assert RunSpec.parse(json.dumps(canonical)) == run


def test_every_field_of_the_example_is_unlike_its_default():
    """Or else the tests below would not see it."""
    dumped = leaves(json.loads(RUN.model_dump_json()))
    canonical = leaves(RUN.canonical())
    assert set(dumped) == set(CHANGES) | set(BOUND)
    at_default = {
        "train.optimizer",
        "model.layers.2.batch_norm",
        "model.layers.2.initializer.kind",
        "model.layers.2.initializer.rule",
    }
    assert set(dumped) - set(canonical) == at_default


# --- what is refused ---


@pytest.mark.parametrize(
    "spec", [RUN, RUN.data, RUN.model, RUN.train, RUN.seeds, *RUN.model.layers, Pool(reduce="max")]
)
def test_unknown_fields_are_refused(spec):
    text = json.dumps(json.loads(spec.model_dump_json()) | {"learning_rat": 1})
    with pytest.raises(InputError, match=r"learning_rat: Extra inputs are not permitted") as raised:
        type(spec).parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("place", [name for name, value in CHANGES.items() if type(value) in (int, float)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, "many", [], {}])
def test_numbers_that_are_none_are_refused_and_the_field_named(place, value):
    with pytest.raises(InputError) as raised:
        RunSpec.parse(with_leaf(RUN, place, value))
    message = str(raised.value)
    assert place.rpartition(".")[2] in message
    assert len(message.splitlines()) == 1


ZERO_IS_FINE = {
    "data.validation_size",
    "data.subset_seed",
    "train.momentum",
    "train.target_train_error",
    "seeds.init",
    "seeds.order",
}


@pytest.mark.parametrize(
    "place", [name for name, value in CHANGES.items() if type(value) in (int, float) and name not in ZERO_IS_FINE]
)
def test_zero_is_refused(place):
    with pytest.raises(InputError, match=r"greater than 0 \(got 0\)") as raised:
        RunSpec.parse(with_leaf(RUN, place, 0))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("place", sorted(ZERO_IS_FINE))
def test_zero_is_taken_where_it_means_something(place):
    assert leaves(json.loads(RunSpec.parse(with_leaf(RUN, place, 0)).model_dump_json()))[place] == 0


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("train.momentum", 1, "less than 1"),
        ("train.target_train_error", 1, "less than 1"),
        ("data.content", "0" * 63, "pattern"),
        ("data.content", "A" * 64, "pattern"),
        ("data.content", "0" * 64 + "\n", "pattern"),
        ("data.scaling", "whitened", "standardized"),
        ("train.optimizer", "adamw", "adam"),
        ("model.layers.0.activation", "swish", "relu"),
        ("model.layers.0.kind", "attention", "conv"),
        ("model.layers.1.initializer.rule", "xavier", "glorot"),
        ("model.layers.0.pool.reduce", "min", "max"),
        ("model.layers.0.maps", 2.5, "integer"),
        ("model.layers", [], "layers"),
        ("model.input_shape", [32, 32], "input_shape.2"),
    ],
)
def test_values_out_of_range_are_refused_with_the_remedy(place, value, complaint):
    with pytest.raises(InputError, match=complaint) as raised:
        RunSpec.parse(with_leaf(RUN, place, value))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,\n2]", b"\xff", '{"a\\nb": 1}', '{"\\u2028": 1}', '{"data": "a\\nb"}', "[" * 1000, "{\n\n!", "null"],
)
def test_what_is_no_spec_is_refused_in_one_short_line(text):
    with pytest.raises(InputError) as raised:
        RunSpec.parse(text)
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("not a valid RunSpec: ")
    assert len(str(raised.value)) < 300


def test_missing_fields_are_all_named():
    with pytest.raises(InputError) as raised:
        RunSpec.parse("{}")
    complaints = "; ".join(f"{field}: Field required" for field in ("data", "model", "train"))
    assert str(raised.value) == f"not a valid RunSpec: {complaints}"


def test_adam_has_no_momentum():
    with pytest.raises(InputError, match="momentum is an option of sgd"):
        RunSpec.parse(with_leaf(RUN, "train.optimizer", "adam"))
    assert TrainSpec(optimizer="adam", learning_rate=1, epochs=1).momentum == 0


def test_specs_cannot_be_changed():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        RUN.train.epochs = 9


# --- geometry ---


def logits(*layers, input_shape=(8, 8, 1)):
    return ModelSpec(input_shape=input_shape, layers=(*layers, Dense(units=10, activation=None)))


@pytest.mark.parametrize(
    ("layers", "complaint"),
    [
        ((Conv(maps=4, field=9, padding="valid"),), r"layer 1 \(conv 9x9\).*8 pixels"),
        (
            (Conv(maps=4, field=5, padding="valid"), Conv(maps=4, field=5, padding="valid")),
            r"layer 2 \(conv 5x5\).*4 pixels",
        ),
        (
            (Conv(maps=4, field=6, padding="valid", pool=Pool(reduce="max", size=4, padding="valid")),),
            r"pooling of layer 1 \(4x4\).*3 pixels",
        ),
        (
            (Conv(maps=4, field=3), Conv(maps=4, field=3, stride=8, pool=Pool(reduce="max", padding="valid"))),
            r"pooling of layer 2 \(2x2\).*1 pixels",
        ),
        ((Dense(units=4), Conv(maps=4, field=3)), "layer 2: a convolution cannot follow a dense layer"),
        (
            (Conv(maps=4, field=3), Dense(units=4), Dense(units=4), Conv(maps=4, field=3)),
            "layer 4: a convolution cannot follow a dense layer",
        ),
    ],
)
def test_impossible_geometry_is_refused_and_the_layer_named(layers, complaint):
    with pytest.raises(pydantic.ValidationError, match=complaint) as raised:
        logits(*layers)
    assert len(one_line(raised.value).splitlines()) == 1


def test_the_narrow_side_decides_whether_a_field_fits():
    layer = Conv(maps=4, field=5, padding="valid")
    assert logits(layer, input_shape=(5, 9, 1)).shapes()[0] == (1, 5, 4)
    with pytest.raises(pydantic.ValidationError, match="input of 4 pixels"):
        logits(layer, input_shape=(9, 4, 1))


@pytest.mark.parametrize(
    "last", [Conv(maps=10, field=3, activation=None), Dense(units=10), Dense(units=10, activation="tanh")]
)
def test_the_last_layer_must_give_logits(last):
    with pytest.raises(pydantic.ValidationError, match="last layer must be dense and linear"):
        ModelSpec(input_shape=(8, 8, 1), layers=(Conv(maps=4, field=3), last))


def test_shapes_are_those_after_pooling():
    model = logits(
        Conv(maps=4, field=3, padding="valid", pool=Pool(reduce="max", size=3)),
        Conv(maps=5, field=9, stride=2),
        Dense(units=7),
        input_shape=(10, 13, 3),
    )
    # 10 x 13 without a border of 1: 8 x 11; halved and rounded up: 4 x 6; twice.
    assert model.shapes() == [(4, 6, 4), (2, 3, 5), (7,), (10,)]
    assert model.classes == 10


@PROPERTY
@given(size=st.integers(1, 30), field=st.integers(1, 9), stride=st.integers(1, 5))
def test_valid_positions_are_those_that_fit(size, field, stride):
    assume(field <= size)
    fitting = [start for start in range(0, size, stride) if start + field <= size]
    assert output_size(size, field, stride, "valid") == len(fitting)


@PROPERTY
@given(size=st.integers(1, 30), field=st.integers(1, 9), stride=st.integers(1, 5))
def test_same_positions_are_the_fewest_that_leave_no_step_out(size, field, stride):
    assert output_size(size, field, stride, "same") == len(range(0, size, stride))
    if stride == 1:
        assert output_size(size, field, stride, "same") == size


# --- sizes ---


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("train.batch_size", 2001, "batch_size 2001 is larger than the 2000"),
        ("train.evaluation_size", 2001, "evaluation_size 2001 is larger than the 2000"),
        ("train.evaluations_per_epoch", 41, "41 evaluations an epoch, but only 40 steps"),
    ],
)
def test_more_than_there_are_training_examples_is_refused(place, value, complaint):
    run = RUN.but(train=RUN.train.but(evaluations_per_epoch=1))
    with pytest.raises(InputError, match=complaint):
        RunSpec.parse(with_leaf(run, place, value))
    largest = RunSpec.parse(with_leaf(run, place, value - 1))
    assert leaves(json.loads(largest.model_dump_json()))[place] == value - 1


def test_a_run_on_all_examples_leaves_their_number_open():
    run = RUN.but(data=RUN.data.but(train_size=None), train=RUN.train.but(batch_size=10**6, evaluation_size=10**6))
    assert run.train.batch_size == 10**6


# --- keys ---


def test_golden_key():
    """Stored results are found under such keys: it changes only with SEMANTICS or with the default of a field."""
    run = RunSpec(
        data=DataSpec(name="cifar10", content="0123456789abcdef" * 4, train_size=2000),
        model=logits(Conv(maps=32, field=5, pool=Pool(reduce="max", size=3)), input_shape=(32, 32, 3)),
        train=TrainSpec(learning_rate=0.01, momentum=0.9, epochs=40, target_train_error=0.2),
        seeds=Seeds.all(1),
    )
    assert run.key == "e595f463e9d5c908"
    assert RUN.key == "9b7fd2bf8b2f128c"


@PROPERTY
@given(runs)
def test_key_is_independent_of_the_order_of_the_fields(run):
    text = json.dumps(reversed_fields(json.loads(run.model_dump_json())))
    assert RunSpec.parse(text).key == run.key


@pytest.mark.parametrize("place", CHANGES)
def test_every_field_changes_the_key(place):
    assert RunSpec.parse(with_leaf(RUN, place, CHANGES[place])).key != RUN.key


def test_no_two_of_the_changes_have_one_key():
    keys = {place: RunSpec.parse(with_leaf(RUN, place, value)).key for place, value in CHANGES.items()}
    assert len(set(keys.values())) == len(CHANGES)


def test_fields_that_cannot_change_alone_change_the_key_too():
    sgd = RUN.but(train=RUN.train.but(momentum=0.0))
    adam = sgd.but(train=sgd.train.but(optimizer="adam"))
    first, *others = RUN.model.layers
    shapes = {
        "an initializer of another kind": first.but(initializer=HE),
        "a layer of another kind": Dense(units=8, activation="tanh", batch_norm=True, initializer=first.initializer),
        "no unit": first.but(activation=None),
        "no pooling": first.but(pool=None),
    }
    runs = [RUN, sgd, adam] + [
        RUN.but(model=RUN.model.but(layers=(layer, *others), input_shape=(32, 30, 3))) for layer in shapes.values()
    ]
    assert len({run.key for run in runs}) == len(runs)


def test_the_order_of_the_layers_changes_the_key():
    one, two = (logits(Dense(units=a), Dense(units=b)) for a, b in ((3, 4), (4, 3)))
    assert RUN.but(model=one).key != RUN.but(model=two).key


def test_a_default_given_explicitly_does_not_change_the_key():
    terse = {
        "data": {"name": "mnist", "content": "0" * 64},
        "model": {
            "input_shape": [28, 28, 1],
            "layers": [
                {"kind": "conv", "maps": 4, "field": 3, "pool": {"reduce": "max"}},
                {"kind": "dense", "units": 10, "activation": None},
            ],
        },
        "train": {"learning_rate": 1, "epochs": 2},
    }
    run = RunSpec.parse(json.dumps(terse))
    explicit = run.model_dump_json()
    assert len(leaves(json.loads(explicit))) > 2 * len(leaves(terse))
    assert RunSpec.parse(explicit).key == run.key
    assert run.canonical() == json.loads(json.dumps(terse))


def test_a_new_switch_gives_stored_runs_no_other_key():
    class Extended(TrainSpec):
        weight_decay: float = 0.0
        schedule: Pool | None = None

    options = RUN.train.model_dump()
    assert Extended(**options).canonical() == RUN.train.canonical()
    changed = Extended(**options, weight_decay=0.1).canonical()
    assert changed == RUN.train.canonical() | {"weight_decay": 0.1}


def test_key_is_the_digest_of_the_canonical_form_with_the_semantics(monkeypatch):
    assert RUN.key == digest({"semantics": 1, "run": RUN.canonical()})[:16]
    monkeypatch.setattr("cnn_study.spec.SEMANTICS", 2)
    assert RUN.but().key == digest({"semantics": 2, "run": RUN.canonical()})[:16] != RUN.key


def test_digest_is_that_of_sorted_json_in_ascii():
    # echo -n '{"a":[1,"\u00e9"],"b":null}' | sha256sum
    expected = "e6ad993c7a569e941cdd65aa57c817cb74d20d9877b15dfc8cc0ac151c74785d"
    assert digest({"b": None, "a": [1, "é"]}) == expected


# --- changed copies ---


def test_but_changes_one_field_and_leaves_the_original():
    longer = RUN.train.but(epochs=8)
    assert (longer.epochs, RUN.train.epochs) == (8, 7)
    assert longer.but(epochs=7) == RUN.train


def test_but_validates():
    with pytest.raises(pydantic.ValidationError, match="greater than 0"):
        RUN.train.but(epochs=0)
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        RUN.train.but(epoch=3)
    with pytest.raises(pydantic.ValidationError, match="batch_size 50 is larger than the 49"):
        RUN.but(data=RUN.data.but(train_size=49))


def test_but_does_not_carry_the_key_over():
    run = RUN.but()
    before = run.key
    changed = run.but(seeds=Seeds.all(99))
    assert changed.key != before
    assert changed.but(seeds=run.seeds).key == before


def test_a_run_whose_key_was_asked_for_is_the_same_run():
    fresh, asked = RUN.but(), RUN.but()
    assert asked.key
    assert asked == fresh
    assert hash(asked) == hash(fresh)
    assert asked.model_dump_json() == fresh.model_dump_json()
    assert pickle.loads(pickle.dumps(asked)) == fresh  # noqa: S301 - our own bytes


def test_one_seed_for_all_streams():
    assert Seeds.all(7) == Seeds(init=7, order=7)
    assert all(value == 7 for value in Seeds.all(7).model_dump().values())


def test_weights_are_initialized_by_glorots_rule_unless_told_otherwise():
    assert Conv(maps=1, field=1).initializer == Dense(units=1).initializer == GLOROT == VarianceScaled(rule="glorot")
