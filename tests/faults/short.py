"""Two arms with searched rates, many seeds and a check: much to do, nothing to draw."""

from cnn_study.data import registry
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Design,
    Experiment,
    LowestValidationError,
    RateSearch,
    Rule,
    gain,
)
from cnn_study.spec import CheckSpec, DataSpec, Dense, ModelSpec, TrainSpec


def arm(unit):
    layers = (Dense(units=4, activation=unit), Dense(units=10, activation=None))
    return Arm(
        name=unit,
        label=unit,
        condition="plain",
        data=DataSpec(name="digits", content=registry.get("digits").digest, train_size=100, validation_size=100),
        model=ModelSpec(input_shape=(8, 8, 1), layers=layers),
        train=TrainSpec(learning_rate=0.01, batch_size=10, epochs=4),
    )


def design(setting):
    rules = (
        Rule("short-gain", "direction", "plain", gain("relu", "tanh"), low=0),
        Rule("short-sizes", "direction", "all cases", Agreement("output_size")),
    )
    search = RateSearch(LowestValidationError(), (0.005, 0.01, 0.02))
    seeds = tuple(range(1, 11))
    return Design((arm("relu"), arm("tanh")), search, seeds, rules, "a toy", checks=(CheckSpec(check="output_size"),))


CLAIMS = (Claim("short-gain", "Some arm is better."), Claim("short-sizes", "Sizes are as they should be."))
EXPERIMENT = Experiment("short", "A short experiment", CLAIMS, design, ())
