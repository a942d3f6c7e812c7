"""What no machine has room for is refused before anything is trained, with the estimate."""

from dataclasses import replace

import keras
import pytest
from conftest import made_up_arm, made_up_design

from cnn_study.errors import InputError
from cnn_study.execution.suite import check_memory
from cnn_study.models.architectures import dense_net
from cnn_study.models.complexity import memory
from cnn_study.models.factory import build_model
from cnn_study.spec import Conv, Dense, GlobalAverage, ModelSpec, Pool, ProgramSpec, TrainSpec
from cnn_study.training import trainer
from cnn_study.training.trainer import Program

CONV = ModelSpec(
    input_shape=(8, 8, 3),
    layers=(
        Conv(maps=4, field=3, batch_norm=True, pool=Pool(reduce="max")),
        Conv(maps=5, field=3, padding="valid", shared=False),
        GlobalAverage(),
        Dense(units=10, activation=None),
    ),
)
SGD = TrainSpec(learning_rate=0.1, epochs=1, batch_size=20)
BILLION = 10**9


def absurd(arm):
    return replace(arm, model=dense_net("tanh", hidden=(BILLION,), input_shape=(8, 8, 1)))


@pytest.mark.parametrize(
    ("train", "optimizer"),
    [
        (SGD, keras.optimizers.SGD(0.1)),
        (SGD.but(momentum=0.9), keras.optimizers.SGD(0.1, momentum=0.9)),
        (SGD.but(optimizer="adam"), keras.optimizers.Adam(0.1)),
    ],
)
def test_what_the_optimizer_keeps_is_what_keras_keeps(train, optimizer):
    model = build_model(CONV)
    optimizer.build(model.trainable_variables)
    kept = [variable for variable in optimizer.variables if len(variable.shape)]
    numbers = sum(variable.numpy().size for variable in (*2 * model.trainable_variables, *kept))
    assert memory(CONV, train).parameters == 4 * numbers


def test_activations_are_what_the_layers_give():
    numbers = 8 * 8 * 3 + 8 * 8 * 4 + 4 * 4 * 4 + 2 * 2 * 5 + 5 + 10
    assert memory(CONV, SGD).activations == 4 * 20 * numbers
    assert memory(CONV, SGD, images=7).images == 7 * 8 * 8 * 3


def test_a_design_with_an_arm_that_needs_terabytes_is_refused_with_the_estimate():
    design = made_up_design()
    check_memory([design], BILLION)
    design = replace(design, arms=(*design.arms[:-1], absurd(design.arms[-1])))
    with pytest.raises(InputError) as raised:
        check_memory([design], 8 * BILLION)
    # 64 weights and a bias for every unit, 10 weights to the classes; with gradients, 4 bytes each. A batch of 10.
    assert str(raised.value) == (
        "the arm 'tanh, other' needs at least 640 GB of memory (600 GB for parameters, gradients and optimizer, "
        "40 GB for a batch of 10, 6.4 kB for the images), and there are 8.0 GB: "
        "choose fewer maps or units, or smaller fields"
    )


@pytest.mark.parametrize(
    ("arm", "remedy"),
    [
        (absurd(made_up_arm("relu")), "fewer maps or units, or smaller fields"),
        (
            replace(
                made_up_arm("relu"),
                data=made_up_arm("relu").data.but(train_size=None),
                train=SGD.but(batch_size=BILLION),
            ),
            "a smaller batch",
        ),
        (
            replace(made_up_arm("relu"), data=made_up_arm("relu").data.but(train_size=BILLION)),
            "fewer or smaller images",
        ),
    ],
)
def test_the_remedy_is_about_what_takes_most(arm, remedy):
    with pytest.raises(InputError, match=remedy):
        check_memory([replace(made_up_design(), arms=(arm,), rules=())], BILLION)


def test_displaced_copies_need_room_for_five_times_as_many_images():
    arm = made_up_arm("relu")
    arm = replace(arm, data=arm.data.but(train_size=10**6))
    check_memory([replace(made_up_design(), arms=(arm,), rules=())], 10**8)
    arm = replace(arm, data=arm.data.but(displaced=1))
    with pytest.raises(InputError, match="320 MB for the images"):
        check_memory([replace(made_up_design(), arms=(arm,), rules=())], 10**8)


def test_a_program_is_not_built_where_there_is_no_room(monkeypatch):
    monkeypatch.setattr(trainer, "build_model", lambda *_: pytest.fail("the network was built"))
    monkeypatch.setattr(trainer, "memory", lambda: 8 * BILLION)
    with pytest.raises(InputError, match=r"the network needs at least 680 GB .* there are 8\.0 GB"):
        Program(ProgramSpec(model=absurd(made_up_arm("relu")).model, train=SGD))
