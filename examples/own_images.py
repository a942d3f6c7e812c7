"""An ablation on images of one's own: does a small network tell circles from squares better if its weights are shared?

The images here are drawn, so that the example needs nothing else; yours are a folder with a folder of PNG or JPEG files
for every class. Run it from the project's folder, in seconds:

    cnn-study run examples/own_images.py --profile smoke

Claim: with shared weights the test error is lower. Arms: one convolutional layer, shared or locally connected. Rule:
the interval of the gain lies above 0 points. The images are known by their hash: change one, and the runs are others.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from cnn_study.data.folder import images
from cnn_study.page import LowestValidationError, Plot, Sizes, ablation, claim, direction, gain
from cnn_study.spec import Conv, Dense, ModelSpec, Pool

FOLDER = Path(os.environ.get("OWN_IMAGES") or Path(tempfile.gettempdir()) / "cnn_study_shapes")


def draw_images(folder: Path, number: int = 150, side: int = 24) -> None:
    """Draw gray circles and squares of random size, place and brightness into a folder each."""
    rng = np.random.default_rng(0)
    for kind in ("circle", "square"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for count in range(number):
            image = Image.new("L", (side, side), int(rng.integers(0, 90)))
            size = int(rng.integers(8, 14))
            left, top = (int(place) for place in rng.integers(0, side - size, 2))
            pen = ImageDraw.Draw(image)
            shape = pen.ellipse if kind == "circle" else pen.rectangle
            shape((left, top, left + size, top + size), fill=int(rng.integers(140, 255)))
            image.save(folder / kind / f"{count:03}.png")


if not FOLDER.is_dir():
    draw_images(FOLDER)
IMAGES = images(FOLDER, side=12)


@claim(
    "On drawn circles and squares a network with shared weights has a lower test error than one without.",
    magnitude="no number was published",
    mechanism="these arms do not separate causes",
)
def own_sharing_helps(at):
    """The error falls from local connection to shared weights."""
    yield direction(gain("shared", "local"), above=0)


ALL = Sizes(
    dataset=IMAGES,
    validation_size=40,
    batch_size=10,
    epochs=20,
    seeds=5,
    rates=(0.01, 0.02, 0.04),
)


@ablation(
    "Shared weights on images of one's own",
    claims=(own_sharing_helps,),
    smoke=ALL.but(train_size=160, epochs=12, seeds=4, trial=True),
    quick=ALL,
    full=ALL.but(epochs=40, seeds=10),
    tune=LowestValidationError(),
    figures=(Plot("outcomes", y="test error"), "effects"),
)
def own_images(at):
    """One convolutional layer, shared or locally connected."""
    for name, shared in (("shared", True), ("local", False)):
        yield at.arm(name, at.network(network, shared), condition="one layer")


def network(shared: bool, input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    """One layer of 5x5 fields with pooling, and one output a class."""
    conv = Conv(maps=8, field=5, shared=shared, pool=Pool(reduce="max"))
    return ModelSpec(input_shape=input_shape, layers=(conv, Dense(units=classes, activation=None)))
