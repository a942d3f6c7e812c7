"""The parts of a built network that probes look at: what belongs to which layer of its spec."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnn_study import layer_api

WEIGHTED = ("conv", "local", "dense", "subsample")
"""The beginnings of the names of layers with weights."""


BATCH = 100
"""Number of images in one forward pass over many."""

Prepare = Callable[[np.ndarray], np.ndarray]
"""A function from images ``(examples, height, width, channels)``, uint8, to inputs of the network."""


class Stage(NamedTuple):
    """The Keras layers that :func:`cnn_study.models.factory.build_model` makes for one layer of the spec.

    Attributes:
        name: Its name, as in :class:`cnn_study.models.complexity.LayerCost`, for example ``conv1``.
        weighted: The layer that has the weights.
        unit: The layer that applies the unit; ``None`` for a linear one.
        layers: All, from the input up, with normalization, pooling and dropout.
    """

    name: str
    weighted: keras.layers.Layer
    unit: keras.layers.Layer | None
    layers: tuple[keras.layers.Layer, ...]

    @property
    def unshared_axes(self) -> tuple[int, ...]:
        """The axes of the pre-activations along which those of one and the same unit lie, or of its copies.

        Units of a feature map share their weights and count as one, so that these are the examples and the positions;
        for dense and locally connected layers, the examples.
        """
        return (0, 1, 2) if self.name.startswith(("conv", "subsample")) else (0,)


class Activations(NamedTuple):
    """What a pass through a network leaves behind.

    Attributes:
        logits: The logits, ``(batch, classes)``.
        pre_activations: The inputs of the units of a layer, by the name of the stage; for a linear one, its outputs.
        outputs: The outputs of the units, by the name of the stage; linear stages have none.
    """

    logits: tf.Tensor
    pre_activations: Mapping[str, tf.Tensor]
    outputs: Mapping[str, tf.Tensor]


def stages(model: keras.Model) -> tuple[Stage, ...]:
    """The stages of a network that have weights, from the input up."""
    members: dict[str, list[keras.layers.Layer]] = {}
    for layer in layer_api.chain(model):
        members.setdefault(re.sub(r"\D", "", layer.name), []).append(layer)
    found = []
    for number, layers in members.items():
        kinds = {layer.name.removesuffix(number): layer for layer in layers}
        weighted = next((kinds[kind] for kind in WEIGHTED if kind in kinds), None)
        if weighted is not None:
            found.append(Stage(weighted.name, weighted, kinds.get("unit"), tuple(layers)))
    return tuple(found)


def propagate(
    model: keras.Model,
    images: tf.Tensor,
    *,
    parameters: Mapping[str, Sequence[tf.Tensor]] | None = None,
    training: bool,
) -> Activations:
    """Pass images through a network, which stays as it is, and keep the pre-activations and outputs of its units.

    Args:
        model: The network that images pass through.
        images: Prepared images, ``(batch, height, width, channels)``.
        parameters: The tensors in the place of the trainable variables of a layer, by the layer's name; ``None``: none.
        training: Whether to work as in training, as in :func:`cnn_study.layer_api.call`.
    """
    weighted = {stage.weighted.name: stage.name for stage in stages(model)}
    units = {stage.unit.name: stage.name for stage in stages(model) if stage.unit is not None}
    pre_activations, outputs, x = {}, {}, images
    for layer in layer_api.chain(model):
        if layer.name in units:
            pre_activations[units[layer.name]] = x
        x = layer_api.call(layer, x, parameters=(parameters or {}).get(layer.name), training=training)
        if layer.name in weighted:
            pre_activations[weighted[layer.name]] = x
        if layer.name in units:
            outputs[units[layer.name]] = x
    return Activations(x, pre_activations, outputs)


def outputs(model: keras.Model, prepare: Prepare, images: np.ndarray, names: Collection[str]) -> dict[str, np.ndarray]:
    """The outputs of some layers for many images, in inference mode.

    Args:
        model: The network, which stays as it is.
        prepare: The function from images, uint8, to inputs of the network.
        images: ``(examples, height, width, channels)``, uint8.
        names: Names of the layers whose outputs are wanted.

    Returns:
        By the name of every layer its outputs, ``(examples, ...)``.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for begin in range(0, len(images), BATCH):
        given = layer_api.forward(model, tf.constant(prepare(images[begin : begin + BATCH])))
        for name, part in parts.items():
            part.append(given[name].numpy())
    return {name: np.concatenate(part) for name, part in parts.items()}


def loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The mean cross-entropy, as the training minimizes it."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def loss_gradients(
    model: keras.Model, images: tf.Tensor, labels: tf.Tensor, parameters: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The loss of a network with other weights, and its gradient with respect to them.

    Args:
        model: The network, which stays as it is.
        images: Prepared images, ``(batch, height, width, channels)``.
        labels: Class numbers of the images, ``(batch,)``.
        parameters: The tensors in the place of the network's trainable variables, in their order.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(parameters)
        value = loss(layer_api.call(model, images, parameters=parameters, training=True), labels)
    gradients = tape.gradient([value], list(parameters), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return value, [tf.convert_to_tensor(gradient) for gradient in gradients]
