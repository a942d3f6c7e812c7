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
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import Arm, Claim, Design, Experiment, Plot, RateSearch, Rule, ValidationError, gain
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

CLAIM = Claim(
    "own-sharing-helps",
    "On drawn circles and squares a network with shared weights has a lower test error than one without.",
    untested={"magnitude": "no number was published", "mechanism": "these arms do not separate causes"},
)
RATES = (0.01, 0.02, 0.04)
SETTINGS = {
    "smoke": Setting(IMAGES.name, 160, 10, epochs=12, seeds=4, rates=RATES, validation_size=40, trial=True),
    "quick": Setting(IMAGES.name, None, 10, epochs=20, seeds=5, rates=RATES, validation_size=40),
    "full": Setting(IMAGES.name, None, 10, epochs=40, seeds=10, rates=RATES, validation_size=40),
}


def design(profile: str, fallback: str | None) -> Design:
    """The two arms at the sizes of a profile."""
    setting = SETTINGS[profile]
    data = setting.data(fallback)
    arms = []
    for name, shared in (("shared", True), ("local", False)):
        conv = Conv(maps=8, field=5, shared=shared, pool=Pool(reduce="max"))
        layers = (conv, Dense(units=classes_of(data), activation=None))
        model = ModelSpec(input_shape=shape_of(data), layers=layers)
        arms.append(Arm(name, name, "one layer", data, model, setting.train()))
    rule = Rule(CLAIM.name, "direction", "one layer", gain("shared", "local"), low=0)
    search = RateSearch(ValidationError(), setting.rates)
    return Design(tuple(arms), search, setting.replicates, (rule,), setting.proxy(fallback))


EXPERIMENT = Experiment(
    name="own_images",
    title="Shared weights on images of one's own",
    claims=(CLAIM,),
    design=design,
    figures=(Plot("outcomes", y="test error"), "effects"),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(__file__)
