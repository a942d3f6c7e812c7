"""Plain Keras: a user's first attempt, with ``compile`` and ``fit``; on the backend that the environment names."""

from benchmarks.networks import HIDDEN, IMAGES, LEARNING_RATE, MOMENTUM, NETWORKS, SHAPE, random_images
from benchmarks.processes import BATCH, Train
from cnn_study.models.complexity import parameters


def prepare(network: str, jit_compile: bool | str = "auto") -> Train:
    """Layers in a row, compiled with Keras's defaults or with ``jit_compile`` as given."""
    import keras

    x, y = random_images()
    x = (x.astype("float32") - 128) / 64
    model = keras.Sequential([keras.layers.Input(SHAPE), *_layers(network)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=jit_compile)
    assert model.count_params() == parameters(NETWORKS[network])  # noqa: S101 - the networks must be the same

    def train(images: int) -> float:
        epochs = max(1, round(images / IMAGES))
        shown = min(images, IMAGES)
        model.fit(x[:shown], y[:shown], batch_size=BATCH, epochs=epochs, verbose=0)
        return epochs * shown

    return train


def _layers(network: str) -> list:
    import keras

    layers = keras.layers
    if network == "dense":
        hidden = [layers.Dense(units, activation="relu") for units in HIDDEN]
        return [layers.Flatten(), *hidden, layers.Dense(10)]
    return [
        layers.Conv2D(32, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(3, 2, padding="same"),
        layers.Conv2D(32, 5, padding="same", activation="relu"),
        layers.AveragePooling2D(3, 2, padding="same"),
        layers.Conv2D(64, 5, padding="same", activation="relu"),
        layers.AveragePooling2D(3, 2, padding="same"),
        layers.Flatten(),
        layers.Dense(10),
    ]
