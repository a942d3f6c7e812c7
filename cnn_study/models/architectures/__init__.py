"""The named networks, as functions that return a :class:`~cnn_study.spec.ModelSpec`; none needs TensorFlow."""

from cnn_study.models.architectures.cuda_convnet import (
    deviations_13pct,
    deviations_18pct,
    four_layer_13pct,
    four_layer_18pct,
)
from cnn_study.models.architectures.glorot import glorot_net
from cnn_study.models.architectures.initialization import FAN_SCALED, RECTIFIERS, Initialization
from cnn_study.models.architectures.lenet import SCHEDULE_1998, lenet5_1998, lenet5_usual
from cnn_study.models.architectures.nielsen import LADDER, nielsen_conv_net, nielsen_dense_net, nielsen_ladder
from cnn_study.models.architectures.plain import (
    Kind,
    averaged_net,
    change_hidden,
    deep_conv_net,
    dense_net,
    initialized,
    one_hidden_net,
    padding_net,
)
from cnn_study.models.architectures.pooled import Ingredient, Pooling, full_network, pooling_net

__all__ = [
    "FAN_SCALED",
    "LADDER",
    "RECTIFIERS",
    "SCHEDULE_1998",
    "Ingredient",
    "Initialization",
    "Kind",
    "Pooling",
    "averaged_net",
    "change_hidden",
    "deep_conv_net",
    "dense_net",
    "deviations_13pct",
    "deviations_18pct",
    "four_layer_13pct",
    "four_layer_18pct",
    "full_network",
    "glorot_net",
    "initialized",
    "lenet5_1998",
    "lenet5_usual",
    "nielsen_conv_net",
    "nielsen_dense_net",
    "nielsen_ladder",
    "one_hidden_net",
    "padding_net",
    "pooling_net",
]
