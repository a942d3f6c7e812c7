"""One of this suite's workers."""

from benchmarks.networks import IMAGES, LEARNING_RATE, MOMENTUM, NETWORKS, random_split
from benchmarks.processes import BATCH, Train


def prepare(network: str) -> Train:
    """A compiled program over images in memory, as workers have it."""
    import numpy as np

    from cnn_study.spec import ProgramSpec, Seeds, TrainSpec
    from cnn_study.training.trainer import Program

    train_spec = TrainSpec(learning_rate=LEARNING_RATE, momentum=MOMENTUM, batch_size=BATCH, epochs=1)
    program = Program(ProgramSpec(model=NETWORKS[network], train=train_spec))
    program.reset(random_split(IMAGES, 1), Seeds())

    def train(images: int) -> float:
        program.steps(np.resize(np.arange(IMAGES), images), LEARNING_RATE)
        return images

    return train
