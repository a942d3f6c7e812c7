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
    SEMANTICS,
    Activation,
    CheckSpec,
    Conv,
    DataSpec,
    Dense,
    FanUniform,
    GlobalAverage,
    ModelSpec,
    Normal,
    Pool,
    ProbeName,
    RadialBasis,
    RunSpec,
    Seeds,
    Subsample,
    TrainSpec,
    VarianceScaled,
    Zeros,
    digest,
    one_line,
    output_size,
)

PROPERTY = settings(deadline=None, max_examples=50)

# A run in which no field that can have another value has its default, so that each can be changed and taken away.
NOISY = {"batch_norm": True, "norm_after_unit": True, "norm_noise": True, "dropout": 0.25}
RUN = RunSpec(
    data=DataSpec(
        name="cifar10",
        content="0123456789abcdef" * 4,
        train_size=2000,
        validation_size=100,
        test_size=500,
        scaling="mean_subtracted",
        subset_seed=3,
        crop=1,
        side=30,
        canvas=32,
        placement="random",
        block=4,
        block_seed=5,
        displaced=2,
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
                initializer=Normal(stddev=0.02),
                bias_stddev=0.5,
                rate=0.5,
                **NOISY,
            ),
            Conv(
                maps=2,
                field=3,
                stride=2,
                padding="reflect",
                table=((2,), (3,)),
                activation="elu",
                initializer=FanUniform(reach=1.5),
                bias_stddev=0.5,
                rate=1.5,
                **NOISY,
            ),
            Subsample(size=1, activation="sigmoid"),
            Dense(
                units=20,
                activation="sigmoid",
                initializer=VarianceScaled(rule="lecun", distribution="uniform"),
                bias_stddev=0.5,
                rate=2.5,
                **NOISY,
            ),
            Dense(units=10, activation=None, bias_stddev=0.5),
        ),
    ),
    train=TrainSpec(
        loss="mean_squared",
        optimizer="sgd",
        learning_rate=0.01,
        schedule=(1, 0.5),
        momentum=0.9,
        weight_decay=0.001,
        bias_rate=2.0,
        batch_size=50,
        epochs=7,
        evaluations_per_epoch=4,
        evaluation_size=1000,
        test_curve=True,
        target_train_error=0.25,
    ),
    seeds=Seeds(init=5, order=6, noise=7),
    probes=("translation", "filters"),
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
    "data.crop": 2,
    "data.side": 31,
    "data.canvas": 33,
    "data.placement": "center",
    "data.block": 2,
    "data.block_seed": 6,
    "data.displaced": 3,
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
    "model.layers.0.norm_after_unit": False,
    "model.layers.0.norm_noise": False,
    "model.layers.0.dropout": 0.5,
    "model.layers.0.bias_stddev": 0.25,
    "model.layers.0.initializer.stddev": 0.03,
    "model.layers.0.rate": 3.5,
    "model.layers.1.field": 4,
    "model.layers.1.stride": 1,
    "model.layers.1.padding": "valid",
    "model.layers.1.table.0.0": 4,
    "model.layers.1.table.1.0": 4,
    "model.layers.1.activation": "relu",
    "model.layers.1.pool": {"reduce": "max"},
    "model.layers.1.norm_after_unit": False,
    "model.layers.1.norm_noise": False,
    "model.layers.1.dropout": 0.5,
    "model.layers.1.bias_stddev": 0.25,
    "model.layers.1.initializer.reach": 2.5,
    "model.layers.1.rate": 3.5,
    "model.layers.2.size": 3,
    "model.layers.2.activation": "tanh",
    "model.layers.3.units": 21,
    "model.layers.3.activation": "relu",
    "model.layers.3.norm_after_unit": False,
    "model.layers.3.norm_noise": False,
    "model.layers.3.dropout": 0.5,
    "model.layers.3.bias_stddev": 0.25,
    "model.layers.3.initializer.rule": "glorot",
    "model.layers.3.initializer.distribution": "normal",
    "model.layers.3.rate": 3.5,
    "model.layers.4.units": 11,
    "model.layers.4.bias_stddev": 0.25,
    "model.layers.4.initializer.rule": "he",
    "model.layers.4.initializer.distribution": "uniform",
    "model.layers.4.rate": 3.5,
    "train.loss": "cross_entropy",
    "train.learning_rate": 0.02,
    "train.schedule.0": 0.9,
    "train.schedule.1": 0.2,
    "train.momentum": 0.0,
    "train.weight_decay": 0.002,
    "train.bias_rate": 3.0,
    "train.batch_size": 51,
    "train.epochs": 8,
    "train.evaluations_per_epoch": 3,
    "train.evaluation_size": 1001,
    "train.test_curve": False,
    "train.target_train_error": 0.2,
    "seeds.init": 6,
    "seeds.order": 5,
    "seeds.noise": 8,
    "probes.0": "saturation",
    "probes.1": "equivariance",
}
# Fields that cannot change alone.
LOGITS = dict.fromkeys(("activation", *NOISY), "the logits are linear")
BOUND = {
    "model.layers.0.table": "weights that are not shared have no table",
    "model.layers.1.maps": "the table has a row a map",
    "model.layers.1.shared": "a table needs shared weights",
    "train.optimizer": "Adam has no momentum",
}
BOUND |= {f"model.layers.{i}.kind": "another kind has other fields" for i in range(5)}
BOUND |= {f"model.layers.{i}.initializer.kind": "another kind has other fields" for i in (0, 1, 3, 4)}
BOUND |= {f"model.layers.{i}.batch_norm": "without it there is no noisy one" for i in (0, 1, 3)}
BOUND |= {f"model.layers.4.{name}": why for name, why in LOGITS.items()}


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
initializers = (
    st.builds(Normal, stddev=rates)
    | st.builds(
        VarianceScaled,
        rule=st.sampled_from(["he", "glorot", "lecun", "standard", "fan_out"]),
        distribution=st.sampled_from(["normal", "uniform"]),
    )
    | st.just(Zeros())
    | st.builds(FanUniform, reach=rates)
)
normalized = st.sampled_from(
    [
        {},
        {"batch_norm": True},
        {"batch_norm": True, "norm_after_unit": True},
        {"batch_norm": True, "norm_noise": True},
    ]
)
dropouts = st.just(0.0) | st.floats(0, 0.99)
pools = st.builds(
    Pool,
    reduce=st.sampled_from(["max", "average"]),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    before_unit=st.booleans(),
)
convs = st.builds(
    lambda norm, **fields: Conv(**fields, **norm),
    normalized,
    maps=positive,
    field=st.integers(1, 7),
    stride=st.integers(1, 3),
    shared=st.booleans(),
    activation=st.none() | activations,
    pool=st.none() | pools,
    dropout=dropouts,
    initializer=initializers,
    rate=rates,
)
denses = st.builds(
    lambda norm, **fields: Dense(**fields, **norm),
    normalized,
    units=positive,
    activation=st.none() | activations,
    dropout=dropouts,
    initializer=initializers,
    rate=rates,
)
subsamples = st.builds(Subsample, size=st.just(1), activation=st.none() | activations)
models = st.builds(
    lambda shape, hidden, flat, classes: ModelSpec(
        input_shape=shape, layers=(*hidden, *flat, Dense(units=classes, activation=None))
    ),
    st.tuples(positive, positive, st.integers(1, 4)),
    st.lists(convs | subsamples, max_size=3),
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
        scaling=st.sampled_from(["standardized", "mean_subtracted", "unit"]),
        subset_seed=st.integers(0, 2**70),
        displaced=st.integers(0, 3),
    ),
    model=models,
    train=st.builds(
        TrainSpec,
        learning_rate=rates,
        momentum=st.floats(0, 0.99),
        bias_rate=rates,
        batch_size=st.integers(1, 100),
        epochs=positive,
        target_train_error=st.none() | st.floats(0, 0.99),
    ),
    seeds=st.builds(Seeds, init=st.integers(0, 2**70), order=st.integers(0, 2**40)),
    probes=st.sampled_from([(), ("gradients",), ("saturation", "filters"), get_args(ProbeName)[:5]]),
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
        "model.layers.0.table",
        "model.layers.1.shared",
        "model.layers.1.pool",
        "model.layers.4.initializer.kind",
        "model.layers.4.initializer.rule",
        "model.layers.4.initializer.distribution",
        "model.layers.4.rate",
    }
    at_default |= {f"model.layers.4.{name}" for name in NOISY}
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
    *(f"model.layers.{i}.bias_stddev" for i in (0, 1, 3, 4)),
    "data.validation_size",
    "data.subset_seed",
    "data.crop",
    "data.block_seed",
    "data.displaced",
    "model.layers.0.dropout",
    "model.layers.1.dropout",
    "model.layers.1.table.0.0",
    "model.layers.1.table.1.0",
    "model.layers.3.dropout",
    "train.momentum",
    "train.weight_decay",
    "train.target_train_error",
    "seeds.init",
    "seeds.order",
    "seeds.noise",
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
        ("model.layers.3.initializer.rule", "xavier", "glorot"),
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
        ((Dense(units=4), Conv(maps=4, field=3)), r"layer 2 \(conv\): it cannot follow a layer without feature maps"),
        (
            (Conv(maps=4, field=3), GlobalAverage(), Dense(units=4), Subsample()),
            r"layer 4 \(subsample\): it cannot follow a layer without feature maps",
        ),
        ((Conv(maps=4, field=3), Subsample(size=3)), r"layer 2 \(subsample\): squares of 3 pixels do not tile"),
        ((Conv(maps=1, field=3, table=((1,),)),), "names an input map beyond the 1 there are"),
        ((Conv(maps=4, field=17, padding="reflect"),), r"layer 1 \(conv 17x17\).*8 pixels is too small to be mirrored"),
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
    "last",
    [
        Conv(maps=10, field=3, activation=None),
        Dense(units=10),
        Dense(units=10, activation="tanh"),
        Dense(units=10, activation=None, batch_norm=True),
        Dense(units=10, activation=None, dropout=0.5),
        Subsample(activation=None),
    ],
)
def test_the_last_layer_must_give_logits(last):
    with pytest.raises(pydantic.ValidationError, match="the last layer must give the logits"):
        ModelSpec(input_shape=(8, 8, 1), layers=(Conv(maps=4, field=3), last))


def test_radial_basis_functions_are_the_last_layer_over_84_units():
    assert ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=84), RadialBasis())).classes == 10
    with pytest.raises(
        pydantic.ValidationError, match=r"layer 2 \(radial_basis\): it needs 84 units below it, not \(85,\)"
    ):
        ModelSpec(input_shape=(8, 8, 1), layers=(Dense(units=85), RadialBasis()))
    with pytest.raises(pydantic.ValidationError, match="they can only be the last layer"):
        logits(Dense(units=84), RadialBasis())


def test_a_global_average_gives_a_logit_a_map():
    model = ModelSpec(input_shape=(8, 6, 1), layers=(Conv(maps=7, field=3), GlobalAverage()))
    assert model.shapes() == [(8, 6, 7), (7,)]
    assert model.classes == 7


@pytest.mark.parametrize("kind", [Conv, Dense])
@pytest.mark.parametrize("switch", ["norm_after_unit", "norm_noise"])
def test_options_of_batch_normalization_need_it(kind, switch):
    sizes = {"maps": 1, "field": 1} if kind is Conv else {"units": 1}
    with pytest.raises(pydantic.ValidationError, match="options of batch_norm: set it to true"):
        kind(**sizes, **{switch: True})
    assert getattr(kind(**sizes, batch_norm=True, **{switch: True}), switch)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"table": ((0,),)}, "1 rows for 2 maps"),
        ({"table": ((0,), ())}, "names different input maps"),
        ({"table": ((0,), (1, 1))}, "names different input maps"),
        ({"table": ((0,), (-1,))}, "counted from 0"),
        ({"table": ((0,), (1,)), "shared": False}, "needs shared weights"),
        ({"padding": "reflect", "shared": False}, "padding must be same or valid"),
    ],
)
def test_connections_that_cannot_be_are_refused(fields, complaint):
    with pytest.raises(pydantic.ValidationError, match=complaint):
        Conv(maps=2, field=1, **fields)


@pytest.mark.parametrize(
    ("stored", "fields", "shape"),
    [
        ((32, 30, 3), {}, (32, 30, 3)),
        ((32, 30, 3), {"crop": 2}, (28, 26, 3)),
        ((32, 30, 3), {"crop": 2, "side": 8}, (8, 8, 3)),
        ((28, 28, 1), {"side": 8, "canvas": 16, "placement": "random"}, (16, 16, 1)),
        ((28, 28, 1), {"canvas": 32, "block": 8}, (32, 32, 1)),
    ],
)
def test_the_shape_of_prepared_images(stored, fields, shape):
    assert (
        RUN.data.but(crop=0, side=None, canvas=None, placement="center", block=None).but(**fields).image_shape(stored)
        == shape
    )


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"crop": 14}, "a crop of 14 leaves nothing of images of 28x28"),
        ({"canvas": 27}, "28x28 pixels do not fit on a canvas of 27"),
        ({"block": 8}, "blocks of 8 pixels do not tile images of 28x28"),
    ],
)
def test_images_that_cannot_be_prepared(fields, complaint):
    data = DataSpec(name="mnist", content="0" * 64, **fields)
    with pytest.raises(ValueError, match=complaint):
        data.image_shape((28, 28, 1))


def test_a_random_place_needs_a_canvas():
    with pytest.raises(pydantic.ValidationError, match="a random placement needs a canvas"):
        RUN.data.but(canvas=None)


# --- probes and noise ---


@pytest.mark.parametrize("probes", [("filters", "gradients"), ("gradients", "gradients")])
def test_probes_have_one_order(probes):
    with pytest.raises(
        pydantic.ValidationError, match="probes must be different and in the order gradients, saturation"
    ):
        RUN.but(probes=probes)


def test_the_border_is_measured_on_images_placed_at_random():
    data = RUN.data.but(block=None)
    assert RUN.but(probes=("border",), data=data).probes == ("border",)
    for other in (data.but(placement="center"), data.but(block=4)):
        with pytest.raises(pydantic.ValidationError, match="border needs images that are placed at random"):
            RUN.but(probes=("border",), data=other)


def test_a_network_without_noise_has_no_noise_seed():
    still = logits(Dense(units=4))
    assert not still.stochastic
    assert Seeds.of(7, still) == Seeds(init=7, order=7, noise=0)
    with pytest.raises(pydantic.ValidationError, match="noise seed must be 0"):
        RUN.but(model=still)
    for layer in (Dense(units=4, dropout=0.1), Conv(maps=1, field=1, batch_norm=True, norm_noise=True)):
        assert logits(layer).stochastic
        assert Seeds.of(7, logits(layer)) == Seeds(init=7, order=7, noise=7)


# --- checks ---


def test_the_key_of_a_check_stands_for_its_name_and_version():
    assert CheckSpec(check="sizes").key == digest({"check": "sizes", "version": 1})[:16]
    keys = {spec.key for spec in (CheckSpec(check="a"), CheckSpec(check="b"), CheckSpec(check="a", version=2))}
    assert len(keys) == 3


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
    run = RUN.but(data=RUN.data.but(displaced=0), train=RUN.train.but(evaluations_per_epoch=1))
    with pytest.raises(InputError, match=complaint):
        RunSpec.parse(with_leaf(run, place, value))
    largest = RunSpec.parse(with_leaf(run, place, value - 1))
    assert leaves(json.loads(largest.model_dump_json()))[place] == value - 1


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("train.batch_size", 10_001, "batch_size 10001 is larger than the 10000"),
        ("train.evaluation_size", 10_001, "evaluation_size 10001 is larger than the 10000"),
        ("train.evaluations_per_epoch", 201, "201 evaluations an epoch, but only 200 steps"),
    ],
)
def test_displaced_copies_count_among_the_training_examples(place, value, complaint):
    run = RUN.but(train=RUN.train.but(evaluations_per_epoch=1))
    with pytest.raises(InputError, match=complaint):
        RunSpec.parse(with_leaf(run, place, value))
    RunSpec.parse(with_leaf(run, place, value - 1))


def test_an_epoch_on_displaced_images_has_five_times_as_many():
    some, every = RUN.data, RUN.data.but(train_size=None)
    assert (some.drawn(60_000), every.drawn(60_000)) == (2000, 59_900)
    assert (some.examples(60_000), every.examples(60_000)) == (10_000, 299_500)
    assert (some.but(displaced=0).examples(60_000), every.but(displaced=0).examples(60_000)) == (2000, 59_900)


def test_without_displaced_copies_a_run_is_what_it_was():
    plain = RUN.but(data=RUN.data.but(displaced=0))
    assert "displaced" not in plain.canonical()["data"]
    assert RUN.canonical()["data"] == plain.canonical()["data"] | {"displaced": 2}


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
        seeds=Seeds(init=1, order=1),
    )
    assert run.key == "7f14d1fd0cfd603f"
    assert RUN.key == "f699aae313c02b05"


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
        "no unit": first.but(activation=None),
        "no pooling": first.but(pool=None),
        "no batch normalization": first.but(batch_norm=False, norm_after_unit=False, norm_noise=False),
    }
    networks = [(layer, *others) for layer in shapes.values()]
    networks += [(Dense(units=8), *others[2:]), (GlobalAverage(), *others[2:]), others[2:]]
    networks += [(first, others[0].but(table=None), *others[1:])]
    runs = [RUN, sgd, adam, RUN.but(probes=())]
    runs += [RUN.but(model=RUN.model.but(layers=tuple(layers))) for layers in networks]
    assert len({run.key for run in runs}) == len(runs)


def test_the_order_of_the_layers_changes_the_key():
    one, two = (logits(Dense(units=a, dropout=0.1), Dense(units=b, dropout=0.1)) for a, b in ((3, 4), (4, 3)))
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
        averaging: float = 0.0
        pooling: Pool | None = None

    options = RUN.train.model_dump()
    assert Extended(**options).canonical() == RUN.train.canonical()
    changed = Extended(**options, averaging=0.1).canonical()
    assert changed == RUN.train.canonical() | {"averaging": 0.1}


def test_key_is_the_digest_of_the_canonical_form_with_the_semantics(monkeypatch):
    assert RUN.key == digest({"semantics": SEMANTICS, "run": RUN.canonical()})[:16]
    monkeypatch.setattr("cnn_study.spec.SEMANTICS", SEMANTICS + 1)
    assert RUN.but().key == digest({"semantics": SEMANTICS + 1, "run": RUN.canonical()})[:16] != RUN.key


def test_digest_is_that_of_sorted_json_in_ascii():
    # echo -n '{"a":[1,"\u00e9"],"b":null}' | sha256sum
    expected = "e6ad993c7a569e941cdd65aa57c817cb74d20d9877b15dfc8cc0ac151c74785d"
    assert digest({"b": None, "a": [1, "é"]}) == expected


# --- programs ---

GIVEN = {
    "train.learning_rate",
    "train.schedule.0",
    "train.schedule.1",
    "train.test_curve",
    "train.epochs",
    "train.evaluations_per_epoch",
    "train.evaluation_size",
    "train.target_train_error",
}
"""What a compiled program is given as numbers."""


@pytest.mark.parametrize("place", CHANGES)
def test_runs_share_a_program_unless_network_or_optimizer_differ(place):
    shared = RunSpec.parse(with_leaf(RUN, place, CHANGES[place])).program.key == RUN.program.key
    assert shared == (place in GIVEN or place.split(".")[0] in ("data", "seeds", "probes"))


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
        RUN.but(data=RUN.data.but(train_size=49, displaced=0))


def test_but_does_not_carry_the_key_over():
    run = RUN.but()
    before = run.key
    changed = run.but(seeds=Seeds(init=99))
    assert changed.key != before
    assert changed.but(seeds=run.seeds).key == before


def test_a_run_whose_key_was_asked_for_is_the_same_run():
    fresh, asked = RUN.but(), RUN.but()
    assert asked.key
    assert asked == fresh
    assert hash(asked) == hash(fresh)
    assert asked.model_dump_json() == fresh.model_dump_json()
    assert pickle.loads(pickle.dumps(asked)) == fresh  # noqa: S301 - our own bytes


def test_weights_are_initialized_by_glorots_rule_unless_told_otherwise():
    assert Conv(maps=1, field=1).initializer == Dense(units=1).initializer == GLOROT == VarianceScaled(rule="glorot")


# --- the name that was meant ---


@pytest.mark.parametrize(
    ("place", "value", "meant"),
    [
        ("train.optimizer", "sdg", "sgd"),
        ("data.scaling", "Standardised", "standardized"),
        ("model.layers.0.activation", "TANH", "tanh"),
        ("model.layers.0.padding", "vaild", "valid"),
        ("model.layers.0.kind", "convv", "conv"),
        ("model.layers.0.pool.reduce", "avg", "average"),
        ("model.layers.1.initializer.kind", "uniform", "fan_uniform"),
        ("probes.0", "gradient", "gradients"),
    ],
)
def test_a_value_that_is_unknown_is_told_with_the_nearest(place, value, meant):
    with pytest.raises(InputError, match=rf"did you mean '{meant}'\?"):
        RunSpec.parse(with_leaf(RUN, place, value))


@pytest.mark.parametrize(
    ("place", "wrong", "meant"),
    [
        ((), "trian", "train"),
        (("train",), "learning_rates", "learning_rate"),
        (("data",), "blok", "block"),
        (("seeds",), "nois", "noise"),
        (("model", "layers", 0), "strides", "stride"),
        (("model", "layers", 0, "pool"), "sise", "size"),
        (("model", "layers", 0, "initializer"), "std_dev", "stddev"),
        (("model", "layers", 3), "unit", "units"),
    ],
)
def test_a_field_that_is_unknown_is_told_with_the_nearest_of_its_place(place, wrong, meant):
    root = part = json.loads(RUN.model_dump_json())
    for key in place:
        part = part[key]
    part[wrong] = 1
    with pytest.raises(
        InputError, match=rf"\.?{wrong}: Extra inputs are not permitted \(got 1; did you mean '{meant}'"
    ):
        RunSpec.parse(json.dumps(root))


def test_long_values_and_many_complaints_are_shortened():
    layers = [{"kind": "dense", "units": "x" * 1000, "y" * 1000: 1}] * 50
    with pytest.raises(InputError, match=r"; and \d+ more$") as raised:
        ModelSpec.parse(json.dumps({"input_shape": [8, 8, 1], "layers": layers}))
    assert len(str(raised.value)) < 5000


@pytest.mark.parametrize(
    "place", ["train.epochs", "train.batch_size", "data.crop", "model.layers.0.maps", "model.layers.0.field"]
)
def test_sizes_beyond_32_bits_are_refused(place):
    with pytest.raises(InputError, match=f"{place.split('.')[-1]}: Input should be less than or equal to 2147483647"):
        RunSpec.parse(with_leaf(RUN, place, 2**31))


def test_seeds_beyond_128_bits_are_refused():
    assert RunSpec.parse(with_leaf(RUN, "seeds.init", 2**128 - 1)).key
    for seed in (2**128, 10**4000):
        with pytest.raises(InputError, match="init: Input should be less than"):
            RunSpec.parse(with_leaf(RUN, "seeds.init", seed))
    with pytest.raises(pydantic.ValidationError) as raised:
        Seeds(init=10**5000)
    assert "too long to be written" in one_line(raised.value)
