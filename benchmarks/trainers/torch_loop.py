"""Plain PyTorch: the usual loop, over images that lie in memory as they are needed."""

from typing import Any

from benchmarks.networks import HIDDEN, IMAGES, LEARNING_RATE, MOMENTUM, NETWORKS, SHAPE, random_images
from benchmarks.processes import BATCH, Train
from cnn_study.models.complexity import parameters


def prepare(network: str, channels_last: bool = False, compiled: bool = False) -> Train:
    """The network with SGD, in one of two layouts of the images, run as it is or through ``torch.compile``."""
    import torch

    model = torch.nn.Sequential(*_layers(network))
    assert sum(p.numel() for p in model.parameters()) == parameters(NETWORKS[network])  # noqa: S101 - the same network
    layout: Any = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM)
    x, y = random_images()
    images_in_memory = ((torch.from_numpy(x).permute(0, 3, 1, 2).float() - 128) / 64).contiguous(memory_format=layout)
    labels_in_memory = torch.from_numpy(y).long()
    forward: Any = torch.compile(model) if compiled else model
    loss_of = torch.nn.CrossEntropyLoss()

    def train(images: int) -> float:
        order = torch.randperm(IMAGES)
        for step in range(images // BATCH):
            begin = step * BATCH % IMAGES
            index = order[begin : begin + BATCH]
            optimizer.zero_grad()
            loss_of(forward(images_in_memory[index]), labels_in_memory[index]).backward()
            optimizer.step()
        return images // BATCH * BATCH

    return train


def _layers(network: str) -> list:
    from torch import nn

    if network == "dense":
        sizes = (SHAPE[0] * SHAPE[1] * SHAPE[2], *HIDDEN)
        hidden = [part for a, b in zip(sizes, HIDDEN, strict=False) for part in (nn.Linear(a, b), nn.ReLU())]
        return [nn.Flatten(), *hidden, nn.Linear(HIDDEN[-1], 10)]

    def average() -> Any:
        return nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)

    return [
        *(nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)),
        *(nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), average()),
        *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), average()),
        nn.Flatten(),
        nn.Linear(1024, 10),
    ]
