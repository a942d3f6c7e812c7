import pytest

from cnn_study.data import registry
from cnn_study.data.registry import DATASETS
from cnn_study.experiment import Setting, TimeToTrainError
from cnn_study.models.architectures import dense_net
from cnn_study.models.complexity import macs, parameters
from cnn_study.page import SMOKE, Sizes, Workbench, ablation

QUICK = Sizes(
    dataset="mnist",
    train_size=2000,
    validation_size=1000,
    test_size=2000,
    batch_size=20,
    epochs=5,
    evaluations=2,
    evaluation_size=500,
    seeds=3,
    rates=(0.01, 0.02, 0.04),
)
DIGITS = DATASETS["digits"]
AT = Workbench(Setting("quick"), QUICK)
ON_DIGITS = Workbench(Setting("quick", DIGITS), QUICK)


def test_the_images_are_those_of_the_sizes():
    data = AT.data
    assert (data.name, data.train_size, data.validation_size, data.test_size) == ("mnist", 2000, 1000, 2000)
    assert data.content == registry.get("mnist").digest
    assert AT.but(train_size=500).data.train_size == 500


def test_images_in_the_place_of_others_never_have_to_give_more_than_there_are():
    data = ON_DIGITS.data
    images = DIGITS.arrays["x_train"].shape[0]
    assert data.validation_size == images // 5
    assert data.train_size == images - images // 5
    assert data.test_size == DIGITS.arrays["x_test"].shape[0]


def test_images_in_the_place_of_others_take_that_of_every_data_set():
    assert AT.but(dataset="cifar10").data.name == "cifar10"
    assert ON_DIGITS.but(dataset="cifar10").data.name == "digits"


def test_numbers_of_images_are_asked_for_once_however_few_there_are():
    assert [here.amount for here in AT.with_images(500, 2000)] == ["500 images", "2,000 images"]
    there = DIGITS.arrays["x_train"].shape[0]
    few = ON_DIGITS.with_images(500, 5000, 60_000)
    assert [here.examples for here in few] == [500, there - there // 5]


def test_the_training_is_that_of_the_sizes():
    train = AT.train(momentum=0.5)
    assert (train.batch_size, train.epochs, train.evaluations_per_epoch, train.evaluation_size) == (20, 5, 2, 500)
    assert train.learning_rate == 0.02
    assert train.momentum == 0.5
    assert AT.train().momentum == 0.9


def test_a_few_images_are_not_evaluated_more_often_than_there_are_steps_nor_more_of_them():
    train = AT.but(train_size=30).train()
    assert train.evaluation_size is None
    assert train.evaluations_per_epoch == 1


def test_shapes_are_those_after_the_geometry():
    assert AT.shape == (28, 28, 1)
    assert AT.but(crop=4, side=10, canvas=30).shape == (30, 30, 1)
    assert AT.classes == 10


def test_networks_are_for_the_images():
    model = AT.but(canvas=32).network(dense_net, "relu", hidden=(7,))
    assert model.input_shape == (32, 32, 1)
    assert model.classes == 10


@pytest.mark.parametrize(("cost", "count"), [("parameters", parameters), ("macs", macs)])
def test_networks_are_matched_to_a_percent_and_tiny_ones_to_a_fifth(cost, count):
    target = AT.network(dense_net, "relu", hidden=(64,))
    found = AT.matched(lambda units: AT.network(dense_net, "relu", hidden=(units, units)), target, cost)
    assert count(found) == pytest.approx(count(target), rel=0.01)
    assert (AT.tolerance, ON_DIGITS.tolerance, Workbench(Setting("smoke"), SMOKE).tolerance) == (0.01, 0.2, 0.2)


def test_an_arm_with_a_rate_of_its_own_is_not_tuned():
    model = AT.network(dense_net, "relu", hidden=(7,))
    tuned = AT.arm("a", model, condition="c")
    assert (tuned.label, tuned.tuned) == ("a", True)
    fixed = AT.arm("a", model, condition="c", rate=0.5, epochs=2)
    assert (fixed.tuned, fixed.train.learning_rate, fixed.train.epochs) == (False, 0.5, 2)


def test_an_arm_on_all_images_holds_the_validation_images_out_for_its_search_alone():
    arm = AT.arm("a", AT.network(dense_net, "relu", hidden=(7,)), condition="c", on_all=True)
    assert (arm.data.validation_size, arm.held_out, arm.validated) == (0, 1000, True)


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_a_page_chooses_by_profile(profile):
    assert Workbench(Setting(profile), QUICK).choose(smoke="smoke", quick="quick", full="full") == profile


def _page(sizes):
    @ablation("A page", claims=(), smoke=sizes, quick=sizes, full=sizes, tune=TimeToTrainError(0.25))
    def page(at):
        yield at.arm("a", at.network(dense_net, "relu", hidden=(7,)), condition="c")

    return page


@pytest.mark.parametrize(
    ("sizes", "images", "text"),
    [
        (QUICK, None, "2,000 of the 60,000 training images of MNIST"),
        (QUICK, DIGITS, "the data set digits in the place of MNIST"),
        (QUICK.but(train_size=None), None, ""),
        (SMOKE, None, "a trial run on a handful of images"),
        (SMOKE, DATASETS["mnist"], "a trial run on a handful of images, the data set mnist in the place of Digits"),
    ],
)
def test_whatever_is_not_the_published_setting_says_so(sizes, images, text):
    assert _page(sizes).at("quick", images).proxy == text


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((500, 1000, 2000), "500, 1,000 or 2,000 of the 60,000 training images of MNIST"),
        ((1000, 2000), "1,000 or 2,000 of the 60,000 training images of MNIST"),
        ((1000, 60_000 - 1000), ""),  # 1,000 are held out.
        ((1000, None), ""),  # An arm with all images is there for what was published.
    ],
)
def test_arms_with_numbers_of_images_of_their_own_count(sizes, text):
    @ablation(
        "A page", claims=(), smoke=SMOKE, quick=QUICK, full=QUICK.but(train_size=None), tune=TimeToTrainError(0.25)
    )
    def page(at):
        for number in sizes:
            here = at.but(train_size=number)
            yield here.arm(f"{number} images", here.network(dense_net, "relu", hidden=(7,)), condition="c")

    assert page.at("full").proxy == text


def test_the_name_of_a_page_is_that_of_its_function_and_its_seeds_are_fresh():
    page = _page(QUICK)
    assert page.name == "page"
    assert page.at("full").seeds == (101, 102, 103)


def test_a_page_without_sizes_for_a_profile_takes_those_below():
    @ablation("A page", claims=(), quick=QUICK, tune=TimeToTrainError(0.25))
    def page(at):
        yield at.arm("a", at.network(dense_net, "relu", hidden=(7,)), condition="c")

    assert [page.at(profile).arms[0].data.name for profile in ("smoke", "quick", "full")] == [
        "digits",
        "mnist",
        "mnist",
    ]
