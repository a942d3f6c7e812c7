import pytest

from cnn_study.models.architectures import lenet5_1998, lenet5_usual
from cnn_study.models.architectures.lenet import C3_TABLE
from cnn_study.models.complexity import costs, macs, parameters
from cnn_study.spec import Conv, Dense, FanUniform, RadialBasis, Subsample

# LeCun et al. 1998, section II.B: trainable parameters and connections of every layer. The output layer is fixed.
PUBLISHED = {
    "conv1": (156, 122_304, (28, 28, 6)),
    "subsample2": (12, 5_880, (14, 14, 6)),
    "conv3": (1_516, 151_600, (10, 10, 16)),
    "subsample4": (32, 2_000, (5, 5, 16)),
    "conv5": (48_120, 48_120, (1, 1, 120)),
    "dense6": (10_164, 10_164, (84,)),
    "rbf7": (0, 840, (10,)),
}


def test_the_published_counts():
    rows = {row.name: (row.parameters, row.connections, row.output_shape) for row in costs(lenet5_1998())}
    assert rows == PUBLISHED
    assert parameters(lenet5_1998()) == 60_000
    assert sum(row.connections for row in costs(lenet5_1998())) == 340_908


def test_products_and_receptive_fields():
    rows = costs(lenet5_1998())
    assert [row.macs for row in rows] == [117_600, 1_176, 150_000, 400, 48_000, 10_080, 840]
    assert [row.receptive_field for row in rows] == [5, 6, 14, 16, 32, 32, 32]


def test_table_1_of_the_paper():
    """Read off the columns of the table: an X at every map of S2 that a map of C3 is connected to."""
    runs = ["012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125"]
    columns = [*runs, "0134", "1245", "0235", "012345"]
    assert [[int(digit) for digit in column] for column in columns] == [list(row) for row in C3_TABLE]
    # Every map of S2 feeds as many maps of C3 as the others: ten.
    assert [sum(below in row for row in C3_TABLE) for below in range(6)] == [10] * 6


def test_what_else_the_paper_says():
    *hidden, output = lenet5_1998().layers
    assert isinstance(output, RadialBasis)
    assert {layer.activation for layer in hidden} == {"scaled_tanh"}
    weighted = [layer for layer in hidden if isinstance(layer, Conv | Dense)]
    assert {layer.initializer for layer in weighted} == {FanUniform(reach=2.4)}
    assert [layer.size for layer in hidden if isinstance(layer, Subsample)] == [2, 2]


@pytest.mark.parametrize("pool", ["max", "average"])
def test_the_usual_one(pool):
    model = lenet5_usual("relu", pool=pool)
    assert parameters(model) == 61_706
    assert [row.parameters for row in costs(model)] == [156, 2_416, 48_120, 10_164, 850]
    assert macs(model) == 117_600 + 240_000 + 48_000 + 10_080 + 840
    assert [layer.pool and layer.pool.reduce for layer in model.layers[:2]] == [pool, pool]


def test_most_parameters_of_the_published_one_are_in_c5_and_f6():
    rows = {row.name: row for row in costs(lenet5_1998())}
    assert (rows["conv5"].parameters + rows["dense6"].parameters) / 60_000 == pytest.approx(0.9714, abs=5e-5)
